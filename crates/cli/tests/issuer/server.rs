//! A running issuer, and the smallest client that can ask it.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::harness::{Project, Run, Running, WAIT, eventually};

/// An issuer in a project; killed when dropped.
pub(crate) struct Server {
    running: Running,
    /// `HOST:PORT`.
    pub(crate) address: String,
}

impl Server {
    /// Starts `unlapse issuer` with these arguments at a free port, and waits until it listens.
    pub(crate) fn start(project: &Project, arguments: &[&str]) -> Self {
        let all = [&["issuer", "--json", "--listen", "127.0.0.1:0"], arguments].concat();
        Self::started(project.spawn(&all))
    }

    pub(crate) fn started(mut running: Running) -> Self {
        eventually("the issuer listens", || {
            if let Some(run) = running.is_over() {
                panic!("it has ended: {run}");
            }
            running.stdout().ends_with('\n')
        });
        let said: Value = serde_json::from_str(&running.stdout()).expect("JSON");
        let text = |member: &str| said[member].as_str().expect("text").to_owned();
        Self { address: text("listening"), running }
    }

    /// A request; the status and the body of its answer.
    pub(crate) fn ask(&self, request: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(WAIT)).expect("set");
        stream.write_all(request.as_bytes()).expect("sent");
        let mut reply = String::new();
        stream.read_to_string(&mut reply).expect("a reply");
        let (head, body) = reply.split_once("\r\n\r\n").expect("a head");
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
        (status.expect("a status"), body.to_owned())
    }

    pub(crate) fn get(&self, path: &str) -> (u16, String) {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))
    }

    /// A form at `/token`.
    pub(crate) fn token(&self, form: &str) -> (u16, Value) {
        let length = form.len();
        let (status, body) = self.ask(&format!(
            "POST /token HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\
             content-type: application/x-www-form-urlencoded\r\n\
             content-length: {length}\r\n\r\n{form}"
        ));
        (status, serde_json::from_str(&body).expect("JSON"))
    }

    /// Names of the keys that are published.
    pub(crate) fn kids(&self) -> Vec<String> {
        let (status, body) = self.get("/jwks");
        assert_eq!(status, 200, "{body}");
        let jwks: Value = serde_json::from_str(&body).expect("JSON");
        let keys = jwks["keys"].as_array().expect("keys");
        keys.iter().map(|key| key["kid"].as_str().expect("a name").to_owned()).collect()
    }

    /// `kill -9`.
    pub(crate) fn kill(self) -> Run {
        self.running.signal(Signal::KILL);
        self.running.wait()
    }

    /// Asks it to end.
    pub(crate) fn end(self) -> Run {
        self.running.signal(Signal::TERM);
        self.running.wait()
    }
}

/// Documented: a change of keys or sessions by another process is heard within a second. Looking
/// takes its time on a loaded machine.
pub(crate) const HEARD: Duration = Duration::from_secs(5);

/// The name of the key that signed a token.
pub(crate) fn kid_of(token: &str) -> String {
    use base64::Engine as _;
    let header = token.split('.').next().expect("a JWT");
    let header = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(header);
    let header: Value = serde_json::from_slice(&header.expect("base64url")).expect("JSON");
    header["kid"].as_str().expect("a name").to_owned()
}
