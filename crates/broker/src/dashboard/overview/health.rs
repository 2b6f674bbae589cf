//! The one sentence that says whether anybody has to do anything.

use core::time::Duration;

use unlapse::unlapse_core::UnixTime;

use super::circuits::CircuitState;
use crate::dashboard::facts::Overview;
use crate::dashboard::words::{counted, span};

/// How bad it is. Pages say it in words and by a sign as well as by colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::dashboard) enum Tone {
    Good,
    Warn,
    Bad,
}

impl Tone {
    /// The class of what it colours.
    pub(in crate::dashboard) fn class(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Warn => "warn",
            Self::Bad => "bad",
        }
    }
}

/// A schedule that is this far behind does not keep up.
const LATE: Duration = Duration::from_secs(120);

/// The worst that is the matter, and what else is.
pub(super) fn health(facts: &Overview, now: UnixTime) -> (Tone, String) {
    let open = |it: &&super::super::facts::Circuit| {
        CircuitState::of(&it.breaker, now) == CircuitState::Open
    };
    let open: Vec<_> = facts.circuits.iter().filter(open).map(|it| it.app.as_str()).collect();
    let waiting = facts.counts.iter().filter(|it| it.needs_user.is_some());
    let waiting = waiting.fold(0_u64, |sum, it| sum.saturating_add(it.count));
    let lag = facts.oldest_due.map(|due| now.since(due)).unwrap_or_default();
    let is_dead = !facts.nodes.is_empty() && facts.nodes.iter().all(|it| it.alive_until <= now);

    let mut said = Vec::new();
    if is_dead {
        said.push("no node is alive".to_owned());
    }
    if facts.unsaved > 0 {
        said.push(format!("{} could not be saved yet", counted(facts.unsaved, "token")));
    }
    if lag > LATE {
        said.push(format!("renewals are {} behind", span(lag)));
    }
    let is_bad = !said.is_empty();
    match open[..] {
        [] => {}
        [app] => said.push(format!("the circuit of {app} is open")),
        [..] => said.push(format!("{} are open", counted(open.len() as u64, "circuit"))),
    }
    if waiting > 0 {
        let verb = if waiting == 1 { "needs its user" } else { "need their users" };
        said.push(format!("{} {verb}", counted(waiting, "connection")));
    }
    if said.is_empty() {
        return (Tone::Good, "All is well.".to_owned());
    }
    (if is_bad { Tone::Bad } else { Tone::Warn }, sentence(&said))
}

fn sentence(said: &[String]) -> String {
    let text = said.join(", ");
    let mut letters = text.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::code::Code;
    use crate::dashboard::facts::{Circuit, Counted, Node};
    use unlapse::unlapse_core::{Breaker, BreakerPolicy};

    #[test]
    fn a_row_for_each_thing_that_is_the_matter() {
        let now = UnixTime::from_secs(1000);
        let counted = |needs_user, count| Counted { app: "a/x".to_owned(), needs_user, count };
        let node = |until| Node { name: "n".to_owned(), alive_until: UnixTime::from_secs(until) };
        let breaker =
            (0..5).fold(Breaker::default(), |it, _| it.failed(now, &BreakerPolicy::default()));
        let circuit = |app: &str| Circuit { app: app.to_owned(), breaker, code: None };
        let with = |change: fn(&mut Overview)| {
            let mut facts = Overview::default();
            change(&mut facts);
            facts
        };
        let waiting = |count| Overview {
            counts: vec![counted(Some(Code::UserRevoked), count), counted(None, 7)],
            ..Overview::default()
        };
        for (facts, tone, said) in [
            (Overview::default(), Tone::Good, "All is well."),
            (waiting(1), Tone::Warn, "1 connection needs its user."),
            (waiting(1234), Tone::Warn, "1,234 connections need their users."),
            (
                Overview { circuits: vec![circuit("a/x")], ..Overview::default() },
                Tone::Warn,
                "The circuit of a/x is open.",
            ),
            (
                Overview { circuits: vec![circuit("a/x"), circuit("a/y")], ..waiting(2) },
                Tone::Warn,
                "2 circuits are open, 2 connections need their users.",
            ),
            (with(|it| it.unsaved = 1), Tone::Bad, "1 token could not be saved yet."),
            (
                with(|it| it.oldest_due = Some(UnixTime::from_secs(1000 - 300))),
                Tone::Bad,
                "Renewals are 5 min behind.",
            ),
            (with(|it| it.oldest_due = Some(UnixTime::from_secs(990))), Tone::Good, "All is well."),
            (
                Overview { nodes: vec![node(999)], ..Overview::default() },
                Tone::Bad,
                "No node is alive.",
            ),
            (
                Overview { nodes: vec![node(999), node(1001)], ..Overview::default() },
                Tone::Good,
                "All is well.",
            ),
        ] {
            assert_eq!(health(&facts, now), (tone, said.to_owned()));
        }
    }
}
