//! The command, killed while it sends.

use std::time::Duration;

use rustix::process::Signal;

use crate::server::{Fault, Reserved};
use crate::side::Side;

#[test]
fn k12_killed_while_the_server_has_the_request_nothing_is_lost_and_nothing_done_twice() {
    for fault in [Fault::Kill, Fault::ActThenKill] {
        let side = Side::open();
        side.api.fault(Fault::Answer(503, ""));
        side.put(&side.orders(), "1");
        for round in 0..2 {
            side.api.fault(fault.clone());
            let running = if round == 0 {
                side.project.spawn(&["queue", "flush"])
            } else {
                side.project.spawn(&["curl", "acme", &side.orders(), "-d", "2", "--queue"])
            };
            side.api.aim(running.pid());
            assert_eq!(running.wait().signal, Some(Signal::KILL.as_raw()), "{fault:?}");
        }
        let left = side.left();
        assert_eq!(left.len(), 2, "{fault:?}: what was asked for is kept: {left:?}");
        assert!(left[0]["in_doubt_since"].is_string(), "{fault:?}: {left:?}");
        side.flush(&[]).ok();
        assert_eq!(side.api.done(), ["1", "2"], "{fault:?}");
        assert!(side.left().is_empty());
    }
}

#[test]
fn k12_killed_at_any_moment_nothing_is_lost_and_nothing_done_twice() {
    let side = Side::open();
    let away = Reserved::new();
    let url = format!("{}/orders", away.origin);
    let expected: Vec<_> = (0..12).map(|number| number.to_string()).collect();
    for body in &expected {
        side.put(&url, body);
    }
    let back = away.open();
    let mut kills = 0;
    for round in 0..60 {
        let running = side.project.spawn(&["queue", "flush"]);
        std::thread::sleep(Duration::from_millis(3 * round));
        running.signal(Signal::KILL);
        let run = running.wait();
        kills += u32::from(run.signal == Some(Signal::KILL.as_raw()));
        if side.left().is_empty() {
            break;
        }
    }
    side.flush(&[]).ok();
    assert_eq!(back.done(), expected);
    assert!(side.left().is_empty());
    assert!(kills >= 3, "{kills} kills are too few to prove much");
}
