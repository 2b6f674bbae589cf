//! Worlds that a seed makes up.

use std::time::Duration;

use unlapse_core::{BreakerPolicy, Policy, Reuse, Rungs};

use crate::caller::{Profile, Script};
use crate::chance::Chance;
use crate::planted::Planted;
use crate::run::{Installed, Setup};
use crate::scenario::CLASSES;
use crate::weather::{Kind, Weather};

/// The world of a seed.
pub fn setup(seed: u64, planted: Option<Planted>) -> Setup {
    let chance = &mut Chance::new(seed);
    let secs = Duration::from_secs;
    let mut classes = CLASSES.to_vec();
    classes.extend([
        (Reuse::Grace(secs(5)), Reuse::Grace(secs(5))),
        (Reuse::Grace(secs(300)), Reuse::Grace(secs(300))),
        (Reuse::Stable, Reuse::Unknown),
        (Reuse::UntilUsed, Reuse::Unknown),
    ]);
    let (class, declared) = chance.pick(&classes);
    let shares_database = chance.of_10_000(5_000);
    let hosts = if shares_database { 1 + chance.index(3) } else { 1 };
    let calm = chance.of_10_000(3_000);
    let processes = (0..=chance.index(3))
        .map(|slot| {
            let script = Script {
                keeper: chance.of_10_000(6_000),
                first: Vec::new(),
                callers: 1 + chance.index(3),
                every: chance.between(secs(2), secs(60)),
                wild: !calm,
            };
            (slot % hosts, script)
        })
        .collect::<Vec<_>>();
    let lifetime = match chance.below(8) {
        0 => None,
        1 => Some(chance.between(secs(6), secs(20))),
        2 | 3 => Some(secs(3600)),
        _ => Some(chance.between(secs(60), secs(900))),
    };
    let rungs =
        Rungs { refresh: true, login: chance.of_10_000(2_000), api_key: chance.of_10_000(1_500) };
    let kinds: Vec<Kind> = Kind::ALL.into_iter().filter(|_| chance.of_10_000(4_000)).collect();
    let duration = chance.between(secs(200), secs(2400));
    let weather = Weather {
        kinds,
        at_step: chance.pick(&[10, 30, 100, 300]),
        at_message: chance.pick(&[0, 200, 1_000, 3_000]),
        clears_at: duration,
        processes: processes.len(),
        hosts,
    };
    let age = lifetime.map_or(secs(60), |life| chance.between(Duration::ZERO, life * 2));
    let installed = match chance.below(10) {
        0 => Installed::Nothing,
        _ => Installed::Login(age),
    };
    let breaker = BreakerPolicy { failures: chance.pick(&[2, 5]), ..BreakerPolicy::default() };
    let api_key_while_away = chance.of_10_000(3_000);
    let policy = Policy { reuse: declared, breaker, api_key_while_away, ..Policy::default() };
    let skews = chance.of_10_000(2_000);
    let hosts = (0..hosts)
        .map(|_| {
            let off = i64::try_from(chance.below(240_000)).unwrap_or(0) - 120_000;
            if skews { off } else { 0 }
        })
        .collect();
    Setup {
        name: format!("seed {seed}: {class} known as {declared}"),
        class,
        declared,
        may_lose: class.window().is_some() || class == Reuse::UntilUsed,
        lifetime,
        installed,
        shares_database,
        hosts,
        processes,
        profile: Profile { policy, rungs, api_key: rungs.api_key },
        weather,
        strikes: Vec::new(),
        duration,
        is_calm: calm,
        planted,
    }
}
