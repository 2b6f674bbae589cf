/**
 * The certified `openid-client`, through every flow it has, against the issuer that the first line of standard input
 * describes. It prints one line of JSON a flow, and ends when its standard input closes.
 *
 *   node_modules/.bin/node flows.mjs <<< '{"issuer": "http://127.0.0.1:…", "flows": ["discovery", …], …}'
 */
import { createInterface } from 'node:readline';

import * as oidc from 'openid-client';

import { open } from './browser.mjs';
import { demand, refused, reporter } from './report.mjs';

const attempt = reporter('openid-client');

const lines = createInterface({ input: process.stdin });
const settings = JSON.parse(await new Promise((resolve) => lines.once('line', resolve)));
// Whoever started this holds the other end: without it, nobody reads on.
lines.once('close', () => process.exit(1));

const { issuer, clients, redirect_uri, username, password, subject } = settings;
const scope = settings.scope ?? 'openid';
const isOpenId = scope.split(' ').includes('openid');
const server = new URL(issuer);
const browser = () => (browser.opened ??= open(settings));

const AUTH = {
  none: () => oidc.None(),
  basic: ({ secret }) => oidc.ClientSecretBasic(secret),
  post: ({ secret }) => oidc.ClientSecretPost(secret),
  private_key_jwt: ({ key }) => privateKey(key),
};

const IMPORT = {
  EdDSA: { name: 'Ed25519' },
  ES256: { name: 'ECDSA', namedCurve: 'P-256' },
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
};

async function privateKey({ kid, alg, ...jwk }) {
  const key = await crypto.subtle.importKey('jwk', jwk, IMPORT[alg], false, ['sign']);
  return oidc.PrivateKeyJwt({ key, kid });
}

/** Discovers the issuer as one of the registered clients. */
async function as(name, algorithm = 'oidc') {
  const client = clients[name];
  demand(client, `no client ${name}`);
  const execute = [oidc.enableNonRepudiationChecks];
  if (server.protocol === 'http:') execute.push(oidc.allowInsecureRequests);
  const auth = await AUTH[client.auth](client);
  return oidc.discovery(server, client.id, client.metadata ?? {}, auth, { algorithm, execute });
}

/** Logs in at the page in the browser; the address that it was sent back to. */
async function authorize(config, parameters, visit = {}) {
  const url = oidc.buildAuthorizationUrl(config, parameters);
  const person = await browser();
  const name = visit.name ?? 'authorize';
  const seen = await person.visit({ url: url.href, until: redirect_uri, username, password, ...visit, name });
  demand(!seen.error, `${seen.error} at ${seen.url}: ${JSON.stringify(seen)}`);
  demand(seen.url.startsWith(redirect_uri), `ended at ${seen.url}: ${seen.text} ${JSON.stringify(seen.complaints)}`);
  if (settings.strict) demand(seen.complaints.length === 0, `the browser complains: ${seen.complaints.join('; ')}`);
  if (parameters.response_mode !== 'form_post') return new URL(seen.url);
  // The application shows the form that was posted to it.
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  return new Request(redirect_uri, { method: 'POST', headers, body: seen.text.trim() });
}

/** The whole code flow with PKCE (S256), state and nonce. */
async function logIn(config, { more = {}, options, visit } = {}) {
  const verifier = oidc.randomPKCECodeVerifier();
  const parameters = {
    redirect_uri,
    scope,
    code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state: oidc.randomState(),
    ...(isOpenId && { nonce: oidc.randomNonce(), max_age: '600' }),
    ...settings.authorize,
    ...more,
  };
  const current = await authorize(config, parameters, visit);
  const checks = {
    pkceCodeVerifier: verifier,
    expectedState: parameters.state,
    expectedNonce: parameters.nonce,
    maxAge: isOpenId ? 600 : undefined,
    idTokenExpected: isOpenId,
  };
  const tokens = await oidc.authorizationCodeGrant(config, current, checks, undefined, options);
  return { tokens, current, checks };
}

