//! `unlapse issuer keys`

use std::io::Read as _;
use std::path::Path;

use serde_json::{Value, json};
use unlapse_core::UnixTime;
use unlapse_issuer::{Algorithm, BadKeys, ListedKey, SigningKey, SigningKeys, Stage};
use zeroize::Zeroizing;

use super::{Run, failure};
use crate::args::KeysCommand;
use crate::commands::running::block_on;
use crate::config::{ConfigError, Origin};
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::report::rfc3339;
use crate::terminal;

/// Larger files are no key.
const LARGEST: u64 = 16 * 1024;
/// Room for all of it and a little more: growing would leave copies behind.
const ROOM: usize = 17 * 1024;

pub(super) fn run(run: &Run<'_>, command: &KeysCommand) -> Result<Exit, Diagnosis> {
    let settings = run.settings()?;
    block_on(async {
        let failed = |bad: BadKeys| failure::keys(&bad);
        // Before anything is opened: a wrong argument is a wrong argument.
        let algorithm = match command {
            KeysCommand::Rotate { algorithm } => algorithm.as_deref().map(named).transpose()?,
            _ => None,
        };
        let imported = match command {
            KeysCommand::Import { file } => Some(read(file)?),
            _ => None,
        };
        let keys = settings.keys_beside().await?;
        match command {
            KeysCommand::List => {}
            KeysCommand::Rotate { .. } => keys.rotate(algorithm).await.map_err(failed)?,
            KeysCommand::Revoke { kid } => keys.revoke(kid).await.map_err(failed)?,
            KeysCommand::Import { .. } => {
                if let Some(key) = imported {
                    let algorithm = key.algorithm();
                    let kid = keys.import(key).await.map_err(failed)?;
                    say(run, &imported_as(&kid, algorithm, &settings.algorithms()));
                }
            }
        }
        show(run, &keys).await.map_err(failed)
    })?;
    Ok(Exit::Ok)
}

fn say(run: &Run<'_>, text: &str) {
    if !run.common.quiet {
        terminal::note(text);
    }
}

fn imported_as(kid: &str, algorithm: Algorithm, signs: &[Algorithm]) -> String {
    if signs.contains(&algorithm) {
        return format!("{kid} is published, and is the next to sign");
    }
    let signs = signs.first().copied().unwrap_or_default();
    format!("{kid} is published, but the issuer signs with {signs}: set `algorithm` to {algorithm}")
}

fn named(algorithm: &str) -> Result<Algorithm, Diagnosis> {
    Algorithm::parse(algorithm).ok_or_else(|| {
        Diagnosis::of_config(&ConfigError::BadValue {
            key: "algorithm".to_owned(),
            at: Origin::Flag("--algorithm"),
            allowed: "`EdDSA`, `ES256` or `RS256`".to_owned(),
            nearest: None,
        })
    })
}

fn read(path: &Path) -> Result<SigningKey, Diagnosis> {
    let mut document = Zeroizing::new(Vec::with_capacity(ROOM));
    let read = if path == Path::new("-") {
        std::io::stdin().lock().take(LARGEST + 1).read_to_end(&mut document)
    } else {
        std::fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut document))
    };
    read.map_err(|error| failure::file(path, &error))?;
    SigningKey::import(&document).map_err(|bad| failure::import(path, bad))
}

async fn show(run: &Run<'_>, keys: &SigningKeys) -> Result<(), BadKeys> {
    let mut listed = keys.list().await?;
    listed.sort_by_key(|key| (rank(key), key.kid.clone()));
    if run.common.json {
        let keys: Vec<_> = listed.iter().map(json_of).collect();
        terminal::data(&format!("{}\n", json!({ "keys": keys })));
        return Ok(());
    }
    for key in &listed {
        let algorithm = key.algorithm.map_or("", Algorithm::as_str);
        let said = match &key.stage {
            Ok(stage) => {
                let (word, at) = moment(*stage);
                let due = match stage {
                    Stage::Active { due: true, .. } => {
                        "; the next signs once it has been published for long enough"
                    }
                    _ => "",
                };
                format!("{:9} {word} {}{due}", stage.as_str(), rfc3339(at))
            }
            Err(bad) => format!("{:9} {bad}", "sealed"),
        };
        terminal::data(&format!("{:43}  {algorithm:5}  {said}\n", key.kid));
    }
    Ok(())
}

/// Those that sign first.
fn rank(key: &ListedKey) -> u8 {
    match key.stage {
        Ok(Stage::Active { .. }) => 0,
        Ok(Stage::Pending { .. }) => 1,
        Ok(Stage::Retiring { .. }) => 2,
        Ok(_) => 4,
        Err(_) => 3,
    }
}

fn moment(stage: Stage) -> (&'static str, UnixTime) {
    match stage {
        Stage::Retiring { until } => ("until", until),
        Stage::Pending { since } | Stage::Active { since, .. } | Stage::Revoked { since } => {
            ("since", since)
        }
        _ => ("since", UnixTime::default()),
    }
}

fn json_of(key: &ListedKey) -> Value {
    let mut value = json!({
        "kid": key.kid,
        "alg": key.algorithm.map(Algorithm::as_str),
        "pepper": key.pepper,
        "stage": key.stage.as_ref().map_or("sealed", |stage| stage.as_str()),
    });
    match &key.stage {
        Ok(stage) => {
            let (word, at) = moment(*stage);
            value[word] = json!(rfc3339(at));
        }
        Err(bad) => value["problem"] = json!(bad.code()),
    }
    value
}
