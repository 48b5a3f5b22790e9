// An admin takes an old programme over in the browser: a mistake is named and mended; what came is taken away and erased.

import assert from 'node:assert/strict';
import test from 'node:test';
import { assertAccessible } from '../support/axe.mjs';
import * as people from '../support/people.mjs';
import { setStage } from '../support/stage.mjs';

const VARIANTS = [
  { database: 'SQLite', width: 'phone' },
  { database: 'PostgreSQL', width: 'desktop' },
];

for (const { database, width } of VARIANTS) {
  test(`an old programme is imported, on ${database}`, async (t) => {
    const { chapter, person } = await setStage(t, { database });
    const admin = await person('admin', { width });
    const partner = await person('partner');
    const { page } = admin;
    let code;

    const take = async (files, fields = {}) => {
      const form = people.form(page, '/office/import').last();
      for (const [kind, text] of Object.entries(files)) {
        const file = { name: `${kind}.csv`, mimeType: 'text/csv', buffer: Buffer.from(text) };
        await form.locator(`[type="file"][name="${kind}"]`).setInputFiles(file);
      }
      await people.send(page, form, fields, 'Try the files');
    };
    const press = (name) => people.follow(page, () => page.getByRole('button', { name }).click());

    await chapter('the page stands beside the export', async () => {
      await people.becomeFirstAdmin(admin, { name: 'Ada Admin', email: 'ada@example.com' });
      await people.signUp(partner, { name: 'Pat Partner', email: 'pat@example.com' });
      code = (await people.referralLink(partner)).split('/').at(-1);
      await people.open(admin, '/office/export');
      await people.follow(page, () => page.getByRole('link', { name: 'Import' }).click());
      await assertAccessible(page);
    });

    const partners = 'id,name,email,code\np1,Ben Roy,ben@example.com,ben-roy\n';
    const deals = 'id,client,status,amount,commission,won_at,reason\nd1,c1,won,1000,100,2026-01-05,Cleo paid in cash\n';

    await chapter('a mistake is named, and nothing is kept', async () => {
      await take({ partners, clients: `id,name,email,partner\nc1,Cleo Client,cleo,${code}\n`, deals }, { source: 'old' });
      await people.assertSays(admin, 'An email address has a name, an @ and a domain');
      await people.assertSays(admin, 'clients.csv');
      assert.equal(await page.getByRole('button', { name: 'Import these files' }).count(), 0);
      await assertAccessible(page, 'a report with problems');
    });

    await chapter('mended it is tried, then imported without choosing it again', async () => {
      await take({ partners, clients: `id,name,email,partner\nc1,Cleo Client,cleo@client.example.com,${code}\n`, deals }, { source: 'old' });
      await people.assertSays(admin, 'The files can be imported.');
      await assertAccessible(page, 'a report without problems');
      await press('Import these files');
      await people.assertSays(admin, 'Everything was imported.');
      await assertAccessible(page, 'imported');
    });

    await chapter('the same files under another name are stopped', async () => {
      await take({ deals }, { source: '' });
      await people.assertSays(admin, 'Rows were taken over here before as old');
    });

    await chapter('the partner takes the data away', async () => {
      await people.open(partner, '/statistics');
      await people.assertSays(partner, 'Cleo Client');
      const data = await (await partner.page.request.get('/account/data.json')).json();
      assert.equal(data.account[0].email, 'pat@example.com');
      assert.equal(data.clients[0].name, 'Cleo Client');
      assert.equal(data.deals[0].amount, '1000.00');
      assert.match(data.deals[0].commission_reason, /Cleo paid in cash/);
    });

    await chapter('the client is erased, and the figures stay', async () => {
      await people.openDealOf(admin, 'Cleo Client');
      await people.follow(page, () => page.locator('main a[href^="/office/clients/"]').first().click());
      const client = people.pathOf(admin);
      await page.locator('summary', { hasText: 'Erase personal data' }).click();
      await people.send(page, people.form(page, `${client}/erase`), { reason: 'Asked for it', confirmation: 'erase' });
      await people.assertSays(admin, 'Erased client');
      await assertAccessible(page, 'an erased client');
      const text = await (await partner.page.request.get('/account/data.json')).text();
      const data = JSON.parse(text);
      assert.equal(data.clients[0].name, 'Erased client');
      assert.equal(data.deals[0].amount, '1000.00');
      assert.doesNotMatch(text, /Cleo/);
    });
  });
}
