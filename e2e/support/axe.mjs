// Accessibility by axe-core: no violation on any page, in either theme.

import assert from 'node:assert/strict';
import axe from 'axe-core';
import { THEMES, assertFits } from './browser.mjs';

const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

/** Fails with a readable list if axe-core finds anything on the page, or the page is wider than its window. */
export async function assertAccessible(page, name = new URL(page.url()).pathname) {
  // Sent over the debugging protocol: the page's Content-Security-Policy stays as it is.
  await page.evaluate(axe.source);
  const before = await page.evaluate(() => (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light'));
  const found = [];
  for (const theme of THEMES) {
    await page.emulateMedia({ colorScheme: theme });
    const { violations } = await page.evaluate(
      (values) => globalThis.axe.run(document, { runOnly: { type: 'tag', values }, resultTypes: ['violations'] }),
      RULES,
    );
    for (const { id, help, nodes } of violations) {
      for (const { target, failureSummary } of nodes) {
        const why = failureSummary.split('\n').slice(1).map((line) => line.trim()).join(' ');
        found.push(`${theme}: ${id}: ${help}\n    ${target.join(' ')}\n    ${why}`);
      }
    }
  }
  await page.emulateMedia({ colorScheme: before });
  assert.equal(found.length, 0, `${name}: ${found.length} accessibility findings\n  ${found.join('\n  ')}`);
  await assertFits(page);
}
