//! Every log line is as `docs/observability.md` says.

use std::cell::RefCell;
use std::io::Write;

use unlapse_core::{Cause, Rejection, Row, RuleBroken, StoreError, UnixTime};

use super::*;

thread_local! {
    static LINES: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

struct Line;

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.extend(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// One of each; the match in `Event::name` finds whatever is added.
fn samples() -> Vec<Event> {
    let error = StoreError::Full { place: "here".to_owned() };
    let finished = |outcome| Event::Finished {
        outcome,
        generation: 2,
        attempts: 1,
        duration: Duration::ZERO,
        automatic: true,
        lifetime: None,
    };
    vec![
        Event::Started { demand: Demand::Force, automatic: true },
        Event::Leased { waited: Duration::ZERO },
        Event::Planned { plan: Plan::Adopt, row: Row::Met },
        Event::Spending { spend: Spend::Refresh, attempt: 1, delay: Duration::ZERO },
        Event::Renewed { generation: 2 },
        Event::Adopted { generation: 2 },
        Event::Stale { generation: 2 },
        Event::Failed { cause: Cause::Connect },
        Event::Rejected { rejection: Rejection::InvalidGrant },
        Event::InDoubt { cause: Cause::Timeout },
        Event::Ended { reason: unlapse_core::LoginReason::NeverLoggedIn },
        Event::RuleBroken { rule: RuleBroken::Algorithm },
        Event::Unsaved { error: error.clone(), set_aside: true },
        Event::Saved { generation: 2 },
        Event::StoreAway { error },
        Event::ClockOff { millis: -40_000 },
        Event::Released { held: Duration::ZERO },
        finished(Outcome::Renewed),
        finished(Outcome::Adopted),
        finished(Outcome::Failed { code: "login_needed" }),
        Event::Refused { generation: 2, is_late: false },
        Event::Refused { generation: 2, is_late: true },
        Event::BreakerOpened { until: UnixTime::from_secs(1) },
        Event::BreakerClosed,
        Event::LoggedIn { generation: 1 },
        Event::Reported { event: unlapse_core::SecurityEvent::SessionRevoked },
        Event::Cleared,
    ]
}

/// The fields of a line beside those of every line, in order.
fn fields(line: &str) -> Vec<&str> {
    let (_, fields) = line.split_once("event=\"").expect("every line names its event");
    let words = fields.split(['=', ' ']).filter(|word| {
        let is_name = |char: char| char.is_ascii_lowercase() || char == '_';
        !word.is_empty() && word.chars().all(is_name) && fields.contains(&format!(" {word}="))
    });
    words.collect()
}

#[test]
fn i6_every_line_is_in_the_table_of_the_docs() {
    tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(|| Line)
        .with_ansi(false)
        .without_time()
        .init();
    let docs = include_str!("../../../docs/observability.md");
    for event in samples() {
        LINES.take();
        log(&Key::new("acme"), &event);
        let line = String::from_utf8(LINES.take()).expect("text");
        let line = line.trim();
        let level = line.split(' ').next().expect("a level").to_lowercase();
        let start = format!("| `{}` |", event.name());
        let row = docs.lines().find(|row| row.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("{start} is not in the table"));
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        assert!(cells[2].split(", ").any(|told| told == level), "{level}: {row}");
        for field in fields(line) {
            assert!(cells[3].contains(&format!("`{field}`")), "{field} of {line}: {row}");
        }
        // What is in the table is in the line, but for what is there only sometimes.
        for field in cells[3].split(", ").filter(|field| !field.is_empty()) {
            let field = field.trim_matches('`');
            assert!(line.contains(&format!(" {field}=")) || field == "code", "{field}: {line}");
        }
    }
}
