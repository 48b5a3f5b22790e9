// Another program of the company works with the interface: with a token from the office, by its documentation.

import assert from 'node:assert/strict';
import test from 'node:test';
import { assertAccessible } from '../support/axe.mjs';
import { assertKeepsItsWord } from '../support/contract.mjs';
import * as people from '../support/people.mjs';
import { setStage } from '../support/stage.mjs';

const VARIANTS = [
  { database: 'SQLite', width: 'phone', theme: 'dark' },
  { database: 'PostgreSQL', width: 'desktop', theme: 'light' },
];

for (const { database, width, theme } of VARIANTS) {
  test(`the programming interface, on ${database}`, async (t) => {
    const { server, chapter, person } = await setStage(t, { database });
    const admin = await person('admin', { width, theme });
    const guest = await person('guest', { width, theme });
    let token;

    const call = async (method, path, body, key) => {
      const headers = { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' };
      if (key) headers['Idempotency-Key'] = key;
      const answer = await fetch(`${server.url}/api/v1${path}`, { method, headers, body: body && JSON.stringify(body) });
      return { status: answer.status, replayed: answer.headers.get('idempotency-replayed'), body: await answer.json() };
    };

    await chapter('an admin makes a token, which is shown once', async () => {
      await people.becomeFirstAdmin(admin, { name: 'Ada Admin', email: 'ada@example.com' });
      await people.open(admin, '/office/tokens');
      await assertAccessible(admin.page);
      await admin.page.getByLabel('Name').fill('CRM');
      await admin.page.getByLabel(/^admin/i).check();
      await people.follow(admin.page, () => admin.page.getByRole('button', { name: /make/i }).click());
      token = (await people.textOf(admin)).match(/gw_[\w-]{43}/)[0];
      await assertAccessible(admin.page);
      await people.open(admin, '/office/tokens');
      assert.ok(!(await people.textOf(admin)).includes(token));
      await people.assertSays(admin, 'CRM');
    });

    await chapter('the documentation is there for people', async () => {
      await people.open(guest, '/docs/api');
      await people.assertSays(guest, '/api/v1/deals/{number}/win');
      await assertAccessible(guest.page);
    });

    await chapter('a client comes in, the deal is won once, the partner has earned', async () => {
      const partner = await call('POST', '/partners', { name: 'Pat Partner', email: 'pat@example.com' }, 'one');
      assert.equal(partner.status, 201);
      const client = await call('POST', '/clients', { name: 'Cleo', email: 'c@example.com', code: partner.body.code }, 'two');
      assert.equal(client.status, 201);
      const win = () => call('POST', `/deals/${client.body.deal.number}/win`, { amount: '1000.00' }, 'three');
      const [first, again] = [await win(), await win()];
      assert.equal(first.status, 200);
      assert.equal(again.replayed, 'true');
      assert.deepEqual(again.body, first.body);
      const { items } = (await call('GET', `/partners/${partner.body.id}/statement`)).body;
      assert.equal(items.length, 1);
      assert.equal(items[0].amount.amount, '100.00');
      await people.open(admin, `/office/deals/${client.body.deal.number}`);
      await people.assertSays(admin, 'CRM');
    });

    await chapter('it keeps the word of its description, whatever it is sent', async () => {
      const report = await assertKeepsItsWord(server.url, token);
      assert.match(report, /Tested: [1-9]\d/);
    });
  });
}
