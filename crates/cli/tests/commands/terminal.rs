//! What a person at a terminal sees: prompts that show nothing, a spinner, colour, a live table.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::process::{Child, Command};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::harness::{AuthServer, Class, Fault, Project, WAIT, config, eventually};

const COLUMNS: u16 = 70;
const ROWS: u16 = 16;

/// The binary as the foreground process of a terminal of its own.
struct Terminal {
    master: File,
    screen: Arc<Mutex<Vec<u8>>>,
    /// Hears of the end of the screen.
    dark: Receiver<()>,
    child: Child,
}

impl Terminal {
    fn start(project: &Project, arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC);
        let master = master.expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("unlocked");
        let size = Winsize { ws_row: ROWS, ws_col: COLUMNS, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&master, size).expect("sized");
        let path = ptsname(&master, Vec::new()).expect("a name");
        let side = || {
            let noctty = i32::try_from(rustix::fs::OFlags::NOCTTY.bits()).expect("a flag");
            let mut options = File::options();
            options.read(true).write(true).custom_flags(noctty);
            options.open(path.to_str().expect("text")).expect("the other side")
        };
        // A session of its own, with this terminal: that needs a program of the system.
        let mut command = Command::new("setsid");
        project.isolate(&mut command);
        command
            .args(["--ctty", env!("CARGO_BIN_EXE_unlapse")])
            .args(arguments)
            .current_dir(project.root().join("work"))
            .stdin(side())
            .stdout(side())
            .stderr(side());
        if !project.env.iter().any(|(name, _)| name == "TERM") {
            command.env("TERM", "xterm-256color");
        }
        let child = command.spawn().expect("setsid");
        // Its copies of our descriptors go with it: the end of the program ends the screen.
        drop(command);
        let (master, screen) = (File::from(master), Arc::<Mutex<Vec<u8>>>::default());
        let (mut reader, into) = (master.try_clone().expect("a copy"), Arc::clone(&screen));
        let (ends, dark) = channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut piece) {
                into.lock().expect("no panic before").extend_from_slice(&piece[..count]);
            }
            let _ = ends.send(());
        });
        Self { master, screen, dark, child }
    }

    fn screen(&self) -> String {
        String::from_utf8_lossy(&self.screen.lock().expect("no panic before")).into_owned()
    }

    fn until(&self, text: &str) {
        eventually(text, || self.screen().contains(text));
    }

    fn type_in(&mut self, text: &str) {
        self.master.write_all(text.as_bytes()).expect("typed");
    }

    /// Whether what is typed now would be shown.
    fn echoes(&self) -> bool {
        let modes = tcgetattr(&self.master).expect("a terminal");
        modes.local_modes.contains(LocalModes::ECHO)
    }

    /// Its exit code (128 and more for a signal, as a shell has it), and all it has shown.
    fn wait(mut self) -> (i32, String) {
        use std::os::unix::process::ExitStatusExt as _;
        let mut status = None;
        eventually("it ends", || {
            status = self.child.try_wait().expect("waited");
            status.is_some()
        });
        // The rest of what it wrote may still be on its way.
        let _ = self.dark.recv_timeout(WAIT);
        let status = status.expect("ended");
        (status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0)), self.screen())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn logged_in() -> (AuthServer, Project) {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    project.log_in(&server);
    (server, project)
}

#[test]
fn r18_a_secret_that_is_typed_is_not_shown() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    let refresh_token = server.issue();
    let mut terminal = Terminal::start(&project, &["login", "acme"]);
    terminal.until("Refresh token");
    eventually("echo is off", || !terminal.echoes());
    terminal.type_in(&format!("{refresh_token}\n"));
    let (code, screen) = terminal.wait();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("logged in to acme") && !screen.contains(&refresh_token), "{screen}");
    assert_eq!(server.counts().refreshes, 1);
}

#[test]
fn a_prompt_that_is_interrupted_leaves_the_terminal_as_it_was() {
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "", "");
    let mut terminal = Terminal::start(&project, &["login", "acme"]);
    terminal.until("Refresh token");
    eventually("echo is off", || !terminal.echoes());
    terminal.type_in("\u{3}");
    eventually("echo is on again", || terminal.echoes());
    let (code, screen) = terminal.wait();
    assert_eq!(code, 130, "{screen}");
    assert_eq!(project.stored(), None);
}

