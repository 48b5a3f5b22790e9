-- What the company's own system calls a client or a deal, so that it finds its own.
ALTER TABLE client ADD COLUMN external_id TEXT;
CREATE UNIQUE INDEX client_external ON client (external_id) WHERE external_id IS NOT NULL;
ALTER TABLE deal ADD COLUMN external_id TEXT;
CREATE UNIQUE INDEX deal_external ON deal (external_id) WHERE external_id IS NOT NULL;
