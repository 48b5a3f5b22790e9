-- Other systems of the company that are told what happens here. Times in microseconds UTC.

CREATE TABLE webhook (
    id TEXT {c} PRIMARY KEY,
    -- standard: a body of ours, signed (Standard Webhooks). request: a request as a template says.
    kind TEXT NOT NULL CHECK (kind IN ('standard', 'request')),
    name TEXT NOT NULL,
    url TEXT NOT NULL,
    -- Words, parted by a space.
    events TEXT NOT NULL,
    active BIGINT NOT NULL CHECK (active IN (0, 1)),
    -- Why the server has switched it off, or empty.
    off_why TEXT NOT NULL DEFAULT '',
    -- How many deliveries in a row were given up.
    given_up BIGINT NOT NULL DEFAULT 0,
    last_success_at BIGINT,
    last_failure_at BIGINT,
    last_error TEXT NOT NULL DEFAULT '',
    created_at BIGINT NOT NULL,
    created_by TEXT REFERENCES account (id),
    -- Nobody sees it any more; what was sent to it goes with time.
    removed_at BIGINT,
    -- Of a request: the method, headers (a line each), the template of the body.
    method TEXT NOT NULL DEFAULT 'POST',
    headers TEXT NOT NULL DEFAULT '',
    template TEXT NOT NULL DEFAULT '',
    -- Where in the answer the other system says what it calls the client or deal (JSON Pointer), or empty.
    answer_id TEXT NOT NULL DEFAULT '',
    -- Whose external identifier that is: client, deal, or empty.
    answer_of TEXT NOT NULL DEFAULT '' CHECK (answer_of IN ('', 'client', 'deal'))
){strict};

-- What deliveries are signed with. Readable: signing needs it.
CREATE TABLE webhook_secret (
    id TEXT {c} PRIMARY KEY,
    webhook_id TEXT {c} NOT NULL REFERENCES webhook (id),
    secret TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    -- From when it signs no more; NULL: it is the newest.
    ends_at BIGINT
){strict};
CREATE INDEX webhook_secret_of ON webhook_secret (webhook_id, id);

-- Written in the transaction of what it tells.
CREATE TABLE webhook_delivery (
    id TEXT {c} PRIMARY KEY,
    webhook_id TEXT {c} NOT NULL REFERENCES webhook (id),
    event TEXT NOT NULL,
    -- What it is about: client, deal, withdrawal, partner or nothing, and its number or identifier.
    subject TEXT NOT NULL,
    subject_id TEXT NOT NULL,
    body TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('waiting', 'done', 'parked')),
    -- Since it was written, or since somebody had it sent again.
    attempts BIGINT NOT NULL DEFAULT 0,
    -- All of them.
    tries BIGINT NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    -- When it may be tried (again). While a worker has it: when the worker is taken for dead.
    next_at BIGINT NOT NULL,
    claimed_by TEXT,
    done_at BIGINT,
    last_error TEXT NOT NULL DEFAULT ''
){strict};
CREATE INDEX webhook_delivery_due ON webhook_delivery (webhook_id, next_at) WHERE status = 'waiting';
CREATE INDEX webhook_delivery_of ON webhook_delivery (webhook_id, id);
CREATE INDEX webhook_delivery_status ON webhook_delivery (webhook_id, status, id);

CREATE TABLE webhook_try (
    delivery_id TEXT {c} NOT NULL REFERENCES webhook_delivery (id),
    number BIGINT NOT NULL,
    at BIGINT NOT NULL,
    took_ms BIGINT NOT NULL,
    -- What was sent: headers (a line each) without secrets; the body of a template.
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    -- The HTTP status; NULL: there was no answer.
    status BIGINT,
    -- How the answer begins.
    answer TEXT NOT NULL,
    -- Why it failed, or empty.
    error TEXT NOT NULL,
    PRIMARY KEY (delivery_id, number)
){strict};

-- Which events any of them wants: every server keeps the programme at hand, so asking costs nothing.
ALTER TABLE programme ADD COLUMN hook_events TEXT NOT NULL DEFAULT '';
