//! What a row came to: decided from the numbers alone.

use std::time::Duration;

use super::row::Row;
use super::tally::{Ending, Handed, Ran, Tally};

/// Requests for each command, at most: a few attempts, and no loop.
const REQUESTS_EACH: u64 = 5;

/// How a row ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing was lost.
    Pass,
    /// What went wrong, a sentence each.
    Fail(Vec<String>),
    /// The row says nothing about this command: why.
    NotApplicable(String),
}

impl Verdict {
    pub(super) fn of(row: Row, tally: &Tally) -> Self {
        let failures = failures(row, tally);
        if failures.is_empty() { Self::Pass } else { Self::Fail(failures) }
    }

    /// Its name in JSON.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail(_) => "fail",
            Self::NotApplicable(_) => "not_applicable",
        }
    }
}

/// Everything that should not have been seen.
fn failures(row: Row, tally: &Tally) -> Vec<String> {
    let mut failures = Vec::new();
    let mut fail = |count: u64, what: &str| {
        if count > 0 {
            failures.push(format!("{count} × {what}"));
        }
    };
    for (handed, count) in &tally.wrong {
        fail(*count, wrong(*handed));
    }
    fail(tally.ended(Ending::Overdue), "not ended within the deadline");
    for (place, count) in &tally.leaks {
        fail(*count, place);
    }
    // A strict server's lost reply cannot be told from a reply that is still to come: one more use
    // of the token is the last resort, and ends the family.
    if row != Row::Strict {
        fail(tally.families_revoked, "login revoked, because a refresh token was used twice");
    }
    match row {
        Row::Storm => {
            let good = tally.ended(Ending::Exit(0));
            fail(tally.commands() - good, "no token from a server that is well");
        }
        Row::Strict => {
            fail(tally.silent, "failed without a word on stderr");
            let most = REQUESTS_EACH * tally.commands();
            fail(tally.requests.saturating_sub(most), "request more than anybody needs: a loop");
        }
        _ => {}
    }
    if let Some(why) = &tally.stuck {
        failures.push(format!("its daemon did not start again: {why}"));
    }
    if row != Row::Strict && tally.recovered.is_none() {
        let said = match &tally.said {
            Some(said) => format!(": {said}"),
            None => String::new(),
        };
        failures.push(format!("no valid token after the fault was over{said}"));
    }
    failures
}

/// What a command printed that ended with 0 and should have printed a valid token.
pub(super) fn wrong(handed: Handed) -> &'static str {
    match handed {
        Handed::Valid => "exit 0, and a valid token",
        Handed::Nothing => "exit 0 and no token",
        Handed::Ended => "exit 0 with a token that has ended",
        Handed::Revoked => "exit 0 with a token that is revoked",
        Handed::Foreign => "exit 0 with something that is no token of the server",
    }
}

/// What was seen, in a sentence.
pub(super) fn evidence(tally: &Tally) -> String {
    if tally.endings.is_empty() {
        return "no command was run to its end".to_owned();
    }
    let endings: Vec<_> = tally
        .endings
        .iter()
        .map(|(ending, count)| format!("{} × {count}", name(*ending)))
        .collect();
    let tokens = match (tally.valid, tally.invalid()) {
        (0, 0) => "no token".to_owned(),
        (valid, 0) => format!("{valid} tokens, all valid"),
        (valid, invalid) => format!("{valid} valid tokens, {invalid} invalid"),
    };
    let recovered = match tally.recovered {
        Some(after) => format!("; well again after {}", seconds(after)),
        None => String::new(),
    };
    format!(
        "{} commands ({}), {} at most; {tokens}; {} token requests, {} renewals, {} replays; {} \
         families revoked{recovered}",
        tally.commands(),
        endings.join(", "),
        seconds(tally.slowest),
        tally.requests,
        tally.renewals,
        tally.replays,
        tally.families_revoked,
    )
}

/// How one command ended, in words.
pub(super) fn told(ran: &Ran) -> String {
    match ran.ending {
        Ending::Exit(0) => wrong(ran.handed).to_owned(),
        ending => name(ending),
    }
}

fn name(ending: Ending) -> String {
    match ending {
        Ending::Exit(code) => format!("exit {code}"),
        Ending::Signal(signal) => format!("signal {signal}"),
        Ending::Overdue => "overdue".to_owned(),
    }
}

