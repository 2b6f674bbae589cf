//! What names mean, without what is not public.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use unlapse::unlapse_core::{BoxFuture, Cause};

use super::private_hosts::{NotPublic, PrivateHosts, plain};

/// Tells the addresses of a name.
pub(crate) trait Names: Send + Sync {
    /// Those that it has now: one at least.
    fn addresses<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>>;
}

/// The system's resolver.
struct System;

impl Names for System {
    fn addresses<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name, 0)).await?;
            Ok(found.map(|address| address.ip()).collect())
        })
    }
}

/// Looks names up for connections, and leaves out the addresses that none may be made to. Asked anew for
/// each connection, which then goes to what it has answered.
#[derive(Clone)]
pub(crate) struct Lookup {
    private: PrivateHosts,
    /// What the operator's environment has for a proxy is the operator's word.
    proxy: Option<String>,
    names: Arc<dyn Names>,
}

impl Lookup {
    /// Asks the system. `proxy` is the host of a proxy that is connected to, wherever it is.
    pub(crate) fn new(private: PrivateHosts, proxy: Option<String>) -> Self {
        Self::over(Arc::new(System), private, proxy)
    }

    pub(super) fn over(
        names: Arc<dyn Names>,
        private: PrivateHosts,
        proxy: Option<String>,
    ) -> Self {
        Self { private, proxy: proxy.map(|proxy| plain(&proxy)), names }
    }

    /// Of the addresses of `name`, those that may be connected to.
    fn allowed(&self, name: &str, found: Vec<IpAddr>) -> Result<Vec<IpAddr>, NotPublic> {
        let is_proxy = self.proxy.as_ref().is_some_and(|proxy| *proxy == plain(name));
        if is_proxy || self.private.names(name) {
            return Ok(found);
        }
        let allowed: Vec<_> =
            found.into_iter().filter(|address| self.private.lets(*address)).collect();
        if allowed.is_empty() { Err(NotPublic) } else { Ok(allowed) }
    }
}

impl Resolve for Lookup {
    fn resolve(&self, name: Name) -> Resolving {
        let lookup = self.clone();
        Box::pin(async move {
            let found = lookup.names.addresses(name.as_str()).await?;
            if found.is_empty() {
                return Err("the name has no address".into());
            }
            let allowed = lookup.allowed(name.as_str(), found).map_err(|NotPublic| Cause::Host)?;
            // The port is the request's.
            Ok(Box::new(allowed.into_iter().map(|address| SocketAddr::new(address, 0))) as Addrs)
        })
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::collections::HashMap;

    /// Names that mean what they are told to.
    pub(crate) struct Told(pub(crate) HashMap<&'static str, Vec<IpAddr>>);

    impl Names for Told {
        fn addresses<'a>(&'a self, name: &'a str) -> BoxFuture<'a, io::Result<Vec<IpAddr>>> {
            let found = self.0.get(name).cloned();
            let found = found.ok_or_else(|| io::Error::other("nobody knows it"));
            Box::pin(async { found })
        }
    }

    pub(crate) fn ip(text: &str) -> IpAddr {
        text.parse().expect(text)
    }

    #[tokio::test]
    async fn owasp_ssrf_a_row_for_each_answer_of_a_resolver() {
        let private = PrivateHosts::parse(["10.2.0.0/16", "idp.internal"]).expect("hosts");
        for (name, addresses, expected) in [
            (
                "api.example",
                &["1.1.1.1", "2606:4700::1111"][..],
                Some(&["1.1.1.1", "2606:4700::1111"][..]),
            ),
            // One that names both is taken at its public word.
            ("mixed.example", &["127.0.0.1", "1.1.1.1"], Some(&["1.1.1.1"])),
            ("loopback.example", &["127.0.0.1"], None),
            ("loopback6.example", &["::1"], None),
            ("mapped.example", &["::ffff:127.0.0.1"], None),
            ("metadata.example", &["169.254.169.254"], None),
            ("private.example", &["10.0.0.1", "192.168.0.1", "172.16.0.1"], None),
            ("shared.example", &["100.64.0.1"], None),
            ("local.example", &["fd12::1", "fe80::1"], None),
            ("many.example", &["224.0.0.1", "ff02::1"], None),
            // Allowed by their network, and by their name.
            ("beside.example", &["10.2.0.9"], Some(&["10.2.0.9"])),
            ("idp.internal", &["10.9.0.9"], Some(&["10.9.0.9"])),
            // The operator's own proxy.
            ("proxy.internal", &["10.9.0.1"], Some(&["10.9.0.1"])),
        ] {
            let told = Told(HashMap::from([(name, addresses.iter().map(|it| ip(it)).collect())]));
            let proxy = Some("Proxy.internal".to_owned());
            let lookup = Lookup::over(Arc::new(told), private.clone(), proxy);
            let answer = lookup.resolve(name.parse().expect("a name")).await;
            match (answer, expected) {
                (Ok(found), Some(expected)) => {
                    let found: Vec<_> = found.map(|address| address.ip()).collect();
                    assert_eq!(
                        found,
                        expected.iter().map(|it| ip(it)).collect::<Vec<_>>(),
                        "{name}"
                    );
                }
                (Err(error), None) => {
                    assert_eq!(error.downcast_ref(), Some(&Cause::Host), "{name}");
                }
                (answer, _) => panic!("{name}: {:?}", answer.map(|_| ())),
            }
        }
    }

    #[tokio::test]
    async fn the_systems_own_word_for_this_machine_is_refused() {
        let lookup = Lookup::new(PrivateHosts::default(), None);
        let answer = lookup.resolve("localhost".parse().expect("a name")).await;
        assert!(answer.is_err_and(|error| error.downcast_ref() == Some(&Cause::Host)));
    }
}
