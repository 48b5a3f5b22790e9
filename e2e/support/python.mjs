// Python packages that tests use: installed once, beside what cargo builds.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));

/** A Python that has pip: Debian has it for the system's own, which may not be the first in the PATH. */
export function python() {
  const hasIt = (it) => spawnSync(it, ['-m', 'pip', '--version']).status === 0;
  const found = ['python3', '/usr/bin/python3'].find(hasIt);
  if (!found) throw new Error('no python3 has pip; on Debian: apt-get install python3-pip');
  return found;
}

/** The folder with the packages of a file of requirements; installed anew when the file has changed. */
export async function installed(name, requirements, options = []) {
  const target = path.resolve(REPOSITORY, process.env.CARGO_TARGET_DIR ?? 'target');
  const hash = createHash('sha256').update(await readFile(requirements)).digest('hex').slice(0, 12);
  const home = path.join(target, `${name}-${hash}`);
  if (existsSync(home)) return home;
  // Beside the place and then moved there: whoever sees the folder sees all of it.
  await mkdir(target, { recursive: true });
  const fresh = await mkdtemp(path.join(target, `${name}-new-`));
  const words = ['-m', 'pip', 'install', '--quiet', ...options, '--disable-pip-version-check',
    '--root-user-action', 'ignore', '--target', fresh, '--requirement', requirements];
  const { status, stderr } = spawnSync(python(), words, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the packages of ${path.basename(requirements)} can't be had:\n${stderr}`);
  try {
    await rename(fresh, home);
  } catch (error) {
    // Another test was quicker.
    await rm(fresh, { recursive: true, force: true });
    if (!existsSync(home)) throw error;
  }
  return home;
}
