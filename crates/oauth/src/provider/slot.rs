//! What a template has places for.

use super::step::Step;

/// A place in a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Slot {
    ClientId,
    /// Left out where there is a secret, which then says who the client is by itself.
    ClientIdWithoutSecret,
    ClientSecret,
    /// Left out where there is none: a public client.
    ClientSecretIfAny,
    /// A JWT of the client's own (RFC 7523 §2.2).
    Assertion,
    Code,
    /// Left out where there is none.
    CodeVerifier,
    /// Left out where there is none.
    CodeChallenge,
    /// `S256`, beside a challenge.
    CodeChallengeMethod,
    RedirectUri,
    State,
    /// Left out where there is none.
    Scope,
    RefreshToken,
    AccessToken,
    DeviceCode,
    /// Of a revocation: the refresh token, or the access token where there is no other.
    Token,
    /// A variable of the provider.
    Variable(String),
}

impl Slot {
    /// The slots that a descriptor can name, and the steps that they have a value in.
    const NAMED: &'static [(&'static str, Self, &'static [Step])] = {
        use Step::{
            Authorization, ClientCredentials, Device, DeviceToken, Exchange, Introspection,
            Refresh, Revocation, Token,
        };
        const CALLS: &[Step] = &[
            Token,
            Exchange,
            Refresh,
            ClientCredentials,
            Device,
            DeviceToken,
            Revocation,
            Introspection,
        ];
        &[
            ("client_id", Slot::ClientId, Step::ALL),
            ("client_secret", Slot::ClientSecret, CALLS),
            ("code", Slot::Code, &[Token]),
            ("code_verifier", Slot::CodeVerifier, &[Token]),
            ("code_challenge", Slot::CodeChallenge, &[Authorization]),
            ("code_challenge_method", Slot::CodeChallengeMethod, &[Authorization]),
            ("redirect_uri", Slot::RedirectUri, &[Authorization, Token]),
            ("state", Slot::State, &[Authorization]),
            ("scope", Slot::Scope, &[Authorization, Token, Refresh, ClientCredentials, Device]),
            ("refresh_token", Slot::RefreshToken, &[Refresh, Revocation]),
            ("access_token", Slot::AccessToken, &[Exchange, Revocation]),
            ("device_code", Slot::DeviceCode, &[DeviceToken]),
            ("token", Slot::Token, &[Revocation, Introspection]),
        ]
    };

    /// The slot of that name, if it is none of the descriptor's own; `Err`: it has no value there.
    pub(super) fn named(name: &str, step: Option<Step>) -> Option<Result<Self, ()>> {
        let (_, slot, steps) = Self::NAMED.iter().find(|(own, ..)| *own == name)?;
        let here = step.is_some_and(|step| steps.contains(&step));
        Some(if here { Ok(slot.clone()) } else { Err(()) })
    }

    /// Whether that is the name of a slot that every provider has.
    pub(super) fn is_standard(name: &str) -> bool {
        Self::NAMED.iter().any(|(own, ..)| *own == name)
    }

    /// Whether what stands here must not be seen.
    pub(super) fn is_secret(&self) -> bool {
        match self {
            Self::ClientSecret
            | Self::ClientSecretIfAny
            | Self::Assertion
            | Self::Code
            | Self::CodeVerifier
            | Self::RefreshToken
            | Self::AccessToken
            | Self::DeviceCode
            | Self::Token => true,
            Self::ClientId
            | Self::ClientIdWithoutSecret
            | Self::CodeChallenge
            | Self::CodeChallengeMethod
            | Self::RedirectUri
            | Self::State
            | Self::Scope
            | Self::Variable(_) => false,
        }
    }
}
