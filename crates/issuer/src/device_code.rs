//! A device that wants in (RFC 8628), and what its asking leads to: the table, as pure functions.

use core::time::Duration;

use serde::{Deserialize, Serialize};
use unlapse_core::UnixTime;

use crate::denied::Code;

/// The kind of its ticket.
pub(crate) const KIND: &str = "device_code";
/// The kind of the ticket that leads from a user code to it.
pub(crate) const USER_CODE: &str = "user_code";
/// How long a person has to decide.
pub(crate) const LIFETIME: Duration = Duration::from_secs(600);
/// How long after that a device is told that the time is over, rather than that nothing is known.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(600);
/// How long a device waits before it asks again; and how much longer each time it did not (§3.5).
pub(crate) const INTERVAL: Duration = Duration::from_secs(5);
/// A device that waits just as long as it should may seem early by what its requests took.
const LENIENCY: Duration = Duration::from_millis(500);

/// A device, as it is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DeviceCode {
    /// The client on it.
    pub(crate) client: String,
    /// What it asks for, as a `scope` parameter.
    pub(crate) scope: String,
    /// When it is too late to decide.
    pub(crate) expires_at: UnixTime,
    /// When it asked last.
    pub(crate) asked_at: Option<UnixTime>,
    /// How long it has to wait between, in milliseconds.
    pub(crate) interval: u64,
    /// What the person said.
    pub(crate) decision: Decision,
}

/// What a person said to a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Decision {
    /// Nothing yet.
    None,
    /// No.
    Refused,
    /// Yes.
    Approved {
        /// Who.
        subject: String,
        /// When they had logged in.
        auth_time: UnixTime,
        /// From when on that is known. An end of their logins later than this ends the approval.
        confirmed_at: UnixTime,
    },
    /// Yes, and the device has had its session.
    Spent,
}

/// What asking leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asking<'a> {
    /// The device waits on; it is kept as this.
    Wait(Code, DeviceCode),
    /// It is spent for a session of whoever approved it: see [`Decision::Approved`].
    Spend {
        /// Who.
        subject: &'a str,
        /// When they had logged in.
        auth_time: UnixTime,
        /// From when on that is known.
        confirmed_at: UnixTime,
    },
    /// It is refused, and nothing changes.
    Refused(Code),
}

impl DeviceCode {
    /// A device that begins to wait.
    pub(crate) fn begin(client: &str, scope: String, now: UnixTime) -> Self {
        Self {
            client: client.to_owned(),
            scope,
            expires_at: now.plus(LIFETIME),
            asked_at: None,
            interval: millis(INTERVAL),
            decision: Decision::None,
        }
    }

