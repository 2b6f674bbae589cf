//! A running broker beside a provider of its own, and its operator.

use std::path::Path;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;
use unlapse_parts::{LoggedIn, Provider, Rotation, Terms};

use crate::client::{Reply, ask};
use crate::harness::{Project, Run, Running, eventually};

/// The provider, in a file of providers.
pub(crate) const APP: &str = "house";
/// The secret of the app there.
pub(crate) const CLIENT_SECRET: &str = "canary-secret-of-the-app-31c9";

/// A broker in a project; killed when dropped.
pub(crate) struct Server {
    pub(crate) running: Running,
    /// `http://HOST:PORT`.
    pub(crate) url: String,
    /// The first key, of a broker that has just begun.
    pub(crate) first_key: Option<String>,
    /// What it said when it began.
    pub(crate) said: Value,
}

impl Server {
    /// Starts `unlapse serve` with these arguments at a free port, and waits until it listens.
    pub(crate) fn start(project: &Project, arguments: &[&str]) -> Self {
        let all = [&["serve", "--json", "--listen", "127.0.0.1:0"], arguments].concat();
        Self::started(project.spawn(&all))
    }

    pub(crate) fn started(mut running: Running) -> Self {
        eventually("the broker listens", || {
            if let Some(run) = running.is_over() {
                panic!("it has ended: {run}");
            }
            running.stdout().ends_with('\n')
        });
        let said: Value = serde_json::from_str(&running.stdout()).expect("JSON");
        let listening = said["listening"].as_str().expect("an address");
        assert!(said["first_key"].is_null(), "R18: nobody reads along");
        let first_key = said["first_key_file"].as_str().map(|file| key_in(Path::new(file)));
        Self { url: format!("http://{listening}"), first_key, said, running }
    }

    /// `HOST:PORT`.
    pub(crate) fn host(&self) -> &str {
        self.url.strip_prefix("http://").expect("a URL")
    }

    /// Asks it, with a key or token, and JSON where there is any.
    pub(crate) fn ask(&self, key: &str, method: &str, path: &str, body: &str) -> Reply {
        let key = format!("Bearer {key}");
        let headers = [("authorization", key.as_str()), ("content-type", "application/json")];
        let headers = if body.is_empty() { &headers[..1] } else { &headers[..] };
        ask(self.host(), method, path, headers, body)
    }

    /// Asks it to end.
    pub(crate) fn end(self) -> Run {
        self.running.signal(Signal::TERM);
        self.running.wait()
    }

    /// `kill -9`.
    pub(crate) fn kill(self) -> Run {
        self.running.signal(Signal::KILL);
        self.running.wait()
    }
}

/// The key in a file.
pub(crate) fn key_in(file: &Path) -> String {
    std::fs::read_to_string(file).expect("written").trim_end().to_owned()
}

/// A broker, a provider that its app is registered at, and a key in the environment.
pub(crate) struct House {
    pub(crate) project: Project,
    pub(crate) provider: Provider,
    pub(crate) server: Server,
}

impl House {
    /// A provider whose access tokens live for so long.
    pub(crate) fn new(access_ttl: Duration) -> Self {
        Self::with(access_ttl, &[])
    }

    /// The same, and `unlapse serve` is given these arguments too.
    pub(crate) fn with(access_ttl: Duration, more: &[&str]) -> Self {
        let mut project = Project::empty();
        project.configure("", "");
        let terms = Terms { rotation: Rotation::Strict, access_ttl, ..Terms::default() };
        let provider = Provider::start(terms);
        let file = providers(&project, &provider, APP);
        let arguments = ["--data", "data", "--providers", &file];
        let server = Server::start(&project, &[&arguments[..], more].concat());
        let key = server.first_key.clone().expect("a new broker has a first key");
        project.env.push(("UNLAPSE_BROKER".to_owned(), server.url.clone()));
        project.env.push(("UNLAPSE_BROKER_KEY".to_owned(), key));
        let house = Self { project, provider, server };
        let add =
            ["apps", "add", APP, "--client-id", "cid", "--client-secret-stdin", "--scope", "mail"];
        house.broker_with(&add, CLIENT_SECRET).ok();
        house
    }

    /// `unlapse broker …`
    pub(crate) fn broker(&self, arguments: &[&str]) -> Run {
        self.broker_with(arguments, "")
    }

    /// The same, with `stdin`.
    pub(crate) fn broker_with(&self, arguments: &[&str], stdin: &str) -> Run {
        self.project.run_with(&[&["broker"], arguments].concat(), stdin)
    }

    /// Brings a new login of the provider's as `user`'s connection, as a product would.
    pub(crate) fn connect(&self, user: &str) -> LoggedIn {
        let login = self.provider.log_in();
        let user = user.replace('/', "%2F");
        let body = serde_json::json!({ "refresh_token": login.refresh_token }).to_string();
        let key = self.server.first_key.as_deref().expect("a first key");
        let path = format!("/v1/connections/{user}/{APP}/main");
        let reply = self.server.ask(key, "PUT", &path, &body);
        assert_eq!(reply.status, 200, "{reply:?}");
        login
    }
}

/// A file of providers with `provider` in it, by this name.
pub(crate) fn providers(project: &Project, provider: &Provider, name: &str) -> String {
    let path = project.root().join("providers.toml");
    let text = format!(
        "[{name}]\nname = \"House\"\nsources = [\"https://house.example/docs\"]\n\
         date = \"2026-11-21\"\nauth = \"basic\"\nreuse = \"strict\"\n\
         authorization = {{ url = \"{}\" }}\ntoken = {{ url = \"{}\" }}\n",
        provider.authorization_endpoint("broker"),
        provider.token_endpoint("broker"),
    );
    std::fs::write(&path, text).expect("written");
    path.to_str().expect("text").to_owned()
}
