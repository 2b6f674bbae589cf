use super::*;
use proptest::prelude::*;

const SECOND: Duration = Duration::from_secs(1);

/// A GET with everything still before it.
fn fresh() -> Standing {
    Standing {
        is_idempotent: true,
        can_repeat: true,
        is_api_key: false,
        is_suspect: false,
        renewed: false,
        proven_again: false,
        is_nonce_new: true,
        failures: 1,
        attempts: 3,
        is_away: false,
        delay: SECOND,
        max_delay: 60 * SECOND,
        left: 30 * SECOND,
    }
}

fn status(status: u16) -> Outcome {
    Outcome::Answered { status, retry_after: None }
}

#[test]
fn r13_a_row_for_each_refused_token() {
    let rows: [(Standing, Step); 9] = [
        (fresh(), Step::Renew),
        (Standing { is_idempotent: false, ..fresh() }, Step::Renew),
        // What fails in between is counted apart, and so is time: the renewal has its own.
        (Standing { failures: 3, is_away: true, delay: 90 * SECOND, ..fresh() }, Step::Renew),
        (Standing { proven_again: true, ..fresh() }, Step::Renew),
        (Standing { renewed: true, ..fresh() }, Step::End),
        (Standing { is_api_key: true, ..fresh() }, Step::End),
        (Standing { is_suspect: true, ..fresh() }, Step::End),
        (Standing { can_repeat: false, ..fresh() }, Step::RenewForNext),
        (Standing { can_repeat: false, is_suspect: true, ..fresh() }, Step::End),
    ];
    for (standing, step) in rows {
        assert_eq!(decide(Outcome::Unauthorized, &standing), step, "{standing:?}");
    }
}

#[test]
fn rfc9449_9_a_row_for_each_wanted_nonce() {
    for (standing, step) in [
        (fresh(), Step::Prove),
        (Standing { renewed: true, ..fresh() }, Step::Prove),
        (Standing { is_idempotent: false, ..fresh() }, Step::Prove),
        (Standing { proven_again: true, ..fresh() }, Step::End),
        (Standing { is_nonce_new: false, ..fresh() }, Step::End),
        (Standing { can_repeat: false, ..fresh() }, Step::ProveNext),
        (Standing { can_repeat: false, proven_again: true, ..fresh() }, Step::End),
    ] {
        assert_eq!(decide(Outcome::WantsNonce, &standing), step, "{standing:?}");
    }
}

#[test]
fn c10_a_row_for_each_answer() {
    let post = Standing { is_idempotent: false, ..fresh() };
    let again = Step::Wait(SECOND);
    // What it is · of an idempotent request · of another.
    for (outcome, idempotent, other) in [
        (status(200), Step::Give, Step::Give),
        (status(304), Step::Give, Step::Give),
        (status(400), Step::Give, Step::Give),
        // RFC 6750 §3.1: insufficient_scope. Another token of the same login has no more.
        (status(403), Step::Give, Step::Give),
        (status(404), Step::Give, Step::Give),
        (status(407), Step::Give, Step::Give),
        (status(408), again, Step::Give),
        (status(425), again, Step::Give),
        (status(429), again, again),
        (status(500), again, Step::Give),
        (status(501), Step::Give, Step::Give),
        (status(502), again, Step::Give),
        (status(503), again, Step::Give),
        (status(504), again, Step::Give),
        (status(505), Step::Give, Step::Give),
        (Outcome::Unsent, again, again),
        (Outcome::Lost, again, Step::Give),
        (Outcome::Refused, Step::Give, Step::Give),
    ] {
        assert_eq!(decide(outcome, &fresh()), idempotent, "{outcome:?}");
        assert_eq!(decide(outcome, &post), other, "{outcome:?} of a POST");
    }
}

#[test]
fn c10_a_row_for_each_reason_not_to_repeat_what_failed() {
    for standing in [
        Standing { can_repeat: false, ..fresh() },
        Standing { failures: 3, ..fresh() },
        Standing { attempts: 1, ..fresh() },
        Standing { is_away: true, ..fresh() },
        // R15: who would wait in vain is told at once.
        Standing { left: SECOND, ..fresh() },
        Standing { left: Duration::ZERO, ..fresh() },
    ] {
        for outcome in [status(503), status(429), Outcome::Unsent, Outcome::Lost] {
            assert_eq!(decide(outcome, &standing), Step::Give, "{outcome:?} {standing:?}");
        }
    }
}