#[test]
fn c2_the_passphrase_is_asked_for_once_and_never_with_no_input() {
    let server = AuthServer::start(Class::Strict);
    let mut project = Project::empty();
    let store = "custody = \"passphrase\"\nrounds = 100000";
    project.configure(&config(&server, "", ""), store);
    project.env.push(("UNLAPSE_PASSPHRASE".to_owned(), "right".to_owned()));
    project.log_in(&server);
    project.env.clear();
    let mut terminal = Terminal::start(&project, &["token", "acme"]);
    terminal.until("Passphrase of the store");
    eventually("echo is off", || !terminal.echoes());
    terminal.type_in("right\n");
    let (code, screen) = terminal.wait();
    assert_eq!(code, 0, "{screen}");
    assert_eq!(screen.matches("Passphrase of the store:").count(), 1, "{screen}");
    let (code, screen) = Terminal::start(&project, &["token", "acme", "--no-input"]).wait();
    assert_eq!(code, 13, "{screen}");
    assert!(screen.contains("unlapse::custody_unavailable"), "{screen}");
}

#[test]
fn a_long_wait_shows_a_spinner_that_is_gone_before_the_data() {
    let (server, mut project) = logged_in();
    project.expire();
    server.fault(Fault::Slow(Duration::from_millis(700)));
    let (code, screen) = Terminal::start(&project, &["token", "acme"]).wait();
    assert_eq!(code, 0, "{screen}");
    let (before, after) = screen.split_once("at.").expect("a token");
    assert!(before.contains("renewing acme"), "{screen:?}");
    assert!(before.ends_with("\u{1b}[2K") || before.ends_with('\r'), "cleared: {screen:?}");
    assert!(!after.contains("renewing"), "{screen:?}");

    project.expire();
    server.fault(Fault::Slow(Duration::from_millis(300)));
    let (_, screen) = Terminal::start(&project, &["token", "acme", "--quiet"]).wait();
    assert!(!screen.contains("renewing") && !screen.contains('\u{1b}'), "{screen:?}");
    project.expire();
    project.env.push(("TERM".to_owned(), "dumb".to_owned()));
    server.fault(Fault::Slow(Duration::from_millis(300)));
    let (_, screen) = Terminal::start(&project, &["token", "acme"]).wait();
    assert!(!screen.contains('\u{1b}'), "{screen:?}");
}

#[test]
fn r6_ctrl_c_finishes_the_renewal_in_flight() {
    let (server, project) = logged_in();
    project.expire();
    server.fault(Fault::Slow(Duration::from_millis(800)));
    let mut terminal = Terminal::start(&project, &["token", "acme"]);
    server.until_requests(2);
    terminal.type_in("\u{3}");
    let (code, screen) = terminal.wait();
    assert_eq!(code, 130, "{screen}");
    assert!(screen.contains("interrupted"), "{screen}");
    assert_eq!(project.status()["token"], "valid", "its answer was kept");
    assert_eq!(server.counts().reuses, 0);
}

#[test]
fn k12_what_is_to_be_dropped_is_asked_about_and_only_a_yes_drops_it() {
    let (server, project) = logged_in();
    // A port where nobody listens, and nobody else can.
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.bind("127.0.0.1:0".parse().expect("an address")).expect("bound");
    let away = format!("http://{}/", socket.local_addr().expect("an address"));
    project.run(&["curl", "acme", &away, "--queue"]).ok();
    let left = || project.run(&["queue", "list", "--json"]).ok().json()["entries"].clone();
    for (answer, count) in [("\n", 1), ("no\n", 1), ("y\n", 0)] {
        let mut terminal = Terminal::start(&project, &["queue", "drop", "--all"]);
        terminal.until("Drop 1 request that nobody will send? [y/N]");
        terminal.type_in(answer);
        let (code, screen) = terminal.wait();
        assert_eq!(code, 0, "{screen}");
        assert_eq!(left().as_array().map(Vec::len), Some(count), "{answer:?}: {screen}");
    }
    drop(server);
}

