// What people do, in the words of the forms: one function is one thing that a person does.

import assert from 'node:assert/strict';

export const PASSWORD = 'seven-otters-mend-a-kite';
/** A well-formed address on TRON. */
export const TRON_ADDRESS = 'TJCnKsPa7y5okkXvQAidZBzqx3QyQ6sxMW';

/** The form that is sent to `action`: a path, or the end of one as `*` and what follows. */
export function form(page, action) {
  const path = action.startsWith('*') ? `[action$="${action.slice(1)}"]` : `[action="${action}"]`;
  return page.locator(`form${path}`);
}

/** A field by its name in the form. */
export const field = (form, name) => form.locator(`[name="${name}"]:not([type="hidden"])`);

/** Does something that leads to another page, and gives back the answer with that page. */
export async function follow(page, act) {
  const [answer] = await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), act()]);
  return answer;
}

/** Fills in the fields and sends the form, by its (only) button or the one with the name given. */
export async function send(page, form, values, button) {
  for (const [name, value] of Object.entries(values)) {
    const one = field(form, name);
    const kind = await one.first().evaluate((it) => (it.tagName === 'SELECT' ? 'select' : it.type));
    if (kind === 'select') await one.selectOption(value);
    else if (kind === 'radio') await form.locator(`[name="${name}"][value="${value}"]`).check();
    else await one.fill(value);
  }
  const buttons = button
    ? form.getByRole('button', { name: button })
    : form.locator('button[type="submit"], button:not([type]), input[type="submit"]');
  return follow(page, () => buttons.first().click());
}

/** Opens an address; fails if the answer isn't 200. */
export async function open({ page }, path) {
  const answer = await page.goto(path, { waitUntil: 'load' });
  assert.equal(answer.status(), 200, `GET ${path}`);
}

export const pathOf = ({ page }) => new URL(page.url()).pathname;

/** The text of the page's main part, with runs of white space as one space. */
export async function textOf({ page }) {
  return (await page.locator('main').innerText()).replace(/\s+/g, ' ');
}

/** Fails if the main part of the page doesn't say `expected` (a string or a pattern). */
export async function assertSays(someone, expected) {
  const text = await textOf(someone);
  const says = expected instanceof RegExp ? expected.test(text) : text.toLowerCase().includes(expected.toLowerCase());
  assert.ok(says, `${someone.page.url()} should say ${expected}, but says: ${text}`);
}

/** The row of a table in which all the texts stand. */
export function row({ page }, ...texts) {
  return texts.reduce((rows, hasText) => rows.filter({ hasText }), page.locator('main table tbody tr'));
}

/** The figure with a label, as `Total profit` -> `1,234.50`: what stands beside the label. */
export async function figure({ page }, label) {
  const term = page.locator('main dt').filter({ hasText: label }).first();
  const value = await term.locator('xpath=following-sibling::dd[1]').innerText();
  return value.trim();
}

// The partner

export async function signUp(someone, { name, email, password = PASSWORD }) {
  await open(someone, '/sign-up');
  await send(someone.page, form(someone.page, '/sign-up'), { name, email, password });
  assert.equal(pathOf(someone), '/link', 'a new partner is led to QR & Link');
}

export async function signIn(someone, { email, password = PASSWORD }, expected = '/link') {
  await open(someone, '/sign-in');
  await send(someone.page, form(someone.page, '/sign-in'), { email, password });
  assert.equal(pathOf(someone), expected, 'where signing in leads');
}

export async function signOut(someone) {
  await follow(someone.page, () => someone.page.getByRole('button', { name: 'Logout' }).first().click());
  assert.equal(pathOf(someone), '/sign-in', 'where Logout leads');
}

