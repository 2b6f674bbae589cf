//! `WWW-Authenticate` (RFC 9110 §11.6.1).

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue};
use unlapse_oauth::{Challenge, challenges as read};

const NAMES: [&str; 5] = ["error", "error_description", "realm", "resource_metadata", "scope"];

/// Bounded, and what is quoted reads back; the values of a stranger are never printed (C13).
pub fn challenges(data: &[u8]) {
    let mut headers = HeaderMap::new();
    for line in data.split(|byte| *byte == b'\n') {
        let Ok(value) = HeaderValue::from_bytes(line) else { return };
        headers.append(WWW_AUTHENTICATE, value);
    }
    let found = read(&headers);
    assert!(found.len() <= 32);
    for challenge in &found {
        assert!(!challenge.scheme.is_empty() && challenge.scheme.len() <= data.len());
        let printed = format!("{challenge:?}");
        for name in NAMES {
            let Some(value) = challenge.param(name) else { continue };
            assert!(value.len() <= 3 * data.len(), "more came out than went in");
            let named = challenge.scheme.contains(value) || NAMES.iter().any(|n| n.contains(value));
            if value.contains(crate::CANARY) && !named {
                let rest = printed.replace(&challenge.scheme, "");
                let in_a_name = names(&rest).any(|name| name.contains(crate::CANARY));
                assert!(in_a_name || !rest.contains(crate::CANARY), "{rest}");
            }
        }
        let written = HeaderValue::from_bytes(written(challenge).as_bytes()).expect("a value");
        let again = read(&HeaderMap::from_iter([(WWW_AUTHENTICATE, written)]));
        let [again] = &again[..] else { panic!("{} challenges of one", again.len()) };
        assert_eq!(again.scheme, challenge.scheme);
        assert_eq!(again.wants_token(), challenge.wants_token());
        for name in NAMES {
            assert_eq!(again.param(name), challenge.param(name), "{name}");
        }
    }
}

/// The parameters' names, as `Debug` lists them.
fn names(printed: &str) -> impl Iterator<Item = &str> {
    let list = printed.split_once("params: [").map_or("", |(_, list)| list);
    list.split("\", \"")
}

/// The challenge as RFC 9110 writes it, with the parameters that are known here.
fn written(challenge: &Challenge) -> String {
    let params = NAMES.into_iter().filter_map(|name| Some((name, challenge.param(name)?)));
    let params: Vec<_> = params
        .map(|(name, value)| {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"");
            format!("{name}=\"{quoted}\"")
        })
        .collect();
    format!("{} {}", challenge.scheme, params.join(", ")).trim_end().to_owned()
}
