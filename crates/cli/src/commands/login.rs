//! `unlapse login`

use serde_json::json;
use unlapse::{AccessToken, TokenSource};
use unlapse_core::{Credentials, Error, Grant as Granted, LoginReason, Now, Record, Secret, State};

use crate::app::{App, failed};
use crate::args::LoginArguments;
use crate::commands::running::{block_on, settled};
use crate::config::{Client, ClientSecret, Grant, Profile};
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::report::rfc3339;
use crate::terminal;

/// What a person brings.
#[derive(Default)]
struct Brought {
    refresh_token: Option<Secret>,
    username: Option<String>,
    password: Option<Secret>,
    client_secret: Option<Secret>,
}

pub(crate) fn run(app: &App, arguments: &LoginArguments) -> Result<Exit, Diagnosis> {
    let profile = app.profile(arguments.which.profile.as_deref())?;
    if matches!(profile.grant, Grant::ApiKey(_)) {
        return Err(usage(
            format!("{} is an API key, which nobody logs in with", profile.name),
            "set the variable that `api_key_env` names",
        ));
    }
    let brought = collect(profile, arguments)?;
    let shelf = app.shelf();
    let token = block_on(async {
        let source = app.source(profile, &shelf).await?;
        let spinner = terminal::spinner(format!("logging in to {}", profile.name), app.quiet);
        let work = async {
            let outcome = log_in(&source, &brought, arguments.no_verify).await;
            outcome.map_err(|error| refused(profile, &error))
        };
        let token = settled(&source, work).await;
        spinner.finish_and_clear();
        token
    })?;
    say(app, profile, &token);
    Ok(Exit::Ok)
}

/// What became of a login.
enum Outcome {
    /// The server granted a token.
    Granted(AccessToken),
    /// What was brought is kept; the server was not asked, or gave no verdict.
    Kept(Option<Error>),
}

async fn log_in(
    source: &TokenSource,
    brought: &Brought,
    no_verify: bool,
) -> Result<Outcome, Error> {
    let mut before = None;
    source
        .edit(|record, now| {
            before = Some(record.clone());
            with_brought(record, brought, now)
        })
        .await?;
    if no_verify {
        return Ok(Outcome::Kept(None));
    }
    let asked = if brought.refresh_token.is_some() {
        source.force_refresh().await
    } else {
        source.obtain().await
    };
    match asked {
        Ok(token) => Ok(Outcome::Granted(token)),
        // No verdict: what was brought may be good, and is all there is.
        Err(error) if error.is_retryable() => Ok(Outcome::Kept(Some(error))),
        Err(error) => {
            // Refused: what was there before is still as good as it was. (A token that breaks a
            // rule is no refusal: its refresh token is spent, and the successor must be kept.)
            let is_refused =
                matches!(error, Error::NeedsLogin { .. } | Error::ClientRejected { .. });
            if let Some(before) = before.filter(|_| is_refused) {
                source.edit(|record, _| taken_back(&record, before, brought)).await?;
            }
            Err(error)
        }
    }
}

/// The record with what a person brought. A refresh token replaces the login that there was; its
/// access token is yet to be bought, and the empty one in its place is expired from birth.
fn with_brought(record: Record, brought: &Brought, now: Now) -> Record {
    let mut next = record;
    if let Some(refresh_token) = &brought.refresh_token {
        let mut grant = Granted::bearer(Secret::new(""));
        grant.refresh_token = Some(refresh_token.clone());
        grant.expires_in = Some(std::time::Duration::ZERO);
        next = next.logged_in(grant, now);
    }
    next.next(|record| {
        let mut kept = record.credentials.take().unwrap_or_default();
        kept.username = brought.username.clone().or(kept.username);
        kept.password = brought.password.clone().or(kept.password);
        kept.client_secret = brought.client_secret.clone().or(kept.client_secret);
        record.credentials = (kept != Credentials::default()).then_some(kept);
        record.state = State::Active;
        record.failure = None;
    })
}

/// The record without what a person brought, after the server refused it. Between the two, others
/// may have had the lease: whatever they renewed, or left in doubt, is newer than `before` and
/// stays.
fn taken_back(record: &Record, before: Record, brought: &Brought) -> Record {
    let replaced = brought.refresh_token.is_some();
    let untouched = record.generation == before.generation + u64::from(replaced);
    if replaced && untouched {
        // The login that was brought is the one that was refused.
        return Record {
            generation: record.generation + 1,
            revision: record.revision + 1,
            ..before
        };
    }
    record.next(|record| {
        record.credentials = before.credentials;
        if untouched {
            record.state = before.state;
        }
    })
}

