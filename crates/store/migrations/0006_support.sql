-- Support requests, their conversations, and answers to feedback. Times in microseconds UTC.

CREATE TABLE support_ticket (
    number {serial},
    -- The random identifier of the form: sent twice, it makes one request.
    submission TEXT UNIQUE,
    -- NULL: somebody who wasn't signed in, whatever the address says.
    partner_id TEXT REFERENCES partner (id),
    name TEXT NOT NULL,
    -- Where answers go.
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('financial', 'technical')),
    -- The number that it is about, as it was typed; empty for none.
    concerns TEXT NOT NULL,
    -- What the number is, checked to be the partner's own; both NULL for guests, whose numbers nobody checks.
    client_number BIGINT REFERENCES client (number),
    deal_number BIGINT REFERENCES deal (number),
    status TEXT NOT NULL CHECK (status IN ('open', 'answered', 'closed')),
    -- Since when it has this status: an open one has waited since then.
    since BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    answered_at BIGINT,
    answered_by TEXT REFERENCES account (id),
    -- Grows with everything that is said or done, notes apart: whoever answers must have seen the last of it.
    version BIGINT NOT NULL,
    -- Name, address, number and first message in lower case, for searching.
    search TEXT NOT NULL
){strict};
{start support_ticket number 3001}
CREATE INDEX support_ticket_status ON support_ticket (status, since, number);
CREATE INDEX support_ticket_since ON support_ticket (since, number);
CREATE INDEX support_ticket_partner ON support_ticket (partner_id, number);

-- The conversation: what the person wrote, what staff answered, notes of staff, closing and opening again.
CREATE TABLE support_entry (
    id TEXT {c} PRIMARY KEY,
    ticket_number BIGINT NOT NULL REFERENCES support_ticket (number),
    at BIGINT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('person', 'answer', 'note', 'closed', 'reopened')),
    -- NULL: somebody who wasn't signed in.
    author_id TEXT REFERENCES account (id),
    author TEXT NOT NULL,
    message TEXT NOT NULL,
    -- The random identifier of the form: sent twice, it is one reply.
    submission TEXT,
    UNIQUE (ticket_number, submission)
){strict};
CREATE INDEX support_entry_ticket ON support_entry (ticket_number, id);

-- Addresses that lead guests to their request without signing in. Only SHA-256 of the mailed secret is here: from a
-- copy of the database nobody can open a conversation.
CREATE TABLE support_key (
    secret_hash TEXT PRIMARY KEY,
    ticket_number BIGINT NOT NULL REFERENCES support_ticket (number),
    created_at BIGINT NOT NULL
){strict};

ALTER TABLE feedback ADD COLUMN answer TEXT;
ALTER TABLE feedback ADD COLUMN answered_at BIGINT;
ALTER TABLE feedback ADD COLUMN answered_by TEXT REFERENCES account (id);
