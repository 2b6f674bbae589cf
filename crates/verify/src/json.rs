//! JSON of strangers, read strictly.
//!
//! Of two members with one name, most parsers take the last and some the first: a token that one
//! part of a system reads so and another part otherwise is an attack (RFC 7519 §4, RFC 8725 §2.4).
//! Here it is an error, at every depth.

use core::cell::Cell;
use core::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// Deepest nesting of objects and arrays; the outermost object counts.
pub(crate) const MAX_DEPTH: usize = 8;

/// Why a text is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadJson {
    /// It is no JSON object.
    Syntax,
    /// Two members of one object have the same name.
    Duplicate,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
}

/// The object that `bytes` are, and nothing behind it.
pub(crate) fn object(bytes: &[u8]) -> Result<Map<String, Value>, BadJson> {
    let why = Cell::new(BadJson::Syntax);
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = Strict { depth: MAX_DEPTH, why: &why }.deserialize(&mut reader);
    match read.and_then(|value| reader.end().map(|()| value)) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) => Err(BadJson::Syntax),
        Err(_) => Err(why.get()),
    }
}

/// The members of an object, of which some have places of their own: what is read for each request
/// needs no map for those.
pub(crate) struct Sorted<const N: usize> {
    /// Each in its place.
    pub(crate) known: [Option<Value>; N],
    /// The others.
    pub(crate) others: Map<String, Value>,
}

/// Reads an object as [`object`] does; `place` says which names have a place, and which.
pub(crate) fn sorted<const N: usize>(
    bytes: &[u8],
    place: fn(&str) -> Option<usize>,
) -> Result<Sorted<N>, BadJson> {
    let why = Cell::new(BadJson::Syntax);
    let strict = Strict { depth: MAX_DEPTH, why: &why };
    let mut reader = serde_json::Deserializer::from_slice(bytes);
    let read = reader.deserialize_map(Sorting { strict, place });
    read.and_then(|members| reader.end().map(|()| members)).map_err(|_| why.get())
}

/// Takes a member that must be a text.
pub(crate) fn take_text(members: &mut Map<String, Value>, name: &str) -> Option<String> {
    match members.remove(name)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// A value whose objects have each name once.
#[derive(Clone, Copy)]
struct Strict<'a> {
    /// How many more levels there may be.
    depth: usize,
    /// What the reader's own error cannot carry.
    why: &'a Cell<BadJson>,
}

impl Strict<'_> {
    fn inner<E: Error>(self) -> Result<Self, E> {
        match self.depth.checked_sub(1) {
            Some(depth) => Ok(Self { depth, ..self }),
            None => Err(self.refuse(BadJson::TooDeep)),
        }
    }

    fn refuse<E: Error>(self, why: BadJson) -> E {
        self.why.set(why);
        E::custom("refused")
    }
}

impl<'de> DeserializeSeed<'de> for Strict<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Strict<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated names")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Number::from_f64(value).map(Value::Number).ok_or_else(|| E::custom("no JSON number"))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(inner)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let inner = self.inner()?;
        let mut map = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            let value = members.next_value_seed(inner)?;
            if map.insert(name, value).is_some() {
                return Err(self.refuse(BadJson::Duplicate));
            }
        }
        Ok(Value::Object(map))
    }
}

/// An object whose members are sorted as they are read.
struct Sorting<'a, const N: usize> {
    strict: Strict<'a>,
    place: fn(&str) -> Option<usize>,
}

impl<'de, const N: usize> Visitor<'de> for Sorting<'_, N> {
    type Value = Sorted<N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON object without repeated names")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Sorted<N>, A::Error> {
        let inner = self.strict.inner()?;
        let mut sorted = Sorted { known: [const { None }; N], others: Map::new() };
        while let Some(name) = members.next_key_seed(Name(self.place))? {
            let value = members.next_value_seed(inner)?;
            let before = match name {
                Ok(place) => sorted.known[place].replace(value),
                Err(name) => sorted.others.insert(name, value),
            };
            if before.is_some() {
                return Err(self.strict.refuse(BadJson::Duplicate));
            }
        }
        Ok(sorted)
    }
}

/// A name, as its place or as itself.
struct Name(fn(&str) -> Option<usize>);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Result<usize, String>;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Self::Value, D::Error> {
        reader.deserialize_str(self)
    }
}

impl Visitor<'_> for Name {
    type Value = Result<usize, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        Ok((self.0)(name).ok_or_else(|| name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn rfc8725_2_4_each_name_once_at_every_level() {
        for (text, why) in [
            (r#"{"a":1,"a":1}"#, BadJson::Duplicate),
            (r#"{"a":1,"\u0061":2}"#, BadJson::Duplicate),
            (r#"{"x":{"a":1,"b":2,"a":3}}"#, BadJson::Duplicate),
            (r#"{"x":[{"a":1,"a":3}]}"#, BadJson::Duplicate),
            ("[]", BadJson::Syntax),
            ("7", BadJson::Syntax),
            ("", BadJson::Syntax),
            (r#"{"a":1}x"#, BadJson::Syntax),
            (r#"{"a":1,}"#, BadJson::Syntax),
            (r#"{"a":1e999}"#, BadJson::Syntax),
            ("{\"a\":\"\u{1}\"}", BadJson::Syntax),
        ] {
            assert_eq!(object(text.as_bytes()), Err(why), "{text}");
        }
        assert_eq!(object(b"{\"a\":\"\xff\"}"), Err(BadJson::Syntax));
    }

    #[test]
    fn j3_nesting_ends() {
        let nested = |depth| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(object(nested(MAX_DEPTH - 1).as_bytes()).is_ok());
        assert_eq!(object(nested(MAX_DEPTH).as_bytes()), Err(BadJson::TooDeep));
        assert_eq!(object(nested(100_000).as_bytes()), Err(BadJson::TooDeep));
    }

    fn place(name: &str) -> Option<usize> {
        ["a", "b"].iter().position(|known| *known == name)
    }

    #[test]
    fn rfc8725_2_4_sorted_or_not_each_name_once() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"a":null,"a":2}"#,
            r#"{"c":1,"c":1}"#,
            r#"{"a":{"c":1,"c":1}}"#,
        ] {
            let read = sorted::<2>(text.as_bytes(), place);
            assert_eq!(read.err(), Some(BadJson::Duplicate), "{text}");
        }
        let deep = format!("{{\"a\":{}{}}}", "[".repeat(MAX_DEPTH), "]".repeat(MAX_DEPTH));
        assert_eq!(sorted::<2>(deep.as_bytes(), place).err(), Some(BadJson::TooDeep));
    }

    proptest! {
        #[test]
        fn sorting_changes_nothing(text in r#"(\{("[a-c]":("[a-c]"|[01]|\{"a":1\})(,"[a-c]":1)?)?\}|[{}\[\]",:a-c01]{0,20})"#) {
            let sorted = sorted::<2>(text.as_bytes(), place).map(|sorted| {
                let mut members = sorted.others;
                for (name, value) in ["a", "b"].into_iter().zip(sorted.known) {
                    value.map(|value| members.insert(name.to_owned(), value));
                }
                members
            });
            prop_assert_eq!(sorted, object(text.as_bytes()));
        }

        #[test]
        fn what_is_accepted_is_what_the_parser_reads(text in r#"[{}\[\]",:a-c01.e\\u-]{0,40}"#) {
            if let Ok(members) = object(text.as_bytes()) {
                prop_assert_eq!(Some(Value::Object(members)), serde_json::from_str(&text).ok());
            }
        }
    }
}
