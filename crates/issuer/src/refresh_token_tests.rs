use proptest::prelude::*;
use unlapse_core::UnixTime;

use super::*;
use crate::policy::Policy;
use crate::session::Opening;

fn pepper(name: &str, byte: u8) -> Pepper {
    Pepper::new(name, &[byte; 32]).expect("valid")
}

fn session(kid: &str) -> Session {
    let kid = Kid::new(kid).expect("valid");
    let now = UnixTime::from_secs(1000);
    let opening = Opening { subject: "ada", client: "app", ..Opening::default() };
    Session::begin(opening, kid, now, &Policy::default())
}

fn mint(session: &Session, peppers: &Peppers) -> Secret {
    RefreshToken::mint(session, peppers).expect("the pepper is there")
}

#[test]
fn j1_reads_back_and_is_the_same_every_time() {
    let peppers = Peppers::new(pepper("a", 1));
    let mut session = session("a");
    session.generation = 7;
    let text = mint(&session, &peppers);
    assert_eq!(text, mint(&session, &peppers));
    assert!(text.len() <= RefreshToken::MAX);
    let token = RefreshToken::parse(text.expose(), &peppers).expect("ours");
    assert_eq!((token.session(), token.generation()), (session.id, 7));
    assert!(token.is_of(&session, &peppers));
    session.generation = 8;
    assert_ne!(text, mint(&session, &peppers));
}

#[test]
fn j1_the_newest_pepper_signs_and_the_older_verifies() {
    let old = Peppers::new(pepper("a", 1));
    let session = session("a");
    let text = mint(&session, &old);
    let both = Peppers::new(pepper("b", 2)).verifying(pepper("a", 1)).expect("two names");
    let token = RefreshToken::parse(text.expose(), &both).expect("still ours");
    assert!(token.is_of(&session, &both));
    assert_eq!(mint(&session, &both), text, "the current generation stays under its own pepper");
    let gone = Peppers::new(pepper("b", 2));
    let bad = RefreshToken::parse(text.expose(), &gone);
    assert_eq!(bad, Err(BadRefreshToken::UnknownPepper));
    assert_eq!(RefreshToken::mint(&session, &gone), None);
}

#[test]
fn j6_another_pepper_of_the_same_name_makes_no_token() {
    let text = mint(&session("a"), &Peppers::new(pepper("a", 1)));
    let other = Peppers::new(pepper("a", 2));
    assert_eq!(RefreshToken::parse(text.expose(), &other), Err(BadRefreshToken::Malformed));
}

#[test]
fn j6_the_pepper_alone_makes_no_token_of_a_session() {
    let peppers = Peppers::new(pepper("a", 1));
    let real = session("a");
    // All that a thief of the pepper lacks is the salt.
    let forged = Session { salt: crate::session::Salt::from_bytes([0; 16]), ..real.clone() };
    let text = mint(&forged, &peppers);
    let token = RefreshToken::parse(text.expose(), &peppers).expect("passes the outer MAC");
    assert!(!token.is_of(&real, &peppers));
    assert!(!token.is_of(&session("a"), &peppers), "nor of another session");
}

#[test]
fn j6_every_flipped_bit_and_every_cut_is_malformed() {
    let peppers = Peppers::new(pepper("a", 1));
    let text = mint(&session("a"), &peppers);
    let encoded = text.expose().strip_prefix("v1.a.").expect("the form");
    let body = URL_SAFE_NO_PAD.decode(encoded).expect("base64url");
    for bit in 0..body.len() * 8 {
        let mut body = body.clone();
        body[bit / 8] ^= 1 << (bit % 8);
        let text = format!("v1.a.{}", URL_SAFE_NO_PAD.encode(body));
        assert_eq!(RefreshToken::parse(&text, &peppers), Err(BadRefreshToken::Malformed), "{bit}");
    }
    for end in 0..text.len() {
        let cut = RefreshToken::parse(&text.expose()[..end], &peppers);
        assert_eq!(cut, Err(BadRefreshToken::Malformed), "{end}");
    }
    for bad in [
        format!("{}=", text.expose()),
        format!("{} ", text.expose()),
        format!("{}.x", text.expose()),
        text.expose().replacen("v1", "v2", 1),
        text.expose().replacen(".a.", "..", 1),
        "v1.a.".repeat(100_000),
    ] {
        assert_eq!(RefreshToken::parse(&bad, &peppers), Err(BadRefreshToken::Malformed));
    }
}

proptest! {
    #[test]
    fn j6_no_text_panics_or_passes(text in "\\PC*", body in proptest::collection::vec(any::<u8>(), 72)) {
        let peppers = Peppers::new(pepper("a", 1));
        prop_assert!(RefreshToken::parse(&text, &peppers).is_err());
        let named = format!("v1.a.{text}");
        prop_assert!(RefreshToken::parse(&named, &peppers).is_err());
        let whole = format!("v1.a.{}", URL_SAFE_NO_PAD.encode(body));
        prop_assert_eq!(RefreshToken::parse(&whole, &peppers), Err(BadRefreshToken::Malformed));
    }
}
