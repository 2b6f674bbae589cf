/**
 * Keys for clients that prove themselves with one (`private_key_jwt`): prints a private JWK for each algorithm, and the RSA
 * key once more as PEM.
 *
 *   node_modules/.bin/node keys.mjs
 */
import { generateKeyPairSync } from 'node:crypto';

const KINDS = {
  EdDSA: ['ed25519'],
  ES256: ['ec', { namedCurve: 'P-256' }],
  RS256: ['rsa', { modulusLength: 2048 }],
};

const keys = {};
for (const [alg, kind] of Object.entries(KINDS)) {
  const { privateKey } = generateKeyPairSync(...kind);
  keys[alg] = { kid: `client-${alg}`, alg, ...privateKey.export({ format: 'jwk' }) };
  if (alg === 'RS256') keys.pem = privateKey.export({ format: 'pem', type: 'pkcs8' });
}
console.log(JSON.stringify(keys));
