//! `unlapse exec`

use std::os::unix::process::CommandExt as _;
use std::process::Command;
use std::time::Duration;

use unlapse::AccessToken;

use crate::app::App;
use crate::args::ExecArguments;
use crate::commands::status;
use crate::commands::token::token;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;

/// A token with less left than this is likely to end before its command does.
const SHORT: Duration = Duration::from_secs(300);

/// Becomes the command: its exit code and its signals are its own.
pub(crate) fn run(app: &App, arguments: &ExecArguments) -> Result<Exit, Diagnosis> {
    let profile = app.profile(Some(&arguments.profile))?;
    // Becoming the command ends everything else here, so that nothing may be under way any more.
    let token = token(app, profile, arguments.min_ttl, |_| ())?;
    // The command takes the place of everything that this process would do at its end.
    app.warn_of_news();
    if !app.quiet {
        warn_of_its_end(&token);
    }
    let Some((program, rest)) = arguments.command.split_first() else {
        unreachable!("clap demands a command");
    };
    let mut command = Command::new(program);
    command.args(rest);
    // The child has asked for a token, not for what tokens are bought with (R18).
    for variable in &app.config.secret_variables {
        command.env_remove(variable);
    }
    let error = command.env(&arguments.env, token.secret.expose()).exec();
    Err(Diagnosis {
        code: "exec_failed",
        message: format!("{} cannot be run: {error}", program.to_string_lossy()),
        hint: "check the name and the PATH".to_owned(),
        retry_at: None,
        exit: Exit::Usage,
    })
}

/// Nothing renews what lies in the environment of another process.
fn warn_of_its_end(token: &AccessToken) {
    let now = unlapse::tokio::system_now().wall;
    let left = token.expires_at.map(|end| end.since(now));
    // That it has ended already was told.
    if let Some(left) = left.filter(|left| *left < SHORT && !token.is_stale) {
        terminal::warn(&format!(
            "the command's token ends in {}, and is not renewed there",
            status::span(left)
        ));
    }
}
