// One journey's stage: a browser, a server, the people in it, and the order of what they do.

import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { launch, person } from './browser.mjs';
import { startServer } from './server.mjs';

export const OUT = fileURLToPath(new URL('../out/', import.meta.url));

/** Sets a stage that is cleared when the test `t` ends. `options` go to `startServer`. */
export async function setStage(t, options) {
  const server = await startServer(options);
  const browser = await launch();
  const people = new Map();
  let isBroken = false;

  t.after(async () => {
    const failures = [];
    const end = async (work) => {
      try {
        await work();
      } catch (error) {
        failures.push(error);
      }
    };
    for (const it of people.values()) await end(() => it.leave());
    await end(() => browser.close());
    await end(() => server.stop());
    await end(() => server.remove());
    // What broke the journey is told already; what follows from it would only hide it.
    if (failures.length > 0 && !isBroken) throw failures[0];
  });

  return {
    browser,
    server,

    /** A new person with a browser of their own; `name` is for pictures of what went wrong. */
    async person(name, options) {
      const someone = await person(browser, server, options);
      people.set(name, someone);
      return someone;
    },

    /** A part of the journey. The first one that fails is pictured; those after it are not tried. */
    chapter(title, act) {
      return t.test(title, async () => {
        if (isBroken) throw notReached();
        try {
          await act();
        } catch (error) {
          isBroken = true;
          error.message += await picture(`${t.name} ${title}`, people);
          throw error;
        }
      });
    },
  };
}

/** Short: the part that failed first has the story to tell. */
function notReached() {
  const error = new Error('not reached: an earlier part failed');
  error.stack = error.message;
  return error;
}

/** Takes a picture of what everyone sees; answers with a note of where the pictures are. */
async function picture(title, people) {
  const name = title.toLowerCase().replace(/[^a-z0-9]+/g, '-').slice(0, 80);
  let note = '';
  await mkdir(OUT, { recursive: true });
  for (const [who, { page, problems }] of people) {
    const file = path.join(OUT, `failed-${name}-${who}.png`);
    try {
      await page.screenshot({ path: file, fullPage: true, timeout: 5_000 });
      note += `\n  ${who} was at ${page.url()}, see ${file}`;
    } catch {
      note += `\n  ${who} had no page to be pictured`;
    }
    if (problems.length > 0) note += `\n  ${who} met: ${problems.join('; ')}`;
  }
  return note;
}
