//! kill -9 at every step of a renewal, and signals in the middle of one (X2, R3, R4, R6, R7, R20).
#![allow(clippy::disallowed_methods, reason = "tests wait, and kill at random times")]

mod harness;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use harness::{AuthServer, Class, Fault, Project, Run, Running, child, is_full, passed};
use rustix::process::{Signal, getpid, kill_process};
use unlapse_core::{Dice, Reuse};
use unlapse_store::WatchedDisk;

const GRACE: Duration = Duration::from_secs(300);

/// Fewer effects than this in a whole renewal, and the test has not been where it wanted to be.
const LEAST_STEPS: usize = 12;

/// A server, what the profile knows of it, and a login there.
struct Side {
    class: Class,
    server: AuthServer,
    project: Project,
    /// The access token of the login, and its generation.
    first: String,
    generation: u64,
}

/// How the access token stands when the renewal begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Before {
    Expired,
    Due,
}

impl Side {
    fn open(class: Class, reuse: Reuse) -> Self {
        let server = AuthServer::start(class);
        let project = Project::new(&server, &format!("reuse = \"{reuse}\""), "");
        project.log_in(&server);
        let first = project.run(&["token", "acme"]).ok().line().to_owned();
        let generation = project.stored().expect("a login").record.generation;
        Self { class, server, project, first, generation }
    }

    fn grace() -> Self {
        Self::open(Class::Grace(GRACE), Reuse::Grace(GRACE))
    }

    fn age(&self, before: Before) {
        match before {
            Before::Expired => self.project.expire(),
            Before::Due => self.project.make_due(),
        }
    }

    /// What a killed renewal leaves: a fresh process of the real binary says what is true. Returns
    /// whether the answer was lost for good: given by a strict server, and saved by nobody.
    fn check(&self, before: Before, at: &str) -> bool {
        let Self { server, project, .. } = self;
        let rotated = server.counts().refreshes > 1;
        let has_answer = || project.stored().expect("a login").record.generation > self.generation;
        let saved = has_answer();
        let run = project.run(&["token", "acme"]);
        // An answer that lay in its room, and was not in its place yet, has been found meanwhile.
        let lost = rotated && !saved && !has_answer() && self.class == Class::Strict;
        let counts = server.counts();
        if lost && before == Before::Expired {
            assert!(matches!(run.code, Some(10 | 15)), "{at}: {run}");
            let status = project.status();
            let said = status["needs_login"] == "rotation_lost" || status["in_doubt"] == true;
            assert!(said, "{at}: the truth: {status:#}");
            assert!(counts.reuses <= 1, "{at}: the last resort is taken once");
            return true;
        }
        assert_eq!(run.code, Some(0), "{at}: {run}");
        assert!(server.accepts(run.line()), "{at}: the login is alive");
        assert_eq!((counts.reuses, counts.families_revoked), (0, 0), "{at}");
        if before == Before::Expired {
            assert_ne!(run.line(), self.first, "{at}: it had expired");
        }
        if lost {
            assert_eq!(run.line(), self.first, "{at}: R7: the old one while it is valid");
            assert_eq!(project.status()["in_doubt"], true, "{at}: R7: said");
        }
        lost
    }
}

/// Kills a renewal before its first effect on the disk, before its second, and so on to its end.
fn kill_at_every_step(class: Class, reuse: Reuse, before: Before) {
    let (mut kills, mut losses) = (0, 0);
    for step in 0.. {
        let side = Side::open(class, reuse);
        side.age(before);
        let arg = step.to_string();
        let mut command =
            child("child_is_killed_at_a_step", &side.project, &side.server, reuse, &arg);
        let ended = Running::start(&mut command, b"").wait();
        let at = format!("{class:?}, {before:?}, killed before effect {step}");
        let lost = side.check(before, &at);
        losses += u32::from(lost);
        if lost && losses == 1 {
            // Nothing is in the way of a new login.
            side.project.log_in(&side.server);
            side.project.run(&["token", "acme"]).ok();
        }
        if ended.code == Some(0) {
            assert_eq!(side.server.counts().refreshes, 2, "a whole renewal: {ended}");
            break;
        }
        assert_eq!(ended.signal, Some(Signal::KILL.as_raw()), "{at}: {ended}");
        kills += 1;
    }
    assert!(kills >= LEAST_STEPS, "{kills} steps are too few to prove much");
    assert_eq!(losses > 0, class == Class::Strict, "answers are lost between arrival and disk");
}

