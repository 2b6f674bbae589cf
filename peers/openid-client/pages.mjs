/**
 * The issuer's pages in a real browser, used as people and strangers use them. The settings and the lines of JSON are those of
 * `flows.mjs`.
 */
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import { choose, fill, open } from './browser.mjs';
import { demand, reporter } from './report.mjs';

const attempt = reporter('Chromium');

const lines = createInterface({ input: process.stdin });
const settings = JSON.parse(await new Promise((resolve) => lines.once('line', resolve)));
// Whoever started this holds the other end: without it, nobody reads on.
lines.once('close', () => process.exit(1));

const { clients, redirect_uri, username, password } = settings;
const scope = settings.scope ?? 'openid';
const SCRIPT = `"><script>document.title='taken'</script>`;
// Those of RFC 7636, appendix B.
const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk';
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

const person = await open(settings);
const metadata = await (await fetch(`${settings.issuer}/.well-known/openid-configuration`)).json();

/** The address of the authorization endpoint; a parameter of `undefined` is left out. */
function request(more = {}) {
  const url = new URL(metadata.authorization_endpoint);
  const parameters = {
    client_id: clients.public.id,
    response_type: 'code',
    redirect_uri,
    scope,
    state: 'a state',
    code_challenge: CHALLENGE,
    code_challenge_method: 'S256',
    ...more,
  };
  for (const [name, value] of Object.entries(parameters)) if (value !== undefined) url.searchParams.append(name, value);
  return url.href;
}

const isBack = (url) => url.startsWith(redirect_uri);
const textOf = (page) => page.evaluate(() => document.body.innerText);

async function press(page) {
  const button = await choose(page, 'yes');
  demand(button, `no button at ${page.url()}: ${await textOf(page)}`);
  await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), button.element.click()]);
}

/** Goes on as a person does who logs in and agrees, until the application has its answer. */
async function goOn(page) {
  for (let pages = 0; pages < 5 && !isBack(page.url()); pages += 1) {
    await fill(page, { username, password });
    const again = (await choose(page, 'yes')) ? undefined : await page.$('a.button');
    if (again) await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), again.click()]);
    else await press(page);
  }
  demand(isBack(page.url()), `stuck at ${page.url()}`);
}

/** Opens the address, and logs in as far as the page asks for it. */
async function tryToLogIn(page, who) {
  await page.goto(request());
  await fill(page, who);
  await press(page);
  return textOf(page);
}

/** A page that says what is wrong, and does not send anybody anywhere. */
async function staysHere(more) {
  const page = await person.page();
  const response = await page.goto(request(more));
  demand(!isBack(page.url()), `sent to ${page.url()}`);
  demand(response.status() >= 400 && response.status() < 500, `${response.status()}`);
  demand((await page.title()) !== 'taken', 'a parameter was run as a script');
  return `${response.status()}`;
}

/** Sent back to the application with this error, and with the state. */
async function goesBack(error, more) {
  const page = await person.page();
  await page.goto(request(more));
  demand(isBack(page.url()), `stays at ${page.url()}: ${await textOf(page)}`);
  // In the fragment for a response type that is answered there.
  const { search, hash } = new URL(page.url());
  const said = new URLSearchParams(search || hash.slice(1));
  demand(said.get('error') === error, `${said}`);
  demand(said.get('state') === 'a state', `${said}`);
}

