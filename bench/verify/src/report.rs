//! The table, as it stands in the documentation.

use unlapse_bench_report::{Table, machine};
use unlapse_issuer::Algorithm;

use crate::timing::{ROUNDS, Rates};

/// What was measured with one algorithm.
pub(crate) struct Measured {
    pub(crate) algorithm: Algorithm,
    /// Of the token, in bytes.
    pub(crate) length: usize,
    /// Of the signature alone, ours for the first time, `jsonwebtoken`, and ours remembered.
    pub(crate) rates: [Rates; 4],
}

/// What is promised: this share of the signature alone, and so many remembered a second.
const SHARE: f64 = 0.9;
const REMEMBERED: f64 = 3e6;

pub(crate) fn print(all: &[Measured]) {
    let mut table =
        Table::new(["Verified on one core", "thousand/s", "of the signature alone", "bar", "met"]);
    for Measured { algorithm, rates: [raw, first, peer, remembered], .. } in all {
        let algorithm = algorithm.as_str();
        let thousand = |rate: f64| format!("{:.1}", rate / 1000.0);
        let percent = |rates: &Rates| format!("{:.0} %", rates.share.median() * 100.0);
        let mut row = |what: &str, rates: &Rates, of: String, bar: &str, met: Option<bool>| {
            let met = met.map_or("", |met| if met { "yes" } else { "**no**" });
            let rate = thousand(rates.rate.median());
            table.row([format!("{algorithm}: {what}"), rate, of, bar.to_owned(), met.to_owned()]);
        };
        row("the signature of aws-lc-rs alone", raw, String::new(), "", None);
        let met = Some(first.share.median() >= SHARE);
        row("**unlapse-verify**", first, percent(first), "90 %", met);
        row("jsonwebtoken 11.1.0", peer, percent(peer), "", None);
        let met = Some(remembered.rate.median() >= REMEMBERED);
        row(
            "**unlapse-verify**, a token that is remembered",
            remembered,
            String::new(),
            "3000",
            met,
        );
    }
    println!("{table}");
    let lengths: Vec<_> = all
        .iter()
        .map(|measured| format!("{} ({})", measured.length, measured.algorithm.as_str()))
        .collect();
    println!(
        "{} Medians of {ROUNDS} samples, taken in turns, by the thread's own processor time. Access \
         tokens of our issuer, of {} bytes. Both libraries are on aws-lc-rs, have their key parsed \
         before, and look at `iss`, `aud` and `exp`; ours looks at `typ`, `nbf`, `iat`, the \
         longest lifetime and the denylist as well. Each refused the token with another signature.",
        machine(),
        lengths.join(", ")
    );
}
