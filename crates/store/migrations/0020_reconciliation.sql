-- The CRM's own lists of deals, held against the deals here. Times in microseconds UTC.

CREATE TABLE reconciliation (
    id TEXT {c} PRIMARY KEY,
    -- What the file is called.
    name TEXT NOT NULL,
    made_by TEXT {c} NOT NULL REFERENCES account (id),
    at BIGINT NOT NULL,
    -- The file, until it has been compared; then nothing.
    file TEXT NOT NULL,
    -- Which column says what, what the stages mean and what is looked for, as JSON; empty until it has been compared.
    reading TEXT NOT NULL,
    compared_at BIGINT,
    -- How many lines the file had, and how many of them say what stands here.
    lines BIGINT NOT NULL,
    same BIGINT NOT NULL,
    -- How many differences there were beyond those that are listed.
    unlisted BIGINT NOT NULL
){strict};
CREATE INDEX reconciliation_at ON reconciliation (at);

CREATE TABLE reconciliation_row (
    reconciliation_id TEXT {c} NOT NULL REFERENCES reconciliation (id),
    n BIGINT NOT NULL,
    difference TEXT NOT NULL CHECK (difference IN
        ('stage', 'amount', 'missing-here', 'missing-there', 'unnamed', 'unclear')),
    state TEXT NOT NULL CHECK (state IN ('open', 'mended', 'left')),
    -- The line of the file; zero for what isn't in the file.
    line BIGINT NOT NULL,
    -- What the CRM calls the deal, or empty.
    external_id TEXT NOT NULL,
    deal_number BIGINT REFERENCES deal (number),
    -- What the CRM says: its own word for the stage, what that means, the amount (minor units).
    stage TEXT NOT NULL,
    their_status TEXT,
    their_amount BIGINT,
    -- What stood here when it was compared.
    our_status TEXT,
    our_amount BIGINT,
    our_refunded BIGINT,
    -- What else the line says of a deal that isn't here, as JSON; empty once it is entered or forgotten.
    said TEXT NOT NULL,
    -- The key of the client's email address in it.
    email_key TEXT {c} NOT NULL,
    -- What there is to say about it.
    why TEXT NOT NULL,
    done_by TEXT REFERENCES account (id),
    done_at BIGINT,
    PRIMARY KEY (reconciliation_id, n)
){strict};
CREATE INDEX reconciliation_row_open ON reconciliation_row (reconciliation_id, state, difference, n);
CREATE INDEX reconciliation_row_deal ON reconciliation_row (deal_number) WHERE deal_number IS NOT NULL;
CREATE INDEX reconciliation_row_email ON reconciliation_row (email_key) WHERE email_key <> '';
