/**
 * Where the provider keeps what it issued: a map that forgets nothing.
 *
 * The provider's own in-memory store drops its oldest entries beyond a thousand, and a spent refresh token that was
 * dropped is answered "not found" instead of revoking its grant. A long test would then pass for the wrong reason.
 */

const GRANT_MEMBERS = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken', 'DeviceCode']);

export function store() {
  const entries = new Map();
  const byGrant = new Map();
  const byUid = new Map();
  const byUserCode = new Map();

  return (model) => {
    const key = (id) => `${model}:${id}`;
    return {
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
    };
  };
}
