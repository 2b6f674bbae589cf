//! `unlapse completion`

use clap::CommandFactory as _;

use crate::args::Arguments;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;

#[expect(clippy::unnecessary_wraps, reason = "every command has this shape")]
pub(crate) fn run(shell: clap_complete::Shell) -> Result<Exit, Diagnosis> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Arguments::command(), "unlapse", &mut script);
    terminal::data(&String::from_utf8_lossy(&script));
    Ok(Exit::Ok)
}
