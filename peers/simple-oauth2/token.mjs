// Prints an access token: reads it from a file, refreshes it when it has expired, and writes it back,
// as the README of simple-oauth2 shows. What it lacks is what the drill looks for.
import { readFileSync, writeFileSync } from 'node:fs';
import { AuthorizationCode } from 'simple-oauth2';

const file = process.env.TOKEN_FILE;
const { tokenHost, clientId, token } = JSON.parse(readFileSync(file, 'utf8'));
const client = new AuthorizationCode({
  client: { id: clientId, secret: process.env.CLIENT_SECRET },
  auth: { tokenHost, tokenPath: '/token' },
});

let current = client.createToken(token);
if (current.expired()) {
  try {
    current = await current.refresh();
  } catch (error) {
    console.error(`the token cannot be refreshed: ${error.message}`);
    process.exit(1);
  }
  writeFileSync(file, JSON.stringify({ tokenHost, clientId, token: current }), { mode: 0o600 });
}
console.log(current.token.access_token);
