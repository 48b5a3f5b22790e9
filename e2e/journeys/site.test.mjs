// The company's own site, on another origin: it remembers whose link was followed, and sends the client.

import assert from 'node:assert/strict';
import test from 'node:test';
import { gzipSync } from 'node:zlib';
import { assertAccessible } from '../support/axe.mjs';
import { startHostSite } from '../support/host-site.mjs';
import * as people from '../support/people.mjs';
import { setStage } from '../support/stage.mjs';

const HEAVIEST_SCRIPT = 4096;

for (const database of ['SQLite', 'PostgreSQL']) {
  test(`the company's own site, on ${database}`, async (t) => {
    const { browser, server, chapter, person } = await setStage(t, { database });
    const site = await startHostSite();
    t.after(() => site.stop());
    site.listen(server.url);
    const admin = await person('admin');
    const partner = await person('partner');
    let link;
    let code;

    /** Somebody on the company's site; what went wrong there, its policy's refusals included, is told when they leave. */
    const visitor = async (options = {}) => {
      const context = await browser.newContext({ viewport: { width: 390, height: 844 }, ...options });
      const problems = [];
      context.on('console', (message) => {
        if (!message.text().startsWith('Failed to load resource') && message.type() === 'error') problems.push(message.text());
      });
      context.on('weberror', (error) => problems.push(String(error.error())));
      const page = await context.newPage();
      page.setDefaultTimeout(10_000);
      const leave = async () => {
        await context.close();
        assert.deepEqual(problems, [], 'what went wrong on the company site');
      };
      return { page, context, leave };
    };
    const kept = (page) => page.evaluate(() => localStorage.getItem('goodword_ref'));

    await chapter('the admin says where it is, a partner signs up', async () => {
      await people.becomeFirstAdmin(admin, { name: 'Ada Admin', email: 'ada@example.com' });
      await people.open(admin, '/office/settings');
      await people.send(admin.page, people.form(admin.page, '/office/settings'), { site_url: `${site.url}/` });
      await people.signUp(partner, { name: 'Pat Partner', email: 'pat@example.com' });
      link = await people.referralLink(partner);
      code = link.split('/').at(-1);
    });

    await chapter('the script is small', async () => {
      const text = await (await fetch(`${server.url}/embed/v1.js`)).text();
      const bytes = gzipSync(text).length;
      assert.ok(bytes < HEAVIEST_SCRIPT, `${bytes} bytes`);
    });

    await chapter('a client follows the link, looks around, and sends the form after a mistake', async () => {
      const { page, leave } = await visitor();
      await page.goto(link);
      assert.equal(page.url(), `${site.url}/?ref=${code}`);
      // The address changes without a page being loaded, then a page is loaded without the code.
      await page.evaluate(() => history.pushState({}, '', '/beans'));
      await Promise.all([page.waitForURL('**/talk'), page.getByRole('link', { name: 'Talk to us' }).click()]);
      const globals = await page.evaluate(() => Object.keys(window).filter((name) => /goodword/i.test(name)));
      assert.deepEqual(globals, ['Goodword']);
      const send = page.getByRole('button', { name: 'Send' });
      await send.waitFor();
      await assertAccessible(page);
      await page.getByLabel('Name').fill('Cleo Client');
      await page.getByLabel('Email').fill('not an address');
      // Whoever is quicker than this is asked to send once more.
      await page.waitForTimeout(1_600);
      await send.click();
      const email = page.getByLabel('Email');
      await page.locator('.goodword-error:not(:empty)').waitFor();
      assert.equal(await email.getAttribute('aria-invalid'), 'true');
      assert.equal(await page.getByLabel('Name').inputValue(), 'Cleo Client');
      await email.fill('cleo@example.com');
      await send.click();
      const thanks = page.locator('.goodword-thanks');
      await thanks.waitFor();
      const number = (await thanks.innerText()).match(/C-\d+/)[0];
      await leave();
      await people.open(admin, `/office/clients/${number.slice(2)}`);
      await people.assertSays(admin, 'Cleo Client');
      await people.assertSays(admin, 'Pat Partner');
    });

    await chapter("the site's own form carries the code in a hidden field", async () => {
      const { page, leave } = await visitor();
      await page.goto(`${site.url}/?ref=${code}`);
      for (const path of ['/own', '/wrapped']) {
        await page.goto(site.url + path);
        await page.getByLabel('Name').fill('Cleo');
        await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: 'Go' }).click()]);
        assert.deepEqual([...site.sent.at(-1)], [['who', 'Cleo'], ['ref', code]], path);
      }
      await leave();
    });

    await chapter('a link of the old system, and where a link stood', async () => {
      const { page, leave } = await visitor();
      await people.open(partner, '/link');
      await people.send(partner.page, people.form(partner.page, '/link/alias'), { alias: 'pats-place' });
      await page.goto(`${site.url}/?via=Pats-Place&ref_source=old-blog`);
      await page.goto(`${site.url}/own`);
      await page.getByLabel('Name').fill('Cleo');
      await Promise.all([page.waitForNavigation(), page.getByRole('button', { name: 'Go' }).click()]);
      assert.deepEqual([...site.sent.at(-1)], [['who', 'Cleo'], ['ref', 'Pats-Place'], ['ref_source', 'old-blog']]);
      await page.goto(`${server.url}/r/pats-place?s=newsletter`);
      await page.goto(`${site.url}/talk`);
      await page.getByLabel('Name').fill('Second Client');
      await page.getByLabel('Email').fill('second@example.com');
      await page.waitForTimeout(1_600);
      await page.getByRole('button', { name: 'Send' }).click();
      await page.locator('.goodword-thanks').waitFor();
      await leave();
      await people.open(partner, '/statistics');
      await people.assertSays(partner, 'newsletter');
    });

    await chapter('nothing is kept before consent, and nothing after a refusal', async () => {
      const { page, context, leave } = await visitor();
      const hidden = page.locator('form [name="ref"]');
      await page.goto(`${site.url}/own?consent=wait&ref=${code}`);
      // This page still knows it.
      await hidden.waitFor({ state: 'attached' });
      assert.equal(await hidden.inputValue(), code);
      assert.equal(await kept(page), null);
      assert.deepEqual((await context.cookies(site.url)).filter(({ name }) => name === 'goodword_ref'), []);
      await page.evaluate(() => Goodword.consent(true));
      assert.match(await kept(page), new RegExp(`${code}$`));
      await page.evaluate(() => Goodword.consent(false));
      assert.equal(await kept(page), null);
      assert.equal(await hidden.inputValue(), '');
      await leave();
    });

    await chapter('a browser that refuses storage keeps a cookie', async () => {
      const { page, context, leave } = await visitor();
      await context.addInitScript(() => Object.defineProperty(window, 'localStorage', { get() { throw new Error('refused'); } }));
      await page.goto(`${site.url}/?ref=${code}`);
      await page.goto(`${site.url}/own`);
      const hidden = page.locator('form [name="ref"]');
      await hidden.waitFor({ state: 'attached' });
      assert.equal(await hidden.inputValue(), code);
      await leave();
    });
  });
}
