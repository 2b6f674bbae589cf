//! Many connections at once.

use std::sync::Arc;

use super::Broker;
use super::asked::Actor;
use super::inner::Schedule;
use crate::code::Code;
use crate::connection_id::ConnectionId;
use crate::import::{Export, ExportPage, Import};
use crate::name::Name;
use crate::problem::Problem;
use crate::seal::Rotation;
use crate::tables::NewAudit;

impl Broker {
    /// Begins the import `id`, or goes on with it: feed it lines of JSON as they come in, then finish it.
    /// The same upload sent again after it was broken off goes on behind what is done.
    pub async fn import(&self, tenant: &Name, id: &Name, by: &Actor) -> Result<Import, Problem> {
        allow(tenant, by)?;
        let inner = &self.inner;
        // An app may have been registered a moment ago.
        inner.directory.refresh(&inner.tables).await?;
        let timetable = Arc::new(Schedule(Arc::clone(&inner.directory)));
        let import = Import::begin(&inner.tables, timetable, tenant, id, by).await?;
        Ok(import.judged_by(Arc::clone(&inner.directory)))
    }

    /// Connections of a tenant as lines of JSON, behind `after`; `limit` is 1000 at most. Whoever asks
    /// for secrets has to have the verb `admin`: that is for the caller to see to.
    pub async fn export(
        &self,
        tenant: &Name,
        what: Export,
        after: Option<&ConnectionId>,
        limit: usize,
        by: &Actor,
    ) -> Result<ExportPage, Problem> {
        allow(tenant, by)?;
        self.inner.tables.export(tenant, what, after, limit, by).await
    }

    /// Draws a new data key for a tenant; nodes seal everything of the tenant under it in the background.
    pub async fn rotate_data(&self, tenant: &Name, by: &Actor) -> Result<Rotation, Problem> {
        allow(tenant, by)?;
        let tables = &self.inner.tables;
        if tables.tenant(tenant).await?.is_none() {
            return Err(Problem::new(Code::NotFound, format!("there is no tenant {tenant}")));
        }
        let begun = tables.envelope().rotate_data(tenant).await?;
        tables.note(NewAudit::new(by, Some(tenant), "data_key.rotate", tenant.as_str())).await?;
        Ok(begun)
    }

    /// Wraps every data key under the newest master key; how many were wrapped anew. The older master
    /// keys are not needed any more then.
    pub async fn rotate_master(&self, by: &Actor) -> Result<u64, Problem> {
        if by.tenant.is_some() {
            return Err(Problem::new(Code::Forbidden, "the master key is the operator's"));
        }
        let tables = &self.inner.tables;
        let count = tables.envelope().rotate_master().await?;
        tables.note(NewAudit::new(by, None, "master_key.rotate", count.to_string())).await?;
        Ok(count)
    }
}

fn allow(tenant: &Name, by: &Actor) -> Result<(), Problem> {
    if by.may_touch(tenant) {
        return Ok(());
    }
    Err(Problem::new(Code::Forbidden, format!("{} may not touch what is {tenant}'s", by.name)))
}
