use proptest::prelude::*;
use unlapse_core::{Grant, Now, Secret};

use super::*;
use crate::custody::RootKey;

struct Fixed(u8);

impl Custody for Fixed {
    fn derivation(&self) -> Result<Derivation, CustodyError> {
        Ok(Derivation::KeyFile { salt: Salt::random()? })
    }

    fn covers(&self, derivation: &Derivation) -> bool {
        matches!(derivation, Derivation::KeyFile { .. })
    }

    fn unlock(&self, _: &Derivation) -> Result<RootKey, CustodyError> {
        Ok(Zeroizing::new([self.0; 32]))
    }
}

fn sealer(secret: u8, project: &str) -> Sealer {
    Sealer::new(Arc::new(Fixed(secret)), project)
}

fn key() -> Key {
    Key::new("https://as.example").account("ann")
}

fn record() -> Record {
    let mut grant = Grant::bearer(Secret::new("eyJhbGciOiJSUzI1NiJ9.e30.c2ln"));
    grant.refresh_token = Some(Secret::new("canary-refresh"));
    Record::default().granted(grant, Now::default())
}

fn wrong_key() -> Unopened {
    Unopened::Custody(CustodyError::KeyWrong)
}

/// `sealed`, with `change` made to its header.
fn with_header(sealed: &[u8], change: impl FnOnce(&mut Header)) -> Vec<u8> {
    let (mut header, _, body) = Header::parse(sealed).expect("a header");
    change(&mut header);
    [&serde_json::to_vec(&header).expect("JSON"), &b"\n"[..], body].concat()
}

#[test]
fn c1_opens_as_sealed_and_the_header_says_what_it_is() {
    let sealed = sealer(1, "p").seal(&key(), &record()).expect("sealed");
    assert_eq!(sealer(1, "p").open(&key(), &sealed), Ok(record()));
    let (header, ..) = Header::parse(&sealed).expect("a header");
    assert_eq!(header.alg.as_deref(), Some("RS256"));
    assert_eq!((header.unlapse, header.generation, header.revision), (1, 1, 1));
    assert_eq!(header.key, key());
}

#[test]
fn c13_nothing_secret_is_in_clear() {
    let sealed = sealer(1, "p").seal(&key(), &record()).expect("sealed");
    let text = String::from_utf8_lossy(&sealed);
    assert!(!text.contains("canary") && !text.contains("eyJhbGci"));
}

#[test]
fn c2_another_secret_project_or_key_does_not_open_it() {
    let sealed = sealer(1, "p").seal(&key(), &record()).expect("sealed");
    let undecryptable = Err(Unopened::Damaged(Damage::Undecryptable));
    assert_eq!(sealer(2, "p").open(&key(), &sealed), Err(wrong_key()));
    assert_eq!(sealer(1, "q").open(&key(), &sealed), undecryptable);
    let other = Key::new("https://as.example").account("bob");
    assert_eq!(sealer(1, "p").open(&other, &sealed), Err(Unopened::OtherKey(key())));

    // Forged, so that the fingerprint or the key in clear fits: the seal itself holds.
    let text = String::from_utf8_lossy(&sealed[..sealed.iter().position(|b| *b == b'\n').unwrap()]);
    let ours = text.replace(&sealer(1, "p").fingerprint(), &sealer(1, "q").fingerprint());
    let forged = [ours.as_bytes(), &sealed[text.len()..]].concat();
    assert_eq!(sealer(1, "q").open(&key(), &forged), undecryptable);
    let renamed = text.replace("\"ann\"", "\"bob\"");
    let forged = [renamed.as_bytes(), &sealed[text.len()..]].concat();
    assert_eq!(sealer(1, "p").open(&other, &forged), undecryptable);
}

#[test]
fn c4_a_wrong_key_is_told_from_a_damaged_record() {
    let sealed = sealer(1, "p").seal(&key(), &record()).expect("sealed");
    let mut altered = sealed.clone();
    *altered.last_mut().expect("a tag") ^= 1;
    let damaged = |damage| Err(Unopened::Damaged(damage));
    assert_eq!(sealer(1, "p").open(&key(), &altered), damaged(Damage::Undecryptable));
    assert_eq!(sealer(2, "p").open(&key(), &altered), Err(wrong_key()));
    // Rot in the salt is no wrong key.
    let other = Derivation::KeyFile { salt: Salt::random().expect("random") };
    let rotten = with_header(&sealed, |header| header.custody = other);
    assert_eq!(sealer(1, "p").open(&key(), &rotten), damaged(Damage::Corrupt));
}

#[test]
fn c4_an_altered_key_check_opens_nothing() {
    let sealed = sealer(1, "p").seal(&key(), &record()).expect("sealed");
    let theirs = sealer(2, "p").seal(&key(), &record()).expect("sealed");
    let (theirs, ..) = Header::parse(&theirs).expect("a header");
    let salt = *Header::parse(&sealed).expect("a header").0.custody.salt().expect("a salt");
    // Without one, as in the first versions.
    let without = with_header(&sealed, |header| header.check = None);
    let undecryptable = Err(Unopened::Damaged(Damage::Undecryptable));
    assert_eq!(sealer(1, "p").open(&key(), &without), undecryptable);
    assert_eq!(sealer(2, "p").open(&key(), &without), undecryptable);
    // Another record's, another key's, and one that is made up.
    let moved = with_header(&sealed, |header| header.check = theirs.check);
    assert_eq!(sealer(1, "p").open(&key(), &moved), Err(Unopened::Damaged(Damage::Corrupt)));
    let (_, check) =
        sealer(2, "p").key(RECORD, &Derivation::KeyFile { salt }, &salt).expect("a key");
    let claimed = with_header(&sealed, |header| header.check = Some(check));
    assert_eq!(sealer(2, "p").open(&key(), &claimed), undecryptable);
    let made_up = with_header(&sealed, |header| header.check = Some(KeyCheck::new(&salt, [0; 8])));
    assert_eq!(sealer(1, "p").open(&key(), &made_up), Err(wrong_key()));
}

