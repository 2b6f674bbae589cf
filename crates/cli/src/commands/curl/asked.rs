//! The request that a command line asks for.

use std::io::Read;
use std::path::Path;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request};
use unlapse_oauth::Endpoint;

use crate::args::CurlArguments;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;

/// Largest body that is read.
const MAX_BODY: u64 = 64 << 20;

/// Most bytes of a file of headers.
const MAX_HEADERS: u64 = 64 << 10;

/// What is put on by us, or follows from the connection and the body.
const OURS: [&str; 6] =
    ["authorization", "dpop", "host", "content-length", "transfer-encoding", "connection"];

/// A request, but for its token.
pub(super) struct Asked {
    pub(super) request: Request<Bytes>,
}

impl Asked {
    /// Reads what the arguments say and name. No message repeats any of it (R18).
    pub(super) fn of(arguments: &CurlArguments) -> Result<Self, Diagnosis> {
        // The token goes there: the rule of every endpoint.
        let url = Endpoint::parse(&arguments.url).map_err(|error| {
            mistake(
                format!("the URL cannot be requested: {error}"),
                "give a whole https URL, or an http one to this machine; the token goes to that \
                 origin alone",
            )
        })?;
        let headers = headers(&arguments.headers)?;
        let body = arguments.data.as_deref().map(body).transpose()?;
        let method = match &arguments.method {
            Some(method) => method.parse().map_err(|_| {
                mistake("that is no method".to_owned(), "give one like `-X DELETE`")
            })?,
            None if body.is_some() => Method::POST,
            None => Method::GET,
        };
        let is_form = body.is_some() && !headers.contains_key(CONTENT_TYPE);
        let mut request = Request::new(body.unwrap_or_default());
        *request.method_mut() = method;
        *request.uri_mut() = url.uri().clone();
        *request.headers_mut() = headers;
        if is_form {
            let form = HeaderValue::from_static("application/x-www-form-urlencoded");
            request.headers_mut().insert(CONTENT_TYPE, form);
        }
        Ok(Self { request })
    }
}

fn headers(given: &[String]) -> Result<HeaderMap, Diagnosis> {
    let mut headers = HeaderMap::new();
    for given in given {
        match given.strip_prefix('@') {
            Some(name) => {
                let text = String::from_utf8(read(name, MAX_HEADERS)?).map_err(|_| no_header())?;
                for line in text.lines().filter(|line| !line.trim().is_empty()) {
                    add(&mut headers, line)?;
                }
            }
            None => add(&mut headers, given)?,
        }
    }
    Ok(headers)
}

fn add(headers: &mut HeaderMap, line: &str) -> Result<(), Diagnosis> {
    let (name, value) = line.split_once(':').ok_or_else(no_header)?;
    let name: HeaderName = name.trim().parse().map_err(|_| no_header())?;
    if OURS.contains(&name.as_str()) {
        return Err(mistake(
            format!("the header `{name}` is put on by unlapse"),
            "leave it out: the token of the profile goes on every request",
        ));
    }
    let mut value: HeaderValue = value.trim().parse().map_err(|_| no_header())?;
    value.set_sensitive(true);
    headers.append(name, value);
    Ok(())
}

fn no_header() -> Diagnosis {
    mistake(
        "that is no header".to_owned(),
        "give it like `-H 'Accept: text/plain'`, or a file of such lines with `-H @FILE`",
    )
}

fn body(data: &str) -> Result<Bytes, Diagnosis> {
    match data.strip_prefix('@') {
        _ if data == "-" => read("-", MAX_BODY).map(Bytes::from),
        Some(name) => read(name, MAX_BODY).map(Bytes::from),
        None => Ok(Bytes::copy_from_slice(data.as_bytes())),
    }
}

/// The file of that name; `-` is stdin.
fn read(name: &str, most: u64) -> Result<Vec<u8>, Diagnosis> {
    let unreadable = |what: String| Diagnosis {
        code: "input_unreadable",
        message: what,
        hint: "nothing was sent: name a file that this user can read, or `-` for stdin".to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    };
    let source: Box<dyn Read> = if name == "-" {
        Box::new(std::io::stdin().lock())
    } else {
        let file = std::fs::File::open(Path::new(name));
        Box::new(file.map_err(|error| unreadable(format!("{name} cannot be read: {error}")))?)
    };
    let mut bytes = Vec::new();
    let read = source.take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| unreadable(format!("{name} cannot be read: {error}")))?;
    if bytes.len() as u64 > most {
        return Err(unreadable(format!("{name} has more than {} MiB", most >> 20)));
    }
    Ok(bytes)
}

fn mistake(message: String, hint: &str) -> Diagnosis {
    Diagnosis { code: "usage", message, hint: hint.to_owned(), retry_at: None, exit: Exit::Usage }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(words: &[&str]) -> Result<Request<Bytes>, Diagnosis> {
        use clap::Parser as _;
        let line = [&["unlapse", "curl", "acme"], words].concat();
        let arguments = crate::args::Arguments::try_parse_from(line).expect("it reads");
        let crate::args::Command::Curl(curl) = arguments.command else { panic!("curl") };
        Asked::of(&curl).map(|asked| asked.request)
    }

    const URL: &str = "https://api.example/orders?q=1";

    #[test]
    fn k7_a_row_for_each_request() {
        let rows: [(&[&str], &str, &str, Option<&str>); 5] = [
            (&[URL], "GET", "", None),
            (&[URL, "-d", "a=b"], "POST", "a=b", Some("application/x-www-form-urlencoded")),
            (&[URL, "-X", "PUT", "-d", "x"], "PUT", "x", Some("application/x-www-form-urlencoded")),
            (
                &[URL, "-H", "Content-Type: application/json", "-d", "{}"],
                "POST",
                "{}",
                Some("application/json"),
            ),
            (&[URL, "-X", "DELETE"], "DELETE", "", None),
        ];
        for (words, method, body, content_type) in rows {
            let request = asked(words).expect("a request");
            assert_eq!(request.method(), method, "{words:?}");
            assert_eq!(request.body(), body, "{words:?}");
            assert_eq!(request.uri(), URL);
            let found = request.headers().get(CONTENT_TYPE).and_then(|it| it.to_str().ok());
            assert_eq!(found, content_type, "{words:?}");
        }
    }

    #[test]
    fn k7_a_row_for_each_mistake_and_r18_none_repeats_what_was_typed() {
        let rows: [&[&str]; 9] = [
            &["http://api.example/canary"],
            &["https://u:canary@api.example/"],
            &["canary"],
            &[URL, "-H", "canary"],
            &[URL, "-H", "Authorization: Bearer canary"],
            &[URL, "-H", "DPoP: canary"],
            &[URL, "-H", "x: can\u{7}ary"],
            &[URL, "-H", "x canary: y"],
            &[URL, "-X", "GE canary T"],
        ];
        for words in rows {
            let error = asked(words).expect_err("a mistake");
            assert_eq!(error.exit, Exit::Usage, "{words:?}");
            let text = format!("{} {}", error.message, error.hint);
            assert!(!text.contains("canary"), "{text}");
        }
    }
}
