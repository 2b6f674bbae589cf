//! Flow × client: what every run came to, shown by the test run.

use std::fmt::Write as _;
use std::io::Write as _;

use crate::flows::Run;
use crate::script::Printed;

/// A column: a client at an issuer.
#[derive(Debug)]
struct Column {
    client: &'static str,
    at: &'static str,
    results: Vec<(&'static str, Result<String, String>)>,
}

#[derive(Debug, Default)]
pub(crate) struct Matrix {
    columns: Vec<Column>,
}

impl Matrix {
    /// What came of a run. A flow without a line has failed, and a line without a flow is a
    /// mistake in the script.
    pub(crate) fn add(&mut self, at: &'static str, run: &Run, printed: Printed) {
        let last = printed.complaints.lines().last().unwrap_or_default();
        let missing = Err(format!("never came to an end: {last}"));
        let mut results: Vec<_> = run.flows.iter().map(|flow| (*flow, missing.clone())).collect();
        for line in printed.lines {
            assert_eq!(line.client, run.client, "{line:?}");
            let row = results.iter_mut().find(|(flow, _)| *flow == line.flow);
            let row = row.unwrap_or_else(|| panic!("a flow that nobody asked for: {line:?}"));
            row.1 = if line.ok { Ok(line.detail) } else { Err(line.detail) };
        }
        self.columns.push(Column { client: run.client, at, results });
    }

    /// Past the test's own output, which is kept back while all is well.
    pub(crate) fn show(&self) {
        std::io::stderr().write_all(self.page().as_bytes()).expect("written");
    }

    fn page(&self) -> String {
        let columns = || self.columns.iter();
        let cell = |text: &str| format!("  {text:17}");
        let mut flows: Vec<&str> = Vec::new();
        for (flow, _) in columns().flat_map(|column| &column.results) {
            if !flows.contains(flow) {
                flows.push(flow);
            }
        }

        let mut page = format!("\nclients by other people, at our issuer\n\n{:32}", "");
        page.extend(columns().map(|column| cell(column.client)));
        let _ = write!(page, "\n{:32}", "");
        page.extend(columns().map(|column| cell(column.at)));
        for flow in flows {
            let _ = write!(page, "\n{flow:32}");
            page.extend(columns().map(|column| {
                let result = column.results.iter().find(|(name, _)| *name == flow);
                cell(match result {
                    None => "-",
                    Some((_, Ok(_))) => "ok",
                    Some((_, Err(_))) => "FAILED",
                })
            }));
        }
        let all: Vec<_> = columns().flat_map(|column| &column.results).collect();
        let ok = all.iter().filter(|(_, result)| result.is_ok()).count();
        let _ = writeln!(page, "\n\n{ok} of {} passed", all.len());
        for Column { client, at, results } in &self.columns {
            for (flow, result) in results {
                if let Err(detail) = result {
                    let _ = writeln!(page, "FAILED {client} ({at}) {flow}: {detail}");
                }
            }
        }
        page
    }

    #[track_caller]
    pub(crate) fn assert_all_ok(&self) {
        let all = self.columns.iter().flat_map(|column| &column.results);
        let failed: Vec<_> = all.filter(|(_, result)| result.is_err()).collect();
        assert!(failed.is_empty(), "{failed:#?}");
    }
}
