// The QR code, on the screen and in both downloads, is read by an independent decoder and leads clients on.

import assert from 'node:assert/strict';
import test from 'node:test';
import { THEMES, WIDTHS } from '../support/browser.mjs';
import * as people from '../support/people.mjs';
import { download, scan, scanElement } from '../support/qr.mjs';
import { setStage } from '../support/stage.mjs';

/** Print quality: the least width in pixels of the JPG. */
const JPG_WIDTH = 1024;

test('the QR code', async (t) => {
  const { browser, chapter, person } = await setStage(t);
  const partner = await person('partner');
  await people.signUp(partner, { name: 'Pat Partner', email: 'pat@example.com' });
  const link = await people.referralLink(partner);
  const { page } = partner;

  await chapter('is readable on the screen in every width and theme', async () => {
    for (const [width, viewport] of Object.entries(WIDTHS)) {
      for (const theme of THEMES) {
        await page.setViewportSize(viewport);
        await page.emulateMedia({ colorScheme: theme });
        assert.equal(await scanElement(browser, people.qrCode(partner)), link, `${width}, ${theme}`);
      }
    }
  });

  await chapter('as JPG is big enough for print and readable', async () => {
    const file = await download(page, page.getByRole('link', { name: 'Download JPG' }));
    assert.match(file.name, /\.jpe?g$/);
    assert.deepEqual([...file.bytes.subarray(0, 3)], [0xff, 0xd8, 0xff], 'the bytes are those of a JPG');
    const { text, width, height } = await scan(browser, file.bytes, 'image/jpeg');
    assert.equal(text, link);
    assert.ok(width >= JPG_WIDTH && width === height, `${width} x ${height}`);
    // A phone sees it small as well.
    assert.equal((await scan(browser, file.bytes, 'image/jpeg', { width: 200 })).text, link);
  });

  await chapter('as SVG is real vector graphics and readable at any size', async () => {
    const file = await download(page, page.getByRole('link', { name: 'Download SVG' }));
    assert.match(file.name, /\.svg$/);
    const source = file.bytes.toString('utf8');
    assert.match(source, /<svg[^>]+xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
    assert.doesNotMatch(source, /<image|<script|data:/, 'nothing but shapes');
    for (const width of [160, 1000]) {
      assert.equal((await scan(browser, file.bytes, 'image/svg+xml', { width })).text, link, `${width} px wide`);
    }
  });

  await chapter('leads a client to the form, whatever happened to the link', async () => {
    const client = await person('client');
    const code = link.split('/').at(-1);
    for (const path of [`/r/${code}`, `/r/${code.toLowerCase()}`, `/r/${code}.`, `/r/${code}?fbclid=abc&utm_source=x`]) {
      await people.open(client, path);
      assert.ok(client.page.url().includes(`ref=${code}`), `${path} led to ${client.page.url()}`);
    }
    await people.open(client, '/r/not-a-code');
    assert.ok(!client.page.url().includes('ref='), 'a link beyond repair credits nobody');
  });
});
