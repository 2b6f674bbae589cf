//! What the drill came to.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use super::row::Row;
use super::tally::{Ending, Tally};
use super::verdict::{Verdict, evidence, seconds};
use crate::report::Style;

/// A row that is over.
pub(super) struct Done {
    pub(super) row: Row,
    pub(super) verdict: Verdict,
    pub(super) tally: Tally,
    pub(super) took: Duration,
}

/// Everything.
pub(super) struct Report {
    pub(super) template: String,
    pub(super) workers: u16,
    pub(super) rows: Vec<Done>,
    /// It was ended before all rows had run.
    pub(super) interrupted: Option<i32>,
}

/// The columns of the table.
pub(super) fn columns(row: &str, verdict: &str, took: &str, title: &str) -> String {
    format!("{row:<12} {verdict:<14} {took:>7}   {title}").trim_end().to_owned()
}

/// A row in one line.
pub(super) fn line(done: &Done) -> String {
    columns(done.row.word(), verdict(&done.verdict), &seconds(done.took), done.row.title())
}

fn verdict(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::NotApplicable(_) => "not applicable",
        other => other.word(),
    }
}

/// A row with its evidence.
pub(super) fn block(done: &Done, style: Style) -> String {
    let (colour, details) = match &done.verdict {
        Verdict::Pass => ("32", vec![evidence(&done.tally)]),
        Verdict::Fail(failures) => {
            let failures = failures.iter().map(|failure| style.paint("31", failure));
            ("1;31", failures.chain([evidence(&done.tally)]).collect())
        }
        Verdict::NotApplicable(why) => ("2", vec![why.clone()]),
    };
    let word = verdict(&done.verdict);
    let mut text = line(done).replacen(word, &style.paint(colour, word), 1);
    for detail in details {
        text.push_str("\n             ");
        text.push_str(&detail);
    }
    text.push('\n');
    text
}

impl Report {
    fn count(&self, word: &str) -> usize {
        self.rows.iter().filter(|done| done.verdict.word() == word).count()
    }

    /// Every row that applies has passed, and there was one.
    pub(super) fn is_good(&self) -> bool {
        self.interrupted.is_none() && self.count("fail") == 0 && self.count("pass") > 0
    }

    /// The last line.
    pub(super) fn summary(&self, style: Style) -> String {
        let (colour, said) = match (self.interrupted, self.is_good()) {
            (Some(_), _) => ("1;33", "the drill was interrupted"),
            (None, true) => ("1;32", "no login was lost that could be saved"),
            (None, false) => ("1;31", "the command does not pass"),
        };
        format!(
            "\n{}\n  {} passed, {} failed, {} not applicable\n",
            style.paint(colour, said),
            self.count("pass"),
            self.count("fail"),
            self.count("not_applicable")
        )
    }

    pub(super) fn json(&self, kept: Option<&Path>) -> Value {
        json!({
            "template": self.template,
            "workers": self.workers,
            "passed": self.count("pass"),
            "failed": self.count("fail"),
            "not_applicable": self.count("not_applicable"),
            "interrupted": self.interrupted.is_some(),
            "kept": kept.map(|dir| dir.display().to_string()),
            "rows": self.rows.iter().map(Done::json).collect::<Vec<_>>(),
        })
    }
}

impl Done {
    fn json(&self) -> Value {
        let (failures, reason): (&[String], _) = match &self.verdict {
            Verdict::Pass => (&[], None),
            Verdict::Fail(failures) => (failures, None),
            Verdict::NotApplicable(why) => (&[], Some(why)),
        };
        let tally = &self.tally;
        let endings = tally.endings.iter().map(|(ending, count)| {
            let (exit, signal) = match ending {
                Ending::Exit(code) => (Some(*code), None),
                Ending::Signal(signal) => (None, Some(*signal)),
                Ending::Overdue => (None, None),
            };
            json!({ "exit": exit, "signal": signal, "count": count })
        });
        json!({
            "row": self.row.word(),
            "verdict": self.verdict.word(),
            "reason": reason,
            "failures": failures,
            "evidence": evidence(tally),
            "took": self.took.as_secs(),
            "commands": tally.commands(),
            "endings": endings.collect::<Vec<_>>(),
            "tokens_valid": tally.valid,
            "tokens_invalid": tally.invalid(),
            "token_requests": tally.requests,
            "renewals": tally.renewals,
            "replays": tally.replays,
            "families_revoked": tally.families_revoked,
            "leaks": tally.leaks.values().sum::<u64>(),
            "recovered": tally.recovered.is_some(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(verdicts: &[Verdict]) -> Report {
        let done = |verdict: &Verdict| Done {
            row: Row::Storm,
            verdict: verdict.clone(),
            tally: Tally::default(),
            took: Duration::from_millis(1500),
        };
        let rows = verdicts.iter().map(done).collect();
        Report { template: "x".to_owned(), workers: 1, rows, interrupted: None }
    }

    #[test]
    fn x6_it_is_good_only_when_every_row_that_applies_has_passed() {
        let (pass, fail) = (Verdict::Pass, Verdict::Fail(vec!["1 × lost".to_owned()]));
        let none = Verdict::NotApplicable("it has no disk".to_owned());
        assert!(report(&[pass.clone(), none.clone()]).is_good());
        assert!(!report(&[pass.clone(), fail]).is_good());
        assert!(!report(&[none]).is_good(), "nothing was proved");
        assert!(!Report { interrupted: Some(2), ..report(&[pass]) }.is_good());
    }

    #[test]
    fn a_row_says_what_was_seen_and_what_was_wrong() {
        let done = report(&[Verdict::Fail(vec!["1 × lost".to_owned()])]).rows.remove(0);
        let text = block(&done, Style::Plain);
        assert!(text.starts_with("storm        fail             1.5 s   many processes"), "{text}");
        assert!(text.contains("\n             1 × lost\n             no command was"), "{text}");
        assert!(block(&done, Style::Coloured).contains("\u{1b}[1;31mfail\u{1b}[0m"));
    }
}
