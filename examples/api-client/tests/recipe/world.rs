//! The program at a desk.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use unlapse_example_stage::{Desk, Run, Stage};

/// Where the program runs, with ada's account.
pub(crate) fn desk(stage: &Stage) -> Desk {
    stranger(stage).env("ACME_USERNAME", Stage::USER).env("ACME_PASSWORD", Stage::PASSWORD)
}

/// The same without an account.
pub(crate) fn stranger(stage: &Stage) -> Desk {
    Desk::new(env!("CARGO_BIN_EXE_acme")).env("ACME_URL", stage.url()).env("UNLAPSE_PERSIST", "on")
}

/// A plain file in the working directory, for its owner alone.
pub(crate) fn plain_file(desk: &Desk, name: &str, text: &str) -> PathBuf {
    let path = desk.work().join(name);
    std::fs::write(&path, text).expect("written");
    permit(&path, 0o600);
    path
}

pub(crate) fn permit(path: &std::path::Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).expect("set");
}

/// The lines of what a run has printed.
pub(crate) fn line(run: &Run) -> &str {
    run.stdout.trim_end()
}
