//! The memory that a process held.

use std::ffi::{OsStr, OsString};
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use nix::sys::resource::{UsageWho, getrusage};

use crate::project::traced;

/// The argument that makes this program a parent of one child.
pub(crate) const MODE: &str = "memory-of";

/// Bytes that are its own at its end: not those of the binary and of libraries, which it shares with
/// every other process, and of which the kernel maps more than are asked for.
pub(crate) fn private(command: &Command) -> Result<f64> {
    // Held at its last system call, where its memory can be looked at.
    let hold = ["-o", "/dev/null", "-e", "inject=exit_group:delay_enter=1s"].map(OsStr::new);
    let mut strace = traced(command, &hold).stdout(Stdio::null()).spawn()?;
    thread::sleep(Duration::from_millis(500));
    let held = status_of_child(strace.id());
    ensure!(strace.wait()?.success(), "{command:?} failed under strace");
    let status = held.context("looking at a held process")?;
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kib: f64 = line.context("the kernel tells")?.trim().trim_end_matches(" kB").parse()?;
    Ok(kib * 1024.0)
}

fn status_of_child(parent: u32) -> Result<String> {
    let children = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))?;
    let child = children.split_whitespace().next().context("it has a child")?;
    Ok(std::fs::read_to_string(format!("/proc/{child}/status"))?)
}

/// Bytes resident at its peak. The kernel tells a parent the largest of all of its children, so
/// that a parent of its own, which is small itself, starts this one.
pub(crate) fn of(command: &Command) -> Result<f64> {
    let mut parent = Command::new(std::env::current_exe()?);
    parent.arg(MODE).arg(command.get_program()).args(command.get_args()).env_clear();
    parent.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if let Some(dir) = command.get_current_dir() {
        parent.current_dir(dir);
    }
    let output = parent.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    ensure!(output.status.success(), "measuring the memory failed: {}", output.status);
    let kib: f64 = String::from_utf8(output.stdout)?.trim().parse().context("a number")?;
    Ok(kib * 1024.0)
}

/// Runs the command in `arguments`, and prints its peak in KiB.
pub(crate) fn measure_child(mut arguments: impl Iterator<Item = OsString>) -> Result<()> {
    let program = arguments.next().context("a program")?;
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).status()?;
    ensure!(status.success(), "it failed: {status}");
    println!("{}", getrusage(UsageWho::RUSAGE_CHILDREN)?.max_rss());
    Ok(())
}