#[test]
fn c2_checks_of_one_key_do_not_show_that_it_is_one() {
    let check = || {
        let sealed = sealer(1, "p").seal(&key(), &record()).expect("sealed");
        Header::parse(&sealed).expect("a header").0.check
    };
    assert!(check().is_some());
    assert_ne!(check(), check());
}

#[test]
fn c1_a_record_of_the_first_versions_opens() {
    // Sealed before there were key checks, under `sealer(1, "p")`.
    let line = r#"{"unlapse":1,"seal":"A256GCM","custody":{"kind":"key_file","salt":"A_STnGFxkE7EM21BC33k8g"},"project":"xhgBcXMSkSJfPKEW","key":{"server":"https://as.example","account":"ann"},"generation":1,"revision":1,"alg":"RS256","stored_at":0,"nonce":"pmk9umrhOf2hlb6l"}"#;
    let body = URL_SAFE_NO_PAD.decode(
        "pie6aBH2EJ4viBroQFfrKxPnpn6h7ksJhchOdLYqnvOARCryzZgQXPnIcDP0Pw8Knx41x6Mjv4kz\
         GQCQvzM9Hm9Bd_zZt55Gtk-s_CZf7o9emyBgVWE2V78lbMR184IUj9QvJKI-xB0wSSa1fIuWlA-5\
         btOz_xuTVyVWfwOK4rgj90q98wnxTmjM9w41rFMDhUXoP5J__k6uB0e4ftyQqJPl5uXzyQU-hb2L\
         Wk_Gvr5ht8g_saf2-bgqPpDOEfIS_H3AnmbIK7H_J9rCmMBtwr3c8iEDtcb80gRu6XoqJxWCKKQZ\
         yhyFtmbXZToeRpoBllyBibWxCWwr_NicyxIRJOcCyCgGSsmriIBMdTbDx_Y0fBgsKhKH8IQ4xhe2\
         SfQvcdFs",
    );
    let sealed = [line.as_bytes(), b"\n", &body.expect("base64")].concat();
    assert_eq!(sealer(1, "p").open(&key(), &sealed), Ok(record()));
    let other = sealer(2, "p").open(&key(), &sealed);
    assert_eq!(other, Err(Unopened::Damaged(Damage::Undecryptable)));
}

#[test]
fn c2_no_nonce_or_salt_comes_twice() {
    let one = sealer(1, "p").seal(&key(), &record()).expect("sealed");
    let two = sealer(1, "p").seal(&key(), &record()).expect("sealed");
    let (one, two) = (Header::parse(&one).unwrap().0, Header::parse(&two).unwrap().0);
    assert_ne!(one.nonce, two.nonce);
    assert_ne!(one.custody, two.custody);
}

#[test]
fn c4_a_record_beyond_64_kib_is_refused_before_it_is_written() {
    let large = Record::default()
        .granted(Grant::bearer(Secret::new("x".repeat(MAX_RECORD))), Now::default());
    assert_eq!(sealer(1, "p").seal(&key(), &large), Err(StoreError::TooLarge));
    let most = Record::default()
        .granted(Grant::bearer(Secret::new("x".repeat(MAX_RECORD - 1200))), Now::default());
    let sealed = sealer(1, "p").seal(&key(), &most).expect("sealed");
    assert!(sealed.len() <= MAX_RECORD);
    assert_eq!(sealer(1, "p").open(&key(), &sealed), Ok(most));
}

#[test]
fn another_kind_of_custody_is_no_damage() {
    let machine = crate::custody::Machine::new();
    let sealed = sealer(1, "p").seal(&key(), &record()).expect("sealed");
    let other = Sealer::new(Arc::new(machine), "p").open(&key(), &sealed);
    assert_eq!(other, Err(Unopened::OtherCustody("a key file")));
}

proptest! {
    #[test]
    fn c4_a_flipped_bit_never_opens(at in any::<prop::sample::Index>(), bit in 0u8..8) {
        let mut sealed = sealer(1, "p").seal(&key(), &record()).expect("sealed");
        let at = at.index(sealed.len());
        sealed[at] ^= 1 << bit;
        prop_assert!(sealer(1, "p").open(&key(), &sealed).is_err());
    }

    #[test]
    fn c4_a_truncated_record_never_opens(at in any::<prop::sample::Index>()) {
        let sealed = sealer(1, "p").seal(&key(), &record()).expect("sealed");
        prop_assert!(sealer(1, "p").open(&key(), &sealed[..at.index(sealed.len())]).is_err());
    }

    #[test]
    fn c4_hostile_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(sealer(1, "p").open(&key(), &bytes).is_err());
    }
}
