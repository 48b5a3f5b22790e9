// What is refused says why, beside the field, and keeps what was typed.

import assert from 'node:assert/strict';
import test from 'node:test';
import { assertAccessible } from '../support/axe.mjs';
import * as people from '../support/people.mjs';
import { setStage } from '../support/stage.mjs';

const HEBREW = 'שלום';

/** Fails if the field isn't marked as wrong with a sentence that belongs to it. @returns the sentence */
async function assertMarked(form, name) {
  const field = people.field(form, name).first();
  assert.equal(await field.getAttribute('aria-invalid'), 'true', `${name} is marked as wrong`);
  const ids = (await field.getAttribute('aria-describedby')) ?? '';
  const said = [];
  for (const id of ids.split(/\s+/).filter(Boolean)) {
    const note = form.page().locator(`[id="${id}"]`);
    assert.ok(await note.isVisible(), `the note #${id} on ${name} can be seen`);
    said.push(await note.innerText());
  }
  assert.ok(said.join(' ').trim().length > 10, `${name} is told in a sentence what is wrong: "${said.join(' ')}"`);
  return said.join(' ');
}

/** Sends a form that the browser itself would hold back. */
async function sendAnyway(page, form, values, button) {
  await form.evaluate((it) => (it.noValidate = true));
  return people.send(page, form, values, button);
}

/** A form carries a random id of its own, by which the server knows it when it comes twice. */
const hidden = (form, name) => form.locator(`input[type="hidden"][name="${name}"]`);
const setHidden = (form, name, value) => hidden(form, name).evaluate((it, value) => (it.value = value), value);

test('signing up and in', async (t) => {
  const { chapter, person } = await setStage(t);
  const guest = await person('guest', { width: 'phone' });
  const { page } = guest;
  const signUp = () => people.form(page, '/sign-up');
  const good = { name: 'Pat Partner', email: 'pat@example.com', password: people.PASSWORD };

  const REFUSED = [
    ['an empty name', 'name', ''],
    ['a name that is too long', 'name', 'n'.repeat(1000)],
    ['no email address', 'email', 'pat at example'],
    ['a weak password', 'password', 'password'],
    ['an empty password', 'password', ''],
  ];
  for (const [what, name, value] of REFUSED) {
    await chapter(`${what} is refused beside the field`, async () => {
      await people.open(guest, '/sign-up');
      const values = { ...good, [name]: value };
      const answer = await sendAnyway(page, signUp(), values);
      assert.equal(answer.status(), 422);
      await assertMarked(signUp(), name);
      assert.equal(await people.field(signUp(), 'name').inputValue(), values.name);
      assert.equal(await people.field(signUp(), 'email').inputValue(), values.email);
      assert.equal(await people.field(signUp(), 'password').inputValue(), '', 'a password is never sent back');
      await assertAccessible(page);
    });
  }

  await chapter('a name with markup, emoji and right-to-left text is a name', async () => {
    const name = `<script>alert(1)</script> 🦊 ${HEBREW}`;
    await people.signUp(guest, { ...good, name });
    await people.open(guest, '/statistics');
    await assertAccessible(page);
    await people.signOut(guest);
  });

  await chapter('a known email leads to signing in, with the email filled in', async () => {
    await people.open(guest, '/sign-up');
    const answer = await people.send(page, signUp(), good);
    assert.equal(answer.status(), 409);
    await assertAccessible(page);
    await people.follow(page, () => page.locator('main a[href^="/sign-in?email="]').first().click());
    assert.equal(await people.field(people.form(page, '/sign-in'), 'email').inputValue(), good.email);
  });

  await chapter('a wrong password offers two ways on', async () => {
    const answer = await people.send(page, people.form(page, '/sign-in'), { email: good.email, password: 'wrong-otter' });
    assert.equal(answer.status(), 401);
    for (const way of ['/recover', '/sign-up']) {
      await page.locator(`main a[href^="${way}"]`).first().waitFor();
    }
    const form = people.form(page, '/sign-in');
    assert.equal(await people.field(form, 'email').inputValue(), good.email);
    assert.equal(await people.field(form, 'password').inputValue(), '');
    await assertAccessible(page);
  });

  await chapter('a page that needs signing in comes back after it', async () => {
    await page.goto('/wallets');
    assert.equal(people.pathOf(guest), '/sign-in');
    await people.send(page, people.form(page, '/sign-in'), { email: good.email, password: people.PASSWORD });
    assert.equal(people.pathOf(guest), '/wallets');
  });

  await chapter('an address that does not exist has a way on', async () => {
    const answer = await page.goto('/no-such-page');
    assert.equal(answer.status(), 404);
    await page.locator('main a[href]').first().waitFor();
    await assertAccessible(page);
  });
});

