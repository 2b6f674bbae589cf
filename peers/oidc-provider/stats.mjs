/**
 * What the provider saw, told by its own events: a test asserts on these rather than on what a client believes.
 *
 * - `refreshes`, `client_credentials`, `other_grants`: token requests answered with tokens, by grant.
 * - `refresh_reused`: a spent refresh token was shown, and the provider noticed.
 * - `refresh_spent_twice`: one refresh token was exchanged successfully more than once. Two requests at the same
 *   instant can slip through the provider's check; no correct client ever sends them.
 * - `grants_revoked`: whole families ended, by reuse or on request.
 * - `errors`: refused token requests by OAuth error code.
 */
export function watch(provider) {
  const stats = {
    refreshes: 0,
    client_credentials: 0,
    other_grants: 0,
    refresh_reused: 0,
    refresh_spent_twice: 0,
    grants_revoked: 0,
    errors: {},
  };
  const spent = new Set();

  provider.on('grant.success', ({ oidc }) => {
    switch (oidc.params.grant_type) {
      case 'refresh_token':
        stats.refreshes += 1;
        if (spent.has(oidc.params.refresh_token)) stats.refresh_spent_twice += 1;
        spent.add(oidc.params.refresh_token);
        break;
      case 'client_credentials':
        stats.client_credentials += 1;
        break;
      default:
        stats.other_grants += 1;
    }
  });
  provider.on('grant.error', ({ oidc }, error) => {
    stats.errors[error.error] = (stats.errors[error.error] ?? 0) + 1;
    if (oidc.entities.RefreshToken?.consumed) stats.refresh_reused += 1;
  });
  provider.on('grant.revoked', () => {
    stats.grants_revoked += 1;
  });
  return stats;
}
