//! What a proxy sees.

use crate::world::World;
use unlapse::reqwest::{HttpSettings, client};

/// Set in the process that has a proxy in its environment.
const INSIDE: &str = "UNLAPSE_TEST_HAS_A_PROXY";

#[tokio::test]
async fn c12_plain_http_takes_no_proxy_which_would_read_the_token() {
    if std::env::var_os(INSIDE).is_some() {
        let world = World::new().await;
        let client = client(world.source.clone(), &HttpSettings::default()).unwrap();
        let answer = client.get(world.url("/orders")).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        return;
    }
    let mut inside = std::process::Command::new(std::env::current_exe().unwrap());
    inside.args(["--exact", "proxy::c12_plain_http_takes_no_proxy_which_would_read_the_token"]);
    inside.env(INSIDE, "1").env_remove("no_proxy").env_remove("NO_PROXY");
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "ALL_PROXY"] {
        // Nobody listens there.
        inside.env(name, "http://127.0.0.1:1");
    }
    let ended = inside.output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stdout));
}
