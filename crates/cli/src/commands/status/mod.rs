//! `unlapse status`

mod standing;
mod view;

use unlapse::Breakers as _;

use crate::app::App;
use crate::args::StatusArguments;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::terminal;
use crate::wiring::{self, Shelf};

pub(crate) use standing::{Standing, Storage, Token};
pub(crate) use view::span;

pub(crate) fn run(app: &App, arguments: &StatusArguments) -> Result<Exit, Diagnosis> {
    let profiles = match &arguments.which.profile {
        Some(name) => vec![app.profile(Some(name))?],
        None => app.config.profiles.values().collect(),
    };
    let shelves = app.shelves();
    let now = unlapse::tokio::system_now();
    let mut standings = Vec::new();
    for profile in profiles {
        standings.push(standing(app, shelves.of(profile), profile, &now));
    }
    if arguments.check {
        let exits = standings.iter().map(|standing| standing.check(arguments.min_ttl));
        return Ok(exits.max_by_key(|exit| exit.code()).unwrap_or(Exit::LoginNeeded));
    }
    if app.json {
        terminal::data(&format!("{:#}\n", view::json(&standings, &now)));
    } else if standings.is_empty() {
        if !app.quiet {
            terminal::note("no profiles; see docs/configuration.md, or run `unlapse demo`");
        }
    } else {
        terminal::data(&view::text(&standings, &now, terminal::stdout_style()));
    }
    Ok(Exit::Ok)
}

/// How a profile is doing, as far as the disk tells. Asks no server.
fn standing(
    app: &App,
    shelf: &Shelf,
    profile: &crate::config::Profile,
    now: &unlapse_core::Now,
) -> Standing {
    let key = profile.key();
    let (stored, holder) = match shelf {
        Shelf::File(store) => (store.read(&key), store.holding(&key)),
        Shelf::Memory(store) => (Ok(store.read(&key)), None),
    };
    let endpoint = wiring::endpoint_name(profile);
    let breaker = app.breakers().map(|breakers| breakers.read(&endpoint)).unwrap_or_default();
    let has_key = wiring::api_key(profile).is_some();
    Standing::of(profile, stored, has_key, holder, breaker.admit(now.wall), now)
}
