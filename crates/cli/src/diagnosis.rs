//! What to do about an error.

use unlapse_core::{
    Cause, CustodyError, Damage, Error, LoginReason, RuleBroken, SenderKeyProblem, StoreError,
    UnixTime,
};

use crate::config::{ConfigError, Origin};
use crate::exit::Exit;

#[cfg(test)]
#[path = "diagnosis_samples.rs"]
pub(crate) mod samples;

/// An error as a person and a script need it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Diagnosis {
    /// The stable name, a heading of the troubleshooting page.
    pub(crate) code: &'static str,
    /// What failed, in one line.
    pub(crate) message: String,
    /// What to do.
    pub(crate) hint: String,
    /// Asking before then is useless.
    pub(crate) retry_at: Option<UnixTime>,
    /// How the command ends.
    pub(crate) exit: Exit,
}

impl Diagnosis {
    /// Of a renewal of `profile`.
    pub(crate) fn of(error: &Error, profile: &str) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
            hint: hint(error, profile),
            retry_at: error.retry_at(),
            exit: error.into(),
        }
    }

    /// Of the store that keeps `profile`'s record.
    pub(crate) fn of_store(error: &StoreError, profile: &str) -> Self {
        Self::of(&Error::Store(error.clone()), profile)
    }

    /// Of the configuration.
    pub(crate) fn of_config(error: &ConfigError) -> Self {
        Self {
            code: error.code(),
            message: error.to_string(),
            hint: config_hint(error),
            retry_at: None,
            exit: error.into(),
        }
    }
}

fn hint(error: &Error, profile: &str) -> String {
    match error {
        Error::NeedsLogin { reason, .. } => login_hint(*reason, profile),
        Error::Temporary { cause, retry_at, .. } => {
            let hint = cause_hint(*cause, profile);
            match retry_at {
                Some(at) => format!("{hint}; not before {at}"),
                None => hint,
            }
        }
        Error::BreakerOpen { .. } => {
            "nothing is lost: wait for that time, or, once the server is back, run \
             `unlapse doctor --reset-breaker`"
                .to_owned()
        }
        Error::OutcomeUnknown { .. } => format!(
            "run `unlapse refresh {profile}` once: if the server takes the refresh token again, \
             nothing is lost; else it says so, and `unlapse login {profile}` is needed"
        ),
        Error::ClientRejected { rejection, .. } if rejection.is_of_proof() => format!(
            "the login itself is kept: compare the clocks with `unlapse doctor {profile}`, check that \
             nothing between here and the server changes the endpoint's URL, then run \
             `unlapse refresh {profile}`"
        ),
        Error::SenderKey { problem, .. } => sender_key_hint(*problem, profile),
        Error::ClientRejected { .. } => format!(
            "the login itself is kept: check `client_id`, `client_auth` and the client's secret of \
             profile `{profile}` (`unlapse config show`)"
        ),
        Error::RuleBroken { rule: RuleBroken::Unsendable | RuleBroken::NoAccessToken, .. } => {
            format!(
                "the login itself is kept: tell the server's owner what it grants, check the \
                 endpoint and the name of the token's field (`unlapse config show`), then run \
                 `unlapse refresh {profile}`"
            )
        }
        Error::RuleBroken { rule: RuleBroken::NotSenderConstrained, .. } => format!(
            "ask the server's owner whether it speaks DPoP for this client; if it does not, set \
             `dpop = false` in `[profile.{profile}]` and run `unlapse refresh {profile}`"
        ),
        Error::RuleBroken { .. } => format!(
            "change the server's tokens or the rule in `[profile.{profile}.policy]`, then run \
             `unlapse refresh {profile}`"
        ),
        Error::Store(error) => store_hint(error, profile),
        Error::Deadline { .. } => format!(
            "nothing is lost: try again, or wait longer with `caller_timeout` in \
             `[profile.{profile}.policy]`"
        ),
        other => unknown_hint(other.code()),
    }
}

