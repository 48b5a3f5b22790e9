// Webhooks: an admin adds one, an independent library of the convention checks what comes, the secret is changed while both
// sign, a failure is looked at and sent again, and new clients are posted to a CRM.

import assert from 'node:assert/strict';
import test from 'node:test';
import { Webhook } from 'standardwebhooks';
import { assertAccessible } from '../support/axe.mjs';
import * as people from '../support/people.mjs';
import { startReceiver } from '../support/receiver.mjs';
import { waitFor } from '../support/server.mjs';
import { setStage } from '../support/stage.mjs';

const VARIANTS = [
  { database: 'SQLite', width: 'phone' },
  { database: 'PostgreSQL', width: 'desktop' },
];

for (const { database, width } of VARIANTS) {
  test(`webhooks, on ${database}`, async (t) => {
    const { chapter, person } = await setStage(t, { database, env: { GOODWORD_WEBHOOKS_PRIVATE: 'true' } });
    const receiver = await startReceiver();
    t.after(() => receiver.stop());
    const admin = await person('admin', { width });
    const partner = await person('partner');
    const { page } = admin;
    const secretShown = () => page.locator('#new-secret').innerText();
    /** What the library makes of a request: the event, or an error. */
    const verified = (secret, { body, headers }) => new Webhook(secret).verify(body, headers);
    /** Loads the page again until it says something. */
    const says = (text) => waitFor(async () => {
      await page.reload({ waitUntil: 'load' });
      return (await people.textOf(admin)).includes(text);
    }, () => `${page.url()} should come to say ${text}`);
    let first;
    let second;
    let address;

    await chapter('the admin adds a webhook, after a mistake', async () => {
      await people.becomeFirstAdmin(admin, { name: 'Ada Admin', email: 'ada@example.com' });
      await people.open(admin, '/office/webhooks');
      await assertAccessible(page);
      const form = () => people.form(page, '/office/webhooks');
      await people.send(page, form(), { name: 'Warehouse', url: receiver.url });
      await people.assertSays(admin, 'Choose at least one.');
      await assertAccessible(page, 'a refused webhook');
      await form().locator('[name="event_partner_created"]').check();
      await form().locator('[name="event_client_created"]').check();
      await people.send(page, form(), {});
      first = await secretShown();
      assert.match(first, /^whsec_[A-Za-z0-9+/]{43}=$/);
      await assertAccessible(page, 'a new secret');
    });

    await chapter('an independent library verifies what comes', async () => {
      await people.signUp(partner, { name: 'Pat Partner', email: 'pat@example.com' });
      const hit = await receiver.next();
      const event = verified(first, hit);
      assert.equal(event.type, 'partner.created');
      assert.equal(event.data.name, 'Pat Partner');
      assert.throws(() => verified(first, { ...hit, body: hit.body.replace('Pat', 'Eve') }), /signature/i);
    });

    await chapter('a second secret signs beside the first', async () => {
      await people.open(admin, '/office/webhooks');
      await people.follow(page, () => page.getByRole('link', { name: 'Warehouse' }).click());
      address = people.pathOf(admin);
      await assertAccessible(page, 'a webhook');
      await people.send(page, people.form(page, `${address}/secret`), { hours: '24' });
      second = await secretShown();
      await people.open(admin, address);
      await people.assertSays(admin, 'Two secrets sign');
      await people.send(page, people.form(page, `${address}/test`), {});
      const hit = await receiver.next();
      for (const secret of [first, second]) assert.equal(verified(secret, hit).type, 'webhook.test');
      assert.throws(() => verified(`whsec_${Buffer.alloc(32).toString('base64')}`, hit), /signature/i);
      await people.open(admin, address);
      await people.send(page, people.form(page, `${address}/secret`), { hours: '0' });
      const third = await secretShown();
      await people.open(admin, address);
      await people.send(page, people.form(page, `${address}/test`), {});
      const last = await receiver.next();
      assert.equal(verified(third, last).type, 'webhook.test');
      assert.throws(() => verified(second, last), /signature/i);
    });

    await chapter('a failure is looked at and sent again', async () => {
      await people.open(admin, address);
      receiver.answer(500, 'the disk is <full>');
      await people.send(page, people.form(page, `${address}/test`), {});
      const failed = await receiver.next();
      await says('the disk is <full>');
      await page.locator('summary').first().click();
      await people.assertSays(admin, failed.headers['webhook-signature']);
      await assertAccessible(page, 'a delivery that failed');
      await people.send(page, people.form(page, '*/send'), {});
      const again = await receiver.next();
      assert.equal(again.headers['webhook-id'], failed.headers['webhook-id']);
      await says('Delivered');
    });

    await chapter('new clients are posted to a CRM', async () => {
      await people.open(admin, '/office/webhooks/requests?preset=pipedrive-person');
      await assertAccessible(page, 'a request');
      const form = () => people.form(page, '/office/webhooks/requests');
      await people.send(page, form(), {}, 'Try it out');
      await people.assertSays(admin, '"value": "test.client@example.com"');
      await assertAccessible(page, 'a request tried out');
      await people.send(page, form(), {}, 'Save');
      await people.assertSays(admin, 'Put your own account in');
      await people.send(page, form(), { url: receiver.url.replace('hooks', 's3cret/persons'), headers: 'x-api-token: t0ken' }, 'Save');
      await people.assertSays(admin, 'Every new client is posted there');
      assert.ok(!(await page.content()).match(/s3cret|t0ken/), 'secrets are hidden once they are saved');
      await assertAccessible(page, 'a request that is saved');
      receiver.answer(200, '{"data": {"id": 4711}}');
      await people.send(page, people.form(page, '*/test'), {});
      const hit = await receiver.next();
      assert.equal(hit.url, '/s3cret/persons');
      assert.equal(hit.headers['x-api-token'], 't0ken');
      assert.equal(JSON.parse(hit.body).name, 'Test Client');
      await says('Delivered');
    });
  });
}
