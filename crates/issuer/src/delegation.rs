//! Who acts for whom (RFC 8693 §4.1), as a pure function.

use serde_json::{Value, json};

/// So many act for one another at most: what is nested deeper, verifiers do not read.
const MOST: usize = 4;

/// The chain of actors cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadDelegation;

/// The `act` of a token for somebody for whom `before` acted already, when `actor` acts now.
/// Without an actor the chain stays as it is: an exchange never hides who has acted. `may_act` is
/// who may, where the token of the subject says (§4.4).
pub(crate) fn act(
    before: Option<&Value>,
    actor: Option<&str>,
    may_act: Option<&Value>,
) -> Result<Option<Value>, BadDelegation> {
    let Some(actor) = actor else { return Ok(before.cloned()) };
    if may_act.is_some_and(|may| may["sub"] != actor) {
        return Err(BadDelegation);
    }
    let mut act = json!({ "sub": actor });
    let Some(before) = before else { return Ok(Some(act)) };
    let chain = core::iter::successors(Some(before), |actor| actor.get("act"));
    if chain.take(MOST).count() == MOST {
        return Err(BadDelegation);
    }
    act["act"] = before.clone();
    Ok(Some(act))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc8693_4_1_a_row_for_each_chain() {
        let one = json!({"sub": "a"});
        let two = json!({"sub": "b", "act": one});
        let four = json!({"sub": "d", "act": {"sub": "c", "act": two}});
        let may_b = json!({"sub": "b"});
        for (before, actor, may_act, expected) in [
            (None, None, None, Ok(None)),
            (None, Some("a"), None, Ok(Some(one.clone()))),
            (Some(&one), None, None, Ok(Some(one.clone()))),
            (Some(&one), Some("b"), None, Ok(Some(two.clone()))),
            (Some(&one), Some("b"), Some(&may_b), Ok(Some(two.clone()))),
            (Some(&one), Some("c"), Some(&may_b), Err(BadDelegation)),
            (None, Some("b"), Some(&json!("b")), Err(BadDelegation)),
            (Some(&four), Some("e"), None, Err(BadDelegation)),
            (Some(&four), None, None, Ok(Some(four.clone()))),
        ] {
            assert_eq!(act(before, actor, may_act), expected, "{before:?} {actor:?}");
        }
    }
}
