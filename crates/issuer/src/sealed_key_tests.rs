use super::*;
use proptest::prelude::*;

const AT: UnixTime = UnixTime::from_secs(1_800_000_000);

fn pepper(kid: &str, byte: u8) -> Pepper {
    Pepper::new(kid, &[byte; 32]).expect("valid")
}

fn peppers() -> Peppers {
    Peppers::new(pepper("b", 2)).verifying(pepper("a", 1)).expect("two names")
}

fn key(algorithm: Algorithm) -> Arc<SigningKey> {
    Arc::new(SigningKey::generate(algorithm).expect("drawn"))
}

/// One of each stage, with its name.
fn each_stage(algorithm: Algorithm) -> [(SealedKey, String); 4] {
    let key = key(algorithm);
    let kid = key.jwk().kid().to_owned();
    let jwk = Box::new(key.jwk().clone());
    [
        SealedKey::Pending { key: Arc::clone(&key), since: AT },
        SealedKey::Active { key, since: AT, due: true },
        SealedKey::Retiring { jwk, until: AT },
        SealedKey::Revoked { since: AT },
    ]
    .map(|sealed| (sealed, kid.clone()))
}

#[test]
fn j1_a_key_of_each_kind_and_stage_survives_its_document() {
    for algorithm in Algorithm::ALL {
        for (key, kid) in each_stage(algorithm) {
            let document = key.seal(&kid, &pepper("a", 1));
            assert!(document.len() < MAX);
            assert_eq!(sealed_under(&document), Some(Kid::new("a").expect("valid")));
            let opened = SealedKey::open(&kid, &document, &peppers()).expect("opens");
            assert_eq!((opened.stage(), opened.jwk()), (key.stage(), key.jwk()));
            let SealedKey::Active { key, .. } = opened else { continue };
            let signature = key.sign(b"message");
            assert!(key.jwk().key().verifies(b"message", &signature), "it still signs");
        }
    }
}

#[test]
fn j1_a_retiring_or_revoked_key_has_no_private_key() {
    let [_, _, (retiring, kid), (revoked, _)] = each_stage(Algorithm::EdDsa);
    let plain = retiring.to_plain();
    assert!(!String::from_utf8_lossy(&plain).contains("\"d\""));
    let SealedKey::Retiring { jwk, .. } = &retiring else { panic!("retiring") };
    assert!(plain.ends_with(&serde_json::to_vec(&**jwk).expect("JSON")), "the public key, no more");
    assert!(revoked.to_plain().ends_with(b"}\n"), "no key at all");
    // Base64 or not, no part of a document is readable.
    let document = retiring.seal(&kid, &pepper("a", 1));
    assert!(!String::from_utf8_lossy(&document).contains("kty"));
}

#[test]
fn j6_a_row_for_each_document_that_does_not_open() {
    let [_, (key, kid), ..] = each_stage(Algorithm::EdDsa);
    let good = key.seal(&kid, &pepper("a", 1));
    let refused = |kid: &str, document: &[u8]| SealedKey::open(kid, document, &peppers()).err();
    let damaged = Some(Unopened::Damaged);
    assert_eq!(refused(&kid, &good), None);
    assert_eq!(refused("another place", &good), damaged);
    let gone = key.seal(&kid, &pepper("gone", 1));
    assert_eq!(refused(&kid, &gone), Some(Unopened::Pepper("gone".to_owned())));
    assert_eq!(refused(&kid, &key.seal(&kid, &pepper("a", 9))), damaged, "another secret");
    // As the other pepper's: the line is authenticated.
    let relabelled = [format!("{PREFIX}b\n").as_bytes(), &good[PREFIX.len() + 2..]].concat();
    assert_eq!(refused(&kid, &relabelled), damaged);
    let hostile: [&[u8]; 7] = [
        b"",
        b"\n",
        PREFIX.as_bytes(),
        &good[..good.len() - 1],
        &good[..PREFIX.len() + 2 + NONCE_LEN],
        &[PREFIX.as_bytes(), b"../etc\nxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"].concat(),
        &vec![b'u'; MAX + 1],
    ];
    for document in hostile {
        assert_eq!(refused(&kid, document), damaged, "{:?}", String::from_utf8_lossy(document));
    }
    // Rightly sealed, by an issuer that meant something else.
    for plain in [
        r#"{"stage":"active","at":1,"alg":"none"}"#,
        r#"{"stage":"active","at":1}"#,
        r#"{"stage":"other","at":1}"#,
        r#"{"stage":"revoked","at":1,"more":1}"#,
        r#"{"stage":"revoked"}"#,
        "",
    ] {
        assert!(SealedKey::from_plain(format!("{plain}\n").as_bytes()).is_none(), "{plain}");
    }
    let other = SealedKey::Active { key: self::key(Algorithm::EdDsa), since: AT, due: false };
    assert_eq!(refused(&kid, &other.seal(&kid, &pepper("a", 1))), damaged, "another key's name");
}

proptest! {
    #[test]
    fn j6_no_changed_document_opens(at in 0_usize..300, bit in 0_u8..8) {
        let (revoked, kid) = (SealedKey::Revoked { since: AT }, "kid");
        let mut document = revoked.seal(kid, &pepper("a", 1));
        let at = at % document.len();
        document[at] ^= 1 << bit;
        prop_assert!(SealedKey::open(kid, &document, &peppers()).is_err());
    }

    #[test]
    fn j6_no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let document = [PREFIX.as_bytes(), &bytes].concat();
        prop_assert!(SealedKey::open("kid", &document, &peppers()).is_err());
    }
}
