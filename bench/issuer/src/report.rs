//! The tables, as they stand in the documentation.

use unlapse_bench_report::{Table, machine};

use crate::bars::{self, Bar};
use crate::contest::Figures;
use crate::race::{RACERS, Tally};
use crate::work::{CONNECTIONS, RACES, ROUNDS, Results};

/// Prints everything.
pub(crate) fn print(results: &Results) {
    println!("{}", load(results));
    println!("{}", idle(&results.idle));
    println!("{}", races(&results.races));
    println!("{}", verdicts(&bars::all(results)));
    let notes = &results.notes;
    println!(
        "{} Medians of {ROUNDS} measurements of 4 s each, taken in turns, after 1 s to warm up; \
         {CONNECTIONS} connections that ask again as soon as they are answered, from a process of \
         their own on the same machine. Ratios are what counts: of requests per second of the \
         server's processor time, all its processes and threads together. Other work on the \
         machine meanwhile: load average {} before, {} after.\n",
        machine(),
        notes.load_before,
        notes.load_after
    );
    println!("Each server runs as its users run it:");
    println!(
        "- **unlapse**: `Issuer::router()` on `axum::serve`, rate limits counted and never reached"
    );
    println!(
        "- {}: JWT access tokens, rotation on, its tokens in a `Map`, `NODE_ENV=production`",
        notes.oidc_provider
    );
    println!(
        "- {}: rotation and denylist on, HS256, 2 gunicorn processes of 4 threads, connections \
         kept, no middleware",
        notes.simplejwt
    );
    println!(
        "- PostgreSQL {} and SQLite wait for the disk ({}) at each commit; PostgreSQL's own time \
         stands in a column of its own",
        notes.postgresql, notes.file_system
    );
    println!(
        "\nFaked: the login. A chain begins with a refresh token that the server makes when asked."
    );
}

fn load(results: &Results) -> Table {
    let mut table = Table::new([
        "Under load",
        "a CPU second",
        "ratio",
        "a second",
        "p50, ms",
        "p99, ms",
        "PostgreSQL, µs each",
        "statements each",
    ]);
    for grants in &results.grants {
        let algorithm = grants.algorithm.as_str();
        rows(&mut table, &format!("client credentials, {algorithm}"), &grants.servers, results);
        let signature = grants.signature.median();
        let mut cells = std::array::from_fn(|_| String::new());
        cells[0] = format!("… the {algorithm} signature of aws-lc-rs alone");
        cells[1] = number(signature);
        cells[2] = ratio(&grants.servers, signature);
        table.row::<8>(cells);
    }
    rows(&mut table, "refresh with rotation", &results.memory, results);
    rows(&mut table, "refresh with rotation", &results.durable, results);
    table
}

/// A row for each server; ratios are those of the first to each.
fn rows(table: &mut Table, work: &str, servers: &[(String, Figures)], results: &Results) {
    for (name, figures) in servers {
        let per_cpu_second = figures.per_cpu_second.median();
        let database = &figures.database;
        let statements = results.statements.iter().find(|(of, _)| of == name);
        table.row([
            format!("{work}: {name}"),
            number(per_cpu_second),
            ratio(servers, per_cpu_second),
            number(figures.per_second.median()),
            format!("{:.2}", figures.p50.median()),
            format!("{:.2}", figures.p99.median()),
            if database.is_empty() { String::new() } else { format!("{:.0}", database.median()) },
            statements.map(|(_, each)| format!("{each:.1}")).unwrap_or_default(),
        ]);
    }
}

/// How often the first of `servers` does what the other does once.
fn ratio(servers: &[(String, Figures)], other: f64) -> String {
    let first = servers.first().map(|(_, figures)| figures.per_cpu_second.median());
    first.map(|first| format!("{:.2}", first / other)).unwrap_or_default()
}

fn idle(servers: &[(String, Figures)]) -> Table {
    let mut table = Table::new(["One refresh at a time", "p50, ms", "p99, ms"]);
    for (name, figures) in servers {
        let (p50, p99) = (figures.p50.median(), figures.p99.median());
        table.row([name.clone(), format!("{p50:.2}"), format!("{p99:.2}")]);
    }
    table
}

fn races(tallies: &[(String, Tally)]) -> Table {
    let mut table = Table::new([
        "One token, 8 connections at once",
        "all 8 got one successor",
        "requests refused",
        "most successors",
        "chains forked",
        "sessions dead",
    ]);
    for (name, tally) in tallies {
        let Tally { rounds, whole, refused, most, forked, dead } = tally;
        table.row([
            name.clone(),
            format!("{whole} of {rounds}"),
            format!("{refused} of {}", rounds * RACERS),
            most.to_string(),
            format!("{forked} of {rounds}"),
            format!("{dead} of {rounds}"),
        ]);
    }
    debug_assert!(tallies.iter().all(|(_, tally)| tally.rounds == RACES));
    table
}

fn verdicts(bars: &[Bar]) -> Table {
    let mut table = Table::new(["The bars", "bar", "measured", "met"]);
    for bar in bars {
        let met = if bar.is_met() { "yes" } else { "**no**" };
        table.row([bar.work.clone(), bar.demanded(), bar.measured(), met.to_owned()]);
    }
    table
}

/// Digits as far as they mean something.
fn number(value: f64) -> String {
    let whole = format!("{value:.0}");
    let digits: Vec<char> = whole.chars().collect();
    let groups: Vec<String> = digits.rchunks(3).rev().map(|group| group.iter().collect()).collect();
    groups.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_stand_apart() {
        assert_eq!([0.4, 63.0, 1234.0, 1_234_567.0].map(number), ["0", "63", "1,234", "1,234,567"]);
    }
}
