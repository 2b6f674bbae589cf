//! Connections: seen, brought, removed.

use std::sync::Arc;

use unlapse::unlapse_core::{Error, Grant, Now, Record};
use unlapse::{Clock as _, Revoked};

use super::Broker;
use super::asked::{Actor, Brought, Filter, Page};
use super::tokens::{absent, allow};
use crate::code::Code;
use crate::connection::{Connection, State};
use crate::connection_id::ConnectionId;
use crate::directory::Registered;
use crate::name::Name;
use crate::problem::Problem;
use crate::tables::{EventKind, NewAudit, NewConnection};
use crate::told;

impl Broker {
    /// The connection, without its secrets.
    pub async fn connection(&self, id: &ConnectionId) -> Result<Connection, Problem> {
        self.inner.tables.connection(id).await?.ok_or_else(|| absent(id))
    }

    /// A part of a tenant's connections, in the order of their names, after `after`.
    pub async fn connections(
        &self,
        tenant: &Name,
        filter: &Filter,
        after: Option<&ConnectionId>,
        limit: usize,
    ) -> Result<Page, Problem> {
        self.inner.tables.connections(tenant, filter, after, limit).await
    }

    /// Brings a connection's tokens from elsewhere, in place of those that it may have.
    pub async fn put(
        &self,
        id: &ConnectionId,
        brought: Brought,
        by: &Actor,
    ) -> Result<Connection, Problem> {
        allow(id, by)?;
        if brought.access_token.is_none() && brought.refresh_token.is_none() {
            let detail = "neither `access_token` nor `refresh_token` was brought";
            return Err(Problem::new(Code::BadRequest, detail).of(id));
        }
        let app = self.registered(id).await?;
        app.check_metadata(&brought.metadata).map_err(|problem| problem.of(id))?;
        let metadata = brought.metadata.clone();
        let scope = brought.scope.clone();
        let new = NewConnection { id: id.clone(), scope, metadata };
        let before = self.ready_for(id).await?;
        let at = self.inner.clock.now();
        self.store(&new, &brought.grant(), at).await?;
        self.kept(id, before, by, "put").await
    }

    /// Makes sure that what comes next can be kept, and says how the connection stood.
    pub(super) async fn ready_for(&self, id: &ConnectionId) -> Result<Option<State>, Problem> {
        self.registered(id).await?;
        let before = self.inner.tables.connection(id).await?;
        self.inner.tables.envelope().ready(&id.tenant).await?;
        Ok(before.map(|before| before.state))
    }

    /// Stores what was granted at `at` for a connection, new or not. On an error it can be stored
    /// again.
    pub(super) async fn store(
        &self,
        new: &NewConnection,
        grant: &Grant,
        at: Now,
    ) -> Result<(), Problem> {
        let NewConnection { id, .. } = new;
        let (inner, key) = (&self.inner, id.key());
        inner.tables.envelope().ready(&id.tenant).await?;
        let connected_at = inner.tables.put_connection(new).await?;
        let source = inner.sources.source(&key).await;
        let logged_in = |record: Record, _| record.logged_in(grant.clone(), at);
        if let Err(error) = source.edit(logged_in).await {
            return Err(told::problem(id, &error, None));
        }
        // Again, behind every renewal of the login before it: what is said of that is told apart. And
        // where the connection was removed meanwhile, a record that no list shows would be renewed for
        // ever.
        inner.tables.put_connection_again(new, connected_at).await?;
        inner.said.forget(&key);
        Ok(())
    }

    /// Tells that a connection was stored which stood so `before`.
    pub(super) async fn kept(
        &self,
        id: &ConnectionId,
        before: Option<State>,
        by: &Actor,
        action: &'static str,
    ) -> Result<Connection, Problem> {
        let recovers = matches!(before, Some(State::NeedsUser(_)));
        let kind = if recovers { EventKind::Recovered } else { EventKind::Connected };
        self.inner.notes.tell(id, kind, None);
        self.audit(id, by, action).await?;
        self.connection(id).await
    }

    /// Removes a connection: its tokens are revoked at the provider, where that can be done now, and
    /// deleted here in any case.
    pub async fn remove(&self, id: &ConnectionId, by: &Actor) -> Result<(), Problem> {
        allow(id, by)?;
        self.connection(id).await?;
        let key = id.key();
        let source = self.inner.sources.source(&key).await;
        let revoked = match source.log_out().await {
            Ok(Revoked::Failed(_)) => source.clear().await.map(|()| false),
            Ok(revoked) => Ok(matches!(revoked, Revoked::Done)),
            // A record that no key opens is removed as well: whoever asks for this means it.
            Err(Error::Store(_)) => source.clear().await.map(|()| false),
            Err(error) => Err(error),
        };
        let revoked = revoked.map_err(|error| told::problem(id, &error, None))?;
        self.inner.tables.remove_connection(id).await?;
        self.inner.notes.tell(id, EventKind::Removed, None);
        self.inner.forget(id).await;
        self.audit(id, by, if revoked { "remove" } else { "remove_unrevoked" }).await
    }

    /// Looks for the app, where this node knows of none: another may have registered it a moment ago.
    pub(super) async fn hear_of_app(&self, id: &ConnectionId) -> Result<(), Problem> {
        let directory = &self.inner.directory;
        if directory.app_of(&id.tenant, &id.provider).is_none() {
            directory.refresh(&self.inner.tables).await?;
        }
        Ok(())
    }

    /// The app, which must be there.
    pub(super) async fn registered(&self, id: &ConnectionId) -> Result<Arc<Registered>, Problem> {
        self.hear_of_app(id).await?;
        let directory = &self.inner.directory;
        directory.app_of(&id.tenant, &id.provider).ok_or_else(|| {
            let detail = format!("the tenant {} has no app {}", id.tenant, id.provider);
            Problem::new(Code::NotFound, detail).of(id)
        })
    }

    pub(super) async fn audit(
        &self,
        id: &ConnectionId,
        by: &Actor,
        action: &str,
    ) -> Result<(), Problem> {
        let subject = format!("{}/{}/{}", id.user, id.provider, id.account);
        let action = format!("connection.{action}");
        let entry = NewAudit::new(by, Some(&id.tenant), &action, subject);
        self.inner.tables.note(entry).await
    }
}
