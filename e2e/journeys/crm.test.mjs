// The CRM tells how deals stand: out of order, twice, malformed; what waits is applied once the mapping is mended.

import assert from 'node:assert/strict';
import test from 'node:test';
import { assertAccessible } from '../support/axe.mjs';
import * as people from '../support/people.mjs';
import { setStage } from '../support/stage.mjs';

const VARIANTS = [
  { database: 'SQLite', width: 'desktop' },
  { database: 'PostgreSQL', width: 'phone' },
];

for (const { database, width } of VARIANTS) {
  test(`the CRM closes deals, on ${database}`, async (t) => {
    const { server, chapter, person } = await setStage(t, { database });
    const admin = await person('admin', { width });
    const partner = await person('partner');
    const { page } = admin;
    let address;
    let own;
    let code;

    /** What the CRM sends; returns how much was applied and how much waits. */
    const tell = async (data, event, hour) => {
      const meta = { id: event, timestamp: `2026-11-27T${hour}:00:00Z` };
      const body = typeof data === 'string' ? data : JSON.stringify({ data, meta });
      const answer = await fetch(address.replace(/^https?:\/\/[^/]+/, server.url), { method: 'POST', headers: { 'content-type': 'application/json' }, body });
      assert.equal(answer.status, 200);
      const { applied, waiting } = await answer.json();
      return [applied, waiting];
    };

    await chapter('the admin connects it', async () => {
      await people.becomeFirstAdmin(admin, { name: 'Ada Admin', email: 'ada@example.com' });
      await people.signUp(partner, { name: 'Pat Partner', email: 'pat@example.com' });
      code = (await people.referralLink(partner)).split('/').at(-1);
      await people.open(admin, '/office/crm');
      await assertAccessible(page);
      await people.form(page, '/office/crm/make').locator('[name="preset"]').selectOption('pipedrive');
      await people.send(page, people.form(page, '/office/crm/make'), { name: 'Pipeline' });
      address = await page.locator('#new-address').innerText();
      await assertAccessible(page, 'a new address');
      await people.follow(page, () => page.getByRole('link', { name: 'Pipeline' }).click());
      own = people.pathOf(admin);
      await assertAccessible(page, 'a mapping');
    });

    await chapter('the mapping says whose the client is, and shows what it reads', async () => {
      const mapping = () => people.form(page, `${own}/mapping`);
      await people.send(page, mapping(), { code: 'data.ref' });
      await people.assertSays(admin, 'Begin with a slash');
      await assertAccessible(page, 'a refused mapping');
      await people.send(page, mapping(), { code: '/data/ref', name: '/data/person', email: '/data/email' });
      await people.assertSays(admin, 'The mapping is saved.');
      await people.send(page, people.form(page, `${own}/try#try`), { sample: JSON.stringify({ data: { id: 7, status: 'won', person: 'Cleo Client' } }) });
      await people.assertSays(admin, 'won: Closed successfully');
      await people.assertSays(admin, 'Cleo Client');
    });

    await chapter('it tells of a deal, out of order and twice', async () => {
      const deal = { id: 7, person: 'Cleo Client', email: 'cleo@example.com', ref: code, value: 1500, currency: 'USD' };
      assert.deepEqual(await tell({ ...deal, status: 'open' }, 'a', '10'), [1, 0]);
      assert.deepEqual(await tell({ ...deal, status: 'won' }, 'c', '12'), [1, 0]);
      assert.deepEqual(await tell({ ...deal, status: 'won' }, 'c', '12'), [1, 0]);
      assert.deepEqual(await tell({ ...deal, status: 'open' }, 'b', '11'), [1, 0]);
      await people.open(partner, '/statistics');
      await people.assertSays(partner, 'Closed successfully');
      await people.assertSays(partner, '150.00');
    });

    await chapter('what it tells wrongly waits, and is applied when the mapping is mended', async () => {
      const other = { id: 8, person: 'Dora Client', email: 'dora@example.com', ref: code, value: 200, currency: 'USD' };
      assert.deepEqual(await tell({ ...other, status: 'signed' }, 'd', '13'), [0, 1]);
      assert.deepEqual(await tell('{"data":', 'e', '13'), [0, 1]);
      await people.open(admin, own);
      await people.assertSays(admin, 'what the stage "signed" means');
      await people.assertSays(admin, 'neither JSON nor a form');
      await assertAccessible(page, 'news that waits');
      const stages = await people.form(page, `${own}/mapping`).locator('[name="stages"]').inputValue();
      await people.send(page, people.form(page, `${own}/mapping`), { stages: `${stages}\nsigned = won` });
      await people.send(page, people.form(page, `${own}/again`), {});
      await people.assertSays(admin, 'tried once more');
      await people.open(partner, '/statistics');
      await people.assertSays(partner, 'Dora Client');
      await people.assertSays(partner, '20.00');
      await people.open(admin, own);
      await people.follow(page, () => page.locator('#main table a').first().click());
      await assertAccessible(page, 'a piece of news');
      await people.send(page, page.locator('form[action$="/ignore"]'), {});
      await people.assertSays(admin, 'It is set aside.');
    });
  });
}
