//! A project with a secret in every place that takes one.

use std::fmt::Write as _;
use std::path::Path;

use crate::harness::{AuthServer, Class, Project, Run};
use crate::search::{
    ACCESS_TOKEN, ALL, API_KEY, CLIENT_SECRET, ENV_SECRET, PASSPHRASE, PASSWORD, REFRESH_TOKEN,
    SENDER_KEY, holds, search,
};

/// Six profiles, one for each way to a token, in a store.
pub(crate) struct Planted {
    pub(crate) server: AuthServer,
    pub(crate) project: Project,
}

/// The slowest custody to open, and the one with a secret of its own.
pub(crate) const SEALED: &str = "custody = \"passphrase\"\nrounds = 100000";

impl Planted {
    pub(crate) fn new(store: &str) -> Self {
        let server = AuthServer::start(Class::Strict);
        server.set_password(PASSWORD);
        let mut project = Project::empty();
        let origin = server.origin();
        let mut profiles = String::new();
        let grants = [
            ("refreshed", "grant = \"refresh_token\""),
            ("password", "grant = \"password\"\nusername = \"u\""),
            ("stored", "grant = \"client_credentials\"\nclient_auth = \"post\""),
            ("given", "grant = \"client_credentials\"\nclient_secret_env = \"CANARY_SECRET\""),
            ("key", "grant = \"api_key\"\napi_key_env = \"CANARY_KEY\""),
            (
                "endpoint",
                "grant = \"login_endpoint\"\nusername = \"u\"\napi_key_env = \"CANARY_KEY\"",
            ),
        ];
        for (name, lines) in grants {
            let _ = write!(
                profiles,
                "[profile.{name}]\ntoken_endpoint = \"{origin}/token\"\n\
                 revocation_endpoint = \"{origin}/revoke\"\nclient_id = \"cid\"\n{lines}\n\
                 [profile.{name}.policy]\nbase_delay = \"1ms\"\ntimeout = \"1s\"\nattempts = 2\n\
                 breaker_failures = 100\n"
            );
        }
        let _ = write!(
            profiles,
            "[profile.endpoint.login_endpoint]\nurl = \"{origin}/api/auth/login\"\n\
             refresh_url = \"{origin}/api/auth/refresh\"\n"
        );
        project.configure(&profiles, store);
        for (name, value) in [
            ("UNLAPSE_PASSPHRASE", PASSPHRASE),
            ("CANARY_SECRET", ENV_SECRET),
            ("CANARY_KEY", API_KEY),
            ("UNLAPSE_LOG", "trace"),
            ("RUST_BACKTRACE", "1"),
        ] {
            project.env.push((name.to_owned(), value.to_owned()));
        }
        Self { server, project }
    }

    /// Runs a command, and searches what it prints for all but what it is asked to print.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str], stdin: &str) -> Run {
        let run = self.project.run_with(arguments, stdin);
        let data: &[&str] = match arguments.first() {
            Some(&("token" | "exec")) => &[ACCESS_TOKEN, API_KEY],
            _ => &[],
        };
        let others: Vec<_> = ALL.into_iter().filter(|secret| !data.contains(secret)).collect();
        search(&format!("stdout of {arguments:?}"), run.stdout.as_bytes(), &others);
        search(&format!("stderr of {arguments:?}"), run.stderr.as_bytes(), &ALL);
        run
    }

    /// Logs in wherever that can be done.
    pub(crate) fn log_in(&self) {
        let refresh_token = self.server.issue();
        assert!(holds(refresh_token.as_bytes(), REFRESH_TOKEN), "what is planted is searched for");
        self.log_in_bound(&refresh_token);
        self.run(&["login", "password", "--password-stdin"], PASSWORD).ok();
        self.run(&["login", "endpoint", "--password-stdin"], PASSWORD).ok();
        self.run(&["login", "stored", "--client-secret-stdin"], CLIENT_SECRET).ok();
        self.run(&["login", "given"], "").ok();
    }

    fn log_in_bound(&self, refresh_token: &str) {
        let arguments = ["login", "refreshed", "--refresh-token-stdin", "--sender-key-stdin"];
        self.run(&arguments, &format!("{refresh_token}\n{SENDER_KEY}")).ok();
    }

    /// Logs in where a fault may have ended the login.
    pub(crate) fn log_in_again(&self) {
        let refresh_token = self.server.issue();
        self.log_in_bound(&refresh_token);
        self.run(&["login", "endpoint", "--password-stdin"], PASSWORD).ok();
    }

    /// Every command that touches a profile.
    pub(crate) fn every_command(&self) {
        for format in ["raw", "header", "env"] {
            self.run(&["token", "refreshed", "--format", format], "");
        }
        let request = ["GET", "https://api.example/"];
        self.run(&[&["token", "refreshed", "--dpop-proof"][..], &request].concat(), "");
        for name in ["refreshed", "password", "endpoint", "stored", "given", "key"] {
            self.run(&["token", name, "--json"], "");
            self.run(&["refresh", name, "--force"], "");
            self.run(&["exec", name, "--", "printenv", "UNLAPSE_TOKEN"], "");
            self.run(&["status", name], "");
        }
        for arguments in [
            ["status", "--json"].as_slice(),
            &["list"],
            &["log"],
            &["log", "--json"],
            &["stats"],
            &["stats", "--json"],
            &["doctor"],
            &["doctor", "--json"],
            &["config", "show"],
            &["config", "show", "--json"],
        ] {
            self.run(arguments, "");
        }
    }

    /// Searches every file below the project, and its name, for everything.
    pub(crate) fn search_files(&self) {
        let mut seen = 0;
        let uid = rustix::process::getuid().as_raw();
        let shared = format!("/dev/shm/unlapse-{uid}");
        for dir in [self.project.root(), Path::new(&shared)] {
            each_file(dir, &mut |path, bytes| {
                seen += 1;
                search("a file's name", path.to_string_lossy().as_bytes(), &ALL);
                search(&path.display().to_string(), bytes, &ALL);
            });
        }
        assert!(seen > 5, "there were files to search");
    }
}

pub(crate) fn each_file(dir: &Path, look: &mut impl FnMut(&Path, &[u8])) {
    for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            each_file(&path, look);
        } else if let Ok(bytes) = std::fs::read(&path) {
            look(&path, &bytes);
        }
    }
}
