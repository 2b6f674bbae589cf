//! `unlapse stats`

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use unlapse::tokio::system_now;
use unlapse_core::UnixTime;
use unlapse_core::usage::{Alert, Limits, Percentiles, Tally, tallies, unusual};

use crate::app::App;
use crate::args::StatsArguments;
use crate::commands::log::{Wanted, nothing, profile, read};
use crate::commands::status::span;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::report::{Style, one_line, rfc3339};
use crate::terminal;

pub(crate) fn run(app: &App, arguments: &StatsArguments) -> Result<Exit, Diagnosis> {
    let wanted = Wanted::of(app, arguments.profile.as_deref(), arguments.since)?;
    let Some(journal) = app.journal() else { return nothing(app) };
    let read = read(&journal, &wanted)?;
    let now = system_now().wall;
    let rows = tallies(&read.entries);
    let alerts = unusual(&read.entries, now, &Limits::default());
    if app.json {
        let rows: Vec<_> = rows.iter().map(|tally| row(app, tally)).collect();
        let alerts: Vec<_> = alerts.iter().map(|alert| told(app, alert)).collect();
        let whole = json!({ "rows": rows, "alerts": alerts, "skipped": read.skipped });
        terminal::data(&format!("{whole}\n"));
        return Ok(Exit::Ok);
    }
    if rows.is_empty() && !app.quiet {
        terminal::note("nothing has been done with any token yet");
    }
    let cells: Vec<_> = rows.iter().map(|tally| cells(app, tally, now)).collect();
    let mut text = table(&cells);
    let style = terminal::stdout_style();
    for alert in &alerts {
        let _ = writeln!(text, "{}", warning(alert, style));
    }
    if !text.is_empty() {
        terminal::data(&text);
    }
    Ok(Exit::Ok)
}

fn row(app: &App, tally: &Tally) -> Value {
    let millis = |of: fn(&Percentiles) -> Duration| {
        tally.duration.map(|took| u64::try_from(of(&took).as_millis()).unwrap_or(u64::MAX))
    };
    json!({
        "profile": profile(app, &tally.key),
        "program": tally.program,
        "served": tally.served,
        "renewals": tally.renewals,
        "succeeded": tally.succeeded,
        "success_rate": tally.success_rate(),
        "attempts": tally.attempts,
        "p50_ms": millis(|took| took.p50),
        "p95_ms": millis(|took| took.p95),
        "p99_ms": millis(|took| took.p99),
        "last": rfc3339(tally.last),
    })
}

fn told(app: &App, alert: &Alert) -> Value {
    json!({
        "profile": profile(app, alert.key()),
        "code": alert.code(),
        "message": one_line(&alert.to_string()),
        "at": rfc3339(alert.at()),
    })
}

fn warning(alert: &Alert, style: Style) -> String {
    let text = one_line(&alert.to_string());
    format!("{} {text} ({})", style.paint("1;33", "unusual:"), rfc3339(alert.at()))
}

const HEADINGS: [&str; 8] = [
    "profile",
    "program",
    "tokens",
    "renewals",
    "succeeded",
    "attempts",
    "p50 / p95 / p99",
    "last",
];

fn cells(app: &App, tally: &Tally, now: UnixTime) -> [String; 8] {
    let took = tally.duration.map_or_else(
        || "-".to_owned(),
        |Percentiles { p50, p95, p99 }| {
            let [p50, p95, p99] = [p50, p95, p99].map(|took| took.as_millis());
            format!("{p50} / {p95} / {p99} ms")
        },
    );
    let rate = tally.success_rate().map_or_else(|| "-".to_owned(), percent);
    [
        profile(app, &tally.key),
        one_line(&tally.program),
        tally.served.to_string(),
        tally.renewals.to_string(),
        rate,
        tally.attempts.to_string(),
        took,
        format!("{} ago", span(now.since(tally.last))),
    ]
}

/// All of them, and nothing less, is 100 %.
fn percent(rate: f64) -> String {
    format!("{} %", (rate * 1000.0).floor() / 10.0)
}

/// Columns, as wide as they have to be; nothing for no rows.
fn table(rows: &[[String; 8]]) -> String {
    if rows.is_empty() {
        return String::new();
    }
    let headings = HEADINGS.map(str::to_owned);
    let all = || std::iter::once(&headings).chain(rows);
    let widths: [usize; 8] = std::array::from_fn(|column| {
        all().map(|row| row[column].chars().count()).max().unwrap_or(0)
    });
    let mut text = String::new();
    for row in all() {
        let cells: Vec<_> =
            row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        let _ = writeln!(text, "{}", cells.join("  ").trim_end());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_less_than_all_is_a_hundred_per_cent() {
        for (rate, expected) in [(1.0, "100 %"), (0.9999, "99.9 %"), (0.5, "50 %"), (0.0, "0 %")] {
            assert_eq!(percent(rate), expected);
        }
    }

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = ["acme", "sh", "12", "1", "100 %", "1", "8 / 8 / 8 ms", "2s ago"];
        let text = table(&[row.map(str::to_owned)]);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines[0],
            "profile  program  tokens  renewals  succeeded  attempts  p50 / p95 / p99  last"
        );
        assert_eq!(
            lines[1],
            "acme     sh       12      1         100 %      1         8 / 8 / 8 ms     2s ago"
        );
        assert_eq!(table(&[]), "");
    }
}
