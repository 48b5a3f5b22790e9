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

-- When somebody's personal words were replaced. The row stays, because figures refer to it.
ALTER TABLE partner ADD COLUMN erased_at BIGINT;
-- When the partner asked for that.
ALTER TABLE partner ADD COLUMN erasure_asked_at BIGINT;
CREATE INDEX partner_erasure_asked ON partner (erasure_asked_at) WHERE erasure_asked_at IS NOT NULL;
ALTER TABLE client ADD COLUMN erased_at BIGINT;
