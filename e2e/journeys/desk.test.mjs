// The withdrawal desk: two people above a limit, a batch with its files, a payment that came back, a wallet that cools.

import assert from 'node:assert/strict';
import test from 'node:test';
import { assertAccessible } from '../support/axe.mjs';
import * as people from '../support/people.mjs';
import { download } from '../support/qr.mjs';
import { assertBankFile } from '../support/schema.mjs';
import { setStage } from '../support/stage.mjs';

const VARIANTS = [
  { title: 'on a phone, in dollars', width: 'phone', theme: 'light', currency: 'USD', bic: '', service: null, database: 'SQLite' },
  { title: 'at a desk, in euro', width: 'desktop', theme: 'dark', currency: 'EUR', bic: 'PSSTFRPPXXX', service: 'SEPA', database: 'PostgreSQL' },
  { title: 'without JavaScript', width: 'desktop', theme: 'light', currency: 'USD', bic: '', service: null, javaScript: false, database: 'SQLite' },
];

const PAYER = 'FR1420041010050500013M02606';
const IBAN = 'DE89370400440532013000';
/** Letters that no bank takes, and signs that an XML file or a spreadsheet would misread. */
const ZOFIA = '=Zofia Żółć & Søn "<株式会社>"';
const PAOLO = "Paolo D'Amico";

/** The elements of a name in a bank file, as texts. */
const texts = (xml, name) => [...xml.matchAll(new RegExp(`<${name}(?: [^>]*)?>([^<]*)</${name}>`, 'g'))].map((it) => it[1]);

