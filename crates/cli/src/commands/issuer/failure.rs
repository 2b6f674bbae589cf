//! What can go wrong with an issuer, and what to do about it.

use std::io;
use std::path::Path;

use unlapse_issuer::{
    BadConfiguration, BadDatabase, BadImport, BadKeys, BadPeppers, BadServer, NotOpened,
    Unavailable,
};

use crate::diagnosis::Diagnosis;
use crate::exit::Exit;

/// There is nowhere to keep what has to be kept.
pub(super) fn no_database() -> Diagnosis {
    Diagnosis {
        code: "issuer_no_database",
        message: "there is nowhere to keep sessions and keys".to_owned(),
        hint: "give --data DIR or --database URL, or --dev to try it out in memory".to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// The command needs what the server's memory holds.
pub(super) fn in_memory() -> Diagnosis {
    Diagnosis {
        code: "issuer_in_memory",
        message: "what is kept in memory belongs to the server's process alone".to_owned(),
        hint: "name what the server keeps: --data DIR or --database URL".to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// A development server for everybody.
pub(super) fn dev_is_local(what: &str) -> Diagnosis {
    Diagnosis {
        code: "issuer_dev_only_local",
        message: format!("--dev has a password that everybody knows, and {what}"),
        hint: "listen at 127.0.0.1 or [::1]; for others, write a configuration (docs/issuer.md)"
            .to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// Nobody said what the issuer is called.
pub(super) fn no_url() -> Diagnosis {
    Diagnosis {
        code: "issuer_no_url",
        message: "the issuer has no URL".to_owned(),
        hint: "set `url` to what clients call it from outside, or give --url".to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// The address cannot be listened at.
pub(super) fn cannot_listen(at: core::net::SocketAddr, error: &io::Error) -> Diagnosis {
    Diagnosis {
        code: "issuer_cannot_listen",
        message: format!("{at} cannot be listened at: {}", error.kind()),
        hint: "end what listens there, or choose another address with --listen".to_owned(),
        retry_at: None,
        exit: Exit::Temporary,
    }
}

/// A file that TLS needs.
pub(super) fn tls(path: &Path, problem: &str) -> Diagnosis {
    Diagnosis {
        code: "issuer_tls",
        message: format!("{} {problem}", path.display()),
        hint: "`tls.certificate` is the chain in PEM, the server's own first, and `tls.key` its \
               private key"
            .to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// A file that has to be kept cannot be.
pub(super) fn file(path: &Path, error: &io::Error) -> Diagnosis {
    Diagnosis {
        code: "issuer_file",
        message: format!("{} cannot be used: {}", path.display(), error.kind()),
        hint: "make the place writable for this user, or name another with --data".to_owned(),
        retry_at: None,
        exit: Exit::Temporary,
    }
}

/// The file of peppers is not there.
pub(super) fn no_peppers(path: &Path) -> Diagnosis {
    Diagnosis {
        code: "pepper_file_missing",
        message: format!("there are no peppers at {}", path.display()),
        hint: "bring the file back: sessions and keys need it; for an issuer that is new, \
               `unlapse issuer pepper add` draws the first, and every node gets a copy"
            .to_owned(),
        retry_at: None,
        exit: Exit::Denied,
    }
}

/// The file of peppers cannot be used.
pub(super) fn peppers(path: &Path, problem: &str) -> Diagnosis {
    Diagnosis {
        code: "pepper_file_unusable",
        message: format!("the peppers at {}: {problem}", path.display()),
        hint: "a line each, the newest first: a name, a space, 32 random bytes in base64url; for \
               its owner alone (chmod 600)"
            .to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// The same, for a text that does not read.
pub(super) fn bad_peppers(path: &Path, bad: BadPeppers) -> Diagnosis {
    peppers(path, &bad.to_string())
}

/// The store does not answer.
pub(super) fn unavailable(away: Unavailable) -> Diagnosis {
    Diagnosis {
        code: "issuer_store_unavailable",
        message: away.to_string(),
        hint: "nothing is lost: try again when the database is well".to_owned(),
        retry_at: None,
        exit: Exit::Temporary,
    }
}

/// The file is no store.
pub(super) fn database(path: &Path, bad: BadDatabase) -> Diagnosis {
    let exit = match bad {
        BadDatabase::Locked | BadDatabase::Io(_) => Exit::Temporary,
        BadDatabase::Damaged | BadDatabase::NotOurs => Exit::StoreDamaged,
        _ => Exit::Usage,
    };
    Diagnosis {
        code: "issuer_database_unusable",
        message: format!("{}: {bad}", path.display()),
        hint: "the file was left as it is; --database names another".to_owned(),
        retry_at: None,
        exit,
    }
}

/// The server is no store.
pub(super) fn server(bad: BadServer) -> Diagnosis {
    let exit = match bad {
        BadServer::Unreachable | BadServer::Failed => Exit::Temporary,
        BadServer::Refused | BadServer::Forbidden => Exit::Denied,
        _ => Exit::Usage,
    };
    Diagnosis {
        code: "issuer_server_unusable",
        message: format!("PostgreSQL: {bad}"),
        hint: "check the URL (UNLAPSE_ISSUER_DATABASE), the server, and what the user may do there"
            .to_owned(),
        retry_at: None,
        exit,
    }
}

/// The issuer cannot be as it was described.
pub(super) fn configuration(bad: BadConfiguration) -> Diagnosis {
    Diagnosis {
        code: "issuer_configuration",
        message: format!("the issuer's configuration does not hold together: {bad}"),
        hint: "change these values; every key is in docs/configuration.md".to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// The issuer cannot be opened.
pub(super) fn not_opened(error: NotOpened) -> Diagnosis {
    match error {
        NotOpened::Configuration(bad) => configuration(bad),
        NotOpened::Keys(bad) => keys(&bad),
        other => Diagnosis {
            code: "issuer_configuration",
            message: other.to_string(),
            hint: "see `unlapse::issuer_configuration` in docs/troubleshooting.md".to_owned(),
            retry_at: None,
            exit: Exit::Usage,
        },
    }
}

/// What to do about one kind of error.
struct Advice {
    code: &'static str,
    exit: Exit,
    hint: &'static str,
}

/// The keys cannot be used or changed.
pub(super) fn keys(bad: &BadKeys) -> Diagnosis {
    let advice = match bad {
        BadKeys::Unavailable(away) => return unavailable(*away),
        BadKeys::PepperMissing { .. } => Advice {
            code: "pepper_missing",
            exit: Exit::Denied,
            hint: "put that pepper back into the file of peppers, behind the newest; if it is lost \
                   for good, give the key up: `unlapse issuer keys revoke KID`",
        },
        BadKeys::Damaged { .. } => Advice {
            code: "signing_key_damaged",
            exit: Exit::StoreDamaged,
            hint: "restore the database from a backup, or give the key up: \
                   `unlapse issuer keys revoke KID`",
        },
        BadKeys::Unknown { .. } => Advice {
            code: "signing_key_unknown",
            exit: Exit::Usage,
            hint: "`unlapse issuer keys list` shows the names of all keys",
        },
        BadKeys::Known { .. } => Advice {
            code: "signing_key_known",
            exit: Exit::Usage,
            hint: "nothing has changed: a key that was revoked does not come back, and one that is \
                   here need not be taken in again",
        },
        BadKeys::SigningKey(_) => Advice {
            code: "signing_key_unusable",
            exit: Exit::Temporary,
            hint: "try again; the system gave no randomness or no thread",
        },
        // Another node makes the first key, or others change the keys at the same time.
        _ => Advice {
            code: "signing_keys_busy",
            exit: Exit::Temporary,
            hint: "try again in a second",
        },
    };
    let Advice { code, exit, hint } = advice;
    Diagnosis { code, message: bad.to_string(), hint: hint.to_owned(), retry_at: None, exit }
}

/// The file is no key.
pub(super) fn import(path: &Path, bad: BadImport) -> Diagnosis {
    Diagnosis {
        code: "signing_key_import",
        message: format!("{}: {bad}", path.display()),
        hint: "give one private key in PKCS#8, PEM or DER: of Ed25519, P-256, or RSA".to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// No such session is live.
pub(super) fn no_session() -> Diagnosis {
    Diagnosis {
        code: "session_unknown",
        message: "there is no such session, or it has ended".to_owned(),
        hint: "`unlapse issuer sessions list SUBJECT` shows those that are live".to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}
