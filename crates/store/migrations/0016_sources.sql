-- Words that stand for a partner in links: chosen by the partner, or the code that the partner had in another system. A word
-- stays its partner's for ever, so that a link already in the world goes on earning.
CREATE TABLE partner_alias (
    -- In lower case.
    alias TEXT {c} PRIMARY KEY,
    -- What it looks like at a glance; see domain::alias.
    look TEXT {c} NOT NULL,
    partner_id TEXT NOT NULL REFERENCES partner (id),
    kind TEXT NOT NULL CHECK (kind IN ('vanity', 'imported')),
    created_at BIGINT NOT NULL
){strict};
CREATE INDEX partner_alias_partner ON partner_alias (partner_id, created_at);
CREATE INDEX partner_alias_look ON partner_alias (look);

-- Where visits, clients and sales came from: a place that the partner names in the link (?s=newsletter), or else the site
-- that the link stood on. What came without either has no row: it is the difference to partner_day and partner_totals.
CREATE TABLE partner_source (
    partner_id TEXT {c} NOT NULL REFERENCES partner (id),
    day BIGINT NOT NULL,
    source TEXT {c} NOT NULL,
    clicks BIGINT NOT NULL,
    clients BIGINT NOT NULL,
    deals_won BIGINT NOT NULL,
    profit BIGINT NOT NULL,
    PRIMARY KEY (partner_id, day, source)
){strict};

-- What the click was counted under in partner_source, or empty.
ALTER TABLE click ADD COLUMN place TEXT NOT NULL DEFAULT '';
-- Where the client came from while the client belongs to the partner of that link; else empty.
ALTER TABLE client ADD COLUMN source TEXT NOT NULL DEFAULT '';
