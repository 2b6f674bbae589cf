use zeroize::Zeroizing;

use super::*;
use crate::key::Key;
use crate::outbox::{EntryId, RequestMessage};
use crate::secret::Secret;

const NOW: UnixTime = UnixTime::from_secs(1_000_000);

fn entry(method: &str, progress: Progress) -> QueuedRequest {
    QueuedRequest {
        id: EntryId { number: 1, tag: 1 },
        key: Key::new("acme"),
        message: RequestMessage {
            method: method.to_owned(),
            url: Secret::new("https://api.example/"),
            headers: Vec::new(),
            body: Zeroizing::default(),
        },
        idempotency_key: "k".to_owned(),
        queued_at: NOW,
        progress,
    }
}

fn doubted() -> Progress {
    Progress { attempts: 1, doubt_since: Some(NOW), ..Progress::default() }
}

fn replied(status: u16) -> Outcome {
    Outcome::Replied { status, retry_after: None, is_replayed: false }
}

/// The decision, in a word.
fn word(outcome: Outcome, method: &str, progress: Progress) -> &'static str {
    let policy = OutboxPolicy::default();
    match decide(outcome, &entry(method, progress), NOW, &policy, &mut Dice::new(1)) {
        Next::Sent => "sent",
        Next::TryAgain(wait) if wait.is_asked => "asked",
        Next::TryAgain(_) => "again",
        Next::Blocked(_) => "blocked",
        Next::Refused => "refused",
    }
}

#[test]
fn k12_a_row_for_each_outcome() {
    let fresh = Progress::default;
    let rows = [
        (replied(200), fresh(), "sent"),
        (replied(201), fresh(), "sent"),
        (replied(202), doubted(), "sent"),
        (replied(204), fresh(), "sent"),
        (replied(303), fresh(), "sent"),
        (replied(304), fresh(), "sent"),
        // The token goes to the origin that was named, and nowhere else.
        (replied(301), fresh(), "refused"),
        (replied(302), fresh(), "refused"),
        (replied(307), fresh(), "refused"),
        (replied(400), fresh(), "refused"),
        // Whoever is logged in anew may be let in.
        (replied(401), fresh(), "blocked"),
        (replied(403), fresh(), "refused"),
        (replied(404), doubted(), "refused"),
        (replied(408), fresh(), "again"),
        (replied(425), fresh(), "again"),
        (replied(429), fresh(), "again"),
        // A conflict with what is there; or with our own earlier attempt, but not for ever.
        (replied(409), fresh(), "refused"),
        (replied(409), doubted(), "again"),
        (replied(409), Progress { conflicts: 4, ..doubted() }, "again"),
        (replied(409), Progress { conflicts: 5, ..doubted() }, "refused"),
        // The key was used for another request.
        (replied(422), doubted(), "refused"),
        (replied(500), fresh(), "again"),
        (replied(502), doubted(), "again"),
        (replied(503), fresh(), "again"),
        (replied(501), fresh(), "refused"),
        (replied(505), fresh(), "refused"),
        (Outcome::Unsent(Cause::Connect), fresh(), "again"),
        (Outcome::Lost(Cause::Timeout), fresh(), "again"),
        (Outcome::Lost(Cause::Broken), doubted(), "again"),
        (
            Outcome::NoToken { trouble: TokenTrouble::LoginNeeded, retry_at: None },
            fresh(),
            "blocked",
        ),
        (Outcome::NoToken { trouble: TokenTrouble::Denied, retry_at: None }, fresh(), "blocked"),
        (Outcome::NoToken { trouble: TokenTrouble::Away, retry_at: None }, fresh(), "again"),
        (Outcome::NoToken { trouble: TokenTrouble::Away, retry_at: Some(NOW) }, fresh(), "again"),
    ];
    for (outcome, progress, expected) in rows {
        assert_eq!(word(outcome, "POST", progress), expected, "{outcome:?} after {progress:?}");
    }
}

#[test]
fn k12_what_is_to_be_gone_and_is_gone_is_done() {
    for (status, progress, expected) in
        [(404, doubted(), "sent"), (410, doubted(), "sent"), (404, Progress::default(), "refused")]
    {
        assert_eq!(word(replied(status), "DELETE", progress), expected, "{status}");
    }
}

#[test]
fn k12_an_answer_that_is_repeated_for_its_key_will_not_get_better() {
    for (status, expected) in [(500, "refused"), (503, "refused"), (201, "sent"), (429, "again")] {
        let outcome = Outcome::Replied { status, retry_after: None, is_replayed: true };
        assert_eq!(word(outcome, "POST", doubted()), expected, "{status}");
    }
}

