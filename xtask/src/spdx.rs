//! Licence expressions: `MIT OR (Apache-2.0 WITH LLVM-exception AND ISC)`, and the old `MIT/ISC`.
//!
//! <https://spdx.github.io/spdx-spec/v2.3/SPDX-license-expressions/>: `WITH` binds tightest, then
//! `AND`, then `OR`. Crates from before 2021 write `/` for `OR`.

use std::collections::BTreeSet;
use std::iter::Peekable;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Expression {
    /// A licence, with its exception when it has one: the allow-list names the two together.
    Licence(String),
    All(Vec<Expression>),
    Any(Vec<Expression>),
}

impl Expression {
    /// Reads an expression; the error says what stood where something else belongs.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut words = words(text).into_iter().peekable();
        let expression = any(&mut words)?;
        match words.next() {
            None => Ok(expression),
            Some(word) => Err(format!("unexpected `{word}` in `{text}`")),
        }
    }

    /// The licences that stand between us and using this; none when the allowed ones suffice.
    pub(crate) fn refused(&self, allowed: &BTreeSet<String>) -> BTreeSet<&str> {
        match self {
            Self::Licence(name) if allowed.contains(name) => BTreeSet::new(),
            Self::Licence(name) => BTreeSet::from([name.as_str()]),
            Self::All(parts) => parts.iter().flat_map(|part| part.refused(allowed)).collect(),
            Self::Any(parts) => {
                let refused: Vec<_> = parts.iter().map(|part| part.refused(allowed)).collect();
                if refused.iter().any(BTreeSet::is_empty) {
                    return BTreeSet::new();
                }
                refused.into_iter().flatten().collect()
            }
        }
    }
}

fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for chunk in text.split_whitespace() {
        let mut rest = chunk;
        while let Some(at) = rest.find(['(', ')', '/']) {
            words.extend([&rest[..at], &rest[at..=at]].into_iter().filter(|word| !word.is_empty()));
            rest = &rest[at + 1..];
        }
        words.extend(Some(rest).filter(|word| !word.is_empty()));
    }
    words
}

type Words<'a> = Peekable<std::vec::IntoIter<&'a str>>;

fn any(words: &mut Words<'_>) -> Result<Expression, String> {
    let mut parts = vec![all(words)?];
    while words.next_if(|word| matches!(*word, "OR" | "or" | "/")).is_some() {
        parts.push(all(words)?);
    }
    Ok(one_or(parts, Expression::Any))
}

fn all(words: &mut Words<'_>) -> Result<Expression, String> {
    let mut parts = vec![single(words)?];
    while words.next_if(|word| matches!(*word, "AND" | "and")).is_some() {
        parts.push(single(words)?);
    }
    Ok(one_or(parts, Expression::All))
}

fn single(words: &mut Words<'_>) -> Result<Expression, String> {
    if words.next_if_eq(&"(").is_some() {
        let inner = any(words)?;
        return match words.next() {
            Some(")") => Ok(inner),
            other => Err(format!("expected `)`, found {}", named(other))),
        };
    }
    let licence = name(words)?;
    if words.next_if(|word| matches!(*word, "WITH" | "with")).is_some() {
        return Ok(Expression::Licence(format!("{licence} WITH {}", name(words)?)));
    }
    Ok(Expression::Licence(licence.to_owned()))
}

fn name<'a>(words: &mut Words<'a>) -> Result<&'a str, String> {
    const NOT_NAMES: &[&str] = &["(", ")", "/", "OR", "or", "AND", "and", "WITH", "with"];
    match words.next() {
        Some(word) if !NOT_NAMES.contains(&word) => Ok(word),
        other => Err(format!("expected a licence, found {}", named(other))),
    }
}

fn named(word: Option<&str>) -> String {
    word.map_or_else(|| "the end".to_owned(), |word| format!("`{word}`"))
}

fn one_or(mut parts: Vec<Expression>, many: fn(Vec<Expression>) -> Expression) -> Expression {
    match parts.pop() {
        Some(only) if parts.is_empty() => only,
        Some(last) => {
            parts.push(last);
            many(parts)
        }
        None => many(parts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(text: &str, allowed: &[&str]) -> Vec<String> {
        let allowed = allowed.iter().map(|&name| name.to_owned()).collect();
        let expression = Expression::parse(text).unwrap();
        expression.refused(&allowed).into_iter().map(str::to_owned).collect()
    }

    #[test]
    fn one_licence_is_allowed_or_named() {
        assert!(refused("MIT", &["MIT"]).is_empty());
        assert_eq!(refused("GPL-3.0-only", &["MIT"]), ["GPL-3.0-only"]);
    }

    #[test]
    fn or_needs_one_side_and_and_needs_both() {
        assert!(refused("MIT OR GPL-3.0-only", &["MIT"]).is_empty());
        assert_eq!(refused("MIT AND GPL-3.0-only", &["MIT"]), ["GPL-3.0-only"]);
        assert_eq!(refused("A OR B", &[]), ["A", "B"]);
    }

    #[test]
    fn the_old_slash_means_or_with_and_without_spaces() {
        assert!(refused("Unlicense/MIT", &["MIT"]).is_empty());
        assert!(refused("Apache-2.0 / MIT", &["Apache-2.0"]).is_empty());
    }

    #[test]
    fn and_binds_tighter_than_or() {
        assert!(refused("A OR B AND C", &["A"]).is_empty());
        assert_eq!(refused("A OR B AND C", &["C"]), ["A", "B"]);
        assert_eq!(refused("A AND B OR C", &["A"]), ["B", "C"]);
    }

    #[test]
    fn parentheses_bind_tightest() {
        assert_eq!(refused("(A OR B) AND C", &["A"]), ["C"]);
        assert!(refused("ISC AND (Apache-2.0 OR ISC)", &["ISC"]).is_empty());
        assert!(refused("((A))", &["A"]).is_empty());
    }

    #[test]
    fn an_exception_is_part_of_its_licence() {
        let text = "Apache-2.0 WITH LLVM-exception OR GPL-2.0+";
        assert_eq!(refused(text, &["Apache-2.0"]).len(), 2);
        assert!(refused(text, &["Apache-2.0 WITH LLVM-exception"]).is_empty());
        assert!(refused(text, &["GPL-2.0+"]).is_empty());
    }

    #[test]
    fn nonsense_is_an_error_and_never_a_licence() {
        for text in ["", "MIT OR", "OR MIT", "(MIT", "MIT)", "MIT ISC", "MIT WITH", "()", "A//B"] {
            assert!(Expression::parse(text).is_err(), "{text}");
        }
    }
}
