//! Whether what came back is of the provider that the user was sent to (RFC 9700 §4.4, RFC 9207).
//!
//! A code that belongs to one provider must not be sent to another one's token endpoint: a server that
//! is hostile would have it, and use it.

use unlapse::unlapse_oauth::provider::{Metadata, NotItsIssuer};

use super::asked::Callback;
use crate::code::Code;
use crate::connection_id::ConnectionId;
use crate::directory::Registered;
use crate::name::Name;
use crate::problem::Problem;

/// Longest `iss` that is written into the log, in characters.
const WORDS: usize = 200;

/// Refuses what came to the redirect URI of another app than the user was sent off for: only that
/// app's provider sends browsers there (RFC 9700 §4.4.2.2).
pub(super) fn check_path(callback: &Callback, id: &ConnectionId) -> Result<(), Problem> {
    let Callback { tenant, app, .. } = callback;
    if tenant == id.tenant.as_str() && app == id.provider.as_str() {
        return Ok(());
    }
    // What is no name of ours is a stranger's text, which is not repeated.
    let is_name = tenant.parse::<Name>().is_ok() && app.parse::<Name>().is_ok();
    let came_to = if is_name { format!("{tenant}/{app}") } else { "no app".to_owned() };
    let sent_for = format!("{}/{}", id.tenant, id.provider);
    tracing::error!(
        code = %Code::MixUp, %sent_for, %came_to,
        "a user came back to the redirect URI of another app: one of their providers mixes up logins"
    );
    Err(refused())
}

/// Refuses what another issuer than the app's has said, or may have (RFC 9207 §2.4). `known` is what
/// the user was sent off with.
pub(super) fn check_issuer(
    callback: &Callback,
    app: &Registered,
    known: &Metadata,
) -> Result<(), Problem> {
    let iss = callback.params.get("iss").map(String::as_str);
    match app.provider.check_issuer(&app.caller(known, None), iss) {
        Ok(()) => Ok(()),
        Err(NotItsIssuer::Unbuildable(error)) => {
            Err(Problem::new(Code::AppConfig, error.to_string()))
        }
        Err(error) => {
            let iss = iss.map(|iss| iss.chars().take(WORDS).collect::<String>());
            let sent_for = format!("{}/{}", app.app.tenant, app.app.name);
            // As a debug text, it forges no line.
            tracing::error!(
                code = %Code::MixUp, %sent_for, iss = ?iss.unwrap_or_default(), %error,
                "a user came back with the answer of another issuer: a provider mixes up logins"
            );
            Err(refused())
        }
    }
}

/// Without the account: the person is told here, and sent nowhere with what may be a stranger's.
fn refused() -> Problem {
    Problem::new(Code::MixUp, "another provider answered than the one that you were sent to")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    fn id() -> ConnectionId {
        let name = |text: &str| text.parse().expect("a name");
        ConnectionId::new(name("shop"), "ada", name("acme"), "main").expect("an id")
    }

    fn callback(tenant: &str, app: &str) -> Callback {
        Callback { tenant: tenant.to_owned(), app: app.to_owned(), ..Callback::default() }
    }

    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);

    impl Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("not poisoned").write(bytes)
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn rfc9700_4_4_the_log_names_both_apps_and_repeats_no_strangers_text() {
        for (tenant, app, told) in [
            ("shop", "evil", "sent_for=shop/acme came_to=shop/evil"),
            ("shop", "x\nERROR forged", "sent_for=shop/acme came_to=no app"),
        ] {
            let log = Log::default();
            let writer = log.clone();
            let subscriber = tracing_subscriber::fmt()
                .with_writer(move || writer.clone())
                .with_ansi(false)
                .finish();
            tracing::subscriber::with_default(subscriber, || {
                assert!(check_path(&callback(tenant, app), &id()).is_err());
                assert!(check_path(&callback("shop", "acme"), &id()).is_ok());
            });
            let log = String::from_utf8(log.0.lock().expect("not poisoned").clone());
            let log = log.expect("text");
            assert_eq!(log.lines().count(), 1, "{log}");
            assert!(log.contains("ERROR") && log.contains("MIX_UP") && log.contains(told), "{log}");
            assert!(!log.contains("forged"), "{log}");
        }
    }

    #[test]
    fn rfc9700_4_4_a_row_for_each_path_that_a_reply_comes_to() {
        for (tenant, app, is_ours) in [
            ("shop", "acme", true),
            ("shop", "evil", false),
            ("other", "acme", false),
            ("acme", "shop", false),
            ("shop", "Acme", false),
            ("shop", "acme/", false),
            ("shop", "acme\0", false),
            ("shop", "", false),
            ("", "", false),
        ] {
            let problem = check_path(&callback(tenant, app), &id()).err();
            assert_eq!(problem.is_none(), is_ours, "{tenant}/{app}");
            assert!(problem.is_none_or(|it| it.code == Code::MixUp && it.account.is_none()));
        }
    }
}
