//! `unlapse log`

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Map, Value, json};
use unlapse::Clock as _;
use unlapse::tokio::{TokioClock, system_now};
use unlapse_core::Key;
use unlapse_core::usage::{Deed, Entry};
use unlapse_store::{Journal, JournalRead};

use crate::app::App;
use crate::args::LogArguments;
use crate::commands::running::block_on;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::report::{one_line, rfc3339};
use crate::signals;
use crate::terminal;

/// Between looks at a journal that is followed.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

pub(crate) fn run(app: &App, arguments: &LogArguments) -> Result<Exit, Diagnosis> {
    let wanted = Wanted::of(app, arguments.profile.as_deref(), arguments.since)?;
    let Some(journal) = app.journal() else { return nothing(app) };
    // Before the journal is read: what comes between is told twice rather than never.
    let tail = arguments.follow.then(|| journal.tail()).transpose();
    let mut tail = tail.map_err(|error| unreadable(&journal, &error))?;
    let read = read(&journal, &wanted)?;
    if app.json && tail.is_none() {
        let entries: Vec<_> = read.entries.iter().map(|entry| value(app, entry)).collect();
        let whole = json!({ "entries": entries, "skipped": read.skipped });
        terminal::data(&format!("{whole}\n"));
        return Ok(Exit::Ok);
    }
    print(app, &read.entries);
    if let Some(tail) = &mut tail {
        block_on(async {
            let ended = signals::interrupted();
            tokio::pin!(ended);
            loop {
                tokio::select! {
                    _ = &mut ended => return Ok(()),
                    () = TokioClock::new().sleep(LOOK_AGAIN) => {}
                }
                let mut read = tail.read().map_err(|error| unreadable(&journal, &error))?;
                read.entries.retain(|entry| wanted.wants(entry));
                print(app, &read.entries);
                terminal::delivered()?;
            }
        })?;
    }
    Ok(Exit::Ok)
}

/// Which lines are wanted.
pub(crate) struct Wanted {
    key: Option<Key>,
    since: Option<Duration>,
}

impl Wanted {
    pub(crate) fn of(
        app: &App,
        profile: Option<&str>,
        since: Option<Duration>,
    ) -> Result<Self, Diagnosis> {
        let key = profile.map(|name| Ok(app.profile(Some(name))?.key())).transpose()?;
        Ok(Self { key, since })
    }

    fn wants(&self, entry: &Entry) -> bool {
        let now = system_now().wall;
        self.key.as_ref().is_none_or(|key| *key == entry.key)
            && self.since.is_none_or(|since| now.since(entry.at) <= since)
    }
}

/// The lines that are wanted.
pub(crate) fn read(journal: &Journal, wanted: &Wanted) -> Result<JournalRead, Diagnosis> {
    let mut read = journal.read().map_err(|error| unreadable(journal, &error))?;
    read.entries.retain(|entry| wanted.wants(entry));
    Ok(read)
}

/// There is no journal, by choice.
pub(crate) fn nothing(app: &App) -> Result<Exit, Diagnosis> {
    let off = if app.config.journal.journal {
        "nothing is kept on the disk, and so no journal"
    } else {
        "the journal is switched off"
    };
    Err(Diagnosis {
        code: "no_journal",
        message: off.to_owned(),
        hint: "keep a store (no --no-store), and `journal = true` in `[log]`".to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    })
}

fn unreadable(journal: &Journal, error: &std::io::Error) -> Diagnosis {
    Diagnosis {
        code: "journal_unreadable",
        message: format!("the journal {} cannot be read: {error}", journal.path().display()),
        hint: "it has to be a file of yours that nobody else can read or write (chmod 600)"
            .to_owned(),
        retry_at: None,
        exit: Exit::Temporary,
    }
}

fn print(app: &App, entries: &[Entry]) {
    let mut text = String::new();
    for entry in entries {
        let line = if app.json { value(app, entry).to_string() } else { line(app, entry) };
        text.push_str(&line);
        text.push('\n');
    }
    if !text.is_empty() {
        terminal::data(&text);
    }
}

/// The profile of a credential, or its key where no profile has it.
pub(crate) fn profile(app: &App, key: &Key) -> String {
    let found = app.config.profiles.values().find(|profile| profile.key() == *key);
    found.map_or_else(|| one_line(&key.to_string()), |profile| profile.name.clone())
}

fn line(app: &App, entry: &Entry) -> String {
    let mut line = format!(
        "{}  {}  {}  by {} ({}@{})",
        rfc3339(entry.at),
        profile(app, &entry.key),
        told(&entry.deed),
        one_line(&entry.program),
        entry.pid,
        one_line(&entry.host),
    );
    if let Deed::Renewed { attempts, duration, automatic, generation, .. } = &entry.deed {
        let _ = write!(line, ": {attempts} attempts, {} ms", duration.as_millis());
        let _ = write!(line, ", generation {generation}");
        line.push_str(if *automatic { ", automatic" } else { "" });
    }
    line
}

/// What was done, in words.
fn told(deed: &Deed) -> String {
    match deed {
        Deed::Served { count: 1 } => "token handed out".to_owned(),
        Deed::Served { count } => format!("{count} tokens handed out"),
        Deed::Renewed { outcome, code: Some(code), .. } => {
            format!("renewal: {} ({})", outcome.name(), one_line(code))
        }
        Deed::Renewed { outcome, .. } => format!("renewal: {}", outcome.name()),
        Deed::InDoubt => "reply lost".to_owned(),
        Deed::Ended { reason } => format!("login ended: {}", reason.describe()),
        Deed::Refused { generation, is_late: true } => format!("late 401 to token {generation}"),
        Deed::Refused { generation, .. } => format!("401 to token {generation}"),
        Deed::LoggedIn { .. } => "logged in".to_owned(),
        Deed::LoggedOut => "logged out".to_owned(),
        _ => "something else".to_owned(),
    }
}

/// A line as JSON (docs/json.md): the journal's own, with the names and times of this command.
fn value(app: &App, entry: &Entry) -> Value {
    let deed = serde_json::to_value(&entry.deed).unwrap_or_default();
    let mut members = Map::new();
    for member in [
        "did",
        "count",
        "outcome",
        "code",
        "attempts",
        "duration_ms",
        "automatic",
        "generation",
        "lifetime_ms",
        "reason",
        "is_late",
    ] {
        members.insert(member.to_owned(), deed.get(member).cloned().unwrap_or_default());
    }
    members.insert("at".to_owned(), rfc3339(entry.at).into());
    members.insert("profile".to_owned(), profile(app, &entry.key).into());
    members.insert("program".to_owned(), entry.program.clone().into());
    members.insert("pid".to_owned(), entry.pid.into());
    members.insert("host".to_owned(), entry.host.clone().into());
    Value::Object(members)
}
