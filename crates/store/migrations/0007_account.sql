-- What people do with their own accounts: sessions they can tell apart, devices they have signed in from, a change of
-- the email address under way; and what the last verification found. Times in microseconds UTC.

-- Names a session on pages, where its token's hash has no business. Sessions from before are numbered.
ALTER TABLE session ADD COLUMN id TEXT NOT NULL DEFAULT '';
UPDATE session SET id = numbered.number FROM (
    SELECT token_hash, CAST(ROW_NUMBER() OVER (ORDER BY created_at, token_hash) AS TEXT) AS number FROM session
) AS numbered WHERE numbered.token_hash = session.token_hash;

-- Browsers that an account was used from.
CREATE TABLE device (
    account_id TEXT NOT NULL REFERENCES account (id),
    -- SHA-256 over the account and the browser's secret: it doesn't tell which accounts share a browser.
    device_hash TEXT NOT NULL,
    first_seen_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, device_hash)
){strict};

-- A new email address that both the old and the new one have to agree to.
CREATE TABLE email_change (
    account_id TEXT PRIMARY KEY REFERENCES account (id),
    email TEXT NOT NULL,
    email_key TEXT NOT NULL,
    requested_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- When the old address agreed, and when the new one did.
    released_at BIGINT,
    adopted_at BIGINT
){strict};

-- What the last verification of the ledger and the audit found; one row.
CREATE TABLE verification (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    at BIGINT NOT NULL,
    findings BIGINT NOT NULL,
    -- The first findings, a line each; empty when all is well.
    detail TEXT NOT NULL
){strict};

-- One kind of thing, newest first; the index of single things would have to be sorted for that.
CREATE INDEX audit_kind ON audit (subject, id);
