//! What the full tests need besides cargo, and how it gets onto the machine.

use std::fs;
use std::path::Path;

use crate::process;

/// A program that some suites start, and the Debian package that has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Need {
    program: &'static str,
    package: &'static str,
    /// What cannot run without it, in words for a person.
    suites: &'static str,
}

/// The one list. A suite that needs another program adds it here.
const NEEDS: &[Need] = &[
    Need {
        program: "strace",
        package: "strace",
        suites: "the tests that watch or stop system calls",
    },
    Need { program: "node", package: "nodejs", suites: "the tests with software from npm" },
    Need { program: "npm", package: "npm", suites: "the tests with software from npm" },
    Need {
        program: "mount",
        package: "mount",
        suites: "the tests on a file system that is full or read-only",
    },
    Need { program: "mkfs.ext4", package: "e2fsprogs", suites: "the tests on a full ext4" },
    Need { program: "oidc-token", package: "oidc-agent-cli", suites: "the drill of oidc-agent" },
    Need {
        program: "chromium",
        package: "chromium",
        suites: "the tests in which a person is at a page of the issuer or of the broker",
    },
    Need {
        program: PYTHON_VENV,
        package: "python3-venv",
        suites: "the tests by the clients of PyPI, and of the broker's document",
    },
    Need { program: "initdb", package: "postgresql", suites: "the tests against PostgreSQL" },
];

/// Debian packs it apart from the interpreter.
const PYTHON_VENV: &str = "python3 -m venv";

/// Debian keeps the programs of a server out of the path, in a folder a version.
const POSTGRESQL: &str = "/usr/lib/postgresql";

/// As whom packages can be installed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Means {
    Root,
    Sudo,
    /// A person has to do it.
    Person,
}

/// Installs what is missing where that needs no password, and names what stays missing.
pub(crate) fn meet() -> Vec<String> {
    let missing = missing(NEEDS, exists);
    if missing.is_empty() {
        return Vec::new();
    }
    let means = means();
    if means != Means::Person {
        for command in commands(&missing, means) {
            println!("installing: {}", command.join(" "));
            let (program, arguments) = command.split_first().unwrap_or((&"true", &[]));
            let mut install = process::program(program);
            install.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
            // Whether it helped is seen below, by looking for the programs themselves.
            if let Err(error) = process::show(&mut install) {
                eprintln!("{error:#}");
            }
        }
    }
    complaints(&self::missing(&missing, exists))
}

/// Is the program on the path, or where the tests look for it as well?
fn exists(program: &str) -> bool {
    match program {
        PYTHON_VENV => {
            let mut python = process::program("python3");
            process::read(python.args(["-c", "import ensurepip, venv"])).is_ok()
        }
        _ => process::exists(program) || lies_below(Path::new(POSTGRESQL), program),
    }
}

fn lies_below(versions: &Path, program: &str) -> bool {
    let mut versions = fs::read_dir(versions).into_iter().flatten().flatten();
    versions.any(|version| version.path().join("bin").join(program).is_file())
}

fn missing(needs: &[Need], exists: impl Fn(&str) -> bool) -> Vec<Need> {
    needs.iter().copied().filter(|need| !exists(need.program)).collect()
}

/// The commands that install the packages, in order.
fn commands(missing: &[Need], means: Means) -> Vec<Vec<&'static str>> {
    let prefix: &[&str] = match means {
        Means::Root => &[],
        Means::Sudo => &["sudo", "--non-interactive"],
        Means::Person => &["sudo"],
    };
    let update = ["apt-get", "update", "--quiet=2"];
    let install = ["apt-get", "install", "--yes", "--quiet=2", "--no-install-recommends"];
    let packages = missing.iter().map(|need| need.package);
    vec![
        prefix.iter().copied().chain(update).collect(),
        prefix.iter().copied().chain(install).chain(packages).collect(),
    ]
}

/// One sentence for each program that is missing, and the command that would bring them all.
fn complaints(missing: &[Need]) -> Vec<String> {
    if missing.is_empty() {
        return Vec::new();
    }
    let commands: Vec<_> =
        commands(missing, Means::Person).iter().map(|command| command.join(" ")).collect();
    let each = missing.iter().map(|need| {
        format!("`{}` is not installed, so these cannot run: {}", need.program, need.suites)
    });
    each.chain([format!("on Debian and its kin, this installs it: {}", commands.join(" && "))])
        .collect()
}

fn means() -> Means {
    let user = process::read(process::program("id").arg("-u")).unwrap_or_default();
    let sudo = || process::show(process::program("sudo").args(["--non-interactive", "true"]));
    if !process::exists("apt-get") {
        Means::Person
    } else if user.trim() == "0" {
        Means::Root
    } else if process::exists("sudo") && sudo().is_ok() {
        Means::Sudo
    } else {
        Means::Person
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[Need] = &[
        Need { program: "here", package: "here", suites: "some" },
        Need { program: "node", package: "nodejs", suites: "the peers" },
    ];

    #[test]
    fn only_what_is_not_there_is_missing() {
        assert_eq!(missing(TWO, |program| program == "here"), TWO[1..]);
        assert!(missing(TWO, |_| true).is_empty());
    }

    #[test]
    fn a_server_that_debian_keeps_out_of_the_path_is_found() {
        let versions = std::env::temp_dir().join(format!("unlapse-needs-{}", std::process::id()));
        let bin = versions.join("15/bin");
        fs::create_dir_all(&bin).unwrap();
        assert!(!lies_below(&versions, "initdb"));
        fs::write(bin.join("initdb"), "").unwrap();
        assert!(lies_below(&versions, "initdb"));
        fs::remove_dir_all(&versions).unwrap();
    }

    #[test]
    fn packages_and_not_programs_are_installed() {
        let last = |means| commands(&TWO[1..], means).pop().unwrap().join(" ");
        let install = "apt-get install --yes --quiet=2 --no-install-recommends nodejs";
        assert_eq!(last(Means::Root), install);
        assert_eq!(last(Means::Sudo), format!("sudo --non-interactive {install}"));
    }

    #[test]
    fn a_person_is_told_what_cannot_run_and_what_to_type() {
        let said = complaints(&TWO[1..]);
        assert_eq!(said[0], "`node` is not installed, so these cannot run: the peers");
        assert!(said[1].contains("sudo apt-get update") && said[1].ends_with("nodejs"));
        assert!(complaints(&[]).is_empty());
    }
}
