//! What of a run is drawn, and where: a lane an actor, a row an entry.

use std::collections::BTreeMap;
use std::time::Duration;

use unlapse_sim::{Actor, Entry};

/// Entries before the first broken promise that are drawn unless all are asked for.
const LAST: usize = 80;

/// A run to be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Chart {
    pub(crate) lanes: Vec<Actor>,
    pub(crate) rows: Vec<Row>,
    /// Entries that came before the first row.
    pub(crate) left_out: usize,
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) at: Duration,
    /// Where a crash can be put; zero when it cannot.
    pub(crate) step: u64,
    /// Its actor's lane.
    pub(crate) lane: usize,
    pub(crate) mark: Mark,
    pub(crate) text: String,
}

/// How an entry is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mark {
    /// Something happened in its lane.
    Dot,
    /// Done at something in another lane, at once.
    At(usize),
    /// A message leaves for another lane, and is acted on in a later row (the number of rows: after
    /// the last), or never.
    Leaves { to: usize, arrives: Option<usize> },
    /// An answer is received from another lane, which gave it in an earlier row, if that is drawn.
    Comes { from: usize, left: Option<usize> },
    /// Something went wrong.
    Fault,
    /// A promise was broken.
    Violation,
}

impl Chart {
    /// The end of a run, up to the first broken promise if there is one; or `all` of it.
    pub(crate) fn of(entries: &[Entry], all: bool) -> Self {
        let broken = entries.iter().position(is_violation);
        let end = if all { entries.len() } else { broken.map_or(entries.len(), |at| at + 1) };
        let start = if all { 0 } else { end.saturating_sub(LAST) };
        let lanes = lanes(&entries[start..end]);
        let lane = |actor: Actor| lanes.iter().position(|lane| *lane == actor);
        let mut rows = Vec::new();
        let mut asked = asked(&entries[..start]);
        let mut acted: BTreeMap<u64, usize> = BTreeMap::new();
        let mut sent: BTreeMap<u64, usize> = BTreeMap::new();
        for entry in &entries[start..end] {
            let own = lane(entry.who).expect("a lane for everyone who does something");
            let row = rows.len();
            let mark = match (entry.who, entry.to.and_then(lane), entry.message) {
                (_, Some(to), Some(message)) => {
                    asked.insert(message, lanes[to]);
                    sent.insert(message, row);
                    Mark::Leaves { to, arrives: None }
                }
                (_, Some(to), None) => Mark::At(to),
                (Actor::Process(_), None, Some(message)) => {
                    let from = asked.get(&message).and_then(|from| lane(*from));
                    let left = acted.get(&message).copied();
                    from.map_or(Mark::Dot, |from| Mark::Comes { from, left })
                }
                (_, None, Some(message)) => {
                    acted.insert(message, row);
                    // A message may arrive twice; the first arrival is drawn.
                    if let Some(sender) = sent.remove(&message) {
                        arrives(&mut rows[sender], row);
                    }
                    Mark::Dot
                }
                _ if is_violation(entry) => Mark::Violation,
                (Actor::Fate, ..) => Mark::Fault,
                _ => Mark::Dot,
            };
            let text = match entry.message {
                Some(message) => format!("{} #{message}", entry.what),
                None => entry.what.clone(),
            };
            rows.push(Row { at: entry.at, step: entry.step, lane: own, mark, text });
        }
        // What is acted on after the last row is under way, not lost: its arrow goes on below.
        let below = rows.len();
        for entry in entries[end..].iter().filter(|entry| entry.to.is_none()) {
            if let Some(sender) = entry.message.and_then(|message| sent.remove(&message)) {
                arrives(&mut rows[sender], below);
            }
        }
        Self { lanes, rows, left_out: start }
    }
}

fn is_violation(entry: &Entry) -> bool {
    entry.who == Actor::Fate && entry.what.starts_with("VIOLATION")
}