#[test]
fn r15_retry_after_is_obeyed_up_to_its_cap() {
    let policy = OutboxPolicy::default();
    for (secs, expected) in [(7, 7), (10_000, 3600)] {
        let retry_after = Some(Duration::from_secs(secs));
        let outcome = Outcome::Replied { status: 503, retry_after, is_replayed: false };
        let entry = entry("POST", Progress::default());
        let next = decide(outcome, &entry, NOW, &policy, &mut Dice::new(1));
        let until = NOW.plus(Duration::from_secs(expected));
        assert_eq!(next, Next::TryAgain(Wait { until, is_asked: true }));
    }
}

#[test]
fn r15_the_wait_grows_with_the_attempts_and_has_an_end() {
    let policy = OutboxPolicy::default();
    let longest = |attempts| {
        let entry = entry("POST", Progress { attempts, ..Progress::default() });
        let mut dice = Dice::new(3);
        let waits = (0..200).map(|_| match decide(replied(503), &entry, NOW, &policy, &mut dice) {
            Next::TryAgain(wait) => wait.until.since(NOW),
            other => panic!("{other:?}"),
        });
        waits.max().expect("some")
    };
    assert!(longest(0) <= policy.base_delay);
    assert!(longest(4) > Duration::from_secs(8) && longest(4) <= Duration::from_secs(16));
    assert!(longest(u32::MAX) <= policy.max_delay);
}

#[test]
fn r15_the_wait_for_a_token_grows_as_well() {
    let policy = OutboxPolicy::default();
    let mut dice = Dice::new(5);
    let longest = |trouble, mut progress: Progress, times: u32, dice: &mut Dice| {
        let outcome = Outcome::NoToken { trouble, retry_at: None };
        let mut longest = Duration::ZERO;
        for _ in 0..times {
            let next = decide(outcome, &entry("POST", progress), NOW, &policy, dice);
            let (Next::TryAgain(wait) | Next::Blocked(wait)) = next else { panic!("{next:?}") };
            longest = longest.max(wait.until.since(NOW));
            progress = progress.after(outcome, next, NOW);
        }
        (longest, progress)
    };
    for trouble in [TokenTrouble::LoginNeeded, TokenTrouble::Denied, TokenTrouble::Away] {
        let sent = Progress { attempts: 9, ..Progress::default() };
        let (first, _) = longest(trouble, sent, 1, &mut dice);
        assert!(first <= policy.base_delay, "{trouble:?}: tries without a token are counted apart");
        let (later, progress) = longest(trouble, sent, 100, &mut dice);
        assert!(later > policy.max_delay / 2 && later <= policy.max_delay, "{trouble:?} {later:?}");
        assert_eq!((progress.attempts, progress.tokenless), (9, 100), "{trouble:?}: none was sent");
        // There is one again: what goes wrong from now on is counted anew.
        let wait = Next::TryAgain(Wait { until: NOW, is_asked: false });
        assert_eq!(progress.after(replied(503), wait, NOW).tokenless, 0);
        assert_eq!(progress.retried().tokenless, 0);
    }
}

#[test]
fn r10_a_breaker_of_ours_makes_the_line_wait_and_a_hurry_cuts_it() {
    let policy = OutboxPolicy::default();
    let entry = entry("POST", Progress::default());
    for (secs, expected) in [(1800, 1800), (1_000_000, 3600)] {
        let until = NOW.plus(Duration::from_secs(secs));
        let outcome = Outcome::NoToken { trouble: TokenTrouble::Away, retry_at: Some(until) };
        let next = decide(outcome, &entry, NOW, &policy, &mut Dice::new(1));
        let until = NOW.plus(Duration::from_secs(expected));
        assert_eq!(next, Next::TryAgain(Wait { until, is_asked: false }));
        let progress = entry.progress.after(outcome, next, NOW);
        for (hurry, expected) in
            [(Hurry::No, Ready::Wait(until)), (Hurry::Token, Ready::Go), (Hurry::All, Ready::Go)]
        {
            assert_eq!(ready(&progress, false, NOW, hurry, &policy), expected, "{hurry:?}");
        }
    }
}

#[test]
fn r11_a_clock_that_was_put_right_does_not_block_a_line_for_years() {
    let policy = OutboxPolicy::default();
    let then = NOW.plus(Duration::from_secs(5 * 365 * 86_400));
    // A minute was asked for, by a clock that was years ahead.
    let retry_after = Some(Duration::from_secs(60));
    let outcome = Outcome::Replied { status: 429, retry_after, is_replayed: false };
    let next =
        decide(outcome, &entry("POST", Progress::default()), then, &policy, &mut Dice::new(1));
    let progress = Progress::default().after(outcome, next, then);
    assert!(matches!(ready(&progress, false, then, Hurry::All, &policy), Ready::Wait(_)));
    assert_eq!(ready(&progress, false, NOW, Hurry::No, &policy), Ready::Go);
    // What was asked for by a clock that was set back by an hour is still obeyed.
    let hour_ahead = NOW.plus(Duration::from_secs(3600));
    let next = decide(
        outcome,
        &entry("POST", Progress::default()),
        hour_ahead,
        &policy,
        &mut Dice::new(1),
    );
    let progress = Progress::default().after(outcome, next, hour_ahead);
    assert!(matches!(ready(&progress, false, NOW, Hurry::All, &policy), Ready::Wait(_)));

    // How old a doubt of the future is, nobody knows. One that is close counts from now on.
    let doubt = |since| Progress { doubt_since: Some(since), ..doubted() };
    assert_eq!(ready(&doubt(then), false, NOW, Hurry::No, &policy), Ready::TooLate);
    assert_eq!(ready(&doubt(then), true, NOW, Hurry::No, &policy), Ready::Go);
    assert_eq!(ready(&doubt(hour_ahead), false, NOW, Hurry::No, &policy), Ready::Go);
    assert_eq!(doubt(hour_ahead).begun(NOW).doubt_since, Some(NOW));
}

