// Pictures of every page of the demo, in both widths and both themes, in e2e/out; the README's own go to docs/images.
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
const IN_README = { 'statistics-desktop-light': 'statistics.png' };

/** What `goodword demo` prints for everybody in it. */
const PASSWORD = 'northwind-demo';

/** Somebody of the demo, signed in. */
async function signedIn(browser, server, email, home = '/link') {
  const someone = await person(browser, server);
  await people.signIn(someone, { email, password: PASSWORD }, home);
  return someone;
}

/** The first link on a page that starts so. */
async function linkOn({ page }, address, start) {
  await page.goto(address, { waitUntil: 'load' });
  return page.locator(`main a[href^="${start}"]`).first().getAttribute('href');
}

/** The people whose pages are pictured, and the pages. */
async function setScene(browser, server) {
  const admin = await signedIn(browser, server, 'ines.duarte@northwind.example', '/office/clients');
  const partner = await signedIn(browser, server, 'mara.lindqvist@example.com');
  const newcomer = await signedIn(browser, server, 'noor.haddad@example.com');
  return [
    ['guest', await person(browser, server), {
      front: '/', 'sign-up': '/sign-up', 'sign-in': '/sign-in', recover: '/recover', contact: '/contact', 'guest-support': '/support', missing: '/no-such-page',
    }],
    ['partner', partner, {
      link: '/link', statistics: '/statistics?days=90', entries: '/statistics/entries', wallets: '/wallets',
      claims: '/claims', guide: '/guide', sheet: '/link/sheet', cards: '/link/cards',
      support: '/support', 'support-request': await linkOn(partner, '/support', '/support/'),
    }],
    ['newcomer', newcomer, { 'new-statistics': '/statistics', 'new-wallets': '/wallets' }],
    ['admin', admin, {
      office: '/office', 'office-clients': '/office/clients',
      'office-client': await linkOn(admin, '/office/clients?status=won', '/office/clients/'),
      'office-deal': await linkOn(admin, '/office/clients?status=won', '/office/deals/'),
      'office-withdrawals': '/office/withdrawals',
      'office-withdrawal': await linkOn(admin, '/office/withdrawals', '/office/withdrawals/'),
      'office-partners': '/office/partners',
      'office-partner': await linkOn(admin, '/office/partners', '/office/partners/'),
      'office-claims': '/office/claims',
      'office-claim': await linkOn(admin, '/office/claims', '/office/claims/4'),
      'office-support': '/office/support',
      'office-support-request': await linkOn(admin, '/office/support', '/office/support/'),
      'office-feedback': '/office/feedback',
      'office-feedback-message': await linkOn(admin, '/office/feedback', '/office/feedback/'),
      'office-recovery': '/office/recovery',
      'office-settings': '/office/settings', 'office-staff': '/office/staff',
    }],
  ];
}

const server = await startServer({ args: ['demo'] });
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
