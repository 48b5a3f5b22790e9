// One's own account: the address confirmed and changed, the password, devices and sessions; the guide; the audit of it.

import assert from 'node:assert/strict';
import test from 'node:test';
import { assertAccessible } from '../support/axe.mjs';
import { linkIn, startMailbox } from '../support/mailbox.mjs';
import { DATABASES } from '../support/databases.mjs';
import * as people from '../support/people.mjs';
import { setStage } from '../support/stage.mjs';

const NEW_PASSWORD = 'nine-badgers-paint-the-moon';

/** Answers the question behind a one-time address by the button of that name. */
async function answer({ page }, link, button) {
  await page.goto(link, { waitUntil: 'load' });
  await assertAccessible(page, new URL(link).pathname.split('/')[1]);
  await people.follow(page, () => page.getByRole('button', { name: button }).click());
  await assertAccessible(page, `${new URL(link).pathname.split('/')[1]} answered`);
}

/** Whether somebody is still signed in. */
async function isIn(someone) {
  await someone.page.goto('/account', { waitUntil: 'load' });
  return people.pathOf(someone) === '/account';
}

for (const database of DATABASES) {
  test(`an account, on ${database}`, async (t) => {
    const mailbox = await startMailbox(t);
    const { chapter, person } = await setStage(t, { database, env: mailbox.env });
    const laptop = await person('laptop');
    const phone = await person('phone', { width: 'phone', theme: 'dark' });
    const tablet = await person('tablet', { javaScript: false });
    const reader = await person('reader of mail', { width: 'phone' });
    const admin = await person('admin');
    const email = 'pat@example.com';
    const { page } = laptop;
    /** The one-time address in the newest mail with a subject. */
    const mailed = async (address, subject, path) => linkIn(await mailbox.mailTo(address, subject), path);
    await people.becomeFirstAdmin(admin, { name: 'Ada Admin', email: 'ada@example.com' });

    await chapter('a guest reads the guide before signing up', async () => {
      await people.open(phone, '/guide');
      await people.assertSays(phone, '90 days');
      await people.assertSays(phone, '500.00 USD');
      await people.assertSays(phone, '48 hours');
      await assertAccessible(phone.page);
    });

    await chapter('the mail that welcomes a partner confirms the address', async () => {
      await people.signUp(laptop, { name: 'Pat Partner', email });
      await people.open(laptop, '/account');
      await people.assertSays(laptop, 'Not confirmed yet');
      await assertAccessible(page);
      await answer(reader, await mailed(email, 'Welcome to', '/confirm/'), 'Confirm this address');
      await people.assertSays(reader, 'Your email address is confirmed');
      await people.open(laptop, '/account');
      assert.ok(!(await people.textOf(laptop)).includes('Not confirmed yet'));
    });

    await chapter('partners read the guide in the portal, with their own percentage', async () => {
      await people.open(laptop, '/guide');
      await people.assertSays(laptop, 'Your percentage now is 10 %');
      await assertAccessible(page);
    });

    await chapter('a name is changed', async () => {
      await people.open(laptop, '/account');
      await people.send(page, people.form(page, '/account'), { name: 'Pat <Partner> Ümlaut', language: 'de' });
      await people.assertSays(laptop, 'Your profile is saved');
      assert.equal(await people.field(people.form(page, '/account'), 'name').inputValue(), 'Pat <Partner> Ümlaut');
    });

    await chapter('a sign-in from another device is told by mail', async () => {
      await people.signIn(phone, { email });
      await people.signIn(tablet, { email });
      const mail = await mailbox.mailTo(email, 'A sign-in from a new device', 1);
      assert.match(mail.text, /Device: Chrom/);
      await people.open(phone, '/account');
      await people.assertSays(phone, 'This device');
      await assertAccessible(phone.page);
    });

    await chapter('one session is ended', async () => {
      await people.open(laptop, '/account');
      const end = people.form(page, '/account/sessions/end');
      assert.equal(await end.count(), 2, 'one’s own session is ended by Logout');
      await people.send(page, end.first(), {});
      await people.assertSays(laptop, 'The session is ended');
      const ended = [await isIn(phone), await isIn(tablet)].filter((it) => !it).length;
      assert.equal(ended, 1);
      for (const someone of [phone, tablet]) if (!(await isIn(someone))) await people.signIn(someone, { email });
    });

    await chapter('a wrong or weak password is refused beside its field', async () => {
      await people.open(laptop, '/account');
      const form = people.form(page, '/account/password');
      await form.evaluate((it) => (it.noValidate = true));
      const refused = await people.send(page, form, { current_password: 'not-mine', password: 'short' });
      assert.equal(refused.status(), 422);
      const isRefused = async (wrong) => {
        assert.equal(await people.field(form, wrong).getAttribute('aria-invalid'), 'true');
        for (const name of ['current_password', 'password']) {
          assert.equal(await people.field(form, name).inputValue(), '', 'a password is never sent back');
        }
        await assertAccessible(page);
      };
      await isRefused('current_password');
      // The new one is judged once the old one was right.
      await form.evaluate((it) => (it.noValidate = true));
      const weak = await people.send(page, form, { current_password: people.PASSWORD, password: 'short' });
      assert.equal(weak.status(), 422);
      await isRefused('password');
    });

    await chapter('a new password signs every other device out', async () => {
      await people.open(laptop, '/account');
      const values = { current_password: people.PASSWORD, password: NEW_PASSWORD };
      await people.send(page, people.form(page, '/account/password'), values);
      await people.assertSays(laptop, 'Your password is changed');
      assert.ok(await isIn(laptop));
      assert.ok(!(await isIn(phone)) && !(await isIn(tablet)));
      assert.match((await mailbox.mailTo(email, 'Your account was changed')).text, /password of your account was changed/);
      await people.signIn(phone, { email, password: NEW_PASSWORD });
    });

    const newEmail = 'pat@new.example';
    await chapter('a new email address is asked for, and both mailboxes are asked', async () => {
      await people.open(laptop, '/account');
      await page.getByText('Change the email address').click();
      const values = { email: newEmail, password: NEW_PASSWORD };
      await people.send(page, people.form(page, '/account/email'), values);
      await people.assertSays(laptop, `You want to change it to ${newEmail}`);
      await assertAccessible(page);
    });

    await chapter('one mailbox alone changes nothing', async () => {
      await answer(reader, await mailed(newEmail, 'Use this email address', '/email/'), `Use ${newEmail}`);
      await people.assertSays(reader, 'Until then nothing changes');
      await people.open(laptop, '/account');
      await people.assertSays(laptop, 'Has agreed');
      await people.assertSays(laptop, `Keep ${email}`);
    });

    await chapter('both change it, and every other device is signed out', async () => {
      const link = await mailed(email, 'A new email address for your account', '/email/');
      await answer(reader, link, `Agree to ${newEmail}`);
      await people.assertSays(reader, 'Your email address is changed');
      assert.equal((await reader.page.goto(link)).status(), 410);
      await assertAccessible(reader.page, 'a used link');
      assert.ok(!(await isIn(phone)) && !(await isIn(laptop)));
      assert.match((await mailbox.mailTo(email, 'Your account has a new email address')).text, new RegExp(newEmail));
      await people.signIn(laptop, { email: newEmail, password: NEW_PASSWORD });
      await people.open(laptop, '/account');
      await people.assertSays(laptop, newEmail);
    });

    await chapter('the office reads what happened', async () => {
      await people.open(admin, '/office/audit');
      for (const said of ['Changed the email address', `${email} → ${newEmail}`, 'Changed the password', 'Signed up']) {
        await people.assertSays(admin, said);
      }
      await assertAccessible(admin.page);
      const search = admin.page.getByRole('searchbox').first();
      await search.fill('new.example');
      await people.follow(admin.page, () => search.press('Enter'));
      await people.assertSays(admin, 'Asked for another email address');
      assert.ok(!(await people.textOf(admin)).includes('Changed the password'));
      const download = admin.page.waitForEvent('download');
      await admin.page.getByRole('link', { name: 'Download CSV' }).click();
      assert.match((await download).suggestedFilename(), /^audit-.*\.csv$/);
    });

    await chapter('staff have the same page in the office', async () => {
      await people.open(admin, '/account');
      await people.assertSays(admin, 'This device');
      await assertAccessible(admin.page);
      const values = { current_password: people.PASSWORD, password: NEW_PASSWORD };
      await people.send(admin.page, people.form(admin.page, '/account/password'), values);
      await people.assertSays(admin, 'Your password is changed');
    });

    await chapter('the audit is unbroken', async () => {
      const { status, output } = admin.server.command('verify');
      assert.equal(status, 0, output);
      assert.match(output, /The audit is unbroken/);
      assert.match(output, /audit chain \d records \d+ head [0-9a-f]{64}/);
    });
  });
}
