// A server of one's own: the real program on a free port of 127.0.0.1, with a data directory that lasts as long as it.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freshDatabase } from './databases.mjs';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

const START_MS = 30_000;
const STOP_MS = 10_000;

/** The server's program: `GOODWORD_BIN`, or what `cargo build` made; built when it isn't there. */
export function program() {
  if (process.env.GOODWORD_BIN) return process.env.GOODWORD_BIN;
  const target = path.resolve(REPOSITORY, process.env.CARGO_TARGET_DIR ?? 'target');
  const file = path.join(target, 'debug', 'goodword');
  if (!existsSync(file)) {
    const build = ['build', '--package', 'server', '--bin', 'goodword'];
    const { status } = spawnSync('cargo', build, { cwd: REPOSITORY, stdio: 'inherit' });
    if (status !== 0) throw new Error(`cargo ${build.join(' ')} failed`);
  }
  return file;
}

/**
 * Starts a server and waits until it answers.
 *
 * @param {{database?: string, env?: Record<string, string>, args?: string[]}} options `database` is one of
 *   `DATABASES`; `env` is added to the settings of a test server; `args` replaces the command line, `serve`.
 */
export async function startServer({ database = 'SQLite', env = {}, args = ['serve'] } = {}) {
  const address = await freshDatabase(database);
  const data = await mkdtemp(path.join(tmpdir(), 'goodword-journey-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const settings = {
    ...process.env,
    GOODWORD_LISTEN: `127.0.0.1:${port}`,
    GOODWORD_PUBLIC_URL: url,
    GOODWORD_DATA_DIR: data,
    GOODWORD_DATABASE: address ?? `sqlite:${path.join(data, 'goodword.db')}`,
    // People in journeys type faster than people do.
    GOODWORD_RATE_LIMIT: '0',
    ...env,
  };
  const child = spawn(program(), args, { cwd: data, env: settings, stdio: ['ignore', 'pipe', 'pipe'] });
  const kill = () => child.kill('SIGKILL');
  process.once('exit', kill);

  let output = '';
  const hear = (chunk) => (output += plain(chunk.toString()));
  child.stdout.on('data', hear);
  child.stderr.on('data', hear);
  let failedToStart = null;
  child.on('error', (error) => (failedToStart = error));
  const gone = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  const isGone = () => child.exitCode !== null || child.signalCode !== null || failedToStart !== null;

  const server = {
    url,
    data,
    settings,
    output: () => output,

    /** The one-time address that makes the first admin, as the program printed it. */
    firstAdminAddress: () => waitFor(() => output.match(/https?:\/\/\S+\/invitation\/[\w-]+/)?.[0],
      () => `the server printed no address for the first admin:\n${output}`),

    /** Runs another command of the program on the same settings. */
    command(...words) {
      const { status, stdout, stderr } = spawnSync(program(), words, { cwd: data, env: settings, encoding: 'utf8' });
      return { status, output: plain(stdout + stderr) };
    },

    /** Ends the server in the way an operator does; fails if it doesn't end cleanly or had to say something bad. */
    async stop() {
      if (isGone()) throw new Error(`the server was gone before it was stopped:\n${output}`);
      child.kill('SIGTERM');
      const end = await Promise.race([gone, sleep(STOP_MS, null, { ref: false })]);
      if (end === null) {
        child.kill('SIGKILL');
        throw new Error(`the server didn't end within ${STOP_MS / 1000} s of SIGTERM:\n${output}`);
      }
      process.removeListener('exit', kill);
      if (end.code !== 0) throw new Error(`the server ended with ${end.code ?? end.signal}:\n${output}`);
      const bad = output.split('\n').filter((line) => /panicked at|\bERROR\b/.test(line));
      if (bad.length > 0) throw new Error(`the server's log has errors:\n${bad.join('\n')}`);
    },

    /** Throws the data away. */
    remove: () => rm(data, { recursive: true, force: true }),
  };

  try {
    await waitFor(async () => {
      if (isGone()) throw new Error(`the server didn't start: ${failedToStart ?? output}`);
      return (await answers(`${url}/healthz`)) || null;
    }, () => `the server didn't answer within ${START_MS / 1000} s:\n${output}`);
  } catch (error) {
    kill();
    await server.remove();
    throw error;
  }
  return server;
}

/** Polls until `look` finds something. */
export async function waitFor(look, message, ms = START_MS) {
  for (const end = Date.now() + ms; Date.now() < end; await sleep(50)) {
    const found = await look();
    if (found) return found;
  }
  throw new Error(message());
}

async function answers(url) {
  try {
    return (await fetch(url)).ok;
  } catch {
    return false;
  }
}

function freePort() {
  return new Promise((resolve, reject) => {
    const probe = net.createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address();
      probe.close(() => resolve(port));
    });
  });
}

/** Without the colours of a terminal. */
const plain = (text) => text.replace(/\x1b\[[0-9;]*m/g, '');