/** Lets the person approve (or refuse) a device; `complete`: by the link that has the code in it. */
async function device(config, { complete, say, name }) {
  const asked = await oidc.initiateDeviceAuthorization(config, { scope });
  demand(asked.verification_uri && asked.user_code, 'no code to type');
  const person = await browser();
  const url = complete ? asked.verification_uri_complete : asked.verification_uri;
  demand(url, 'no verification_uri_complete');
  const poll = oidc.pollDeviceAuthorizationGrant(config, asked);
  // Told below; not while the person is still at the page.
  poll.catch(() => {});
  const seen = await person.visit({ url, username, password, user_code: asked.user_code, say, name });
  demand(!seen.error, `${seen.error} at ${seen.url}: ${JSON.stringify(seen)}`);
  if (settings.strict) demand(seen.complaints.length === 0, `the browser complains: ${seen.complaints.join('; ')}`);
  return { poll, seen };
}

const claimsOf = (tokens) => {
  if (!isOpenId) return {};
  const claims = tokens.claims();
  demand(claims?.sub === subject, `sub ${claims?.sub}, not ${subject}`);
  return claims;
};

const grantOf = (config, more) =>
  oidc.clientCredentialsGrant(config, settings.client_scope ? { scope: settings.client_scope } : {}, more);

