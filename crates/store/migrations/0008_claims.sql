-- Claims to clients whose link was lost, what such clients are found by, and codes that could not be read.

CREATE TABLE claim (
    number {serial},
    partner_id TEXT NOT NULL REFERENCES partner (id),
    -- The random identifier of the form: sent twice, it is one claim.
    submission TEXT NOT NULL,
    -- What the partner says, word for word.
    client_name TEXT NOT NULL,
    client_contact TEXT NOT NULL,
    -- The UTC day on which the partner sent the client (days since 1970-01-01).
    sent_on BIGINT NOT NULL,
    how TEXT NOT NULL,
    evidence TEXT NOT NULL,
    filed_at BIGINT NOT NULL,
    -- The last UTC day for the ruling, as it was promised when the claim was filed.
    due_on BIGINT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('open', 'accepted', 'rejected', 'withdrawn')),
    -- When staff were told that it is overdue.
    told_at BIGINT,
    decided_at BIGINT,
    decided_by TEXT REFERENCES account (id),
    reason TEXT NOT NULL DEFAULT '',
    -- The client that an accepted claim was about.
    client_number BIGINT REFERENCES client (number),
    UNIQUE (partner_id, submission)
){strict};
{start claim number 4001}
CREATE INDEX claim_partner ON claim (partner_id, number);
CREATE INDEX claim_open ON claim (due_on, number) WHERE status = 'open';
CREATE INDEX claim_status ON claim (status, number);

-- On what evidence a client was given to a partner.
ALTER TABLE attribution ADD COLUMN claim_number BIGINT REFERENCES claim (number);
ALTER TABLE attribution ADD COLUMN evidence TEXT NOT NULL DEFAULT '';

-- What clients are found by when a partner claims one: contacts and name in a form that compares. Computed by the
-- program, which fills in the rows that it finds without.
ALTER TABLE client ADD COLUMN email_key TEXT;
ALTER TABLE client ADD COLUMN phone_key TEXT;
ALTER TABLE client ADD COLUMN telegram_key TEXT;
ALTER TABLE client ADD COLUMN name_key TEXT {c};
CREATE INDEX client_email_key ON client (email_key) WHERE email_key <> '';
CREATE INDEX client_phone_key ON client (phone_key) WHERE phone_key <> '';
CREATE INDEX client_telegram_key ON client (telegram_key) WHERE telegram_key <> '';
CREATE INDEX client_name_key ON client (name_key);
CREATE INDEX client_without_keys ON client (number) WHERE name_key IS NULL;

-- One more kind of event: the deal went to another partner with its client.
CREATE TABLE deal_event_again (
    id TEXT {c} PRIMARY KEY,
    deal_number BIGINT NOT NULL REFERENCES deal (number),
    at BIGINT NOT NULL,
    actor_id TEXT REFERENCES account (id),
    kind TEXT NOT NULL CHECK (kind IN ('created', 'won', 'lost', 'reopened', 'refunded', 'available', 'moved')),
    amount BIGINT,
    reason TEXT
){strict};
INSERT INTO deal_event_again (id, deal_number, at, actor_id, kind, amount, reason)
    SELECT id, deal_number, at, actor_id, kind, amount, reason FROM deal_event;
DROP TABLE deal_event;
ALTER TABLE deal_event_again RENAME TO deal_event;
CREATE INDEX deal_event_deal ON deal_event (deal_number);

-- Codes of links that could not be read: they can be near the code of a partner who claims a client. A bounded number
-- is kept for a bounded time.
CREATE TABLE damaged_code (
    id {serial},
    at BIGINT NOT NULL,
    code TEXT NOT NULL,
    source TEXT NOT NULL
){strict};
CREATE INDEX damaged_code_at ON damaged_code (at);
