-- What keeps pages fast among millions of rows. Each index makes a write slower; each says what would otherwise be read
-- through whole.

-- The words of clients' names and contacts, which the office searches by their beginnings. Written with the client; the
-- program fills in the clients that it finds without. Nothing but a key: a word is looked up, then the client.
CREATE TABLE client_word (
    word TEXT {c} NOT NULL,
    number BIGINT NOT NULL,
    PRIMARY KEY (word, number)
){keyed};
-- 1 once the words are kept, and `search` holds them as one text.
ALTER TABLE client ADD COLUMN has_words BIGINT;
CREATE INDEX client_without_words ON client (number) WHERE has_words IS NULL;

-- A partner's list of deals in each of its orders, a page at a time: the largest partners have a hundred thousand. The
-- first is the usual one, and takes the place of an index by partner and number; the status stands in it, so that a
-- filter need not look up the deals that don't fit. The second is also read through for a name that is searched.
CREATE INDEX deal_partner_client ON deal (partner_id, client_number, number, status);
DROP INDEX deal_partner;
CREATE INDEX deal_partner_name ON deal (partner_id, client_search, number, client_number, status);
CREATE INDEX deal_partner_amount ON deal (partner_id, (COALESCE(amount, 0)), number);
CREATE INDEX deal_partner_status ON deal (partner_id, status, number);
-- The few whose hold period runs, for the statement of what is on hold. Written when a deal is won and when its hold
-- period ends, not with the contact form.
CREATE INDEX deal_partner_on_hold ON deal (partner_id, number) WHERE available_at IS NOT NULL;

-- The lines of one deal or withdrawal in a statement of many thousands. Costs two insertions for each transfer.
CREATE INDEX ledger_entries_transfer ON ledger_entries (transfer, account);
