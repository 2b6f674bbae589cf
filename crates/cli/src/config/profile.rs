//! A profile: one login, how it is bought and kept.

use core::time::Duration;

use unlapse_core::{Key, Policy, Reuse, Secret};
use unlapse_oauth::Endpoint;
use unlapse_oauth::discovery::Issuer;
use unlapse_oauth::grant::BrokerConnection;

use super::client::{Client, ClientSecret, Method, client};
use super::environment::Environment;
use super::error::ConfigError;
use super::keys::{AuthWord, DpopAlg, GrantWord, LoginKeys, ProfileKeys};
use super::layer::ProfileLayer;
use super::origin::{Origin, Valued};
use super::policy::policy;
use super::section::Section as _;

/// The variable with a broker's API key, where a profile names no other.
pub(crate) const BROKER_KEY: &str = "UNLAPSE_BROKER_KEY";
/// No broker is asked for more: a day.
const LONGEST_TTL: Duration = Duration::from_secs(86_400);
/// A renewal may begin so much earlier than `refresh_ahead` says (R12).
const LONGEST_JITTER: Duration = Duration::from_secs(30);

/// One login, with everything that its renewal needs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Profile {
    /// Its name.
    pub(crate) name: String,
    /// The account at the server, where several are kept (K10).
    pub(crate) account: Option<String>,
    /// How its token is bought.
    pub(crate) grant: Grant,
    /// `scope` (RFC 6749 §3.3); empty: the server's default.
    pub(crate) scopes: Vec<String>,
    /// `audience`, as some servers want it beside or instead of `resource`.
    pub(crate) audience: Option<String>,
    /// `resource` (RFC 8707).
    pub(crate) resource: Option<String>,
    /// Whether its logins are bound to a key (RFC 9449).
    pub(crate) dpop: bool,
    /// How their keys sign.
    pub(crate) dpop_alg: DpopAlg,
    /// The last rung of the ladder (R14). `None` for a grant that is a key itself.
    pub(crate) api_key: Option<ApiKey>,
    /// The numbers and rules of its renewal.
    pub(crate) policy: Policy,
}

/// How a token is bought, with exactly what that takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Grant {
    /// A refresh token (RFC 6749 §6), and a login endpoint for when it fails for good (C9).
    RefreshToken {
        /// Where.
        server: Server,
        /// Who asks.
        client: Client,
        /// The rung below.
        login: Option<LoginEndpoint>,
    },
    /// The client's own credentials (RFC 6749 §4.4).
    ClientCredentials {
        /// Where.
        server: Server,
        /// Who asks; never an anonymous or public client.
        client: Client,
    },
    /// A user name and password at the token endpoint (RFC 6749 §4.3).
    Password {
        /// Where.
        server: Server,
        /// Who asks.
        client: Client,
        /// Whose password.
        username: String,
    },
    /// A user name and password at a JSON endpoint (C9).
    LoginEndpoint {
        /// The endpoint.
        login: LoginEndpoint,
        /// Where its refresh tokens are spent, if not at its own `refresh_url`.
        server: Option<Server>,
        /// Who spends them there.
        client: Client,
    },
    /// A broker keeps the login, and hands out its tokens (I3).
    Broker {
        /// Which one, where.
        connection: BrokerConnection,
        /// The API key of the broker.
        key: ClientSecret,
    },
    /// No token at all: a key from the environment.
    ApiKey(ApiKey),
}

/// Where a token is bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Server {
    /// The endpoints are named.
    Named {
        /// RFC 6749 §3.2.
        token_endpoint: Endpoint,
        /// RFC 7009.
        revocation_endpoint: Option<Endpoint>,
        /// Whose metadata names what is not named here.
        issuer: Option<Issuer>,
    },
    /// The issuer's metadata names them (RFC 8414, OpenID Connect Discovery).
    Discovered {
        /// The issuer.
        issuer: Issuer,
        /// Goes before what the metadata says.
        revocation_endpoint: Option<Endpoint>,
    },
}

/// The JSON login endpoint of C9.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LoginEndpoint {
    /// Where user name and password are posted.
    pub(crate) url: Endpoint,
    /// The user name.
    pub(crate) username: String,
    /// The request's field for the user name.
    pub(crate) username_field: String,
    /// The request's field for the password.
    pub(crate) password_field: String,
    /// The reply's field for the access token.
    pub(crate) token_field: String,
    /// Where its refresh tokens are posted, where there is such a place.
    pub(crate) refresh_url: Option<Endpoint>,
}

