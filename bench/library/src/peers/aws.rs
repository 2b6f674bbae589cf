//! The identity cache that AWS's clients share.

use std::hint::black_box;
use std::sync::Arc;
use std::time::SystemTime;

use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime_api::client::identity::{
    Identity, IdentityFuture, ResolveCachedIdentity, ResolveIdentity, SharedIdentityCache,
    SharedIdentityResolver,
};
use aws_smithy_runtime_api::client::runtime_components::{
    RuntimeComponents, RuntimeComponentsBuilder,
};
use aws_smithy_types::config_bag::ConfigBag;
use http::HeaderValue;

use crate::contender::{Contender, bearer};
use crate::server::Server;

/// The lazy cache's `resolve_cached_identity`.
pub(crate) struct Aws {
    cache: SharedIdentityCache,
    resolver: SharedIdentityResolver,
    components: RuntimeComponents,
    config: ConfigBag,
}

impl Aws {
    async fn identity(&self) -> Option<Identity> {
        let resolver = self.resolver.clone();
        let identity = self.cache.resolve_cached_identity(resolver, &self.components, &self.config);
        identity.await.ok()
    }
}

impl Contender for Aws {
    const NAME: &'static str = "aws-smithy-runtime 1.16.2 lazy identity cache";
    const FAKED: &'static str = "`ResolveIdentity`";

    async fn new(server: Arc<Server>) -> Self {
        let components = RuntimeComponentsBuilder::for_tests()
            .with_time_source(Some(SystemTimeSource::new()))
            .with_sleep_impl(Some(TokioSleep::new()))
            .build()
            .expect("all that is required is there");
        let ready = Self {
            cache: IdentityCache::lazy().build(),
            resolver: SharedIdentityResolver::new(InProcess(server)),
            components,
            config: ConfigBag::base(),
        };
        ready.token().await;
        ready
    }

    async fn token(&self) {
        black_box(self.identity().await.expect("the server answers"));
    }

    async fn try_header(&self) -> Option<HeaderValue> {
        Some(bearer(self.identity().await?.data::<String>().expect("what was put in")))
    }
}

#[derive(Debug)]
struct InProcess(Arc<Server>);

impl ResolveIdentity for InProcess {
    fn resolve_identity<'a>(
        &'a self,
        _: &'a RuntimeComponents,
        _: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        IdentityFuture::new(async move {
            let granted = self.0.grant().await.ok_or("503")?;
            let end = SystemTime::now() + granted.lifetime;
            Ok(Identity::new(granted.access_token, Some(end)))
        })
    }
}
