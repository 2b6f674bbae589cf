//! A server that knows what it should be asked, and complains of everything else.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;

/// Where the parameters of a request are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Form,
    Json,
    Query,
}

/// One request as it should be, and what is answered to it.
#[derive(Clone, Debug)]
pub(crate) struct Expected {
    pub(crate) method: &'static str,
    /// With the real host: `https://host/path`.
    pub(crate) url: &'static str,
    pub(crate) kind: Kind,
    /// All of them, as a form writes them, in any order. Numbers of JSON have a `#` in front.
    pub(crate) params: &'static str,
    /// Those that matter; an empty value says that the header must not be there.
    pub(crate) headers: Vec<(&'static str, &'static str)>,
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) reply: String,
}

/// What the client's Basic header is for `cid` and `sec`.
pub(crate) const BASIC: (&str, &str) = ("authorization", "Basic Y2lkOnNlYw==");
/// No client authentication in the headers.
pub(crate) const NO_AUTH: (&str, &str) = ("authorization", "");

struct Script {
    expected: Mutex<Vec<Expected>>,
    /// What is answered to everything, whatever it is.
    always: Option<(u16, &'static str, String)>,
    complaints: Mutex<Vec<String>>,
    bodies: Mutex<Vec<String>>,
}

/// The server, on a free port, until it is dropped.
pub(crate) struct Server {
    pub(crate) origin: String,
    script: Arc<Script>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Expects these requests, in order.
    pub(crate) async fn start(expected: Vec<Expected>) -> Self {
        Self::run(expected, None).await
    }

    /// Answers everything with that.
    pub(crate) async fn answering(status: u16, content_type: &'static str, reply: &str) -> Self {
        Self::run(Vec::new(), Some((status, content_type, reply.to_owned()))).await
    }

    async fn run(expected: Vec<Expected>, always: Option<(u16, &'static str, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        let mut expected = expected;
        expected.reverse();
        let script = Arc::new(Script {
            expected: Mutex::new(expected),
            always,
            complaints: Mutex::default(),
            bodies: Mutex::default(),
        });
        let app = Router::new().fallback(answer).with_state(Arc::clone(&script));
        let task = tokio::spawn(async move {
            axum::serve(listener, app).await.unwrap();
        });
        Self { origin, script, task }
    }

    /// The bodies that came so far.
    pub(crate) fn bodies(&self) -> Vec<String> {
        self.script.bodies.lock().unwrap().clone()
    }

    /// Every request came, and was as it should be.
    pub(crate) fn check(&self, what: &str) {
        assert_eq!(*self.script.complaints.lock().unwrap(), Vec::<String>::new(), "{what}");
        let left = self.script.expected.lock().unwrap().len();
        assert_eq!(left, 0, "{what}: requests that never came");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(
    State(script): State<Arc<Script>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    script.bodies.lock().unwrap().push(String::from_utf8_lossy(&body).into_owned());
    if let Some((status, content_type, reply)) = script.always.clone() {
        let status = StatusCode::from_u16(status).unwrap();
        return (status, [("content-type", content_type)], reply).into_response();
    }
    let Some(expected) = script.expected.lock().unwrap().pop() else {
        script.complaints.lock().unwrap().push(format!("one too many: {method} {uri}"));
        return StatusCode::IM_A_TEAPOT.into_response();
    };
    let complaints = complaints(&expected, &method, &uri, &headers, &body);
    script.complaints.lock().unwrap().extend(complaints);
    let status = StatusCode::from_u16(expected.status).unwrap();
    (status, [("content-type", expected.content_type)], expected.reply).into_response()
}

fn complaints(
    expected: &Expected,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
) -> Vec<String> {
    let mut complaints = Vec::new();
    let mut expect = |what: &str, found: String, wanted: String| {
        if found != wanted {
            complaints.push(format!("{what}: {found:?} instead of {wanted:?}"));
        }
    };
    expect("method", method.to_string(), expected.method.to_owned());
    expect("url", format!("https:/{}", uri.path()), expected.url.to_owned());
    let header = |name: &str| {
        let value = headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        value.unwrap_or_default()
    };
    expect("accept", header("accept"), "application/json".to_owned());
    for (name, value) in &expected.headers {
        expect(name, header(name), (*value).to_owned());
    }
    let query = uri.query().unwrap_or_default();
    let text = String::from_utf8_lossy(body).into_owned();
    let found = match expected.kind {
        Kind::Form => {
            let kind = "application/x-www-form-urlencoded";
            expect("content type", header("content-type"), kind.to_owned());
            expect("query", query.to_owned(), String::new());
            pairs(&text)
        }
        Kind::Json => {
            expect("content type", header("content-type"), "application/json".to_owned());
            expect("query", query.to_owned(), String::new());
            json(&text)
        }
        Kind::Query => {
            expect("body", text, String::new());
            pairs(query)
        }
    };
    expect("parameters", format!("{found:?}"), format!("{:?}", pairs(expected.params)));
    complaints
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    url(text).into_iter().collect()
}

fn json(text: &str) -> BTreeMap<String, String> {
    let Ok(Value::Object(fields)) = serde_json::from_str(text) else {
        return BTreeMap::from([("no JSON object".to_owned(), text.to_owned())]);
    };
    let written = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => format!("#{other}"),
    };
    fields.iter().map(|(name, value)| (name.clone(), written(value))).collect()
}

fn url(text: &str) -> Vec<(String, String)> {
    let url = unlapse::Endpoint::parse(&format!("https://h/?{text}")).unwrap();
    url.url().query_pairs().into_owned().collect()
}