#[test]
#[ignore = "run by its parent test"]
fn child_is_killed_at_a_step() {
    let Some(passed) = passed() else { return };
    let last: usize = passed.arg.parse().expect("a number");
    let steps = AtomicUsize::new(0);
    let disk = WatchedDisk::new(move |_| {
        if steps.fetch_add(1, Ordering::SeqCst) == last {
            kill_process(getpid(), Signal::KILL)?;
        }
        Ok(())
    });
    passed.with_source(disk, async |source| {
        source.token_once(Duration::ZERO, harness::WAIT).await.expect("a token");
        source.settle().await.expect("saved");
    });
}

#[test]
fn x2_r3_r4_killed_at_every_step_a_grace_server_keeps_the_login() {
    kill_at_every_step(Class::Grace(GRACE), Reuse::Grace(GRACE), Before::Expired);
}

#[test]
fn x2_r7_killed_at_every_step_a_strict_server_gets_the_truth() {
    kill_at_every_step(Class::Strict, Reuse::Strict, Before::Expired);
}

#[test]
fn r7_r10_killed_at_every_step_a_valid_token_is_served_and_nothing_is_spent_twice() {
    kill_at_every_step(Class::Strict, Reuse::Strict, Before::Due);
}

#[test]
fn x2_r7_killed_at_every_step_of_other_servers() {
    if !is_full() {
        return;
    }
    kill_at_every_step(Class::Grace(GRACE), Reuse::Unknown, Before::Expired);
    kill_at_every_step(Class::Grace(GRACE), Reuse::Unknown, Before::Due);
    kill_at_every_step(Class::UntilUsed, Reuse::UntilUsed, Before::Expired);
    kill_at_every_step(Class::Stable, Reuse::Stable, Before::Expired);
}

#[test]
fn x2_killed_while_the_server_has_the_request() {
    for fault in [Fault::Kill, Fault::ProcessThenKill] {
        for (class, reuse) in [
            (Class::Grace(GRACE), Reuse::Grace(GRACE)),
            (Class::Grace(GRACE), Reuse::Unknown),
            (Class::Strict, Reuse::Strict),
            (Class::UntilUsed, Reuse::UntilUsed),
            (Class::Stable, Reuse::Stable),
        ] {
            for before in [Before::Expired, Before::Due] {
                let side = Side::open(class, reuse);
                side.age(before);
                side.server.fault(fault.clone());
                let running = side.project.spawn(&["token", "acme"]);
                side.server.aim(running.pid());
                let ended = running.wait();
                assert_eq!(ended.signal, Some(Signal::KILL.as_raw()), "{ended}");
                assert!(side.project.stored().expect("a login").record.intent.is_some(), "R3");
                let lost = side.check(before, &format!("{class:?}, {before:?}, {fault:?}"));
                assert_eq!(lost, class == Class::Strict && fault == Fault::ProcessThenKill);
            }
        }
    }
}

#[test]
fn x2_killed_twice_in_one_renewal() {
    let side = Side::grace();
    side.age(Before::Expired);
    side.server.faults([Fault::ProcessThenKill, Fault::ProcessThenKill]);
    for _ in 0..2 {
        let running = side.project.spawn(&["token", "acme"]);
        side.server.aim(running.pid());
        assert_eq!(running.wait().signal, Some(Signal::KILL.as_raw()));
    }
    side.check(Before::Expired, "killed twice");
}

/// A renewal that waits for the server's answer.
fn under_way(side: &Side) -> Running {
    side.age(Before::Expired);
    side.server.fault(Fault::Hold);
    let requests = side.server.counts().requests;
    let running = side.project.spawn(&["token", "acme"]);
    side.server.until_requests(requests + 1);
    running
}

/// Waits until the process says that it has noticed the signal.
fn until_interrupted(running: &Running) {
    harness::eventually("R6: it says that it finishes the renewal", || {
        running.stderr().contains("finishing the renewal under way")
    });
}

#[test]
fn r6_a_signal_lets_the_renewal_finish_and_keeps_its_answer() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let side = Side::open(Class::Strict, Reuse::Strict);
        let mut running = under_way(&side);
        running.signal(signal);
        // Long enough for a process that stops at once to be gone.
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(1) {
            if let Some(run) = running.is_over() {
                panic!("R6: it went without the answer: {run}");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        side.server.release();
        let run = running.wait();
        assert_eq!(run.code, Some(code), "{run}");
        assert_eq!(run.stdout, "", "interrupted: no data");
        let record = side.project.stored().expect("a login").record;
        let next = side.generation + 1;
        assert_eq!((record.generation, record.intent), (next, None), "the answer is kept");
        assert!(!side.check(Before::Expired, "after a signal"));
        assert_eq!(side.server.counts().requests, 2);
    }
}

