//! A reply, shown: its body on stdout or in a file, everything else beside it.

use std::fs::File;
use std::io::Write as _;
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
    File(PathBuf, File),
    /// To be printed within JSON.
    Kept(Vec<u8>),
}

impl Sink {
    pub(super) fn of(app: &App, arguments: &CurlArguments) -> Result<Self, Diagnosis> {
        match &arguments.output {
            Some(path) => {
                let made = File::options().write(true).create(true).truncate(true).open(path);
                Ok(Self::File(path.clone(), made.map_err(|error| unwritable(path, &error))?))
            }
            None if app.json => Ok(Self::Kept(Vec::new())),
            None => Ok(Self::Stdout),
        }
    }

    /// The next piece. What stdout does not take is told when the command ends.
    pub(super) fn take(&mut self, piece: &[u8]) -> Result<(), Diagnosis> {
        match self {
            Self::Stdout => terminal::bytes(piece),
            Self::File(path, file) => {
                file.write_all(piece).map_err(|error| unwritable(path, &error))?;
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

fn unwritable(path: &Path, error: &std::io::Error) -> Diagnosis {
    Diagnosis {
        code: "output_failed",
        message: format!("{} cannot be written to: {error}", path.display()),
        hint: "make room there, or name another file with `-o`".to_owned(),
        retry_at: None,
        exit: Exit::Temporary,
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
