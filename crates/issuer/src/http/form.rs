//! Form parameters as OAuth has them (RFC 6749 §3.2).

use axum::body::Body;
use axum::http::HeaderMap;
use unlapse_core::Secret;
use url::form_urlencoded;

use super::body;
use crate::denied::Code;
use crate::scopes::Scopes;

/// More parameters than any request of ours has: comparing names stays cheap.
const MOST: usize = 64;

/// Parameters, each at most once. Every value may be a secret.
#[derive(Debug)]
pub(super) struct Form(Vec<(String, Secret)>);

impl Form {
    /// Reads the form of a request.
    pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Self, Code> {
        Self::parse(&body::read(headers, body, body::FORM).await?)
    }

    /// Reads a form body. A parameter without a value is as good as left out; one that is repeated
    /// is an error.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Code> {
        let mut parameters: Vec<(String, Secret)> = Vec::new();
        for (name, value) in form_urlencoded::parse(body) {
            let repeated = parameters.iter().any(|(known, _)| *known == name);
            if repeated || parameters.len() == MOST {
                return Err(Code::RequestMalformed);
            }
            parameters.push((name.into_owned(), Secret::from(value.into_owned())));
        }
        parameters.retain(|(_, value)| !value.is_empty());
        Ok(Self(parameters))
    }

    /// The value of `name`.
    pub(super) fn value(&self, name: &str) -> Option<&Secret> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The value of `name`, which has to be there.
    pub(super) fn demand(&self, name: &str) -> Result<&Secret, Code> {
        self.value(name).ok_or(Code::RequestMalformed)
    }

    /// `scope`, where it is named.
    pub(super) fn scopes(&self) -> Result<Option<Scopes>, Code> {
        let scope = self.value("scope").map(|scope| Scopes::parse(scope.expose()));
        scope.transpose().map_err(|_| Code::ScopeNotAllowed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rfc6749_3_2_repeated_is_an_error_and_empty_is_left_out() {
        let form = Form::parse(b"grant_type=password&scope=&password=a%2Bb+c").expect("a form");
        assert_eq!(form.value("grant_type"), Some(&Secret::new("password")));
        assert_eq!(form.value("password"), Some(&Secret::new("a+b c")));
        assert_eq!(form.value("scope"), None);
        assert_eq!(form.demand("scope"), Err(Code::RequestMalformed));
        for bad in [&b"a=1&a=1"[..], b"a=&a=", b"a&b&a"] {
            assert_eq!(Form::parse(bad).err(), Some(Code::RequestMalformed));
        }
        let many: Vec<_> = (0..65).map(|name| format!("{name}=x")).collect();
        assert_eq!(Form::parse(many.join("&").as_bytes()).err(), Some(Code::RequestMalformed));
        let shown = format!("{:?}", Form::parse(b"password=canary-1").expect("a form"));
        assert!(!shown.contains("canary"), "{shown}");
    }

    proptest! {
        #[test]
        fn j6_no_body_panics(body in proptest::collection::vec(any::<u8>(), 0..512)) {
            let _ = Form::parse(&body);
        }
    }
}
