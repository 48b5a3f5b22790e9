// Pages are light on first sight, and nothing on them jumps while they load.

import assert from 'node:assert/strict';
import test from 'node:test';
import { person as visitor } from '../support/browser.mjs';
import * as people from '../support/people.mjs';
import { setStage } from '../support/stage.mjs';

/** What the first sight of a page may bring over the network, with everything it loads. */
const MOST_BYTES = 60 * 1024;

/** Bytes over the network, and how far things jumped (the browser's own score; 0 is nothing). */
async function measure({ context, page }, path) {
  const protocol = await context.newCDPSession(page);
  await protocol.send('Network.enable');
  await protocol.send('Network.setCacheDisabled', { cacheDisabled: true });
  let bytes = 0;
  protocol.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength));
  await people.open({ page }, path);
  await page.waitForLoadState('networkidle');
  const shift = await page.evaluate(() => new Promise((resolve) => {
    let score = 0;
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) score += entry.value;
    }).observe({ type: 'layout-shift', buffered: true });
    // Buffered entries arrive in a task of their own.
    setTimeout(() => resolve(score), 300);
  }));
  await protocol.detach();
  return { bytes, shift };
}

test('the weight of pages', async (t) => {
  const { browser, server, chapter, person } = await setStage(t);
  const guest = await person('guest', { width: 'phone' });
  const partner = await person('partner', { width: 'phone' });
  const admin = await person('admin');
  await people.signUp(partner, { name: 'Pat Partner', email: 'pat@example.com' });
  await people.becomeFirstAdmin(admin, { name: 'Ada Admin', email: 'ada@example.com' });
  const code = (await people.referralLink(partner)).split('/').at(-1);
  // Statistics weighs most when there is something to show.
  for (let number = 1; number <= 5; number += 1) {
    const client = await visitor(browser, server);
    await people.becomeClient(client, `/r/${code}`, { name: `Client ${number}`, email: `c${number}@example.com`, message: 'Hello' });
    await client.leave();
  }

  const PAGES = [
    [guest, ['/', '/sign-up', '/sign-in', '/recover', '/contact']],
    [partner, ['/link', '/statistics', '/wallets']],
    [admin, ['/office', '/office/clients', '/office/withdrawals', '/office/partners']],
  ];
  for (const [who, paths] of PAGES) {
    for (const path of paths) {
      await chapter(`${path} is light and stands still`, async () => {
        let { bytes, shift } = await measure(who, path);
        // A machine under load may paint half of a page that is centred; a page that jumps does so every time.
        for (let again = 0; again < 2 && shift > 0; again += 1) ({ shift } = await measure(who, path));
        t.diagnostic(`${path}: ${(bytes / 1024).toFixed(1)} KiB`);
        assert.ok(bytes > 500, `${path} brought ${bytes} bytes: nothing was measured`);
        assert.ok(bytes <= MOST_BYTES, `${path} brought ${bytes} bytes, more than ${MOST_BYTES}`);
        assert.equal(shift, 0, `things on ${path} jumped by ${shift}`);
      });
    }
  }
});
