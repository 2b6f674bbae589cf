//! What a person at a terminal sees: prompts that show nothing, a spinner, colour, a live table.

use std::time::Duration;

use crate::harness::terminal::{COLUMNS, ROWS, Terminal};
use crate::harness::{AuthServer, Class, Fault, Project, config, eventually};

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
