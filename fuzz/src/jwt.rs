//! An access token that may be a JWT (C8).

use core::time::Duration;

use serde_json::{Map, Value};
use unlapse_core::{Grant, JwtLook, Rules, Secret, UnixTime};

use crate::answer::NOW;

/// What a JWT says of itself reads back when it is written down; and the rules that hold it to an
/// algorithm agree with the look at it.
pub fn jwt(data: &[u8]) {
    let Ok(token) = core::str::from_utf8(data) else { return };
    let look = JwtLook::at(token);
    if let Some(look) = &look {
        assert_eq!(token.split('.').count(), 3);
        assert!(look.algorithm.len() <= token.len());
        let again = JwtLook::at(&written(look)).expect("a JWT");
        assert_eq!(again.algorithm, look.algorithm);
        near(again.expires_at, look.expires_at);
        near(again.issued_at, look.issued_at);
    }

    let grant = Grant::bearer(Secret::new(token));
    let skew = Duration::from_secs(30);
    let algorithm = look.as_ref().map_or("RS256", |look| look.algorithm.as_str());
    let check = |algorithm: &str| {
        let rules = Rules { algorithms: vec![algorithm.to_owned()], ..Rules::default() };
        rules.check(&grant, NOW, skew)
    };
    let other = format!("{algorithm}x");
    assert!(check(&other).is_err(), "a rule that anything passes");
    if check(algorithm).is_ok() {
        let look = look.as_ref().expect("only a JWT keeps that rule");
        assert!(look.expires_at.is_none_or(|end| end.plus(skew) > NOW));
        assert!(look.issued_at.is_none_or(|issued| issued <= NOW.plus(skew)));
    }
    let short = Rules { max_lifetime: Some(Duration::from_secs(60)), ..Rules::default() };
    if short.check(&grant, NOW, skew).is_ok() {
        let lifetime = look.and_then(|look| look.lifetime(NOW));
        assert!(lifetime.is_some_and(|lifetime| lifetime <= Duration::from_secs(60)));
    }
}

/// A JWT that says the same of itself.
fn written(look: &JwtLook) -> String {
    let header = Map::from_iter([("alg".to_owned(), Value::from(look.algorithm.as_str()))]);
    let date = |at: UnixTime| match at.as_millis() % 1000 {
        0 => Value::from(at.as_secs()),
        millis => format!("{}.{millis:03}", at.as_secs()).parse().expect("a number"),
    };
    let dates = [("exp", look.expires_at), ("iat", look.issued_at)];
    let claims: Map<_, _> =
        dates.into_iter().filter_map(|(name, at)| Some((name.to_owned(), date(at?)))).collect();
    let part = |object: Map<String, Value>| base64url(Value::from(object).to_string().as_bytes());
    format!("{}.{}.", part(header), part(claims))
}

/// Equal, but for what a double loses of a fraction of a second.
fn near(one: Option<UnixTime>, two: Option<UnixTime>) {
    assert_eq!(one.is_some(), two.is_some());
    let (Some(one), Some(two)) = (one, two) else { return };
    let apart = one.since(two).max(two.since(one));
    if two.as_millis().is_multiple_of(1000) {
        assert_eq!(one, two);
    } else if two.as_secs() < 1 << 40 {
        assert!(apart <= Duration::from_millis(1), "{apart:?} apart");
    }
}

/// base64url without padding (RFC 4648 §5), another implementation than the one that reads it.
fn base64url(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte));
        let word = word << (8 * (3 - chunk.len()));
        for nth in 0..=chunk.len() {
            let six = usize::try_from(word >> (18 - 6 * nth) & 63).expect("six bits");
            text.push(char::from(LETTERS[six]));
        }
    }
    text
}
