//! A set of scopes (RFC 6749 §3.3).

use core::fmt;

/// Scopes in the order they were named, each once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scopes(Vec<String>);

/// The text is no `scope`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a scope is printable ASCII without quotes, backslashes and spaces, and there are 100 at most"
)]
pub struct BadScope;

/// More than any request needs: each is compared with the others, and anybody can ask.
const MOST: usize = 100;

impl Scopes {
    /// Reads a `scope` parameter: names apart by spaces; an empty text is no scope at all.
    pub fn parse(text: &str) -> Result<Self, BadScope> {
        let mut scopes = Vec::new();
        for scope in text.split(' ').filter(|scope| !scope.is_empty()) {
            let valid = |byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
            if !scope.bytes().all(valid) {
                return Err(BadScope);
            }
            if !scopes.iter().any(|known| known == scope) {
                if scopes.len() == MOST {
                    return Err(BadScope);
                }
                scopes.push(scope.to_owned());
            }
        }
        Ok(Self(scopes))
    }

    /// Whether every one of these is also in `other`.
    pub fn is_subset_of(&self, other: &Self) -> bool {
        self.0.iter().all(|scope| other.0.contains(scope))
    }

    /// Each of them.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Whether `scope` is one of them.
    pub fn contains(&self, scope: &str) -> bool {
        self.iter().any(|known| known == scope)
    }

    /// Those that are also in `other`.
    pub(crate) fn common(&self, other: &Self) -> Self {
        Self(self.0.iter().filter(|scope| other.0.contains(scope)).cloned().collect())
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc6749_3_3_reads_writes_and_compares() {
        let scopes = Scopes::parse("read  write read").expect("valid");
        assert_eq!(scopes.to_string(), "read write");
        assert!(Scopes::parse("write").expect("valid").is_subset_of(&scopes));
        assert!(Scopes::parse("").expect("valid").is_subset_of(&scopes));
        assert!(!Scopes::parse("write admin").expect("valid").is_subset_of(&scopes));
        let common = |one: &str| scopes.common(&Scopes::parse(one).expect("valid")).to_string();
        assert_eq!((common("admin write"), common("admin")), ("write".to_owned(), String::new()));
        for bad in ["a\"b", "a\\b", "ä", "a\nb", "a\tb"] {
            assert_eq!(Scopes::parse(bad), Err(BadScope), "{bad:?}");
        }
        let many = |count: usize| {
            (0..count).map(|scope| format!("s{scope}")).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(Scopes::parse(&many(100)).expect("as many as there may be").iter().count(), 100);
        assert_eq!(Scopes::parse(&many(101)), Err(BadScope));
    }
}
