//! A client of the Acme API, such as a vendor publishes for its customers. What they see is orders;
//! tokens are there for those who want them, by the names that such crates have always had.
//!
//! | method | over `unlapse` |
//! | --- | --- |
//! | [`Acme::get_token`] | `TokenSource::token` |
//! | [`Acme::obtain_token`] | `TokenSource::log_in`: `obtain`, with the newest password |
//! | [`Acme::refresh_token`] | `TokenSource::refresh` |
//! | [`Acme::force_refresh`] | `TokenSource::force_refresh` |
//! | [`Acme::token_info`] | `TokenSource::info` |
//! | [`Acme::clear_token`] | `TokenSource::clear` |
//! | [`Acme::import_token`] | `TokenSource::edit` |
//!
//! `docs/recipes/api-client.md` is the guide.

mod api;
mod client;
mod error;
mod import;
mod settings;
mod token_file;
mod tokens;

pub use client::{Acme, Order};
pub use error::AcmeError;
pub use import::{Afterwards, Imported};
pub use settings::{Account, SettingError, Settings};
pub use token_file::TokenFileError;
pub use unlapse::{Info, Persistence, Policy, Secret};
pub use unlapse_oauth::Endpoint;
