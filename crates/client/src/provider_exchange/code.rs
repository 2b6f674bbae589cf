//! The exchange of a code, which begins a connection.

use std::time::Duration;

use bytes::Bytes;
use http::Request as HttpRequest;
use unlapse_core::{Cause, Door, Grant, Rejection, Verdict, classify};
use unlapse_oauth::provider::{CodeExchange, Metadata, Step, Unbuildable};

use super::ProviderExchange;

/// How often the second exchange is tried: the code is spent, and what it brought lives for an hour.
const TRIES: u32 = 3;

/// Why a code brought no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CodeError {
    /// The request could not be made of what the app has. Nothing was sent.
    #[error("the code cannot be exchanged: {0}")]
    Unbuildable(#[from] Unbuildable),
    /// The provider refused: the code (`invalid_grant`), the app, or the request.
    #[error("the provider refused the code's exchange: {0}")]
    Rejected(Rejection),
    /// The provider gave no verdict: the user may have to begin again.
    #[error("the provider gave no verdict on the code: {cause}")]
    Temporary {
        /// What happened.
        cause: Cause,
        /// The provider's wish.
        retry_after: Option<Duration>,
    },
    /// The answer was lost: a code is good once, so that the user has to begin again.
    #[error("the answer to the code's exchange was lost: {0}")]
    Lost(Cause),
}

impl CodeError {
    /// The stable name of this error.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Rejected(rejection) if rejection.ends_login() => "code_rejected",
            Self::Rejected(Rejection::AccessDenied) => "access_denied",
            Self::Unbuildable(_) | Self::Rejected(_) => "app_config",
            Self::Temporary { cause: Cause::Status(429), .. } => "rate_limited",
            Self::Temporary { .. } => "provider_down",
            Self::Lost(_) => "outcome_unknown",
        }
    }
}

impl ProviderExchange {
    /// Exchanges a code for the token to keep, with the second exchange where the provider has one,
    /// and what is then known of the connection. `callback` is the query that the code came with:
    /// what the provider tells there of the connection is kept.
    ///
    /// Dropping the future gives the code up: run it as a task of its own.
    pub async fn code<'q>(
        &self,
        code: CodeExchange<'_>,
        callback: impl IntoIterator<Item = (&'q str, &'q str)>,
    ) -> Result<(Grant, Metadata), CodeError> {
        self.learn(&self.provider.callback(callback));
        let first = self.with_caller(None, |caller| self.provider.exchange_code(caller, code))?;
        let mut grant = self.granted(Step::Token, first).await?;
        if self.provider.has(Step::Exchange) {
            grant = self.exchanged(&grant).await?;
        }
        Ok((grant, self.metadata()))
    }

    async fn exchanged(&self, first: &Grant) -> Result<Grant, CodeError> {
        let mut tried = 1;
        loop {
            let second = self
                .with_caller(None, |caller| self.provider.exchange(caller, &first.access_token))?;
            // It spends nothing: a lost answer is asked for again.
            match self.granted(Step::Exchange, second).await {
                Err(CodeError::Temporary { .. } | CodeError::Lost(_)) if tried < TRIES => {
                    self.clock.sleep(Duration::from_millis(500) * tried).await;
                    tried += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn granted(&self, step: Step, request: HttpRequest<Bytes>) -> Result<Grant, CodeError> {
        let answer = self.call(step, request, None).await;
        match classify(answer, Door::Token) {
            Verdict::Granted(grant) => Ok(*grant),
            Verdict::Rejected(rejection) => Err(CodeError::Rejected(rejection)),
            Verdict::Transient { cause, retry_after, .. } => {
                Err(CodeError::Temporary { cause, retry_after })
            }
            Verdict::Unsent(cause) => Err(CodeError::Temporary { cause, retry_after: None }),
            Verdict::Unknown(cause) => Err(CodeError::Lost(cause)),
        }
    }
}
