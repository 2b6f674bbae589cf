//! An error on stderr: what failed, what to do, and its code.

use serde_json::{Value, json};
use unlapse_core::UnixTime;

use crate::diagnosis::Diagnosis;

/// Whether a report is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Text only.
    Plain,
    /// With ANSI colours.
    Coloured,
}

impl Style {
    /// Colour is for terminals that can show it, and whose user did not decline (`NO_COLOR` set to
    /// anything, <https://no-color.org>).
    pub(crate) fn of(is_terminal: bool, no_color: Option<&str>, term: Option<&str>) -> Self {
        let declined = no_color.is_some_and(|value| !value.is_empty()) || term == Some("dumb");
        if is_terminal && !declined { Self::Coloured } else { Self::Plain }
    }

    /// `text` in the colour of an ANSI `code`, where there is colour.
    pub(crate) fn paint(self, code: &str, text: &str) -> String {
        match self {
            Self::Plain => text.to_owned(),
            Self::Coloured => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
        }
    }
}

/// The report for people: one line of what failed, a blank line, the hint, the code.
pub(crate) fn text(diagnosis: &Diagnosis, style: Style) -> String {
    format!(
        "{} {}\n\n{} {}\n{}\n",
        style.paint("1;31", "error:"),
        one_line(&diagnosis.message),
        style.paint("1;36", "hint:"),
        one_line(&diagnosis.hint),
        style.paint("2", &code(diagnosis)),
    )
}

/// The report for scripts, as one line of JSON.
pub(crate) fn json(diagnosis: &Diagnosis) -> String {
    let value: Value = json!({
        "error": {
            "code": code(diagnosis),
            "message": one_line(&diagnosis.message),
            "hint": one_line(&diagnosis.hint),
            "retry_at": diagnosis.retry_at.map(rfc3339),
        }
    });
    format!("{value}\n")
}

/// The code as it is printed. Those of a broker's API are its own words, in capitals.
fn code(diagnosis: &Diagnosis) -> String {
    if diagnosis.code.starts_with(|c: char| c.is_ascii_uppercase()) {
        diagnosis.code.to_owned()
    } else {
        format!("unlapse::{}", diagnosis.code)
    }
}

/// A point in time as scripts read it: RFC 3339, UTC, whole seconds.
pub(crate) fn rfc3339(at: UnixTime) -> String {
    let secs = i64::try_from(at.as_secs()).unwrap_or(i64::MAX);
    jiff::Timestamp::from_second(secs)
        .unwrap_or(jiff::Timestamp::MAX)
        .strftime("%FT%TZ")
        .to_string()
}

/// `text` on one line, without what moves a terminal's cursor: paths and keys come from outside.
pub(crate) fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn diagnosis() -> Diagnosis {
        Diagnosis {
            code: "lease_busy",
            message: "the lease on acme is held by process 41 on host".to_owned(),
            hint: "try again".to_owned(),
            retry_at: Some(UnixTime::from_millis(1_900_000_000_999)),
            exit: Exit::LeaseBusy,
        }
    }

    #[test]
    fn c17_what_failed_what_to_do_and_the_code() {
        assert_eq!(
            text(&diagnosis(), Style::Plain),
            "error: the lease on acme is held by process 41 on host\n\
             \n\
             hint: try again\n\
             unlapse::lease_busy\n"
        );
    }

    #[test]
    fn colour_only_wraps_the_same_words() {
        let coloured = text(&diagnosis(), Style::Coloured);
        let mut plain = coloured.clone();
        for code in ["1;31", "1;36", "2", "0"] {
            plain = plain.replace(&format!("\u{1b}[{code}m"), "");
        }
        assert_ne!(coloured, plain);
        assert_eq!(plain, text(&diagnosis(), Style::Plain));
    }

    #[test]
    fn colour_for_terminals_that_want_it() {
        let rows = [
            (true, None, Some("xterm"), Style::Coloured),
            (true, Some(""), None, Style::Coloured),
            (true, Some("1"), Some("xterm"), Style::Plain),
            (true, Some("0"), Some("xterm"), Style::Plain),
            (true, None, Some("dumb"), Style::Plain),
            (false, None, Some("xterm"), Style::Plain),
        ];
        for (is_terminal, no_color, term, expected) in rows {
            assert_eq!(Style::of(is_terminal, no_color, term), expected, "{no_color:?} {term:?}");
        }
    }

    #[test]
    fn scripts_get_one_object_on_one_line() {
        let line = json(&diagnosis());
        assert_eq!(line.lines().count(), 1);
        let value: Value = serde_json::from_str(&line).expect("JSON");
        assert_eq!(
            value["error"],
            json!({
                "code": "unlapse::lease_busy",
                "message": "the lease on acme is held by process 41 on host",
                "hint": "try again",
                "retry_at": "2030-03-17T17:46:40Z",
            })
        );
        let never = Diagnosis { retry_at: None, ..diagnosis() };
        let value: Value = serde_json::from_str(&json(&never)).expect("JSON");
        assert_eq!(value["error"]["retry_at"], Value::Null);
    }

    #[test]
    fn r18_a_hostile_name_moves_no_cursor() {
        let hostile = Diagnosis { message: "a\u{1b}[2J\nb\u{9b}c".to_owned(), ..diagnosis() };
        let text = text(&hostile, Style::Plain);
        assert_eq!(text.lines().next(), Some("error: a [2J b c"));
    }

    #[test]
    fn the_end_of_time_is_still_a_date() {
        assert!(rfc3339(UnixTime::from_millis(u64::MAX)).starts_with("9999-12-"));
    }
}
