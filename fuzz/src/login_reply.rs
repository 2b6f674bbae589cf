//! The reply of a JSON login endpoint (C9).

use core::time::Duration;

use unlapse_core::{Body, Door, Rules, classify};
use unlapse_oauth::{ReplyFields, parse_login};

use crate::answer::{Answer, NOW};

/// As for a token endpoint; but a bare 401 is a no, unless somebody else's web page says it. Where
/// the fields are configured by name, no other name is a token.
pub fn login_reply(data: &[u8]) {
    let Some(answer) = Answer::read(data) else { return };
    let parse = |answer: &Answer<'_>, fields: &ReplyFields| {
        parse_login(answer.status, &answer.headers, answer.body, NOW, fields)
    };
    let usual = ReplyFields::default();
    let reply = parse(&answer, &usual);
    assert_eq!(reply, parse(&answer, &usual), "the same answer, another reading");
    let verdict = classify(unlapse_core::Answer::Replied(reply.clone()), Door::Login);
    answer.check(&reply, &verdict, Door::Login);

    if matches!(reply.body, Body::Grant(_) | Body::Error(_)) {
        let page = answer.with_type("text/html");
        assert_eq!(parse(&page, &usual).body, reply.body, "by its Content-Type");
    }
    let nowhere = ReplyFields { access_token: vec!["a name.that nobody/uses".to_owned()], ..usual };
    if let Body::Grant(grant) = parse(&answer, &nowhere).body {
        // A success without the token that was asked for: what the rules refuse, and nothing else.
        let refused = Rules::default().check(&grant, NOW, Duration::ZERO);
        assert!(refused.is_err(), "a token by another name");
    }
}
