-- There is a row for each run of a server, and it changes with every batch of clicks: an index on what changes cost more than
-- it ever saved.
DROP INDEX click_writer_seen;
