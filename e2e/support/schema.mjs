// The official XML schema of bank files (ISO 20022), and libxml2 to hold them against it.

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { XmlDocument, XsdValidator } from 'libxml2-wasm';
import { installed } from './python.mjs';

const REQUIREMENTS = fileURLToPath(new URL('../requirements.txt', import.meta.url));
const SCHEMA = 'sepaxml/schemas/pain.001.001.09.xsd';

/** The schema, out of a Python package that carries it; fetched once, by its checksum. */
async function schema() {
  const options = ['--no-deps', '--only-binary', ':all:', '--require-hashes'];
  const home = await installed('schemas', REQUIREMENTS, options);
  return readFile(path.join(home, SCHEMA));
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
