-- Whom an answer that is kept is about, so that forgetting somebody finds it without reading all of them. NULL in both: kept
-- before this, which ends within the days for which answers are kept.
ALTER TABLE idempotency ADD COLUMN client_number BIGINT;
ALTER TABLE idempotency ADD COLUMN partner_id TEXT;
CREATE INDEX idempotency_client ON idempotency (client_number) WHERE client_number IS NOT NULL;
CREATE INDEX idempotency_partner ON idempotency (partner_id) WHERE partner_id IS NOT NULL;
CREATE INDEX idempotency_unnamed ON idempotency (token_id, key) WHERE client_number IS NULL AND partner_id IS NULL;
