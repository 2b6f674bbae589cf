//! `unlapse issuer user hash`

use std::io::IsTerminal as _;

use serde_json::json;
use unlapse_issuer::{PasswordCost, PasswordHash};

use super::failure;
use crate::args::Common;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;

pub(super) fn run(common: &Common) -> Result<Exit, Diagnosis> {
    let password = if std::io::stdin().is_terminal() {
        terminal::ask_secret("Password", "stdin")?
    } else {
        let mut secrets = terminal::secrets_from_stdin(1)?;
        secrets.remove(0)
    };
    let hash = PasswordHash::new(&password, PasswordCost::default());
    let hash = hash.map_err(|bad| failure::configuration(bad.into()))?;
    terminal::data(&if common.json {
        format!("{}\n", json!({ "password": hash.to_string() }))
    } else {
        format!("{hash}\n")
    });
    Ok(Exit::Ok)
}
