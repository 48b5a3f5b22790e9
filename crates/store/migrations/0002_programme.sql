-- The programme, its people, their clients and deals. Money in minor units, times in microseconds UTC, rates in
-- basis points, truth as 0 or 1.

CREATE TABLE programme (
    id BIGINT PRIMARY KEY CHECK (id = 1),
    name TEXT NOT NULL,
    currency TEXT NOT NULL,
    site_url TEXT NOT NULL,
    support_email TEXT NOT NULL,
    support_telegram TEXT NOT NULL,
    minimum_withdrawal BIGINT NOT NULL CHECK (minimum_withdrawal >= 0),
    hold_days BIGINT NOT NULL CHECK (hold_days BETWEEN 0 AND 365),
    window_days BIGINT NOT NULL CHECK (window_days BETWEEN 1 AND 730),
    link_rule TEXT NOT NULL CHECK (link_rule IN ('last', 'first')),
    -- Grows with every change, so that a server notices what another one has changed.
    version BIGINT NOT NULL
){strict};

CREATE TABLE tier (
    from_volume BIGINT PRIMARY KEY CHECK (from_volume >= 0),
    rate_bp BIGINT NOT NULL CHECK (rate_bp BETWEEN 0 AND 10000)
){strict};

-- Everybody who can sign in; one sign-in page serves partners and staff.
CREATE TABLE account (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('partner', 'staff')),
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    -- The address as compared: two spellings of one address are one account.
    email_key TEXT NOT NULL UNIQUE,
    -- Argon2id in PHC format; NULL until an invited person has chosen a password.
    password_hash TEXT,
    created_at BIGINT NOT NULL
){strict};

CREATE TABLE partner (
    id TEXT {c} PRIMARY KEY REFERENCES account (id),
    code TEXT NOT NULL UNIQUE,
    suspended_at BIGINT,
    suspended_reason TEXT,
    agreed_rate_bp BIGINT CHECK (agreed_rate_bp BETWEEN 0 AND 10000),
    -- Name, email and code in lower case, for searching.
    search TEXT NOT NULL
){strict};

-- Apart from `partner`, so that counting never waits for whoever reads or edits the partner.
CREATE TABLE partner_totals (
    partner_id TEXT PRIMARY KEY REFERENCES partner (id),
    clients BIGINT NOT NULL CHECK (clients >= 0),
    deals_won BIGINT NOT NULL CHECK (deals_won >= 0),
    -- What the won deals came to, less refunds: decides the tier.
    volume BIGINT NOT NULL CHECK (volume >= 0)
){strict};

-- What the chart shows, one row a partner and UTC day (days since 1970-01-01).
CREATE TABLE partner_day (
    partner_id TEXT NOT NULL REFERENCES partner (id),
    day BIGINT NOT NULL,
    clicks BIGINT NOT NULL DEFAULT 0,
    clients BIGINT NOT NULL DEFAULT 0,
    profit BIGINT NOT NULL DEFAULT 0,
    PRIMARY KEY (partner_id, day)
){strict};

CREATE TABLE staff (
    id TEXT PRIMARY KEY REFERENCES account (id),
    role TEXT NOT NULL CHECK (role IN ('admin', 'sales', 'finance', 'support')),
    disabled_at BIGINT
){strict};

CREATE TABLE session (
    -- SHA-256 of the cookie's token, in hexadecimal: who reads the database can't sign in with it.
    token_hash TEXT PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    user_agent TEXT NOT NULL
){strict};
CREATE INDEX session_account ON session (account_id);
CREATE INDEX session_expires ON session (expires_at);

