-- Recipient, address and subject in lower case, for the office's search.
ALTER TABLE outbox ADD COLUMN search TEXT NOT NULL DEFAULT '';
