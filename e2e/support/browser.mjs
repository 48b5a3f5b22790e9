// Chromium, and people in it: each has a context of their own, and everything they open is watched.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';

export const WIDTHS = {
  phone: { width: 390, height: 844 },
  desktop: { width: 1280, height: 900 },
};
export const THEMES = ['light', 'dark'];

/** How long a person waits for anything. */
const PATIENCE_MS = 10_000;

/** Starts the browser. `SHOW=1` shows its window. */
export function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    headless: process.env.SHOW !== '1',
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
      // No name leads anywhere: a page that asks a foreign host can't get an answer by luck.
      '--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1',
    ],
  });
}

/**
 * A person with a browser of their own: no cookie, no history.
 *
 * @param browser what `launch` gave
 * @param server what `startServer` gave
 * @param {{width?: 'phone' | 'desktop', theme?: 'light' | 'dark', javaScript?: boolean}} options
 */
export async function person(browser, server, { width = 'desktop', theme = 'light', javaScript = true } = {}) {
  const context = await browser.newContext({
    baseURL: server.url,
    viewport: WIDTHS[width],
    isMobile: width === 'phone',
    hasTouch: width === 'phone',
    colorScheme: theme,
    reducedMotion: 'reduce',
    javaScriptEnabled: javaScript,
    locale: 'en-US',
    timezoneId: 'UTC',
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const problems = watch(context, server.url);
  const page = await context.newPage();
  return {
    page,
    context,
    server,
    width,
    problems,
    /** Ends the context; fails if anything went wrong on any page since the beginning. */
    async leave() {
      await context.close();
      assert.deepEqual(problems, [], 'what went wrong on the pages that this person opened');
    },
  };
}

/** Collects what must not happen on any page. */
function watch(context, origin) {
  const problems = [];
  const where = (page) => (page ? new URL(page.url()).pathname : 'a page');

  context.on('console', (message) => {
    // A form that is refused answers 422, which Chromium reports as a failed resource; the answers themselves
    // are looked at below.
    if (message.text().startsWith('Failed to load resource')) return;
    if (['error', 'warning'].includes(message.type())) {
      problems.push(`${where(message.page())}: console: ${message.text()}`);
    }
  });
  context.on('weberror', (error) => problems.push(`${where(error.page())}: script: ${error.error()}`));
  context.on('request', (request) => {
    const url = new URL(request.url());
    const isLocal = url.origin === origin || ['data:', 'blob:', 'about:'].includes(url.protocol);
    if (!isLocal) problems.push(`request to a foreign host: ${request.url()}`);
  });
  context.on('requestfailed', (request) => {
    // Downloads and pages left early end as aborted.
    const why = request.failure()?.errorText ?? 'failed';
    if (why !== 'net::ERR_ABORTED') problems.push(`${why}: ${request.url()}`);
  });
  context.on('response', (response) => {
    const isPage = response.request().resourceType() === 'document';
    if (response.status() >= 500 || (response.status() >= 400 && !isPage)) {
      problems.push(`answered with ${response.status()}: ${response.request().method()} ${response.url()}`);
    }
  });
  return problems;
}

/** Fails if the page is wider than its window: nobody should have to scroll sideways. */
export async function assertFits(page) {
  const { wide, window, culprits } = await page.evaluate(() => {
    const root = document.documentElement;
    const isOut = (element) => element.getBoundingClientRect().right > root.clientWidth + 1;
    // What sticks out of a part that scrolls by itself doesn't widen the page.
    const scrolls = (element) => {
      for (let up = element; up; up = up.parentElement) {
        if (getComputedStyle(up).overflowX !== 'visible') return true;
      }
      return false;
    };
    const culprits = [...document.body.querySelectorAll('*')].filter((it) => isOut(it) && !scrolls(it));
    return {
      wide: root.scrollWidth,
      window: root.clientWidth,
      culprits: culprits.slice(-3).map((it) => it.outerHTML.slice(0, 120)),
    };
  });
  assert.ok(wide <= window, `${page.url()} is ${wide} px wide in a window of ${window} px:\n${culprits.join('\n')}`);
}
