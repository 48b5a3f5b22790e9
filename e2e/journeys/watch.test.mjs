// The watch over pages is itself watched: each kind of trouble, put on a page on purpose, is noticed.

import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import test from 'node:test';
import { assertAccessible } from '../support/axe.mjs';
import { assertFits, launch, person } from '../support/browser.mjs';

const page = (body) => `<!doctype html><html lang="en"><title>Page</title>
  <meta name="viewport" content="width=device-width"><link rel="icon" href="/icon.svg"><main><h1>Page</h1>${body}</main></html>`;

const TROUBLE = [
  { what: 'a message on the console', path: '/console', byScript: true, expected: /console: something odd/ },
  { what: 'an error of a script', path: '/error', byScript: true, expected: /script: .*broken/ },
  { what: 'an inline script', path: '/inline', byScript: true, expected: /inline script.*Content Security Policy/i },
  { what: 'an inline style', path: '/style', expected: /inline style.*Content Security Policy/i },
  { what: 'a request to a foreign host', path: '/foreign', expected: /foreign host: https:\/\/example\.com/ },
  { what: 'a picture that is not there', path: '/missing', expected: /answered with 404/ },
  { what: 'a page that the server failed on', path: '/failing', expected: /answered with 500/ },
];

const PAGES = {
  '/good': page('<p>Nothing to see</p>'),
  '/console': page('<script src="/console.js"></script>'),
  '/console.js': 'console.error("something odd")',
  '/error': page('<script src="/error.js"></script>'),
  '/error.js': 'throw new Error("broken")',
  '/inline': page('<script>document.title = "x"</script>'),
  '/style': page('<p style="color: red">x</p>'),
  '/foreign': page('<img alt="" src="https://example.com/x.png">'),
  '/missing': page('<img alt="" src="/nowhere.png">'),
  '/failing': page('<p>Sorry</p>'),
  '/refused': page('<p>Please fill in your name</p>'),
  '/unnamed': page('<input>'),
  '/wide': page('<p id="wide">x</p><link rel="stylesheet" href="/wide.css">'),
  '/icon.svg': '<svg xmlns="http://www.w3.org/2000/svg"/>',
  '/wide.css': '#wide { width: 900px }',
};

function serve() {
  const server = createServer((request, response) => {
    const body = PAGES[request.url];
    const type = { js: 'text/javascript', css: 'text/css', svg: 'image/svg+xml' }[request.url.split('.')[1]] ?? 'text/html';
    response.writeHead({ '/failing': 500, '/refused': 422 }[request.url] ?? (body ? 200 : 404), {
      'content-type': type,
      // Foreign pictures pass the policy here, so that it is the watch that has to notice them.
      'content-security-policy': "default-src 'self'; img-src *",
    });
    response.end(body);
  });
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(server)));
}

test('the watch over pages', async (t) => {
  const server = await serve();
  const browser = await launch();
  t.after(async () => {
    await browser.close();
    await new Promise((resolve) => server.close(resolve));
  });
  const origin = { url: `http://127.0.0.1:${server.address().port}` };

  for (const { what, path, byScript, expected } of TROUBLE) {
    // What only a script can do is no trouble where scripts are off.
    for (const javaScript of byScript ? [true] : [true, false]) {
      await t.test(`notices ${what}${javaScript ? '' : ' without JavaScript'}`, async () => {
        const someone = await person(browser, origin, { javaScript });
        await someone.page.goto(path, { waitUntil: 'networkidle' });
        await assert.rejects(someone.leave(), (error) => expected.test(JSON.stringify(error.actual)));
      });
    }
  }

  await t.test('has nothing against a good page, nor a refused form', async () => {
    const someone = await person(browser, origin);
    await someone.page.goto('/good');
    await assertAccessible(someone.page);
    await someone.page.goto('/refused');
    await someone.leave();
  });

  await t.test('notices a field without a name', async () => {
    const someone = await person(browser, origin);
    await someone.page.goto('/unnamed');
    await assert.rejects(assertAccessible(someone.page), /light: label: .*dark: label: /s);
    await someone.leave();
  });

  await t.test('notices a page that is wider than a phone', async () => {
    const someone = await person(browser, origin, { width: 'phone' });
    await someone.page.goto('/wide');
    await assert.rejects(assertFits(someone.page), /9\d\d px wide.*id="wide"/s);
    await someone.leave();
  });
});
