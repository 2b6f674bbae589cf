//! `unlapse broker rotate-key`

use std::time::Duration;

use serde_json::json;
use unlapse::Clock as _;
use unlapse::tokio::TokioClock;
use unlapse_broker::{Broker, Name, Problem};

use super::Run;
use super::offline::{beside, operator};
use super::shown::done;
use crate::args::RotateKeyArguments;
use crate::commands::running::block_on_threads;
use crate::commands::serve::failure;
use crate::diagnosis::Diagnosis;
use crate::exit::Exit;
use crate::report::rfc3339;
use crate::terminal;

/// Connections that are sealed anew at a time.
const PART: usize = 200;
/// When every node has yet to hear of the new key, it is looked again so much later.
const BREATH: Duration = Duration::from_secs(1);

pub(super) fn run(run: &Run<'_>, arguments: &RotateKeyArguments) -> Result<Exit, Diagnosis> {
    let tenant = run.arguments.tenant.as_deref().unwrap_or("default");
    let tenant: Name = tenant.parse().map_err(|bad| super::failure::bad_tenant(&bad))?;
    block_on_threads(async {
        let broker = beside(run, &arguments.place).await?;
        let failed = |problem: Problem| failure::problem(&problem);
        if arguments.master {
            let count = broker.rotate_master(&operator()).await.map_err(failed)?;
            let told = format!("{count} data keys are wrapped under the first master key now");
            done(run, &json!({ "data_keys": count }), &told);
        } else {
            data_key(run, &broker, &tenant).await.map_err(failed)?;
        }
        Ok(Exit::Ok)
    })
}

/// Draws a new data key, and seals everything of the tenant under it. Broken off, it goes on by itself
/// on the nodes, or when it is asked for again.
async fn data_key(run: &Run<'_>, broker: &Broker, tenant: &Name) -> Result<(), Problem> {
    let tables = broker.tables();
    let mut rotation = broker.rotate_data(tenant, &operator()).await?;
    let bar = terminal::spinner(format!("sealing {tenant} anew"), run.common.quiet);
    while rotation.finished_at.is_none() {
        if !tables.reseal(PART).await? {
            TokioClock::new().sleep(BREATH).await;
        }
        if let Some(now) = tables.rotation(tenant).await? {
            rotation = now;
        }
        bar.set_message(format!("sealing {tenant} anew: {} connections", rotation.resealed));
    }
    bar.finish_and_clear();
    let value = json!({
        "tenant": tenant.as_str(),
        "resealed": rotation.resealed,
        "finished_at": rotation.finished_at.map(rfc3339),
    });
    let told =
        format!("{tenant} is sealed under a new key; {} connections were", rotation.resealed);
    done(run, &value, &told);
    Ok(())
}
