//! What all routes share.

use core::ops::Deref;
use std::sync::Arc;

use axum::Json;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use unlapse::tokio::TokioClock;
use unlapse::unlapse_core::UnixTime;

use super::caller::Caller;
use super::keys::Keys;
use super::lately::Lately;
use super::options::ApiOptions;
use super::refusal::Refusal;
use crate::app::App;
use crate::broker::{Broker, Health};
use crate::code::Code;
use crate::dashboard::Opened;
use crate::gate::Gate;
use crate::name::Name;
use crate::outward::PrivateHosts;
use crate::problem::Problem;
use crate::tables::NewAudit;
use crate::webhooks::Post;

/// What a route answers.
pub(super) type Answer = Result<Response, Refusal>;

/// The broker, and what stands before it.
#[derive(Clone)]
pub(super) struct Api(Arc<Shared>);

pub(super) struct Shared {
    pub(super) broker: Broker,
    pub(super) options: ApiOptions,
    /// Who listens to events.
    pub(super) listeners: Gate,
    pub(super) keys: Keys,
    /// How all is doing, kept for a while.
    pub(super) facts: Opened,
    /// How the node stood a moment ago.
    pub(super) health: Lately<Health>,
    /// Where webhooks may go beside the public internet.
    pub(super) receivers: PrivateHosts,
    /// Sends tests of webhooks.
    pub(super) post: Post,
    pub(super) timer: TokioClock,
}

impl Deref for Api {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

impl Api {
    pub(super) fn new(broker: Broker, options: ApiOptions) -> Self {
        let every = options.private_webhooks.then(PrivateHosts::every);
        let receivers = every.unwrap_or_else(|| broker.private_hosts().clone());
        Self(Arc::new(Shared {
            facts: Opened::new(broker.clone()),
            broker,
            listeners: Gate::new(options.listeners),
            keys: Keys::default(),
            health: Lately::default(),
            post: Post::new(receivers.clone()),
            receivers,
            timer: TokioClock::new(),
            options,
        }))
    }

    /// What time it is, by the database.
    pub(super) fn now(&self) -> UnixTime {
        self.broker.clock()
    }
}

impl Api {
    /// Refuses an app at a provider that nobody knows, without what is an app's alone to say, or at a host
    /// that none may name.
    pub(super) fn check_provider(&self, app: &App) -> Result<(), Refusal> {
        let Some(provider) = self.broker.catalogue().provider(app.provider.as_str()) else {
            let detail = format!("the catalogue has no provider `{}`", app.provider);
            return Err(Problem::new(Code::BadRequest, detail).into());
        };
        Ok(app.check_params(provider, self.broker.private_hosts())?)
    }

    /// Keeps who did what in the audit log.
    pub(super) async fn note(
        &self,
        caller: &Caller,
        tenant: Option<&Name>,
        action: &str,
        subject: &str,
    ) -> Result<(), Refusal> {
        let entry = NewAudit::new(&caller.actor, tenant, action, subject);
        Ok(self.broker.tables().note(entry).await?)
    }
}

/// A reply of JSON.
pub(super) fn json(status: StatusCode, body: impl Serialize) -> Response {
    (status, Json(body)).into_response()
}

/// The same with a secret in it, which nobody is to keep (RFC 6749 §5.1).
pub(super) fn secret_json(status: StatusCode, body: impl Serialize) -> Response {
    let mut response = json(status, body);
    no_store(response.headers_mut());
    response
}

/// For caches, and for those of HTTP/1.0.
pub(super) fn no_store(headers: &mut HeaderMap) {
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::PRAGMA, HeaderValue::from_static("no-cache"));
}
