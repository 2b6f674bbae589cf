//! `unlapse doctor`

mod spent;

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use unlapse::reqwest::{HttpSettings, ReqwestHttp};
use unlapse::{Breakers as _, Clock as _, Endpoints, Http as _};
use unlapse_core::{Admission, CustodyError, Record, State, StoreError, Stored, retry};
use unlapse_oauth::discovery;
use unlapse_store::custody::{Custody as _, Derivation, KeyFile, Machine, Salt};
use unlapse_store::{FileStore, Permissions};

use crate::app::App;
use crate::args::DoctorArguments;
use crate::commands::running::block_on;
use crate::config::{Custody, Grant, Profile, Storage};
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::report::Style;
use crate::terminal;
use crate::wiring::{self, Shelf};

/// How long a server's clock is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// One thing that was looked at.
struct Finding {
    what: String,
    grade: Grade,
    found: String,
    repair: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Grade {
    Good,
    /// Worth knowing.
    Note,
    /// Something does not work.
    Bad,
}

impl Finding {
    fn good(what: impl Into<String>, found: impl Into<String>) -> Self {
        Self { what: what.into(), grade: Grade::Good, found: found.into(), repair: None }
    }

    fn note(what: impl Into<String>, found: impl Into<String>, repair: impl Into<String>) -> Self {
        let repair = Some(repair.into());
        Self { what: what.into(), grade: Grade::Note, found: found.into(), repair }
    }

