//! The identity cache that AWS's clients share: a partition for each resolver.

use std::time::{Duration, SystemTime};

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

use super::{Keyed, OTHERS, serve};

pub(super) struct Aws {
    cache: SharedIdentityCache,
    resolvers: Vec<SharedIdentityResolver>,
    components: RuntimeComponents,
    config: ConfigBag,
}

impl Keyed for Aws {
    const NAME: &'static str = "aws-smithy-runtime 1.16.2 lazy identity cache";

    async fn new() -> Self {
        let components = RuntimeComponentsBuilder::for_tests()
            .with_time_source(Some(SystemTimeSource::new()))
            .with_sleep_impl(Some(TokioSleep::new()))
            .build()
            .expect("all that is required is there");
        let resolver = |key| SharedIdentityResolver::new(InProcess(key));
        Self {
            cache: IdentityCache::lazy().build(),
            resolvers: (0..=OTHERS).map(resolver).collect(),
            components,
            config: ConfigBag::base(),
        }
    }

    async fn ask(&self, key: usize) -> bool {
        let resolver = self.resolvers[key].clone();
        let identity = self.cache.resolve_cached_identity(resolver, &self.components, &self.config);
        identity.await.is_ok()
    }
}

#[derive(Debug)]
struct InProcess(usize);

impl ResolveIdentity for InProcess {
    fn resolve_identity<'a>(
        &'a self,
        _: &'a RuntimeComponents,
        _: &'a ConfigBag,
    ) -> IdentityFuture<'a> {
        IdentityFuture::new(async move {
            let end = SystemTime::now() + Duration::from_hours(1);
            Ok(Identity::new(serve(self.0).await, Some(end)))
        })
    }
}
