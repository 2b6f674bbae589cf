//! Where the next part of a list begins, as a word that only we read.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::refusal::Refusal;
use crate::connection_id::ConnectionId;
use crate::name::Name;

/// Longest cursor that is read: that of two names of 256 bytes, all of them escaped.
const LONGEST: usize = 4 * 1024;

/// The cursor after `id`. It does not name the tenant, which is always the caller's.
pub(super) fn after(id: &ConnectionId) -> String {
    let names = [id.user.as_str(), id.provider.as_str(), id.account.as_str()];
    let names = serde_json::to_vec(&names).expect("strings always make JSON");
    URL_SAFE_NO_PAD.encode(names)
}

/// The connection that a cursor stands after.
pub(super) fn read(cursor: &str, tenant: &Name) -> Result<ConnectionId, Refusal> {
    let read = || {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok().filter(|_| cursor.len() <= LONGEST)?;
        let [user, provider, account]: [String; 3] = serde_json::from_slice(&bytes).ok()?;
        ConnectionId::new(tenant.clone(), user, provider.parse().ok()?, account).ok()
    };
    read().ok_or_else(|| Refusal::bad_request("`cursor` is none that was given out here"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn name(text: &str) -> Name {
        text.parse().expect("a name")
    }

    proptest! {
        #[test]
        fn every_cursor_reads_back(user in "[^\\p{C}]{1,60}", account in "[^\\p{C}]{1,60}") {
            prop_assume!([&user, &account].into_iter().all(|text| text != "." && text != ".."));
            let id = ConnectionId::new(name("acme"), user, name("google"), account).expect("valid");
            prop_assert_eq!(read(&after(&id), &name("acme")).ok(), Some(id));
        }

        #[test]
        fn no_cursor_panics(cursor in "\\PC{0,100}") {
            let _ = read(&cursor, &name("acme"));
        }
    }

    #[test]
    fn a_cursor_is_always_of_the_callers_tenant() {
        let id = ConnectionId::new(name("acme"), "a", name("google"), "b").expect("valid");
        let read = read(&after(&id), &name("other")).expect("a cursor");
        assert_eq!(read.tenant, name("other"));
        assert!(super::read(&URL_SAFE_NO_PAD.encode("[\"\",\"p\",\"a\"]"), &name("a")).is_err());
    }
}