/// With one decimal.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn good() -> Tally {
        let mut tally = Tally { valid: 4, requests: 2, renewals: 2, ..Tally::default() };
        tally.endings.insert(Ending::Exit(0), 4);
        tally.recovered = Some(Duration::from_millis(240));
        tally
    }

    fn with(change: impl FnOnce(&mut Tally)) -> Tally {
        let mut tally = good();
        change(&mut tally);
        tally
    }

    fn of(row: Row, tally: &Tally) -> String {
        match Verdict::of(row, tally) {
            Verdict::Fail(failures) => failures.join("; "),
            other => other.word().to_owned(),
        }
    }

    #[test]
    fn x6_every_row_passes_when_all_is_well() {
        for row in Row::all() {
            assert_eq!(of(*row, &good()), "pass", "{row:?}");
        }
    }

    #[test]
    fn x6_what_must_never_be_seen_fails_every_row() {
        let rows: [(Tally, &str); 4] = [
            (
                with(|tally| _ = tally.wrong.insert(Handed::Ended, 2)),
                "2 × exit 0 with a token that has ended",
            ),
            (with(|tally| _ = tally.wrong.insert(Handed::Nothing, 1)), "1 × exit 0 and no token"),
            (
                with(|tally| _ = tally.endings.insert(Ending::Overdue, 3)),
                "3 × not ended within the deadline",
            ),
            (
                with(|tally| _ = tally.leaks.insert("a refresh token on stderr", 1)),
                "1 × a refresh token on stderr",
            ),
        ];
        for (tally, said) in rows {
            for row in Row::all() {
                assert!(of(*row, &tally).contains(said), "{row:?}: {}", of(*row, &tally));
            }
        }
    }

    #[test]
    fn x6_a_login_may_end_only_where_nobody_can_save_it() {
        let revoked = with(|tally| tally.families_revoked = 1);
        let lost = with(|tally| {
            tally.recovered = None;
            tally.said = Some("login needed".to_owned());
        });
        for row in Row::all() {
            let verdicts = (of(*row, &revoked), of(*row, &lost));
            if *row == Row::Strict {
                assert_eq!(verdicts, ("pass".to_owned(), "pass".to_owned()));
            } else {
                assert!(verdicts.0.starts_with("1 × login revoked"), "{row:?}: {verdicts:?}");
                assert!(verdicts.1.ends_with("was over: login needed"), "{row:?}: {verdicts:?}");
            }
        }
    }

    #[test]
    fn x6_a_daemon_starts_again() {
        let stuck = with(|tally| tally.stuck = Some("no login".to_owned()));
        assert_eq!(of(Row::Kill, &stuck), "its daemon did not start again: no login");
    }

    #[test]
    fn x6_a_storm_serves_everybody() {
        let refused = with(|tally| _ = tally.endings.insert(Ending::Exit(12), 2));
        assert_eq!(of(Row::Storm, &refused), "2 × no token from a server that is well");
        assert_eq!(of(Row::Unavailable, &refused), "pass");
    }

    #[test]
    fn x6_a_loss_is_said_and_not_asked_about_for_ever() {
        let silent = with(|tally| tally.silent = 1);
        assert_eq!(of(Row::Strict, &silent), "1 × failed without a word on stderr");
        assert_eq!(of(Row::Disk, &silent), "pass");
        let loop_ = with(|tally| tally.requests = 21);
        assert_eq!(of(Row::Strict, &loop_), "1 × request more than anybody needs: a loop");
        assert_eq!(of(Row::Strict, &with(|tally| tally.requests = 20)), "pass");
    }

    #[test]
    fn the_evidence_has_the_numbers() {
        let tally = with(|tally| {
            tally.endings.insert(Ending::Signal(9), 2);
            tally.wrong.insert(Handed::Foreign, 1);
            tally.wrong.insert(Handed::Nothing, 1);
        });
        assert_eq!(
            evidence(&tally),
            "6 commands (exit 0 × 4, signal 9 × 2), 0.0 s at most; 4 valid tokens, 1 invalid; 2 \
             token requests, 2 renewals, 0 replays; 0 families revoked; well again after 0.2 s"
        );
    }
}
