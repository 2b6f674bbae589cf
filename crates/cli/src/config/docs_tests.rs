//! The documentation against the keys.

use std::path::Path;

use super::keys::{HttpKeys, LogKeys, LoginKeys, PolicyKeys, ProfileKeys, QueueKeys, StoreKeys};
use super::*;

const PAGE: &str = include_str!("../../../../docs/configuration.md");

fn blocks() -> Vec<&'static str> {
    PAGE.split("```toml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect()
}

/// The rows of the table under a heading: the key, and the whole row.
fn documented(heading: &str) -> Vec<(&'static str, &'static str)> {
    let section = PAGE.split("\n## ").find(|part| part.starts_with(heading)).expect(heading);
    let rows = section.lines().skip_while(|line| !line.starts_with("| key ")).skip(2);
    rows.take_while(|line| line.starts_with('|'))
        .map(|line| (line.split('`').nth(1).expect(line), line))
        .collect()
}

#[test]
fn every_example_is_accepted() {
    assert!(blocks().len() > 5, "the page has examples");
    for block in blocks() {
        let layer = parse::parse(block, Path::new("/configuration.md")).expect(block);
        let environment = Environment::at(Path::new("/w"));
        for (name, said) in &layer.profiles {
            Profile::new(name, said, &environment).expect(block);
        }
        store::store(&layer.store, None, &environment).expect(block);
    }
}

#[test]
fn every_key_is_documented_with_its_range_and_no_other() {
    fn check<S: section::Section>(heading: &str) {
        let documented = documented(heading);
        let keys = S::keys();
        let names = |(key, _): &(&'static str, _)| *key;
        assert_eq!(
            documented.iter().map(names).collect::<Vec<_>>(),
            keys.iter().map(|(key, _)| *key).collect::<Vec<_>>(),
            "{heading}"
        );
        for ((key, allowed), (_, row)) in keys.iter().zip(&documented) {
            // "from 0s to 24h" in the message is "0s to 24h" in the table. The range of `rounds`
            // depends on the derivation, and both are in the table.
            let range = allowed.split_once(" from ").map(|(_, range)| range.split(',').next());
            if let (Some(Some(range)), false) = (range, *key == "rounds") {
                assert!(row.contains(range), "{key}: {row} lacks {range}");
            }
        }
    }
    check::<ProfileKeys>("`[profile.NAME]`");
    check::<LoginKeys>("`[profile.NAME.login_endpoint]`");
    check::<PolicyKeys>("`[profile.NAME.policy]`");
    check::<StoreKeys>("`[store]`");
    check::<HttpKeys>("`[http]`");
    check::<QueueKeys>("`[queue]`");
    check::<LogKeys>("`[log]`");
}

#[test]
fn every_default_of_the_policy_is_documented() {
    for (key, value, _) in PolicyKeys::defaults().entries() {
        let rows = documented("`[profile.NAME.policy]`");
        let (_, row) = rows.iter().find(|(documented, _)| *documented == key).expect(key);
        let default = row.trim_end_matches(" |").rsplit("| ").next().expect("a last column");
        let default = default.trim_matches('`');
        let same = unlapse_core::duration::parse(default).map(unlapse_core::duration::format);
        assert_eq!(same.unwrap_or_else(|_| default.to_owned()), value, "{key}");
    }
}

#[test]
fn every_key_has_an_example() {
    let examples = blocks().concat();
    let keys = [
        ProfileKeys::keys(),
        LoginKeys::keys(),
        PolicyKeys::keys(),
        StoreKeys::keys(),
        HttpKeys::keys(),
        QueueKeys::keys(),
        LogKeys::keys(),
    ];
    for (key, _) in keys.concat() {
        assert!(examples.contains(&format!("\n{key} = ")), "{key} has no example");
    }
}

#[test]
fn every_variable_that_is_read_is_documented() {
    let sources = concat!(
        include_str!("environment.rs"),
        include_str!("files.rs"),
        include_str!("overrides.rs"),
        include_str!("profile.rs"),
        include_str!("store.rs"),
    );
    let mut count = 0;
    for rest in sources.split("\"UNLAPSE_").skip(1) {
        let name = format!("UNLAPSE_{}", rest.split('"').next().expect("a string's end"));
        assert!(PAGE.contains(&format!("| `{name}` |")), "{name} is not documented");
        count += 1;
    }
    assert!(count >= 11, "the sources read otherwise now");
}
