//! docs/broker/quickstart.md, typed as it is written: it leads to a token.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use unlapse_parts::{Provider, Terms};

use crate::browser::Browser;
use crate::harness::terminal::Terminal;
use crate::harness::{Project, Run, Running, cannot_run, eventually};
use crate::server::{CLIENT_SECRET, Server, providers};

const PAGE: &str = include_str!("../../../../docs/broker/quickstart.md");
/// Where the page says that the broker is: here, at a port that is free.
const ADDRESS: &str = "127.0.0.1:8480";

/// A part of the page between fences: its language, and what is in it.
type Block = (&'static str, &'static str);

fn blocks() -> Vec<Block> {
    let fenced = PAGE.split("\n```").skip(1).step_by(2);
    fenced.map(|block| block.split_once('\n').expect("a fence has a line")).collect()
}

/// Somebody who follows the page.
struct Reader {
    project: Project,
    provider: Provider,
    server: Option<Server>,
    /// What was typed to set variables of the shell.
    exports: String,
    /// What the last command printed.
    printed: String,
    steps: BTreeSet<&'static str>,
}

impl Reader {
    fn new() -> Self {
        let mut project = Project::empty();
        let folder = Path::new(env!("CARGO_BIN_EXE_unlapse")).parent().expect("a directory");
        let path = std::env::var("PATH").expect("a path");
        project.env.push(("PATH".to_owned(), format!("{}:{path}", folder.display())));
        // A user who begins has named no configuration.
        project.env.push(("UNLAPSE_CONFIG".to_owned(), String::new()));
        let provider = Provider::start(Terms::default());
        let (exports, printed) = (String::new(), String::new());
        Self { project, provider, server: None, exports, printed, steps: BTreeSet::new() }
    }

    fn follow(&mut self, (language, text): Block) {
        let step = match (language, text) {
            ("console", "$ unlapse serve") => self.serve(text),
            ("sh", _) if text.starts_with("export ") => self.export(text),
            ("sh", _) if text.contains(" apps add ") => self.register(text),
            ("sh", _) if text.contains(" connections connect ") => self.connect(text),
            ("sh", _) if text.contains("\"refresh_token\":\"…\"") => self.bring(text),
            ("sh", _) if text.contains("/token ") => self.take(text),
            ("sh", "unlapse token ada") => self.token(text),
            ("sh", _) if text.contains(" connections list\n") => self.look(text),
            ("json", _) => self.compare(text),
            ("toml", _) => self.configure(text),
            other => panic!("nobody follows this part of the page yet: {other:?}"),
        };
        assert!(self.steps.insert(step), "twice: {step}");
    }

    /// What is typed into a shell, in the user's directory.
    fn shell(&mut self, typed: &str) -> Run {
        let mut command = Command::new("bash");
        self.project.isolate(&mut command);
        command.current_dir(self.project.root().join("work")).args(["-euc", &self.script(typed)]);
        let run = Running::start(&mut command, b"").wait().ok();
        self.printed.clone_from(&run.stdout);
        run
    }

    fn script(&self, typed: &str) -> String {
        let host = self.server.as_ref().expect("the page starts it first").host();
        format!("{}{}", self.exports, typed.replace(ADDRESS, host))
    }

