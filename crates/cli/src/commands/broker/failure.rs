//! What can go wrong between an operator and a broker, and what to do about it.

use std::path::Path;

use unlapse_broker::Code;
use unlapse_core::{Cause, UnixTime};

use crate::diagnosis::Diagnosis;
use crate::exit::Exit;

/// Nobody gave a key.
pub(super) fn no_key() -> Diagnosis {
    Diagnosis {
        code: "broker_no_key",
        message: "the broker is asked with an API key, and there is none".to_owned(),
        hint: "set UNLAPSE_BROKER_KEY, or give --key-file FILE; `unlapse serve` prints the first, and \
               `unlapse broker keys add NAME --offline` makes one in the database itself"
            .to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// A file that holds a secret cannot be used.
pub(super) fn secret_file(path: &Path, problem: &str) -> Diagnosis {
    Diagnosis {
        code: "broker_secret_file",
        message: format!("{} {problem}", path.display()),
        hint: "name a file that holds the secret alone, for its owner alone (chmod 600)".to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// The broker's address is none.
pub(super) fn bad_address() -> Diagnosis {
    Diagnosis {
        code: "broker_address",
        message: "that is no address of a broker".to_owned(),
        hint: "give an https URL, or an http one to a loopback host: --broker, or UNLAPSE_BROKER"
            .to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// No connection of that name can be.
pub(super) fn bad_connection(problem: &str) -> Diagnosis {
    Diagnosis {
        code: "broker_connection",
        message: problem.to_owned(),
        hint: "write it like ada/google/main".to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    }
}

/// No tenant can have that name.
pub(super) fn bad_tenant(bad: &unlapse_broker::BadName) -> Diagnosis {
    Diagnosis { hint: "give --tenant NAME".to_owned(), ..bad_connection(&bad.to_string()) }
}

/// There is no such tenant.
pub(super) fn no_tenant(tenant: &unlapse_broker::Name) -> Diagnosis {
    refused(Code::NotFound, &format!("there is no tenant `{tenant}`"), None)
}

/// No key can have those rights.
pub(super) fn bad_verbs() -> Diagnosis {
    Diagnosis {
        hint: "write them like --verbs read,token".to_owned(),
        ..bad_connection("verbs are read, token, write, import and admin")
    }
}

/// No import can have that name.
pub(super) fn bad_import(bad: &unlapse_broker::BadName) -> Diagnosis {
    Diagnosis { hint: "give --id NAME".to_owned(), ..bad_connection(&bad.to_string()) }
}

/// No answer came.
pub(super) fn unreachable(broker: &str, cause: Cause) -> Diagnosis {
    Diagnosis {
        code: "broker_unreachable",
        message: format!("the broker at {broker} cannot be asked: {cause}"),
        hint: "start it (`unlapse serve`), or name another with --broker URL".to_owned(),
        retry_at: None,
        exit: Exit::Temporary,
    }
}

/// Something answered, and it is no broker.
pub(super) fn no_broker(broker: &str, status: u16) -> Diagnosis {
    Diagnosis {
        code: "broker_unreadable",
        message: format!("what answers at {broker} is no broker: {status}"),
        hint: "look for a proxy in between, and check --broker URL".to_owned(),
        retry_at: None,
        exit: Exit::Temporary,
    }
}

/// The broker says no, in its own words.
pub(crate) fn refused(code: Code, detail: &str, retry_at: Option<UnixTime>) -> Diagnosis {
    Diagnosis {
        code: code.as_str(),
        message: if detail.is_empty() { code.title().to_owned() } else { detail.to_owned() },
        hint: code.next().trim_end_matches('.').to_owned(),
        retry_at,
        exit: exit(code),
    }
}

/// What a problem tells a script.
fn exit(code: Code) -> Exit {
    match code {
        code if code.needs_user() => Exit::LoginNeeded,
        Code::NoAccessToken => Exit::LoginNeeded,
        Code::Unauthorized
        | Code::Forbidden
        | Code::AppConfig
        | Code::HostRefused
        | Code::KeysAway => Exit::Denied,
        Code::RecordDamaged => Exit::StoreDamaged,
        Code::RefreshInProgress => Exit::LeaseBusy,
        Code::TooEarly => Exit::Temporary,
        code if code.is_retryable() => Exit::Temporary,
        _ => Exit::Usage,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i2_a_script_tells_what_to_try_again_from_what_needs_a_person() {
        for code in Code::ALL {
            let said = exit(code);
            assert_eq!(
                said == Exit::LoginNeeded,
                code.needs_user() || code == Code::NoAccessToken,
                "{code}"
            );
            let waits = [Exit::Temporary, Exit::LeaseBusy, Exit::Denied];
            assert!(!code.is_retryable() || waits.contains(&said), "{code}");
        }
    }
}
