//! How requests for tokens are met.

use std::time::Duration;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse as _, Response};

/// How the issuer meets requests for tokens. The API is not touched by it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Issuing {
    /// At once.
    #[default]
    Prompt,
    /// So late; a request is carried out when its time has come.
    Slow(Duration),
    /// At once, and answered so much later: what waits for the answer can be killed meanwhile.
    Late(Duration),
    /// 503 with `Retry-After: 1`, and nothing is done.
    Unavailable,
}

impl Issuing {
    /// What is answered in the issuer's place, if anything.
    pub(crate) async fn instead(self) -> Option<Response> {
        match self {
            Self::Prompt | Self::Late(_) => None,
            Self::Slow(wait) => {
                tokio::time::sleep(wait).await;
                None
            }
            Self::Unavailable => {
                let soon = [(header::RETRY_AFTER, "1")];
                Some((StatusCode::SERVICE_UNAVAILABLE, soon, "try later\n").into_response())
            }
        }
    }

    /// Waits until an answer may go.
    pub(crate) async fn answered(self) {
        if let Self::Late(wait) = self {
            tokio::time::sleep(wait).await;
        }
    }
}
