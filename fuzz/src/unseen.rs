//! C13, R18: what is printed of a value does not depend on its secrets. So it is compared with what
//! is printed of the same value with other secrets.

use unlapse_core::{Credentials, Grant, Record, Secret, Token};

/// Of a grant.
pub(crate) fn grant(grant: &Grant) {
    let other = Grant {
        access_token: another(),
        refresh_token: grant.refresh_token.as_ref().map(|_| another()),
        id_token: grant.id_token.as_ref().map(|_| another()),
        ..grant.clone()
    };
    assert!(format!("{grant:?}") == format!("{other:?}"), "a grant shows its secrets");
}

/// Of a record.
pub(crate) fn record(record: &Record) {
    let token = record.token.as_ref().map(|token| Token {
        access_token: another(),
        refresh_token: token.refresh_token.as_ref().map(|_| another()),
        id_token: token.id_token.as_ref().map(|_| another()),
        sender_key: token.sender_key.as_ref().map(|_| another()),
        ..token.clone()
    });
    let credentials = record.credentials.as_ref().map(|credentials| Credentials {
        password: credentials.password.as_ref().map(|_| another()),
        client_secret: credentials.client_secret.as_ref().map(|_| another()),
        ..credentials.clone()
    });
    let other = Record { token, credentials, ..record.clone() };
    assert!(format!("{record:?}") == format!("{other:?}"), "a record shows its secrets");
}

fn another() -> Secret {
    Secret::new("another")
}