fn login_hint(reason: LoginReason, profile: &str) -> String {
    match reason {
        LoginReason::CredentialsRejected => {
            format!("pipe the new password into `unlapse login {profile} --password-stdin`")
        }
        LoginReason::RotationLost => format!(
            "run `unlapse login {profile}`; if the server has a grace window, say so with `reuse` \
             in `[profile.{profile}]`, and a lost reply will not end the login again"
        ),
        LoginReason::NoRefreshToken => format!(
            "run `unlapse login {profile}`; many servers give a refresh token only for a scope \
             such as `offline_access`"
        ),
        LoginReason::ReuseDetected => format!(
            "find out who else has this login (a copy of the store, another machine), then run \
             `unlapse login {profile}`; every secret of it is gone from here"
        ),
        _ => format!("run `unlapse login {profile}`"),
    }
}

fn sender_key_hint(problem: SenderKeyProblem, profile: &str) -> String {
    match problem {
        SenderKeyProblem::Target => {
            "give the request's whole URL, like `https://api.example/orders`".to_owned()
        }
        SenderKeyProblem::Nonce => {
            "give the nonce as the server wrote it in its `DPoP-Nonce` header".to_owned()
        }
        SenderKeyProblem::Randomness => {
            "nothing is lost: the system's random number generator must be repaired".to_owned()
        }
        _ => format!(
            "nothing was sent: run `unlapse login {profile}`, and the new login is bound to a key of \
             its own"
        ),
    }
}

fn cause_hint(cause: Cause, profile: &str) -> String {
    match cause {
        Cause::Status(429) => "the login is kept: ask less often".to_owned(),
        Cause::Status(_) => "the login is kept: try again when the server is well".to_owned(),
        Cause::Html(_) => {
            "the login is kept: look for a firewall, a proxy or a network login page \
                           between here and the server, and try again"
                .to_owned()
        }
        Cause::Unreadable(_) | Cause::TooLarge => format!(
            "the login is kept: check that `token_endpoint` of profile `{profile}` names the token \
             endpoint (`unlapse config show`)"
        ),
        Cause::Connect => {
            "the login is kept: check the network, and `http.ca_file` where a private authority \
             signs the server's certificate; then try again"
                .to_owned()
        }
        Cause::Timeout => format!(
            "the login is kept: try again, or wait longer with `timeout` in \
             `[profile.{profile}.policy]`"
        ),
        Cause::Rule => format!(
            "the login is kept: change the server's tokens or the rules in \
             `[profile.{profile}.policy]`"
        ),
        Cause::Client | Cause::Request => format!(
            "the login is kept: check `client_id`, `client_auth` and the client's secret of \
             profile `{profile}` (`unlapse config show`)"
        ),
        _ => format!("the login is kept: run `unlapse refresh {profile}` to try again"),
    }
}

fn store_hint(error: &StoreError, profile: &str) -> String {
    match error {
        StoreError::Busy { holder, .. } => {
            let whom = match holder {
                Some(holder) => format!("if {holder} hangs, end it: its lease ends with it"),
                None => format!("`unlapse status {profile}` says who holds it"),
            };
            format!(
                "try again in a moment; {whom}; `lease_wait` in `[profile.{profile}.policy]` sets \
                 the wait"
            )
        }
        StoreError::Fenced => format!(
            "run `unlapse token {profile}` again: another process took over, and its token is used"
        ),
        StoreError::Full { .. } => {
            "make room: nothing is lost, and the record is saved as soon as there is some; \
             `unlapse doctor` checks"
                .to_owned()
        }
        StoreError::ReadOnly { .. } => {
            "make the place writable for this user or set another `path` in `[store]`; \
             UNLAPSE_NO_STORE=1 does without"
                .to_owned()
        }
        StoreError::Damaged { damage, .. } => damage_hint(*damage, profile),
        StoreError::Custody(error) => custody_hint(error, profile),
        StoreError::TooLarge => format!(
            "ask the server for smaller tokens, for instance with fewer `scopes` in \
             `[profile.{profile}]`"
        ),
        StoreError::Io { .. } => {
            "run `unlapse doctor`, which checks the place, its permissions and its locks".to_owned()
        }
        other => unknown_hint(other.code()),
    }
}

fn damage_hint(damage: Damage, profile: &str) -> String {
    match damage {
        Damage::NewerFormat => "a later version of unlapse wrote it: update this one, or run \
             `unlapse doctor` to see what was set aside"
            .to_owned(),
        Damage::Undecryptable => format!(
            "if the project was moved or copied, put it back; else run \
             `unlapse login {profile}`; `unlapse doctor` lists what was set aside"
        ),
        Damage::Exposed => format!(
            "others may know the tokens: end that login at the server, then run \
             `unlapse login {profile}`"
        ),
        _ => format!("run `unlapse login {profile}`; `unlapse doctor` lists what was set aside"),
    }
}