const FLOWS = {
  async discovery() {
    const metadata = (await as('public')).serverMetadata();
    demand(metadata.supportsPKCE('S256'), 'S256 is not announced');
    return metadata.issuer;
  },
  async discovery_rfc8414() {
    return (await as('public', 'oauth2')).serverMetadata().issuer;
  },
  async client_credentials_basic() {
    const tokens = await grantOf(await as('basic'));
    demand(tokens.token_type === 'bearer' && tokens.expires_in > 0, JSON.stringify(Object.keys(tokens)));
  },
  async client_credentials_post() {
    await grantOf(await as('post'));
  },
  async client_secret_wrong() {
    const right = await as('basic');
    const wrong = oidc.ClientSecretBasic('wrong');
    const config = new oidc.Configuration(right.serverMetadata(), clients.basic.id, {}, wrong);
    if (server.protocol === 'http:') oidc.allowInsecureRequests(config);
    // RFC 6749 §5.2: 401, and a challenge of the scheme that was used.
    const { status, challenges } = await refused(() => grantOf(config));
    demand(status === 401, `${status}`);
    demand(challenges?.some(({ scheme }) => scheme === 'basic'), JSON.stringify(challenges));
  },
  async authorization_code_pkce() {
    const { tokens } = await logIn(await as('public'), { visit: { name: 'code' } });
    demand(tokens.refresh_token, 'no refresh_token');
    return `sub ${claimsOf(tokens).sub}`;
  },
  async authorization_code_confidential() {
    const { tokens } = await logIn(await as('basic'), { visit: { name: 'code-basic' } });
    claimsOf(tokens);
  },
  async authorization_code_form_post() {
    const more = { response_mode: 'form_post' };
    const { tokens } = await logIn(await as('public'), { more, visit: { name: 'form-post' } });
    claimsOf(tokens);
  },
  async authorization_denied() {
    const { error } = await refused(async () => logIn(await as('public'), { visit: { name: 'denied', say: 'no' } }));
    demand(error === 'access_denied', `${error}`);
  },
  async code_used_twice() {
    const config = await as('public');
    const { tokens, current, checks } = await logIn(config, { visit: { name: 'code-twice' } });
    const again = await refused(() => oidc.authorizationCodeGrant(config, current, checks));
    demand(again.error === 'invalid_grant', `${again.error}`);
    // RFC 6749 §4.1.2: what came of the first use SHOULD be revoked.
    const after = await refused(() => oidc.refreshTokenGrant(config, tokens.refresh_token));
    demand(after.error === 'invalid_grant', `the session lives: ${after.error}`);
  },
  async pkce_verifier_wrong() {
    const config = await as('public');
    const parameters = {
      redirect_uri,
      scope,
      code_challenge: await oidc.calculatePKCECodeChallenge(oidc.randomPKCECodeVerifier()),
      code_challenge_method: 'S256',
    };
    const current = await authorize(config, parameters, { name: 'pkce-wrong' });
    const checks = { pkceCodeVerifier: oidc.randomPKCECodeVerifier() };
    const { error } = await refused(() => oidc.authorizationCodeGrant(config, current, checks));
    demand(error === 'invalid_grant', `${error}`);
  },
  async id_token() {
    const config = await as('public');
    const { tokens } = await logIn(config, { visit: { name: 'id-token' } });
    const claims = claimsOf(tokens);
    demand(claims.aud === clients.public.id || claims.aud?.includes(clients.public.id), `aud ${claims.aud}`);
    demand(claims.auth_time > 0, 'no auth_time');
    // The signature was verified with the published keys by `enableNonRepudiationChecks`.
    return tokens.id_token && JSON.parse(Buffer.from(tokens.id_token.split('.')[0], 'base64url')).alg;
  },
  async userinfo() {
    const config = await as('public');
    const { tokens } = await logIn(config, { visit: { name: 'userinfo' } });
    const info = await oidc.fetchUserInfo(config, tokens.access_token, claimsOf(tokens).sub);
    return Object.keys(info).join(' ');
  },
  async refresh() {
    const config = await as('public');
    let { tokens } = await logIn(config, { visit: { name: 'refresh' } });
    const first = claimsOf(tokens);
    for (let round = 0; round < 3; round += 1) {
      const next = await oidc.refreshTokenGrant(config, tokens.refresh_token);
      demand(next.refresh_token && next.refresh_token !== tokens.refresh_token, 'it did not rotate');
      demand(next.access_token !== tokens.access_token, 'the same access token');
      if (next.id_token) demand(next.claims().auth_time === first.auth_time, 'another auth_time');
      tokens = next;
    }
  },
  async refresh_lost_reply() {
    const config = await as('public');
    const { tokens } = await logIn(config, { visit: { name: 'lost' } });
    const first = await oidc.refreshTokenGrant(config, tokens.refresh_token);
    const again = await oidc.refreshTokenGrant(config, tokens.refresh_token);
    demand(first.refresh_token === again.refresh_token, 'two successors');
    await oidc.refreshTokenGrant(config, again.refresh_token);
  },
  async introspection() {
    const config = await as('basic');
    const { tokens } = await logIn(config, { visit: { name: 'introspection' } });
    const seen = await oidc.tokenIntrospection(config, tokens.access_token);
    demand(seen.active === true && seen.sub === subject, JSON.stringify(seen));
    const refresh = await oidc.tokenIntrospection(config, tokens.refresh_token);
    demand(refresh.active === true, `refresh token: ${JSON.stringify(refresh)}`);
    const garbage = await oidc.tokenIntrospection(config, 'garbage');
    demand(garbage.active === false && Object.keys(garbage).length === 1, JSON.stringify(garbage));
    return Object.keys(seen).join(' ');
  },
  async revocation() {
    const config = await as('basic');
    const { tokens } = await logIn(config, { visit: { name: 'revocation' } });
    await oidc.tokenRevocation(config, tokens.refresh_token);
    const { error } = await refused(() => oidc.refreshTokenGrant(config, tokens.refresh_token));
    demand(error === 'invalid_grant', `${error}`);
    // RFC 7009 §2.2: no error for a token that is none.
    await oidc.tokenRevocation(config, 'garbage');
    if (config.serverMetadata().introspection_endpoint) {
      const seen = await oidc.tokenIntrospection(config, tokens.access_token);
      demand(seen.active === false, `the access token lives: ${JSON.stringify(seen)}`);
    }
  },
  async device_code_typed() {
    const { poll, seen } = await device(await as('public'), { complete: false, name: 'device-typed' });
    const tokens = await poll;
    claimsOf(tokens);
    return seen.text.split('\n')[0];
  },
  async device_code_link() {
    const config = await as('public');
    const { poll } = await device(config, { complete: true, name: 'device-link' });
    const tokens = await poll;
    await oidc.refreshTokenGrant(config, tokens.refresh_token);
  },
  async device_code_denied() {
    const { poll } = await device(await as('public'), { complete: true, say: 'no', name: 'device-denied' });
    const { error } = await refused(() => poll);
    demand(error === 'access_denied', `${error}`);
  },
  async resource() {
    const config = await as('basic');
    const { access_token } = await grantOf(config);
    const url = new URL(settings.resource);
    const reply = await oidc.fetchProtectedResource(config, access_token, url, 'GET');
    demand((await reply.text()) === clients.basic.id, `${reply.status}`);
    // RFC 6750 §3: no error code without a token, and one with a bad one.
    const bare = await fetch(url);
    const challenge = bare.headers.get('www-authenticate');
    demand(bare.status === 401 && /^Bearer/.test(challenge) && !/error=/.test(challenge), challenge);
    const forged = await refused(() => oidc.fetchProtectedResource(config, `${access_token}x`, url, 'GET'));
    const told = forged.challenges?.find(({ scheme }) => scheme === 'bearer');
    demand(forged.status === 401 && told?.parameters.error === 'invalid_token', JSON.stringify(forged));
  },
  async dpop_resource() {
    const config = await as('basic');
    const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair());
    const { access_token } = await grantOf(config, { DPoP });
    const url = new URL(settings.resource);
    // The first is answered with a nonce, which the client proves to have (RFC 9449 §9).
    for (let round = 0; round < 3; round += 1) {
      const reply = await oidc.fetchProtectedResource(config, access_token, url, 'GET', undefined, undefined, { DPoP });
      demand((await reply.text()) === clients.basic.id, `${reply.status}`);
    }
    const plain = await refused(() => oidc.fetchProtectedResource(config, access_token, url, 'GET'));
    demand(plain.status === 401, `as a bearer token: ${plain.status}`);
    const other = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair());
    const stolen = await refused(() =>
      oidc.fetchProtectedResource(config, access_token, url, 'GET', undefined, undefined, { DPoP: other }),
    );
    demand(stolen.status === 401, `with another key: ${stolen.status}`);
  },
  async dpop_client_credentials() {
    const config = await as('basic');
    const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair());
    const tokens = await grantOf(config, { DPoP });
    demand(tokens.token_type === 'dpop', tokens.token_type);
  },
  async dpop_authorization_code() {
    const config = await as('public');
    const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair());
    const more = { dpop_jkt: await DPoP.calculateThumbprint() };
    const { tokens } = await logIn(config, { more, options: { DPoP }, visit: { name: 'dpop' } });
    demand(tokens.token_type === 'dpop', tokens.token_type);
    claimsOf(tokens);
    const url = new URL(settings.resource);
    const open = (more) => oidc.fetchProtectedResource(config, tokens.access_token, url, 'GET', undefined, undefined, more);
    demand((await open({ DPoP })).ok, 'the resource stays shut');
    // RFC 9449 §7.1: without its proof, the token is none.
    const plain = await refused(() => open());
    const next = await oidc.refreshTokenGrant(config, tokens.refresh_token, undefined, { DPoP });
    demand(next.token_type === 'dpop', next.token_type);
    // RFC 9449 §5: a public client's refresh token is bound to the key.
    const other = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair());
    const stolen = await refused(() => oidc.refreshTokenGrant(config, next.refresh_token, undefined, { DPoP: other }));
    demand(['invalid_grant', 'invalid_dpop_proof'].includes(stolen.error), `${stolen.error}`);
    const bare = await refused(() => oidc.refreshTokenGrant(config, next.refresh_token));
    demand(['invalid_grant', 'invalid_dpop_proof', 'invalid_request'].includes(bare.error), `${bare.error}`);
    await oidc.refreshTokenGrant(config, next.refresh_token, undefined, { DPoP });
    return `plain ${plain.status}, other key ${stolen.error}, no key ${bare.error}`;
  },
  async dpop_algorithms() {
    const config = await as('basic');
    const algorithms = config.serverMetadata().dpop_signing_alg_values_supported ?? [];
    demand(algorithms.includes('ES256'), `${algorithms}`);
    for (const alg of algorithms) {
      const DPoP = oidc.getDPoPHandle(config, await oidc.randomDPoPKeyPair(alg === 'EdDSA' ? 'Ed25519' : alg));
      const tokens = await grantOf(config, { DPoP });
      demand(tokens.token_type === 'dpop', `${alg}: ${tokens.token_type}`);
    }
    return algorithms.join(' ');
  },
};

for (const name of Object.keys(clients).filter((name) => clients[name].auth === 'private_key_jwt')) {
  const alg = clients[name].key.alg;
  FLOWS[`private_key_jwt_${alg}`] = async () => {
    await grantOf(await as(name));
  };
}

for (const flow of settings.flows ?? Object.keys(FLOWS)) {
  await attempt(flow, FLOWS[flow] ?? (() => demand(false, 'no such flow')));
}
await (await browser.opened)?.close();
process.exit(0);
