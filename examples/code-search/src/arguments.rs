//! What was typed.

use crate::failure::Failure;

/// What the program is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Command {
    /// Logs in, with a password from standard input.
    Login { username: String },
    /// Searches, for each of these at once.
    Search { queries: Vec<String> },
    /// Sends the project's files.
    Index,
    /// Says how the login stands.
    Status,
    /// Ends the login.
    Logout,
}

/// What there is to type.
const USAGE: &str = "code-search login NAME < PASSWORD | search WORDS… [-- WORDS…]… | index | \
                     status | logout";

impl Command {
    /// Reads the arguments after the program's name.
    pub(crate) fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Self, Failure> {
        let mut arguments = arguments.into_iter();
        let command = arguments.next().unwrap_or_default();
        let rest: Vec<_> = arguments.collect();
        match (command.as_str(), rest.as_slice()) {
            ("login", [username]) => Ok(Self::Login { username: username.clone() }),
            ("search", [_, ..]) => {
                let queries = rest.split(|word| word == "--").map(|words| words.join(" "));
                Ok(Self::Search { queries: queries.filter(|query| !query.is_empty()).collect() })
            }
            ("index", []) => Ok(Self::Index),
            ("status", []) => Ok(Self::Status),
            ("logout", []) => Ok(Self::Logout),
            _ => Err(Failure::Usage(USAGE.to_owned())),
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
        let search = |queries: &[&str]| {
            let queries = queries.iter().map(|query| (*query).to_owned()).collect();
            Some(Command::Search { queries })
        };
        assert_eq!(parse("login ada"), Some(Command::Login { username: "ada".to_owned() }));
        assert_eq!(parse("search fn main"), search(&["fn main"]));
        assert_eq!(parse("search fn main -- struct"), search(&["fn main", "struct"]));
        assert_eq!(parse("index"), Some(Command::Index));
        assert_eq!(parse("status"), Some(Command::Status));
        assert_eq!(parse("logout"), Some(Command::Logout));
        for wrong in ["", "login", "login ada hunter2", "search", "index now", "find x"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}
