/**
 * The broker's dashboard in a real browser, used as people use it: by keyboard, without scripts, on a phone, at night. The lines of
 * JSON are those of `flows.mjs`; the settings are `url`, `key`, `reader` (API keys), `hostile` (a user's name), `chromium` and
 * `screenshots`.
 */
import { join } from 'node:path';
import { createInterface } from 'node:readline';

import { complaintsOfPage } from './accessible.mjs';
import { open } from './browser.mjs';
import { demand, reporter } from './report.mjs';

const attempt = reporter('Chromium');

const lines = createInterface({ input: process.stdin });
const settings = JSON.parse(await new Promise((resolve) => lines.once('line', resolve)));
// Whoever started this holds the other end: without it, nobody reads on.
lines.once('close', () => process.exit(1));

const { url, key, reader, hostile, screenshots } = settings;
const person = await open(settings);
const of = (user) => `/connection?${new URLSearchParams({ tenant: 'acme', user, provider: 'google', account: `${user}@example.org` })}`;
const VIEWS = {
  overview: '/',
  'overview-acme': '/?tenant=acme',
  connections: '/connections?tenant=acme',
  'connections-waiting': '/connections?tenant=acme&state=needs_user',
  'connections-none': '/connections?tenant=acme&user=nobody',
  connection: of('ada'),
  'connection-waiting': of('bea'),
  'connection-failing': of('carl'),
  'connection-hostile': of(hostile),
  remove: of('ada').replace('/connection?', '/connection/remove?'),
  apps: '/apps',
  imports: '/imports',
  events: '/events',
  audit: '/audit',
  problem: of('nobody'),
};

/** A page of somebody new, and everything that the browser does not like about it. */
async function fresh({ scripts = true, width = 1280, theme = 'light' } = {}) {
  const page = await person.page({ scripts });
  const complaints = [];
  page.on('console', (message) => {
    const { url: from } = message.location();
    // The page of a problem is one: its status is not what is wrong.
    if (['error', 'warn'].includes(message.type()) && !/status of 40[34]|status of 503/.test(message.text())) complaints.push(`console: ${message.text()} ${from}`);
  });
  page.on('pageerror', (error) => complaints.push(`script: ${error.message}`));
  page.on('request', (request) => {
    if (!request.url().startsWith(url)) complaints.push(`asks elsewhere: ${request.url()}`);
  });
  await page.setViewport({ width, height: width < 500 ? 740 : 900 });
  await page.emulateMediaFeatures([{ name: 'prefers-color-scheme', value: theme }, { name: 'prefers-reduced-motion', value: 'reduce' }]);
  return { page, complaints };
}

async function go(page, work) {
  await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), work]);
}

async function signIn(page, typed = key) {
  await page.goto(`${url}/login`);
  await page.type('#key', typed);
  await go(page, page.keyboard.press('Enter'));
}

const textOf = (page) => page.evaluate(() => document.body.innerText);
const told = async (path, method = 'POST') => (await fetch(`${url}${path}`, { method })).text();

async function focusBy(page, keyName, isThere, most = 60) {
  for (let presses = 0; presses < most; presses += 1) {
    if (await page.evaluate(isThere)) return;
    await page.keyboard.press(keyName);
  }
  demand(await page.evaluate(isThere), `no key leads to ${isThere}`);
}

