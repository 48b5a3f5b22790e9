-- Messages to people, who wants which, and the record of what staff did. Times in microseconds UTC.

-- What the office sets beside what it could set before.
ALTER TABLE programme ADD COLUMN claim_days BIGINT NOT NULL DEFAULT 5 CHECK (claim_days BETWEEN 1 AND 60);
-- From this amount on two people must agree to a withdrawal; NULL: never.
ALTER TABLE programme ADD COLUMN approval_from BIGINT DEFAULT 1000000 CHECK (approval_from >= 0);
ALTER TABLE programme ADD COLUMN cooling_hours BIGINT NOT NULL DEFAULT 24 CHECK (cooling_hours BETWEEN 0 AND 720);
-- The account that payment files are paid from.
ALTER TABLE programme ADD COLUMN payer_name TEXT NOT NULL DEFAULT '';
ALTER TABLE programme ADD COLUMN payer_iban TEXT NOT NULL DEFAULT '';
ALTER TABLE programme ADD COLUMN payer_bic TEXT NOT NULL DEFAULT '';
-- The Telegram group in which staff are told what waits.
ALTER TABLE programme ADD COLUMN staff_chat TEXT NOT NULL DEFAULT '';

ALTER TABLE account ADD COLUMN email_confirmed_at BIGINT;
ALTER TABLE account ADD COLUMN language TEXT NOT NULL DEFAULT 'en';

-- One-time addresses again, for more purposes and with what they are about: a new email address, for example.
CREATE TABLE one_time (
    token_hash TEXT PRIMARY KEY,
    purpose TEXT NOT NULL,
    account_id TEXT REFERENCES account (id),
    detail TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
){strict};
INSERT INTO one_time (token_hash, purpose, account_id, detail, created_at, expires_at, used_at)
    SELECT token_hash, purpose, account_id, '', created_at, expires_at, used_at FROM one_time_token;
DROP TABLE one_time_token;
CREATE INDEX one_time_account ON one_time (account_id);

-- A message is written in the transaction of the change that causes it and sent afterwards.
CREATE TABLE outbox (
    id TEXT {c} PRIMARY KEY,
    channel TEXT NOT NULL CHECK (channel IN ('mail', 'telegram')),
    notice TEXT NOT NULL,
    -- Whom it is for; NULL: somebody without an account, or a group.
    account_id TEXT REFERENCES account (id),
    recipient TEXT NOT NULL,
    -- An email address, or the number of a Telegram chat.
    address TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    -- The same for mail programs that show HTML; empty for Telegram.
    html TEXT NOT NULL,
    -- 1: holds a one-time address. Not shown to everybody, and forgotten once it is sent.
    secret BIGINT NOT NULL CHECK (secret IN (0, 1)),
    status TEXT NOT NULL CHECK (status IN ('waiting', 'sent', 'parked', 'dropped')),
    attempts BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    -- When it may be tried (again). While a worker has it: when the worker is taken for dead.
    next_at BIGINT NOT NULL,
    -- The worker that has it.
    claimed_by TEXT,
    done_at BIGINT,
    last_error TEXT NOT NULL DEFAULT ''
){strict};
CREATE INDEX outbox_due ON outbox (channel, next_at) WHERE status = 'waiting';
CREATE INDEX outbox_status ON outbox (status, id);
CREATE INDEX outbox_account ON outbox (account_id, id);

-- Where somebody decided otherwise than the standard.
CREATE TABLE notice_choice (
    account_id TEXT NOT NULL REFERENCES account (id),
    notice TEXT NOT NULL,
    channel TEXT NOT NULL,
    wanted BIGINT NOT NULL CHECK (wanted IN (0, 1)),
    PRIMARY KEY (account_id, notice, channel)
){strict};

CREATE TABLE telegram_link (
    account_id TEXT PRIMARY KEY REFERENCES account (id),
    chat_id TEXT NOT NULL,
    -- What the account is called on Telegram, for its owner to recognise.
    title TEXT NOT NULL,
    linked_at BIGINT NOT NULL,
    -- Why nothing is sent there any more, or empty.
    broken TEXT NOT NULL DEFAULT ''
){strict};

-- Work that one server at a time does.
CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    until BIGINT NOT NULL,
    -- What the work has to remember.
    state TEXT NOT NULL
){strict};

-- Never changed, never deleted. Rows of one chain hold on to each other by their hashes.
CREATE TABLE audit (
    id TEXT {c} PRIMARY KEY,
    chain BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    -- No reference: the record outlives everything.
    actor_id TEXT,
    actor TEXT NOT NULL,
    role TEXT NOT NULL,
    act TEXT NOT NULL,
    subject TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    -- What was and what is, as a JSON list of {"what", "before", "after"}.
    changes TEXT NOT NULL,
    reason TEXT NOT NULL,
    search TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    UNIQUE (chain, seq)
){strict};
CREATE INDEX audit_subject ON audit (subject, subject_id, id);
CREATE INDEX audit_actor ON audit (actor_id, id);

CREATE TABLE audit_chain (
    chain BIGINT PRIMARY KEY,
    length BIGINT NOT NULL,
    head TEXT NOT NULL
){strict};
