/**
 * A person at a browser: opens a page, fills in what it asks for, says yes (or no), and tells where that led.
 *
 *   node_modules/.bin/node browser.mjs <<< '{"url": "…", "until": "http://127.0.0.1:…/callback", …}'
 *
 * One visit a line of standard input, one line of JSON for each on standard output. The browser is Debian's Chromium, with
 * a profile that is empty and is removed.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import puppeteer from 'puppeteer-core';

const PATIENCE = 20_000;
const PAGES = 8;
const NO = /\b(deny|cancel|abort|refuse|decline|no|not me)\b/i;

/**
 * @param settings `chromium`: the program; `spki`: certificates to trust, by hash; `screenshots`: a folder.
 */
export async function open({ chromium, spki, screenshots }) {
  const args = ['--no-first-run', '--disable-dev-shm-usage', '--disable-gpu'];
  // Chromium's sandbox does not run as root, which CI's container is.
  if (process.getuid?.() === 0) args.push('--no-sandbox');
  if (spki) args.push(`--ignore-certificate-errors-spki-list=${spki}`);
  // Over a pipe: when this process dies, of whatever cause, so does the browser.
  const browser = await puppeteer.launch({ executablePath: chromium, headless: true, pipe: true, args });
  if (screenshots) mkdirSync(screenshots, { recursive: true });
  return {
    visit: (visit) => visitWith(browser, screenshots, visit),
    /** A page of a person who has never been here, for what `visit` does not do. */
    page: async ({ scripts = true } = {}) => {
      const page = await (await browser.createBrowserContext()).newPage();
      await page.setJavaScriptEnabled(scripts);
      page.setDefaultTimeout(PATIENCE);
      return page;
    },
    close: () => browser.close(),
  };
}

/**
 * Goes on from page to page until `until`, or until a page asks for nothing.
 *
 * @returns `url` and `text` of the last page, `pages` (what was seen and pressed), `complaints` (what the browser did not
 *   like: scripts or styles refused by policy, errors, failed requests).
 */
async function visitWith(browser, screenshots, { url, until, username, password, user_code, say = 'yes', name = 'visit' }) {
  // Each visit is another person: no cookies of the one before.
  const context = await browser.createBrowserContext();
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  const complaints = [];
  page.on('console', (message) => {
    if (message.location().url?.endsWith('/favicon.ico')) return;
    if (['error', 'warn'].includes(message.type())) complaints.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => complaints.push(`script: ${error.message}`));
  page.on('requestfailed', (request) => complaints.push(`request: ${request.url()} ${request.failure()?.errorText}`));
  page.on('response', (response) => {
    // Asked for by the browser, not by the page.
    if (response.status() >= 400 && !response.url().endsWith('/favicon.ico')) complaints.push(`status: ${response.status()} ${response.url()}`);
  });

  const pages = [];
  const snap = async () => {
    if (screenshots) await page.screenshot({ path: join(screenshots, `${name}-${pages.length}.png`), fullPage: true });
  };
  try {
    await page.goto(url, { waitUntil: 'load' });
    while (pages.length < PAGES && !(until && page.url().startsWith(until))) {
      // Some pages send themselves on.
      await page.waitForNetworkIdle({ idleTime: 150 });
      if (until && page.url().startsWith(until)) break;
      const filled = await fill(page, { username, password, user_code });
      const button = await choose(page, say);
      pages.push({ url: page.url(), title: await page.title(), filled, pressed: button?.text });
      await snap();
      if (!button) break;
      await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), button.element.click()]);
    }
    const text = await page.evaluate(() => document.body?.innerText ?? '');
    return { url: page.url(), text, pages, complaints };
  } catch (error) {
    await snap().catch(() => {});
    return { url: page.url(), error: error.message, pages, complaints };
  } finally {
    await context.close();
  }
}

/** Types into every empty field that a person would see. */
export async function fill(page, { username, password, user_code }) {
  const filled = [];
  for (const field of await page.$$('input')) {
    const { kind, name, value, hint } = await field.evaluate((input) => ({
      kind: input.type,
      name: input.name,
      value: input.value,
      hint: `${input.name} ${input.id} ${input.autocomplete} ${input.placeholder}`.toLowerCase(),
    }));
    if (value || !(await field.isVisible())) continue;
    const text = /code/.test(hint) ? user_code : kind === 'password' ? password : username;
    if (!['text', 'email', 'password'].includes(kind) || !text) continue;
    await field.type(text);
    filled.push(name);
  }
  return filled;
}

/** The button to press: the first that says yes, or the one that says no. */
export async function choose(page, say) {
  for (const element of await page.$$('button, input[type=submit]')) {
    const { kind, text, words } = await element.evaluate((button) => ({
      kind: button.type,
      text: button.innerText || button.value,
      words: `${button.innerText} ${button.name} ${button.value}`,
    }));
    if (kind !== 'submit' || !(await element.isVisible())) continue;
    if (NO.test(words) === (say === 'no')) return { element, text };
  }
  // A page without a way to refuse, such as the login before the question.
  return say === 'no' ? choose(page, 'yes') : undefined;
}

async function main() {
  let browser;
  try {
    for await (const line of createInterface({ input: process.stdin })) {
      const visit = JSON.parse(line);
      browser ??= await open(visit);
      console.log(JSON.stringify(await browser.visit(visit)));
    }
  } finally {
    await browser?.close();
  }
}

if (import.meta.filename === process.argv[1]) await main();
