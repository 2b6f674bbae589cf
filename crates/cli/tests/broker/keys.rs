//! Keys that secrets are sealed with, rotated while the broker runs.

use std::time::Duration;

use crate::server::{APP, House};

#[test]
fn the_master_key_rotates_and_the_old_one_can_go() {
    let house = House::new(Duration::from_secs(3600));
    house.connect("ada");
    let key = house.project.root().join("work/data/master.key");
    let old = std::fs::read_to_string(&key).expect("a key");
    let drawn = house.project.run(&["serve", "--data", "next", "--new-master-key", "--check"]);
    drawn.ok();
    let next = house.project.root().join("work/next/master.key");
    let new = std::fs::read_to_string(next).expect("a key").replace("k1 ", "k2 ");
    std::fs::write(&key, format!("{new}{old}")).expect("written");
    let rotate = ["rotate-key", "--master", "--data", "data"];
    let run = house.broker(&[&rotate[..], &["--json"]].concat()).ok();
    assert_eq!(run.json()["data_keys"], 1, "{run}");
    let House { project, provider, server } = house;
    server.end().ok();
    std::fs::write(&key, new).expect("the old line is gone");
    let file = project.root().join("providers.toml");
    let file = file.to_str().expect("text");
    let server = crate::server::Server::start(&project, &["--data", "data", "--providers", file]);
    let connection = format!("ada/{APP}/main");
    let refresh = ["broker", "--broker", &server.url, "connections", "refresh", &connection];
    project.run(&refresh).ok();
    assert_eq!(provider.tally().families_revoked, 0);
    server.end().ok();
}
