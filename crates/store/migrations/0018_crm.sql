-- What the company's CRM tells by webhook. Times in microseconds UTC.

-- Each CRM is an account of its own, of staff but in no role, like a token: so whatever it did names it.
CREATE TABLE crm_source (
    id TEXT {c} PRIMARY KEY REFERENCES account (id),
    -- SHA-256 of the secret in the address, in hexadecimal.
    secret_hash TEXT NOT NULL UNIQUE,
    -- How the secret begins, for people to tell addresses apart.
    hint TEXT NOT NULL,
    -- Where in what it sends stands what, as JSON.
    mapping TEXT NOT NULL,
    made_by TEXT REFERENCES account (id),
    created_at BIGINT NOT NULL,
    closed_at BIGINT
){strict};

-- Everything that came, as it came.
CREATE TABLE crm_payload (
    id TEXT {c} PRIMARY KEY,
    source_id TEXT {c} NOT NULL REFERENCES crm_source (id),
    at BIGINT NOT NULL,
    content_type TEXT NOT NULL,
    query TEXT NOT NULL,
    body TEXT NOT NULL
){strict};
CREATE INDEX crm_payload_at ON crm_payload (at);

-- What stood in it: one piece of news about a deal each.
CREATE TABLE crm_item (
    id TEXT {c} PRIMARY KEY,
    payload_id TEXT {c} NOT NULL REFERENCES crm_payload (id),
    source_id TEXT {c} NOT NULL REFERENCES crm_source (id),
    -- As JSON; empty where nothing could be read.
    content TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('new', 'waiting', 'applied', 'ignored', 'outdated')),
    -- What was done, or why nothing was.
    why TEXT NOT NULL,
    deal_number BIGINT REFERENCES deal (number),
    at BIGINT NOT NULL,
    done_at BIGINT,
    -- What the CRM calls the event, once it has been applied.
    event TEXT
){strict};
CREATE INDEX crm_item_status ON crm_item (source_id, status, id);
CREATE INDEX crm_item_payload ON crm_item (payload_id);
CREATE INDEX crm_item_new ON crm_item (id) WHERE status = 'new';
CREATE INDEX crm_item_waiting ON crm_item (id) WHERE status = 'waiting';
CREATE UNIQUE INDEX crm_item_event ON crm_item (source_id, event) WHERE event IS NOT NULL;

-- How far the news about each deal has come: what is older comes too late.
CREATE TABLE crm_deal (
    source_id TEXT {c} NOT NULL REFERENCES crm_source (id),
    deal_number BIGINT NOT NULL REFERENCES deal (number),
    -- Microseconds, or whatever number the CRM counts by.
    came_to BIGINT NOT NULL,
    PRIMARY KEY (source_id, deal_number)
){strict};
