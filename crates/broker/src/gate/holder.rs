//! Who a place is counted for.

use std::net::IpAddr;

use crate::broker::Actor;
use crate::name::Name;

/// Who a place is counted for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Holder {
    /// Whoever belongs to this tenant.
    Tenant(Name),
    /// The broker's operators.
    Operator,
    /// Whoever has not proven yet who they are: those from one network.
    Stranger(Option<IpAddr>),
}

impl Holder {
    /// Somebody who is known.
    pub(crate) fn known(actor: &Actor) -> Self {
        actor.tenant.clone().map_or(Self::Operator, Self::Tenant)
    }

    /// Somebody from there, of whom no more is known.
    pub(crate) fn stranger(peer: Option<IpAddr>) -> Self {
        Self::Stranger(network(peer))
    }
}

/// Whoever has one address of IPv6 has all of its /64 (RFC 6177 §2).
pub(crate) fn network(peer: Option<IpAddr>) -> Option<IpAddr> {
    peer.map(|peer| match peer.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6((v6.to_bits() & !u128::from(u64::MAX)).into()),
        v4 @ IpAddr::V4(_) => v4,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6177_2_a_network_of_ipv6_is_one_and_mapped_addresses_are_ipv4() {
        let at = |text: &str| Holder::stranger(text.parse().ok());
        assert_eq!(at("2001:db8::1"), at("2001:db8::ffff:1"));
        assert_ne!(at("2001:db8::1"), at("2001:db8:0:1::1"));
        assert_eq!(at("::ffff:10.0.0.1"), at("10.0.0.1"));
        assert_ne!(at("10.0.0.1"), at("10.0.0.2"));
    }

    #[test]
    fn the_operator_is_one_of_many() {
        let actor = |tenant: Option<&str>| {
            let tenant = tenant.map(|name| name.parse().expect("a name"));
            Actor { tenant, name: "key:1".to_owned() }
        };
        assert_eq!(Holder::known(&actor(None)), Holder::Operator);
        assert_ne!(Holder::known(&actor(Some("acme"))), Holder::known(&actor(Some("globex"))));
    }
}
