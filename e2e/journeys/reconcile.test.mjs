// The CRM's own list of deals is held against ours: what differs is told, and mended with one click.

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
  test(`the CRM's list is reconciled, on ${database}`, async (t) => {
    const { chapter, person } = await setStage(t, { database });
    const admin = await person('admin', { width });
    const partner = await person('partner');
    const client = await person('client');
    const { page } = admin;
    let link;
    let deal;

    const give = async (list) => {
      await people.open(admin, '/office/reconcile');
      await page.locator('[name="file"]').setInputFiles({ name: 'deals.csv', mimeType: 'text/csv', buffer: Buffer.from(list) });
      await people.send(page, people.form(page, '/office/reconcile'), {});
    };

    await chapter('a client comes by a link', async () => {
      await people.becomeFirstAdmin(admin, { name: 'Ada Admin', email: 'ada@example.com' });
      await people.signUp(partner, { name: 'Pat Partner', email: 'pat@example.com' });
      link = await people.referralLink(partner);
      await people.becomeClient(client, link, { name: 'Cleo Client', email: 'cleo@client.example.com' });
      await people.openDealOf(admin, 'Cleo Client');
      deal = people.pathOf(admin).split('/').at(-1);
    });

    await chapter('a file that is no list is told', async () => {
      await people.open(admin, '/office/crm');
      await people.follow(page, () => page.getByRole('link', { name: 'Reconcile' }).click());
      await assertAccessible(page);
      await people.send(page, people.form(page, '/office/reconcile'), {});
      await people.assertSays(admin, 'Choose a file, or paste its text.');
      await assertAccessible(page, 'nothing chosen');
    });

    await chapter('the list is read as its headers say', async () => {
      const code = link.split('/').at(-1);
      await give(
        'Deal ID,Status,Value,Contact person,Email,Ref\n' +
          '501,Won,"1,250.00",Cleo Client,cleo@client.example.com,\n' +
          `502,Won,300.00,Dora Client,dora@client.example.com,${code}\n`,
      );
      await people.assertSays(admin, 'Look through how the list is read');
      await assertAccessible(page, 'how a list is read');
      await people.send(page, people.form(page, '*/compare'), {});
      await people.assertSays(admin, 'The list is compared.');
      await people.assertSays(admin, 'Dora Client');
      await assertAccessible(page, 'a report');
    });

    await chapter('each difference is mended with one click', async () => {
      const click = (name) => people.follow(page, () => page.getByRole('button', { name }).first().click());
      await click('Enter it here');
      await people.assertSays(admin, 'It is mended.');
      await click('Link them');
      await click('Close it successfully with 1,250.00');
      await people.assertSays(admin, 'Mended (2)');
      await people.follow(page, () => page.getByRole('link', { name: 'Mended (2)' }).click());
      await people.assertSays(admin, `T-${deal} was closed successfully with 1,250.00.`);
      await assertAccessible(page, 'what was done');
      await people.open(partner, '/statistics');
      await people.assertSays(partner, 'Dora Client');
      await people.assertSays(partner, '125.00');
    });

    await chapter('what stays different is left, and the next list finds it again', async () => {
      const list = '501,Lost,,,,\n502,Won,300.00,,,\n';
      for (let time = 0; time < 2; time += 1) {
        await give(`Deal ID,Status,Value,Contact person,Email,Ref\n${list}`);
        await people.send(page, people.form(page, '*/compare'), {});
        await people.assertSays(admin, 'Its commission is taken back then.');
        await people.send(page, people.form(page, '*/leave'), {});
        await people.assertSays(admin, 'Left as it is (1)');
      }
      await people.open(admin, '/office/reconcile');
      await people.assertSays(admin, 'Nothing open');
      assert.equal(await page.locator('#main .list li').count(), 3);
    });
  });
}
