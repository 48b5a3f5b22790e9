// A lost referral: the link was lost on the way, another partner was paid, the claim is accepted, every cent moves.

import assert from 'node:assert/strict';
import test from 'node:test';
import { assertAccessible } from '../support/axe.mjs';
import * as people from '../support/people.mjs';
import { setStage } from '../support/stage.mjs';

const VARIANTS = [
  { title: 'on a phone', width: 'phone', theme: 'light', database: 'SQLite' },
  { title: 'at a desk', width: 'desktop', theme: 'dark', database: 'PostgreSQL' },
  { title: 'without JavaScript', width: 'desktop', theme: 'light', javaScript: false, database: 'SQLite' },
];

const today = () => new Date().toISOString().slice(0, 10);

for (const { title, width, theme, javaScript, database } of VARIANTS) {
  test(`a claim is accepted after the commission was booked to another, ${title}, on ${database}`, async (t) => {
    const stage = await setStage(t, { database });
    const { server, chapter } = stage;
    const someone = (name) => stage.person(name, { width, theme, javaScript });
    const look = javaScript === false ? async () => {} : ({ page }) => assertAccessible(page);

    const admin = await someone('admin');
    const sales = await someone('sales');
    const mara = await someone('mara');
    const jonas = await someone('jonas');
    const client = await someone('client');
    let clientNumber;
    let transaction;
    let claim;

    await chapter('sales is invited, Mara and Jonas sign up', async () => {
      await people.becomeFirstAdmin(admin, { name: 'Ada Admin', email: 'ada@example.com' });
      const address = await people.invite(admin, { name: 'Sam Sales', email: 'sam@example.com', role: 'sales' });
      await people.acceptInvitation(sales, address);
      await people.signUp(mara, { name: 'Mara Lindqvist', email: 'mara@example.com' });
      await people.signUp(jonas, { name: 'Jonas Weber', email: 'jonas@example.com' });
    });

    await chapter('Jonas sends a client, who comes through Mara\'s link in the end', async () => {
      await people.referralLink(jonas);
      clientNumber = await people.becomeClient(client, await people.referralLink(mara), {
        name: 'Aurora Ceramics', email: 'hello@aurora.example', message: 'Jonas told me about you.',
      });
    });

    await chapter('sales wins the deal, and Mara is paid', async () => {
      transaction = await people.openDealOf(sales, 'Aurora Ceramics');
      await people.winDeal(sales, '12,400.00');
      await people.open(mara, '/statistics');
      assert.ok((await people.figure(mara, /available/i)).includes('1,240.00'));
    });

    await chapter('Jonas claims the client', async () => {
      await people.open(jonas, '/link');
      await look(jonas);
      await people.follow(jonas.page, () => jonas.page.getByRole('link', { name: 'claim the client' }).click());
      await look(jonas);
      const form = people.form(jonas.page, '/claims');
      // Refused first: nothing that was typed is lost.
      const refused = await people.send(jonas.page, form, {
        client_name: 'Aurora Ceramics Ltd', client_contact: 'Hello+shop@aurora.example', sent_on: '2999-01-01',
        how: 'By Telegram', evidence: 'She wrote: thank you for the link!',
      });
      assert.equal(refused.status(), 422);
      await people.assertSays(jonas, 'This day is still to come');
      assert.equal(await people.field(form, 'evidence').inputValue(), 'She wrote: thank you for the link!');
      await look(jonas);
      await people.send(jonas.page, form, { sent_on: today() });
      await people.assertSays(jonas, 'Your claim is filed');
      const text = await people.textOf(jonas);
      claim = text.match(/K-\d+/)?.[0];
      assert.ok(claim, text);
      assert.doesNotMatch(text, /Mara|C-\d+/, 'the answer tells nothing about the client');
      await look(jonas);
    });

    await chapter('sales sees the claim in the inbox', async () => {
      await people.open(sales, '/office/clients');
      const tab = sales.page.getByRole('link', { name: /Claims/ }).first();
      assert.match(await tab.innerText(), /1/);
      await people.follow(sales.page, () => tab.click());
      await people.assertSays(sales, 'Due');
      await look(sales);
      await people.follow(sales.page, () => people.row(sales, claim).getByRole('link', { name: claim }).click());
    });

    await chapter('the client is proposed with the reasons', async () => {
      for (const reason of ['Strong', 'The same email address.', 'The same name.', 'Left the contact on the stated day.', 'Belongs to Mara Lindqvist.']) {
        await people.assertSays(sales, reason);
      }
      await look(sales);
      const accept = people.form(sales.page, '*/accept');
      const refused = await people.send(sales.page, accept, { client: clientNumber.slice(2), reason: '  ' });
      assert.equal(refused.status(), 422);
      assert.ok(await accept.locator(`[name="client"][value="${clientNumber.slice(2)}"]`).isChecked(), 'the choice is kept');
      await look(sales);
    });

    await chapter('and the claim is accepted', async () => {
      const accept = people.form(sales.page, '*/accept');
      await people.send(sales.page, accept, { reason: 'Her letters name Jonas.' });
      await people.assertSays(sales, 'The claim is accepted');
      await people.assertSays(sales, `${clientNumber} Aurora Ceramics belongs to Jonas Weber`);
      await look(sales);
      await people.open(sales, `/office/clients/${clientNumber.slice(2)}`);
      for (const text of ['Claim accepted', claim, 'The same email address.', 'Her letters name Jonas.', 'Sam Sales']) {
        await people.assertSays(sales, text);
      }
      await look(sales);
      await people.open(sales, `/office/deals/${transaction.slice(2)}`);
      await people.assertSays(sales, 'Given to another partner with the client');
      await look(sales);
    });

    await chapter('what was earned is Jonas\'s, and both can read why', async () => {
      await people.open(jonas, '/claims');
      for (const text of ['Accepted', 'Her letters name Jonas.', clientNumber]) await people.assertSays(jonas, text);
      await look(jonas);
      await people.open(jonas, '/statistics');
      assert.ok((await people.figure(jonas, /available/i)).includes('1,240.00'));
      assert.match(await people.row(jonas, clientNumber).innerText(), /closed successfully/i);
      await people.open(jonas, '/statistics/entries');
      await people.assertSays(jonas, `Client ${clientNumber} assigned to you: Her letters name Jonas.`);
      await people.assertSays(jonas, '12,400.00 × 10 % = 1,240.00');
      await look(jonas);
      await people.open(mara, '/statistics');
      assert.ok((await people.figure(mara, /available/i)).includes('0.00'));
      assert.doesNotMatch(await people.textOf(mara), /Aurora/);
      await people.open(mara, '/statistics/entries');
      await people.assertSays(mara, 'Taken back: client assigned anew');
      await people.assertSays(mara, `Client ${clientNumber} assigned to another partner: Her letters name Jonas.`);
      assert.doesNotMatch(await people.textOf(mara), /Jonas Weber/);
      await look(mara);
    });

    await chapter('sales may correct it, by name with a choice', async () => {
      await people.open(sales, `/office/clients/${clientNumber.slice(2)}`);
      await sales.page.getByText('Assign to another partner').click();
      const assign = people.form(sales.page, '*/attribution');
      const asked = await people.send(sales.page, assign, { partner: 'mara', reason: 'It was a mix-up.' });
      assert.equal(asked.status(), 422);
      await people.assertSays(sales, 'Whom do you mean?');
      await look(sales);
      await assign.getByText(/Mara Lindqvist, mara@example.com/).click();
      await people.follow(sales.page, () => assign.getByRole('button').click());
      await people.assertSays(sales, 'The client is assigned');
      await people.open(mara, '/statistics');
      assert.ok((await people.figure(mara, /available/i)).includes('1,240.00'));
      await people.open(jonas, '/statistics');
      assert.ok((await people.figure(jonas, /available/i)).includes('0.00'));
    });

    await chapter('Jonas\'s code, spelled on the telephone, is typed into the deal', async () => {
      await people.open(jonas, '/link');
      const spelled = await jonas.page.locator('.spelled').innerText();
      const address = `/office/deals/${transaction.slice(2)}`;
      await people.open(sales, address);
      await sales.page.getByText('The client gave a code').click();
      await look(sales);
      const given = people.form(sales.page, '*/code');
      const refused = await people.send(sales.page, given, { code: `${spelled} four` });
      assert.equal(refused.status(), 422);
      assert.equal(await people.field(given, 'code').inputValue(), `${spelled} four`);
      // One symbol was heard wrongly: it is asked back, and nothing moves before the second press.
      const [first, ...rest] = spelled.trim().split(/[\s,]+/);
      const heard = [first === 'two' ? 'three' : 'two', ...rest].join(' ');
      const asked = await people.send(sales.page, given, { code: heard });
      assert.equal(asked.status(), 422);
      await people.assertSays(sales, 'Jonas Weber. Is that right?');
      await people.assertSays(sales, 'of commission from Mara Lindqvist');
      await look(sales);
      await people.follow(sales.page, () => given.getByRole('button', { name: 'It is right, assign' }).click());
      await people.assertSays(sales, 'The client is assigned');
      assert.equal(people.pathOf(sales), address);
      await people.assertSays(sales, 'Jonas Weber');
    });

    await chapter('the books are right', () => {
      const { status, output } = server.command('verify');
      assert.equal(status, 0, output);
    });
  });
}
