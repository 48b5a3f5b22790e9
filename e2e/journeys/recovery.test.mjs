// A partner forgets the password: by mail, and by hand where no mail is set up.

import assert from 'node:assert/strict';
import test from 'node:test';
import { assertAccessible } from '../support/axe.mjs';
import { linkIn, startMailbox } from '../support/mailbox.mjs';
import { DATABASES } from '../support/databases.mjs';
import * as people from '../support/people.mjs';
import { setStage } from '../support/stage.mjs';

const MARA = { name: 'Mara Lindqvist', email: 'mara@example.com' };
const ADA = { name: 'Ada Admin', email: 'ada@example.com' };
const NEW_PASSWORD = 'nine-herons-paint-a-barn';

/** Asks for a new password, as somebody who starts at signing in. */
async function askForPassword(someone, email) {
  await people.open(someone, '/sign-in');
  await people.follow(someone.page, () => someone.page.locator('main a[href^="/recover"]').first().click());
  const answer = await people.send(someone.page, people.form(someone.page, '/recover'), { email });
  assert.equal(answer.status(), 200);
  return people.textOf(someone);
}

const chooseWith = (someone, password) => people.send(someone.page, someone.page.locator('main form'), { password });

for (const database of DATABASES) {
  test(`a forgotten password, with mail, on ${database}`, async (t) => {
    const mailbox = await startMailbox(t);
    const { chapter, person } = await setStage(t, { database, env: mailbox.env });
    const atHome = await person('mara at home', { theme: 'dark' });
    const onPhone = await person('mara on her phone', { width: 'phone' });
    const stranger = await person('stranger');
    const ada = await person('ada');
    let link;

    await chapter('the office is open', async () => {
      await people.becomeFirstAdmin(ada, ADA);
      assert.doesNotMatch(await people.textOf(ada), /Mail is not set up/);
    });

    await chapter('Mara is signed in at home', () => people.signUp(atHome, MARA));

    await chapter('on her phone she asks, and the answer tells nobody who has an account', async () => {
      const known = await askForPassword(onPhone, MARA.email);
      await assertAccessible(onPhone.page);
      const unknown = await askForPassword(stranger, 'nobody@example.com');
      assert.equal(known, unknown);
    });

    await chapter('a real mail comes, in text and HTML', async () => {
      const mail = await mailbox.mailTo(MARA.email, 'Choose a new password');
      assert.equal(mail.headers.to, MARA.email, 'nobody is named whose address is not confirmed');
      assert.equal(mail.headers['auto-submitted'], 'auto-generated');
      link = linkIn(mail, '/reset/');
      assert.ok(mail.html.includes(link));
      assert.equal(mailbox.mails.filter((it) => it.recipient === 'nobody@example.com').length, 0);
    });

    await chapter('the office sees that it was sent, and not what is in it', async () => {
      await people.open(ada, '/office/recovery');
      await people.row(ada, MARA.email).getByText('answered').waitFor();
      await assertAccessible(ada.page);
      await people.follow(ada.page, () => people.row(ada, MARA.email).locator('a[href^="/office/outbox/"]').click());
      await people.assertSays(ada, 'its text was not kept');
      assert.ok(!(await ada.page.content()).includes('/reset/'));
      await assertAccessible(ada.page);
    });

    await chapter('a weak password is refused, and the link still works', async () => {
      await people.open(onPhone, link);
      await people.assertSays(onPhone, MARA.email);
      await assertAccessible(onPhone.page);
      await onPhone.page.locator('main form').evaluate((it) => (it.noValidate = true));
      const answer = await chooseWith(onPhone, 'password');
      assert.equal(answer.status(), 422);
      await assertAccessible(onPhone.page);
    });

    await chapter('with a new one she is in', async () => {
      await chooseWith(onPhone, NEW_PASSWORD);
      assert.equal(people.pathOf(onPhone), '/link');
    });

    await chapter('the session at home has ended, and only the new password opens', async () => {
      await atHome.page.goto('/statistics');
      assert.equal(people.pathOf(atHome), '/sign-in');
      const form = people.form(atHome.page, '/sign-in');
      const answer = await people.send(atHome.page, form, { email: MARA.email, password: people.PASSWORD });
      assert.equal(answer.status(), 401);
      await people.signIn(atHome, { email: MARA.email, password: NEW_PASSWORD });
    });

    await chapter('she is told that it was changed', async () => {
      const mail = await mailbox.mailTo(MARA.email, 'Your account was changed');
      assert.match(mail.text, /new password/);
    });

    await chapter('the link is used up, and says how to go on', async () => {
      const answer = await stranger.page.goto(link);
      assert.equal(answer.status(), 410);
      await assertAccessible(stranger.page);
      await people.follow(stranger.page, () => stranger.page.locator('main a[href="/recover"]').click());
    });

    await chapter('asked again, and sent again by the office: only the newest link works', async () => {
      await people.signOut(onPhone);
      await askForPassword(onPhone, MARA.email);
      const first = linkIn(await mailbox.mailTo(MARA.email, 'Choose a new password', 1), '/reset/');
      await people.open(ada, '/office/recovery');
      await people.follow(ada.page, () => people.row(ada, MARA.email).getByRole('button', { name: /^Send now/ }).click());
      await people.assertSays(ada, 'on its way');
      const second = linkIn(await mailbox.mailTo(MARA.email, 'Choose a new password', 2), '/reset/');
      assert.equal((await stranger.page.goto(first)).status(), 410);
      await people.open(stranger, second);
    });

    await chapter('a message that a mail server refuses is parked, and can be sent again or not', async () => {
      const { page } = ada;
      await people.invite(ada, { name: 'Nobody Here', email: 'refused@example.com', role: 'support' });
      await people.assertSays(ada, 'A mail with this address is on its way');
      const parked = async () => {
        await people.open(ada, '/office/outbox?status=parked');
        return people.row(ada, 'refused@example.com').count();
      };
      for (let tries = 0; (await parked()) === 0; tries += 1) assert.ok(tries < 100, 'the message is parked');
      await people.assertSays(ada, 'no such mailbox here');
      await assertAccessible(page);
      await people.follow(page, () => people.row(ada, 'refused@example.com').getByRole('link').first().click());
      await people.assertSays(ada, '550');
      await assertAccessible(page);
      await people.follow(page, () => page.getByRole('button', { name: 'Send again' }).click());
      await people.assertSays(ada, 'waits to be sent again');
      for (let tries = 0; (await parked()) === 0; tries += 1) assert.ok(tries < 100, 'it is parked again');
      await people.follow(page, () => people.row(ada, 'refused@example.com').getByRole('link').first().click());
      await people.follow(page, () => page.getByRole('button', { name: "Don't send" }).click());
      await people.assertSays(ada, 'The message is not sent');
      await assertAccessible(page);
    });
  });

  test(`a forgotten password, without mail, on ${database}`, async (t) => {
    const { chapter, person, server } = await setStage(t, { database });
    const mara = await person('mara', { width: 'phone' });
    const ada = await person('ada', { width: 'phone', theme: 'dark' });

    await chapter('the office says on every page that mail is not set up', async () => {
      await people.becomeFirstAdmin(ada, ADA);
      for (const path of ['/office/clients', '/office/withdrawals', '/office/recovery', '/office/settings', '/office/outbox']) {
        await people.open(ada, path);
        await people.assertSays(ada, 'Mail is not set up');
      }
      await assertAccessible(ada.page);
    });

    await chapter('Mara asks', async () => {
      await people.signUp(mara, MARA);
      await people.signOut(mara);
      await askForPassword(mara, MARA.email);
    });

    await chapter('Ada makes the address and sends it by hand', async () => {
      await people.open(ada, '/office/recovery');
      await assertAccessible(ada.page);
      await people.follow(ada.page, () => ada.page.getByRole('button', { name: /^Make the address/ }).click());
      await assertAccessible(ada.page);
      const mailto = await ada.page.locator('main a[href^="mailto:"]').getAttribute('href');
      assert.ok(mailto.startsWith(`mailto:${MARA.email}?`), mailto);
      const address = (await ada.page.content()).match(/https?:\/\/[^"'<\s]+\/reset\/[\w-]+/)[0];
      await people.open(mara, address);
      await chooseWith(mara, NEW_PASSWORD);
      assert.equal(people.pathOf(mara), '/link');
    });

    await chapter('the audit is unbroken', () => {
      const { status, output } = server.command('verify');
      assert.equal(status, 0, output);
    });
  });
}
