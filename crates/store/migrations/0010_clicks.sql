-- Clicks are numbered by their time, so that those of a stretch of time lie together, whenever they were written down:
-- a click that was kept in a file while the database was away comes in at its place. See store::clicks.
CREATE TABLE click_by_time (
    -- Milliseconds since 1970 in the upper bits, in the lower 21 what tells clicks of one millisecond apart.
    id BIGINT PRIMARY KEY,
    at BIGINT NOT NULL,
    partner_id TEXT NOT NULL,
    -- The code as it was followed, where it had to be repaired.
    repaired_from TEXT,
    -- The host that the link stood on, as the browser said it.
    source TEXT NOT NULL,
    -- 1: a program that looks at links (preview, search engine); kept, not counted as a click.
    automatic BIGINT NOT NULL
){strict};
INSERT INTO click_by_time (id, at, partner_id, repaired_from, source, automatic)
    SELECT at / 1000 * 2097152 + id % 2097152, at, partner_id, repaired_from, source, automatic FROM click;
DROP TABLE click;
ALTER TABLE click_by_time RENAME TO click;

-- Who writes clicks, and up to which batch: a batch that comes a second time is known. One row for each run of a
-- server.
CREATE TABLE click_writer (
    id TEXT PRIMARY KEY,
    batch BIGINT NOT NULL,
    seen_at BIGINT NOT NULL
){strict};
CREATE INDEX click_writer_seen ON click_writer (seen_at);

-- Visits of programs are counted apart, since the clicks themselves are deleted after a while.
ALTER TABLE partner_day ADD COLUMN automatic BIGINT NOT NULL DEFAULT 0;
INSERT INTO partner_day (partner_id, day, automatic)
    SELECT partner_id, at / 86400000000, COUNT(*) FROM click WHERE automatic = 1 GROUP BY 1, 2
    ON CONFLICT (partner_id, day) DO UPDATE SET automatic = excluded.automatic;

-- For how many days single clicks are kept. What is counted stays.
ALTER TABLE programme ADD COLUMN click_days BIGINT NOT NULL DEFAULT 400;
