-- Tokens with which other programs of the company work, and what those were answered. Times in microseconds UTC.

-- Each token is an account of its own, of staff but in no role, without a password and with no address: so whatever it
-- did names it, by the references that there are for people, and nobody can sign in as it.
CREATE TABLE api_token (
    id TEXT {c} PRIMARY KEY REFERENCES account (id),
    -- SHA-256 of the token, in hexadecimal: who reads the database can't use it.
    token_hash TEXT NOT NULL UNIQUE,
    -- How the token begins, for people to tell tokens apart.
    hint TEXT NOT NULL,
    -- Words, parted by a space.
    scopes TEXT NOT NULL,
    -- NULL: made on the command line.
    made_by TEXT REFERENCES account (id),
    created_at BIGINT NOT NULL,
    -- NULL: never.
    expires_at BIGINT,
    -- Written once a minute at most.
    last_used_at BIGINT,
    revoked_at BIGINT,
    revoked_by TEXT REFERENCES account (id)
){strict};

-- What a request with a key was answered, written in the transaction of its effect.
CREATE TABLE idempotency (
    -- A token's own: two tokens may use the same key.
    token_id TEXT {c} NOT NULL REFERENCES api_token (id),
    key TEXT {c} NOT NULL,
    -- SHA-256 of what was asked for, in hexadecimal.
    input_hash TEXT NOT NULL,
    status BIGINT NOT NULL,
    body TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (token_id, key)
){strict};
CREATE INDEX idempotency_created ON idempotency (created_at);
