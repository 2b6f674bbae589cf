//! A login endpoint that speaks plain JSON instead of OAuth (C9).

use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use unlapse_core::{Reply, Secret, UnixTime};

use crate::endpoint::{Endpoint, EndpointError};
use crate::reply::{self, ReplyFields};
use crate::request;

/// A JSON pair of login and refresh: `POST {server}/api/auth/login` with `username` and
/// `password`, `POST {server}/api/auth/refresh` with `refresh_token`. Every path and name can be
/// another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginEndpoint {
    /// Where to log in.
    pub login_url: Endpoint,
    /// Where to refresh; `None` when the server has no such thing, and each renewal is a login.
    pub refresh_url: Option<Endpoint>,
    /// The names of the fields sent.
    pub sent: LoginFields,
    /// The names of the fields that come back.
    pub replied: ReplyFields,
}

/// The names of the fields that a login endpoint is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoginFields {
    /// The user's name.
    pub username: String,
    /// The password.
    pub password: String,
    /// The refresh token.
    pub refresh_token: String,
}

impl Default for LoginFields {
    fn default() -> Self {
        Self {
            username: "username".to_owned(),
            password: "password".to_owned(),
            refresh_token: "refresh_token".to_owned(),
        }
    }
}

impl LoginEndpoint {
    /// The path of the login below the server's own.
    pub const LOGIN_PATH: &'static str = "/api/auth/login";
    /// The path of the refresh below the server's own.
    pub const REFRESH_PATH: &'static str = "/api/auth/refresh";

    /// The login of `server` at the usual path, without a refresh.
    pub fn at(server: &Endpoint) -> Result<Self, EndpointError> {
        Ok(Self::new(server.join_path(Self::LOGIN_PATH)?))
    }

    /// A login at `login_url`, without a refresh.
    pub fn new(login_url: Endpoint) -> Self {
        Self {
            login_url,
            refresh_url: None,
            sent: LoginFields::default(),
            replied: ReplyFields::default(),
        }
    }

    /// The same with a refresh at `refresh_url`.
    #[must_use]
    pub fn with_refresh(self, refresh_url: Endpoint) -> Self {
        Self { refresh_url: Some(refresh_url), ..self }
    }

    /// Logs in.
    pub fn login(&self, username: &str, password: &Secret) -> Request<Bytes> {
        let fields = [
            (self.sent.username.as_str(), username),
            (self.sent.password.as_str(), password.expose()),
        ];
        request::post_json(&self.login_url, &fields)
    }

    /// Spends a refresh token; `None` when there is nowhere to.
    pub fn refresh(&self, refresh_token: &Secret) -> Option<Request<Bytes>> {
        let endpoint = self.refresh_url.as_ref()?;
        let fields = [(self.sent.refresh_token.as_str(), refresh_token.expose())];
        Some(request::post_json(endpoint, &fields))
    }

    /// Reads the reply to either; see [`parse_login`](crate::parse_login).
    pub fn parse(
        &self,
        status: StatusCode,
        headers: &HeaderMap,
        body: &[u8],
        now: UnixTime,
    ) -> Reply {
        reply::parse_login(status, headers, body, now, &self.replied)
    }
}
