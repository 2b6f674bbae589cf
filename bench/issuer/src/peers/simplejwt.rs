//! `djangorestframework-simplejwt`, on gunicorn and `PostgreSQL`.

use std::process::Command;

use anyhow::{Context as _, Result};

use super::folder;
use crate::database::{DATABASE_URL, Database};
use crate::server::Server;

/// What is installed, every package pinned.
const REQUIREMENTS: &str = include_str!("../../peers/simplejwt/requirements.txt");

/// Starts it on a database of its own.
pub(crate) fn start(database: &Database) -> Result<Server> {
    let folder = folder("simplejwt");
    let mut gunicorn = Command::new(folder.join(".venv/bin/python"));
    gunicorn.args(["-m", "gunicorn", "--log-level", "warning", "backend:application"]);
    gunicorn.current_dir(&folder).env(DATABASE_URL, database.url());
    Server::start(&mut gunicorn, Some(database.process()))
}

/// Its name, with the versions that are measured.
pub(crate) fn name() -> Result<String> {
    let version = |package: &str| {
        let pinned = REQUIREMENTS.lines().filter_map(|line| line.split_once("=="));
        let version = pinned.into_iter().find(|(name, _)| *name == package);
        version
            .map(|(_, version)| version.trim_end_matches([' ', '\\']))
            .with_context(|| format!("{package} is not pinned"))
    };
    Ok(format!(
        "simplejwt {} (Django {}, gunicorn {})",
        version("djangorestframework-simplejwt")?,
        version("django")?,
        version("gunicorn")?
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_has_the_versions_that_are_pinned() {
        let name = name().expect("all of them are pinned");
        assert!(name.chars().filter(char::is_ascii_digit).count() >= 9, "{name}");
        assert!(!name.contains('\\'), "{name}");
    }
}
