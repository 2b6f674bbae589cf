//! What `unlapse token` asks the kernel for.

use std::ffi::OsStr;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::project::{Project, traced};

/// What one run did.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Touches {
    /// System calls, all of them.
    pub(crate) calls: usize,
    /// Files that were opened, in order; those of the project from its own directory.
    pub(crate) opened: Vec<String>,
    /// System calls that have no place here: sockets, threads and processes, CA bundles, keyrings.
    pub(crate) forbidden: Vec<String>,
}

pub(crate) fn of_token(project: &Project) -> Result<Touches> {
    Ok(read(&trace(&project.token())?, &project.path()?))
}

/// Every system call of `command` and its threads and children, a line each.
pub(crate) fn trace(command: &Command) -> Result<String> {
    let log = tempfile::NamedTempFile::new()?;
    let options = ["-f", "-qq", "-s", "0", "-o"].map(OsStr::new);
    let mut strace = traced(command, &[&options[..], &[log.path().as_os_str()]].concat());
    let status = strace.stdout(Stdio::null()).stderr(Stdio::inherit()).status();
    let status = status.context("starting strace, which has to be installed")?;
    ensure!(status.success(), "{command:?} failed under strace: {status}");
    Ok(std::fs::read_to_string(log.path())?)
}

fn read(trace: &str, project: &Path) -> Touches {
    let mut touches = Touches::default();
    let project = format!("{}/", project.display());
    for line in trace.lines() {
        // `4711  openat(AT_FDCWD, "/etc/ld.so.cache", …) = 3`
        let call = line.trim_start_matches(|c: char| c.is_ascii_digit()).trim_start();
        let Some((name, arguments)) = call.split_once('(') else { continue };
        touches.calls += 1;
        let path = arguments.split('"').nth(1).unwrap_or_default();
        if is_forbidden(name, arguments, path) {
            touches.forbidden.push(call.replace(&project, ""));
        }
        let opened = name.starts_with("open") && !call.contains(" = -1 ");
        if opened {
            touches.opened.push(path.replace(&project, ""));
        }
    }
    touches
}

fn is_forbidden(name: &str, arguments: &str, path: &str) -> bool {
    const NETWORK: [&str; 9] = [
        "socket",
        "socketpair",
        "connect",
        "bind",
        "listen",
        "accept",
        "accept4",
        "sendto",
        "recvfrom",
    ];
    const TASKS: [&str; 4] = ["clone", "clone3", "fork", "vfork"];
    const KEYRING: [&str; 3] = ["add_key", "request_key", "keyctl"];
    const PLACES: [&str; 7] =
        ["/ssl/", "/pki/", "ca-certificates", "ca-bundle", "resolv.conf", "dbus", "keyring"];
    let epoll = name.starts_with("epoll_create") || name.starts_with("io_uring_setup");
    NETWORK.contains(&name)
        || TASKS.contains(&name)
        || KEYRING.contains(&name)
        || epoll
        || (arguments.contains('"') && PLACES.iter().any(|place| path.contains(place)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_and_what_has_no_place_is_found() {
        let trace = "\
41 execve(\"/bin/unlapse\", [\"\"...], 0x7ffc /* 1 var */) = 0
41 openat(AT_FDCWD, \"/lib/libc.so.6\", O_RDONLY|O_CLOEXEC) = 3
41 openat(AT_FDCWD, \"/p/.unlapse/acme.token.aside\", O_RDONLY) = -1 ENOENT (No such file)
41 openat(AT_FDCWD, \"/p/.unlapse/acme.token\", O_RDONLY|O_NOFOLLOW) = 3
41 openat(AT_FDCWD, \"/etc/ssl/certs/ca-certificates.crt\", O_RDONLY) = 4
41 clone3({flags=CLONE_VM}, 88) = 42
42 socket(AF_INET, SOCK_STREAM, IPPROTO_IP) = 5
41 exit_group(0) = ?
41 +++ exited with 0 +++
";
        let touches = read(trace, Path::new("/p"));
        assert_eq!(touches.calls, 8);
        assert_eq!(touches.opened[1], ".unlapse/acme.token");
        assert_eq!((touches.opened.len(), touches.forbidden.len()), (3, 3));
    }
}
