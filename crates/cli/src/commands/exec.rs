//! `unlapse exec`

use std::os::unix::process::CommandExt as _;
use std::process::Command;

use crate::app::App;
use crate::args::ExecArguments;
use crate::commands::token::token;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;

/// Becomes the command: its exit code and its signals are its own.
pub(crate) fn run(app: &App, arguments: &ExecArguments) -> Result<Exit, Diagnosis> {
    let profile = app.profile(Some(&arguments.profile))?;
    // Becoming the command ends everything else here, so that nothing may be under way any more.
    let token = token(app, profile, arguments.min_ttl, |_| ())?;
    let Some((program, rest)) = arguments.command.split_first() else {
        unreachable!("clap demands a command");
    };
    let error = Command::new(program)
        .args(rest)
        .env(&arguments.env, token.secret.expose())
        // The child has asked for a token, not for what it is bought with.
        .env_remove("UNLAPSE_PASSPHRASE")
        .env_remove("UNLAPSE_CLIENT_SECRET")
        .exec();
    Err(Diagnosis {
        code: "exec_failed",
        message: format!("{} cannot be run: {error}", program.to_string_lossy()),
        hint: "check the name and the PATH".to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    })
}
