-- What was taken over from another system, and what was erased of people.

-- The commission of a won deal that another system settled before Goodword: it counts towards the partner's volume, and
-- the ledger has nothing of it. NULL: not settled elsewhere.
ALTER TABLE deal ADD COLUMN settled BIGINT CHECK (settled >= 0);

-- Which row of which system became what here, so that the same file again changes nothing.
CREATE TABLE import_row (
    source TEXT {c} NOT NULL,
    -- partners, clients, deals, balances.
    kind TEXT {c} NOT NULL,
    -- What the old system calls it; where it calls it nothing, the hash of what it is known by.
    old_id TEXT {c} NOT NULL,
    -- A partner's identifier, a client's or deal's number.
    new_id TEXT NOT NULL,
    -- The beginning of the SHA-256 of the row, to tell that it has changed over there since. Empty once forgotten.
    fingerprint TEXT NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (source, kind, old_id)
){strict};
CREATE INDEX import_row_new ON import_row (kind, new_id);

-- Files that were uploaded and tried, kept until they are imported or a day has passed.
CREATE TABLE import_upload (
    id TEXT {c} PRIMARY KEY,
    at BIGINT NOT NULL,
    by_id TEXT NOT NULL REFERENCES account (id),
    source TEXT NOT NULL,
    -- A word of a preset, or empty.
    preset TEXT NOT NULL,
    -- SHA-256 of all files: what is imported is what was tried.
    hash TEXT NOT NULL,
    -- What trying them has found, as JSON.
    report TEXT NOT NULL
){strict};

CREATE TABLE import_upload_part (
    upload_id TEXT {c} NOT NULL REFERENCES import_upload (id),
    kind TEXT {c} NOT NULL,
    part BIGINT NOT NULL,
    name TEXT NOT NULL,
    content TEXT NOT NULL,
    PRIMARY KEY (upload_id, kind, part)
){strict};

-- When somebody's personal words were replaced. The row stays, because figures refer to it.
ALTER TABLE partner ADD COLUMN erased_at BIGINT;
-- When the partner asked for that.
ALTER TABLE partner ADD COLUMN erasure_asked_at BIGINT;
CREATE INDEX partner_erasure_asked ON partner (erasure_asked_at) WHERE erasure_asked_at IS NOT NULL;
ALTER TABLE client ADD COLUMN erased_at BIGINT;