/// Everybody who has a part in these entries, from left to right.
fn lanes(entries: &[Entry]) -> Vec<Actor> {
    let actors = entries.iter().flat_map(|entry| [Some(entry.who), entry.to]).flatten();
    let mut lanes: Vec<Actor> = actors.collect();
    lanes.sort_unstable();
    lanes.dedup();
    lanes
}

/// Whom each message was sent to.
fn asked(entries: &[Entry]) -> BTreeMap<u64, Actor> {
    entries.iter().filter_map(|entry| Some((entry.message?, entry.to?))).collect()
}

fn arrives(sender: &mut Row, row: usize) {
    if let Mark::Leaves { arrives, .. } = &mut sender.mark {
        *arrives = Some(row);
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    fn entry(who: Actor, to: Option<Actor>, message: Option<u64>, what: &str) -> Entry {
        let at = Duration::from_millis(1234);
        Entry { at, who, to, what: what.to_owned(), step: 7, message }
    }

    const P1: Actor = Actor::Process(0);
    const DISK: Actor = Actor::Disk(0);

    /// A renewal whose second message is lost.
    pub(crate) fn entries() -> Vec<Entry> {
        vec![
            entry(P1, Some(DISK), None, "look"),
            entry(P1, Some(Actor::Server), Some(3), "the request leaves"),
            entry(Actor::Server, None, Some(3), "the server rotates"),
            entry(P1, None, Some(3), "the reply arrives"),
            entry(Actor::Fate, None, None, "message 4: LoseRequest"),
            entry(P1, Some(Actor::Server), Some(4), "the request leaves"),
            entry(Actor::Fate, None, None, "VIOLATION of panic: a <task>"),
            entry(P1, None, None, "ends"),
        ]
    }

    #[test]
    fn a_lane_for_everyone_who_has_a_part() {
        let chart = Chart::of(&entries(), false);
        assert_eq!(chart.lanes, [P1, DISK, Actor::Server, Actor::Fate]);
    }

    #[test]
    fn messages_leave_arrive_and_are_answered_or_not() {
        let marks: Vec<Mark> =
            Chart::of(&entries(), false).rows.iter().map(|row| row.mark).collect();
        let expected = [
            Mark::At(1),
            Mark::Leaves { to: 2, arrives: Some(2) },
            Mark::Dot,
            Mark::Comes { from: 2, left: Some(2) },
            Mark::Fault,
            Mark::Leaves { to: 2, arrives: None },
            Mark::Violation,
        ];
        assert_eq!(marks, expected);
    }

    #[test]
    fn what_arrives_after_the_last_row_is_not_lost() {
        let mut later = entries();
        later.push(entry(Actor::Server, None, Some(4), "the server rotates"));
        let marks: Vec<Mark> = Chart::of(&later, false).rows.iter().map(|row| row.mark).collect();
        assert_eq!(marks[5], Mark::Leaves { to: 2, arrives: Some(7) });
    }

    #[test]
    fn only_the_end_before_the_first_broken_promise_unless_all_is_asked_for() {
        let mut long: Vec<Entry> = vec![entry(P1, None, None, "· waits"); 200];
        long.extend(entries());
        let chart = Chart::of(&long, false);
        assert_eq!((chart.rows.len(), chart.left_out), (LAST, 207 - LAST));
        assert_eq!(chart.rows.last().map(|row| row.mark), Some(Mark::Violation));
        let all = Chart::of(&long, true);
        assert_eq!((all.rows.len(), all.left_out), (208, 0));
    }

    #[test]
    fn an_answer_to_what_was_sent_before_the_first_row_comes_from_nowhere_in_it() {
        let mut long = vec![entry(P1, Some(Actor::Server), Some(9), "the request leaves")];
        long.extend(vec![entry(Actor::Server, None, None, "· waits"); LAST - 1]);
        long.push(entry(P1, None, Some(9), "the reply arrives"));
        let chart = Chart::of(&long, false);
        let comes = Mark::Comes { from: 1, left: None };
        assert_eq!(chart.rows.last().map(|row| row.mark), Some(comes));
    }
}
