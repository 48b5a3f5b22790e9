// Mail that waits in the database of a server without SMTP: a person's mailbox, as far as a journey needs one.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';

const READ = `
import json, sqlite3, sys
db = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True)
rows = db.execute("SELECT subject, body FROM outbox WHERE notice = ? AND address = ? ORDER BY id DESC", sys.argv[2:4])
print(json.dumps([{"subject": subject, "body": body} for subject, body in rows]))
`;

/** The mails of a kind (`welcome`, `adopt_email`) to an address, newest first. */
export function lettersTo({ server }, address, notice) {
  const file = path.join(server.data, 'goodword.db');
  const { status, stdout, stderr } = spawnSync('python3', ['-c', READ, file, notice, address], { encoding: 'utf8' });
  assert.equal(status, 0, `the outbox can't be read: ${stderr}`);
  return JSON.parse(stdout);
}

/** The one-time address in the newest mail of a kind. */
export function linkIn(someone, address, notice) {
  const [letter] = lettersTo(someone, address, notice);
  assert.ok(letter, `${address} has a mail of the kind ${notice}`);
  const link = letter.body.match(/https?:\/\/\S+\/(?:confirm|email|reset|invitation)\/[\w-]+/)?.[0];
  assert.ok(link, `there is a one-time address in: ${letter.body}`);
  return link;
}
