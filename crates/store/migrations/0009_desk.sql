-- The withdrawal desk: two people above a limit, batches, payments that came back, adjustments, and wallets that cool
-- after a change. Times in microseconds UTC, money in minor units.

-- When this address was entered, and from when it may be paid to (0: at once).
ALTER TABLE wallet ADD COLUMN entered_at BIGINT NOT NULL DEFAULT 0;
ALTER TABLE wallet ADD COLUMN payable_from BIGINT NOT NULL DEFAULT 0;
UPDATE wallet SET entered_at = changed_at;

-- Every address that a partner has ever entered, as compared with those of others.
CREATE TABLE wallet_address (
    id TEXT {c} PRIMARY KEY,
    partner_id TEXT NOT NULL REFERENCES partner (id),
    address_key TEXT NOT NULL,
    at BIGINT NOT NULL
){strict};
INSERT INTO wallet_address (id, partner_id, address_key, at)
    SELECT id, partner_id,
        CASE WHEN kind IN ('paypal', 'eth', 'usdt_ethereum') THEN lower(address) ELSE address END, changed_at
    FROM wallet;
CREATE INDEX wallet_address_key ON wallet_address (address_key, partner_id);

-- The snapshot again: when the address had been entered, and from when it may be paid to (NULL: at once).
ALTER TABLE withdrawal ADD COLUMN wallet_entered_at BIGINT;
ALTER TABLE withdrawal ADD COLUMN payable_from BIGINT;
-- Why finance paid to a wallet that was still cooling.
ALTER TABLE withdrawal ADD COLUMN override_reason TEXT;
-- 1: paid when the amount needed two people.
ALTER TABLE withdrawal ADD COLUMN two_people BIGINT NOT NULL DEFAULT 0 CHECK (two_people IN (0, 1));
-- The payment came back: status is rejected then, and the reference stays.
ALTER TABLE withdrawal ADD COLUMN returned_at BIGINT;
ALTER TABLE withdrawal ADD COLUMN returned_by TEXT REFERENCES account (id);

-- Who agreed to what: amount and address are repeated, so that an approval never covers anything else.
CREATE TABLE withdrawal_approval (
    withdrawal_id TEXT {c} NOT NULL REFERENCES withdrawal (id),
    by_id TEXT NOT NULL REFERENCES account (id),
    at BIGINT NOT NULL,
    note TEXT NOT NULL,
    amount BIGINT NOT NULL,
    wallet_address TEXT NOT NULL,
    PRIMARY KEY (withdrawal_id, by_id)
){strict};

-- Withdrawals that are paid together.
CREATE TABLE payout_batch (
    id TEXT {c} PRIMARY KEY,
    made_at BIGINT NOT NULL,
    made_by TEXT NOT NULL REFERENCES account (id),
    status TEXT NOT NULL CHECK (status IN ('open', 'paid', 'dissolved')),
    closed_at BIGINT,
    closed_by TEXT REFERENCES account (id)
){strict};
CREATE INDEX payout_batch_status ON payout_batch (status, id);

CREATE TABLE payout_line (
    batch_id TEXT {c} NOT NULL REFERENCES payout_batch (id),
    withdrawal_id TEXT {c} NOT NULL REFERENCES withdrawal (id),
    -- open: waits with its batch; paid with it; off: taken off it.
    status TEXT NOT NULL CHECK (status IN ('open', 'paid', 'off')),
    PRIMARY KEY (batch_id, withdrawal_id)
){strict};
-- The rule "in at most one open batch".
CREATE UNIQUE INDEX payout_line_open ON payout_line (withdrawal_id) WHERE status = 'open';
CREATE INDEX payout_line_withdrawal ON payout_line (withdrawal_id);

-- Bonuses and corrections by finance. Above zero gives to the partner.
CREATE TABLE adjustment (
    id TEXT {c} PRIMARY KEY,
    -- The random identifier of the form: sent twice, it is one adjustment.
    request TEXT NOT NULL UNIQUE,
    partner_id TEXT NOT NULL REFERENCES partner (id),
    amount BIGINT NOT NULL CHECK (amount <> 0),
    kind TEXT NOT NULL CHECK (kind IN ('bonus', 'correction')),
    reason TEXT NOT NULL,
    -- proposed: above the limit, waits for a second person.
    status TEXT NOT NULL CHECK (status IN ('proposed', 'booked', 'declined')),
    proposed_at BIGINT NOT NULL,
    proposed_by TEXT NOT NULL REFERENCES account (id),
    decided_at BIGINT,
    decided_by TEXT REFERENCES account (id),
    -- 1: needed two people.
    two_people BIGINT NOT NULL CHECK (two_people IN (0, 1))
){strict};
CREATE INDEX adjustment_partner ON adjustment (partner_id, id);
CREATE INDEX adjustment_proposed ON adjustment (id) WHERE status = 'proposed';

-- What the risk signs look up.
CREATE INDEX client_partner_email ON client (partner_id, email_key, number);
CREATE INDEX client_partner_name ON client (partner_id, name_key, number);
CREATE INDEX client_partner_telegram ON client (partner_id, telegram_key, number);
CREATE INDEX withdrawal_partner_paid ON withdrawal (partner_id, id) WHERE status = 'paid';
CREATE INDEX withdrawal_address_paid ON withdrawal (partner_id, wallet_address) WHERE status = 'paid';
CREATE INDEX withdrawal_address_returned ON withdrawal (partner_id, wallet_address) WHERE returned_at IS NOT NULL;
CREATE INDEX deal_partner_changed ON deal (partner_id, changed_at);
