//! What receivers and listeners are told.

use serde::Serialize;
use unlapse::unlapse_core::UnixTime;

use crate::code::Code;
use crate::tables::{Delivery, Event};
use crate::timestamp::Timestamp;

/// What a receiver is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// The same at each attempt, so that the receiver knows what it has seen.
    pub id: String,
    /// The body: JSON, without a secret.
    pub body: Vec<u8>,
}

impl Message {
    /// The message of a delivery.
    pub fn of(delivery: &Delivery) -> Self {
        Self::new(format!("msg_{}", delivery.id), &Told::of(&delivery.event))
    }

    /// One that says nothing but that it arrives.
    pub fn test(now: UnixTime) -> Self {
        let told = Told { r#type: "webhook.test", timestamp: Timestamp(now), data: None };
        Self::new(format!("msg_test_{}", now.as_millis()), &told)
    }

    fn new(id: String, told: &Told<'_>) -> Self {
        let body = serde_json::to_vec(told).expect("strings and numbers always make JSON");
        Self { id, body }
    }
}

/// An event, as it is told.
#[derive(Serialize)]
pub(crate) struct Told<'a> {
    r#type: &'static str,
    timestamp: Timestamp,
    data: Option<Data<'a>>,
}

#[derive(Serialize)]
struct Data<'a> {
    tenant: &'a str,
    user: &'a str,
    provider: &'a str,
    account: &'a str,
    /// Why only the user can help.
    code: Option<Code>,
}

impl<'a> Told<'a> {
    pub(crate) fn of(event: &'a Event) -> Self {
        let id = &event.what.id;
        Self {
            r#type: event.what.kind.as_str(),
            timestamp: Timestamp(event.at),
            data: Some(Data {
                tenant: id.tenant.as_str(),
                user: &id.user,
                provider: id.provider.as_str(),
                account: &id.account,
                code: event.what.code,
            }),
        }
    }
}
