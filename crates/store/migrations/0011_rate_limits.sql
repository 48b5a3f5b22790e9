-- How often somebody has done something lately, over all servers on this database: where no server alone can count it.
-- May be lost in a crash, and is then counted from the beginning.
CREATE {unlogged}TABLE rate_limit (
    -- What is limited, and the hash of whom: of an address, an account.
    key TEXT {c} PRIMARY KEY,
    -- When everything counted so far is forgotten, in microseconds UTC.
    until BIGINT NOT NULL
){strict};
