//! The documentation against the keys.

use super::*;
use crate::config::documented;

const PAGE: &str = include_str!("../../../../../docs/broker/operations.md");

#[test]
fn every_example_is_accepted() {
    assert!(!documented::examples(PAGE).is_empty(), "the page has examples");
    for block in documented::examples(PAGE) {
        BrokerFile::parse(block, Path::new("/operations.md")).expect(block);
    }
}

#[test]
fn every_key_is_documented_with_its_range_and_no_other() {
    documented::has_every_key::<BrokerKeys>(PAGE, "Configuration");
    documented::has_every_key::<TlsKeys>(PAGE, "`[tls]`");
    documented::has_every_key::<JwtKeys>(PAGE, "`[jwt]`");
    documented::has_every_key::<RetentionKeys>(PAGE, "`[retention]`");
    documented::has_every_key::<PostgresKeys>(PAGE, "`[postgres]`");
    documented::has_every_key::<ProxyKeys>(PAGE, "`[proxies]`");
}
