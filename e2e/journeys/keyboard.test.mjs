// The keyboard alone is enough: from the front page to a requested withdrawal without touching a pointer.

import assert from 'node:assert/strict';
import test from 'node:test';
import * as people from '../support/people.mjs';
import { setStage } from '../support/stage.mjs';

/** More presses of Tab than any page has stops. */
const MOST_STOPS = 150;

/** What has the focus: whether it can be seen, and that it has it visibly. */
const focused = (page) => page.evaluate(() => {
  const it = document.activeElement;
  const box = it.getBoundingClientRect();
  // A choice that is drawn by its label is marked on the label.
  const drawn = [it, ...(it.labels ?? [])].map((one) => getComputedStyle(one));
  const isOutlined = drawn.some((style) => style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0);
  return {
    isNowhere: it === document.body,
    what: it.outerHTML.slice(0, 120),
    isSeen: box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight,
    isMarked: isOutlined || getComputedStyle(it).boxShadow !== 'none',
  };
});

/** Presses Tab until `target` has the focus; every stop on the way must be visible and marked. */
async function tabTo(page, target) {
  for (let stops = 0; stops < MOST_STOPS; stops += 1) {
    if (await target.evaluate((it) => it === document.activeElement)) return;
    await page.keyboard.press('Tab');
    const { isNowhere, what, isSeen, isMarked } = await focused(page);
    if (isNowhere) continue;
    assert.ok(isSeen, `the focus is out of sight on ${page.url()}: ${what}`);
    assert.ok(isMarked, `the focus isn't marked on ${page.url()}: ${what}`);
  }
  assert.fail(`${target} can't be reached by Tab on ${page.url()}`);
}

async function type(page, form, name, text) {
  await tabTo(page, people.field(form, name).first());
  await page.keyboard.type(text);
}

async function press(page, target, key = 'Enter') {
  await tabTo(page, target);
  return people.follow(page, () => page.keyboard.press(key));
}

test('with the keyboard alone', async (t) => {
  const { chapter, person } = await setStage(t);
  const admin = await person('admin');
  const partner = await person('partner');
  const client = await person('client');
  const { page } = partner;
  let link;

  await chapter('a guest skips the navigation and signs up', async () => {
    await people.open(partner, '/');
    await page.keyboard.press('Tab');
    const first = await page.evaluate(() => document.activeElement.getAttribute('href') ?? '');
    assert.ok(first.startsWith('#'), `the first stop skips to the content, not "${first}"`);
    await press(page, page.locator('a[href="/sign-up"]').first());
    const form = people.form(page, '/sign-up');
    await type(page, form, 'name', 'Pat Partner');
    await type(page, form, 'email', 'pat@example.com');
    await type(page, form, 'password', people.PASSWORD);
    await people.follow(page, () => page.keyboard.press('Enter'));
    assert.equal(people.pathOf(partner), '/link');
    link = await people.referralLink(partner);
  });

  await chapter('meanwhile a deal is won', async () => {
    await people.becomeFirstAdmin(admin, { name: 'Ada Admin', email: 'ada@example.com' });
    await people.becomeClient(client, link, { name: 'Cleo Client', email: 'cleo@example.com', message: 'Hello' });
    await people.openDealOf(admin, 'Cleo Client');
    await people.winDeal(admin, '6000');
  });

  await chapter('the partner adds a wallet', async () => {
    await press(page, page.getByRole('link', { name: 'Wallets' }).first());
    const wallets = people.form(page, '/wallets');
    const at = await people.emptyWallet(partner, wallets);
    const kind = people.field(wallets, `wallet[${at}].kind`);
    await tabTo(page, kind);
    // A select takes the entry whose name is typed.
    const name = await kind.evaluate((it) => [...it.options].find((one) => one.value === 'usdt_tron').label);
    await page.keyboard.type(name);
    assert.equal(await kind.inputValue(), 'usdt_tron');
    await type(page, wallets, `wallet[${at}].label`, 'Main');
    await type(page, wallets, `wallet[${at}].address`, people.TRON_ADDRESS);
    await press(page, wallets.getByRole('button', { name: 'Save' }));
    await people.assertSays(partner, 'USDT');
  });

  await chapter('the partner requests a withdrawal', async () => {
    await press(page, page.getByRole('link', { name: 'Statistics' }).first());
    const request = people.form(page, '/withdrawals');
    await type(page, request, 'amount', '600');
    const wallet = people.field(request, 'wallet').first();
    await tabTo(page, wallet);
    if ((await wallet.inputValue()) === '') await page.keyboard.press('ArrowDown');
    await press(page, request.getByRole('button').first());
    await people.row(partner, '600.00', /pending/i).first().waitFor();
  });

  await chapter('the partner leaves', async () => {
    await press(page, page.getByRole('button', { name: 'Logout' }).first());
    assert.equal(people.pathOf(partner), '/sign-in');
  });
});
