//! The database itself, for what cannot be asked of a running broker, or must not leave the machine.

use unlapse_broker::{Actor, Broker};

use super::Run;
use crate::args::BrokerPlace;
use crate::commands::serve::{Place, Settings, failure};
use crate::diagnosis::Diagnosis;

/// The broker over the database that `place` names, beside one that may be running. Nothing is made for
/// it: neither a database nor a key.
pub(super) async fn beside(run: &Run<'_>, place: &BrokerPlace) -> Result<Broker, Diagnosis> {
    let file = run.common.config.as_deref();
    let settings = Settings::beside(place, file, &run.environment)?;
    if let Place::Sqlite(path) = &settings.place
        && !path.exists()
    {
        return Err(failure::file(path, &std::io::ErrorKind::NotFound.into()));
    }
    let keys = settings.master_keys(false)?;
    Box::pin(settings.open_beside(keys)).await
}

/// Whoever can read the master key, for the audit log.
pub(super) fn operator() -> Actor {
    Actor { tenant: None, name: "operator".to_owned() }
}