#[test]
fn r6_other_commands_finish_their_renewal_as_well() {
    for arguments in [
        &["login", "acme", "--refresh-token-stdin"][..],
        &["refresh", "acme", "--force"],
        &["exec", "acme", "--", "true"],
    ] {
        let side = Side::open(Class::Strict, Reuse::Strict);
        side.age(Before::Expired);
        side.server.fault(Fault::Hold);
        let stdin = side.server.issue();
        let mut command = side.project.command(arguments);
        let running = Running::start(&mut command, stdin.as_bytes());
        side.server.until_requests(2);
        running.signal(Signal::TERM);
        // The answer comes when the signal has been noticed, and not before.
        until_interrupted(&running);
        side.server.release();
        let run = running.wait();
        assert_eq!(run.code, Some(143), "{arguments:?}: {run}");
        assert_eq!(run.stdout, "", "interrupted: no data");
        assert_eq!(side.project.stored().expect("a login").record.intent, None, "{arguments:?}");
        assert!(!side.check(Before::Expired, &format!("{arguments:?}")));
        assert_eq!(side.server.counts().requests, 2, "{arguments:?}: the answer was kept");
    }
}

#[test]
fn r6_a_second_signal_stops_at_once() {
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130)] {
        let side = Side::grace();
        let mut running = under_way(&side);
        // Two that come before the process looks count as one: again until it has gone.
        let mut ended: Option<Run> = None;
        harness::eventually("R6: the second signal ends it", || {
            running.signal(signal);
            std::thread::sleep(Duration::from_millis(20));
            ended = running.is_over();
            ended.is_some()
        });
        let run = ended.expect("it has ended");
        assert_eq!(run.code, Some(code), "{run}");
        assert_eq!(side.server.counts().requests, 2, "the answer is still held back");
        side.check(Before::Expired, "stopped by a second signal");
    }
}

#[test]
fn r20_a_leader_that_dies_strands_nobody() {
    for fault in [Fault::Kill, Fault::ProcessThenKill] {
        let side = Side::grace();
        side.age(Before::Expired);
        side.server.fault(fault.clone());
        let waiting: Vec<_> = (0..10).map(|_| side.project.spawn(&["token", "acme"])).collect();
        side.server.until_requests(2);
        let leader = side.project.store().holding(&harness::key()).expect("it holds the lease");
        side.server.aim(leader.pid);
        let mut tokens = Vec::new();
        for running in waiting {
            let pid = running.pid();
            let run = running.wait();
            if pid == leader.pid {
                assert_eq!(run.signal, Some(Signal::KILL.as_raw()), "{run}");
                continue;
            }
            assert_eq!(run.code, Some(0), "{fault:?}: R20: {run}");
            tokens.push(run.line().to_owned());
        }
        assert_eq!(tokens.len(), 9);
        assert!(tokens.iter().all(|token| *token == tokens[0] && side.server.accepts(token)));
        let counts = side.server.counts();
        assert_eq!((counts.requests, counts.reuses), (3, 0), "one takes over, for all");
    }
}

#[test]
fn x2_r20_killed_at_random_times_the_login_lives() {
    let rounds = if is_full() { 50 } else { 8 };
    let seed = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .map_or(0, |now| u64::from(now.subsec_nanos()));
    let mut dice = Dice::new(seed);
    let mut below = |most: u64| dice.roll() % most;
    let Side { server, project, .. } = Side::grace();
    // So that there is time to be killed in.
    server.always(Some(Fault::Slow(Duration::from_millis(10))));
    let mut killed = 0;
    for round in 0..rounds {
        let at = format!("seed {seed}, round {round}");
        project.expire();
        let mut left = Vec::new();
        for _ in 0..3 {
            let victim = project.spawn(&["token", "acme"]);
            std::thread::sleep(Duration::from_micros(below(60_000)));
            victim.signal(Signal::KILL);
            left.push(victim);
        }
        let witness = project.run(&["token", "acme"]);
        assert_eq!(witness.code, Some(0), "{at}: {witness}");
        assert!(server.accepts(witness.line()), "{at}");
        for victim in left {
            killed += u32::from(victim.wait().signal.is_some());
        }
        assert_eq!(server.counts().families_revoked, 0, "{at}");
        assert_eq!(server.counts().reuses, 0, "{at}");
    }
    assert!(killed > 0, "seed {seed}: nobody was killed in time");
}
