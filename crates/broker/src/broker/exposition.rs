//! How a node stands, for Prometheus (its text format, 0.0.4).

use core::fmt::Write as _;
use core::time::Duration;

use unlapse::unlapse_core::UnixTime;

use super::health::Health;

impl Health {
    /// What `/metrics` says of it at `now`, by the database's clock, beside what is counted as it happens.
    /// What the database alone knows is left out while it is away: no line is a gap, and 0 would be a lie.
    pub fn exposition(&self, now: UnixTime) -> String {
        let is = |it: bool| Some(f64::from(u8::from(it)));
        #[expect(clippy::cast_precision_loss, reason = "the format has nothing else than f64")]
        let count = |count: u64| Some(count as f64);
        let lag = self.oldest_due.map_or(Duration::ZERO, |due| now.since(due));
        let lag = self.database.then_some(lag.as_secs_f64());
        let rows = [
            ("ready", "gauge", "Whether requests may be sent to this node.", is(self.is_ready())),
            ("database_up", "gauge", "Whether the database answers.", is(self.database)),
            (
                "keys_up",
                "gauge",
                "Whether the keys that secrets are sealed with are there.",
                is(self.keys),
            ),
            ("draining", "gauge", "Whether this node is about to end.", is(self.draining)),
            (
                "schedule_lag_seconds",
                "gauge",
                "For how long the oldest renewal that waits has been due, of all nodes; 0: none waits.",
                lag,
            ),
            (
                "longest_queue_seconds",
                "gauge",
                "For how long what is due is put off here, of the app with the longest queue.",
                Some(self.longest_queue.as_secs_f64()),
            ),
            (
                "renewals_in_progress",
                "gauge",
                "Renewals under way here.",
                count(self.renewing as u64),
            ),
            (
                "unsaved_tokens",
                "gauge",
                "Tokens that are kept on this machine alone, until the database takes them.",
                count(self.unsaved as u64),
            ),
            (
                "circuits_not_closed",
                "gauge",
                "Apps whose circuit is not closed.",
                count(self.circuits as u64),
            ),
            (
                "clock_skew_seconds",
                "gauge",
                "How far this machine's clock is from the database's, whichever is ahead.",
                Some(self.clock_skew.as_secs_f64()),
            ),
            (
                "dropped_notes_total",
                "counter",
                "Attempts, uses and events that the database could not take in time: renewals lose nothing by it.",
                count(self.dropped),
            ),
        ];
        let mut text = String::new();
        for (name, kind, help, value) in rows {
            let Some(value) = value else { continue };
            // Writing into memory does not fail.
            let _ = write!(
                text,
                "# HELP unlapse_broker_{name} {help}\n# TYPE unlapse_broker_{name} {kind}\n\
                 unlapse_broker_{name} {value}\n\n"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_700_000_000);

    fn well() -> Health {
        Health {
            database: true,
            keys: true,
            draining: false,
            unsaved: 0,
            oldest_due: None,
            longest_queue: Duration::ZERO,
            renewing: 0,
            circuits: 0,
            dropped: 0,
            clock_skew: Duration::ZERO,
        }
    }

    #[test]
    fn i7_docs_and_dashboard_name_what_health_knows_and_nothing_else() {
        let said: Vec<_> = samples(&well())
            .iter()
            .filter_map(|line| Some(format!("unlapse_broker_{}", line.split(' ').next()?)))
            .collect();
        let docs = include_str!("../../../../docs/observability.md");
        let rows = docs.lines().filter_map(|line| line.strip_prefix("| `unlapse_broker_"));
        let rows =
            rows.filter_map(|row| Some(format!("unlapse_broker_{}", row.split('`').next()?)));
        assert_eq!(rows.collect::<Vec<_>>(), said);
        let dashboard = include_str!("../../../../docs/grafana/unlapse-broker.json");
        for name in said {
            assert!(dashboard.contains(&name), "{name}");
        }
    }

    /// The lines that are no comments, without what all of them begin with.
    fn samples(health: &Health) -> Vec<String> {
        let text = health.exposition(NOW);
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        lines
            .map(|line| line.strip_prefix("unlapse_broker_").expect("a name of ours").to_owned())
            .collect()
    }

    #[test]
    fn i7_a_row_for_each_thing_that_health_knows() {
        let well_said = samples(&well());
        let at_rest = [
            "ready 1",
            "database_up 1",
            "keys_up 1",
            "draining 0",
            "schedule_lag_seconds 0",
            "longest_queue_seconds 0",
            "renewals_in_progress 0",
            "unsaved_tokens 0",
            "circuits_not_closed 0",
            "clock_skew_seconds 0",
            "dropped_notes_total 0",
        ];
        assert_eq!(well_said, at_rest);
        let late = Some(NOW.minus(Duration::from_millis(1500)));
        let early = Some(NOW.plus(Duration::from_secs(9)));
        for (health, expected) in [
            (Health { keys: false, ..well() }, &["ready 0", "keys_up 0"][..]),
            (Health { draining: true, ..well() }, &["ready 0", "draining 1"]),
            (Health { oldest_due: late, ..well() }, &["schedule_lag_seconds 1.5"]),
            (Health { oldest_due: early, ..well() }, &[]),
            (
                Health { longest_queue: Duration::from_secs(90), ..well() },
                &["longest_queue_seconds 90"],
            ),
            (Health { renewing: 7, ..well() }, &["renewals_in_progress 7"]),
            (Health { unsaved: 2, ..well() }, &["unsaved_tokens 2"]),
            (Health { circuits: 3, ..well() }, &["circuits_not_closed 3"]),
            (
                Health { clock_skew: Duration::from_millis(250), ..well() },
                &["clock_skew_seconds 0.25"],
            ),
            (Health { dropped: 41, ..well() }, &["dropped_notes_total 41"]),
        ] {
            let said = samples(&health);
            assert_eq!(said.len(), well_said.len(), "{said:?}");
            let changed: Vec<_> = said.iter().filter(|line| !well_said.contains(line)).collect();
            assert_eq!(changed, expected, "{health:?}");
        }
    }

    #[test]
    fn i7_while_the_database_is_away_nobody_is_told_that_nothing_waits() {
        let said = samples(&Health { database: false, ..well() });
        assert_eq!(said[..2], ["ready 0", "database_up 0"]);
        assert!(!said.iter().any(|line| line.starts_with("schedule_lag")), "{said:?}");
    }

    #[test]
    fn each_sample_stands_behind_its_help_and_type() {
        let text = well().exposition(NOW);
        for part in text.trim_end().split("\n\n") {
            let lines: Vec<_> = part.lines().collect();
            let [help, kind, sample] = lines[..] else { panic!("{part}") };
            let name = sample.split(' ').next().expect("a name");
            assert!(help.starts_with(&format!("# HELP {name} ")), "{part}");
            let counts = name.ends_with("_total");
            let expected = if counts { "counter" } else { "gauge" };
            assert_eq!(kind, format!("# TYPE {name} {expected}"));
        }
    }
}
