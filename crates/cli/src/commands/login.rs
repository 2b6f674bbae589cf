//! `unlapse login`

use serde_json::json;
use unlapse::{AccessToken, LoggedIn, Login, TokenSource};
use unlapse_core::{Error, LoginReason, SenderKeyProblem};
use unlapse_oauth::dpop::SenderKey;

use crate::app::{App, failed};
use crate::args::LoginArguments;
use crate::commands::running::{block_on, settled};
use crate::config::{Client, ClientSecret, Grant, Profile};
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::report::rfc3339;
use crate::terminal;
use crate::wiring::Shelf;

pub(crate) fn run(app: &App, arguments: &LoginArguments) -> Result<Exit, Diagnosis> {
    let profile = app.profile(arguments.which.profile.as_deref())?;
    if matches!(profile.grant, Grant::ApiKey(_)) {
        return Err(usage(
            format!("{} is an API key, which nobody logs in with", profile.name),
            "set the variable that `api_key_env` names",
        ));
    }
    let brought = collect(profile, arguments)?;
    let shelf = app.shelf_of(profile);
    let token = block_on(async {
        let source = app.source(profile, &shelf).await?;
        let spinner = terminal::spinner(format!("logging in to {}", profile.name), app.quiet);
        let work = async {
            let outcome = log_in(&source, brought, arguments.no_verify).await;
            outcome.map_err(|error| refused(profile, &error))
        };
        let token = settled(&source, work).await;
        spinner.finish_and_clear();
        token
    })?;
    say(app, profile, &token);
    if matches!(shelf, Shelf::Memory(_)) && !app.quiet {
        terminal::warn(
            "nothing is kept (see `unlapse config show`): the login ends with this command",
        );
    }
    Ok(Exit::Ok)
}

/// What became of a login.
enum Outcome {
    /// The server granted a token.
    Granted(AccessToken),
    /// What was brought is kept; the server was not asked, or gave no verdict.
    Kept(Option<Error>),
}

async fn log_in(source: &TokenSource, login: Login, no_verify: bool) -> Result<Outcome, Error> {
    if no_verify {
        source.edit(|record, now| login.brought_to(&record, now)).await?;
        return Ok(Outcome::Kept(None));
    }
    Ok(match source.log_in(login).await? {
        LoggedIn::Granted(token) => Outcome::Granted(token),
        LoggedIn::Kept(error) => Outcome::Kept(Some(error)),
    })
}

/// Reads what the profile's grant needs, from stdin or by asking.
fn collect(profile: &Profile, arguments: &LoginArguments) -> Result<Login, Diagnosis> {
    let mut brought = Login::default();
    brought.credentials.username = arguments.username.clone().or_else(|| username(profile));
    let other = arguments.refresh_token_stdin || arguments.password_stdin;
    let wanted = usize::from(arguments.client_secret_stdin)
        + usize::from(other)
        + usize::from(arguments.sender_key_stdin);
    if wanted > 0 {
        let mut secrets = terminal::secrets_from_stdin(wanted)?.into_iter();
        if arguments.client_secret_stdin {
            brought.credentials.client_secret = secrets.next();
        }
        if arguments.refresh_token_stdin {
            brought.refresh_token = secrets.next();
        } else if arguments.password_stdin {
            brought.credentials.password = secrets.next();
        }
        if arguments.sender_key_stdin {
            brought.sender_key = secrets.next();
            if let Some(Err(_)) = brought.sender_key.as_ref().map(SenderKey::parse) {
                let problem = SenderKeyProblem::Unusable;
                return Err(failed(profile)(Error::SenderKey { key: profile.key(), problem }));
            }
        }
    }
    let name = &profile.name;
    match &profile.grant {
        Grant::Broker { key, .. } => {
            if wanted > 0 {
                let message = format!("{name} has a broker, which is asked with an API key");
                return Err(usage(message, "use --broker-key-stdin"));
            }
            if arguments.broker_key_stdin {
                brought.credentials.client_secret = terminal::secrets_from_stdin(1)?.pop();
            } else if !matches!(key, ClientSecret::Given { .. }) {
                let key = terminal::ask_secret("API key of the broker", "--broker-key-stdin")?;
                brought.credentials.client_secret = Some(key);
            }
        }
        _ if arguments.broker_key_stdin => {
            let message = format!("{name} has no broker to bring a key for");
            return Err(usage(message, "set `broker` and `connection` in the profile"));
        }
        Grant::RefreshToken { login, .. } => {
            let by_password = brought.credentials.password.is_some() && login.is_some();
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
            if brought.credentials.password.is_none() {
                let user = brought.credentials.username.as_deref().unwrap_or("the user");
                let prompt = format!("Password of {user}");
                brought.credentials.password =
                    Some(terminal::ask_secret(&prompt, "--password-stdin")?);
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
            if missing && brought.credentials.client_secret.is_none() {
                let secret = terminal::ask_secret("Client secret", "--client-secret-stdin")?;
                brought.credentials.client_secret = Some(secret);
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
            let look = if profile.dpop {
                "check that it is whole, unused, of this client and server, and bound to no other key \
                 (--sender-key-stdin brings its own)"
            } else {
                "check that it is whole, unused, and of this client and server"
            };
            ("refresh token", look)
        }
        // Past the deadline it goes on, and nobody knows yet what it comes to.
        Error::Deadline { .. } => return diagnosis,
        error if error.is_retryable() => {
            let next = match error {
                Error::OutcomeUnknown { .. } => "the server may have used up what was brought",
                _ => &diagnosis.hint,
            };
            return Diagnosis {
                message: format!("the login to {name} could not be verified: {error}"),
                hint: format!(
                    "nothing that was there is changed; {next}; then `unlapse login {name}` again"
                ),
                ..diagnosis
            };
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