fn custody_hint(error: &CustodyError, profile: &str) -> String {
    match error {
        CustodyError::KeyWrong => {
            return format!(
                "nothing is changed: set UNLAPSE_HOME as it was, or put back the key file that \
                 `unlapse doctor` names; if that key is gone for good, forget the login with \
                 `unlapse logout {profile} --local` and log in again"
            );
        }
        CustodyError::PassphraseNeeded => {
            "set UNLAPSE_PASSPHRASE, or choose another `custody` in `[store]`"
        }
        CustodyError::PassphraseWrong => "set UNLAPSE_PASSPHRASE to the passphrase of this store",
        CustodyError::KeyFile { .. } => {
            "restore the key file, or repair it with `unlapse doctor`: without it the records do \
             not open"
        }
        CustodyError::NoMachineIdentity => {
            "choose `custody = \"keyfile\"` or `\"passphrase\"` in `[store]`"
        }
        CustodyError::Derivation => "check `derivation` and `rounds` in `[store]`",
        _ => "run `unlapse doctor`, which checks the custody of the key",
    }
    .to_owned()
}

fn config_hint(error: &ConfigError) -> String {
    match error {
        ConfigError::Syntax { .. } => "correct that line: the file must be TOML".to_owned(),
        ConfigError::UnknownKey { nearest: Some(nearest), .. }
        | ConfigError::BadValue { nearest: Some(nearest), .. }
        | ConfigError::UnknownProfile { nearest: Some(nearest), .. } => {
            format!("did you mean `{nearest}`?")
        }
        ConfigError::UnknownKey { key, .. } => {
            let table = key.rsplit_once('.').map_or("a configuration", |(table, _)| table);
            format!("remove it; the keys of {table} are in docs/configuration.md")
        }
        ConfigError::BadValue { at, .. } => match at {
            Origin::Variable(name) => format!("set {name} to such a value, or unset it"),
            Origin::Flag(flag) => format!("give {flag} such a value, or leave it out"),
            at => format!("change {at}; every key is in docs/configuration.md"),
        },
        ConfigError::MissingKey { key, profile, .. } => match key.split_once('.') {
            Some((table, key)) => format!("add `{key}` to `[profile.{profile}.{table}]`"),
            None => format!("add `{key}` to `[profile.{profile}]`"),
        },
        ConfigError::SecretInFile { instead, key, .. } => {
            let profile = key.strip_prefix("profile.").and_then(|rest| rest.split('.').next());
            let instead = instead.replace("PROFILE", profile.unwrap_or("PROFILE"));
            format!("remove it, change that secret if others could read the file, and {instead}")
        }
        ConfigError::UnknownProfile { known, name, .. } if known.is_empty() => format!(
            "no profile is configured: add `[profile.{name}]` to .unlapse/config.toml here, or to \
             ~/.config/unlapse/config.toml"
        ),
        ConfigError::UnknownProfile { known, .. } => {
            format!("the profiles are {}; `unlapse config show` says where from", known.join(", "))
        }
        ConfigError::NoProfile { known } if known.is_empty() => {
            "add `[profile.NAME]` to .unlapse/config.toml here, or to \
             ~/.config/unlapse/config.toml; docs/configuration.md has every key"
                .to_owned()
        }
        ConfigError::NoProfile { known } => format!("name one of them: {}", known.join(", ")),
        ConfigError::Unreadable { .. } => {
            "repair or remove the file, or name another one with UNLAPSE_CONFIG".to_owned()
        }
        ConfigError::Untrusted { path, .. } => format!(
            "it could send your tokens anywhere: look at it, and if it is to be trusted, make it \
             and its directory yours, or set UNLAPSE_CONFIG={}",
            path.display()
        ),
        ConfigError::NoHome => {
            "set HOME, or UNLAPSE_HOME to a directory; UNLAPSE_NO_STORE=1 does without".to_owned()
        }
    }
}

