//! A running broker, asked over its API.

use std::io::Read as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderValue, Method, Request};
use serde_json::Value;
use unlapse::reqwest::ReqwestHttp;
use unlapse::{Endpoint, Http as _, HttpReply, NoReply};
use unlapse_broker::Code;
use unlapse_core::{Secret, UnixTime};
use unlapse_oauth::bearer;
use url::Url;
use zeroize::Zeroizing;

use super::failure;
use crate::app::App;
use crate::args::BrokerArguments;
use crate::commands::serve::DEFAULT_URL;
use crate::config::{BROKER_KEY, Environment};
use crate::diagnosis::Diagnosis;
use crate::wiring;

/// Longest file with a secret.
pub(super) const LONGEST_SECRET: u64 = 16 * 1024;

/// The broker, and who asks it.
pub(super) struct Client {
    http: ReqwestHttp,
    broker: Endpoint,
    key: Secret,
    tenant: Option<String>,
}

impl Client {
    pub(super) fn new(
        app: &App,
        arguments: &BrokerArguments,
        environment: &Environment,
    ) -> Result<Self, Diagnosis> {
        let of_config = |error| Diagnosis::of_config(&error);
        let named = match &arguments.broker {
            Some(broker) => Some(broker.as_str()),
            None => environment.text("UNLAPSE_BROKER").map_err(of_config)?,
        };
        let broker =
            Endpoint::parse(named.unwrap_or(DEFAULT_URL)).map_err(|_| failure::bad_address())?;
        let key = match &arguments.key_file {
            Some(path) => Some(secret_of(&environment.absolute(path))?),
            None => environment.secret(BROKER_KEY).map_err(of_config)?,
        };
        let key = key.ok_or_else(failure::no_key)?;
        let http = ReqwestHttp::new(wiring::settings(&app.config.http)?);
        Ok(Self { http, broker, key, tenant: arguments.tenant.clone() })
    }

    /// Asks for `path`, whose parts are names as they are, and reads the object that comes back; of an
    /// answer without a body, `null`.
    pub(super) async fn ask(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<Zeroizing<Vec<u8>>>,
    ) -> Result<Value, Diagnosis> {
        let request = self.request(method, path, query, body)?;
        let name = self.broker.to_string();
        let HttpReply { status, body, .. } = match self.http.call(request).await {
            Ok(reply) => reply,
            Err(NoReply::Unsent(cause) | NoReply::Lost(cause)) => {
                return Err(failure::unreachable(&name, cause));
            }
        };
        let body = body.unwrap_or_default();
        let value =
            if body.is_empty() { Some(Value::Null) } else { serde_json::from_slice(&body).ok() };
        match value {
            Some(value) if status.is_success() => Ok(value),
            Some(value) => {
                Err(problem(&value).unwrap_or_else(|| failure::no_broker(&name, status.as_u16())))
            }
            None => Err(failure::no_broker(&name, status.as_u16())),
        }
    }

    fn request(
        &self,
        method: Method,
        path: &[&str],
        query: &[(&str, &str)],
        body: Option<Zeroizing<Vec<u8>>>,
    ) -> Result<Request<Bytes>, Diagnosis> {
        const JSON: HeaderValue = HeaderValue::from_static("application/json");
        let below = self.broker.join_path("v1").map_err(|_| failure::bad_address())?;
        let mut url = below.url().clone();
        extend(&mut url, path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let has_body = body.is_some();
        let mut request = Request::new(body.map_or_else(Bytes::new, Bytes::from_owner));
        *request.method_mut() = method;
        *request.uri_mut() = url.as_str().parse().map_err(|_| failure::bad_address())?;
        let headers = request.headers_mut();
        headers.insert(ACCEPT, JSON);
        if has_body {
            headers.insert(CONTENT_TYPE, JSON);
        }
        let key = bearer::authorization("Bearer", &self.key).map_err(|_| failure::no_key())?;
        headers.insert(AUTHORIZATION, key);
        if let Some(tenant) = &self.tenant {
            let tenant = HeaderValue::from_str(tenant);
            headers.insert("unlapse-tenant", tenant.map_err(|_| failure::bad_address())?);
        }
        Ok(request)
    }
}

/// Each a part of its own, whatever is in it.
fn extend(url: &mut Url, path: &[&str]) {
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.extend(path);
    }
}

/// What a problem document says (RFC 9457); `None`: it is none of a broker's.
fn problem(value: &Value) -> Option<Diagnosis> {
    let text = |member: &str| value.get(member).and_then(Value::as_str);
    let code = Code::named(text("code")?)?;
    let retry_at = text("retry_at").and_then(|at| at.parse::<jiff::Timestamp>().ok());
    let retry_at = retry_at.and_then(|at| u64::try_from(at.as_millisecond()).ok());
    let detail = text("detail").unwrap_or_default();
    Some(failure::refused(code, detail, retry_at.map(UnixTime::from_millis)))
}

/// The secret that a file holds, without the line end that editors leave there.
pub(super) fn secret_of(path: &Path) -> Result<Secret, Diagnosis> {
    let file = std::fs::File::open(path);
    let file = file.map_err(|error| failure::secret_file(path, &error.kind().to_string()))?;
    let metadata = file.metadata();
    let metadata =
        metadata.map_err(|error| failure::secret_file(path, &error.kind().to_string()))?;
    if !metadata.is_file() {
        return Err(failure::secret_file(path, "is no file"));
    }
    // A group is others as well; and who owns a file can change it, whatever its mode.
    let is_owned = metadata.uid() == rustix::process::geteuid().as_raw() || metadata.uid() == 0;
    if metadata.mode() & 0o077 != 0 || !is_owned {
        return Err(failure::secret_file(path, "can be read or changed by others"));
    }
    if metadata.len() > LONGEST_SECRET {
        return Err(failure::secret_file(path, "is larger than 16 KiB"));
    }
    // At its full size from the start: growing would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(
        usize::try_from(LONGEST_SECRET).unwrap_or_default() + 1,
    ));
    let read = file.take(LONGEST_SECRET).read_to_string(&mut text);
    read.map_err(|_| failure::secret_file(path, "holds no text"))?;
    let secret = text.trim_end_matches(['\r', '\n']);
    if secret.is_empty() {
        return Err(failure::secret_file(path, "is empty"));
    }
    Ok(Secret::new(secret))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn i1_names_stay_parts_of_a_path() {
        let mut url = Url::parse("http://127.0.0.1:8480/v1").expect("a URL");
        extend(&mut url, &["connections", "a/b", "50%", "ä?#"]);
        assert_eq!(url.path(), "/v1/connections/a%2Fb/50%25/%C3%A4%3F%23");
    }

    #[test]
    fn i5_a_problem_is_told_with_its_own_code() {
        let value = json!({
            "code": "PROVIDER_DOWN", "detail": "it answered 503", "retry_at": "2026-11-21T21:45:01Z",
        });
        let told = problem(&value).expect("a problem");
        assert_eq!((told.code, told.message.as_str()), ("PROVIDER_DOWN", "it answered 503"));
        assert_eq!(told.retry_at, Some(UnixTime::from_secs(1_795_297_501)));
        assert_eq!(problem(&json!({ "code": "WHO_KNOWS" })), None);
        assert_eq!(problem(&json!([])), None);
    }
}