test('the contact form', async (t) => {
  const { chapter, person } = await setStage(t);
  const client = await person('client', { width: 'phone', theme: 'dark' });
  const { page } = client;
  const contact = () => people.form(page, '/contact');

  await chapter('without a way to be reached it is refused, and nothing typed is lost', async () => {
    await people.open(client, '/contact');
    const values = { name: `Cleo ${HEBREW}`, message: 'Line one\nLine two with <b>markup</b> & 🦊' };
    const answer = await sendAnyway(page, contact(), values);
    assert.equal(answer.status(), 422);
    await assertMarked(contact(), 'email');
    assert.equal(await people.field(contact(), 'name').inputValue(), values.name);
    assert.equal(await people.field(contact(), 'message').inputValue(), values.message);
    await assertAccessible(page);
  });

  await chapter('an unusable email address is refused', async () => {
    const answer = await sendAnyway(page, contact(), { email: 'cleo@' });
    assert.equal(answer.status(), 422);
    await assertMarked(contact(), 'email');
    assert.equal(await people.field(contact(), 'email').inputValue(), 'cleo@');
  });

  await chapter('sent twice it makes one client', async () => {
    const submission = await hidden(contact(), 'submission').inputValue();
    await people.send(page, contact(), { email: 'cleo@example.com' });
    const first = (await people.textOf(client)).match(/C-\d+/)[0];
    await people.open(client, '/contact');
    await setHidden(contact(), 'submission', submission);
    await people.send(page, contact(), { name: 'Cleo', email: 'cleo@example.com', message: 'Once more' });
    const again = (await people.textOf(client)).match(/C-\d+/)[0];
    assert.equal(again, first, 'the same submission gets the same client number');
  });
});

test('wallets and withdrawals', async (t) => {
  const { chapter, person } = await setStage(t);
  const partner = await person('partner');
  const { page } = partner;
  await people.signUp(partner, { name: 'Pat Partner', email: 'pat@example.com' });

  await chapter('an address with a typing error is refused by its own checksum', async () => {
    const typo = people.TRON_ADDRESS.replace('nKs', 'nKt');
    const answer = await people.addWallet(partner, { label: 'Cold', address: typo });
    assert.equal(answer.status(), 422);
    await assertMarked(people.form(page, '/wallets'), 'wallet[0].address');
    assert.equal(await people.field(people.form(page, '/wallets'), 'wallet[0].address').inputValue(), typo);
    assert.equal(await people.field(people.form(page, '/wallets'), 'wallet[0].label').inputValue(), 'Cold');
    await assertAccessible(page);
  });

  await chapter('nothing was saved by that', async () => {
    await people.open(partner, '/wallets');
    assert.ok(!(await page.content()).includes('Cold'));
  });

  await chapter('leaving with unsaved changes warns', async () => {
    await people.open(partner, '/wallets');
    const label = people.field(people.form(page, '/wallets'), 'wallet[0].label');
    await label.pressSequentially('Main');
    // The click ends only when the warning is answered.
    const warned = page.waitForEvent('dialog');
    const clicked = page.getByRole('link', { name: 'Statistics' }).first().click();
    const warning = await warned;
    assert.equal(warning.type(), 'beforeunload');
    await warning.dismiss();
    await clicked;
    assert.equal(people.pathOf(partner), '/wallets');
    assert.equal(await label.inputValue(), 'Main');
  });

  await chapter('saving does not warn, nor does leaving after it', async () => {
    const warnings = [];
    page.on('dialog', (dialog) => (warnings.push(dialog.type()), dialog.accept()));
    await people.open(partner, '/link'); // the change of before is given up: this warns once
    assert.equal((await people.addWallet(partner)).status(), 200, 'the wallet is saved');
    await people.follow(page, () => page.getByRole('link', { name: 'Statistics' }).first().click());
    assert.ok(warnings.length <= 1, `warned ${warnings.length} times`);
  });

  await chapter('with nothing available, requesting is disabled and says why', async () => {
    await people.open(partner, '/statistics');
    const request = people.form(page, '/withdrawals');
    const isSendable = (await request.count()) > 0 && (await request.getByRole('button').first().isEnabled());
    assert.ok(!isSendable, 'there is no way to send the request');
    await people.assertSays(partner, /nothing.*available|no .*available|not .*available|available once/i);
  });
});