#[test]
fn k12_a_row_for_each_way_to_be_ready() {
    let policy = OutboxPolicy::default();
    let until = NOW.plus(Duration::from_secs(9));
    let waits = |is_asked| Progress { wait: Some(Wait { until, is_asked }), ..Progress::default() };
    let after =
        |what, is_asked| Progress { setback: Some(Setback { at: NOW, what }), ..waits(is_asked) };
    let no_token = |is_asked| after(Mishap::NoToken(TokenTrouble::LoginNeeded), is_asked);
    let refused = after(Mishap::Answered(401), false);
    let day_old = Progress { doubt_since: Some(NOW.minus(policy.key_lives)), ..doubted() };
    let young = Progress { doubt_since: Some(NOW.minus(Duration::from_secs(9))), ..doubted() };
    let failed = Progress { is_failed: true, ..day_old };
    let rows = [
        (Progress::default(), false, Hurry::No, Ready::Go),
        (waits(false), false, Hurry::No, Ready::Wait(until)),
        (waits(false), false, Hurry::All, Ready::Go),
        (waits(true), false, Hurry::All, Ready::Wait(until)),
        // A token that has come helps those who had none. One that was refused is followed by another,
        // which is no reason to send its request again.
        (no_token(false), false, Hurry::No, Ready::Wait(until)),
        (no_token(false), false, Hurry::Token, Ready::Go),
        (refused, false, Hurry::Token, Ready::Wait(until)),
        (refused, false, Hurry::All, Ready::Go),
        (after(Mishap::Answered(503), false), false, Hurry::Token, Ready::Wait(until)),
        (waits(false), false, Hurry::Token, Ready::Wait(until)),
        (young, false, Hurry::No, Ready::Go),
        (day_old, false, Hurry::All, Ready::TooLate),
        // PUT and DELETE need no key to be safe.
        (day_old, true, Hurry::All, Ready::Go),
        (failed, false, Hurry::All, Ready::Failed),
    ];
    for (progress, is_idempotent, hurry, expected) in rows {
        let found = ready(&progress, is_idempotent, NOW, hurry, &policy);
        assert_eq!(found, expected, "{progress:?} {is_idempotent} {hurry:?}");
    }
}

#[test]
fn k12_only_what_may_have_been_acted_upon_leaves_a_doubt() {
    let wait = Next::TryAgain(Wait { until: NOW, is_asked: false });
    let away = Outcome::NoToken { trouble: TokenTrouble::Away, retry_at: None };
    for (outcome, doubt, attempts) in [
        (Outcome::Unsent(Cause::Connect), None, 1),
        (Outcome::Lost(Cause::Timeout), Some(NOW), 1),
        (replied(429), None, 1),
        (replied(502), Some(NOW), 1),
        (away, None, 0),
    ] {
        let after = Progress::default().after(outcome, wait, NOW);
        assert_eq!((after.doubt_since, after.attempts), (doubt, attempts), "{outcome:?}");
    }
    // A doubt that there was stays, and stays as old as it is.
    let earlier = Some(NOW.minus(Duration::from_secs(5)));
    let before = Progress { doubt_since: earlier, ..doubted() };
    for outcome in [Outcome::Unsent(Cause::Connect), replied(429), replied(503), away] {
        assert_eq!(before.after(outcome, wait, NOW).doubt_since, earlier, "{outcome:?}");
    }
    assert_eq!(before.begun(NOW).doubt_since, earlier);
    assert_eq!(Progress::default().begun(NOW).doubt_since, Some(NOW));
}

#[test]
fn k12_what_is_refused_stands_aside_until_a_person_puts_it_back() {
    let failed = doubted().after(replied(422), Next::Refused, NOW);
    assert!(failed.is_failed && failed.wait.is_none());
    assert_eq!(failed.setback.map(|setback| setback.what), Some(Mishap::Answered(422)));
    let back = failed.retried();
    let policy = OutboxPolicy::default();
    assert_eq!(ready(&back, false, NOW, Hurry::No, &policy), Ready::Go);
    let late = doubted().too_late(NOW);
    assert_eq!(ready(&late, false, NOW, Hurry::All, &policy), Ready::Failed);
}
