// The databases that journeys run on, each journey on a fresh one. PostgreSQL is a temporary server, one for each file of
// journeys, kept by the script that keeps the one of the Rust tests: it ends with this process, however that ends.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const DATABASES = ['SQLite', 'PostgreSQL'];

const SCRIPT = fileURLToPath(new URL('../../crates/store/src/testing/server.sh', import.meta.url));
const DEBIAN = '/usr/lib/postgresql';

let postgres = null;
let made = 0;

/** The address of a fresh database of a kind; none for SQLite, which is a file in a server's data directory. */
export async function freshDatabase(kind) {
  if (kind === 'SQLite') return null;
  if (kind !== 'PostgreSQL') throw new Error(`there is no database ${kind}, only ${DATABASES.join(' and ')}`);
  postgres ??= startPostgres();
  const { programs, socket } = await postgres;
  const name = `journey_${(made += 1)}`;
  run(path.join(programs, 'createdb'), ['--host', socket, '--username', 'postgres', name]);
  return `postgres:///${name}?user=postgres&host=${socket}`;
}

/** Starts the server; answers with its programs and the folder of its socket. */
async function startPostgres() {
  const programs = findPrograms();
  // A group of its own: an interrupt at the terminal is for the journeys, and the server follows them.
  const child = spawn('sh', ['-c', readFileSync(SCRIPT, 'utf8'), 'goodword-journeys', programs], {
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  const said = await new Promise((resolve, reject) => {
    let text = '';
    const hear = (chunk) => {
      text += chunk;
      if (/^ready .*\n/m.test(text)) resolve(text);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', reject);
    child.once('close', () => resolve(text));
  });
  const socket = said.match(/^ready (.*)$/m)?.[1];
  if (!socket) throw new Error(`no temporary PostgreSQL server could be started from ${programs}:\n${said}`);
  // Its standard input stays open until this process is gone, which nothing here waits for.
  for (const it of [child, child.stdin, child.stdout, child.stderr]) it.unref();
  return { programs, socket };
}

/** The folder of the server's programs: in the PATH, or the newest where Debian keeps them. */
function findPrograms() {
  const has = (folder) => ['initdb', 'pg_ctl', 'postgres', 'createdb'].every((name) => existsSync(path.join(folder, name)));
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [...(process.env.PATH ?? '').split(path.delimiter), ...versions.map((it) => path.join(DEBIAN, it, 'bin'))];
  const found = folders.find((folder) => path.isAbsolute(folder) && has(folder));
  if (found) return found;
  throw new Error('journeys need the programs of a PostgreSQL server (initdb, pg_ctl, postgres, createdb), in the PATH or in '
    + `${DEBIAN}: install the package postgresql`);
}

function run(program, words) {
  const { status, error, stdout, stderr } = spawnSync(program, words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${program} ${words.join(' ')} failed: ${error ?? stdout + stderr}`);
}
