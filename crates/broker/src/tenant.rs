//! Whose connections.

use core::str::FromStr;

use serde::{Deserialize, Serialize};
use unlapse::unlapse_core::UnixTime;

use crate::name::Name;

/// A tenant: a product whose users' connections are kept, apart from all others', under a data key of
/// its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tenant {
    /// Its name.
    pub name: Name,
    /// How eagerly its connections are renewed.
    pub speed: Speed,
    /// When it was made.
    pub created_at: UnixTime,
}

/// How eagerly connections are renewed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speed {
    /// Every token is always fresh.
    #[default]
    Eager,
    /// Those that were used within the last week are; the others are renewed when asked for, and once
    /// a week so that they live on.
    OnDemand,
}

impl Speed {
    /// As it stands in tables and replies.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Eager => "eager",
            Self::OnDemand => "on_demand",
        }
    }
}

impl FromStr for Speed {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "eager" => Ok(Self::Eager),
            "on_demand" => Ok(Self::OnDemand),
            _ => Err("a speed is `eager` or `on_demand`"),
        }
    }
}
