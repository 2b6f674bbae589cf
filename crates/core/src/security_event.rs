//! What somebody else knows of a login: it was revoked, exposed, changed (K3, K8).

use crate::record::LoginReason;

/// Something happened to a login that its tokens do not tell by themselves. Whoever hears of it, by a
/// security event token (RFC 8417), a logout notice or a person, reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SecurityEvent {
    /// The session at the server was ended, or its tokens were revoked.
    SessionRevoked,
    /// The user's password or another credential was changed, reset or recovered.
    CredentialsChanged,
    /// What the login may do was changed: claims, assurance, risk.
    ClaimsChanged,
    /// Somebody else has seen the access token: a log, a header that went astray.
    TokenExposed,
    /// Somebody else may have seen the refresh token or the stored credentials: a stolen disk.
    LoginExposed,
    /// Somebody has used a refresh token of this login a second time.
    ReuseDetected,
    /// The account was disabled or removed.
    AccountDisabled,
}

/// What is done about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reaction {
    /// A new token is bought at once, whatever is left of the old one's life (K8). The server decides
    /// whether the login survives.
    ForceRefresh,
    /// The token goes, and stored credentials log in anew where there are any.
    NewLogin,
    /// Every secret goes, stored credentials as well: only a person can log in again (K3).
    Clear,
}

impl SecurityEvent {
    /// Every event.
    pub const ALL: [Self; 7] = [
        Self::SessionRevoked,
        Self::CredentialsChanged,
        Self::ClaimsChanged,
        Self::TokenExposed,
        Self::LoginExposed,
        Self::ReuseDetected,
        Self::AccountDisabled,
    ];

    /// What is done about it.
    pub fn reaction(self) -> Reaction {
        match self {
            // Whether a change of password ends a session is the server's to say, and it is asked.
            Self::CredentialsChanged | Self::ClaimsChanged | Self::TokenExposed => {
                Reaction::ForceRefresh
            }
            Self::SessionRevoked => Reaction::NewLogin,
            Self::LoginExposed | Self::ReuseDetected | Self::AccountDisabled => Reaction::Clear,
        }
    }

    /// Why a login is needed afterwards, where it is.
    pub fn reason(self) -> LoginReason {
        match self {
            Self::ReuseDetected => LoginReason::ReuseDetected,
            _ => LoginReason::Revoked,
        }
    }

    /// The event that an event type's URI stands for: `CAEP` and `RISC` of the OpenID Foundation's
    /// Shared Signals, and OpenID Connect Back-Channel Logout. `None` for what is about no login, or
    /// asks for nothing. A security event token (RFC 8417 §2.2) has them as the names of the members
    /// of `events`; that it is genuine and about this login is for the caller to check.
    pub fn of_type(uri: &str) -> Option<Self> {
        const SCHEMAS: &str = "https://schemas.openid.net/secevent/";
        if uri == "http://schemas.openid.net/event/backchannel-logout" {
            return Some(Self::SessionRevoked);
        }
        let (family, name) = uri.strip_prefix(SCHEMAS)?.split_once("/event-type/")?;
        Some(match (family, name) {
            ("caep", "session-revoked")
            | ("risc", "sessions-revoked")
            | ("oauth", "token-revoked" | "tokens-revoked") => Self::SessionRevoked,
            ("caep", "credential-change")
            | ("risc", "account-credential-change-required" | "recovery-activated") => {
                Self::CredentialsChanged
            }
            (
                "caep",
                "token-claims-change"
                | "assurance-level-change"
                | "device-compliance-change"
                | "risk-level-change",
            ) => Self::ClaimsChanged,
            ("risc", "credential-compromise") => Self::LoginExposed,
            ("risc", "account-disabled" | "account-purged") => Self::AccountDisabled,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k3_k8_a_row_for_each_event() {
        use LoginReason::{ReuseDetected, Revoked};
        let rows = [
            (SecurityEvent::SessionRevoked, Reaction::NewLogin, Revoked),
            (SecurityEvent::CredentialsChanged, Reaction::ForceRefresh, Revoked),
            (SecurityEvent::ClaimsChanged, Reaction::ForceRefresh, Revoked),
            (SecurityEvent::TokenExposed, Reaction::ForceRefresh, Revoked),
            (SecurityEvent::LoginExposed, Reaction::Clear, Revoked),
            (SecurityEvent::ReuseDetected, Reaction::Clear, ReuseDetected),
            (SecurityEvent::AccountDisabled, Reaction::Clear, Revoked),
        ];
        assert_eq!(rows.map(|(event, ..)| event), SecurityEvent::ALL);
        for (event, reaction, reason) in rows {
            assert_eq!((event.reaction(), event.reason()), (reaction, reason), "{event:?}");
        }
    }

    #[test]
    fn rfc8417_2_2_a_row_for_each_event_type() {
        use SecurityEvent::{
            AccountDisabled, ClaimsChanged, CredentialsChanged, LoginExposed, SessionRevoked,
        };
        let at = |family: &str, name: &str| {
            SecurityEvent::of_type(&format!(
                "https://schemas.openid.net/secevent/{family}/event-type/{name}"
            ))
        };
        let rows = [
            ("caep", "session-revoked", Some(SessionRevoked)),
            ("caep", "token-claims-change", Some(ClaimsChanged)),
            ("caep", "credential-change", Some(CredentialsChanged)),
            ("caep", "assurance-level-change", Some(ClaimsChanged)),
            ("caep", "device-compliance-change", Some(ClaimsChanged)),
            ("caep", "risk-level-change", Some(ClaimsChanged)),
            ("caep", "session-established", None),
            ("caep", "session-presented", None),
            ("risc", "account-credential-change-required", Some(CredentialsChanged)),
            ("risc", "account-purged", Some(AccountDisabled)),
            ("risc", "account-disabled", Some(AccountDisabled)),
            ("risc", "account-enabled", None),
            ("risc", "identifier-changed", None),
            ("risc", "credential-compromise", Some(LoginExposed)),
            ("risc", "recovery-activated", Some(CredentialsChanged)),
            ("risc", "sessions-revoked", Some(SessionRevoked)),
            ("oauth", "token-revoked", Some(SessionRevoked)),
            ("oauth", "tokens-revoked", Some(SessionRevoked)),
            // Of the wrong family.
            ("risc", "session-revoked", None),
            ("", "session-revoked", None),
        ];
        for (family, name, expected) in rows {
            assert_eq!(at(family, name), expected, "{family} {name}");
        }
        let logout = "http://schemas.openid.net/event/backchannel-logout";
        assert_eq!(SecurityEvent::of_type(logout), Some(SessionRevoked));
        for other in [
            "",
            "session-revoked",
            "http://schemas.openid.net/secevent/caep/event-type/session-revoked",
            "https://schemas.openid.net/secevent/caep/event-type/session-revoked/",
            "https://schemas.example/secevent/caep/event-type/session-revoked",
        ] {
            assert_eq!(SecurityEvent::of_type(other), None, "{other}");
        }
    }
}