/// A key from the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ApiKey {
    /// The variable.
    pub(crate) variable: String,
    /// Its value; `None` when it is not set.
    pub(crate) key: Option<Secret>,
}

impl Profile {
    /// The name of the profile's record in a store.
    ///
    /// The hosts that its secrets are sent to belong to it: a project's configuration that names
    /// another server for a profile of the user's gets a record of its own, and never the user's
    /// refresh token. This machine's own hosts do not, for local servers move between ports.
    pub(crate) fn key(&self) -> Key {
        let mut hosts: Vec<_> = self
            .grant
            .endpoints()
            .into_iter()
            .filter(|endpoint| !endpoint.is_loopback())
            .filter_map(|endpoint| endpoint.url().host_str().map(str::to_owned))
            .collect();
        hosts.sort_unstable();
        hosts.dedup();
        let server = std::iter::once(self.name.clone()).chain(hosts).collect::<Vec<_>>().join("@");
        Key::new(server).account(self.account.clone().unwrap_or_default())
    }

    /// Makes sense of what the sources say of the profile.
    pub(crate) fn new(
        name: &str,
        layer: &ProfileLayer,
        environment: &Environment,
    ) -> Result<Self, ConfigError> {
        let keys = &layer.keys;
        let api_key = match &keys.api_key_env {
            Some(variable) => {
                let variable = variable.value.clone();
                Some(ApiKey { key: environment.secret(&variable)?, variable })
            }
            None => None,
        };
        let reuse = keys.reuse.as_ref().map_or(Reuse::default(), |set| set.value);
        let while_away = keys.api_key_while_away.as_ref().is_some_and(|set| set.value);
        let dpop = keys.dpop.as_ref().is_some_and(|set| set.value);
        let mut policy = policy(name, &layer.policy, reuse, while_away)?;
        // Whoever asks for bound tokens is not content with others.
        policy.rules.sender_constrained = dpop;
        let part = Part { name, layer, environment, ahead: policy.refresh_ahead };
        let grant = part.grant(api_key.as_ref())?;
        Ok(Self {
            name: name.to_owned(),
            account: value(keys.account.as_ref()),
            api_key: api_key.filter(|_| !matches!(grant, Grant::ApiKey(_))),
            grant,
            scopes: value(keys.scopes.as_ref()).unwrap_or_default(),
            audience: value(keys.audience.as_ref()),
            resource: value(keys.resource.as_ref()),
            dpop,
            dpop_alg: value(keys.dpop_alg.as_ref()).unwrap_or(DpopAlg::Es256),
            policy,
        })
    }
}

/// The grant that counts, and who chose it.
pub(crate) fn grant_word(keys: &ProfileKeys) -> Valued<GrantWord> {
    let broker = keys.broker.as_ref().map(|broker| broker.replaced(GrantWord::Broker));
    keys.grant.clone().or(broker).unwrap_or(Valued::default(GrantWord::RefreshToken))
}

/// A profile while it is made sense of.
struct Part<'a> {
    name: &'a str,
    layer: &'a ProfileLayer,
    environment: &'a Environment,
    /// How long before their end its tokens are renewed.
    ahead: Duration,
}

