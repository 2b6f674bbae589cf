//! How a broker ends.

use std::time::Duration;

use rustix::process::Signal;
use unlapse_parts::Fault;

use crate::harness::{Project, eventually};
use crate::server::{APP, House, Server};

#[test]
fn r6_a_signal_ends_it_with_zero() {
    for signal in [Signal::TERM, Signal::INT] {
        let project = Project::empty();
        let server = Server::start(&project, &[]);
        server.running.signal(signal);
        let run = server.running.wait().ok();
        assert!(run.took < Duration::from_secs(30), "{run}");
    }
}

/// The provider takes its time: the answer is kept, and the next start has it.
#[test]
fn r6_a_renewal_under_way_is_finished_and_kept() {
    let house = House::new(Duration::from_secs(3600));
    house.connect("ada");
    let connection = format!("ada/{APP}/main");
    house.broker(&["connections", "refresh", &connection]).ok();
    let renewals = house.provider.tally().grants;
    house.provider.fail_next([Fault::Slow(Duration::from_secs(2))]);
    let asked = house.project.spawn(&["broker", "connections", "refresh", &connection]);
    eventually("the renewal is under way", || house.provider.tally().requests > renewals);
    let run = house.server.end().ok();
    asked.wait().ok();
    assert_eq!(house.provider.tally().grants, renewals + 1, "{run}");
}

#[test]
fn r6_a_second_signal_ends_it_at_once() {
    let house = House::new(Duration::from_secs(3600));
    house.connect("ada");
    let connection = format!("ada/{APP}/main");
    house.broker(&["connections", "refresh", &connection]).ok();
    let requests = house.provider.tally().requests;
    house.provider.fail_next([Fault::Hang(Duration::from_secs(60))]);
    let asked = house.project.spawn(&["broker", "connections", "refresh", &connection]);
    eventually("the renewal is under way", || house.provider.tally().requests > requests);
    house.server.running.signal(Signal::TERM);
    eventually("it says that it ends", || {
        house.server.running.stderr().contains("once more stops at once")
    });
    house.server.running.signal(Signal::TERM);
    let run = house.server.running.wait();
    assert_eq!(run.code, Some(128 + 15), "{run}");
    assert_eq!(asked.wait().code, Some(11));
}

#[test]
fn r7_a_kill_9_loses_no_connection() {
    let house = House::new(Duration::from_secs(3600));
    house.connect("ada");
    let House { project, provider, server } = house;
    let file = project.root().join("providers.toml");
    let url = server.url.clone();
    server.kill();
    let address = url.strip_prefix("http://").expect("a URL");
    let file = file.to_str().expect("text");
    let again = ["serve", "--json", "--listen", address, "--data", "data", "--providers", file];
    let server = Server::started(project.spawn(&again));
    let shown = project.run(&["broker", "connections", "list", "--json"]).ok().json();
    assert_eq!(shown["connections"][0]["state"], "active", "{shown}");
    assert_eq!(provider.tally().families_revoked, 0);
    server.end().ok();
}