    /// Decides what a device is told that asks (§3.5).
    pub(crate) fn ask(&self, client: &str, now: UnixTime) -> Asking<'_> {
        if client != self.client {
            return Asking::Refused(Code::ClientMismatch);
        }
        match &self.decision {
            Decision::Spent => Asking::Refused(Code::DeviceCodeUnknown),
            _ if now >= self.expires_at => Asking::Refused(Code::DeviceCodeExpired),
            Decision::Refused => Asking::Refused(Code::AccessDenied),
            // An answer that is there is given, however often it was asked for.
            &Decision::Approved { ref subject, auth_time, confirmed_at } => {
                Asking::Spend { subject, auth_time, confirmed_at }
            }
            Decision::None => {
                let interval = Duration::from_millis(self.interval);
                let too_soon =
                    self.asked_at.is_some_and(|before| now.since(before) + LENIENCY < interval);
                let asked = Self { asked_at: Some(now), ..self.clone() };
                if too_soon {
                    let interval = self.interval.saturating_add(millis(INTERVAL));
                    Asking::Wait(Code::SlowDown, Self { interval, ..asked })
                } else {
                    Asking::Wait(Code::AuthorizationPending, asked)
                }
            }
        }
    }

    /// Whether a person can still decide.
    pub(crate) fn is_open(&self, now: UnixTime) -> bool {
        self.decision == Decision::None && now < self.expires_at
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: UnixTime = UnixTime::from_secs(1000);

    fn waiting() -> DeviceCode {
        DeviceCode::begin("tv", "read".to_owned(), START)
    }

    fn approval() -> Decision {
        let subject = "ada".to_owned();
        Decision::Approved { subject, auth_time: START, confirmed_at: START }
    }

    fn after(secs: f64) -> UnixTime {
        START.plus(Duration::from_secs_f64(secs))
    }

    fn told<'a>(device: &'a DeviceCode, client: &str, now: UnixTime) -> Result<&'a str, Code> {
        match device.ask(client, now) {
            Asking::Wait(code, _) | Asking::Refused(code) => Err(code),
            Asking::Spend { subject, .. } => Ok(subject),
        }
    }

    #[test]
    fn rfc8628_3_5_a_row_for_each_asking() {
        let device = waiting();
        let asked = DeviceCode { asked_at: Some(START), ..waiting() };
        let approved = approval();
        let approved = DeviceCode { decision: approved, ..asked.clone() };
        let refused = DeviceCode { decision: Decision::Refused, ..asked.clone() };
        let spent = DeviceCode { decision: Decision::Spent, ..asked.clone() };
        let rows = [
            (&device, "tv", 0.0, Err(Code::AuthorizationPending)),
            (&device, "app", 0.0, Err(Code::ClientMismatch)),
            (&device, "tv", 599.999, Err(Code::AuthorizationPending)),
            (&device, "tv", 600.0, Err(Code::DeviceCodeExpired)),
            (&asked, "tv", 4.4, Err(Code::SlowDown)),
            (&asked, "tv", 4.5, Err(Code::AuthorizationPending)),
            (&approved, "tv", 0.1, Ok("ada")),
            (&approved, "app", 0.1, Err(Code::ClientMismatch)),
            (&approved, "tv", 600.0, Err(Code::DeviceCodeExpired)),
            (&refused, "tv", 0.1, Err(Code::AccessDenied)),
            (&refused, "tv", 600.0, Err(Code::DeviceCodeExpired)),
            (&spent, "tv", 0.1, Err(Code::DeviceCodeUnknown)),
            (&spent, "tv", 900.0, Err(Code::DeviceCodeUnknown)),
        ];
        for (device, client, secs, expected) in rows {
            assert_eq!(told(device, client, after(secs)), expected, "{device:?} {secs}");
        }
    }

    #[test]
    fn rfc8628_3_5_each_slow_down_makes_the_interval_five_seconds_longer() {
        let mut device = waiting();
        for (secs, code, interval) in [
            (0.0, Code::AuthorizationPending, 5000),
            (1.0, Code::SlowDown, 10_000),
            (7.0, Code::SlowDown, 15_000),
            (21.6, Code::AuthorizationPending, 15_000),
            (36.6, Code::AuthorizationPending, 15_000),
        ] {
            let Asking::Wait(told, next) = device.ask("tv", after(secs)) else {
                panic!("it waits at {secs}");
            };
            assert_eq!((told, next.interval), (code, interval), "{secs}");
            device = next;
        }
    }

    #[test]
    fn a_person_decides_once_and_in_time() {
        let device = waiting();
        assert!(device.is_open(after(599.0)) && !device.is_open(after(600.0)));
        let refused = DeviceCode { decision: Decision::Refused, ..device };
        assert!(!refused.is_open(START));
    }

    #[test]
    fn it_reads_back_as_it_was_kept() {
        let decision = approval();
        let device = DeviceCode { decision, ..waiting() };
        let kept = serde_json::to_vec(&device).expect("JSON");
        assert_eq!(serde_json::from_slice::<DeviceCode>(&kept).expect("reads"), device);
    }
}
