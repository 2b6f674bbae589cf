//! The backend and its caller, killed, expired, taken away and brought back; and a session that is ended
//! on one node (J1, J3, J5).
#![expect(clippy::disallowed_methods, reason = "other processes go by the real clock")]

mod node;

use std::path::PathBuf;
use std::time::Duration;

use node::{FORM, Node};
use tokio::net::TcpSocket;
use unlapse_example_stage::Desk;
use unlapse_store::custody::KeyFile;
use unlapse_store::{FileStore, Layout};

/// An address that stays the test's, whether or not a node listens on it.
struct Address {
    text: String,
    /// Never listens itself.
    _reserved: TcpSocket,
}

impl Address {
    fn reserve() -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_reuseaddr(true).expect("set");
        socket.bind("127.0.0.1:0".parse().expect("an address")).expect("bound");
        let text = socket.local_addr().expect("it is bound").to_string();
        Self { text, _reserved: socket }
    }
}

/// A backend at an address of its own, and a desk for its caller, who has logged in.
struct World {
    address: Address,
    database: PathBuf,
    node: Option<Node>,
    desk: Desk,
}

impl World {
    fn start(lifetime: &str) -> Self {
        let address = Address::reserve();
        let desk = Desk::new(env!("CARGO_BIN_EXE_caller"))
            .env("BACKEND", format!("http://{}", address.text));
        let database = desk.root().join("sessions.db");
        let mut world = Self { address, database, node: None, desk };
        world.start_backend(lifetime);
        let run = world.desk.run_with(&["login", "ada"], "correct horse\n").ok();
        assert_eq!(run.stdout, "logged in\n");
        world
    }

    fn start_backend(&mut self, lifetime: &str) {
        self.node = Some(Node::start_with(&self.address.text, &self.database, lifetime));
    }

    /// The refresh token, as only its owner can read it.
    fn refresh_token(&self) -> String {
        let home = self.desk.work().join(".caller");
        let custody = std::sync::Arc::new(KeyFile::new(home.join("caller.key")));
        let store = FileStore::new(Layout::Directory(home), "backend-caller", custody);
        let stored = store.read(&unlapse::Key::new("backend")).expect("readable").expect("there");
        assert_eq!(stored.record.credentials, None, "the password is not kept");
        let token = stored.record.token.and_then(|token| token.refresh_token);
        token.expect("a session has one").expose().to_owned()
    }
}

#[test]
fn j5_backend_and_caller_are_killed_and_the_session_goes_on() {
    let mut world = World::start("15m");
    let mut watching = world.desk.start(&["watch"]);
    assert_eq!(watching.line("hello"), "hello, user-1");

    world.node = None;
    println!("the backend is killed: {}", watching.line("api_"));
    let run = world.desk.run(&["hello"]).failed(11, "(api_unreachable)");
    print!("another caller says {}", run.stderr);
    world.start_backend("15m");
    watching.line("hello");
    println!("it comes back: the caller goes on by itself");

    watching.kill();
    world.desk.run(&["hello"]).ok();
    assert_eq!(world.desk.run(&["hello"]).ok().stdout, "hello, user-1\n");
}

#[test]
fn j1_expired_tokens_are_renewed_with_the_same_session() {
    let mut world = World::start("2s");
    let first = world.refresh_token();
    world.desk.run(&["hello"]).ok();
    // Longer than a token lives, with nobody there to renew it, and the backend gone for a while.
    world.node = None;
    std::thread::sleep(Duration::from_secs(3));
    let run = world.desk.run(&["hello"]).failed(11, "(temporary_failure)");
    print!("expired, and the backend is gone: {}", run.stderr);
    world.start_backend("2s");
    let run = world.desk.run(&["hello"]).ok();
    assert_eq!(run.stdout, "hello, user-1\n");
    print!("it comes back: {}", run.stdout);
    let later = world.refresh_token();
    assert_ne!(later, first);
    // A refresh token begins with the 16 bytes that name its session.
    assert_eq!(first.get(..26), later.get(..26), "one session");
    assert!(first.starts_with("v1.1."), "{first}");

    // A running caller is ahead of every end.
    let mut watching = world.desk.start(&["watch"]);
    watching.line("hello");
    std::thread::sleep(Duration::from_secs(5));
    let said = watching.kill();
    println!("{} greetings in 5 s from tokens of 2 s", said.stdout.lines().count());
    assert!(said.stdout.lines().all(|line| line == "hello, user-1"), "{said}");
    assert!(said.stdout.lines().count() > 10, "{said}");
}

#[test]
fn j3_a_session_that_is_ended_on_one_node_asks_the_caller_to_log_in() {
    let mut world = World::start("15m");
    let other = Node::start("127.0.0.1:0", &world.database);
    let mut watching = world.desk.start(&["watch"]);
    watching.line("hello");

    let form = format!("client_id=api&token={}", world.refresh_token());
    assert_eq!(other.post("/revoke", FORM, &form).0, 200);
    println!("ended on the other node: {}", watching.line("login_needed"));
    watching.kill();
    let run = world.desk.run(&["hello"]).failed(10, "(login_needed)");
    print!("another caller says {}", run.stderr);

    world.desk.run_with(&["login", "ada"], "wrong").failed(10, "(login_needed)");
    world.desk.run(&["hello"]).failed(10, "(login_needed)");
    world.desk.run_with(&["login", "ada"], "correct horse").ok();
    assert_eq!(world.desk.run(&["hello"]).ok().stdout, "hello, user-1\n");
    // Where the session cannot be ended, nobody is told that it is.
    world.node = None;
    let run = world.desk.run(&["logout"]).failed(11, "(not_revoked)");
    assert!(run.stdout.is_empty(), "{run}");
    world.start_backend("15m");
    assert_eq!(world.desk.run(&["hello"]).ok().stdout, "hello, user-1\n");
    assert_eq!(world.desk.run(&["logout"]).ok().stdout, "logged out\n");
    world.desk.run(&["hello"]).failed(10, "(login_needed)");
}
