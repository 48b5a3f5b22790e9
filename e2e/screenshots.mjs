// Pictures of every page, in both widths and both themes, in e2e/out; the README's own go to docs/images.
// Run by `cargo xtask screenshots`.

import { mkdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { THEMES, WIDTHS, launch, person } from './support/browser.mjs';
import * as people from './support/people.mjs';
import { startServer } from './support/server.mjs';
import { OUT } from './support/stage.mjs';

const IMAGES = fileURLToPath(new URL('../docs/images/', import.meta.url));

/** Which pictures the README shows, and under which name. */
const IN_README = {
  'link-desktop-light': 'link.png',
  'statistics-desktop-light': 'statistics.png',
  'statistics-phone-dark': 'statistics-phone.png',
  'office-clients-desktop-light': 'office.png',
};

const CLIENTS = [
  { name: 'Northwind Dental', message: 'A site for three practices.', amount: '12,400.00' },
  { name: 'Harbour & Finch', message: 'A new brand by May.', amount: '8,750.00' },
  { name: 'Oak Street Bakery', message: 'An online shop.', lost: 'They build it themselves.' },
  { name: 'Lumen Architects', message: 'A portfolio.', amount: '4,300.50' },
  { name: 'Mira Osei', message: 'A course platform.' },
  { name: 'Tideline Surf School', message: 'Bookings for the summer.' },
];

/** A small programme with something on every page. @returns the people in it and the pages to picture */
async function setScene(browser, server) {
  const admin = await person(browser, server);
  const partner = await person(browser, server);
  await people.becomeFirstAdmin(admin, { name: 'Ada Lindqvist', email: 'ada@example.com' });
  await people.signUp(partner, { name: 'Jonas Weber', email: 'jonas@example.com' });
  const link = await people.referralLink(partner);

  for (const { name, message, amount, lost } of CLIENTS) {
    const client = await person(browser, server);
    const email = `${name.toLowerCase().replace(/[^a-z]+/g, '.')}@example.com`;
    await people.becomeClient(client, link, { name, email, message });
    await client.leave();
    await people.openDealOf(admin, name);
    if (amount) await people.winDeal(admin, amount);
    if (lost) await people.send(admin.page, people.form(admin.page, '*/lose'), { reason: lost });
  }
  const deal = new URL(admin.page.url()).pathname;

  await people.addWallet(partner, { label: 'Savings' });
  await people.requestWithdrawal(partner, '1200');
  await people.openWithdrawal(admin, 'Jonas Weber');
  await people.pay(admin, 'TX-88213');
  await people.requestWithdrawal(partner, '600');
  await people.sendFeedback(partner, 'The QR code went straight onto our flyers. Lovely.');
  await people.invite(admin, { name: 'Sam Okafor', email: 'sam@example.com', role: 'sales' });
  await people.openWithdrawal(admin, 'Jonas Weber');
  const withdrawal = new URL(admin.page.url()).pathname;

  return [
    ['guest', await person(browser, server), {
      front: '/', 'sign-up': '/sign-up', 'sign-in': '/sign-in', recover: '/recover', contact: '/contact', missing: '/no-such-page',
    }],
    ['partner', partner, { link: '/link', statistics: '/statistics', wallets: '/wallets' }],
    ['admin', admin, {
      office: '/office', 'office-clients': '/office/clients', 'office-deal': deal,
      'office-withdrawals': '/office/withdrawals', 'office-withdrawal': withdrawal,
      'office-partners': '/office/partners', 'office-feedback': '/office/feedback',
      'office-settings': '/office/settings', 'office-staff': '/office/staff',
    }],
  ];
}

const server = await startServer();
const browser = await launch();
try {
  await rm(OUT, { recursive: true, force: true });
  await mkdir(OUT, { recursive: true });
  await mkdir(IMAGES, { recursive: true });
  for (const [who, { page }, pages] of await setScene(browser, server)) {
    for (const [name, address] of Object.entries(pages)) {
      for (const [width, viewport] of Object.entries(WIDTHS)) {
        await page.setViewportSize(viewport);
        await page.goto(address, { waitUntil: 'load' });
        for (const theme of THEMES) {
          await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
          const title = `${name}-${width}-${theme}`;
          const file = path.join(OUT, `${title}.png`);
          await page.screenshot({ path: file, fullPage: true });
          // The README shows what fits into a window, not the whole length of a page.
          const image = IN_README[title];
          if (image) await page.screenshot({ path: path.join(IMAGES, image) });
        }
      }
    }
    console.log(`pictured as ${who}: ${Object.values(pages).join(' ')}`);
  }
  console.log(`pictures are in ${OUT}; those of the README in ${IMAGES}`);
} finally {
  await browser.close();
  await server.stop();
  await server.remove();
}
