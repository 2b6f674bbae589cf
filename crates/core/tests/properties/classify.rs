//! What any answer means (R8).

use proptest::option;
use proptest::prelude::*;
use unlapse_core::{Answer, Body, Cause, Door, ErrorCode, Reply, Reuse, Verdict, classify};

use crate::any;

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        any::grant().prop_map(|grant| Body::Grant(Box::new(grant))),
        any::rejection().prop_map(|no| Body::Error(ErrorCode::Rejection(no))),
        prop::sample::select(vec![
            Body::Error(ErrorCode::Temporary),
            Body::Html,
            Body::Empty,
            Body::Json,
            Body::Garbage,
            Body::TooLarge,
        ]),
    ]
}

fn reply() -> impl Strategy<Value = Reply> {
    let usual =
        prop::sample::select(vec![200, 201, 302, 400, 401, 403, 408, 425, 429, 500, 502, 503, 504]);
    let status = prop_oneof![3 => usual, 1 => 100_u16..1000];
    let date = option::of(any::now().prop_map(|now| now.wall));
    (status, body(), option::of(any::span(0..600)), date)
        .prop_map(|(status, body, retry_after, date)| Reply { status, body, retry_after, date })
}

fn door() -> impl Strategy<Value = Door> {
    prop::sample::select(vec![Door::Token, Door::Login])
}

/// A status that is no verdict, whatever comes with it.
fn is_no_verdict(status: u16) -> bool {
    matches!(status, 408 | 425 | 429) || status >= 500
}

proptest! {
    #[test]
    fn r8_only_a_structured_error_rejects(reply in reply(), door in door()) {
        if let Verdict::Rejected(_) = classify(Answer::Replied(reply.clone()), door) {
            prop_assert!(!is_no_verdict(reply.status));
            let structured = matches!(reply.body, Body::Error(ErrorCode::Rejection(_)));
            let bare = door == Door::Login
                && reply.status == 401
                && matches!(reply.body, Body::Json | Body::Empty | Body::Garbage);
            prop_assert!(structured || bare, "{reply:?}");
        }
    }

    #[test]
    fn r8_granted_is_a_2xx_with_a_grant_and_nothing_else(reply in reply(), door in door()) {
        let granted = matches!(reply.body, Body::Grant(_)) && (200..300).contains(&reply.status);
        let verdict = classify(Answer::Replied(reply), door);
        prop_assert_eq!(matches!(verdict, Verdict::Granted(_)), granted);
    }

    #[test]
    fn r8_trouble_of_a_server_or_of_the_way_to_it_is_no_verdict(reply in reply(), door in door()) {
        let trouble = is_no_verdict(reply.status) || matches!(reply.body, Body::Html | Body::TooLarge);
        let wanted = reply.retry_after;
        if trouble {
            let Verdict::Transient { retry_after, .. } = classify(Answer::Replied(reply), door) else {
                return Err(TestCaseError::fail("a verdict"));
            };
            prop_assert_eq!(retry_after, wanted);
        }
    }

    #[test]
    fn r8_an_answer_that_arrived_is_neither_unsent_nor_lost(reply in reply(), door in door()) {
        let verdict = classify(Answer::Replied(reply), door);
        prop_assert!(!matches!(verdict, Verdict::Unsent(_) | Verdict::Unknown(_)));
    }

    #[test]
    fn r8_what_never_left_differs_from_what_was_lost(cause in any::cause(), door in door()) {
        prop_assert_eq!(classify(Answer::Unsent(cause), door), Verdict::Unsent(cause));
        prop_assert_eq!(classify(Answer::Lost(cause), door), Verdict::Unknown(cause));
    }

    /// R7: caution makes doubts, and nothing but doubts, and only of a gateway's silence.
    #[test]
    fn r7_caution_only_doubts(reply in reply(), door in door(), class in any::reuse()) {
        let verdict = classify(Answer::Replied(reply.clone()), door);
        let careful = verdict.clone().with_caution(class);
        if careful != verdict {
            prop_assert_eq!(class, Reuse::Strict);
            prop_assert!(matches!(reply.status, 502 | 504));
            let status = reply.status;
            prop_assert!(
                careful == Verdict::Unknown(Cause::Status(status))
                    || careful == Verdict::Unknown(Cause::Html(status))
            );
        } else if class == Reuse::Strict {
            prop_assert!(!matches!(reply.status, 502 | 504), "not careful enough");
        }
    }
}
