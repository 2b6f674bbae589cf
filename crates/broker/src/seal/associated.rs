//! What is authenticated with a sealed text.

use crate::name::Name;

/// Bytes that no other kind, tenant or place shares: each part behind its length.
pub(super) fn associated(kind: &str, tenant: &Name, place: &[&[u8]]) -> Vec<u8> {
    let mut bytes = b"unlapse broker v1\0".to_vec();
    let head = [kind.as_bytes(), tenant.as_str().as_bytes()];
    for part in head.iter().chain(place) {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c2_places_do_not_run_together() {
        let name = |text: &str| text.parse::<Name>().expect("a name");
        let all = [
            associated("record", &name("acme"), &[b"ab", b"c"]),
            associated("record", &name("acme"), &[b"a", b"bc"]),
            associated("record", &name("acme"), &[b"abc"]),
            associated("record", &name("acm"), &[b"eabc"]),
            associated("app", &name("acme"), &[b"abc"]),
        ];
        for (at, one) in all.iter().enumerate() {
            assert!(!all[at + 1..].contains(one));
        }
    }
}
