//! Parameters: of a query, or of a form.

use core::time::Duration;

use axum::body::Body;
use axum::http::{HeaderMap, header};
use unlapse::Clock as _;
use unlapse::tokio::TokioClock;
use unlapse::unlapse_core::Secret;
use url::form_urlencoded;

use crate::code::Code;
use crate::problem::Problem;

/// More parameters than any page of ours has.
const MOST: usize = 32;
/// Largest query or form that is read, in bytes.
const LARGEST: usize = 16 * 1024;

/// A form that takes longer is given up.
const LONGEST: Duration = Duration::from_secs(15);

/// Parameters, each at most once. Every value may be a secret.
#[derive(Debug, Default)]
pub(super) struct Form(Vec<(String, Secret)>);

impl Form {
    /// Reads a query or the body of a form. What is empty is as good as left out; what is repeated
    /// is an error.
    pub(super) fn parse(text: &[u8]) -> Result<Self, Problem> {
        if text.len() > LARGEST {
            return Err(Problem::new(Code::TooLarge, "the parameters are larger than 16 KiB"));
        }
        let mut parameters: Vec<(String, Secret)> = Vec::new();
        for (name, value) in form_urlencoded::parse(text) {
            if parameters.len() == MOST || parameters.iter().any(|(known, _)| *known == name) {
                let detail = "there are too many parameters, or one of them is repeated";
                return Err(Problem::new(Code::BadRequest, detail));
            }
            parameters.push((name.into_owned(), Secret::from(value.into_owned())));
        }
        parameters.retain(|(_, value)| !value.is_empty());
        Ok(Self(parameters))
    }

    /// Reads the body of a form, which arrives within 15 s.
    pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, Problem> {
        Self::read_within(LONGEST, headers, body).await
    }

    /// The same within `longest`.
    pub(super) async fn read_within(
        longest: Duration,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Self, Problem> {
        let said = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let said = said.and_then(|value| value.split(';').next()).map(str::trim);
        if !said.is_some_and(|said| said.eq_ignore_ascii_case("application/x-www-form-urlencoded"))
        {
            return Err(Problem::new(Code::BadRequest, "this is not the form of a page"));
        }
        let large = |_| Problem::new(Code::TooLarge, "the form is larger than 16 KiB");
        let slow = || Problem::new(Code::BadRequest, "the form took too long to arrive");
        let bytes = tokio::select! {
            read = axum::body::to_bytes(body, LARGEST) => read.map_err(large)?,
            () = TokioClock::new().sleep(longest) => return Err(slow()),
        };
        Self::parse(&bytes)
    }

    /// The value of `name`, where there is one.
    pub(super) fn value(&self, name: &str) -> Option<&Secret> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The value of `name`, empty where there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        self.value(name).map(Secret::expose).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn repeated_is_an_error_and_empty_is_left_out() {
        let form = Form::parse(b"state=&user=a%2Bb+c").expect("a form");
        assert_eq!(form.text("user"), "a+b c");
        assert_eq!(form.value("state"), None);
        for bad in [&b"a=1&a=1"[..], b"a=&a="] {
            assert_eq!(Form::parse(bad).expect_err("repeated").code, Code::BadRequest);
        }
        let large = vec![b'a'; LARGEST + 1];
        assert_eq!(Form::parse(&large).expect_err("large").code, Code::TooLarge);
    }

    /// A body that never comes.
    struct Never;

    impl http_body::Body for Never {
        type Data = axum::body::Bytes;
        type Error = core::convert::Infallible;

        fn poll_frame(
            self: core::pin::Pin<&mut Self>,
            _: &mut core::task::Context<'_>,
        ) -> core::task::Poll<Option<Result<http_body::Frame<Self::Data>, Self::Error>>> {
            core::task::Poll::Pending
        }
    }

    #[tokio::test]
    async fn a_form_that_does_not_arrive_is_given_up() {
        let form = axum::http::HeaderValue::from_static("application/x-www-form-urlencoded");
        let headers = HeaderMap::from_iter([(header::CONTENT_TYPE, form)]);
        let soon = Duration::from_millis(10);
        let read = Form::read_within(soon, &headers, Body::new(Never)).await;
        assert_eq!(read.expect_err("slow").code, Code::BadRequest);
    }

    proptest! {
        #[test]
        fn no_query_panics(body in proptest::collection::vec(any::<u8>(), 0..256)) {
            let _ = Form::parse(&body);
        }
    }
}