    fn serve(&mut self, typed: &str) -> &'static str {
        let words = typed.trim_start_matches("$ unlapse ");
        // The page's provider, but on this machine; and a port that nobody has.
        let file = providers(&self.project, &self.provider, "google");
        let more = ["--json", "--listen", "127.0.0.1:0", "--providers", &file];
        let server = Server::started(self.project.spawn(&[&[words][..], &more].concat()));
        let work = self.project.root().join("work");
        for file in ["broker.db", "master.key"] {
            assert!(PAGE.contains(file) && work.join(file).exists(), "{file}");
        }
        // As the broker itself tells whoever starts it elsewhere.
        self.exports = format!("export UNLAPSE_BROKER={}\n", server.url);
        self.server = Some(server);
        "serve"
    }

    fn export(&mut self, typed: &str) -> &'static str {
        let server = self.server.as_ref().expect("the page starts it first");
        let key = server.first_key.as_deref().expect("it is printed once");
        assert!(typed.contains("ulk_…"), "{typed}");
        self.exports += &typed.replace("ulk_…", key);
        self.exports.push('\n');
        "export"
    }

    /// The client's secret is asked for, and typed.
    fn register(&mut self, typed: &str) -> &'static str {
        let script = self.script(typed);
        let mut terminal = Terminal::of(&self.project, "bash", &["-euc", &script]);
        terminal.until("Client secret");
        eventually("echo is off", || !terminal.echoes());
        terminal.type_in(&format!("{CLIENT_SECRET}\n"));
        let (code, screen) = terminal.wait();
        assert_eq!(code, 0, "{screen}");
        assert!(!screen.contains(CLIENT_SECRET), "{screen}");
        "register"
    }

    /// Whoever opens the address comes back connected.
    fn connect(&mut self, typed: &str) -> &'static str {
        let run = self.shell(typed);
        let (page, way) = Browser::default().consent(run.line());
        assert_eq!(page.status, 200, "{page:?}");
        let at_provider = way[1].as_str();
        assert!(at_provider.starts_with(&self.provider.url()), "{way:?}");
        assert!(at_provider.contains("client_id=1234.apps.googleusercontent.com"), "{way:?}");
        let server = self.server.as_ref().expect("it runs");
        assert!(way[2].as_str().starts_with(&format!("{}/callback", server.url)), "{way:?}");
        let shown = self.shell("unlapse broker connections show ada/google/main --json");
        assert_eq!(shown.json()["connection"]["state"], "active", "{shown}");
        "connect"
    }

    fn bring(&mut self, typed: &str) -> &'static str {
        let login = self.provider.log_in();
        self.shell(&typed.replace('…', &login.refresh_token));
        let said: Value = serde_json::from_str(&self.printed).expect("JSON");
        assert_eq!(said["state"], "active", "{said}");
        "bring"
    }

    fn take(&mut self, typed: &str) -> &'static str {
        self.shell(typed);
        let said: Value = serde_json::from_str(&self.printed).expect("JSON");
        let token = said["access_token"].as_str().expect("a token");
        assert!(self.provider.is_valid(token), "{said}");
        // "For five minutes at least".
        assert!(said["expires_in"].as_u64().is_some_and(|left| left >= 300), "{said}");
        "take"
    }

    /// What the page shows of a reply has the members that it has.
    fn compare(&mut self, text: &str) -> &'static str {
        let members = |text: &str| -> BTreeSet<String> {
            let object: Value = serde_json::from_str(text).expect("JSON");
            object.as_object().expect("an object").keys().cloned().collect()
        };
        let (mut shown, mut said) = (members(text), members(&self.printed));
        // The house's provider names none, and what was brought without one has none.
        shown.remove("scope");
        said.remove("scope");
        assert_eq!(shown, said);
        "compare"
    }

    fn configure(&mut self, text: &str) -> &'static str {
        let server = self.server.as_ref().expect("it runs");
        let (name, _) = text.split_once('\n').expect("lines");
        let path = self.project.root().join("work").join(name.trim_start_matches("# "));
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
        std::fs::write(path, text.replace(ADDRESS, server.host())).expect("written");
        "configure"
    }

    fn token(&mut self, typed: &str) -> &'static str {
        let run = self.shell(typed);
        assert!(self.provider.is_valid(run.line()), "{run}");
        "token"
    }

    fn look(&mut self, typed: &str) -> &'static str {
        let run = self.shell(typed);
        assert!(run.stdout.matches("ada/google/main").count() >= 2, "{run}");
        "look"
    }
}

#[test]
fn the_quickstart_leads_to_a_token_as_it_is_written() {
    for program in ["bash", "curl", "setsid"] {
        if Command::new(program).arg("--version").output().is_err() {
            cannot_run(&format!("there is no {program}"));
            return;
        }
    }
    let mut reader = Reader::new();
    for block in blocks() {
        reader.follow(block);
    }
    let steps = ["bring", "compare", "configure", "connect", "export", "look", "register", "serve"];
    let all: BTreeSet<_> = steps.into_iter().chain(["take", "token"]).collect();
    assert_eq!(reader.steps, all, "the page has lost a part");
    assert_eq!(reader.provider.tally().families_revoked, 0);
    reader.server.expect("it runs").end().ok();
}
