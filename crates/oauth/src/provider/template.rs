//! Texts with places to fill in: `{client_id}`, `{subdomain}`.

use std::collections::BTreeMap;

use unlapse_core::Secret;
use zeroize::Zeroizing;

use super::Unbuildable;
use super::descriptor::Variable;
use super::metadata;
use super::slot::Slot;
use super::step::Step;
use super::values::Values;

/// The longest template, in bytes.
const MAX: usize = 2048;

/// A text with slots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template(Vec<Part>);

/// A piece of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Text(String),
    Slot(Slot),
}

/// Why a text is no template.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum BadTemplate {
    #[error("it is longer than 2048 bytes")]
    TooLong,
    #[error("it has a control character in it")]
    Control,
    #[error("a `{{` without its `}}`, or the other way round")]
    Braces,
    #[error("what stands in braces is no name: letters, digits, `_`, `-`, `.`")]
    Name,
    #[error("`{{{0}}}` has no value in this request")]
    NotHere(String),
    #[error("`{{{0}}}` is no variable of this provider; declare it under `variables`")]
    Unknown(String),
}

impl Template {
    /// Reads a template whose slots have a value in `step`; with `None`, variables alone do.
    pub(super) fn parse(
        text: &str,
        step: Option<Step>,
        variables: &BTreeMap<String, Variable>,
    ) -> Result<Self, BadTemplate> {
        if text.len() > MAX {
            return Err(BadTemplate::TooLong);
        }
        if text.contains(char::is_control) {
            return Err(BadTemplate::Control);
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            let inner = from.strip_prefix('{').ok_or(BadTemplate::Braces)?;
            let (name, after) = inner.split_once('}').ok_or(BadTemplate::Braces)?;
            if !metadata::is_name(name) {
                return Err(BadTemplate::Name);
            }
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Slot(match Slot::named(name, step) {
                Some(Ok(slot)) => slot,
                Some(Err(())) => return Err(BadTemplate::NotHere(name.to_owned())),
                None if variables.contains_key(name) => Slot::Variable(name.to_owned()),
                None => return Err(BadTemplate::Unknown(name.to_owned())),
            }));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self(parts))
    }

    /// A template of one slot.
    pub(super) fn of(slot: Slot) -> Self {
        Self(vec![Part::Slot(slot)])
    }

    /// Its pieces.
    pub(super) fn parts(&self) -> &[Part] {
        &self.0
    }

    /// Whether anything in it must not be seen.
    pub(super) fn is_secret(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Slot(slot) if slot.is_secret()))
    }

    /// The text, filled in; `None` when one of its slots is to be left out.
    pub(super) fn fill(&self, values: &Values<'_>) -> Result<Option<Secret>, Unbuildable> {
        let mut pieces = Vec::with_capacity(self.0.len());
        for part in &self.0 {
            match part {
                Part::Text(text) => pieces.push(text.as_str()),
                Part::Slot(slot) => match values.value(slot)? {
                    Some(value) => pieces.push(value),
                    None => return Ok(None),
                },
            }
        }
        // Nothing grows, so that no copy stays behind.
        let length = pieces.iter().map(|piece| piece.len()).sum();
        let mut text = Zeroizing::new(String::with_capacity(length));
        for piece in pieces {
            text.push_str(piece);
        }
        Ok(Some(Secret::new(text.as_str())))
    }
}
