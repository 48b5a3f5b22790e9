-- Further sites of the company: the origin of one in each line.
ALTER TABLE programme ADD COLUMN more_sites TEXT NOT NULL DEFAULT '';
