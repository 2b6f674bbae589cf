//! What everybody knows of an issuer for development.

use unlapse_core::Secret;
use unlapse_issuer::{BadPassword, Client, MemoryUsers, PasswordCost, PasswordHash, Scopes, User};

const USER: &str = "ada";
const PASSWORD: &str = "correct horse";
const SECRET: &str = "dev-secret";

/// Its only user.
pub(super) fn users() -> Result<MemoryUsers, BadPassword> {
    let password = PasswordHash::new(&Secret::new(PASSWORD), PasswordCost::default())?;
    let users = MemoryUsers::new();
    users.add(USER, User { subject: USER.to_owned(), password });
    Ok(users)
}

/// A public client for programs and browsers on this machine, and one with a secret.
pub(super) fn clients() -> Vec<Client> {
    let scopes = Scopes::parse("openid offline_access read write").unwrap_or_default();
    let redirects =
        ["http://127.0.0.1/callback", "http://[::1]/callback", "http://localhost/callback"];
    vec![
        Client::public("app").with_scopes(scopes.clone()).with_redirect_uris(redirects),
        Client::confidential("job", &Secret::new(SECRET))
            .with_scopes(scopes)
            .with_redirect_uris(redirects),
    ]
}

/// What to type next.
pub(super) fn guide(url: &str) -> String {
    format!(
        "\
unlapse issuer for development: nothing is kept when it ends, and everybody knows the password

  issuer   {url}
  user     {USER}, password `{PASSWORD}`
  clients  app (public), job (secret `{SECRET}`); any port of http://127.0.0.1/callback

Put this into .unlapse/config.toml:

  [profile.dev]
  issuer = \"{url}\"
  grant = \"password\"
  client_id = \"app\"
  username = \"{USER}\"

and type in another terminal:

  printf %s '{PASSWORD}' | unlapse login dev --password-stdin
  unlapse token dev
"
    )
}
