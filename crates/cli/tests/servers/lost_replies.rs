//! Replies that were given and never arrived.

use crate::harness::{AuthServer, Canned, Class, Fault, Project};
use crate::{QUICK, logged_in};

#[test]
fn r8_an_answer_that_was_lost_behind_a_gateway_is_asked_for_again() {
    // The server rotated; what came back is the gateway's.
    let gateway = [
        Canned { status: 504, headers: Vec::new(), body: b"upstream timed out".to_vec() },
        Canned { status: 200, headers: Vec::new(), body: Vec::new() },
        Canned { status: 200, headers: Vec::new(), body: br#"{"access_tok"#.to_vec() },
    ];
    for canned in gateway {
        let (server, project) = logged_in("reuse = \"grace:60s\"", QUICK);
        project.expire();
        server.fault(Fault::ProcessThenReply(canned));
        let run = project.run(&["token", "acme"]).ok();
        assert!(server.accepts(run.line()));
        let counts = server.counts();
        assert_eq!((counts.replays, counts.reuses), (1, 0), "the same successor");
    }
}

#[test]
fn r7_a_reply_that_is_lost_is_replayed_inside_the_window() {
    for reuse in ["unknown", "grace:60s"] {
        for fault in [Fault::LoseReply, Fault::ProcessThenHang] {
            let (server, project) = logged_in(&format!("reuse = \"{reuse}\""), "timeout = \"4s\"");
            project.expire();
            server.fault(fault.clone());
            let run = project.run(&["token", "acme"]).ok();
            assert!(server.accepts(run.line()), "{reuse}, {fault:?}");
            assert_eq!((server.counts().replays, server.counts().reuses), (1, 0));
            assert_eq!(project.status()["doubts"], 1, "R7: counted");
        }
    }
}

#[test]
fn x2_r7_a_reply_that_a_strict_server_lost_is_said_and_not_guessed() {
    // Enough for a second request, if anybody thought of one.
    let policy = "base_delay = \"10ms\"\ntimeout = \"3s\"";
    for fault in [Fault::LoseReply, Fault::ProcessThenHang] {
        let server = AuthServer::start(Class::Strict);
        let project = Project::new(&server, "reuse = \"strict\"", policy);
        project.log_in(&server);
        let valid = project.run(&["token", "acme"]).ok().stdout;
        project.make_due();
        server.fault(fault);
        for _ in 0..2 {
            assert_eq!(project.run(&["token", "acme"]).ok().stdout, valid, "while it is valid");
        }
        let status = project.status();
        assert_eq!((&status["in_doubt"], &status["doubts"]), (&true.into(), &1.into()));
        let counts = server.counts();
        assert_eq!((counts.requests, counts.reuses), (2, 0), "not sent again");
        project.expire();
        project.run(&["token", "acme"]).failed(10, "rotation_lost");
        assert_eq!(project.status()["needs_login"], "rotation_lost");
    }
    let server = AuthServer::start(Class::Strict);
    let project = Project::new(&server, "reuse = \"strict\"", policy);
    project.log_in(&server);
    project.expire();
    server.fault(Fault::LoseReply);
    project.run(&["token", "acme"]).failed(15, "outcome_unknown");
    assert_eq!(project.status()["in_doubt"], true);
    assert_eq!((server.counts().requests, server.counts().reuses), (2, 0), "said before");
    project.run(&["token", "acme"]).failed(10, "rotation_lost");
}
