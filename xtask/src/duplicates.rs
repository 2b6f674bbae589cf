//! Crates built in more than one version: information, since only their authors can end it.

use std::collections::{BTreeMap, BTreeSet};

/// `(name, version)` pairs in, each name with several versions out.
pub(crate) fn duplicates<'a>(
    packages: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> BTreeMap<&'a str, BTreeSet<&'a str>> {
    let mut versions: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for (name, version) in packages {
        versions.entry(name).or_default().insert(version);
    }
    versions.retain(|_, versions| versions.len() > 1);
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_with_several_versions_are_listed() {
        let found = duplicates([("a", "1.0.0"), ("b", "1.0.0"), ("a", "2.0.0"), ("b", "1.0.0")]);
        assert_eq!(found, BTreeMap::from([("a", BTreeSet::from(["1.0.0", "2.0.0"]))]));
    }
}