-- One-time addresses: the first admin, invitations, new passwords.
CREATE TABLE one_time_token (
    token_hash TEXT PRIMARY KEY,
    purpose TEXT NOT NULL CHECK (purpose IN ('first_admin', 'invitation', 'recovery')),
    account_id TEXT REFERENCES account (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
){strict};
CREATE INDEX one_time_token_account ON one_time_token (account_id);

CREATE TABLE recovery_request (
    id TEXT {c} PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES account (id),
    requested_at BIGINT NOT NULL,
    closed_at BIGINT,
    closed_by TEXT REFERENCES account (id)
){strict};
-- Asking twice is one open request.
CREATE UNIQUE INDEX recovery_request_open ON recovery_request (account_id) WHERE closed_at IS NULL;

CREATE TABLE client (
    number {serial},
    name TEXT NOT NULL,
    email TEXT NOT NULL,
    phone TEXT NOT NULL,
    telegram TEXT NOT NULL,
    message TEXT NOT NULL,
    -- The random identifier of the form: sent twice, it makes one client.
    submission TEXT UNIQUE,
    partner_id TEXT REFERENCES partner (id),
    created_at BIGINT NOT NULL,
    -- Name and contacts in lower case, for searching.
    search TEXT NOT NULL
){strict};
{start client number 1001}
CREATE INDEX client_partner ON client (partner_id, number);

-- The history of which partner a client belongs to; the newest row is in force.
CREATE TABLE attribution (
    id TEXT {c} PRIMARY KEY,
    client_number BIGINT NOT NULL REFERENCES client (number),
    at BIGINT NOT NULL,
    -- NULL: nobody, and the reason says why.
    partner_id TEXT REFERENCES partner (id),
    method TEXT NOT NULL CHECK (method IN ('link', 'code', 'claim', 'staff')),
    -- The code as it was made, and as it was given where it had to be repaired.
    code TEXT,
    repaired_from TEXT,
    decided_by TEXT REFERENCES account (id),
    reason TEXT
){strict};
CREATE INDEX attribution_client ON attribution (client_number);

CREATE TABLE deal (
    number {serial},
    client_number BIGINT NOT NULL REFERENCES client (number),
    title TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('pending', 'won', 'lost')),
    -- Whom the client belongs to: set with the client, frozen by winning.
    partner_id TEXT REFERENCES partner (id),
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    lost_reason TEXT,
    -- How often the deal has been won; a reopened deal is won again as another round with its own commission.
    win_round BIGINT NOT NULL DEFAULT 0,
    -- What follows holds while the deal is won.
    won_at BIGINT,
    amount BIGINT CHECK (amount > 0),
    refunded BIGINT NOT NULL DEFAULT 0 CHECK (refunded >= 0),
    -- How many refunds the deal has had in all rounds: numbers their ledger keys.
    refunds BIGINT NOT NULL DEFAULT 0,
    -- NULL while won: no commission was booked, and `commission_reason` says why.
    rate_bp BIGINT,
    -- The volume of the partner before this deal, which decided the tier.
    volume_before BIGINT,
    commission BIGINT CHECK (commission >= 0),
    commission_reversed BIGINT NOT NULL DEFAULT 0 CHECK (commission_reversed >= 0),
    commission_reason TEXT,
    -- When the commission becomes available; NULL once it is.
    available_at BIGINT,
    -- The client's name in lower case: partners search and sort their deals by it.
    client_search TEXT {c} NOT NULL
){strict};
{start deal number 2001}
CREATE INDEX deal_client ON deal (client_number);
CREATE INDEX deal_partner ON deal (partner_id, number);
CREATE INDEX deal_available ON deal (available_at) WHERE available_at IS NOT NULL;

CREATE TABLE deal_event (
    id TEXT {c} PRIMARY KEY,
    deal_number BIGINT NOT NULL REFERENCES deal (number),
    at BIGINT NOT NULL,
    actor_id TEXT REFERENCES account (id),
    kind TEXT NOT NULL CHECK (kind IN ('created', 'won', 'lost', 'reopened', 'refunded', 'available')),
    amount BIGINT,
    reason TEXT
){strict};
CREATE INDEX deal_event_deal ON deal_event (deal_number);

CREATE TABLE client_note (
    id TEXT {c} PRIMARY KEY,
    client_number BIGINT NOT NULL REFERENCES client (number),
    at BIGINT NOT NULL,
    author_id TEXT NOT NULL REFERENCES account (id),
    message TEXT NOT NULL
){strict};
CREATE INDEX client_note_client ON client_note (client_number);

CREATE TABLE wallet (
    id TEXT {c} PRIMARY KEY,
    partner_id TEXT NOT NULL REFERENCES partner (id),
    kind TEXT NOT NULL,
    label TEXT NOT NULL,
    address TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    removed_at BIGINT
){strict};
CREATE INDEX wallet_partner ON wallet (partner_id);

CREATE TABLE withdrawal (
    id TEXT {c} PRIMARY KEY,
    partner_id TEXT NOT NULL REFERENCES partner (id),
    -- The random identifier of the form: sent twice, it is one withdrawal.
    request TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount > 0),
    status TEXT NOT NULL CHECK (status IN ('pending', 'paid', 'rejected')),
    requested_at BIGINT NOT NULL,
    -- The wallet as it was when the money was requested; editing the wallet never redirects it.
    wallet_id TEXT NOT NULL REFERENCES wallet (id),
    wallet_kind TEXT NOT NULL,
    wallet_label TEXT NOT NULL,
    wallet_address TEXT NOT NULL,
    decided_at BIGINT,
    decided_by TEXT REFERENCES account (id),
    reference TEXT,
    reason TEXT,
    UNIQUE (partner_id, request)
){strict};
CREATE INDEX withdrawal_partner ON withdrawal (partner_id, id);
CREATE INDEX withdrawal_status ON withdrawal (status, id);

CREATE TABLE feedback (
    id TEXT {c} PRIMARY KEY,
    partner_id TEXT NOT NULL REFERENCES partner (id),
    message TEXT NOT NULL,
    page TEXT NOT NULL,
    mood TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    done_at BIGINT,
    done_by TEXT REFERENCES account (id)
){strict};
CREATE INDEX feedback_open ON feedback (id) WHERE done_at IS NULL;

-- No secondary index: it would cost several times the insert. Pages read `partner_day`.
CREATE TABLE click (
    id {serial},
    at BIGINT NOT NULL,
    partner_id TEXT NOT NULL,
    -- The code as it was followed, where it had to be repaired.
    repaired_from TEXT,
    -- The host that the link stood on, as the browser said it.
    source TEXT NOT NULL,
    -- 1: a program that looks at links (preview, search engine); kept, not counted.
    automatic BIGINT NOT NULL
){strict};
