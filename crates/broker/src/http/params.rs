//! The parameters of a query.

use core::ops::RangeInclusive;
use core::str::FromStr;

use url::form_urlencoded;

use super::refusal::Refusal;

/// Longest query that is read, in bytes.
const LONGEST: usize = 8 * 1024;

/// Parameters that are known here, each at most once.
#[derive(Debug)]
pub(super) struct Params(Vec<(String, String)>);

impl Params {
    /// Reads a query; a parameter that is not among `known` is an error, as it is most likely a typing
    /// error that would widen what is asked for.
    pub(super) fn parse(query: Option<&str>, known: &[&str]) -> Result<Self, Refusal> {
        Self::parse_up_to(query, known, LONGEST)
    }

    /// The same of a form, which may be longer.
    pub(super) fn parse_up_to(
        query: Option<&str>,
        known: &[&str],
        longest: usize,
    ) -> Result<Self, Refusal> {
        let query = query.unwrap_or_default();
        if query.len() > longest {
            return Err(Refusal::bad_request(format!("the query is longer than {longest} bytes")));
        }
        let mut params: Vec<(String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if !known.contains(&name.as_ref()) {
                let known = known.join("`, `");
                let detail = format!("the query has a parameter that is none of `{known}`");
                return Err(Refusal::bad_request(detail));
            }
            if params.iter().any(|(other, _)| *other == name) {
                return Err(Refusal::bad_request(format!("`{name}` is there twice")));
            }
            params.push((name.into_owned(), value.into_owned()));
        }
        Ok(Self(params))
    }

    /// The value of `name`.
    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of `name`, read as what its type says.
    pub(super) fn parsed<T>(&self, name: &str) -> Result<Option<T>, Refusal>
    where
        T: FromStr,
        T::Err: core::fmt::Display,
    {
        let parsed = self.value(name).map(str::parse).transpose();
        parsed.map_err(|error: T::Err| Refusal::bad_request(format!("`{name}`: {error}")))
    }

    /// A number within `range`.
    pub(super) fn number(
        &self,
        name: &str,
        range: RangeInclusive<u64>,
    ) -> Result<Option<u64>, Refusal> {
        let Some(text) = self.value(name) else { return Ok(None) };
        // Not `parse` alone, which takes a `+`.
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        let number = text.parse().ok().filter(|number| is_number && range.contains(number));
        let wrong = || {
            let (least, most) = range.clone().into_inner();
            Refusal::bad_request(format!("`{name}` is a number from {least} to {most}"))
        };
        number.ok_or_else(wrong).map(Some)
    }

    /// How many entries of a list are asked for by `limit`: `usual` where it is not said, `most` at most.
    pub(super) fn limit(&self, usual: u16, most: u16) -> Result<usize, Refusal> {
        let said = self.number("limit", 1..=most.into())?;
        Ok(said.and_then(|said| usize::try_from(said).ok()).unwrap_or(usual.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::name::Name;
    use proptest::prelude::*;

    #[test]
    fn a_row_for_each_query() {
        let known = ["limit", "user", "provider"];
        let parse = |query: &str| Params::parse(Some(query), &known);
        let params = parse("limit=10&user=a%2Fb+c").expect("a query");
        assert_eq!(params.value("user"), Some("a/b c"));
        assert_eq!(params.number("limit", 1..=500).expect("in range"), Some(10));
        assert_eq!(params.limit(2, 10).ok(), Some(10));
        assert_eq!(params.value("provider"), None);
        for bad in ["limit=1&limit=2", "stat=x", "=x", &format!("user={}", "x".repeat(8192))] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        for bad in ["limit=", "limit=0", "limit=501", "limit=-1", "limit=%2B1", "limit=1e2"] {
            assert!(parse(bad).expect("known").number("limit", 1..=500).is_err(), "{bad}");
        }
        assert!(parse("provider=A").expect("known").parsed::<Name>("provider").is_err());
        let empty = Params::parse(None, &known).expect("empty");
        assert!(empty.value("user").is_none());
        assert_eq!(empty.limit(2, 10).ok(), Some(2));
        assert!(parse("limit=11").expect("known").limit(2, 10).is_err());
    }

    #[test]
    fn a_query_is_not_told_back() {
        let refused = Params::parse(Some("canary=1"), &["limit"]).expect_err("unknown");
        assert!(!refused.problem().detail.contains("canary"));
    }

    proptest! {
        #[test]
        fn no_query_panics(query in "\\PC{0,200}") {
            let _ = Params::parse(Some(&query), &["limit", "user"]);
        }
    }
}
