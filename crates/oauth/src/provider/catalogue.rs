//! Many providers, by name.

use std::collections::BTreeMap;
use std::collections::btree_map::Values;
use std::sync::{Arc, LazyLock};

use serde::de::Deserialize as _;
use toml::Spanned;
use toml::de::DeTable;

use super::bad_provider::{BadCatalogue, BadProvider};
use super::{Descriptor, NotLocal, Provider};
use crate::endpoint::Endpoint;

/// The largest file that is read: 1 MiB.
const MAX_TEXT: usize = 1024 * 1024;
/// The most providers of one.
const MAX_PROVIDERS: usize = 1000;

/// Providers by name. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Catalogue(BTreeMap<String, Arc<Provider>>);

impl Catalogue {
    /// The providers that come with the library.
    ///
    /// # Panics
    /// Never: a test reads them.
    pub fn built_in() -> Self {
        // Read once: it takes some milliseconds.
        static BUILT_IN: LazyLock<Catalogue> = LazyLock::new(|| {
            let text = include_str!("providers.toml");
            Catalogue::parse(text).expect("the built-in catalogue is read by a test")
        });
        BUILT_IN.clone()
    }

    /// Reads a catalogue: TOML with a table for each provider.
    pub fn parse(text: &str) -> Result<Self, BadCatalogue> {
        if text.len() > MAX_TEXT {
            return Err(BadCatalogue::TooLarge);
        }
        let syntax = |error: &toml::de::Error| BadCatalogue::Syntax {
            line: line(text, error.span().map_or(0, |span| span.start)),
            problem: without_values(error.message()),
        };
        let tables = DeTable::parse(text).map_err(|error| syntax(&error))?;
        if tables.get_ref().len() > MAX_PROVIDERS {
            return Err(BadCatalogue::TooLarge);
        }
        let mut providers = BTreeMap::new();
        for (name, table) in tables.into_inner() {
            let id = name.get_ref().to_string();
            if !is_id(&id) {
                return Err(BadCatalogue::Name { line: line(text, name.span().start) });
            }
            let bad = |bad| BadCatalogue::Provider { provider: id.clone(), bad };
            let descriptor = descriptor(table, text).map_err(bad)?;
            let provider = Provider::new(id.clone(), descriptor).map_err(bad)?;
            providers.insert(id, Arc::new(provider));
        }
        Ok(Self(providers))
    }

    /// These, and over them the providers of `other`: of two of one name, `other`'s counts whole.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The same providers, with every request sent to a server on this machine: see
    /// [`Provider::rehearsed_at`].
    pub fn rehearsed_at(&self, stand_in: &Endpoint) -> Result<Self, NotLocal> {
        let rehearsed = |(id, provider): (&String, &Arc<Provider>)| {
            Ok((id.clone(), Arc::new(provider.rehearsed_at(stand_in.clone())?)))
        };
        self.0.iter().map(rehearsed).collect::<Result<_, _>>().map(Self)
    }

    /// The provider of that name.
    pub fn provider(&self, id: &str) -> Option<&Arc<Provider>> {
        self.0.get(id)
    }

    /// Every provider, by name.
    pub fn iter(&self) -> Values<'_, String, Arc<Provider>> {
        self.0.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The catalogue as TOML, as [`Catalogue::parse`] reads it.
    ///
    /// # Panics
    /// Never: a descriptor has nothing that TOML cannot write.
    pub fn to_toml(&self) -> String {
        let tables: BTreeMap<_, _> =
            self.0.iter().map(|(id, provider)| (id, provider.descriptor())).collect();
        toml::to_string(&tables).expect("tables of texts, numbers and tables are TOML")
    }
}

impl<'a> IntoIterator for &'a Catalogue {
    type Item = &'a Arc<Provider>;
    type IntoIter = Values<'a, String, Arc<Provider>>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

fn descriptor(
    table: Spanned<toml::de::DeValue<'_>>,
    text: &str,
) -> Result<Descriptor, BadProvider> {
    let start = table.span().start;
    let read = toml::de::ValueDeserializer::from(table);
    Descriptor::deserialize(read).map_err(|error| {
        let line = line(text, error.span().map_or(start, |span| span.start));
        // Its own text repeats the line, which may have anything in it.
        let said = error.to_string();
        let field = said.lines().find_map(|line| line.strip_prefix("in `")?.strip_suffix('`'));
        let problem = format!("line {line}: {}", without_values(error.message()));
        BadProvider::of(field.unwrap_or("table"), problem)
    })
}

/// A message of the parser without the values that it repeats in quotes.
fn without_values(message: &str) -> String {
    let mut out = String::with_capacity(message.len());
    for (index, piece) in message.split('"').enumerate() {
        match index % 2 {
            0 => out.push_str(piece),
            _ => out.push_str("\"…\""),
        }
    }
    out.chars().map(|c| if c.is_control() { ' ' } else { c }).take(400).collect()
}

fn line(text: &str, at: usize) -> usize {
    text.as_bytes().iter().take(at).filter(|byte| **byte == b'\n').count() + 1
}

fn is_id(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !name.starts_with('-')
        && !name.ends_with('-')
}