const FLOWS = {
  async password_wrong_then_right() {
    const page = await person.page();
    const wrong = await tryToLogIn(page, { username, password: 'wrong' });
    demand(!isBack(page.url()), 'let in');
    const stranger = await tryToLogIn(await person.page(), { username: 'nobody', password: 'wrong' });
    demand(wrong === stranger, `who exists can be told: "${wrong}" and "${stranger}"`);
    await goOn(page);
    demand(new URL(page.url()).searchParams.get('code'), page.url());
  },
  async without_scripts() {
    const page = await person.page({ scripts: false });
    await page.goto(request());
    await goOn(page);
    demand(new URL(page.url()).searchParams.get('code'), page.url());
  },
  async by_keyboard() {
    const page = await person.page();
    await page.goto(request());
    // A browser moves the focus to an `autofocus` field some time after the page is loaded (HTML §6.6.7); a person looks first.
    await page.waitForFunction(() => document.activeElement === (document.querySelector('[autofocus]') ?? document.body));
    for (const [types, word] of [[['text', 'email'], username], [['password'], password]]) {
      const isThere = () => page.evaluate((wanted) => wanted.includes(document.activeElement?.type), types);
      for (let tabs = 0; tabs < 10 && !(await isThere()); tabs += 1) await page.keyboard.press('Tab');
      demand(await isThere(), `no key leads to a field for ${types}`);
      await page.keyboard.type(word);
    }
    await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.keyboard.press('Enter')]);
    const text = await textOf(page);
    demand(isBack(page.url()) || !(await page.$('input[type=password]')), `not logged in: ${text}`);
  },
  async fields_have_names() {
    const page = await person.page();
    await page.goto(request());
    const nameless = await page.$$eval('input:not([type=hidden])', (fields) =>
      fields.filter((field) => !field.labels?.length && !field.ariaLabel).map((field) => field.name),
    );
    demand(nameless.length === 0, `no label: ${nameless}`);
    demand(await page.$('html[lang]'), 'no language');
    demand(await page.$('input[autocomplete=current-password]'), 'a password store does not know the field');
  },
  async narrow() {
    // WCAG 2.2 §1.4.10: 320 pixels are enough, without a bar to scroll sideways.
    const page = await person.page();
    await page.setViewport({ width: 320, height: 568 });
    await page.goto(request());
    for (let pages = 0; pages < 3 && !isBack(page.url()); pages += 1) {
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      demand(width <= 320, `${width} pixels at ${page.url()}`);
      await fill(page, { username, password });
      await press(page);
    }
  },
  async not_in_a_frame() {
    // Clickjacking (RFC 6749 §10.13): a stranger's page shows ours in a frame of its own.
    const html = `<!doctype html><title>stranger</title><iframe src="${request().replaceAll('&', '&amp;')}"></iframe>`;
    const stranger = createServer((_request, response) => response.setHeader('content-type', 'text/html').end(html));
    await new Promise((resolve) => stranger.listen(0, '127.0.0.1', resolve));
    const page = await person.page();
    await page.goto(`http://127.0.0.1:${stranger.address().port}/`, { waitUntil: 'networkidle0' });
    const inside = await Promise.all(page.frames().slice(1).map((frame) => frame.$('form').catch(() => null)));
    stranger.closeAllConnections();
    stranger.close();
    demand(inside.length === 1 && !inside[0], 'the page is shown in a frame');
  },
  async headers() {
    const response = await (await person.page()).goto(request());
    const headers = response.headers();
    demand(/no-store/.test(headers['cache-control']), `cache-control: ${headers['cache-control']}`);
    const policy = headers['content-security-policy'] ?? '';
    demand(/default-src 'none'/.test(policy) && !/unsafe-inline|unsafe-eval/.test(policy), policy);
    demand(headers['x-content-type-options'] === 'nosniff', 'no nosniff');
    demand(/no-referrer|same-origin/.test(headers['referrer-policy']), `referrer-policy: ${headers['referrer-policy']}`);
    return policy;
  },
  client_unknown: () => staysHere({ client_id: `nobody${SCRIPT}` }),
  redirect_uri_unknown: () => staysHere({ redirect_uri: `http://127.0.0.1:1/other${SCRIPT}` }),
  async redirect_uri_not_alike() {
    // RFC 9700 §4.1: compared as text, but for the port of a loopback address (RFC 8252 §7.3).
    for (const end of ['/', '?x=1', '#x', '/../callback', '%2f']) await staysHere({ redirect_uri: redirect_uri + end });
    await staysHere({ redirect_uri: redirect_uri.replace('127.0.0.1', 'localhost') });
    await staysHere({ redirect_uri: redirect_uri.replace('127.0.0.1', '127.0.0.1.example') });
  },
  response_type_unsupported: () => goesBack('unsupported_response_type', { response_type: 'token' }),
  pkce_missing: () => goesBack('invalid_request', { code_challenge: undefined, code_challenge_method: undefined }),
  pkce_plain: () => goesBack('invalid_request', { code_challenge_method: 'plain' }),
  scope_unknown: () => goesBack('invalid_scope', { scope: `${scope} root` }),
  prompt_none: () => goesBack('login_required', { prompt: 'none' }),
  async parameters_are_data() {
    const page = await person.page();
    await page.goto(request({ login_hint: SCRIPT, ui_locales: SCRIPT }));
    demand((await page.title()) !== 'taken', 'a parameter was run as a script');
    await page.goto(request({ state: SCRIPT }));
    await goOn(page);
    demand(new URL(page.url()).searchParams.get('state') === SCRIPT, page.url());
  },
  async double_click() {
    const page = await person.page();
    await page.goto(request());
    for (let pages = 0; pages < 4 && !isBack(page.url()); pages += 1) {
      await fill(page, { username, password });
      const button = await choose(page, 'yes');
      demand(button, `stuck at ${page.url()}: ${await textOf(page)}`);
      await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), button.element.click({ count: 2 })]);
      await page.waitForNetworkIdle({ idleTime: 150 });
    }
    demand(new URL(page.url()).searchParams.get('code'), `${page.url()} ${await textOf(page)}`);
  },
  async back_and_again() {
    const page = await person.page();
    await page.goto(request());
    await goOn(page);
    const first = new URL(page.url()).searchParams.get('code');
    await page.goBack({ waitUntil: 'load' });
    await goOn(page);
    const second = new URL(page.url()).searchParams.get('code');
    demand(first && second && first !== second, `${first} ${second}`);
  },
  async two_tabs() {
    // Two logins begun at once in one browser; what the second tab was given must not spoil the first.
    const one = await person.page();
    const two = await one.browserContext().newPage();
    await one.goto(request({ state: 'one' }));
    await two.goto(request({ state: 'two' }));
    for (const [tab, state] of [[one, 'one'], [two, 'two']]) {
      await tab.bringToFront();
      await goOn(tab);
      demand(new URL(tab.url()).searchParams.get('state') === state, tab.url());
    }
  },
  async login_is_remembered() {
    const page = await person.page();
    await page.goto(request());
    await goOn(page);
    await page.goto(request());
    demand(!(await page.$('input[type=password]')), 'asked for the password again');
    await page.goto(request({ prompt: 'login' }));
    demand(await page.$('input[type=password]'), 'not asked although the client wants it (OpenID Connect Core §3.1.2.1)');
  },
  async sessions_are_seen_and_ended() {
    const page = await person.page();
    await page.goto(request());
    await goOn(page);
    const ask = async (form) => {
      const body = new URLSearchParams({ client_id: clients.public.id, ...form });
      return (await fetch(metadata.token_endpoint, { method: 'POST', body })).json();
    };
    const code = new URL(page.url()).searchParams.get('code');
    const opened = await ask({ grant_type: 'authorization_code', code, redirect_uri, code_verifier: VERIFIER });
    const renewed = await ask({ grant_type: 'refresh_token', refresh_token: opened.refresh_token });
    demand(renewed.refresh_token, JSON.stringify({ opened, renewed }));

    await page.goto(`${settings.issuer}/sessions`);
    const sessions = await page.$$('button[name=session]:not([value=all])');
    demand(sessions.length > 0, await textOf(page));
    if (settings.screenshots) await page.screenshot({ path: `${settings.screenshots}/sessions.png`, fullPage: true });
    const all = await page.$('button[name=session][value=all]');
    await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), all.click()]);
    const ended = await ask({ grant_type: 'refresh_token', refresh_token: renewed.refresh_token });
    demand(ended.error === 'invalid_grant', JSON.stringify(ended));
    await page.goto(`${settings.issuer}/sessions`);
    const left = await page.$$('button[name=session]:not([value=all])');
    demand(left.length === 0, `${left.length} of ${sessions.length} left`);
    return `${sessions.length} ended`;
  },
  async user_code_wrong() {
    const page = await person.page();
    const device = new URL('device', `${settings.issuer}/`);
    const { verification_uri } = await (
      await fetch(metadata.device_authorization_endpoint, {
        method: 'POST',
        body: new URLSearchParams({ client_id: clients.public.id }),
      })
    ).json();
    await page.goto(verification_uri ?? device.href);
    for (let pages = 0; pages < 3; pages += 1) {
      const filled = await fill(page, { username, password, user_code: 'BCDF-GHJK' });
      await press(page);
      if (filled.some((name) => /code/.test(name))) break;
    }
    const text = await textOf(page);
    demand(!/approved|success|signed in/i.test(text), text);
    await page.goto(`${verification_uri}?user_code=${encodeURIComponent(SCRIPT)}`);
    demand((await page.title()) !== 'taken', 'a parameter was run as a script');
    return text.split('\n').filter(Boolean).slice(0, 3).join(' / ');
  },
};

for (const flow of settings.flows ?? Object.keys(FLOWS)) {
  await attempt(flow, FLOWS[flow] ?? (() => demand(false, 'no such flow')));
}
await person.close();
process.exit(0);
