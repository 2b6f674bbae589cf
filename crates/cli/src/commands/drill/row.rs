//! The rows of the drill.

use clap::ValueEnum;

/// One kind of trouble, thrown at a command whose login is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Row {
    /// Many processes at once, against strict rotation
    Storm,
    /// A server that answers 503
    Unavailable,
    /// A firewall's page in place of replies, with 200 and with 403
    Firewall,
    /// Replies lost by a server that has a grace window
    Lost,
    /// A reply lost by a strict server: no client can save that login
    Strict,
    /// A server that accepts and never answers
    Hang,
    /// kill -9 at random moments
    Kill,
    /// SIGTERM in the middle of a renewal
    Terminate,
    /// A disk that takes nothing
    Disk,
    /// A server whose clock is an hour off
    Clock,
    /// HTTP/2 connections that the server gives up (GOAWAY)
    Goaway,
}

impl Row {
    /// All of them, in order.
    pub(super) fn all() -> &'static [Self] {
        Self::value_variants()
    }

    /// Its name on the command line and in JSON.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Storm => "storm",
            Self::Unavailable => "unavailable",
            Self::Firewall => "firewall",
            Self::Lost => "lost",
            Self::Strict => "strict",
            Self::Hang => "hang",
            Self::Kill => "kill",
            Self::Terminate => "terminate",
            Self::Disk => "disk",
            Self::Clock => "clock",
            Self::Goaway => "goaway",
        }
    }

    /// What is thrown, for people.
    pub(super) fn title(self) -> &'static str {
        match self {
            Self::Storm => "many processes at once, strict rotation",
            Self::Unavailable => "503 from the token endpoint",
            Self::Firewall => "a firewall's page, with 200 and with 403",
            Self::Lost => "replies lost, server with a grace window",
            Self::Strict => "a reply lost, strict server: it must be said",
            Self::Hang => "the server accepts and never answers",
            Self::Kill => "kill -9 at random moments",
            Self::Terminate => "SIGTERM in the middle of a renewal",
            Self::Disk => "a disk that takes nothing",
            Self::Clock => "the server's clock an hour ahead, then behind",
            Self::Goaway => "HTTP/2 GOAWAY in the middle of a renewal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn its_word_is_what_the_command_line_takes() {
        for row in Row::all() {
            assert_eq!(Row::from_str(row.word(), false), Ok(*row));
        }
    }
}
