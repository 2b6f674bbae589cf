//! How standings look: for people, and as JSON (docs/json.md).

use std::fmt::Write as _;
use std::time::Duration;

use serde_json::{Value, json};
use unlapse_core::Now;

use super::{Standing, Storage, Token};
use crate::report::{Style, rfc3339};

/// Cells of the bar that shows what is left of a token's life.
const BAR: u32 = 16;

pub(super) fn json(standings: &[Standing], now: &Now) -> Value {
    let profiles: Vec<_> = standings.iter().map(|standing| profile(standing, now)).collect();
    json!({ "profiles": profiles })
}

fn profile(standing: &Standing, now: &Now) -> Value {
    let expires_in = match standing.token {
        Token::Valid { left, .. } => left.map(|left| left.as_secs()),
        Token::Due { left } => Some(left.as_secs()),
        Token::Stale { .. } | Token::Expired { .. } => Some(0),
        _ => None,
    };
    let expires_at = standing
        .obtained_at
        .zip(standing.lifetime)
        .map(|(obtained, lifetime)| rfc3339(obtained.plus(lifetime)));
    let stale_for = match standing.token {
        Token::Stale { left, .. } => Some(left.as_secs()),
        _ => None,
    };
    json!({
        "profile": standing.profile,
        "account": standing.account,
        "token": word(&standing.token),
        "storage": match standing.storage {
            Storage::Nothing => "none",
            Storage::Saved => "saved",
            Storage::Unsaved => "unsaved",
        },
        "generation": standing.generation,
        "obtained_at": standing.obtained_at.map(rfc3339),
        "expires_at": expires_at,
        "expires_in": expires_in,
        "stale_for": stale_for,
        "refresh_token": standing.has_refresh_token,
        "jkt": standing.jkt,
        "api_key": standing.rungs.api_key,
        "logs_in_by_itself": standing.rungs.login,
        "refresh_expires_at": standing.refresh_ends_at.map(rfc3339),
        "needs_login": standing.needs_login,
        "in_doubt": standing.in_doubt,
        "doubts": standing.doubts,
        "last_failure": standing.failure.map(|failure| json!({
            "cause": failure.cause.to_string(),
            "at": rfc3339(failure.at.wall),
            "ago": now.since(&failure.at).as_secs(),
            "retry_at": failure.retry_at.map(rfc3339),
            "count": failure.count,
        })),
        "lease_holder": standing.holder,
        "breaker_open_until": standing.breaker_open_until.map(rfc3339),
        "problem": standing.problem.as_ref().map(|problem| format!("unlapse::{}", problem.code)),
        "next": standing.next(),
    })
}

fn word(token: &Token) -> &'static str {
    match token {
        Token::Absent => "none",
        Token::Valid { .. } => "valid",
        Token::Due { .. } => "due",
        Token::Stale { .. } => "stale",
        Token::Expired { .. } => "expired",
        Token::ApiKey { .. } => "api_key",
        Token::Unreadable => "unreadable",
    }
}

pub(super) fn text(standings: &[Standing], now: &Now, style: Style) -> String {
    let width =
        standings.iter().map(|standing| standing.profile.chars().count()).max().unwrap_or(0);
    let mut text = String::new();
    for standing in standings {
        let _ = writeln!(text, "{:width$}  {}", standing.profile, headline(standing, style));
        for line in details(standing, now, style) {
            let _ = writeln!(text, "{:width$}  {line}", "");
        }
    }
    text
}

fn headline(standing: &Standing, style: Style) -> String {
    let (green, yellow, red) = ("32", "33", "31");
    match standing.token {
        Token::Valid { left: Some(left), due_in } => {
            let renews =
                due_in.map_or_else(String::new, |due| format!(", renews in {}", span(due)));
            let bar = bar(left, standing.lifetime);
            format!("{}    {} {} left{renews}", style.paint(green, "valid"), bar, span(left))
        }
        Token::Valid { left: None, .. } => {
            format!("{}    without end, renewed when it is rejected", style.paint(green, "valid"))
        }
        Token::Due { left } => format!(
            "{}      {} {} left, renewal is due",
            style.paint(yellow, "due"),
            bar(left, standing.lifetime),
            span(left)
        ),
        Token::Stale { since, left } => format!(
            "{}    ended {} ago, served for {} yet while its server cannot be reached",
            style.paint(yellow, "stale"),
            span(since),
            span(left)
        ),
        Token::Expired { since }
            if standing.generation > 0 && standing.lifetime != Some(Duration::ZERO) =>
        {
            format!("{}  {} ago", style.paint(red, "expired"), span(since))
        }
        Token::Expired { .. } => style.paint(yellow, "no token yet"),
        Token::Absent if standing.is_to_come() => {
            format!("{}, `unlapse token` obtains one by itself", style.paint(green, "no token yet"))
        }
        Token::Absent => style.paint(yellow, "not logged in"),
        Token::ApiKey { is_set: true } => style.paint(green, "api key"),
        Token::ApiKey { is_set: false } => style.paint(red, "api key not set"),
        Token::Unreadable => style.paint(red, "unreadable"),
    }
}

