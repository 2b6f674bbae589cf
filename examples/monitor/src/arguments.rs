//! What was typed.

use std::time::Duration;

use crate::failure::Failure;

/// What the program is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Logs an account in, with a password from standard input.
    Login { account: String },
    /// Lists the accounts.
    Accounts,
    /// Forgets everything of every account, here.
    Clear,
    /// Does this, as that account where one is named.
    As { account: Option<String>, task: Task },
}

/// What somebody does who has logged in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    /// Shows the metrics once.
    Metrics,
    /// Shows them again and again.
    Watch { every: Duration },
    /// Raises an alert.
    Alert { text: String },
    /// Says how each token stands.
    Status,
    /// Renews every token now.
    Renew,
    /// Ends the account's sessions, at the server and here.
    Revoke,
}

/// What there is to type.
const USAGE: &str = "monitor login ACCOUNT < PASSWORD | accounts | clear, or \
                     monitor [--account NAME] metrics | watch [MILLISECONDS] | alert TEXT… | status \
                     | renew | revoke";

impl Command {
    /// Reads the arguments after the program's name.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, Failure> {
        let arguments: Vec<_> = arguments.into_iter().collect();
        let words: Vec<_> = arguments.iter().map(String::as_str).collect();
        let command = match words.as_slice() {
            ["login", name] if !name.is_empty() => {
                Some(Self::Login { account: (*name).to_owned() })
            }
            ["accounts"] => Some(Self::Accounts),
            ["clear"] => Some(Self::Clear),
            ["--account", name, task @ ..] if !name.is_empty() => {
                let account = Some((*name).to_owned());
                Task::parse(task).map(|task| Self::As { account, task })
            }
            task => Task::parse(task).map(|task| Self::As { account: None, task }),
        };
        command.ok_or_else(|| Failure::Usage(USAGE.to_owned()))
    }
}

impl Task {
    fn parse(words: &[&str]) -> Option<Self> {
        match words {
            ["metrics"] => Some(Self::Metrics),
            ["watch"] => Some(Self::Watch { every: Duration::from_secs(10) }),
            ["watch", millis] => {
                let millis = millis.parse().ok().filter(|millis| (10..=3_600_000).contains(millis));
                millis.map(|millis| Self::Watch { every: Duration::from_millis(millis) })
            }
            ["alert", text @ ..] if !text.is_empty() => Some(Self::Alert { text: text.join(" ") }),
            ["status"] => Some(Self::Status),
            ["renew"] => Some(Self::Renew),
            ["revoke"] => Some(Self::Revoke),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Option<Command> {
        Command::parse(line.split_whitespace().map(str::to_owned)).ok()
    }

    #[test]
    fn a_row_for_each_command() {
        let as_nobody = |task| Some(Command::As { account: None, task });
        assert_eq!(parse("login ops"), Some(Command::Login { account: "ops".to_owned() }));
        assert_eq!(parse("accounts"), Some(Command::Accounts));
        assert_eq!(parse("clear"), Some(Command::Clear));
        assert_eq!(parse("metrics"), as_nobody(Task::Metrics));
        let every = Duration::from_millis(50);
        assert_eq!(parse("watch 50"), as_nobody(Task::Watch { every }));
        let text = "disk full".to_owned();
        assert_eq!(parse("alert disk full"), as_nobody(Task::Alert { text }));
        assert_eq!(parse("status"), as_nobody(Task::Status));
        assert_eq!(parse("revoke"), as_nobody(Task::Revoke));
        let as_bob = Command::As { account: Some("bob".to_owned()), task: Task::Renew };
        assert_eq!(parse("--account bob renew"), Some(as_bob));
        for wrong in [
            "",
            "login",
            "login ops hunter2",
            "--account",
            "--account bob",
            "--account bob login ops",
            "--account bob clear",
            "watch 0",
            "watch soon",
            "watch 9999999999",
            "alert",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
