//! Where tokens are born, succeed one another and end.
//!
//! [`Issuer`] gives out sessions: access tokens of minutes (JWTs as in RFC 9068), and refresh
//! tokens of which each use makes the next. Its [`router`](Issuer::router) is an `axum` service.
//!
//! # What other issuers do to their users
//!
//! - Two tabs refresh at once, or a reply is lost, and the second use of a refresh token ends the
//!   session: a logout that nobody asked for. Here the token before the current one is answered,
//!   for 30 s, with the *same* successor. [`decide`] is the whole table.
//! - Eight refreshes at once make eight successors, and eight chains from then on. Here a
//!   successor is computed, not drawn: [`RefreshToken`] says how. No token is stored.
//! - The database is away for a moment, and clients are told `invalid_grant`. Here that is a 503
//!   with `Retry-After`, and [`Code`] tells every reason apart.
//!
//! # Logins in a browser
//!
//! With the feature `pages`, which is on by default, people log in, allow clients, let devices in
//! and end their sessions on plain pages without scripts. A host puts in its own where it has them:
//! [`LoginPage`] for how people log in, [`Consent`] for what need not be asked, [`Claims`] for what
//! clients may know of people. `cargo run -p unlapse-issuer --example pages` shows the pages.
//!
//! # An issuer in memory
//!
//! ```
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use unlapse_issuer::{Issuer, Scopes};
//!
//! let issuer = Issuer::builder("http://127.0.0.1:8080").build()?;
//! let login = issuer.open_session("ada", "app", Scopes::default()).await?;
//! let claims = issuer.verify(login.access_token.expose())?;
//! assert_eq!(claims.sub, "ada");
//! let router = issuer.router(); // for `axum::serve`
//! # Ok(())
//! # }
//! ```

mod access_token;
mod account_failures;
mod assertion;
mod audit;
mod audit_file;
mod audit_log;
mod audit_queue;
#[cfg(feature = "pages")]
mod authorization_code;
#[cfg(feature = "pages")]
mod authorization_error;
mod bad_keys;
mod caller;
#[cfg(feature = "pages")]
mod claims;
mod clients;
mod clock;
#[cfg(feature = "pages")]
mod consent;
mod delegation;
mod denials;
mod denied;
#[cfg(feature = "pages")]
mod device_code;
mod dpop_rules;
mod durations;
mod health;
mod http;
#[cfg(feature = "pages")]
mod id_token;
mod imported_key;
#[cfg(feature = "pages")]
mod interaction;
mod introspected;
mod issuer;
mod kept_keys;
mod key_cycle;
mod key_ring;
mod limiter;
#[cfg(feature = "pages")]
mod login;
mod login_limit;
#[cfg(feature = "pages")]
mod login_page;
mod logins_ended;
mod memory;
mod password;
mod pepper;
mod pepper_file;
#[cfg(feature = "pages")]
mod pkce;
mod policy;
#[cfg(feature = "postgres")]
mod postgres;
mod proxies;
mod random;
mod rate;
mod rate_limits;
#[cfg(feature = "pages")]
mod redirect_uri;
mod refresh_token;
mod scopes;
mod sealed_key;
mod session;
mod sessions;
mod signing_key;
mod signing_keys;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod sql;
#[cfg(feature = "sqlite")]
mod sqlite;
mod stats;
mod stop;
mod store;
mod succession;
mod tickets;
mod token_type;
mod trusted_issuer;
#[cfg(feature = "pages")]
mod user_code;
#[cfg(feature = "pages")]
mod user_code_guesses;
mod users;

pub use audit::{Audit, AuditHook, Event};
pub use audit_file::AuditFile;
pub use audit_log::{AuditEntry, AuditLog};
pub use bad_keys::BadKeys;
pub use caller::Caller;
#[cfg(feature = "pages")]
pub use claims::{Claims, Place, Wanted};
pub use clients::{Client, ClientAuth, Clients, GrantType, MemoryClients, SecretDigest};
pub use clock::{Clock, Sleep, system_clock, system_sleep};
#[cfg(feature = "pages")]
pub use consent::{Asked, Consent};
pub use denials::{Denial, Denials};
pub use denied::{Code, Denied};
pub use dpop_rules::{BadDpopRules, DpopRules};
pub use imported_key::BadImport;
pub use introspected::Introspected;
pub use issuer::{BadConfiguration, Exchange, Issued, Issuer, IssuerBuilder, NotOpened, Shown};
pub use kept_keys::{KeptKey, KeptKeys};
pub use key_cycle::{BadKeyPolicy, KeyPolicy, Stage};
#[cfg(feature = "pages")]
pub use login::Login;
pub use login_limit::LoginLimit;
#[cfg(feature = "pages")]
pub use login_page::{LoginAsked, LoginPage};
pub use logins_ended::end_logins;
pub use memory::MemoryStore;
pub use password::{BadPassword, PasswordCost, PasswordHash};
pub use pepper::{BadPepper, Kid, Pepper, Peppers};
pub use pepper_file::BadPeppers;
pub use policy::{BadPolicy, Policy};
#[cfg(feature = "postgres")]
pub use postgres::{BadServer, PostgresClock, PostgresOptions, PostgresStore};
pub use proxies::{BadNetwork, ForwardedHeader, Proxies};
pub use rate::{BadRate, Rate};
pub use rate_limits::RateLimits;
pub use refresh_token::{BadRefreshToken, RefreshToken};
pub use scopes::{BadScope, Scopes};
pub use session::{BadSessionId, Opening, Revoked, RevokedBecause, Salt, Session, SessionId};
pub use sessions::{Advance, Advanced, MOST_SESSIONS, Sessions};
pub use signing_key::{BadSigningKey, SigningKey};
pub use signing_keys::{ListedKey, SigningKeys};
#[cfg(feature = "sqlite")]
pub use sqlite::{BadDatabase, SqliteStore};
pub use stats::Counts;
pub use store::{Store, Unavailable};
pub use succession::{Presented, Refusal, Succession, apply, decide};
pub use tickets::{Ticket, TicketId, Tickets};
pub use token_type::TokenType;
pub use trusted_issuer::{SubjectOf, TrustedIssuer};
/// How access tokens are verified: the layer, the extractor, the rules, and why a token is refused.
pub use unlapse_verify as verify;
pub use unlapse_verify::{
    AccessClaims, Algorithm, Jwk, JwkSet, Thumbprint, Verified, Verifier, VerifierBuilder,
};
pub use users::{MemoryUsers, User, Users};
