//! `unlapse curl`

mod asked;
mod direct;
mod queued;
mod shown;

use std::time::Duration;

use unlapse::Clock as _;
use unlapse::tokio::TokioClock;

use crate::app::App;
use crate::args::CurlArguments;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use asked::Asked;

/// One request with the token of a profile: at once, or in its line with `--queue`.
pub(crate) fn run(app: &App, arguments: &CurlArguments) -> Result<Exit, Diagnosis> {
    let profile = app.profile(Some(&arguments.profile))?;
    let asked = Asked::of(arguments)?;
    if arguments.queue {
        queued::run(app, profile, asked, arguments)
    } else {
        direct::run(app, profile, asked, arguments)
    }
}

/// `work`, for `most` at most; `None` when it took longer.
async fn within<T>(most: Option<Duration>, work: impl Future<Output = T>) -> Option<T> {
    let Some(most) = most else { return Some(work.await) };
    tokio::select! {
        biased;
        done = work => Some(done),
        () = TokioClock::new().sleep(most) => None,
    }
}