const FLOWS = {
  async every_view() {
    let seen = 0;
    const wrong = [];
    for (const theme of ['light', 'dark']) {
      for (const width of [360, 1280]) {
        const { page, complaints } = await fresh({ theme, width });
        const look = async (name) => {
          seen += 1;
          for (const it of await page.evaluate(complaintsOfPage)) wrong.push(`${name} ${theme} ${width}: ${it}`);
          if (screenshots) await page.screenshot({ path: join(screenshots, `${name}-${theme}-${width}.png`), fullPage: true });
        };
        await page.goto(`${url}/login`);
        await look('login');
        await page.type('#key', 'ulk_wrong');
        await go(page, page.keyboard.press('Enter'));
        await look('login-wrong');
        await signIn(page);
        for (const [name, path] of Object.entries(VIEWS)) {
          await page.goto(`${url}${path}`);
          await look(name);
        }
        wrong.push(...complaints.map((it) => `${theme} ${width}: ${it}`));
        await page.close();
      }
    }
    demand(wrong.length === 0, `${wrong.length}: ${wrong.slice(0, 12).join('\n')}`);
    return `${seen} looks`;
  },

  async a_redirect_uri_is_marked_whole() {
    const { page } = await fresh({ scripts: false });
    await signIn(page);
    await page.goto(`${url}/apps`);
    await page.click('[id="app-acme/google"] .whole');
    const marked = await page.evaluate(() => getSelection().toString());
    demand(marked === `${url}/callback/acme/google`, marked);
    return marked;
  },

  async without_scripts() {
    const { page, complaints } = await fresh({ scripts: false });
    await signIn(page);
    await page.click('nav a[href="/connections"]');
    await page.waitForSelector('#user');
    await page.type('#user', 'bea');
    await go(page, page.keyboard.press('Enter'));
    demand((await page.$$('tbody tr')).length === 1, 'the filter shows others');
    await go(page, page.click('tbody a'));
    demand((await textOf(page)).includes('USER_REVOKED'), 'no reason');
    await page.goto(`${url}${of('ada')}`);
    await go(page, page.click('form[action="/connection/renew"] button'));
    demand((await textOf(page)).includes('The connection was renewed.'), 'not renewed');
    await page.goto(`${url}${of('user-59')}`);
    await go(page, page.click('a.danger'));
    await go(page, page.click('button.danger'));
    demand(new URL(page.url()).pathname === '/connections', page.url());
    const noted = await told('/test/noted', 'GET');
    demand(noted.includes('remove acme: user-59/google/user-59@example.org by key:0p'), noted);
    demand(!(await page.$eval('#pause', (it) => it.checkVisibility())), 'a button that does nothing');
    demand(complaints.length === 0, complaints.join('\n'));
  },

  async by_keyboard() {
    const { page } = await fresh();
    await page.goto(`${url}/connections?tenant=acme`);
    await page.waitForFunction(() => document.activeElement === document.querySelector('[autofocus]'));
    await page.keyboard.type(key);
    await go(page, page.keyboard.press('Enter'));
    // Back to where somebody wanted to go.
    demand(page.url().endsWith('/connections?tenant=acme'), page.url());
    await page.keyboard.press('Tab');
    demand((await page.evaluate(() => document.activeElement.className)) === 'skip', 'the first key leads elsewhere than over the navigation');
    const { x, width } = await page.evaluate(() => document.activeElement.getBoundingClientRect().toJSON());
    demand(x >= 0 && width > 0, 'the way over the navigation is not seen');
    await page.keyboard.press('Enter');
    await focusBy(page, 'Tab', () => document.activeElement.id === 'user');
    await page.keyboard.type('ada');
    await go(page, page.keyboard.press('Enter'));
    await focusBy(page, 'Tab', () => document.activeElement.matches('tbody a'));
    const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
    demand(outline !== 'none', 'the focus is not seen');
    await go(page, page.keyboard.press('Enter'));
    await focusBy(page, 'Tab', () => document.activeElement.matches('form[action="/connection/renew"] button'));
    await go(page, page.keyboard.press('Enter'));
    demand((await textOf(page)).includes('The connection was renewed.'), 'not renewed');
    const noted = await told('/test/noted', 'GET');
    demand(noted.includes('renew acme: ada/google/ada@example.org by key:0p'), noted);
  },

  async live() {
    const { page, complaints } = await fresh();
    await signIn(page);
    await page.click('summary');
    await page.focus('a[href*="state=needs_user"]');
    await page.evaluate(() => window.scrollTo(0, 150));
    await page.evaluate(() => (window.isSame = true));
    await told('/test/unsaved');
    await page.waitForFunction(() => document.querySelector('.headline').innerText.includes('7 tokens could not be saved yet'));
    const left = await page.evaluate(() => ({
      isSame: window.isSame,
      focus: document.activeElement.getAttribute('href'),
      top: window.scrollY,
      details: document.querySelector('details').open,
      polite: document.querySelector('.headline [role=status]') !== null,
    }));
    demand(left.isSame && left.polite, 'loaded anew');
    demand(left.focus?.includes('needs_user'), `the focus is at ${left.focus}`);
    demand(left.top === 150, `scrolled to ${left.top}`);
    demand(left.details, 'what was folded out is folded in');
    await page.click('#pause');
    await told('/test/saved');
    await new Promise((resolve) => setTimeout(resolve, 4000));
    demand((await textOf(page)).includes('7 tokens could not be saved yet'), 'changes while it is paused');
    await page.click('#pause');
    await page.waitForFunction(() => !document.querySelector('.headline').innerText.includes('could not be saved'));
    demand(complaints.length === 0, complaints.join('\n'));
  },

  async rows_that_move() {
    const { page } = await fresh();
    await signIn(page);
    await page.goto(`${url}/connections?tenant=acme&state=needs_user`);
    await page.focus('tbody a');
    await page.type('#user', 'half a na');
    await page.focus('tbody a');
    await told('/test/needs-user');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 2);
    const left = await page.evaluate(() => [document.activeElement.textContent, document.querySelector('#user').value]);
    demand(left[0].startsWith('bea'), `the focus went to ${left[0]}`);
    demand(left[1] === 'half a na', `the filter is ${left[1]}`);
  },

  async hidden_pages_ask_for_nothing() {
    const { page } = await fresh();
    await signIn(page);
    await page.evaluate(() => {
      Object.defineProperty(document, 'hidden', { configurable: true, get: () => true });
      document.dispatchEvent(new Event('visibilitychange'));
    });
    const asked = [];
    // The icon is asked for by the browser, whenever it likes.
    page.on('request', (request) => request.url().endsWith('.svg') || asked.push(request.url()));
    await new Promise((resolve) => setTimeout(resolve, 4000));
    demand(asked.length === 0, `asked for ${asked}`);
    await page.evaluate(() => {
      delete document.hidden;
      document.dispatchEvent(new Event('visibilitychange'));
    });
    await page.waitForRequest(() => true);
  },

  async broker_away_and_back() {
    const { page } = await fresh();
    await signIn(page);
    await told('/test/away');
    try {
      await page.waitForFunction(() => !document.querySelector('#stale').hidden);
      demand((await textOf(page)).includes('Connections by state'), 'what was known is gone');
    } finally {
      await told('/test/back');
    }
    await page.waitForFunction(() => document.querySelector('#stale').hidden);
  },

  async hostile_names() {
    const { page, complaints } = await fresh();
    await signIn(page);
    for (const path of ['/connections?tenant=acme', of(hostile), '/audit', `/connections?tenant=acme&user=${encodeURIComponent(hostile)}`]) {
      await page.goto(`${url}${path}`);
      demand((await page.title()) !== 'taken', `a name was run as a script at ${path}`);
      demand((await textOf(page)).includes('<script>'), `the name is not to be read at ${path}`);
      demand((await page.$$('main script, body > script')).length === 0, `a script at ${path}`);
    }
    const links = [];
    const list = () => page.$$eval('tbody a', (all) => all.map((it) => it.getAttribute('href')));
    await page.goto(`${url}/connections?tenant=acme`);
    links.push(...(await list()));
    await go(page, page.click('a[rel=next]'));
    links.push(...(await list()));
    // The longest names there may be, and one that turns the text around, leave the rest as it is.
    const odd = links.filter((it) => /user=(x{256}|%E2%80%AE|a%2F\.\.%2Fb|a%2Fb)/.test(it));
    demand(odd.length === 4, `${odd.length} of 4`);
    for (const link of odd) {
      const response = await page.goto(`${url}${link}`);
      demand(response.status() === 200, `${response.status()} ${link}`);
      const wrong = await page.evaluate(complaintsOfPage);
      demand(wrong.length === 0, wrong.join('\n'));
    }
    demand(complaints.length === 0, complaints.join('\n'));
  },

  async tenants_see_their_own() {
    const { page } = await fresh();
    await signIn(page, reader);
    const text = await textOf(page);
    demand(!text.includes('globex') && !text.includes('salesforce'), 'shows another tenant');
    demand(text.includes('Tenant acme') && text.includes('<b>acme</b>'), text.slice(0, 200));
    await page.goto(`${url}${of('ada')}`);
    demand((await page.$$('form[action="/connection/renew"]')).length === 0, 'a button that is not theirs');
  },

  async signing_out() {
    const { page } = await fresh();
    await signIn(page);
    const stays = await page.browserContext().newPage();
    await stays.goto(`${url}/apps`);
    const kept = await page.browserContext().cookies();
    demand(kept.length === 1 && kept[0].httpOnly && kept[0].sameSite === 'Strict', JSON.stringify(kept));
    await page.bringToFront();
    await go(page, page.click('form[action="/logout"] button'));
    demand(page.url() === `${url}/login`, page.url());
    await page.goBack();
    demand(new URL(page.url()).pathname === '/login', `back at ${page.url()}`);
    // The other window finds out by itself.
    await stays.bringToFront();
    await stays.waitForFunction(() => location.pathname === '/login');
  },

  async a_strangers_frame() {
    const { page } = await fresh();
    await signIn(page);
    await page.setContent(`<iframe src="${url}/"></iframe>`);
    const frame = await page.waitForSelector('iframe').then((it) => it.contentFrame());
    demand(!(await frame.evaluate(() => document.body?.innerText ?? '').catch(() => '')).includes('Overview'), 'it is framed');
  },
};

for (const flow of settings.flows) await attempt(flow, () => FLOWS[flow]());
await person.close();
process.exit(0);
