//! `unlapse demo`: the main job on embedded parts.
//!
//! An issuer with tokens of five seconds, which rotates at every use and revokes a login whose
//! refresh token is used twice; several real processes that call a protected API through one
//! encrypted store; and faults thrown at all of them. Nobody is logged out.

mod arena;
mod crew;
mod faults;
mod report;
mod table;
pub(crate) mod worker;

use std::time::Duration;

use crate::args::{Common, DemoArguments};
use crate::commands::embedded;
use crate::commands::running::block_on;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::signals;
use crate::terminal;

use arena::Arena;
use crew::Crew;
use faults::Faults;
use report::Verdict;
use table::Table;

/// Between two looks at how it goes.
const TICK: Duration = Duration::from_millis(200);
/// Between two kills.
const KILL_EVERY: Duration = Duration::from_millis(1500);
/// Life of an access token.
pub(crate) const ACCESS: Duration = Duration::from_secs(5);
/// How long the token before the current one is answered with the same successor.
pub(crate) const GRACE: Duration = Duration::from_secs(10);

pub(crate) fn run(arguments: &DemoArguments, common: &Common) -> Result<Exit, Diagnosis> {
    let verdict = block_on(play(arguments, common))?;
    if common.json {
        terminal::data(&format!("{}\n", verdict.json()));
    } else {
        terminal::data(&verdict.text(terminal::stdout_style()));
    }
    Ok(if verdict.is_good() { Exit::Ok } else { Exit::Denied })
}

async fn play(arguments: &DemoArguments, common: &Common) -> Result<Verdict, Diagnosis> {
    let seed = arguments.seed.unwrap_or_else(embedded::random_seed);
    let arena = Arena::open(Faults::new(seed)).await.map_err(|error| impossible(&*error))?;
    let mut crew =
        Crew::start(&arena, arguments.workers, seed).await.map_err(|error| impossible(&*error))?;
    let live = terminal::can_move_cursor().then(terminal::stdout_style);
    let mut table = Table::new(live, common.quiet || common.json, arguments.seconds);

    let clock = unlapse::tokio::TokioClock::new();
    let start = unlapse::tokio::system_now();
    let length = Duration::from_secs(arguments.seconds);
    let mut next_kill = KILL_EVERY;
    let interrupted = signals::interrupted();
    tokio::pin!(interrupted);
    loop {
        tokio::select! {
            () = unlapse::Clock::sleep(&clock, TICK) => {}
            _ = &mut interrupted => break,
        }
        let elapsed = unlapse::tokio::system_now().since(&start);
        if elapsed >= length {
            break;
        }
        if elapsed >= next_kill {
            next_kill += KILL_EVERY;
            crew.kill_one(&arena).await.map_err(|error| impossible(&*error))?;
        }
        crew.replace_the_dead(&arena).map_err(|error| impossible(&*error))?;
        table.draw(&crew, &arena, elapsed);
    }
    crew.stop().await;
    table.finish();
    Ok(Verdict::of(&crew, &arena))
}

fn impossible(error: &dyn std::error::Error) -> Diagnosis {
    Diagnosis {
        code: "demo_failed",
        message: format!("the demo could not be set up: {error}"),
        hint: "it needs the loopback interface, a temporary directory and permission to start \
               processes"
            .to_owned(),
        retry_at: None,
        exit: Exit::Temporary,
    }
}
