use serde_json::json;

use super::*;
use crate::access_claims::AccessClaims;
use crate::algorithm::Algorithm;
use crate::refused::Terms;
use crate::thumbprint::Thumbprint;
use crate::verifier::GoodHeader;

fn known(tag: Tag, exp: u64) -> Arc<Known> {
    let claims: AccessClaims = serde_json::from_value(json!({
        "iss": "i", "sub": "s", "aud": "a", "client_id": "c", "exp": exp, "iat": 0, "jti": "j",
    }))
    .expect("claims");
    Arc::new(Known {
        tag,
        claims,
        header: Arc::new(GoodHeader {
            text: String::new(),
            algorithm: Algorithm::EdDsa,
            kid: "k".to_owned(),
        }),
        key: Thumbprint::from_bytes([0; 32]),
        keys_version: AtomicU64::new(0),
        denials: AtomicU64::new(0),
        terms: Arc::new(Terms::default()),
    })
}

/// Like all tokens, one that ends in what looks random: a GMAC is linear, and spreads numbers in a
/// row less evenly.
fn token(at: u32) -> String {
    Thumbprint::from_bytes(crate::sha256::sha256(&at.to_be_bytes())).to_string()
}

#[test]
fn j3_as_many_as_asked_for_are_remembered_and_never_many_more() {
    let remembered = Remembered::new(10_000).expect("a key");
    let tags: Vec<_> = (0..10_000).map(|at| remembered.tag(&token(at))).collect();
    for tag in &tags {
        remembered.insert(known(*tag, 100), UnixTime::default());
    }
    let found = tags.iter().filter(|tag| remembered.find(tag).is_some()).count();
    assert!(found > 9_900, "{found}");
    for at in 10_000..40_000 {
        let tag = remembered.tag(&token(at));
        remembered.insert(known(tag, 100), UnixTime::default());
        assert!(remembered.find(&tag).is_some(), "the newest is always there");
    }
    assert_eq!(remembered.places.len(), 16_384);
}

#[test]
fn j3_the_expired_make_room_first() {
    let remembered = Remembered::new(1).expect("a key");
    let tag = |at: u8| [at; 16];
    assert_eq!(remembered.places.len(), 2 * WAYS);
    let tags: Vec<_> = (1..=16).map(|at| tag(2 * at)).collect();
    for (at, tag) in tags.iter().enumerate() {
        let exp = if at == 5 { 10 } else { 100 };
        remembered.insert(known(*tag, exp), UnixTime::from_secs(0));
    }
    let newest = tag(200);
    remembered.insert(known(newest, 100), UnixTime::from_secs(50));
    assert!(remembered.find(&newest).is_some());
    let left: Vec<_> = (0..16).filter(|at| remembered.find(&tags[*at]).is_some()).collect();
    assert_eq!(left, [0, 1, 2, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]);
}

#[test]
fn j3_a_tag_is_of_one_token_and_one_process() {
    let (ours, theirs) = (Remembered::new(1).expect("a key"), Remembered::new(1).expect("a key"));
    assert_eq!(ours.tag("token"), ours.tag("token"));
    assert_ne!(ours.tag("token"), ours.tag("tokem"));
    assert_ne!(ours.tag("token"), theirs.tag("token"));
    // What shares a place and half of a tag is still another token.
    let (one, mut other) = ([7; 16], [7; 16]);
    other[7] = 8;
    ours.insert(known(one, 100), UnixTime::default());
    assert!(ours.find(&one).is_some() && ours.find(&other).is_none());
    let none = Remembered::new(0).expect("a key");
    none.insert(known([7; 16], 100), UnixTime::default());
    assert!(none.find(&[7; 16]).is_none());
}