test('amounts of a withdrawal', async (t) => {
  const { chapter, person } = await setStage(t);
  const admin = await person('admin');
  const partner = await person('partner');
  const client = await person('client');
  await people.becomeFirstAdmin(admin, { name: 'Ada Admin', email: 'ada@example.com' });
  await people.signUp(partner, { name: 'Pat Partner', email: 'pat@example.com' });
  await people.addWallet(partner);
  const link = await people.referralLink(partner);
  await people.becomeClient(client, link, { name: 'Cleo Client', email: 'cleo@example.com', message: 'Hello' });
  await people.openDealOf(admin, 'Cleo Client');

  const win = () => people.form(admin.page, '*/win');
  for (const amount of ['', '0', '-5', '12.345', 'many', '99999999999999999999']) {
    await chapter(`a deal is not won with the amount "${amount}"`, async () => {
      const answer = await sendAnyway(admin.page, win(), { amount });
      assert.equal(answer.status(), 422);
      await assertMarked(win(), 'amount');
      assert.equal(await people.field(win(), 'amount').inputValue(), amount);
      await assertAccessible(admin.page);
    });
  }

  await chapter('the deal is won', () => people.winDeal(admin, '10000'));

  const request = () => people.form(partner.page, '/withdrawals');
  for (const [amount, why] of [['499.99', /500/], ['1000.01', /1,000\.00/], ['', /amount/i], ['-600', /./], ['600,00 $x', /./]]) {
    await chapter(`"${amount}" can't be withdrawn from 1,000.00`, async () => {
      await people.open(partner, '/statistics');
      await request().evaluate((it) => (it.noValidate = true));
      const answer = await people.send(partner.page, request(), { amount });
      assert.equal(answer.status(), 422);
      assert.match(await assertMarked(request(), 'amount'), why);
      assert.equal(await people.field(request(), 'amount').inputValue(), amount);
      await assertAccessible(partner.page);
    });
  }

  await chapter('the same form sent twice is one withdrawal', async () => {
    await people.open(partner, '/statistics');
    const id = await hidden(request(), 'request').inputValue();
    await people.send(partner.page, request(), { amount: '500' });
    await people.open(partner, '/statistics');
    await setHidden(request(), 'request', id);
    await people.send(partner.page, request(), { amount: '500' });
    await people.open(partner, '/statistics');
    assert.equal(await people.row(partner, '500.00', /pending/i).count(), 1);
  });
});

test('what is not theirs', async (t) => {
  const { chapter, person } = await setStage(t);
  const partner = await person('partner');
  const guest = await person('guest');
  await people.signUp(partner, { name: 'Pat Partner', email: 'pat@example.com' });
  const office = ['/office', '/office/clients', '/office/withdrawals', '/office/settings', '/office/staff'];

  for (const path of office) {
    await chapter(`a partner and a guest are kept out of ${path}`, async () => {
      const answer = await partner.page.goto(path);
      assert.ok([403, 404].includes(answer.status()), `${answer.status()}`);
      await assertAccessible(partner.page);
      await guest.page.goto(path);
      assert.equal(people.pathOf(guest), '/sign-in');
    });
  }
});