fn details(standing: &Standing, now: &Now, style: Style) -> Vec<String> {
    let mut lines = Vec::new();
    if standing.storage == Storage::Unsaved {
        lines.push(format!(
            "{}  the newest token is set aside until it can be saved in its place",
            style.paint("33", "unsaved")
        ));
    }
    if standing.has_refresh_token {
        let end = standing.refresh_ends_at.map(|end| end.since(now.wall));
        let forecast = end.map_or_else(
            || "no known end".to_owned(),
            |left| format!("needs a new login in {} if it stays unused", span(left)),
        );
        lines.push(format!("refresh token: {forecast}"));
    }
    if let Some(jkt) = &standing.jkt {
        lines.push(format!("bound to the DPoP key {jkt}"));
    }
    if let Some(reason) = standing.needs_login {
        lines.push(format!("{}: {}", style.paint("31", "login needed"), reason.describe()));
    }
    let is_absent = standing.token == Token::Absent && !standing.is_to_come();
    if standing.rungs.api_key && (standing.needs_login.is_some() || is_absent) {
        lines.push("the API key stands in until then".to_owned());
    }
    if standing.in_doubt {
        lines.push("a renewal was begun, and its outcome is not known yet".to_owned());
    }
    if let Some(failure) = standing.failure {
        lines.push(format!(
            "last failure {} ago: {} ({} in a row)",
            span(now.since(&failure.at)),
            failure.cause,
            failure.count
        ));
    }
    if let Some(holder) = &standing.holder {
        lines.push(format!("being renewed by {holder}"));
    }
    if let Some(until) = standing.breaker_open_until {
        lines.push(format!("its server is not asked for {}", span(until.since(now.wall))));
    }
    if let Some(problem) = &standing.problem {
        lines.push(problem.message.clone());
    }
    if let Some(next) = standing.next() {
        lines.push(format!("next: {next}"));
    }
    lines
}

fn bar(left: Duration, lifetime: Option<Duration>) -> String {
    let whole = lifetime.unwrap_or(left).as_millis().max(1);
    let filled = (left.as_millis() * u128::from(BAR)).div_ceil(whole).min(u128::from(BAR));
    let filled = usize::try_from(filled).unwrap_or(0);
    format!("{}{}", "█".repeat(filled), "░".repeat(BAR as usize - filled))
}

/// The two largest units.
pub(crate) fn span(duration: Duration) -> String {
    let secs = duration.as_secs();
    let parts =
        [(secs / 86_400, "d"), (secs / 3600 % 24, "h"), (secs / 60 % 60, "m"), (secs % 60, "s")];
    let first = parts.iter().position(|(count, _)| *count > 0).unwrap_or(3);
    let shown: Vec<_> = parts[first..]
        .iter()
        .take(2)
        .filter(|(count, unit)| *count > 0 || *unit == "s" && first == 3)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect();
    shown.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_short() {
        let rows = [
            (0, "0s"),
            (59, "59s"),
            (60, "1m"),
            (3700, "1h 1m"),
            (90_000, "1d 1h"),
            (86_400, "1d"),
        ];
        for (secs, expected) in rows {
            assert_eq!(span(Duration::from_secs(secs)), expected);
        }
    }

    #[test]
    fn the_bar_empties_from_full_to_nothing() {
        let life = Some(Duration::from_secs(100));
        assert_eq!(bar(Duration::from_secs(100), life), "█".repeat(16));
        assert_eq!(
            bar(Duration::from_secs(50), life),
            format!("{}{}", "█".repeat(8), "░".repeat(8))
        );
        assert_eq!(bar(Duration::ZERO, life), "░".repeat(16));
        assert_eq!(bar(Duration::from_secs(999), life), "█".repeat(16));
    }
}
