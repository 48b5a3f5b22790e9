// The whole story as four people see it: from sign-up to a paid withdrawal.

import assert from 'node:assert/strict';
import test from 'node:test';
import { assertAccessible } from '../support/axe.mjs';
import * as people from '../support/people.mjs';
import { scanElement } from '../support/qr.mjs';
import { setStage } from '../support/stage.mjs';

const VARIANTS = [
  // 10 % of 10,000.05 is 1,000.005, which half to even makes 1,000.00.
  { title: 'on a phone', width: 'phone', theme: 'light', amount: '10,000.05', profit: '1,000.00', left: '500.00', database: 'SQLite' },
  { title: 'at a desk', width: 'desktop', theme: 'dark', amount: '12345.67', shown: '12,345.67', profit: '1,234.57', left: '734.57', database: 'PostgreSQL' },
  { title: 'without JavaScript', width: 'phone', theme: 'dark', javaScript: false, amount: '5000', shown: '5,000.00', profit: '500.00', left: '0.00', database: 'SQLite' },
];

for (const { title, width, theme, javaScript, amount, shown = amount, profit, left, database } of VARIANTS) {
  test(`from sign-up to a paid withdrawal, ${title}, on ${database}`, async (t) => {
    const stage = await setStage(t, { database });
    const { browser, server, chapter } = stage;
    const someone = (name) => stage.person(name, { width, theme, javaScript });
    // axe-core is a script itself; the same pages are looked at with JavaScript on.
    const look = javaScript === false ? async () => {} : ({ page }) => assertAccessible(page);

    const guest = await someone('guest');
    const admin = await someone('admin');
    const sales = await someone('sales');
    const finance = await someone('finance');
    const partner = await someone('partner');
    const client = await someone('client');
    let link;
    let clientNumber;
    let transaction;

    await chapter('a guest looks around', async () => {
      for (const path of ['/', '/sign-up', '/sign-in', '/recover', '/contact']) {
        await people.open(guest, path);
        await look(guest);
      }
    });

    await chapter('the first admin is made and invites sales and finance', async () => {
      await people.becomeFirstAdmin(admin, { name: 'Ada Admin', email: 'ada@example.com' });
      await look(admin);
      for (const [who, name, role] of [[sales, 'Sam Sales', 'sales'], [finance, 'Fay Finance', 'finance']]) {
        const address = await people.invite(admin, { name, email: `${role}@example.com`, role });
        await look(admin);
        await people.open(who, address);
        await look(who);
        await people.acceptInvitation(who, address);
        await look(who);
      }
    });

    await chapter('a partner signs up and gets a link and a QR code', async () => {
      await people.signUp(partner, { name: 'Pat Partner', email: 'pat@example.com' });
      await look(partner);
      link = await people.referralLink(partner);
      assert.ok(link.startsWith(`${server.url}/r/`), link);
      assert.equal(await scanElement(browser, people.qrCode(partner)), link, 'the QR code on the screen is the link');
      for (const path of ['/statistics', '/wallets']) {
        await people.open(partner, path);
        await look(partner);
      }
    });

    await chapter('a client follows the link and leaves a contact', async () => {
      clientNumber = await people.becomeClient(client, link, {
        name: 'Cleo Client', email: 'cleo@example.com', message: 'We need a new site by spring.',
      });
      await look(client);
    });

    await chapter('the partner sees the client, without an amount as yet', async () => {
      await people.open(partner, '/statistics');
      const row = people.row(partner, clientNumber, 'Cleo Client');
      assert.match(await row.innerText(), /pending/i);
      assert.doesNotMatch(await row.innerText(), /\d\.\d\d/, 'no amount before the deal is closed');
      await look(partner);
    });

    await chapter('sales finds the client and wins the deal', async () => {
      await people.open(sales, '/office/clients');
      await look(sales);
      transaction = await people.openDealOf(sales, 'Cleo Client');
      await people.assertSays(sales, transaction);
      await look(sales);
      await people.winDeal(sales, amount);
      await people.assertSays(sales, shown);
      await look(sales);
    });

    await chapter('the partner sees client, amount, profit and balance', async () => {
      await people.open(partner, '/statistics');
      const row = await people.row(partner, clientNumber, 'Cleo Client').innerText();
      assert.match(row, /closed successfully/i);
      assert.ok(row.includes(shown), row);
      assert.ok((await people.figure(partner, /clients/i)).startsWith('1'));
      assert.ok((await people.figure(partner, /profit/i)).includes(profit));
      assert.ok((await people.figure(partner, /available/i)).includes(profit));
      await look(partner);
    });

    await chapter('the partner adds a wallet and requests 500.00', async () => {
      await people.addWallet(partner);
      await people.assertSays(partner, 'USDT');
      await look(partner);
      await people.requestWithdrawal(partner, '500');
      assert.equal(people.pathOf(partner), '/statistics');
      assert.match(await people.row(partner, '500.00', /pending/i).first().innerText(), /pending/i);
      assert.ok((await people.figure(partner, /available/i)).includes(left));
      await look(partner);
    });

    await chapter('finance pays it', async () => {
      await people.open(finance, '/office/withdrawals');
      await look(finance);
      await people.openWithdrawal(finance, 'Pat Partner');
      await people.assertSays(finance, people.TRON_ADDRESS);
      await look(finance);
      await people.pay(finance, 'TX-2026-0042');
      await people.assertSays(finance, 'TX-2026-0042');
      await look(finance);
    });

    await chapter('the partner sees it paid, says thanks and leaves', async () => {
      await people.open(partner, '/statistics');
      assert.match(await people.row(partner, '500.00', 'TX-2026-0042').innerText(), /paid/i);
      await people.sendFeedback(partner, 'Paid within the hour, thank you.');
      await people.assertSays(partner, /thank/i);
      await look(partner);
      await people.signOut(partner);
      const answer = await partner.page.goto('/statistics');
      assert.equal(people.pathOf(partner), '/sign-in', `a signed-out partner is asked to sign in (${answer.status()})`);
    });

    await chapter('the admin reads the feedback and walks through the office', async () => {
      await people.open(admin, '/office/feedback');
      await people.assertSays(admin, 'Paid within the hour, thank you.');
      for (const path of ['/office/feedback', '/office/partners', '/office/settings', '/office/staff']) {
        await people.open(admin, path);
        await look(admin);
      }
    });

    await chapter('the ledger proves every cent', async () => {
      const { status, output } = server.command('verify');
      assert.equal(status, 0, output);
    });
  });
}
