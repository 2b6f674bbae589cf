//! Signing keys.

use unlapse_issuer::KeptKey;

use crate::every_store::every_store;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_kept_replaced_by_who_has_seen_it_and_forgotten() {
    for kept in every_store().await {
        let (store, name) = (&kept.store, kept.name);
        let key = |kid: &str, version, document: &[u8]| KeptKey {
            kid: kid.to_owned(),
            version,
            document: document.to_vec(),
        };
        assert_eq!(store.keys().await, Ok(vec![]), "{name}");
        assert_eq!(store.insert_key("b", b"\0one").await, Ok(true), "{name}");
        assert_eq!(store.insert_key("b", b"two").await, Ok(false), "{name}");
        // In the order of the bytes, not of a language.
        for kid in ["a", "_", "B"] {
            assert_eq!(store.insert_key(kid, b"").await, Ok(true), "{name}");
        }
        assert_eq!(store.replace_key(&key("b", 2, b"x")).await, Ok(false), "{name}");
        assert_eq!(store.replace_key(&key("c", 1, b"x")).await, Ok(false), "{name}");
        assert_eq!(store.replace_key(&key("b", 1, b"next")).await, Ok(true), "{name}");
        assert_eq!(store.replace_key(&key("b", 1, b"x")).await, Ok(false), "{name}");
        let all = [key("B", 1, b""), key("_", 1, b""), key("a", 1, b""), key("b", 2, b"next")];
        assert_eq!(store.keys().await, Ok(all.to_vec()), "{name}");
        assert_eq!(store.remove_key("b").await, Ok(()), "{name}");
        assert_eq!(store.remove_key("b").await, Ok(()), "{name}: gone already");
        assert_eq!(store.keys().await, Ok(all[..3].to_vec()), "{name}");
    }
}