/** The lines of a table, each as a map from column to cell. */
function table(csv) {
  const cells = (line) => [...line.matchAll(/("(?:[^"]|"")*"|[^,]*)(?:,|$)/g)].slice(0, -1)
    .map(([, cell]) => (cell.startsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell));
  const [head, ...lines] = csv.trimEnd().split('\r\n');
  const columns = cells(head);
  return lines.map((line) => Object.fromEntries(columns.map((column, at) => [column, cells(line)[at]])));
}

for (const { title, width, theme, currency, bic, service, javaScript, database } of VARIANTS) {
  test(`the withdrawal desk, ${title}, on ${database}`, async (t) => {
    const stage = await setStage(t, { database });
    const { server, chapter } = stage;
    const someone = (name) => stage.person(name, { width, theme, javaScript });
    const look = javaScript === false ? async () => {} : ({ page }) => assertAccessible(page);

    const admin = await someone('admin');
    const sales = await someone('sales');
    const fay = await someone('fay');
    const finn = await someone('finn');
    const zofia = await someone('zofia');
    const paolo = await someone('paolo');
    const client = await someone('client');

    await chapter('the admin sets the limit and the account that pays', async () => {
      await people.becomeFirstAdmin(admin, { name: 'Ada Admin', email: 'ada@example.com' });
      await people.open(admin, '/office/settings');
      await people.send(admin.page, people.form(admin.page, '/office/settings'), {
        currency, approval_from: '5,000', payer_name: 'Nordwind Überseehandel GmbH', payer_iban: PAYER, payer_bic: bic,
      }, 'Save settings');
      await people.assertSays(admin, 'saved');
      const staff = [[sales, 'Sam Sales', 'sales'], [fay, 'Fay Finance', 'finance'], [finn, 'Finn Finance', 'finance']];
      for (const [who, name, role] of staff) {
        const email = `${name.split(' ')[0].toLowerCase()}@example.com`;
        await people.acceptInvitation(who, await people.invite(admin, { name, email, role }));
      }
    });

    await chapter('two partners earn, and say where they want to be paid', async () => {
      for (const [who, name, email, of] of [[zofia, ZOFIA, 'zofia@example.com', 'Aurora'], [paolo, PAOLO, 'paolo@example.com', 'Boreas']]) {
        await people.signUp(who, { name, email });
        await client.context.clearCookies();
        await people.becomeClient(client, await people.referralLink(who), {
          name: of, email: `${of.toLowerCase()}@client.example`, message: 'Hello!',
        });
        await people.openDealOf(sales, of);
        await people.winDeal(sales, '100,000');
      }
      await people.addWallet(zofia, { kind: 'iban', label: 'Bank', address: IBAN });
      await people.addWallet(paolo, { kind: 'paypal', label: 'PayPal', address: 'paolo@pay.example' });
      await look(paolo);
    });

    await chapter('above the limit one approves, and can\'t pay alone', async () => {
      await people.requestWithdrawal(zofia, '6,000');
      await people.open(fay, '/office/withdrawals');
      await people.assertSays(fay, 'Needs approval');
      await look(fay);
      await people.openWithdrawal(fay, ZOFIA);
      for (const text of ['Two people decide', 'First withdrawal', 'somebody else has to approve', 'DE89 3704 0044 0532 0130 00']) {
        await people.assertSays(fay, text);
      }
      assert.equal(await people.form(fay.page, '*/pay').count(), 0, 'nobody pays what nobody else has approved');
      await look(fay);
      await people.send(fay.page, people.form(fay.page, '*/approve'), { note: 'The account holder is she.' });
      for (const text of ['You approved this withdrawal yourself', 'Finn Finance', 'The account holder is she.']) {
        await people.assertSays(fay, text);
      }
      assert.equal(await people.form(fay.page, '*/pay').count(), 0, 'who approved does not pay');
      await look(fay);
    });

    await chapter('the other pays, and the partner reads the reference', async () => {
      await people.open(finn, '/office/withdrawals?show=ready');
      await people.assertSays(finn, 'Approved');
      await people.openWithdrawal(finn, ZOFIA);
      await people.pay(finn, 'BANK-2026-0001');
      await people.assertSays(finn, 'BANK-2026-0001');
      assert.match(await people.textOf(finn), /Fay Finance.*Finn Finance|Finn Finance.*Fay Finance/, 'both stand in the history');
      await look(finn);
      await people.open(zofia, '/statistics');
      assert.match(await people.row(zofia, '6,000.00', 'BANK-2026-0001').innerText(), /paid/i);
      await look(zofia);
    });

    await chapter('several are chosen for a batch', async () => {
      await people.requestWithdrawal(zofia, '700.50');
      await people.requestWithdrawal(zofia, '800');
      await people.requestWithdrawal(paolo, '600');
      await people.requestWithdrawal(paolo, '900');
      await people.open(fay, '/office/withdrawals');
      const make = () => people.send(fay.page, people.form(fay.page, '/office/withdrawals/batches'), {});
      assert.equal((await make()).status(), 422);
      await people.assertSays(fay, 'Choose at least one withdrawal');
      await look(fay);
      for (const amount of ['700.50', '800.00', '600.00']) {
        await people.row(fay, amount).getByRole('checkbox').check();
      }
      assert.equal((await make()).status(), 200);
      for (const text of ['Batch of 2,100.50', 'Bank account (IBAN)', '1,500.50', 'PayPal']) await people.assertSays(fay, text);
      await look(fay);
    });

    await chapter('its files are what bank and exchange take', async () => {
      const csv = await download(fay.page, fay.page.getByRole('link', { name: 'Table (CSV)' }));
      assert.match(csv.name, /^GB\w+\.csv$/);
      const lines = table(csv.bytes.toString('utf8'));
      assert.deepEqual(lines.map((it) => [it.partner, it.kind, it.address, it.amount, it.currency]), [
        [`'${ZOFIA}`, 'iban', IBAN, '700.50', currency],
        [`'${ZOFIA}`, 'iban', IBAN, '800.00', currency],
        [PAOLO, 'paypal', 'paolo@pay.example', '600.00', currency],
      ]);

      const file = await download(fay.page, fay.page.getByRole('link', { name: 'Bank file (ISO 20022)' }));
      const xml = file.bytes.toString('utf8');
      assert.equal(file.name, csv.name.replace('.csv', '.xml'));
      await assertBankFile(xml);
      assert.deepEqual(texts(xml, 'MsgId'), [lines[0].batch]);
      assert.deepEqual(texts(xml, 'CtrlSum'), ['1500.50', '1500.50']);
      assert.deepEqual(texts(xml, 'InstdAmt'), ['700.50', '800.00']);
      assert.deepEqual(texts(xml, 'EndToEndId'), lines.slice(0, 2).map((it) => it.end_to_end_id));
      assert.deepEqual(texts(xml, 'IBAN'), [PAYER, IBAN, IBAN]);
      assert.ok(xml.includes(`Ccy="${currency}"`));
      assert.deepEqual(texts(xml, 'Cd'), service ? [service] : []);
      assert.deepEqual(texts(xml, 'BICFI'), bic ? [bic] : []);
      assert.match(texts(xml, 'Nm').at(-1), /^\.Zofia Zolc \+ Son /);
      await people.open(fay, people.pathOf(fay));
      await people.assertSays(fay, 'Downloaded');
      await look(fay);
    });

    await chapter('and all of it is marked paid in one step', async () => {
      const references = fay.page.locator('main input[name^="reference["]');
      assert.equal(await references.count(), 3);
      const reference = people.row(fay, '600.00').locator('input[name^="reference["]');
      await reference.fill('PP-77');
      // Enter in a field pays nothing by accident: the form is sent by its button alone.
      await reference.press('Enter');
      await fay.page.waitForTimeout(300);
      assert.equal(await reference.inputValue(), 'PP-77');
      await people.send(fay.page, people.form(fay.page, '*/pay'), {}, /^Mark 3 as paid/);
      await people.assertSays(fay, 'Paid');
      await people.assertSays(fay, 'PP-77');
      assert.equal(await references.count(), 0);
      await look(fay);
      await people.open(paolo, '/statistics');
      assert.match(await people.row(paolo, '600.00', 'PP-77').innerText(), /paid/i);
      assert.match(await people.row(paolo, '900.00').innerText(), /pending/i);
      await people.open(fay, '/office/withdrawals/batches');
      await people.assertSays(fay, '2,100.50');
      await look(fay);
      await people.open(zofia, '/statistics');
      assert.match(await people.row(zofia, '800.00').innerText(), /paid/i);
    });

    await chapter('one payment came back, and the money is there again', async () => {
      const before = await people.figure(zofia, /available/i);
      await people.open(fay, '/office/withdrawals?status=paid');
      await people.follow(fay.page, () => people.row(fay, '800.00').locator('a').first().click());
      await fay.page.getByText('The payment came back', { exact: true }).click();
      await look(fay);
      await people.send(fay.page, people.form(fay.page, '*/came-back'), { reason: 'Account closed.' });
      await people.assertSays(fay, 'Payment came back');
      await look(fay);
      await people.open(zofia, '/statistics');
      await people.assertSays(zofia, 'Account closed.');
      const available = (text) => Number(text.match(/[\d,]+\.\d\d/)[0].replaceAll(',', ''));
      assert.equal(available(await people.figure(zofia, /available/i)), available(before) + 800);
      await look(zofia);
    });

    await chapter('a changed wallet asks for the password', async () => {
      await people.open(paolo, '/wallets');
      const wallets = people.form(paolo.page, '/wallets');
      const change = (password) => people.send(paolo.page, wallets, { 'wallet[0].address': 'new@pay.example', password }, 'Save');
      const refused = await change('not-his-password-at-all');
      assert.equal(refused.status(), 422);
      await people.assertSays(paolo, 'not your password');
      assert.equal(await wallets.locator('[name="wallet[0].address"]').inputValue(), 'new@pay.example', 'what was typed is kept');
      assert.equal(await wallets.locator('[name="password"]').inputValue(), '');
      await look(paolo);
      assert.equal((await change(people.PASSWORD)).status(), 200);
      await people.assertSays(paolo, 'it can be paid to from');
      await look(paolo);
      await people.requestWithdrawal(paolo, '500');
    });

    await chapter('and cools, unless finance has a reason', async () => {
      await people.open(finn, '/office/withdrawals?show=cooling');
      await people.assertSays(finn, 'Wallet cools for 23 h');
      await look(finn);
      await people.follow(finn.page, () => people.row(finn, '500.00').locator('a').first().click());
      for (const text of ['it can be paid to from', 'Wallet entered lately', 'Never paid to this wallet']) await people.assertSays(finn, text);
      await look(finn);
      const pay = people.form(finn.page, '*/pay');
      const refused = await people.send(finn.page, pay, { reference: 'PP-78', override: ' ' });
      assert.equal(refused.status(), 409);
      await people.assertSays(finn, 'To pay earlier, give a reason');
      assert.equal(await pay.locator('[name="reference"]').inputValue(), 'PP-78');
      await look(finn);
      await people.send(finn.page, pay, { override: 'He called from the number we know.' });
      await people.assertSays(finn, 'He called from the number we know.');
      await people.open(paolo, '/statistics');
      assert.match(await people.row(paolo, '500.00', 'PP-78').innerText(), /paid/i);
      // What was requested before the change goes where it was meant to go.
      await people.open(finn, '/office/withdrawals');
      await people.follow(finn.page, () => people.row(finn, '900.00').locator('a').first().click());
      await people.assertSays(finn, 'paolo@pay.example');
      await people.assertSays(finn, 'Wallet changed since');
      await look(finn);
    });

    await chapter('the audit tells it, and the ledger proves every cent', async () => {
      await people.open(admin, '/office/audit');
      for (const text of ['Downloaded a payment file', 'Marked a batch as paid', 'He called from the number we know.']) {
        await people.assertSays(admin, text);
      }
      const { status, output } = server.command('verify');
      assert.equal(status, 0, output);
    });
  });
}
