//! What a sealed secret is for.

/// What a sealed secret is for, beside the records of connections: bound into its seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// An app's `client_secret` or private key; its place is the app's name.
    App,
    /// What a webhook's deliveries are signed with; its place is the webhook's name.
    Webhook,
    /// What a consent under way has to remember; its place is the hash of its `state`.
    Connect,
}

impl Purpose {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::App => "app",
            Self::Webhook => "webhook",
            Self::Connect => "connect",
        }
    }
}
