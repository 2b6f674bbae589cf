//! A reply, shown: its body on stdout or in a file, everything else beside it.

use std::fs::File;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use crate::app::App;
use crate::args::CurlArguments;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;

/// Most bytes of a body that are printed within JSON.
const MAX_JSON: usize = 64 << 20;

/// Where a body goes.
pub(super) enum Sink {
    Stdout,
    File(Box<Place>),
    /// To be printed within JSON.
    Kept(Vec<u8>),
}

/// The file that was named for a body. What is in it stays until there is a body.
pub(super) struct Place {
    path: PathBuf,
    file: File,
    /// It was not there before, and is still empty.
    is_unused: bool,
}

impl Sink {
    /// Opened before anything is sent: a request whose reply has no place may be one that must not be
    /// made twice.
    pub(super) fn of(app: &App, arguments: &CurlArguments) -> Result<Self, Diagnosis> {
        match &arguments.output {
            Some(path) => {
                let place = Place::open(path).map_err(|error| Diagnosis {
                    hint: "nothing was sent: make room there, or name another file with `-o`"
                        .to_owned(),
                    ..unwritable(path, &error)
                })?;
                Ok(Self::File(Box::new(place)))
            }
            None if app.json => Ok(Self::Kept(Vec::new())),
            None => Ok(Self::Stdout),
        }
    }

    /// There is a reply, whose body follows.
    pub(super) fn begin(&mut self) -> Result<(), Diagnosis> {
        let Self::File(place) = self else { return Ok(()) };
        place.begin().map_err(|error| unwritable(&place.path, &error))
    }

    /// The next piece. What stdout does not take is told by [`terminal::delivered`].
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<(), Diagnosis> {
        match self {
            Self::Stdout => terminal::bytes(piece),
            Self::File(place) => {
                place.file.write_all(piece).map_err(|error| unwritable(&place.path, &error))?;
            }
            Self::Kept(kept) if kept.len() + piece.len() <= MAX_JSON => {
                kept.extend_from_slice(piece);
            }
            Self::Kept(_) => {
                return Err(Diagnosis {
                    code: "output_failed",
                    message: "the reply is larger than 64 MiB, too large for JSON".to_owned(),
                    hint: "it was sent, and answered: write such a body to a file, with `-o FILE`"
                        .to_owned(),
                    retry_at: None,
                    exit: Exit::Temporary,
                });
            }
        }
        Ok(())
    }
}

impl Place {
    fn open(path: &Path) -> std::io::Result<Self> {
        let open = |is_new| File::options().write(true).create(is_new).open(path);
        let (file, is_unused) = match open(false) {
            Err(error) if error.kind() == ErrorKind::NotFound => (open(true)?, true),
            opened => (opened?, false),
        };
        Ok(Self { path: path.to_owned(), file, is_unused })
    }

    fn begin(&mut self) -> std::io::Result<()> {
        self.is_unused = false;
        // A pipe or a device has no length.
        if self.file.metadata()?.is_file() { self.file.set_len(0) } else { Ok(()) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.is_unused {
            #[expect(
                clippy::disallowed_methods,
                reason = "a file of the user's choice, not a record"
            )]
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

fn unwritable(path: &Path, error: &std::io::Error) -> Diagnosis {
    Diagnosis {
        code: "output_failed",
        message: format!("{} cannot be written to: {error}", path.display()),
        hint: "make room there, or name another file with `-o`".to_owned(),
        retry_at: None,
        exit: Exit::Temporary,
    }
}

/// A request was answered, and its reply could not be handed over for the reason `why`: no advice to
/// make a request again that must not be made twice.
pub(super) fn undelivered(why: Diagnosis, status: StatusCode, is_safe: bool) -> Diagnosis {
    if is_safe {
        return why;
    }
    Diagnosis {
        code: "reply_lost",
        message: format!("the API answered {status}, and its reply is lost: {}", why.message),
        hint: "do not send it again: it was sent, and answered; the API knows what became of it"
            .to_owned(),
        retry_at: None,
        exit: Exit::OutcomeUnknown,
    }
}

/// Status and, with `-i`, headers, on stderr.
pub(super) fn head(app: &App, arguments: &CurlArguments, status: StatusCode, headers: &HeaderMap) {
    if app.quiet || app.json {
        return;
    }
    terminal::note(&format!("HTTP {status}"));
    if arguments.include {
        for (name, value) in headers {
            let value: String = String::from_utf8_lossy(value.as_bytes())
                .chars()
                .map(|c| if c.is_control() { ' ' } else { c })
                .collect();
            terminal::note(&format!("{name}: {value}"));
        }
        terminal::note("");
    }
}

/// Everything about a request, as JSON has it.
#[derive(Default)]
pub(super) struct Told<'a> {
    pub(super) profile: &'a str,
    pub(super) status: Option<StatusCode>,
    pub(super) headers: Option<&'a HeaderMap>,
    pub(super) id: Option<String>,
    pub(super) idempotency_key: Option<&'a str>,
    /// Why it waits.
    pub(super) setback: Option<String>,
}

/// The whole of it as one document.
pub(super) fn json(told: &Told<'_>, sink: &Sink) {
    let headers: Vec<Value> = told
        .headers
        .into_iter()
        .flatten()
        .map(|(name, value)| {
            json!({ "name": name.as_str(), "value": String::from_utf8_lossy(value.as_bytes()) })
        })
        .collect();
    let (text, base64) = match sink {
        Sink::Kept(bytes) if told.status.is_some() => match str::from_utf8(bytes) {
            Ok(text) => (Some(text), None),
            Err(_) => (None, Some(STANDARD.encode(bytes))),
        },
        _ => (None, None),
    };
    let value = json!({
        "profile": told.profile,
        "sent": told.status.is_some(),
        "status": told.status.map(|status| status.as_u16()),
        "headers": headers,
        "body": text,
        "body_base64": base64,
        "id": told.id,
        "idempotency_key": told.idempotency_key,
        "setback": told.setback,
    });
    terminal::data(&format!("{value}\n"));
}

/// How the command ends: a reply of any status is what was asked for, unless `--fail` says otherwise.
pub(super) fn ending(
    app: &App,
    arguments: &CurlArguments,
    status: StatusCode,
) -> Result<Exit, Diagnosis> {
    if !arguments.fail || status.as_u16() < 400 {
        return Ok(Exit::Ok);
    }
    let is_temporary = matches!(status.as_u16(), 408 | 425 | 429 | 500..);
    let diagnosis = if is_temporary {
        Diagnosis {
            code: "api_unavailable",
            message: format!("the API answered {status}"),
            hint: "try again later; with `--queue` it is kept and sent again by itself".to_owned(),
            retry_at: None,
            exit: Exit::Temporary,
        }
    } else {
        Diagnosis {
            code: "api_refused",
            message: format!("the API answered {status}"),
            hint: "the reply says why; the token itself is good unless that is 401".to_owned(),
            retry_at: None,
            exit: Exit::Denied,
        }
    };
    // The document on stdout says it already.
    if app.json { Ok(diagnosis.exit) } else { Err(diagnosis) }
}
