/**
 * Where the provider keeps what it issued: a map that forgets nothing.
 *
 * The provider's own in-memory store drops its oldest entries beyond a thousand, and a spent refresh token that was
 * dropped is answered "not found" instead of revoking its grant. A long test would then pass for the wrong reason.
 */

import { setTimeout as sleep } from 'node:timers/promises';

const GRANT_MEMBERS = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken', 'DeviceCode']);

/** `latency`: milliseconds that each call takes. Two requests at once then meet inside of one. */
export function store(latency = 0) {
  const entries = new Map();
  const byGrant = new Map();
  const byUid = new Map();
  const byUserCode = new Map();

  return (model) => {
    const key = (id) => `${model}:${id}`;
    return slowed(latency, {
      async upsert(id, payload) {
        entries.set(key(id), payload);
        if (payload.uid) byUid.set(payload.uid, id);
        if (payload.userCode) byUserCode.set(payload.userCode, id);
        if (payload.grantId && GRANT_MEMBERS.has(model)) {
          const members = byGrant.get(payload.grantId) ?? new Set();
          byGrant.set(payload.grantId, members.add(key(id)));
        }
      },
      find: async (id) => entries.get(key(id)),
      findByUid: async (uid) => entries.get(key(byUid.get(uid))),
      findByUserCode: async (code) => entries.get(key(byUserCode.get(code))),
      async consume(id) {
        entries.get(key(id)).consumed = Math.floor(Date.now() / 1000);
      },
      async destroy(id) {
        entries.delete(key(id));
      },
      async revokeByGrantId(grantId) {
        for (const member of byGrant.get(grantId) ?? []) entries.delete(member);
        byGrant.delete(grantId);
      },
    });
  };
}

/** What a call finds or changes, it does when its time is over. */
function slowed(latency, calls) {
  if (latency === 0) return calls;
  const slow = ([name, call]) => [name, async (...given) => sleep(latency).then(() => call(...given))];
  return Object.fromEntries(Object.entries(calls).map(slow));
}