#[test]
fn colour_only_for_who_wants_it() {
    let (_server, mut project) = logged_in();
    let (_, screen) = Terminal::start(&project, &["status"]).wait();
    assert!(screen.contains("\u{1b}[32mvalid\u{1b}[0m"), "{screen:?}");
    let (_, error) = Terminal::start(&project, &["token", "nope"]).wait();
    assert!(error.contains("\u{1b}[1;31merror:\u{1b}[0m"), "{error:?}");
    let (_, token) = Terminal::start(&project, &["token"]).wait();
    assert!(!token.contains('\u{1b}'), "{token:?}");
    project.env.push(("NO_COLOR".to_owned(), "1".to_owned()));
    for arguments in
        [["status"].as_slice(), &["token", "nope"], &["doctor"], &["--help"], &["tokne"]]
    {
        let (_, screen) = Terminal::start(&project, arguments).wait();
        let colours = screen.split("\u{1b}[").skip(1).filter(|rest| {
            rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m')
        });
        assert_eq!(colours.count(), 0, "{arguments:?}: {screen:?}");
    }
}

#[test]
fn the_demo_draws_one_table_in_place_however_small_the_window() {
    let mut project = Project::empty();
    project.env.push(("NO_COLOR".to_owned(), "1".to_owned()));
    let arguments = ["demo", "--seconds", "3", "--workers", "9"];
    let (code, screen) = Terminal::start(&project, &arguments).wait();
    assert_eq!(code, 0, "{screen}");
    let shown = Screen::of(&screen);
    let count = |text: &str| shown.lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(count("unlapse demo  "), 1, "{shown}");
    assert_eq!(count("worker      pid"), 1, "{shown}");
    assert_eq!(count("and 2 more"), 1, "{shown}");
    assert_eq!(count("nobody was logged out"), 1, "{shown}");
    assert!(!screen.contains("\u{1b}[1m"), "NO_COLOR: {screen:?}");
}

#[test]
fn the_drill_draws_one_table_in_place_and_ends_with_all_of_it() {
    let mut project = Project::empty();
    project.env.push(("NO_COLOR".to_owned(), "1".to_owned()));
    let unlapse = env!("CARGO_BIN_EXE_unlapse");
    let arguments = ["drill", "--workers", "2", "--rows", "strict", "--", unlapse, "token", "acme"];
    let (code, screen) = Terminal::start(&project, &arguments).wait();
    assert_eq!(code, 0, "{screen}");
    assert!(screen.contains("strict       runs"), "{screen}");
    let shown = Screen::of(&screen);
    let count = |text: &str| shown.lines.iter().filter(|line| line.contains(text)).count();
    assert_eq!(count("unlapse drill  "), 1, "{shown}");
    assert_eq!((count("strict       pass"), count("strict       runs")), (1, 0), "{shown}");
    assert_eq!(count("no login was lost that could be saved"), 1, "{shown}");
}

/// What a terminal of this size makes of what is written to it: enough of one for what we write.
struct Screen {
    /// Everything that was ever scrolled, and what is in view.
    lines: Vec<String>,
}

impl Screen {
    fn of(written: &str) -> Self {
        let (mut lines, mut row) = (vec![String::new()], 0_usize);
        let mut column = 0_usize;
        let mut rest = written.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\r' => column = 0,
                '\n' => {
                    row += 1;
                    if row == lines.len() {
                        lines.push(String::new());
                    }
                }
                '\u{1b}' => {
                    assert_eq!(rest.next(), Some('['), "a sequence we know");
                    let mut number = String::new();
                    while let Some(digit) = rest.next_if(|c| c.is_ascii_digit() || *c == ';') {
                        number.push(digit);
                    }
                    match rest.next() {
                        // Never above the window.
                        Some('A') => {
                            let top = lines.len().saturating_sub(usize::from(ROWS));
                            row = row.saturating_sub(number.parse().unwrap_or(1)).max(top);
                        }
                        Some('K') => lines[row] = lines[row].chars().take(column).collect(),
                        Some('J') => {
                            lines[row] = lines[row].chars().take(column).collect();
                            lines.truncate(row + 1);
                        }
                        Some('m') => {}
                        other => panic!("no sequence of ours: {other:?}"),
                    }
                }
                c => {
                    if column == usize::from(COLUMNS) {
                        (row, column) = (row + 1, 0);
                        if row == lines.len() {
                            lines.push(String::new());
                        }
                    }
                    let mut line: Vec<char> = lines[row].chars().collect();
                    line.resize(line.len().max(column + 1), ' ');
                    line[column] = c;
                    lines[row] = line.into_iter().collect();
                    column += 1;
                }
            }
        }
        Self { lines }
    }
}

impl std::fmt::Display for Screen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.lines.join("\n"))
    }
}
