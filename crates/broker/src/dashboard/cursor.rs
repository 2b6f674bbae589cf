//! Where the next part of a list begins, as an address carries it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::code::Code;
use crate::connection_id::ConnectionId;
use crate::name::Name;
use crate::problem::Problem;

/// Longest that is read, in bytes: three names at their longest, escaped.
const LONGEST: usize = 4096;

/// After this connection.
pub(super) fn write(id: &ConnectionId) -> String {
    let names = (&id.user, id.provider.as_str(), &id.account);
    // Three texts are JSON, always.
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(&names).unwrap_or_default())
}

/// Of a list of this tenant's: a cursor names no other.
pub(super) fn read(tenant: &Name, cursor: &str) -> Result<ConnectionId, Problem> {
    let read = || {
        let bytes = URL_SAFE_NO_PAD.decode(cursor.get(..LONGEST.min(cursor.len()))?).ok()?;
        let (user, provider, account): (String, String, String) =
            serde_json::from_slice(&bytes).ok()?;
        ConnectionId::new(tenant.clone(), user, provider.parse().ok()?, account).ok()
    };
    read().ok_or_else(|| Problem::new(Code::BadRequest, "this part of the list begins nowhere"))
}

/// Before which entry of a log the next part ends.
pub(super) fn before(text: &str) -> Result<Option<u64>, Problem> {
    if text.is_empty() {
        return Ok(None);
    }
    let number = text
        .parse()
        .map_err(|_| Problem::new(Code::BadRequest, "`before` is the number of an entry"))?;
    Ok(Some(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hostile_cursors_begin_nowhere() {
        let tenant = "acme".parse().expect("a name");
        let long = "A".repeat(9000);
        for bad in ["A", "e30", "WyIiLCJwIiwiYSJd", "💥", &long] {
            assert_eq!(read(&tenant, bad).expect_err(bad).code, Code::BadRequest);
        }
        assert_eq!(before("-1").expect_err("negative").code, Code::BadRequest);
        assert_eq!(before(""), Ok(None));
        assert_eq!(before("7"), Ok(Some(7)));
    }

    proptest! {
        #[test]
        fn every_connection_is_a_cursor(user in "[^\\p{C}]{1,40}", account in "[^\\p{C}]{1,40}") {
            prop_assume!([&user, &account].into_iter().all(|text| text != "." && text != ".."));
            let name = |text: &str| text.parse::<Name>().expect("a name");
            let id = ConnectionId::new(name("acme"), user, name("google"), account).expect("valid");
            prop_assert_eq!(read(&id.tenant, &write(&id)), Ok(id));
        }
    }
}
