//! What a request counts on, and how often each may come (J2).

use core::time::Duration;
use std::net::IpAddr;

use crate::caller::Caller;
use crate::clients::Client;
use crate::limiter::Limiter;
use crate::rate::{BadRate, Rate};
use crate::session::SessionId;

/// How often each may come: generous, so that nobody meets a limit who does nothing strange.
/// Whoever comes more often is told to wait: 429, with `Retry-After`.
///
/// Each process counts for itself: a fleet of three lets three times as many through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimits {
    /// Requests from one address; of IPv6, from one network of 64 bits, which is what one customer
    /// has. 12,000 in a minute: many people may share one address. Addresses of the loopback are
    /// not counted: behind them is this host itself, or a proxy that nobody named.
    pub peer: Option<Rate>,
    /// Requests of one client that has proved itself. 60,000 in a minute. Public clients are not
    /// counted: anybody can send their `client_id`, and shut all their users out.
    pub client: Option<Rate>,
    /// Requests with a refresh token of one session. 3,000 in a minute.
    pub session: Option<Rate>,
    /// Failed logins from one address, counted as `peer` is. 100 in a quarter of an hour; besides
    /// what [`LoginLimit`](crate::LoginLimit) says of each account. An account that was logged in
    /// from there before does not wait for others' failures; and those of a client that has proved
    /// itself are not counted, as all of its people come from its own address.
    pub login_failures: Option<Rate>,
}

const MINUTE: Duration = Duration::from_secs(60);

impl Default for RateLimits {
    fn default() -> Self {
        Self {
            peer: Some(Rate::new(12_000, MINUTE)),
            client: Some(Rate::new(60_000, MINUTE)),
            session: Some(Rate::new(3_000, MINUTE)),
            login_failures: Some(Rate::new(100, MINUTE * 15)),
        }
    }
}

impl RateLimits {
    /// No limits: where something in front of the issuer has them, and for measurements.
    pub const fn off() -> Self {
        Self { peer: None, client: None, session: None, login_failures: None }
    }

    /// Whether every rate is in its range.
    pub fn check(&self) -> Result<(), BadRate> {
        let rates = [self.peer, self.client, self.session, self.login_failures];
        rates.into_iter().flatten().try_for_each(|rate| rate.check())
    }
}

/// What a request counts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Counted<'a> {
    /// An address, or the network that stands for it.
    Peer(IpAddr),
    /// A client, by its id.
    Client(&'a str),
    /// A session.
    Session(SessionId),
}

impl<'a> Counted<'a> {
    /// What a request from `peer` counts on; `None` when it is not counted.
    pub(crate) fn peer(peer: Option<IpAddr>) -> Option<Self> {
        let peer = peer?.to_canonical();
        let counted = match peer {
            IpAddr::V4(_) => peer,
            IpAddr::V6(address) => IpAddr::V6((u128::from(address) & (u128::MAX << 64)).into()),
        };
        (!peer.is_loopback()).then_some(Self::Peer(counted))
    }

    /// What a failed login by `caller` counts on; `None` when its address does not tell people
    /// apart.
    pub(crate) fn login(caller: &Caller) -> Option<Counted<'static>> {
        if caller.client.is_public() { Counted::peer(caller.peer) } else { None }
    }

    /// What a request of `client` counts on; `None` when it is not counted.
    pub(crate) fn client(client: &'a Client) -> Option<Self> {
        (!client.is_public()).then_some(Self::Client(&client.id))
    }
}

/// Who came how often.
#[derive(Debug)]
pub(crate) struct Limiters {
    pub(crate) peer: Limiter,
    pub(crate) client: Limiter,
    pub(crate) session: Limiter,
    pub(crate) login_failures: Limiter,
    /// How often the audit log is told that an address has to wait: once a minute.
    pub(crate) told: Limiter,
}

impl Limiters {
    pub(crate) fn new(limits: RateLimits) -> Self {
        Self {
            peer: Limiter::new(limits.peer),
            client: Limiter::new(limits.client),
            session: Limiter::new(limits.session),
            login_failures: Limiter::new(limits.login_failures),
            told: Limiter::new(Some(Rate::new(1, MINUTE))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use unlapse_core::Secret;

    #[test]
    fn j2_a_row_for_each_address() {
        for (peer, counted) in [
            ("192.0.2.7", Some("192.0.2.7")),
            ("::ffff:192.0.2.7", Some("192.0.2.7")),
            ("10.0.0.1", Some("10.0.0.1")),
            ("2001:db8:1:2:3:4:5:6", Some("2001:db8:1:2::")),
            ("2001:db8:1:2::", Some("2001:db8:1:2::")),
            ("2001:db8:1:3::6", Some("2001:db8:1:3::")),
            ("127.0.0.1", None),
            ("127.9.9.9", None),
            ("::1", None),
            ("::ffff:127.0.0.1", None),
        ] {
            let address = |text: &str| text.parse::<IpAddr>().expect("an address");
            let counted = counted.map(|text| Counted::Peer(address(text)));
            assert_eq!(Counted::peer(Some(address(peer))), counted, "{peer}");
        }
        assert_eq!(Counted::peer(None), None);
    }

    #[test]
    fn j2_nobody_can_use_up_the_rate_of_a_public_client() {
        assert_eq!(Counted::client(&Client::public("app")), None);
        let job = Client::confidential("job", &Secret::new("s3cret"));
        assert_eq!(Counted::client(&job), Some(Counted::Client("job")));
    }
}
