/**
 * A certified OpenID provider to measure beside: JWT access tokens, rotation at every refresh, everything in memory.
 *
 *   NODE_ENV=production node_modules/.bin/node server.mjs --alg EdDSA
 *
 * Listens on 127.0.0.1, prints one line of JSON on stdout when ready, and ends on SIGTERM or when its stdin closes.
 *
 * `POST /bench/session` answers what a login in a browser would have left: the first refresh token of a family.
 */
import { generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { parseArgs } from 'node:util';

import Provider from 'oidc-provider';

// Its own in-memory store walks all tokens of a family at every write, and forgets beyond a thousand entries.
import { store } from '../../../../peers/oidc-provider/store.mjs';

const DAY = 24 * 60 * 60;
const API = 'urn:bench:api';
const KEYS = {
  EdDSA: ['ed25519', {}],
  ES256: ['ec', { namedCurve: 'P-256' }],
  RS256: ['rsa', { modulusLength: 2048 }],
};

// stdout carries the one line that is waited for; the provider's notices go beside it.
console.info = console.error;

const { values: flags } = parseArgs({ options: { alg: { type: 'string' } } });
const alg = flags.alg;
if (!Object.hasOwn(KEYS, alg ?? '')) {
  console.error(`--alg takes one of ${Object.keys(KEYS).join(', ')}, not "${alg}"`);
  process.exit(2);
}
const key = generateKeyPairSync(...KEYS[alg]).privateKey.export({ format: 'jwk' });

const configuration = {
  adapter: store(),
  jwks: { keys: [{ ...key, alg, use: 'sig' }] },
  cookies: { keys: ['for measurements only'] },
  scopes: ['openid', 'offline_access', 'api'],
  clients: [
    {
      client_id: 'job',
      client_secret: 'bench-secret',
      token_endpoint_auth_method: 'client_secret_basic',
      grant_types: ['client_credentials'],
      response_types: [],
      redirect_uris: [],
      id_token_signed_response_alg: alg,
    },
    {
      client_id: 'app',
      application_type: 'native',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code', 'refresh_token'],
      response_types: ['code'],
      redirect_uris: ['http://127.0.0.1/callback'],
      id_token_signed_response_alg: alg,
    },
  ],
  rotateRefreshToken: true,
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => API,
      useGrantedResource: () => true,
      getResourceServerInfo: () => ({
        scope: 'api',
        audience: API,
        accessTokenTTL: 900,
        accessTokenFormat: 'jwt',
        jwt: { sign: { alg } },
      }),
    },
  },
  findAccount: async (_ctx, id) => ({ accountId: id, claims: async () => ({ sub: id }) }),
  ttl: { AccessToken: 900, ClientCredentials: 900, RefreshToken: 14 * DAY, Grant: 14 * DAY },
};

async function mint(provider) {
  const client = await provider.Client.find('app');
  const grant = new provider.Grant({ accountId: 'ada', clientId: client.clientId });
  grant.addOIDCScope('offline_access');
  grant.addResourceScope(API, 'api');
  const token = new provider.RefreshToken({
    accountId: 'ada',
    authTime: Math.floor(Date.now() / 1000),
    client,
    expiresWithSession: false,
    grantId: await grant.save(),
    gty: 'authorization_code',
    resource: API,
    scope: 'offline_access api',
  });
  return token.save();
}

const server = createServer();
server.listen(0, '127.0.0.1');
await once(server, 'listening');

// The issuer names its own port, so the port comes first.
const { port } = server.address();
const provider = new Provider(`http://127.0.0.1:${port}`, configuration);
provider.on('server_error', (_ctx, error) => console.error(error));
provider.use(async (ctx, next) => {
  if (ctx.method !== 'POST' || ctx.path !== '/bench/session') return next();
  ctx.body = { refresh_token: await mint(provider) };
});
server.on('request', provider.callback());

function end() {
  server.close(() => process.exit(0));
  server.closeAllConnections();
}
process.on('SIGTERM', end);
process.on('SIGINT', end);
process.stdin.on('end', end).on('close', end).resume();

console.log(JSON.stringify({ port }));
