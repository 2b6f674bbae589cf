//! Work that waits: a runtime of one thread, and signals that let a renewal finish (R6).

use std::future::Future;

use unlapse::TokenSource;

use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::signals;
use crate::terminal;

/// Runs `work` on a runtime of one thread.
pub(crate) fn block_on<T>(
    work: impl Future<Output = Result<T, Diagnosis>>,
) -> Result<T, Diagnosis> {
    run(tokio::runtime::Builder::new_current_thread().enable_all().build(), work)
}

/// Runs `work` on a runtime of as many threads as there are processors.
pub(crate) fn block_on_threads<T>(
    work: impl Future<Output = Result<T, Diagnosis>>,
) -> Result<T, Diagnosis> {
    run(tokio::runtime::Builder::new_multi_thread().enable_all().build(), work)
}

fn run<T>(
    runtime: std::io::Result<tokio::runtime::Runtime>,
    work: impl Future<Output = Result<T, Diagnosis>>,
) -> Result<T, Diagnosis> {
    let runtime = runtime.map_err(|error| Diagnosis {
        code: "no_runtime",
        message: format!("the system gives this process no room to work in: {error}"),
        hint: "check the limits on open files and threads (ulimit -a)".to_owned(),
        retry_at: None,
        exit: Exit::Temporary,
    })?;
    runtime.block_on(work)
}

/// Does `work` with `source`, then waits for a renewal that is still under way and for what could
/// not be saved yet. SIGINT and SIGTERM end the work, not the renewal; a second one ends all.
pub(crate) async fn settled<T>(
    source: &TokenSource,
    work: impl Future<Output = Result<T, Diagnosis>>,
) -> Result<T, Diagnosis> {
    let settling = async {
        // What could not be saved has been said, and was set aside if that was possible.
        let _ = source.settle().await;
    };
    settled_with(Box::pin(settling), Box::pin(work)).await
}

/// The same, for several sources: `settling` waits for all of them, and is asked once the work is over.
pub(crate) async fn settled_with<T>(
    settling: impl Future<Output = ()>,
    work: impl Future<Output = Result<T, Diagnosis>>,
) -> Result<T, Diagnosis> {
    let mut signal = None;
    let outcome = tokio::select! {
        outcome = work => Some(outcome),
        raised = signals::interrupted() => {
            signal = Some(raised);
            None
        }
    };
    tokio::pin!(settling);
    let mut is_said = false;
    loop {
        let is_to_say = signal.is_some() && !is_said;
        tokio::select! {
            biased;
            () = &mut settling => break,
            raised = signals::interrupted() => match signal {
                None => signal = Some(raised),
                Some(_) => std::process::exit(128 + raised),
            },
            // Only if there is something to wait for.
            () = std::future::ready(()), if is_to_say => {
                terminal::note(
                    "interrupted: finishing the renewal under way; once more stops at once",
                );
                is_said = true;
            }
        }
    }
    match (outcome, signal) {
        (Some(outcome), None) => outcome,
        (_, signal) => {
            terminal::note("interrupted; the renewal under way was finished");
            std::process::exit(128 + signal.unwrap_or(2));
        }
    }
}
