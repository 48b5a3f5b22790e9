// Support: a partner asks and is answered; a guest who can't sign in asks, and follows the address in the mail.

import assert from 'node:assert/strict';
import test from 'node:test';
import { assertAccessible } from '../support/axe.mjs';
import { linkIn, startMailbox } from '../support/mailbox.mjs';
import * as people from '../support/people.mjs';
import { setStage } from '../support/stage.mjs';

const ask = ({ page }) => people.form(page, '/support');
const reply = ({ page }) => people.form(page, '*/reply');
const answer = ({ page }) => people.form(page, '*/answer');

/** The number in a text, as `S-3001` -> `3001`. */
const numberIn = (text) => text.match(/S-(\d+)/)[1];

async function openTicket(staff, number) {
  await people.open(staff, '/office/support');
  await people.follow(staff.page, () => staff.page.locator(`main a[href="/office/support/${number}"]`).click());
}

const VARIANTS = [
  { width: 'desktop', theme: 'light', database: 'SQLite' },
  { width: 'phone', theme: 'dark', database: 'PostgreSQL' },
  { width: 'phone', theme: 'light', database: 'SQLite', javaScript: false },
];

for (const { width, theme, database, javaScript = true } of VARIANTS) {
  test(`support on a ${width}, ${theme}${javaScript ? '' : ', without JavaScript'}, on ${database}`, async (t) => {
    const mailbox = await startMailbox(t);
    const { chapter, person, server } = await setStage(t, { database, env: mailbox.env });
    const looks = { width, theme, javaScript };
    const admin = await person('admin', looks);
    const partner = await person('partner', looks);
    const guest = await person('guest', looks);
    // What is evaluated in the page needs scripts; pages look the same with them.
    const accessible = async ({ page }) => javaScript && assertAccessible(page);
    await people.becomeFirstAdmin(admin, { name: 'Ada Admin', email: 'ada@example.com' });
    await people.signUp(partner, { name: 'Pat Partner', email: 'pat@example.com' });
    let number;

    await chapter("a number that isn't the partner's is refused beside the field", async () => {
      await people.open(partner, '/support');
      assert.equal(await people.field(ask(partner), 'email').inputValue(), 'pat@example.com');
      await accessible(partner);
      const values = { kind: 'financial', transaction: 'T-2001', message: 'Where is\nmy money?' };
      const refused = await people.send(partner.page, ask(partner), values);
      assert.equal(refused.status(), 422);
      await people.assertSays(partner, 'not one of your clients or transactions');
      assert.equal(await people.field(ask(partner), 'message').inputValue(), values.message);
      assert.ok(await ask(partner).locator('[value="financial"]').isChecked(), 'the type is kept');
      await accessible(partner);
    });

    await chapter('without it, the partner gets a ticket number', async () => {
      await people.send(partner.page, ask(partner), { transaction: '' });
      number = numberIn(await people.textOf(partner));
      assert.equal(people.pathOf(partner), `/support/${number}`);
      await people.assertSays(partner, 'We have your request');
      await accessible(partner);
      await people.open(partner, '/support');
      assert.equal(await people.row(partner, `S-${number}`, /waits for/).count(), 1);
      await accessible(partner);
    });

    await chapter('and a mail that says so, without the words: nobody has shown that the mailbox is theirs', async () => {
      const mail = await mailbox.mailTo('pat@example.com', `S-${number}`);
      assert.ok(!mail.text.includes('my money'), mail.text);
    });

    await chapter('the office sees who waits, and answers', async () => {
      await people.open(admin, '/office/support');
      assert.match(await people.row(admin, `S-${number}`).innerText(), /min left/);
      await accessible(admin);
      await openTicket(admin, number);
      await people.assertSays(admin, 'Pat Partner');
      await accessible(admin);
      const note = people.form(admin.page, '*/note');
      await people.send(admin.page, note, { message: 'Rang the bank' });
      await people.send(admin.page, answer(admin), { answer: 'It left on Monday.' });
      await people.assertSays(admin, 'Answered');
      await people.assertSays(admin, 'Rang the bank');
      await accessible(admin);
    });

    await chapter('the partner sees the answer and no note, replies and is answered again', async () => {
      await people.open(partner, '/support');
      await people.follow(partner.page, () => people.row(partner, `S-${number}`, 'Answered').getByRole('link').click());
      await people.assertSays(partner, 'It left on Monday.');
      assert.ok(!(await people.textOf(partner)).includes('Rang the bank'));
      await people.send(partner.page, reply(partner), { message: 'Still nothing here.' });
      await people.assertSays(partner, 'Still nothing here.');
      await people.assertSays(partner, 'waits for');
      await accessible(partner);
      await openTicket(admin, number);
      await people.assertSays(admin, 'Still nothing here.');
    });

    await chapter('of two answers at once the second sees the first, and loses nothing', async () => {
      // The page was opened before the partner wrote once more.
      await people.send(partner.page, reply(partner), { message: 'It has come!' });
      const late = await people.send(admin.page, answer(admin), { answer: 'We look into it.' });
      assert.equal(late.status(), 409);
      await people.assertSays(admin, 'It has come!');
      assert.equal(await people.field(answer(admin), 'answer').inputValue(), 'We look into it.');
      await accessible(admin);
      await people.send(admin.page, answer(admin), { answer: 'Good to hear.' });
      await people.open(partner, `/support/${number}`);
      await people.assertSays(partner, 'Good to hear.');
    });

    await chapter('the partner closes it', async () => {
      await people.send(partner.page, people.form(partner.page, '*/close'), {});
      await people.assertSays(partner, 'Your request is closed');
      await people.assertSays(partner, 'open it again');
      await accessible(partner);
      await people.open(admin, `/office/support/${number}`);
      await people.assertSays(admin, 'Pat Partner closed this request');
      await people.send(admin.page, people.form(admin.page, '*/reopen'), {});
      await people.assertSays(admin, 'The request is open again');
      await accessible(admin);
    });

    await chapter("whoever can't sign in writes as a guest", async () => {
      await people.open(guest, '/sign-in');
      await people.follow(guest.page, () => guest.page.locator('main a[href="/support"]').click());
      await accessible(guest);
      const values = {
        name: 'Pat Partner', email: 'pat@example.com', kind: 'technical', transaction: 'T-2001', message: 'The mail never comes.',
      };
      const received = await people.send(guest.page, ask(guest), values);
      assert.equal(received.status(), 201);
      number = numberIn(await people.textOf(guest));
      await accessible(guest);
    });

    await chapter('the office is warned that the address proves nothing', async () => {
      await openTicket(admin, number);
      await people.assertSays(admin, 'Same address as partner Pat Partner, not signed in');
      await people.assertSays(admin, 'Not checked');
      await accessible(admin);
      await people.send(admin.page, answer(admin), { answer: 'We have sent a new one.' });
    });

    await chapter('the address in the mail leads to the conversation, and to nothing else', async () => {
      const mail = await mailbox.mailTo('pat@example.com', `Answer to your request S-${number}`);
      assert.match(mail.text, /^> We have sent a new one\.$/m);
      const address = new URL(linkIn(mail, `/support/${number}/`)).pathname;
      await people.open(guest, address);
      await people.assertSays(guest, 'The mail never comes.');
      await people.assertSays(guest, 'We have sent a new one.');
      await accessible(guest);
      await people.send(guest.page, people.form(guest.page, address), { message: 'It has come, thank you.' });
      await people.assertSays(guest, 'It has come, thank you.');
      const wrong = await guest.page.goto(`${address.slice(0, -3)}xxx`);
      assert.equal(wrong.status(), 404);
      await people.assertSays(guest, 'leads nowhere');
      await accessible(guest);
      // The partner's own list doesn't have it.
      await people.open(partner, '/support');
      assert.equal(await people.row(partner, `S-${number}`).count(), 0);
      await openTicket(admin, number);
      await people.assertSays(admin, 'It has come, thank you.');
    });

    await chapter('feedback is answered by mail', async () => {
      await people.open(partner, '/link');
      await people.sendFeedback(partner, 'A dark theme please');
      await people.open(admin, '/office/feedback');
      await accessible(admin);
      await people.follow(admin.page, () => admin.page.getByRole('link', { name: 'Answer Pat Partner' }).click());
      await accessible(admin);
      await people.send(admin.page, answer(admin), { answer: 'It follows your system.' });
      await people.assertSays(admin, 'The answer is on its way by mail');
      assert.match((await mailbox.mailTo('pat@example.com', 'An answer to your feedback')).text, /It follows your system\./);
      await accessible(admin);
      await people.open(admin, '/office/feedback?show=done');
      await people.assertSays(admin, 'It follows your system.');
      await accessible(admin);
    });

    await chapter('the audit is unbroken', () => {
      const { status, output } = server.command('verify');
      assert.equal(status, 0, output);
    });
  });
}
