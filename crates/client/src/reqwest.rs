//! HTTP by reqwest, with the timeouts and limits of C12.

mod http;
mod settings;

pub use http::ReqwestHttp;
pub use settings::{HttpSettings, HttpSetupError};
