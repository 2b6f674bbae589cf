//! The provider as a process, and its test endpoints.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, Stdio};

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::harness::{Project, is_full};

/// A running `oidc-provider`. It ends with its standard input, so that nothing is left behind.
pub(crate) struct Provider {
    process: Child,
    _stdin: ChildStdin,
    issuer: String,
}

/// One of its clients.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Client {
    pub(crate) id: &'static str,
    pub(crate) auth: &'static str,
    pub(crate) secret: Option<&'static str>,
}

/// What every login of these tests is for.
const SCOPE: &str = "openid offline_access read";

pub(crate) const PUBLIC: Client = Client { id: "cid-public", auth: "none", secret: None };
pub(crate) const BASIC: Client =
    Client { id: "cid-basic", auth: "basic", secret: Some("s3cret-basic") };
pub(crate) const POST: Client =
    Client { id: "cid-post", auth: "post", secret: Some("s3cret-post") };

impl Provider {
    /// Starts it, with access tokens that live for `access_ttl` seconds. `None` where the full
    /// suites were not asked for.
    pub(crate) fn start(access_ttl: u32) -> Option<Self> {
        Self::start_with(access_ttl, &[])
    }

    /// The same with more flags: `--dpop`, `--store-latency-ms 5`.
    pub(crate) fn start_with(access_ttl: u32, flags: &[&str]) -> Option<Self> {
        let folder = std::env::var_os("UNLAPSE_PEER_OIDC_PROVIDER").map(PathBuf::from);
        let folder = match (is_full(), folder) {
            (false, _) => return None,
            (true, None) => panic!("UNLAPSE_PEER_OIDC_PROVIDER is not set: see peers/README.md"),
            (true, Some(folder)) => folder,
        };
        let mut process = Command::new(folder.join("node_modules/.bin/node"))
            .args(["server.mjs", "--port", "0", "--access-ttl", &access_ttl.to_string()])
            .args(flags)
            .current_dir(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node starts");
        let stdin = process.stdin.take().expect("a pipe");
        let mut line = String::new();
        let mut stdout = BufReader::new(process.stdout.take().expect("a pipe"));
        stdout.read_line(&mut line).expect("a line");
        let ready: Value = serde_json::from_str(&line).expect("JSON");
        let issuer = ready["issuer"].as_str().expect("an issuer").to_owned();
        Some(Self { process, _stdin: stdin, issuer })
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// A refresh token, as a login in a browser leaves it.
    pub(crate) fn grant(&self, client: Client) -> String {
        self.granted(&[("client_id", client.id), ("scope", SCOPE)])
    }

    /// The same, bound to the key of that thumbprint (RFC 9449 §5).
    pub(crate) fn bound_grant(&self, client: Client, jkt: &str) -> String {
        self.granted(&[("client_id", client.id), ("scope", SCOPE), ("dpop_jkt", jkt)])
    }

    fn granted(&self, form: &[(&str, &str)]) -> String {
        let (status, reply) = self.post("/test/grant", form);
        assert_eq!(status, 200, "{reply}");
        reply["refresh_token"].as_str().expect("a token").to_owned()
    }

    /// What a resource server says to a token.
    pub(crate) fn me(&self, access_token: &str) -> (u16, Value) {
        call(http().get(format!("{}/test/me", self.issuer)).bearer_auth(access_token))
    }

    #[track_caller]
    pub(crate) fn accepts(&self, access_token: &str, client: Client) {
        let (status, reply) = self.me(access_token);
        assert_eq!((status, &reply["client_id"]), (200, &client.id.into()), "{reply}");
    }

    /// A number that the provider counts.
    pub(crate) fn count(&self, name: &str) -> u64 {
        let stats = self.stats();
        stats[name].as_u64().unwrap_or_else(|| panic!("no {name} in {stats}"))
    }

    /// How often it refused a request for a token with that error.
    pub(crate) fn errors(&self, error: &str) -> u64 {
        self.stats()["errors"][error].as_u64().unwrap_or(0)
    }

    fn stats(&self) -> Value {
        call(http().get(format!("{}/test/stats", self.issuer))).1
    }

    /// Nothing was used twice, and no login has ended.
    #[track_caller]
    pub(crate) fn assert_all_alive(&self) {
        for name in ["refresh_reused", "refresh_spent_twice", "grants_revoked"] {
            assert_eq!(self.count(name), 0, "{name}");
        }
    }

    /// What the provider answers to a form.
    pub(crate) fn post(&self, path: &str, form: &[(&str, &str)]) -> (u16, Value) {
        let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = http().post(format!("{}{path}", self.issuer)).body(body);
        call(request.header("content-type", "application/x-www-form-urlencoded"))
    }

    /// A project whose profile `acme` is `client` at this issuer, by discovery.
    pub(crate) fn project(&self, client: Client, lines: &str, policy: &str) -> Project {
        let Client { id, auth, secret } = client;
        let mut project = Project::empty();
        project.configure(
            &format!(
                "[profile.acme]\nissuer = \"{}\"\nclient_id = \"{id}\"\nclient_auth = \"{auth}\"\n\
                 client_secret_env = \"ACME_SECRET\"\n{lines}\n[profile.acme.policy]\n{policy}\n",
                self.issuer
            ),
            "",
        );
        project.env.push(("ACME_SECRET".to_owned(), secret.unwrap_or_default().to_owned()));
        project
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

pub(crate) fn http() -> reqwest::Client {
    reqwest::Client::builder().no_proxy().build().expect("a client")
}

fn call(request: reqwest::RequestBuilder) -> (u16, Value) {
    let (status, _, body) = reply(request);
    (status, body)
}

/// Status, headers, and the body as JSON.
pub(crate) fn reply(request: reqwest::RequestBuilder) -> (u16, HeaderMap, Value) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.expect("a runtime").block_on(async {
        let response = request.send().await.expect("a reply");
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await.expect("a body");
        (status, headers, serde_json::from_str(&text).unwrap_or_default())
    })
}
