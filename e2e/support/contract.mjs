// The programming interface held against its own description by a program that knows nothing else of it (schemathesis): it
// sends what the description allows and what it forbids, in any order, and looks at every answer.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { installed, python } from './python.mjs';

const REQUIREMENTS = fileURLToPath(new URL('../requirements-api.txt', import.meta.url));

/** Fails with its report if it finds anything. */
export async function assertKeepsItsWord(url, token) {
  const home = await installed('schemathesis', REQUIREMENTS);
  const words = ['-m', 'schemathesis.cli', 'run', `${url}/api/v1/openapi.json`, '--url', url, '--no-color',
    '--header', `Authorization: Bearer ${token}`, '--checks', 'all', '--max-examples', '15', '--generation-deterministic',
    // Names, addresses and money have rules that a description of shapes can't tell: what fits the shape may be refused.
    '--exclude-checks', 'positive_data_acceptance'];
  const child = spawn(python(), words, { env: { ...process.env, PYTHONPATH: home }, stdio: ['ignore', 'pipe', 'pipe'] });
  let report = '';
  child.stdout.on('data', (part) => (report += part));
  child.stderr.on('data', (part) => (report += part));
  const code = await new Promise((done) => child.once('close', done));
  if (code !== 0) throw new Error(`the interface doesn't keep its word:\n${report}`);
  return report;
}