impl Part<'_> {
    fn grant(&self, api_key: Option<&ApiKey>) -> Result<Grant, ConfigError> {
        Ok(match grant_word(&self.layer.keys).value {
            GrantWord::RefreshToken => {
                const WHAT: &str = "the grant `refresh_token`";
                Grant::RefreshToken {
                    server: self.server(WHAT)?,
                    client: self.client(AuthWord::None)?,
                    login: self.layer.login.as_ref().map(|login| self.login(login)).transpose()?,
                }
            }
            GrantWord::ClientCredentials => {
                const WHAT: &str = "the grant `client_credentials`";
                let server = self.server(WHAT)?;
                let client = self.client(AuthWord::Basic)?;
                match client {
                    Client::Confidential { .. } => Grant::ClientCredentials { server, client },
                    Client::Anonymous => return Err(self.missing("client_id", WHAT)),
                    Client::Public { .. } | Client::Undecided { .. } => {
                        return Err(self.needs_client_auth());
                    }
                }
            }
            GrantWord::Password => {
                const WHAT: &str = "the grant `password`";
                Grant::Password {
                    server: self.server(WHAT)?,
                    client: self.client(AuthWord::None)?,
                    username: value(self.layer.keys.username.as_ref())
                        .ok_or_else(|| self.missing("username", WHAT))?,
                }
            }
            GrantWord::LoginEndpoint => {
                const WHAT: &str = "the grant `login_endpoint`";
                let login = self.layer.login.as_ref();
                let login = login.ok_or_else(|| self.missing("login_endpoint.url", WHAT))?;
                Grant::LoginEndpoint {
                    login: self.login(login)?,
                    server: self.server(WHAT).ok(),
                    client: self.client(AuthWord::None)?,
                }
            }
            GrantWord::Broker => self.broker()?,
            GrantWord::ApiKey => {
                let missing = || self.missing("api_key_env", "the grant `api_key`");
                Grant::ApiKey(api_key.cloned().ok_or_else(missing)?)
            }
        })
    }

    fn server(&self, needed_by: &'static str) -> Result<Server, ConfigError> {
        let keys = &self.layer.keys;
        let revocation_endpoint = value(keys.revocation_endpoint.as_ref());
        match (value(keys.token_endpoint.as_ref()), value(keys.issuer.as_ref())) {
            (Some(token_endpoint), issuer) => {
                Ok(Server::Named { token_endpoint, revocation_endpoint, issuer })
            }
            (None, Some(issuer)) => Ok(Server::Discovered { issuer, revocation_endpoint }),
            (None, None) => Err(self.missing("token_endpoint` or `issuer", needed_by)),
        }
    }

    fn client(&self, without_secret: AuthWord) -> Result<Client, ConfigError> {
        let keys = &self.layer.keys;
        let secret = match &keys.client_secret_env {
            Some(variable) => self.client_secret(&variable.value)?,
            None => match self.client_secret("UNLAPSE_CLIENT_SECRET")? {
                // Nobody named it, so that nothing is missing.
                ClientSecret::Unset { .. } => ClientSecret::Stored,
                secret => secret,
            },
        };
        let stated = keys.client_auth.as_ref().map(|auth| auth.value);
        let named = keys.client_secret_env.is_some();
        client(value(keys.client_id.as_ref()), stated, secret, without_secret).or_else(|needs_id| {
            // The variable that all profiles share says nothing about this one.
            if stated.is_none_or(|auth| auth == AuthWord::None) && !named {
                return Ok(Client::Anonymous);
            }
            Err(self.missing("client_id", needs_id))
        })
    }

    fn broker(&self) -> Result<Grant, ConfigError> {
        const WHAT: &str = "the grant `broker`";
        let keys = &self.layer.keys;
        let set = keys.broker.as_ref().ok_or_else(|| self.missing("broker", WHAT))?;
        let path = keys.connection.as_ref().ok_or_else(|| self.missing("connection", WHAT))?;
        // A token that the client is about to renew is none that the broker should hand out again.
        let min_ttl = LONGEST_TTL.min(self.ahead + LONGEST_JITTER);
        let connection = BrokerConnection::at(&set.value, &path.value, min_ttl);
        let connection = connection.map_err(|_| ConfigError::BadValue {
            key: format!("profile.{}.broker", self.name),
            at: set.origin.clone(),
            allowed: "the URL of a broker, with room for its paths".to_owned(),
            nearest: None,
        })?;
        let key = match &keys.broker_key_env {
            Some(variable) => self.client_secret(&variable.value)?,
            None => match self.client_secret(BROKER_KEY)? {
                // Nobody named it, so that nothing is missing.
                ClientSecret::Unset { .. } => ClientSecret::Stored,
                key => key,
            },
        };
        Ok(Grant::Broker { connection, key })
    }

    fn client_secret(&self, variable: &str) -> Result<ClientSecret, ConfigError> {
        let secret = self.environment.secret(variable)?;
        let variable = variable.to_owned();
        Ok(match secret {
            Some(secret) => ClientSecret::Given { secret, variable },
            None => ClientSecret::Unset { variable },
        })
    }

    fn login(&self, keys: &LoginKeys) -> Result<LoginEndpoint, ConfigError> {
        const WHAT: &str = "`login_endpoint`";
        let own = value(keys.username.as_ref());
        let username = own.or_else(|| value(self.layer.keys.username.as_ref()));
        let field = |set: Option<&Valued<String>>, default: &str| {
            value(set).unwrap_or_else(|| default.to_owned())
        };
        Ok(LoginEndpoint {
            url: value(keys.url.as_ref())
                .ok_or_else(|| self.missing("login_endpoint.url", WHAT))?,
            username: username.ok_or_else(|| self.missing("login_endpoint.username", WHAT))?,
            username_field: field(keys.username_field.as_ref(), LoginEndpoint::USERNAME_FIELD),
            password_field: field(keys.password_field.as_ref(), LoginEndpoint::PASSWORD_FIELD),
            token_field: field(keys.token_field.as_ref(), LoginEndpoint::TOKEN_FIELD),
            refresh_url: value(keys.refresh_url.as_ref()),
        })
    }

    fn missing(&self, key: &'static str, needed_by: &'static str) -> ConfigError {
        let at = self.layer.origin.clone();
        ConfigError::MissingKey { profile: self.name.to_owned(), key, needed_by, at }
    }

    fn needs_client_auth(&self) -> ConfigError {
        let set = self.layer.keys.client_auth.as_ref();
        ConfigError::BadValue {
            key: format!("profile.{}.client_auth", self.name),
            at: set.map_or(Origin::Default, |set| set.origin.clone()),
            allowed: "`basic` or `post` for the grant `client_credentials`".to_owned(),
            nearest: None,
        }
    }
}

