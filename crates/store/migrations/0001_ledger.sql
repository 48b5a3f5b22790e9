-- The double-entry ledger. Written by store::ledger::apply alone; transfers and entries are never changed.

-- Four sums for each account. A row comes into being with the account's first transfer.
CREATE TABLE ledger_accounts (
    -- kind:owner:currency
    key TEXT {c} PRIMARY KEY,
    kind TEXT NOT NULL,
    -- The partner, or NULL for the programme's own.
    owner TEXT,
    currency TEXT NOT NULL,
    -- The upper bound keeps every sum of two of them within 64 bits, where SQLite would go on in floats.
    debits_pending BIGINT NOT NULL DEFAULT 0 CHECK (debits_pending BETWEEN 0 AND 2000000000000000000),
    debits_posted BIGINT NOT NULL DEFAULT 0 CHECK (debits_posted BETWEEN 0 AND 2000000000000000000),
    credits_pending BIGINT NOT NULL DEFAULT 0 CHECK (credits_pending BETWEEN 0 AND 2000000000000000000),
    credits_posted BIGINT NOT NULL DEFAULT 0 CHECK (credits_posted BETWEEN 0 AND 2000000000000000000),
    entry_count BIGINT NOT NULL DEFAULT 0 CHECK (entry_count >= 0)
){strict};

-- No foreign keys to the accounts: on PostgreSQL each would lock the account's row once more, before the ordered
-- updates do. `verify` recomputes every account from here.
CREATE TABLE ledger_transfers (
    -- The idempotency key, made from the event.
    key TEXT {c} PRIMARY KEY,
    debit TEXT {c} NOT NULL,
    credit TEXT {c} NOT NULL,
    amount BIGINT NOT NULL CHECK (amount BETWEEN 1 AND 1000000000000000),
    code TEXT NOT NULL,
    phase TEXT NOT NULL CHECK (phase IN ('single', 'pending', 'post', 'void')),
    -- What a post or void resolves. UNIQUE is the rule "resolved at most once".
    pending TEXT {c} UNIQUE REFERENCES ledger_transfers (key),
    -- What a reversal takes back.
    reverses TEXT {c} REFERENCES ledger_transfers (key),
    may_overdraw BIGINT NOT NULL CHECK (may_overdraw IN (0, 1)),
    subject TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    reason TEXT,
    -- The end of the hold period of a pending commission.
    available_at BIGINT,
    at BIGINT NOT NULL,
    CHECK (debit <> credit),
    CHECK ((phase IN ('post', 'void')) = (pending IS NOT NULL)),
    CHECK (reverses IS NULL OR phase = 'single'),
    CHECK (may_overdraw = 0 OR reverses IS NOT NULL)
){strict};

CREATE INDEX ledger_transfers_reverses ON ledger_transfers (reverses) WHERE reverses IS NOT NULL;

-- The statements: two lines for each transfer, one in each account.
CREATE TABLE ledger_entries (
    account TEXT {c} NOT NULL,
    seq BIGINT NOT NULL CHECK (seq > 0),
    transfer TEXT {c} NOT NULL REFERENCES ledger_transfers (key),
    side TEXT NOT NULL CHECK (side IN ('debit', 'credit')),
    amount BIGINT NOT NULL,
    balance_after BIGINT NOT NULL,
    PRIMARY KEY (account, seq)
){strict};
