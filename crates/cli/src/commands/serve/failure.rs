//! What can go wrong with a broker, and what to do about it.

use core::net::SocketAddr;
use std::io;
use std::path::Path;

use unlapse_broker::Problem;
use unlapse_store::sql::BadDatabase;
use unlapse_store::sql::postgres::BadServer;
use unlapse_store::sql::sqlite::BadFile;

use crate::commands::broker::failure::refused;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;

/// Nobody said what the broker is called.
pub(crate) fn no_url() -> Diagnosis {
    Diagnosis {
        code: "broker_no_url",
        message: "the broker listens where others can reach it, and has no URL".to_owned(),
        hint: "set `public_url` to what browsers call it from outside, or give --public-url"
            .to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// A dashboard for everybody.
pub(crate) fn open_is_local() -> Diagnosis {
    Diagnosis {
        code: "broker_open_only_local",
        message: "`dashboard_open` lets everybody in, and others could reach that address"
            .to_owned(),
        hint:
            "listen at 127.0.0.1 or [::1], or leave `dashboard_open` out: a key opens the dashboard"
                .to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// The address cannot be listened at.
pub(super) fn cannot_listen(at: SocketAddr, error: &io::Error) -> Diagnosis {
    Diagnosis {
        code: "broker_cannot_listen",
        message: format!("{at} cannot be listened at: {}", error.kind()),
        hint: "end what listens there, or choose another address with --listen".to_owned(),
        retry_at: None,
        exit: Exit::Temporary,
    }
}

/// A file that TLS needs.
pub(super) fn tls(path: &Path, problem: &str) -> Diagnosis {
    Diagnosis {
        code: "broker_tls",
        message: format!("{} {problem}", path.display()),
        hint: "`tls.certificate` is the chain in PEM, the server's own first, and `tls.key` its private key".to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// A directory or a file that the broker keeps cannot be made.
pub(crate) fn file(path: &Path, error: &io::Error) -> Diagnosis {
    Diagnosis {
        code: "broker_file",
        message: format!("{} cannot be used: {}", path.display(), error.kind()),
        hint: "make the place writable for this user, or name another with --data".to_owned(),
        retry_at: None,
        exit: Exit::Temporary,
    }
}

/// The file that the first key would go into is there already.
pub(super) fn first_key(path: &Path) -> Diagnosis {
    Diagnosis {
        code: "broker_first_key",
        message: format!(
            "{} is there already, and the first API key goes into no file of others",
            path.display()
        ),
        hint: "move it away, or name a file that is not there yet: --first-key-file FILE"
            .to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// There is a database, and no master key for it.
pub(super) fn no_master_key(place: &str) -> Diagnosis {
    Diagnosis {
        code: "broker_master_key_missing",
        message: format!(
            "there is no master key at {place}, and none is made for a database that \
                          may have another"
        ),
        hint: "bring the file back from its copy: nothing opens without it; for a new broker on \
               PostgreSQL, --new-master-key draws the first, and every node gets a copy"
            .to_owned(),
        retry_at: None,
        exit: Exit::Denied,
    }
}

/// What was given is no master key.
pub(super) fn master_key(place: &str, problem: &str) -> Diagnosis {
    Diagnosis {
        code: "broker_master_key",
        message: format!("the master key at {place}: {problem}"),
        hint: "a line each, the newest first: a name, a space, 32 random bytes in base64url; in a file for \
         its owner alone (chmod 600)".to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// The file of providers makes no sense.
pub(crate) fn providers(path: &Path, problem: &str) -> Diagnosis {
    Diagnosis {
        code: "broker_providers",
        message: format!("{}: {problem}", path.display()),
        hint: "every field is in docs/providers.md; `unlapse broker providers --check FILE` reads it alone".to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// Nobody can be verified as `[jwt]` says.
pub(super) fn jwt(problem: &str) -> Diagnosis {
    Diagnosis {
        code: "broker_jwt",
        message: format!("`[jwt]` cannot be used: {problem}"),
        hint: "name the issuer as it stands in its tokens' `iss`, and what they have as `aud`"
            .to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// The database cannot be used.
pub(super) fn database(place: &str, bad: &BadDatabase) -> Diagnosis {
    Diagnosis {
        code: "broker_database",
        message: format!("{place}: {bad}"),
        hint: "nothing was changed; --database or UNLAPSE_BROKER_DATABASE names another".to_owned(),
        retry_at: None,
        exit: match bad {
            BadDatabase::File(BadFile::Damaged | BadFile::NotOurs) => Exit::StoreDamaged,
            BadDatabase::Server(BadServer::Refused | BadServer::Forbidden) => Exit::Denied,
            BadDatabase::File(BadFile::Locked | BadFile::Io(_))
            | BadDatabase::Server(BadServer::Unreachable | BadServer::Failed)
            | BadDatabase::Away => Exit::Temporary,
            _ => Exit::Usage,
        },
    }
}

/// What the broker says itself.
pub(crate) fn problem(problem: &Problem) -> Diagnosis {
    refused(problem.code, &problem.detail, problem.retry_at)
}

/// It cannot start, for a reason that this version has no words of its own for.
pub(super) fn not_opened(place: &str, why: &str) -> Diagnosis {
    Diagnosis {
        code: "broker_database",
        message: format!("{place}: {why}"),
        hint: "see `unlapse::broker_database` in docs/troubleshooting.md".to_owned(),
        retry_at: None,
        exit: Exit::Temporary,
    }
}
