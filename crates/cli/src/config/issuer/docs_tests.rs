//! The documentation against the keys.

use super::*;
use crate::config::documented;

const PAGE: &str = include_str!("../../../../../docs/issuer.md");

#[test]
fn every_example_is_accepted() {
    assert!(documented::examples(PAGE).len() >= 5, "the page has examples");
    for block in documented::examples(PAGE) {
        IssuerFile::parse(block, Path::new("/issuer.md")).expect(block);
    }
}

#[test]
fn every_key_is_documented_with_its_range_and_no_other() {
    documented::has_every_key::<IssuerKeys>(PAGE, "Configuration");
    documented::has_every_key::<ClientKeys>(PAGE, "`[client.ID]`");
    documented::has_every_key::<UserKeys>(PAGE, "`[user.NAME]`");
    documented::has_every_key::<TlsKeys>(PAGE, "`[tls]`");
    documented::has_every_key::<KeysKeys>(PAGE, "`[keys]`");
    documented::has_every_key::<LimitKeys>(PAGE, "`[limits]`");
    documented::has_every_key::<ProxyKeys>(PAGE, "`[proxies]`");
}

#[test]
fn every_default_of_the_policies_is_documented() {
    use crate::config::section::Shown as _;
    use unlapse_issuer::{KeyPolicy, Policy, RateLimits};
    let (policy, keys, limits) = (Policy::default(), KeyPolicy::default(), RateLimits::default());
    for (key, default) in [
        ("grace", policy.grace.shown()),
        ("replay_cap", policy.replay_cap.shown()),
        ("idle_lifetime", policy.idle_lifetime.shown()),
        ("absolute_lifetime", policy.absolute_lifetime.shown()),
        ("rotate_every", keys.rotate_every.shown()),
        ("publish_for", keys.publish_for.shown()),
        ("peer", limits.peer.shown()),
        ("client", limits.client.shown()),
        ("session", limits.session.shown()),
        ("login_failures", limits.login_failures.shown()),
    ] {
        let row = PAGE.lines().find(|line| line.starts_with(&format!("| `{key}` |"))).expect(key);
        assert!(row.ends_with(&format!("| `{default}` |")), "{key} is {default}: {row}");
    }
}
