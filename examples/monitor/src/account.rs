//! Whose tokens are used (K10).

use std::collections::BTreeSet;

use unlapse::Key;

use crate::failure::Failure;

/// The accounts of `endpoint` that something is kept of.
pub(crate) fn accounts(kept: &[Key], endpoint: &str) -> Vec<String> {
    let ours = kept.iter().filter(|key| key.server == endpoint);
    let accounts: BTreeSet<_> = ours.map(|key| key.account.clone()).collect();
    accounts.into_iter().collect()
}

/// The account to use: the one that was named, or the only one that there is.
pub(crate) fn choose(
    named: Option<String>,
    mut known: Vec<String>,
) -> Result<Option<String>, Failure> {
    match (named, known.len()) {
        (Some(named), _) => Ok(Some(named)),
        (None, 0 | 1) => Ok(known.pop()),
        (None, _) => Err(Failure::Usage(format!("--account: one of {}", known.join(", ")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k10_nobody_is_taken_for_another() {
        let key = |server: &str, account: &str| Key::new(server).account(account).scope("s");
        let kept = [key("a", "bob"), key("a", "ops"), key("a", "ops"), key("b", "eve")];
        let known = accounts(&kept, "a");
        assert_eq!(known, ["bob", "ops"]);
        assert!(choose(None, known.clone()).is_err(), "either could be meant");
        let named = choose(Some("new".to_owned()), known);
        assert_eq!(named.expect("named").as_deref(), Some("new"));
        let only = accounts(&kept, "b");
        assert_eq!(choose(None, only).expect("only one").as_deref(), Some("eve"));
        assert_eq!(choose(None, Vec::new()).expect("nobody"), None);
    }
}