/// Reads what the profile's grant needs, from stdin or by asking.
fn collect(profile: &Profile, arguments: &LoginArguments) -> Result<Brought, Diagnosis> {
    let mut brought = Brought {
        username: arguments.username.clone().or_else(|| username(profile)),
        ..Brought::default()
    };
    let other = arguments.refresh_token_stdin || arguments.password_stdin;
    let wanted = usize::from(arguments.client_secret_stdin) + usize::from(other);
    if wanted > 0 {
        let mut secrets = terminal::secrets_from_stdin(wanted)?.into_iter();
        if arguments.client_secret_stdin {
            brought.client_secret = secrets.next();
        }
        if arguments.refresh_token_stdin {
            brought.refresh_token = secrets.next();
        } else if arguments.password_stdin {
            brought.password = secrets.next();
        }
    }
    let name = &profile.name;
    match &profile.grant {
        Grant::RefreshToken { login, .. } => {
            let by_password = brought.password.is_some() && login.is_some();
            if brought.refresh_token.is_none() && !by_password {
                brought.refresh_token =
                    Some(terminal::ask_secret("Refresh token", "--refresh-token-stdin")?);
            }
        }
        Grant::Password { .. } | Grant::LoginEndpoint { .. } => {
            if arguments.refresh_token_stdin {
                return Err(usage(
                    format!("{name} logs in with a password, not with a refresh token"),
                    "use --password-stdin",
                ));
            }
            if brought.password.is_none() {
                let user = brought.username.as_deref().unwrap_or("the user");
                let prompt = format!("Password of {user}");
                brought.password = Some(terminal::ask_secret(&prompt, "--password-stdin")?);
            }
        }
        Grant::ClientCredentials { client, .. } => {
            let missing = matches!(
                client,
                Client::Confidential {
                    secret: ClientSecret::Stored | ClientSecret::Unset { .. },
                    ..
                }
            );
            if missing && brought.client_secret.is_none() {
                let secret = terminal::ask_secret("Client secret", "--client-secret-stdin")?;
                brought.client_secret = Some(secret);
            }
        }
        Grant::ApiKey(_) => {}
    }
    Ok(brought)
}

/// The server said no to what was brought, not to what there was.
fn refused(profile: &Profile, error: &Error) -> Diagnosis {
    let name = &profile.name;
    let diagnosis = failed(profile)(error.clone());
    let (what, look) = match error {
        Error::NeedsLogin { reason: LoginReason::CredentialsRejected, .. } => {
            ("user name or password", "check both")
        }
        Error::NeedsLogin { .. } => {
            ("refresh token", "check that it is whole, unused, and of this client and server")
        }
        _ => return diagnosis,
    };
    Diagnosis {
        message: format!("the login to {name} is refused: the server rejects the {what}"),
        hint: format!(
            "nothing that was there is changed; {look}, then `unlapse login {name}` again"
        ),
        ..diagnosis
    }
}

fn username(profile: &Profile) -> Option<String> {
    match &profile.grant {
        Grant::Password { username, .. } => Some(username.clone()),
        Grant::LoginEndpoint { login, .. } | Grant::RefreshToken { login: Some(login), .. } => {
            Some(login.username.clone())
        }
        _ => None,
    }
}

fn say(app: &App, profile: &Profile, outcome: &Outcome) {
    let (verified, until) = match outcome {
        Outcome::Granted(token) => (true, token.expires_at.map(rfc3339)),
        Outcome::Kept(_) => (false, None),
    };
    if let Outcome::Kept(Some(error)) = outcome
        && !app.quiet
    {
        terminal::warn(&format!(
            "{} is kept, but the server could not be asked yet: {error}",
            profile.name
        ));
    }
    if app.json {
        let value = json!({ "profile": profile.name, "verified": verified, "expires_at": until });
        terminal::data(&format!("{value}\n"));
    } else if !app.quiet {
        let name = &profile.name;
        terminal::note(&match (verified, until) {
            (true, Some(until)) => format!("logged in to {name}: valid until {until}"),
            (true, None) => format!("logged in to {name}"),
            (false, _) => format!("kept for {name}: the server is asked when a token is needed"),
        });
    }
}

fn usage(message: String, hint: &str) -> Diagnosis {
    Diagnosis {
        code: "wrong_grant",
        message,
        hint: hint.to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renewed(record: &Record, refresh_token: &str) -> Record {
        let mut grant = Granted::bearer(Secret::new("at"));
        grant.refresh_token = Some(Secret::new(refresh_token));
        record.granted(grant, Now::default())
    }

    fn refresh_token(record: &Record) -> &str {
        let token = record.token.as_ref().expect("a token");
        token.refresh_token.as_ref().expect("a refresh token").expose()
    }

    #[test]
    fn x2_a_refused_login_takes_nothing_back_that_others_renewed() {
        let before = renewed(&Record::default(), "rt-1");
        let password = Brought { password: Some(Secret::new("wrong")), ..Brought::default() };
        let kept = with_brought(before.clone(), &password, Now::default());
        // Nobody came in between.
        let back = taken_back(&kept, before.clone(), &password);
        assert_eq!((refresh_token(&back), &back.credentials), ("rt-1", &None));
        // Somebody renewed.
        let meanwhile = renewed(&kept, "rt-2");
        let back = taken_back(&meanwhile, before.clone(), &password);
        assert_eq!((refresh_token(&back), &back.credentials), ("rt-2", &None));
        // Somebody left a doubt.
        let doubt = kept.intend(Now::default(), false);
        assert!(taken_back(&doubt, before, &password).intent.is_some());
    }

    #[test]
    fn r9_a_refused_refresh_token_gives_its_place_back() {
        let before = renewed(&Record::default(), "rt-1");
        let brought = Brought { refresh_token: Some(Secret::new("bad")), ..Brought::default() };
        let kept = with_brought(before.clone(), &brought, Now::default());
        let back = taken_back(&kept, before.clone(), &brought);
        assert_eq!(refresh_token(&back), "rt-1");
        assert!(back.is_newer_than(&kept));
        // Somebody was granted a successor to it after all.
        let back = taken_back(&renewed(&kept, "rt-9"), before, &brought);
        assert_eq!(refresh_token(&back), "rt-9");
    }
}