    fn bad(what: impl Into<String>, found: impl Into<String>, repair: impl Into<String>) -> Self {
        let repair = Some(repair.into());
        Self { what: what.into(), grade: Grade::Bad, found: found.into(), repair }
    }
}

pub(crate) fn run(app: &App, arguments: &DoctorArguments) -> Result<Exit, Diagnosis> {
    let profiles: Vec<_> = match &arguments.which.profile {
        Some(name) => vec![app.profile(Some(name))?],
        None => app.config.profiles.values().collect(),
    };
    let mut findings = Vec::new();
    if arguments.reset_breaker {
        findings.push(reset(app));
    }
    let shelf = app.shelf();
    match (&shelf, &app.config.storage) {
        (Shelf::File(store), Storage::Kept(config)) => {
            findings.extend(storage(store));
            findings.push(custody(&config.custody));
            findings.extend(spent::spent(store, arguments.repair)?);
        }
        _ => findings.push(Finding::note(
            "store",
            "nothing is kept on disk (`persist`, UNLAPSE_PERSIST or UNLAPSE_NO_STORE)",
            "see who says so: unlapse config show",
        )),
    }
    let spinner = terminal::spinner("asking the servers what time it is".to_owned(), app.quiet);
    for profile in profiles {
        if let Grant::ApiKey(_) = profile.grant {
            // Nothing of it is stored, and no server renews it.
            findings.push(api_key(profile));
            continue;
        }
        match &shelf {
            Shelf::File(store) if wiring::is_kept(profile, app.config.persistence) => {
                findings.push(record(store, profile));
            }
            Shelf::File(_) => findings.push(Finding::note(
                format!("{}: record", profile.name),
                "it looks like a test's, of which nothing is kept (`persist` is `auto`)",
                "to keep it: UNLAPSE_PERSIST=on",
            )),
            Shelf::Memory(_) => {}
        }
        findings.push(breaker(app, profile));
        findings.extend(clock(app, profile)?);
    }
    spinner.finish_and_clear();
    let worst = findings.iter().map(|finding| finding.grade).max().unwrap_or(Grade::Good);
    if app.json {
        terminal::data(&format!("{:#}\n", as_json(&findings)));
    } else {
        terminal::data(&as_text(&findings, terminal::stdout_style()));
    }
    Ok(if worst == Grade::Bad { Exit::Temporary } else { Exit::Ok })
}

fn reset(app: &App) -> Finding {
    let closed = app.breakers().map(|breakers| breakers.reset()).unwrap_or_default();
    let found = if closed.is_empty() {
        "all were closed already".to_owned()
    } else {
        format!("closed: {}", closed.join(", "))
    };
    Finding::good("breakers", found)
}

fn storage(store: &FileStore) -> Vec<Finding> {
    let probe = match store.probe() {
        Ok(probe) => probe,
        Err(error) => return vec![Finding::bad("store", error.to_string(), "see its permissions")],
    };
    let dir = probe.dir.display();
    let mut findings = vec![match probe.permissions {
        Permissions::Private => Finding::good("permissions", format!("{dir} is this user's alone")),
        Permissions::Missing => {
            Finding::good("permissions", format!("{dir} is made when it is first needed"))
        }
        Permissions::Open => Finding::note(
            "permissions",
            format!("others could enter {dir}"),
            format!("it is repaired when the store owns it; else: chmod 700 {dir}"),
        ),
        _ => Finding::bad(
            "permissions",
            format!("{dir} is not a directory of this user"),
            "choose another `store.path`",
        ),
    }];
    findings.push(match &probe.writable {
        Ok(()) => Finding::good("disk", format!("{dir} takes files and makes them durable")),
        Err(error) => Finding::bad(
            "disk",
            error.to_string(),
            "make room or remount it; until then new tokens are set aside elsewhere",
        ),
    });
    findings.push(match &probe.locks {
        Ok(true) => Finding::good("locks", "two processes exclude each other there"),
        Ok(false) => Finding::bad(
            "locks",
            "this file system does not lock: two processes could renew at once",
            "put `store.path` on a local disk",
        ),
        Err(error) => Finding::note(
            "locks",
            format!("could not be tried: {error}"),
            "mend the disk first, then run doctor again",
        ),
    });
    if !probe.quarantined.is_empty() {
        let names: Vec<_> =
            probe.quarantined.iter().map(|path| path.display().to_string()).collect();
        findings.push(Finding::note(
            "quarantine",
            format!("damaged, and set aside ({}): {}", names.len(), names.join(", ")),
            "delete them when nobody misses what was in them",
        ));
    }
    findings
}

fn custody(custody: &Custody) -> Finding {
    match custody {
        Custody::KeyFile { path } => key_file(path),
        Custody::Passphrase { passphrase: Some(_), .. } => {
            Finding::good("custody", "a passphrase, from UNLAPSE_PASSPHRASE")
        }
        Custody::Passphrase { passphrase: None, .. } => Finding::note(
            "custody",
            "a passphrase, which has to be asked for",
            "set UNLAPSE_PASSPHRASE where nobody can be asked",
        ),
        Custody::Machine if Machine::new().derivation().is_err() => Finding::bad(
            "custody",
            CustodyError::NoMachineIdentity.to_string(),
            "choose `custody = \"keyfile\"` or \"passphrase\"",
        ),
        Custody::Machine => Finding::note(
            "custody",
            "the machine's identity, which every program of this user can read",
            "use `custody = \"keyfile\"` or \"passphrase\" to protect against other programs",
        ),
    }
}

fn key_file(path: &Path) -> Finding {
    let shown = path.display();
    if !path.exists() {
        return Finding::good(
            "custody",
            format!("a key file, made when it is first needed: {shown}"),
        );
    }
    // Any salt will do: what is tried is whether the file yields its key.
    let opened =
        Salt::random().and_then(|salt| KeyFile::new(path).unlock(&Derivation::KeyFile { salt }));
    match opened {
        Ok(_) => Finding::good("custody", format!("a key file: {shown}")),
        Err(error) => Finding::bad(
            "custody",
            error.to_string(),
            format!("chmod 600 {shown}, or restore it from your backup"),
        ),
    }
}

fn api_key(profile: &Profile) -> Finding {
    let what = format!("{}: api key", profile.name);
    match wiring::api_key(profile) {
        Some(_) => Finding::good(what, "set"),
        None => Finding::bad(what, "not set", "set the variable that `api_key_env` names"),
    }
}

fn record(store: &FileStore, profile: &Profile) -> Finding {
    let what = format!("{}: record", profile.name);
    match store.read(&profile.key()) {
        Ok(Some(stored)) if stored.place == unlapse_core::Place::SetAside => Finding::bad(
            what,
            "the newest token is unsaved: it was set aside",
            "make room or remount the disk; it is saved at the next renewal or token",
        ),
        Ok(Some(Stored { record: Record { state: State::NeedsLogin(reason), .. }, .. })) => {
            let repair = format!("run: unlapse login {}", profile.name);
            Finding::bad(what, reason.describe(), repair)
        }
        Ok(Some(stored)) if stored.record.token.is_some() => {
            Finding::good(what, format!("it opens, and has token #{}", stored.record.generation))
        }
        Ok(stored) => {
            let credentials = stored.as_ref().and_then(|it| it.record.credentials.as_ref());
            let found = if wiring::rungs(profile, credentials).login {
                "none yet: `unlapse token` obtains one by itself"
            } else {
                "none: nobody has logged in"
            };
            Finding::good(what, found)
        }
        Err(error @ StoreError::Damaged { .. }) => {
            Finding::bad(what, error.to_string(), format!("run: unlapse login {}", profile.name))
        }
        Err(error) => {
            let hint = Diagnosis::of_store(&error, &profile.name).hint;
            Finding::bad(what, error.to_string(), hint)
        }
    }
}

fn breaker(app: &App, profile: &Profile) -> Finding {
    let what = format!("{}: breaker", profile.name);
    let endpoint = wiring::endpoint_name(profile);
    let now = unlapse::tokio::system_now().wall;
    let breaker = app.breakers().map(|breakers| breakers.read(&endpoint)).unwrap_or_default();
    match breaker.admit(now) {
        Admission::Closed => Finding::good(what, "closed"),
        Admission::Trial => Finding::good(what, "open, and the next request is a trial"),
        Admission::Open { until } => Finding::note(
            what,
            format!("{} failures in a row: not asked before {until}", breaker.failures),
            "when the server is well again: unlapse doctor --reset-breaker",
        ),
    }
}

/// Our clock against the server's `Date`.
fn clock(app: &App, profile: &Profile) -> Result<Option<Finding>, Diagnosis> {
    let Endpoints { token, issuer, .. } = wiring::server(profile).endpoints;
    let metadata = issuer.and_then(|issuer| issuer.metadata_urls().ok()).map(|[url, _]| url);
    let Some(url) = token.or(metadata) else { return Ok(None) };
    let what = format!("{}: clock", profile.name);
    let settings = HttpSettings {
        connect_timeout: app.config.http.connect_timeout.min(PATIENCE),
        ..wiring::settings(&app.config.http)?
    };
    let date = block_on(async {
        let http = ReqwestHttp::new(settings);
        let clock = unlapse::tokio::TokioClock::new();
        let reply = tokio::select! {
            reply = http.call(discovery::request(&url)) => reply.ok(),
            () = clock.sleep(PATIENCE) => None,
        };
        let ours = unlapse::tokio::system_now().wall;
        let header = reply.and_then(|reply| reply.headers.get("date").cloned());
        let theirs = header.and_then(|date| date.to_str().ok().and_then(retry::http_date));
        Ok(theirs.map(|theirs| (ours, theirs)))
    })?;
    let Some((ours, theirs)) = date else {
        return Ok(Some(Finding::note(
            what,
            format!("{url} did not say what time it is"),
            "check the network, the URL and, behind a private CA, `http.ca_file`",
        )));
    };
    let apart = ours.since(theirs).max(theirs.since(ours));
    // A Date header counts whole seconds.
    Ok(Some(if apart > profile.policy.skew + Duration::from_secs(1) {
        Finding::bad(
            what,
            format!("{} s apart from {url}", apart.as_secs()),
            "set the clock of whichever is wrong (on Linux: timedatectl set-ntp true)",
        )
    } else {
        Finding::good(what, format!("in step with {url}"))
    }))
}

fn as_json(findings: &[Finding]) -> Value {
    let findings: Vec<_> = findings
        .iter()
        .map(|finding| {
            json!({
                "what": finding.what,
                "grade": word(finding.grade),
                "found": finding.found,
                "repair": finding.repair,
            })
        })
        .collect();
    json!({ "findings": findings })
}

fn as_text(findings: &[Finding], style: Style) -> String {
    let width = findings.iter().map(|finding| finding.what.chars().count()).max().unwrap_or(0);
    let lines = findings.iter().map(|finding| {
        let colour = match finding.grade {
            Grade::Good => "32",
            Grade::Note => "33",
            Grade::Bad => "31",
        };
        let grade = style.paint(colour, &format!("{:4}", word(finding.grade)));
        let repair = finding
            .repair
            .as_ref()
            .map_or_else(String::new, |repair| format!("\n{:1$}-> {repair}", "", width + 8));
        format!("{grade}  {:width$}  {}{repair}", finding.what, finding.found)
    });
    let mut text = lines.collect::<Vec<_>>().join("\n");
    text.push('\n');
    text
}

fn word(grade: Grade) -> &'static str {
    match grade {
        Grade::Good => "ok",
        Grade::Note => "note",
        Grade::Bad => "bad",
    }
}
