/**
 * A certified OpenID provider for tests: real rotation, real reuse detection, none of it ours.
 *
 *   node_modules/.bin/node server.mjs [--port 0] [--access-ttl 60] [--dpop] [--store-latency-ms 0]
 *
 * With --dpop, every token is bound to a key and every proof needs a nonce of the provider's (RFC 9449). With
 * --store-latency-ms, each call of its store takes so long, as a database's does.
 *
 * Listens on 127.0.0.1, prints one line of JSON on stdout when ready, and ends on SIGTERM or when its stdin closes,
 * so that a test that is killed leaves nothing behind.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';

import Provider from 'oidc-provider';

import { watch } from './stats.mjs';
import { store } from './store.mjs';

const SECOND = 1;
const DAY = 24 * 60 * 60 * SECOND;
const ACCOUNT = 'alice';

// stdout carries the one line that a test waits for; the provider's notices go beside it.
console.info = console.error;

function whole(name, value, least) {
  const number = Number(value);
  if (!Number.isInteger(number) || number < least) {
    console.error(`--${name} takes a whole number of at least ${least}, not "${value}"`);
    process.exit(2);
  }
  return number;
}

const { values: flags } = parseArgs({
  options: {
    port: { type: 'string', default: '0' },
    'access-ttl': { type: 'string', default: '60' },
    dpop: { type: 'boolean', default: false },
    'store-latency-ms': { type: 'string', default: '0' },
  },
});
const port = whole('port', flags.port, 0);
const accessTtl = whole('access-ttl', flags['access-ttl'], 1);
const storeLatency = whole('store-latency-ms', flags['store-latency-ms'], 0);

const signingKey = () => ({
  ...generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({ format: 'jwk' }),
  alg: 'ES256',
  use: 'sig',
});

const client = (id, more) => ({
  client_id: id,
  response_types: ['code'],
  redirect_uris: ['http://127.0.0.1/callback'],
  id_token_signed_response_alg: 'ES256',
  dpop_bound_access_tokens: flags.dpop,
  ...more,
});

const configuration = {
  adapter: store(storeLatency),
  jwks: { keys: [signingKey()] },
  cookies: { keys: ['for tests only'] },
  scopes: ['openid', 'offline_access', 'read', 'write'],
  clients: [
    client('cid-public', {
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: [
        'authorization_code',
        'refresh_token',
        'urn:ietf:params:oauth:grant-type:device_code',
      ],
    }),
    client('cid-basic', {
      client_secret: 's3cret-basic',
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    }),
    client('cid-post', {
      client_secret: 's3cret-post',
      token_endpoint_auth_method: 'client_secret_post',
      grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
    }),
  ],
  rotateRefreshToken: true,
  features: {
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    devInteractions: { enabled: true },
    dPoP: { enabled: true, nonceSecret: randomBytes(32), requireNonce: () => flags.dpop, allowReplay: false },
    introspection: { enabled: true },
    resourceIndicators: { enabled: false },
    revocation: { enabled: true },
  },
  findAccount: async (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  ttl: {
    AccessToken: accessTtl,
    ClientCredentials: accessTtl,
    RefreshToken: 14 * DAY,
    Grant: 14 * DAY,
    IdToken: accessTtl,
    Interaction: DAY,
    Session: DAY,
    DeviceCode: 600 * SECOND,
  },
};

/** What a login in a browser would have left: a grant, and the first refresh token of its family. */
async function mint(provider, { clientId, scope, jkt }) {
  const owner = await provider.Client.find(clientId);
  if (!owner) return undefined;
  const grant = new provider.Grant({ accountId: ACCOUNT, clientId });
  grant.addOIDCScope(scope);
  const token = new provider.RefreshToken({
    accountId: ACCOUNT,
    authTime: Math.floor(Date.now() / 1000),
    client: owner,
    expiresWithSession: false,
    grantId: await grant.save(),
    gty: 'authorization_code',
    // A public client's refresh tokens are bound to the key that its code was exchanged with (RFC 9449 §5).
    jkt,
    scope,
  });
  return token.save();
}

/** Is the bearer token one that a resource server would accept now? */
async function accepts(provider, authorization) {
  const [, bearer] = /^Bearer (\S+)$/i.exec(authorization) ?? [];
  const token =
    (await provider.AccessToken.find(bearer)) ?? (await provider.ClientCredentials.find(bearer));
  return token?.isValid ? token : undefined;
}

/** The test's own endpoints, in front of the provider's. */
function testEndpoints(provider, stats) {
  return async (ctx, next) => {
    switch (`${ctx.method} ${ctx.path}`) {
      case 'POST /test/grant': {
        const form = new URLSearchParams(await text(ctx.req));
        const scope = form.get('scope') ?? 'openid offline_access';
        const jkt = form.get('dpop_jkt') ?? undefined;
        const minted = await mint(provider, { clientId: form.get('client_id'), scope, jkt });
        ctx.status = minted ? 200 : 400;
        ctx.body = minted ? { refresh_token: minted } : { error: 'invalid_client' };
        return;
      }
      case 'GET /test/me': {
        const token = await accepts(provider, ctx.get('authorization'));
        ctx.status = token ? 200 : 401;
        if (!token) ctx.set('WWW-Authenticate', 'Bearer error="invalid_token"');
        ctx.body = token
          ? { sub: token.accountId ?? token.clientId, client_id: token.clientId, scope: token.scope }
          : { error: 'invalid_token' };
        return;
      }
      case 'GET /test/stats':
        ctx.body = stats;
        return;
      default:
        await next();
    }
  };
}

const server = createServer();
server.listen(port, '127.0.0.1');
await once(server, 'listening');

// The issuer names its own port, so the port comes first.
const issuer = `http://127.0.0.1:${server.address().port}`;
const provider = new Provider(issuer, configuration);
provider.on('server_error', (_ctx, error) => console.error(error));
provider.use(testEndpoints(provider, watch(provider)));
server.on('request', provider.callback());

function end() {
  server.close(() => process.exit(0));
  server.closeAllConnections();
}
process.on('SIGTERM', end);
process.on('SIGINT', end);
process.stdin.on('end', end).on('close', end).resume();

console.log(JSON.stringify({ issuer, port: server.address().port }));
