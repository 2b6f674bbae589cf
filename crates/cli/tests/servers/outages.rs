//! Servers that are away, behind a firewall, or out of their mind.

use std::time::{Duration, Instant};

use crate::harness::{self, AuthServer, Class, Fault, Project, is_full};
use crate::{QUICK, SERVED_WITHIN, logged_in};

/// What a server does, and how a caller without a valid token ends.
struct Row {
    name: &'static str,
    fault: Trouble,
    /// Exit and error code where nothing is known of the server's refresh tokens.
    unknown: (i32, &'static str),
    /// The same where a refresh token can be sent once only.
    strict: (i32, &'static str),
}

enum Trouble {
    /// It answers every request like this.
    Answers(fn(&AuthServer) -> Fault),
    /// It is not there.
    Refuses,
}

const TEMPORARY: (i32, &str) = (11, "temporary_failure");
const IN_DOUBT: (i32, &str) = (15, "outcome_unknown");

/// No verdict: the token was not spent, whatever the class.
const fn no_verdict(name: &'static str, fault: fn(&AuthServer) -> Fault) -> Row {
    Row { name, fault: Trouble::Answers(fault), unknown: TEMPORARY, strict: TEMPORARY }
}

/// No answer: nobody knows whether the token was spent.
const fn no_answer(name: &'static str, fault: fn(&AuthServer) -> Fault) -> Row {
    Row { name, fault: Trouble::Answers(fault), unknown: TEMPORARY, strict: IN_DOUBT }
}

const ROWS: [Row; 15] = [
    no_verdict("503", |_| Fault::unavailable()),
    no_verdict("503 that says invalid_grant", |_| Fault::error(503, "invalid_grant")),
    no_verdict("500 with a web page", |_| Fault::firewall(500)),
    no_verdict("firewall 403", |_| Fault::firewall(403)),
    no_verdict("firewall 401", |_| Fault::firewall(401)),
    no_verdict("network login page 200", |_| Fault::firewall(200)),
    no_verdict("garbage", |_| Fault::garbage()),
    no_verdict("empty 200", |_| Fault::empty()),
    no_verdict("8 MiB", |_| Fault::huge()),
    no_verdict("302", |server| Fault::redirect(&format!("{}/token", server.origin()))),
    no_verdict("temporarily_unavailable", |_| Fault::error(400, "temporarily_unavailable")),
    Row {
        name: "429",
        fault: Trouble::Answers(|_| Fault::reply(429, &[], "slow down")),
        unknown: (11, "rate_limited"),
        strict: (11, "rate_limited"),
    },
    Row {
        name: "connection refused",
        fault: Trouble::Refuses,
        unknown: TEMPORARY,
        strict: TEMPORARY,
    },
    no_answer("dropped connection", |_| Fault::Drop),
    no_answer("hangs", |_| Fault::Hang),
];

impl Row {
    fn begin(&self, server: &mut AuthServer) {
        match self.fault {
            Trouble::Answers(fault) => server.always(Some(fault(server))),
            Trouble::Refuses => server.stop(),
        }
    }

    fn end(&self, server: &mut AuthServer) {
        match self.fault {
            Trouble::Answers(_) => server.always(None),
            Trouble::Refuses => server.start_again(),
        }
    }
}

#[test]
fn r8_r15_r17_without_a_valid_token_the_caller_hears_of_it_and_the_login_lives() {
    harness::each(&ROWS, |row| {
        for (reuse, class, expected) in [
            ("unknown", Class::Grace(Duration::from_secs(60)), row.unknown),
            ("strict", Class::Strict, row.strict),
        ] {
            let name = format!("{}, {reuse}", row.name);
            let mut server = AuthServer::start(class);
            let project = Project::new(&server, &format!("reuse = \"{reuse}\""), QUICK);
            project.log_in(&server);
            project.expire();
            row.begin(&mut server);
            let run = project.run(&["token", "acme"]).failed(expected.0, expected.1);
            assert!(run.took < SERVED_WITHIN, "{name}: R17: {run}");
            assert!(server.counts().requests <= 4, "C10: the login, and 3 attempts at most");
            let status = project.status();
            assert_eq!(status["needs_login"], serde_json::Value::Null, "{name}: {status:#}");
            assert!(status["last_failure"]["cause"].is_string(), "{name}: {status:#}");

            row.end(&mut server);
            let token = project.run(&["token", "acme"]);
            assert_eq!(token.code, Some(0), "{name}: alive: {token}");
            assert!(server.accepts(token.line()), "{name}: {token}");
            let counts = server.counts();
            assert_eq!((counts.reuses, counts.families_revoked), (0, 0), "{name}");
            assert_eq!(project.status()["last_failure"], serde_json::Value::Null, "{name}");
        }
    });
}

#[test]
fn r10_a_valid_token_that_is_due_is_served_whatever_the_server_does() {
    harness::each(&ROWS, |row| {
        for (reuse, class) in
            [("unknown", Class::Grace(Duration::from_secs(60))), ("strict", Class::Strict)]
        {
            let name = format!("{}, {reuse}", row.name);
            let mut server = AuthServer::start(class);
            let project = Project::new(&server, &format!("reuse = \"{reuse}\""), QUICK);
            project.log_in(&server);
            let valid = project.run(&["token", "acme"]).ok().stdout;
            project.make_due();
            row.begin(&mut server);
            let run = project.run(&["token", "acme"]);
            assert_eq!((run.code, &run.stdout), (Some(0), &valid), "{name}: {run}");
            assert!(run.took < SERVED_WITHIN, "{name}: {run}");
            // Somebody has just failed: the next one does not try again at once.
            let requests = server.counts().requests;
            let next = project.run(&["token", "acme"]);
            assert_eq!((next.code, &next.stdout), (Some(0), &valid), "{name}: {next}");
            assert_eq!(server.counts().requests, requests, "{name}: R15: a round later");

            row.end(&mut server);
            project.expire();
            let renewed = project.run(&["token", "acme"]);
            assert_eq!(renewed.code, Some(0), "{name}: alive: {renewed}");
            let counts = server.counts();
            assert_eq!((counts.reuses, counts.families_revoked), (0, 0), "{name}");
        }
    });
}

#[test]
fn r17_r10_a_server_that_hangs_with_the_default_deadlines() {
    let (server, project) = logged_in("", "");
    let valid = project.run(&["token", "acme"]).ok().stdout;
    project.make_due();
    server.always(Some(Fault::Hang));
    let running = project.spawn(&["token", "acme"]);
    let started = Instant::now();
    harness::eventually("R10: the valid token is printed", || running.stdout() == valid);
    assert!(started.elapsed() < SERVED_WITHIN, "R10: after {:?}", started.elapsed());
    // Whether the process stays to hear the answer out is R6's matter; two of its deadlines are
    // longer than the quick run may take.
    if is_full() {
        running.wait().ok();
        project.expire();
        let run = project.run(&["token", "acme"]).failed(11, "temporary_failure");
        assert!(run.took < Duration::from_secs(45), "R17: {run}");
        server.always(None);
        project.run(&["token", "acme"]).ok();
        assert_eq!(server.counts().reuses, 0);
    }
}

#[test]
fn r17_one_servers_hanging_is_nobody_elses_matter() {
    let (hanging, well) = (AuthServer::start(Class::Strict), AuthServer::start(Class::Strict));
    let project = Project::empty();
    let other = harness::config(&well, "", "").replace("profile.acme", "profile.other");
    project.configure(&format!("{}\n{other}", harness::config(&hanging, "", "")), "");
    project.log_in(&hanging);
    let login = ["login", "other", "--refresh-token-stdin", "--no-verify"];
    project.run_with(&login, &well.issue()).ok();
    project.expire();
    hanging.always(Some(Fault::Hang));
    let stuck = project.spawn(&["token", "acme"]);
    hanging.until_requests(2);
    let run = project.run(&["token", "other"]).ok();
    assert!(run.took < Duration::from_secs(5), "{run}");
    assert!(well.accepts(run.line()));
    drop(stuck);
}

#[test]
fn c10_c11_every_trouble_opens_the_breaker_in_the_end_and_the_login_lives() {
    // 429 says itself when to come back, and opens none.
    for row in ROWS.iter().filter(|row| row.name != "429" && (is_full() || row.name == "garbage")) {
        let mut server = AuthServer::start(Class::Grace(Duration::from_secs(60)));
        let project = Project::new(&server, "reuse = \"until_used\"", QUICK);
        project.log_in(&server);
        project.expire();
        row.begin(&mut server);
        let mut opened = false;
        for _ in 0..6 {
            let run = project.run(&["token", "acme"]);
            assert_eq!(run.code, Some(11), "{}: {run}", row.name);
            opened |= project.status()["breaker_open_until"].is_string();
        }
        assert!(opened, "{}: the breaker opens", row.name);
        row.end(&mut server);
        project.run(&["token", "acme"]).failed(11, "breaker_open");
        project.run(&["doctor", "--reset-breaker"]);
        project.run(&["token", "acme"]).ok();
        assert_eq!(server.counts().reuses, 0, "{}", row.name);
    }
}
