//! The documentation against the keys.

use super::keys::{ClientKeys, IssuerKeys, KeysKeys, LimitKeys, ProxyKeys, TlsKeys, UserKeys};
use super::*;

const PAGE: &str = include_str!("../../../../../docs/issuer.md");

fn blocks() -> Vec<&'static str> {
    PAGE.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

#[test]
fn every_example_is_accepted() {
    assert!(blocks().len() >= 5, "the page has examples");
    for block in blocks() {
        IssuerFile::parse(block, Path::new("/issuer.md")).expect(block);
    }
}

#[test]
fn every_key_is_documented_with_its_range_and_no_other() {
    fn check<S: Section>(heading: &str) {
        let section = PAGE.split("\n## ").flat_map(|part| part.split("\n### "));
        let section = section.into_iter().find(|part| part.starts_with(heading)).expect(heading);
        let rows = section.lines().skip_while(|line| !line.starts_with("| key ")).skip(2);
        let rows: Vec<_> = rows.take_while(|line| line.starts_with('|')).collect();
        let documented: Vec<_> = rows.iter().filter_map(|row| row.split('`').nth(1)).collect();
        let keys = S::keys();
        assert_eq!(documented, keys.iter().map(|(key, _)| *key).collect::<Vec<_>>(), "{heading}");
        for ((key, allowed), row) in keys.iter().zip(rows) {
            let range = allowed.split_once(" from ").and_then(|(_, range)| range.split(',').next());
            if let Some(range) = range {
                assert!(row.contains(range), "{key}: {row} lacks {range}");
            }
        }
    }
    check::<IssuerKeys>("Configuration");
    check::<ClientKeys>("`[client.ID]`");
    check::<UserKeys>("`[user.NAME]`");
    check::<TlsKeys>("`[tls]`");
    check::<KeysKeys>("`[keys]`");
    check::<LimitKeys>("`[limits]`");
    check::<ProxyKeys>("`[proxies]`");
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
