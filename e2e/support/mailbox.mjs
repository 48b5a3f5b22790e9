// A real mail server (aiosmtpd) on a free port of 127.0.0.1, and what has arrived there.

import { spawn, spawnSync } from 'node:child_process';
import readline from 'node:readline';
import { fileURLToPath } from 'node:url';
import { waitFor } from './server.mjs';

/** The same that the server's own tests use; its beginning says which addresses make it behave badly. */
const SCRIPT = fileURLToPath(new URL('../../crates/server/tests/it/smtp_peer.py', import.meta.url));

/** A Python that has aiosmtpd: Debian has it for the system's own, which may not be the first in the PATH. */
function python() {
  const hasIt = (it) => spawnSync(it, ['-c', 'import aiosmtpd']).status === 0;
  const found = ['python3', '/usr/bin/python3'].find(hasIt);
  if (!found) throw new Error('no python3 has aiosmtpd; on Debian: apt-get install python3-aiosmtpd');
  return found;
}

/**
 * Starts a mail server that ends with the test `t`.
 *
 * `env` are the settings of a server that hands its mail in there:
 * `await setStage(t, { env: mailbox.env })`.
 */
export async function startMailbox(t) {
  const child = spawn(python(), [SCRIPT], { stdio: ['pipe', 'pipe', 'inherit'] });
  t.after(() => child.kill());
  const mails = [];
  let port = null;
  readline.createInterface({ input: child.stdout }).on('line', (line) => {
    const said = JSON.parse(line);
    if (said.port) port = said.port;
    else mails.push(said);
  });
  await waitFor(() => port, () => 'the mail server did not start');

  return {
    env: {
      GOODWORD_SMTP_URL: `smtp://127.0.0.1:${port}`,
      GOODWORD_MAIL_FROM: 'Northwind Partners <partners@example.com>',
    },

    /** Everything so far: `{sender, recipient, headers: {subject, ...}, text, html}`, oldest first. */
    mails,

    /** The newest mail to an address whose subject has the words in it, when it has come. `after`: how many such mails are known already. */
    mailTo: (address, subject = '', after = 0) => {
      const fitting = () => mails.filter((it) => it.recipient === address && it.headers.subject.includes(subject));
      const all = () => mails.map((it) => `${it.recipient}: ${it.headers.subject}`).join('\n');
      return waitFor(() => (fitting().length > after ? fitting().at(-1) : null),
        () => `no mail "${subject}" has come to ${address}; what has come:\n${all()}`);
    },
  };
}

/** The first address in a mail's text that has `path` in it. */
export function linkIn(mail, path) {
  const link = mail.text.match(/https?:\/\/\S+/g)?.find((it) => it.includes(path));
  if (!link) throw new Error(`no address with ${path} stands in:\n${mail.text}`);
  return link;
}
