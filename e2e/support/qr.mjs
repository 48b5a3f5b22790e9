// Reads QR codes as a phone does: from pixels, by a decoder that has nothing to do with the one that drew them.

import { createRequire } from 'node:module';

const jsQR = createRequire(import.meta.url).resolve('jsqr/dist/jsQR.js');

/**
 * Renders a picture in Chromium and decodes the QR code in it.
 *
 * @param browser what `launch` gave
 * @param {Buffer} bytes of a PNG, JPG or SVG
 * @param {string} type e.g. `image/svg+xml`
 * @param {{width?: number}} options `width` in pixels to draw it at; its own size by default
 * @returns {Promise<{text: string | null, width: number, height: number}>} the text and the picture's own size
 */
export async function scan(browser, bytes, type, { width } = {}) {
  const context = await browser.newContext();
  try {
    const page = await context.newPage();
    await page.addScriptTag({ path: jsQR });
    return await page.evaluate(async ({ source, width }) => {
      const picture = new Image();
      picture.src = source;
      await picture.decode();
      const scale = width ? width / picture.naturalWidth : 1;
      const canvas = document.createElement('canvas');
      canvas.width = Math.round(picture.naturalWidth * scale);
      canvas.height = Math.round(picture.naturalHeight * scale);
      const pen = canvas.getContext('2d');
      // Behind a transparent picture lies paper.
      pen.fillStyle = 'white';
      pen.fillRect(0, 0, canvas.width, canvas.height);
      pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
      const { data } = pen.getImageData(0, 0, canvas.width, canvas.height);
      const code = globalThis.jsQR(data, canvas.width, canvas.height, { inversionAttempts: 'dontInvert' });
      return { text: code?.data ?? null, width: picture.naturalWidth, height: picture.naturalHeight };
    }, { source: `data:${type};base64,${bytes.toString('base64')}`, width });
  } finally {
    await context.close();
  }
}

/** Decodes the QR code as it stands on the screen. */
export async function scanElement(browser, locator) {
  await locator.scrollIntoViewIfNeeded();
  return (await scan(browser, await locator.screenshot(), 'image/png')).text;
}

/** Clicks on a download and gives back its bytes and the name it is saved under. */
export async function download(page, locator) {
  const [file] = await Promise.all([page.waitForEvent('download'), locator.click()]);
  const parts = [];
  for await (const part of await file.createReadStream()) parts.push(part);
  return { name: file.suggestedFilename(), bytes: Buffer.concat(parts) };
}
