//! Where the next part of a list of connections begins, as a word that only we read.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::code::Code;
use crate::connection_id::ConnectionId;
use crate::name::Name;
use crate::problem::Problem;

/// Longest cursor that is read: that of two names of 256 bytes, all of them escaped.
const LONGEST: usize = 4 * 1024;

/// The cursor after `id`. It does not name the tenant, which is always the reader's.
pub(crate) fn after(id: &ConnectionId) -> String {
    let names = [id.user.as_str(), id.provider.as_str(), id.account.as_str()];
    let names = serde_json::to_vec(&names).expect("strings always make JSON");
    URL_SAFE_NO_PAD.encode(names)
}

/// The connection that a cursor stands after, in a list of `tenant`.
pub(crate) fn read(cursor: &str, tenant: &Name) -> Result<ConnectionId, Problem> {
    let read = || {
        let bytes = URL_SAFE_NO_PAD.decode(Some(cursor).filter(|it| it.len() <= LONGEST)?).ok()?;
        let [user, provider, account]: [String; 3] = serde_json::from_slice(&bytes).ok()?;
        ConnectionId::new(tenant.clone(), user, provider.parse().ok()?, account).ok()
    };
    read()
        .ok_or_else(|| Problem::new(Code::BadRequest, "the cursor is none that was given out here"))
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
            prop_assert_eq!(read(&after(&id), &name("acme")), Ok(id));
        }

        #[test]
        fn no_cursor_panics(cursor in "\\PC{0,100}") {
            let _ = read(&cursor, &name("acme"));
        }
    }

    #[test]
    fn the_longest_names_have_a_cursor() {
        let long = "\"".repeat(ConnectionId::MAX);
        let provider = name(&"p".repeat(Name::MAX));
        let id = ConnectionId::new(name("acme"), long.clone(), provider, long).expect("valid");
        assert_eq!(read(&after(&id), &name("acme")), Ok(id));
    }

    #[test]
    fn a_cursor_is_always_of_the_readers_tenant() {
        let id = ConnectionId::new(name("acme"), "a", name("google"), "b").expect("valid");
        let read = read(&after(&id), &name("other")).expect("a cursor");
        assert_eq!(read.tenant, name("other"));
    }

    #[test]
    fn hostile_cursors_stand_after_nothing() {
        let long = "A".repeat(9000);
        let named_by_nothing = URL_SAFE_NO_PAD.encode("[\"\",\"p\",\"a\"]");
        for bad in ["", "A", "e30", "💥", &named_by_nothing, &long] {
            let problem = read(bad, &name("acme")).expect_err(bad);
            assert_eq!(problem.code, Code::BadRequest, "{bad}");
        }
    }
}