/// For an error that a later version of the core knows and this command does not.
fn unknown_hint(code: &str) -> String {
    format!("see `unlapse::{code}` in docs/troubleshooting.md")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::samples::{config_errors, errors};
    use super::*;

    const PAGE: &str = include_str!("../../../docs/troubleshooting.md");

    fn all() -> Vec<Diagnosis> {
        let errors = errors();
        let of_core = errors.iter().map(|error| Diagnosis::of(error, "acme"));
        let errors = config_errors();
        of_core.chain(errors.iter().map(Diagnosis::of_config)).collect()
    }

    /// The codes that stand in a source file: `=> "code"`.
    fn codes_in(source: &str) -> BTreeSet<&str> {
        source
            .lines()
            .filter_map(|line| line.trim().split_once("=> \"")?.1.strip_suffix("\","))
            .collect()
    }

    #[test]
    fn c17_every_code_has_a_sample_here() {
        let core = codes_in(include_str!("../../core/src/error.rs"));
        let config = codes_in(include_str!("config/error.rs"));
        assert!(core.len() > 15 && config.len() > 8, "the sources read otherwise now");
        let sampled: BTreeSet<_> = all().iter().map(|diagnosis| diagnosis.code).collect();
        assert_eq!(sampled, core.union(&config).copied().collect());
    }

    #[test]
    fn c17_every_error_has_a_hint_of_its_own() {
        for Diagnosis { code, message, hint, .. } in all() {
            assert!(!hint.is_empty() && hint != unknown_hint(code), "{code}: {message}");
            assert!(!message.contains('\n') && !hint.contains('\n'), "{code}: {message}");
            assert!(!hint.ends_with('.'), "{code}: {hint}");
        }
    }

    /// The codes of every [`Diagnosis`] that a command makes itself: `code: "…"`.
    #[expect(clippy::disallowed_methods, reason = "a test reads the sources")]
    fn codes_of_commands(directory: &Path, codes: &mut BTreeSet<String>) {
        for entry in std::fs::read_dir(directory).expect("sources") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                codes_of_commands(&path, codes);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let source = std::fs::read_to_string(&path).expect("text");
                // Not the samples of tests, which stand at the end.
                let source = source.split("#[cfg(test)]\nmod").next().unwrap_or_default();
                let quoted = source.split("code: \"").skip(1);
                codes.extend(quoted.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
            }
        }
    }

    #[test]
    fn c17_every_code_is_a_heading_of_the_troubleshooting_page_and_no_other() {
        let headings: BTreeSet<_> = PAGE
            .lines()
            .filter_map(|line| line.strip_prefix("## unlapse::"))
            .map(str::to_owned)
            .collect();
        let mut codes: BTreeSet<_> = all().iter().map(|found| found.code.to_owned()).collect();
        codes_of_commands(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut codes);
        let of_requests = codes_in(include_str!("../../client/src/request/error.rs"));
        // The page's codes are words; other texts of the source are not.
        let of_requests = of_requests.into_iter().filter(|code| !code.contains(' '));
        codes.extend(of_requests.map(str::to_owned));
        assert_eq!(headings, codes);
    }

    #[test]
    fn i5_every_code_of_a_broker_is_a_heading_of_the_troubleshooting_page_and_no_other() {
        let is_code = |word: &&str| word.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
        let headings = PAGE.lines().filter_map(|line| line.strip_prefix("## ")).filter(is_code);
        let codes = unlapse_broker::Code::ALL.map(unlapse_broker::Code::as_str);
        assert_eq!(headings.collect::<Vec<_>>(), codes);
    }

    #[test]
    fn hints_name_the_command_with_the_profile() {
        for diagnosis in all() {
            if diagnosis.exit == Exit::LoginNeeded {
                assert!(diagnosis.hint.contains("unlapse login acme"), "{}", diagnosis.hint);
            }
            assert!(!diagnosis.hint.contains("PROFILE"), "{}", diagnosis.hint);
        }
    }

    #[test]
    fn every_command_that_a_hint_names_exists() {
        const COMMANDS: [&str; 8] =
            ["login", "logout", "refresh", "token", "status", "doctor", "config show", "list"];
        let diagnoses = all();
        let named =
            diagnoses.iter().flat_map(|diagnosis| diagnosis.hint.split("`unlapse ").skip(1));
        for rest in named {
            assert!(COMMANDS.iter().any(|command| rest.starts_with(command)), "{rest}");
        }
    }
}
