// What a partner prints: one page each, with a QR code that a phone reads from it.

import assert from 'node:assert/strict';
import test from 'node:test';
import { assertAccessible } from '../support/axe.mjs';
import * as people from '../support/people.mjs';
import { scan } from '../support/qr.mjs';
import { setStage } from '../support/stage.mjs';

/** How many pages a PDF file has. */
const pagesOf = (pdf) => pdf.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length ?? 0;

test('a sheet and business cards are printed', async (t) => {
  const stage = await setStage(t);
  const { browser, chapter } = stage;
  const partner = await stage.person('partner', { width: 'phone', theme: 'dark' });
  let link;

  await chapter('a partner signs up', async () => {
    await people.signUp(partner, { name: 'Pat Partner-Longlastname of the Northern Hills', email: 'pat@example.com' });
    link = await people.referralLink(partner);
  });

  for (const [name, path, format, button, codes] of [
    ['a sheet of A4', '/link/sheet', 'A4', 'Print a sheet', 1],
    ['a sheet of Letter', '/link/sheet', 'Letter', 'Print a sheet', 1],
    ['cards on A4', '/link/cards', 'A4', 'Print cards', 10],
  ]) {
    await chapter(name, async () => {
      await people.open(partner, '/link');
      await people.follow(partner.page, () => partner.page.getByRole('link', { name: button }).click());
      assert.equal(people.pathOf(partner), path);
      await assertAccessible(partner.page);
      await people.assertSays(partner, 'Recommended by Pat Partner-Longlastname');
      assert.equal(await partner.page.locator('main svg').count(), codes);
      const pdf = await partner.page.pdf({ format, preferCSSPageSize: false });
      assert.equal(pagesOf(pdf), 1, 'it is one page');
      // At the size of paper, as a phone sees it.
      await partner.page.emulateMedia({ media: 'print' });
      await partner.page.setViewportSize({ width: 900, height: 1200 });
      const code = partner.page.locator('main svg');
      for (const at of [0, codes - 1]) {
        const picture = await code.nth(at).screenshot();
        assert.equal((await scan(browser, picture, 'image/png')).text, link);
      }
      await partner.page.emulateMedia({ media: null });
      await people.open(partner, `${path}?name=no`);
      assert.doesNotMatch(await people.textOf(partner), /Pat Partner/);
    });
  }
});