#[test]
fn c10_a_retry_after_is_obeyed_or_handed_on_but_never_cut_short() {
    for (wanted, step) in [(1, Step::Wait(SECOND)), (60, Step::Wait(SECOND)), (61, Step::Give)] {
        for status in [429, 503] {
            let retry_after = Some(wanted * SECOND);
            let outcome = Outcome::Answered { status, retry_after };
            assert_eq!(decide(outcome, &fresh()), step, "{status} {wanted}");
        }
    }
}

#[test]
fn r16_what_an_api_answers_to_a_token_is_no_trouble_of_its_own() {
    for (outcome, is_failure) in [
        (Outcome::Unauthorized, false),
        (Outcome::WantsNonce, false),
        (Outcome::Refused, false),
        (status(403), false),
        (status(429), false),
        (status(499), false),
        (status(500), true),
        (status(599), true),
        (status(600), false),
        (Outcome::Unsent, true),
        (Outcome::Lost, true),
    ] {
        assert_eq!(outcome.is_failure(), is_failure, "{outcome:?}");
    }
}

#[test]
fn r8_a_row_for_each_failure_that_may_have_been_done() {
    for (outcome, may_be_done) in [
        (Outcome::Lost, true),
        (status(408), true),
        (status(500), true),
        (status(504), true),
        (Outcome::Unsent, false),
        (Outcome::Refused, false),
        (Outcome::Unauthorized, false),
        (Outcome::WantsNonce, false),
        // RFC 8470 §5.2: it was not processed. RFC 6585 §4: nor was this.
        (status(425), false),
        (status(429), false),
    ] {
        assert_eq!(outcome.may_be_done(), may_be_done, "{outcome:?}");
    }
}

fn outcomes() -> impl Strategy<Value = Outcome> {
    let answered = (100_u16..700, proptest::option::of(0_u64..200)).prop_map(|(status, after)| {
        Outcome::Answered { status, retry_after: after.map(Duration::from_secs) }
    });
    prop_oneof![
        3 => Just(Outcome::Unauthorized),
        2 => Just(Outcome::WantsNonce),
        2 => Just(Outcome::Unsent),
        2 => Just(Outcome::Lost),
        1 => Just(Outcome::Refused),
        4 => answered,
        2 => Just(status(503)),
    ]
}

proptest! {
    /// A request whose server does whatever it likes, carried out as the shell does.
    #[test]
    fn r13_c10_no_server_makes_a_request_go_on(
        answers in proptest::collection::vec(outcomes(), 40),
        (is_idempotent, can_repeat, is_api_key) in any::<(bool, bool, bool)>(),
        attempts in 0_u32..6,
        delay in 0_u64..10,
    ) {
        let mut standing = Standing { is_idempotent, can_repeat, is_api_key, attempts, failures: 0,
            delay: Duration::from_secs(delay), ..fresh() };
        let (mut sent, mut renewals, mut proofs, mut failed) = (0_u32, 0, 0, 0);
        let mut maybe_done = false;
        for outcome in answers {
            sent += 1;
            // Never twice what cannot be sent twice, nor what may have been done.
            prop_assert!(can_repeat || sent == 1);
            prop_assert!(!maybe_done || is_idempotent);
            maybe_done |= outcome.may_be_done();
            standing.failures += u32::from(outcome.is_repeated_later());
            match decide(outcome, &standing) {
                Step::Renew => { renewals += 1; standing.renewed = true; }
                Step::Prove => { proofs += 1; standing.proven_again = true; }
                Step::Wait(wait) => {
                    failed += 1;
                    prop_assert!(wait < standing.left);
                    standing.left -= wait;
                }
                Step::Give | Step::End | Step::RenewForNext | Step::ProveNext => break,
            }
        }
        prop_assert!(renewals <= 1 && proofs <= 1);
        prop_assert!(failed < attempts.max(1));
        prop_assert!(sent <= attempts.max(1) + 2);
        prop_assert!(!is_api_key || renewals == 0);
    }
}
