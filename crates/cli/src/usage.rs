//! A command line that does not read, in the form that every error has.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::diagnosis::Diagnosis;
use crate::exit::Exit;

/// Whether JSON was asked for on a command line that does not read as a whole.
pub(crate) fn asks_for_json(arguments: impl IntoIterator<Item = OsString>) -> bool {
    arguments
        .into_iter()
        .take_while(|argument| argument != "--")
        .any(|argument| argument == "--json")
}

/// What is wrong, and the nearest thing that is right.
pub(crate) fn diagnosis(error: &clap::Error) -> Diagnosis {
    Diagnosis {
        code: "usage",
        message: message(error),
        hint: hint(error),
        retry_at: None,
        exit: Exit::Usage,
    }
}

fn message(error: &clap::Error) -> String {
    let shown = error.render().to_string();
    let said = shown.split("\n\n").next().unwrap_or_default();
    let said = said.strip_prefix("error: ").unwrap_or(said);
    let message: Vec<_> = said.lines().map(str::trim).collect();
    let message = message.join(" ");
    match stray(error) {
        // It may be a secret that was meant for stdin (R18).
        Some(stray) => message.replace(&format!("'{stray}' "), ""),
        None if error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
            "a command is missing".to_owned()
        }
        None => message,
    }
}

/// A word that stands where none belongs.
fn stray(error: &clap::Error) -> Option<&str> {
    let kind = match error.kind() {
        ErrorKind::UnknownArgument => ContextKind::InvalidArg,
        ErrorKind::TooManyValues => ContextKind::InvalidValue,
        _ => return None,
    };
    text(error, kind).filter(|word| !word.starts_with('-'))
}

fn hint(error: &clap::Error) -> String {
    let kinds =
        [ContextKind::SuggestedArg, ContextKind::SuggestedSubcommand, ContextKind::SuggestedValue];
    if let Some(meant) = kinds.into_iter().find_map(|kind| text(error, kind)) {
        return format!("did you mean `{meant}`?");
    }
    match error.get(ContextKind::Usage) {
        Some(ContextValue::StyledStr(usage)) => {
            let usage = usage.to_string();
            let line = usage.lines().map(str::trim).find(|line| line.len() > "Usage:".len());
            let line = line.unwrap_or_default();
            format!("usage: {}", line.strip_prefix("Usage: ").unwrap_or(line))
        }
        _ => "`unlapse help` lists the commands, and `unlapse help COMMAND` what each takes"
            .to_owned(),
    }
}

/// The word of that kind; of several, the likeliest, which stands last.
fn text(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(word) => Some(word),
        ContextValue::Strings(words) => words.last().map(String::as_str),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::args::Arguments;

    fn of(line: &str) -> Diagnosis {
        diagnosis(&Arguments::try_parse_from(line.split(' ')).expect_err("no command line"))
    }

    #[test]
    fn c17_a_row_for_each_mistake() {
        let rows = [
            ("unlapse tokne acme", "unrecognized subcommand 'tokne'", "did you mean `token`?"),
            (
                "unlapse token --jsno",
                "unexpected argument '--jsno' found",
                "did you mean `--json`?",
            ),
            (
                "unlapse token acme --format xml",
                "invalid value 'xml' for '--format <FORMAT>' [possible values: raw, header, json, \
                 env]",
                "`unlapse help` lists the commands, and `unlapse help COMMAND` what each takes",
            ),
            (
                "unlapse exec acme true",
                "unexpected argument found",
                "usage: unlapse exec [OPTIONS] <PROFILE> -- <COMMAND>...",
            ),
            (
                "unlapse login --refresh-token-stdin --password-stdin",
                "the argument '--refresh-token-stdin' cannot be used with '--password-stdin'",
                "usage: unlapse login --refresh-token-stdin [PROFILE]",
            ),
        ];
        for (line, message, hint) in rows {
            let found = of(line);
            assert_eq!((found.message.as_str(), found.hint.as_str()), (message, hint), "{line}");
            assert_eq!((found.code, found.exit), ("usage", Exit::Usage));
        }
    }

    #[test]
    fn r18_a_secret_in_the_wrong_place_is_not_repeated() {
        for line in [
            "unlapse login acme canary",
            "unlapse login acme --password-stdin=canary",
            "unlapse login acme --password=canary",
        ] {
            let Diagnosis { message, hint, .. } = of(line);
            assert!(!message.contains("canary") && !hint.contains("canary"), "{message}: {hint}");
        }
    }

    #[test]
    fn json_is_asked_for_before_the_command_of_exec() {
        let words = |line: &str| line.split(' ').map(OsString::from).collect::<Vec<_>>();
        assert!(asks_for_json(words("unlapse token --json --nonsense")));
        assert!(!asks_for_json(words("unlapse exec acme -- jq --json")));
    }
}
