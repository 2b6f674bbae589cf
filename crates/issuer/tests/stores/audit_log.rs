//! The audit log.

use std::net::{IpAddr, Ipv6Addr};

use unlapse_issuer::{Audit, AuditEntry, Event, RevokedBecause};

use crate::every_store::{after, every_store, session};

/// An entry of that moment, with everything in it or with nothing.
pub(crate) fn entry(at: u64, whole: bool) -> AuditEntry {
    let audit = Audit {
        at: after(at),
        event: if whole { Event::Revoked(RevokedBecause::Owner) } else { Event::Rotated },
        session: whole.then(|| session(1, "ada").id),
        subject: whole.then_some("Ada \"Löwe\"\n\u{1f512}"),
        client: whole.then_some("app"),
        peer: whole.then_some(IpAddr::V6(Ipv6Addr::LOCALHOST)),
    };
    AuditEntry::from(&audit)
}

#[tokio::test(flavor = "multi_thread")]
async fn j2_entries_are_added_in_their_order() {
    for kept in every_store().await {
        let (store, name) = (&kept.store, kept.name);
        assert_eq!(store.append(&[]).await, Ok(()), "{name}");
        // More than one digit of their number: their order is that of numbers.
        let entries: Vec<_> = (0..25).map(|number| entry(100 - number, number % 2 == 0)).collect();
        assert_eq!(store.append(&entries).await, Ok(()), "{name}");
        assert_eq!(store.append(&[entry(7, true)]).await, Ok(()), "{name}");
        let found = kept.audit();
        let expected = entries.iter().chain([&entries[0]]).map(|entry| (entry.at, entry.event));
        let mut expected: Vec<_> = expected.map(|(at, event)| (at, event.to_owned())).collect();
        expected.last_mut().expect("some").0 = after(7).as_millis();
        assert_eq!(found, expected, "{name}");
    }
}