/** The referral link as the page shows it. */
export async function referralLink(someone) {
  await open(someone, '/link');
  const html = await someone.page.content();
  const link = html.match(/https?:\/\/[^"'<\s]+\/r\/[A-Za-z0-9-]+/)?.[0];
  assert.ok(link, 'the page shows a referral link');
  return link;
}

/** The QR code on QR & Link. */
export const qrCode = ({ page }) => page.locator('main').getByRole('img', { name: /QR/ }).first();

export async function addWallet(someone, { kind = 'usdt_tron', label = 'Main', address = TRON_ADDRESS } = {}) {
  await open(someone, '/wallets');
  const wallets = form(someone.page, '/wallets');
  const at = await emptyWallet(someone, wallets);
  const values = { [`wallet[${at}].kind`]: kind, [`wallet[${at}].label`]: label, [`wallet[${at}].address`]: address };
  return send(someone.page, wallets, values, 'Save');
}

/** The index of a row of the wallets form that is free to be filled in. */
export async function emptyWallet({ page }, wallets) {
  const addresses = wallets.locator('[name^="wallet["][name$="].address"]');
  const find = () => addresses.evaluateAll((all) => all.find((it) => it.value === '')?.name.match(/\[(\d+)\]/)[1]);
  let at = await find();
  if (at === undefined) {
    await page.getByRole('button', { name: /add/i }).first().click();
    await addresses.last().waitFor();
    at = await find();
  }
  assert.notEqual(at, undefined, 'the wallets form has room for one more wallet');
  return Number(at);
}

/** Requests a withdrawal to the first wallet. */
export async function requestWithdrawal(someone, amount) {
  await open(someone, '/statistics');
  const request = form(someone.page, '/withdrawals');
  const wallet = field(request, 'wallet');
  const id = await wallet.first().evaluate((it) => {
    if (it.tagName !== 'SELECT') return it.value;
    return [...it.options].find((option) => option.value !== '' && !option.disabled)?.value;
  });
  return send(someone.page, request, { amount, wallet: id });
}

export async function sendFeedback(someone, message) {
  await send(someone.page, form(someone.page, '/feedback'), { message });
}

// The client

/** Follows the link and sends the contact form. @returns the client number, e.g. `C-1042` */
export async function becomeClient(someone, link, values) {
  await open(someone, link);
  if (pathOf(someone) !== '/contact') await open(someone, '/contact');
  const answer = await send(someone.page, form(someone.page, '/contact'), values);
  assert.equal(answer.status(), 201, 'the contact form is accepted');
  const number = (await textOf(someone)).match(/C-\d+/)?.[0];
  assert.ok(number, 'the thank-you page tells the client number');
  return number;
}

// Staff

/** Makes the first admin through the address that the server printed. */
export async function becomeFirstAdmin(someone, { name, email, password = PASSWORD }) {
  await open(someone, await someone.server.firstAdminAddress());
  await send(someone.page, someone.page.locator('main form'), { name, email, password });
  assert.match(pathOf(someone), /^\/office/, 'the first admin lands in the office');
}

/** Invites a colleague. @returns the address to be handed over */
export async function invite(someone, { name, email, role }) {
  await open(someone, '/office/staff');
  await send(someone.page, form(someone.page, '/office/staff'), { name, email, role });
  const html = await someone.page.content();
  const address = html.match(/https?:\/\/[^"'<\s]+\/invitation\/[\w-]+/)?.[0];
  assert.ok(address, 'the page shows the address of the invitation');
  return address;
}

export async function acceptInvitation(someone, address, { password = PASSWORD } = {}) {
  await open(someone, address);
  await send(someone.page, someone.page.locator('main form'), { password });
  assert.match(pathOf(someone), /^\/office/, 'an invited person lands in the office');
}

/** Finds a client by name and opens the deal. @returns the transaction number, e.g. `T-2077` */
export async function openDealOf(someone, clientName) {
  await open(someone, '/office/clients');
  const search = someone.page.getByRole('searchbox').first();
  await search.fill(clientName);
  await follow(someone.page, () => search.press('Enter'));
  await follow(someone.page, () => row(someone, clientName).locator('a[href*="/office/clients/"]').first().click());
  await follow(someone.page, () => someone.page.locator('main a[href*="/office/deals/"]').first().click());
  return `T-${pathOf(someone).split('/').at(-1)}`;
}

export const winDeal = (someone, amount) => send(someone.page, form(someone.page, '*/win'), { amount });

/** Opens the oldest withdrawal in the queue. */
export async function openWithdrawal(someone, partnerName) {
  await open(someone, '/office/withdrawals');
  const link = row(someone, partnerName).locator('a[href*="/office/withdrawals/"]').first();
  await follow(someone.page, () => link.click());
}

export const pay = (someone, reference) => send(someone.page, form(someone.page, '*/pay'), { reference });
