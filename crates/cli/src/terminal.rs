//! What a person sees beside the data: errors, warnings, a spinner, prompts.

use std::io::{BufRead as _, ErrorKind, IsTerminal as _, Read as _, Write as _};
use std::sync::OnceLock;
use std::time::Duration;

use unlapse_core::Secret;
use zeroize::Zeroizing;

use crate::config::broker::LogFormat;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::prompt::{self, Answer};
use crate::report::{self, Style};

/// Longest secret that is read from stdin: what a record can hold.
const MAX_SECRET: u64 = 32 * 1024;

/// Prints an error in the form that every command has.
pub(crate) fn report(diagnosis: &Diagnosis, json: bool) {
    let text = if json { report::json(diagnosis) } else { report::text(diagnosis, style()) };
    // Whoever closed stderr does not want it.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// One line that a person should know although all went well.
pub(crate) fn warn(text: &str) {
    let line = format!("{} {text}\n", style().paint("1;33", "warning:"));
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// One line of progress, on stderr, so that data stays alone on stdout.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// The first error of stdout that was more than a reader that had enough.
static UNDELIVERED: OnceLock<ErrorKind> = OnceLock::new();

/// Data, on stdout. A reader that has gone away is no error of ours; anything else is told by
/// [`delivered`] when the command ends.
pub(crate) fn data(text: &str) {
    deliver(text.as_bytes());
}

fn deliver(bytes: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    match stdout.write_all(bytes).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            let _ = UNDELIVERED.set(error.kind());
        }
        _ => {}
    }
}

/// Data that may be no text, on stdout.
pub(crate) fn bytes(bytes: &[u8]) {
    deliver(bytes);
}

/// Whether all data has reached stdout: an empty file after exit code 0 would be taken for a token.
pub(crate) fn delivered() -> Result<(), Diagnosis> {
    let Some(kind) = UNDELIVERED.get() else { return Ok(()) };
    Err(Diagnosis {
        code: "output_failed",
        message: format!("stdout cannot be written to: {kind}"),
        hint: "the command itself has done its work: make room where its output goes, and run it \
               again"
            .to_owned(),
        retry_at: None,
        exit: Exit::Temporary,
    })
}

fn style() -> Style {
    let variable = |name| std::env::var(name).ok();
    Style::of(
        std::io::stderr().is_terminal(),
        variable("NO_COLOR").as_deref(),
        variable("TERM").as_deref(),
    )
}

/// The style of data on stdout.
pub(crate) fn stdout_style() -> Style {
    let variable = |name| std::env::var(name).ok();
    Style::of(
        std::io::stdout().is_terminal(),
        variable("NO_COLOR").as_deref(),
        variable("TERM").as_deref(),
    )
}

/// Whether lines on stdout can be drawn over.
pub(crate) fn can_move_cursor() -> bool {
    std::io::stdout().is_terminal() && std::env::var("TERM").is_ok_and(|term| term != "dumb")
}

/// Shows that something takes its time, once it does; gone when dropped.
pub(crate) fn spinner(text: String, quiet: bool) -> indicatif::ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return indicatif::ProgressBar::hidden();
    }
    let bar = indicatif::ProgressBar::new_spinner().with_message(text);
    bar.enable_steady_tick(Duration::from_millis(120));
    bar
}

/// Shows how much of something is done; gone when dropped.
pub(crate) fn progress(whole: u64, quiet: bool) -> indicatif::ProgressBar {
    if quiet || !std::io::stderr().is_terminal() {
        return indicatif::ProgressBar::hidden();
    }
    indicatif::ProgressBar::new(whole)
}

/// Reads secrets from stdin, one a line, as many as are wanted; the last may have several lines.
pub(crate) fn secrets_from_stdin(wanted: usize) -> Result<Vec<Secret>, Diagnosis> {
    let mut text = Zeroizing::new(String::with_capacity(8 * 1024));
    let mut stdin = std::io::stdin().lock().take(MAX_SECRET + 1);
    if stdin.read_to_string(&mut text).is_err() || text.len() as u64 > MAX_SECRET {
        return Err(unreadable("stdin has no text, or more than 32 KiB of it"));
    }
    let secrets: Vec<_> = text
        .trim_end_matches(['\r', '\n'])
        .splitn(wanted, '\n')
        .map(|line| Secret::new(line.trim_end_matches('\r')))
        .filter(|secret| !secret.is_empty())
        .collect();
    if secrets.len() < wanted {
        return Err(unreadable("stdin ended before everything was read"));
    }
    Ok(secrets)
}

/// Asks for a secret without showing it; an error where nobody can be asked.
pub(crate) fn ask_secret(what: &str, instead: &str) -> Result<Secret, Diagnosis> {
    if !can_ask() {
        return Err(Diagnosis {
            code: "input_needed",
            message: format!("the {} is needed, and there is nobody to ask", lower(what)),
            hint: format!("give it with {instead}"),
            retry_at: None,
            exit: Exit::Usage,
        });
    }
    match prompt::secret(what) {
        Ok(Answer::Given(secret)) => Ok(secret),
        // As if the signal had ended us, which it would have without the prompt.
        Ok(Answer::Interrupted) => std::process::exit(130),
        Ok(Answer::Nothing) | Err(_) => Err(unreadable("the answer could not be read")),
    }
}

/// Whether there is somebody to ask.
pub(crate) fn can_ask() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks a question that is answered with yes or no; an error where nobody can be asked. Anything but a
/// yes is a no.
pub(crate) fn confirm(question: &str, instead: &str) -> Result<bool, Diagnosis> {
    if !can_ask() {
        return Err(Diagnosis {
            code: "input_needed",
            message: "a yes is needed, and there is nobody to ask".to_owned(),
            hint: format!("give it with {instead}"),
            retry_at: None,
            exit: Exit::Usage,
        });
    }
    let _ = write!(std::io::stderr(), "{question} [y/N] ");
    let mut answer = String::new();
    let read = std::io::stdin().lock().take(64).read_line(&mut answer);
    read.map_err(|_| unreadable("the answer could not be read"))?;
    Ok(matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes"))
}

/// As it stands within a sentence.
fn lower(what: &str) -> String {
    let mut rest = what.chars();
    rest.next().map_or_else(String::new, |first| first.to_lowercase().chain(rest).collect())
}

fn unreadable(what: &str) -> Diagnosis {
    Diagnosis {
        code: "input_unreadable",
        message: what.to_owned(),
        hint: "pipe exactly the secret, for example: printf %s \"$SECRET\" | unlapse login …"
            .to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// Sends the log to stderr, a line for people each.
pub(crate) fn log_to_stderr(filter: &str) -> Result<(), Diagnosis> {
    log(filter, LogFormat::Text)
}

/// Sends the log to stderr.
pub(crate) fn log(filter: &str, format: LogFormat) -> Result<(), Diagnosis> {
    let filter = tracing_subscriber::EnvFilter::try_new(filter).map_err(|error| Diagnosis {
        code: "log_filter",
        message: format!("the log filter does not read: {error}"),
        hint: "use a level such as `debug`, or `unlapse=trace`".to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    })?;
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => subscriber.with_ansi(matches!(style(), Style::Coloured)).init(),
        // One flat object a line, as log collectors want it.
        LogFormat::Json => subscriber.json().flatten_event(true).with_ansi(false).init(),
    }
    Ok(())
}
