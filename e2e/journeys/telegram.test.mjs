// A partner connects Telegram, chooses what comes there, and disconnects.

import assert from 'node:assert/strict';
import test from 'node:test';
import { assertAccessible } from '../support/axe.mjs';
import { BOT, startBotApi } from '../support/bot-api.mjs';
import * as people from '../support/people.mjs';
import { scanElement } from '../support/qr.mjs';
import { waitFor } from '../support/server.mjs';
import { setStage } from '../support/stage.mjs';

const NOTICES = '/account/notices';
const PHONE = { id: 7, name: 'Mara', username: 'mara' };

const VARIANTS = [
  { title: 'at a desk', database: 'SQLite', options: { width: 'desktop' } },
  { title: 'on a phone, without JavaScript', database: 'PostgreSQL', options: { width: 'phone', javaScript: false } },
];

for (const { title, database, options } of VARIANTS) {
  test(`notices and Telegram, ${title}, on ${database}`, async (t) => {
    const telegram = await startBotApi();
    // After the stage is cleared: the server asks until it ends.
    const { browser, chapter, person } = await setStage(t, { database, env: telegram.settings });
    t.after(() => telegram.stop());
    const partner = await person('partner', options);
    const { page } = partner;
    const box = (name) => page.locator(`[name="${name}"]`);
    const check = async () => {
      if (options.javaScript !== false) await assertAccessible(page);
    };
    const answer = (pattern) =>
      waitFor(() => telegram.sent.find(({ text }) => pattern.test(text)), () => `the bot never said ${pattern}`);
    let link;

    await chapter('signs up and finds what comes where', async () => {
      await people.signUp(partner, { name: 'Mara Lind', email: 'mara@example.com' });
      await people.open(partner, NOTICES);
      await people.assertSays(partner, 'mara@example.com');
      assert.ok(await box('notice[new_client].mail').isChecked());
      assert.equal(await box('notice[new_client].telegram').count(), 0, 'nothing to choose before connecting');
      await check();
    });

    await chapter('presses Connect and gets a link and a code', async () => {
      await people.follow(page, () => page.getByRole('button', { name: 'Connect Telegram' }).click());
      link = await page.getByRole('link', { name: 'Open Telegram' }).getAttribute('href');
      assert.match(link, new RegExp(`^https://t\\.me/${BOT}\\?start=[\\w-]{43}$`));
      assert.equal(await scanElement(browser, page.getByRole('img', { name: /QR/ })), link, 'the code is the link');
      await check();
    });

    await chapter('presses Start in Telegram and is connected', async () => {
      telegram.writes(PHONE, `/start ${new URL(link).searchParams.get('start')}`);
      const { chat, text } = await answer(/^Connected to/);
      assert.equal(chat, PHONE.id);
      assert.match(text, /Mara Lind/);
      await people.follow(page, () => page.getByRole('link', { name: 'I have pressed Start' }).click());
      await people.assertSays(partner, 'Mara (@mara)');
      await check();
    });

    await chapter('the same link does nothing for somebody else', async () => {
      telegram.writes({ id: 8, name: 'Eve' }, `/start ${new URL(link).searchParams.get('start')}`);
      assert.equal((await answer(/used before/)).chat, 8);
    });

    await chapter('switches one notice off', async () => {
      await box('notice[new_client].telegram').uncheck();
      await people.follow(page, () => page.getByRole('button', { name: 'Save' }).click());
      await people.assertSays(partner, 'Your choice of notices is saved.');
      assert.ok(!(await box('notice[new_client].telegram').isChecked()));
      assert.ok(await box('notice[new_client].mail').isChecked());
      assert.ok(await box('notice[deal_won].telegram').isChecked());
      await check();
    });

    await chapter('disconnects', async () => {
      await people.follow(page, () => page.getByRole('button', { name: 'Disconnect' }).click());
      await people.assertSays(partner, 'Telegram is disconnected.');
      assert.equal(await page.getByRole('button', { name: 'Connect Telegram' }).count(), 1);
      await check();
    });
  });
}

test('a programme without a bot says so', async (t) => {
  const { person } = await setStage(t);
  const partner = await person('partner');
  await people.signUp(partner, { name: 'Noor Haddad', email: 'noor@example.com' });
  await people.open(partner, NOTICES);
  await people.assertSays(partner, 'has no Telegram bot');
  await assertAccessible(partner.page);
});
