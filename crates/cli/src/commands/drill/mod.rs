//! `unlapse drill`: faults for any command that prints a token (X6).
//!
//! Each row opens an authorization server of its own on the loopback, which rotates refresh tokens
//! and gives tokens that live for seconds; logs the tool in, in a home of its own; runs the command
//! many times while one kind of fault lasts; and sees whether the login is alive afterwards.

mod authority;
mod bout;
mod desk;
mod process;
mod report;
pub(crate) mod row;
mod script;
mod server;
mod stand;
mod table;
mod tally;
mod template;
mod verdict;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::args::{Common, DrillArguments};
use crate::commands::embedded;
use crate::commands::running::block_on;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::signals;
use crate::terminal;

use authority::Authority;
use bout::Gym;
use report::{Done, Report};
use row::Row;
use table::Table;
use template::Template;

/// Between two looks at how it goes.
const TICK: Duration = Duration::from_millis(500);

type Failed = Box<dyn std::error::Error + Send + Sync>;

pub(crate) fn run(arguments: &DrillArguments, common: &Common) -> Result<Exit, Diagnosis> {
    let command = resolved(&arguments.command);
    let template = Template::find(arguments.template.as_deref(), Path::new(&command[0]))?;
    let place = Place::new(arguments.keep).map_err(|error| impossible(&error))?;
    // The processes that are still under way end with the runtime, before their directory does.
    let report = block_on(play(arguments, common, &command, &template, &place.dir))?;
    let kept = place.keep.then_some(place.dir.as_path());
    if common.json {
        terminal::data(&format!("{}\n", report.json(kept)));
    } else {
        terminal::data(&report.summary(terminal::stdout_style()));
        if let Some(dir) = kept {
            terminal::note(&format!("kept: {}", dir.display()));
        }
    }
    drop(place);
    if let Some(signal) = report.interrupted {
        std::process::exit(128 + signal);
    }
    Ok(if report.is_good() { Exit::Ok } else { Exit::Denied })
}

async fn play(
    arguments: &DrillArguments,
    common: &Common,
    command: &[OsString],
    template: &Template,
    dir: &Path,
) -> Result<Report, Diagnosis> {
    let authority = Authority::new().map_err(|error| impossible(&*error))?;
    let rows = chosen(&arguments.rows);
    let live = terminal::can_move_cursor().then(terminal::stdout_style);
    let heading = format!(
        "unlapse drill  {} · template {} · {} processes at once",
        words(command),
        template.name,
        arguments.workers
    );
    let mut table = Table::new(live, common.quiet || common.json, heading);
    let mut report = Report {
        template: template.name.clone(),
        workers: arguments.workers,
        rows: Vec::new(),
        interrupted: None,
    };
    let interrupted = signals::interrupted();
    tokio::pin!(interrupted);
    for row in &rows {
        let dir = dir.join(row.word());
        std::fs::create_dir(&dir).map_err(|error| impossible(&error))?;
        let mut gym = Gym {
            template,
            command,
            workers: arguments.workers,
            authority: &authority,
            dir,
            lifetime: template.lifetime,
            slowest: Duration::ZERO,
        };
        let start = unlapse::tokio::system_now();
        let elapsed = || unlapse::tokio::system_now().since(&start);
        let playing = script::play(*row, &mut gym);
        tokio::pin!(playing);
        let outcome = loop {
            table.draw(&report.rows, &rows, elapsed());
            tokio::select! {
                outcome = &mut playing => break outcome,
                () = pause(TICK) => {}
                signal = &mut interrupted => {
                    report.interrupted = Some(signal);
                    table.finish(&report.rows);
                    return Ok(report);
                }
            }
        };
        let (verdict, tally) = outcome.map_err(|error| impossible(&*error))?;
        let done = Done { row: *row, verdict, tally, took: elapsed() };
        table.over(&done);
        report.rows.push(done);
    }
    table.finish(&report.rows);
    Ok(report)
}

/// The rows that were asked for, in our order and each once; all of them if none was.
fn chosen(asked: &[Row]) -> Vec<Row> {
    let is_chosen = |row: &Row| asked.is_empty() || asked.contains(row);
    Row::all().iter().copied().filter(is_chosen).collect()
}

/// The command with its program as it is found from here: it runs in another directory.
fn resolved(command: &[OsString]) -> Vec<OsString> {
    let mut command = command.to_vec();
    let Some(program) = command.first_mut() else { unreachable!("clap demands a command") };
    let path = Path::new(program);
    if path.components().count() > 1
        && let Ok(path) = std::path::absolute(path)
    {
        *program = path.into_os_string();
    }
    command
}

/// The command as it is shown.
fn words(command: &[OsString]) -> String {
    let words: Vec<_> = command.iter().map(|word| word.to_string_lossy()).collect();
    words.join(" ").chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

async fn pause(duration: Duration) {
    unlapse::Clock::sleep(&unlapse::tokio::TokioClock::new(), duration).await;
}

fn impossible(error: &dyn std::error::Error) -> Diagnosis {
    Diagnosis {
        code: "drill_failed",
        message: format!("the drill could not be held: {error}"),
        hint:
            "see that the command prints a token as the template logs it in; `--keep` leaves its \
               files"
                .to_owned(),
        retry_at: None,
        exit: Exit::Temporary,
    }
}

/// The directory of the drill, gone when dropped unless it is to be kept.
struct Place {
    dir: PathBuf,
    keep: bool,
}

impl Place {
    fn new(keep: bool) -> std::io::Result<Self> {
        Ok(Self { dir: embedded::private_temporary_directory("drill")?, keep })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        // A process that was just killed may still make a last file.
        let _ = self.keep
            || std::fs::remove_dir_all(&self.dir).is_ok()
            || std::fs::remove_dir_all(&self.dir).is_ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_played_once_and_in_order() {
        assert_eq!(chosen(&[]), Row::all());
        assert_eq!(chosen(&[Row::Kill, Row::Storm, Row::Kill]), [Row::Storm, Row::Kill]);
    }

    #[test]
    fn a_program_with_a_path_is_found_from_anywhere() {
        let of = |program: &str| resolved(&[program.into(), "./x".into()]);
        assert_eq!(of("unlapse"), ["unlapse", "./x"]);
        assert_eq!(of("/bin/true"), ["/bin/true", "./x"]);
        let here = std::env::current_dir().expect("a directory").join("bin/tool");
        assert_eq!(of("bin/tool"), [here.as_os_str(), "./x".as_ref()]);
    }
}