impl Server {
    fn endpoints(&self) -> Vec<&Endpoint> {
        let (token, revocation, issuer) = match self {
            Self::Named { token_endpoint, revocation_endpoint, issuer } => {
                (Some(token_endpoint), revocation_endpoint, issuer.as_ref())
            }
            Self::Discovered { issuer, revocation_endpoint } => {
                (None, revocation_endpoint, Some(issuer))
            }
        };
        token.into_iter().chain(revocation).chain(issuer.map(Issuer::endpoint)).collect()
    }
}

impl LoginEndpoint {
    fn endpoints(&self) -> Vec<&Endpoint> {
        std::iter::once(&self.url).chain(&self.refresh_url).collect()
    }
}

impl Grant {
    /// Everything that secrets may be sent to, as far as the configuration names it.
    fn endpoints(&self) -> Vec<&Endpoint> {
        let (server, login) = match self {
            Self::RefreshToken { server, login, .. } => (Some(server), login.as_ref()),
            Self::ClientCredentials { server, .. } | Self::Password { server, .. } => {
                (Some(server), None)
            }
            Self::LoginEndpoint { login, server, .. } => (server.as_ref(), Some(login)),
            Self::Broker { connection, .. } => return vec![&connection.token_url],
            Self::ApiKey(_) => (None, None),
        };
        let server = server.map(Server::endpoints).unwrap_or_default();
        let login = login.map(LoginEndpoint::endpoints).unwrap_or_default();
        server.into_iter().chain(login).collect()
    }

    /// The `client_auth` that counts, for a grant that has a client.
    pub(crate) fn client_auth(&self) -> Option<AuthWord> {
        let client = match self {
            Self::RefreshToken { client, .. }
            | Self::ClientCredentials { client, .. }
            | Self::Password { client, .. }
            | Self::LoginEndpoint { client, .. } => client,
            Self::Broker { .. } | Self::ApiKey(_) => return None,
        };
        Some(match client {
            Client::Confidential { method: Method::Basic, .. } => AuthWord::Basic,
            Client::Confidential { method: Method::Post, .. } => AuthWord::Post,
            Client::Anonymous | Client::Public { .. } | Client::Undecided { .. } => AuthWord::None,
        })
    }
}

impl LoginKeys {
    /// With what holds where nothing is set.
    pub(crate) fn filled(self) -> Self {
        let default = |field: &str| Some(Valued::default(field.to_owned()));
        self.over(Self {
            username_field: default(LoginEndpoint::USERNAME_FIELD),
            password_field: default(LoginEndpoint::PASSWORD_FIELD),
            token_field: default(LoginEndpoint::TOKEN_FIELD),
            ..Self::default()
        })
    }
}

impl LoginEndpoint {
    /// `username_field` where none is set.
    pub(crate) const USERNAME_FIELD: &'static str = "username";
    /// `password_field` where none is set.
    pub(crate) const PASSWORD_FIELD: &'static str = "password";
    /// `token_field` where none is set.
    pub(crate) const TOKEN_FIELD: &'static str = "access_token";
}

fn value<T: Clone>(set: Option<&Valued<T>>) -> Option<T> {
    set.map(|set| set.value.clone())
}
