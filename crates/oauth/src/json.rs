//! JSON objects of other people's making, read field by field.
//!
//! A reply is not parsed into a tree: each field stays a slice of the body until it is asked for.
//! So a number that fits no type, or an escape that is no character, spoils its own field and not
//! the token beside it (R8); and no secret is copied on the way to its [`Secret`] (C13).

use std::collections::BTreeMap;
use std::str::Chars;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use unlapse_core::Secret;
use zeroize::Zeroizing;

/// An object. Of fields with one name, the last counts, as most parsers have it (RFC 8259 §4).
pub(crate) struct Object<'a>(BTreeMap<String, &'a RawValue>);

/// The value of a field.
pub(crate) enum Value<'a> {
    /// A text, unescaped.
    Text(Secret),
    /// A number as it was written.
    Number(&'a str),
    /// The texts of an array; other elements are left out.
    Texts(Vec<Secret>),
    /// An object.
    Object,
    /// `null`, as good as missing.
    Null,
    /// `true` or `false`.
    Bool(
        #[cfg_attr(not(feature = "providers"), expect(dead_code, reason = "nobody asks which"))]
        bool,
    ),
}

impl<'a> Object<'a> {
    /// The object that `text` is, if it is one.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok().map(Self)
    }

    /// The field of that very name, or else the one that the dots in `path` lead to.
    pub(crate) fn value(&self, path: &str) -> Option<Value<'a>> {
        if let Some(raw) = self.0.get(path) {
            return Value::read(raw.get());
        }
        let (first, rest) = path.split_once('.')?;
        step(self.0.get(first)?, rest).and_then(|raw| Value::read(raw.get()))
    }

    /// The object that the dots in `path` lead to.
    #[cfg(feature = "providers")]
    pub(crate) fn object(&self, path: &str) -> Option<Self> {
        let raw = match path.split_once('.') {
            Some((first, rest)) if !self.0.contains_key(path) => step(self.0.get(first)?, rest)?,
            _ => self.0.get(path)?,
        };
        Self::parse(raw.get())
    }
}

/// What `path` leads to inside of `raw`: names in objects, numbers in arrays.
fn step<'a>(raw: &'a RawValue, path: &str) -> Option<&'a RawValue> {
    if raw.get().starts_with('[') {
        let (first, rest) = path.split_once('.').map_or((path, None), |(a, b)| (a, Some(b)));
        let elements: Vec<&RawValue> = serde_json::from_str(raw.get()).ok()?;
        let element = *elements.get(first.parse::<usize>().ok()?)?;
        return rest.map_or(Some(element), |rest| step(element, rest));
    }
    let object = Object::parse(raw.get())?;
    if let Some(raw) = object.0.get(path) {
        return Some(raw);
    }
    let (first, rest) = path.split_once('.')?;
    step(object.0.get(first)?, rest)
}

impl<'a> Value<'a> {
    fn read(raw: &'a str) -> Option<Self> {
        match raw.as_bytes().first()? {
            b'"' => unescape(raw).map(Self::Text),
            b'-' | b'0'..=b'9' => Some(Self::Number(raw)),
            b'{' => Some(Self::Object),
            b'[' => {
                let elements: Vec<&RawValue> = serde_json::from_str(raw).ok()?;
                Some(Self::Texts(elements.iter().filter_map(|raw| unescape(raw.get())).collect()))
            }
            b'n' => Some(Self::Null),
            b't' => Some(Self::Bool(true)),
            _ => Some(Self::Bool(false)),
        }
    }

    /// The text, if it is one and not empty.
    pub(crate) fn into_text(self) -> Option<Secret> {
        match self {
            Self::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }
}

/// Whether `text` is JSON of any kind.
pub(crate) fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// The text that a JSON string stands for. Unlike the parser's own, it keeps no scratch copy. A
/// surrogate without its pair becomes U+FFFD.
fn unescape(raw: &str) -> Option<Secret> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    // An escape is never shorter than what it stands for: the buffer does not move.
    let mut text = Zeroizing::new(String::with_capacity(inner.len()));
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        text.push(match c {
            '\\' => match chars.next()? {
                'b' => '\u{8}',
                'f' => '\u{c}',
                'n' => '\n',
                'r' => '\r',
                't' => '\t',
                'u' => unicode(&mut chars)?,
                other => other,
            },
            other => other,
        });
    }
    Some(Secret::new(text.as_str()))
}

fn unicode(chars: &mut Chars<'_>) -> Option<char> {
    let first = four_digits(chars)?;
    let mut ahead = chars.clone();
    if (0xd800..0xdc00).contains(&first)
        && (ahead.next(), ahead.next()) == (Some('\\'), Some('u'))
        && let Some(second @ 0xdc00..0xe000) = four_digits(&mut ahead)
    {
        *chars = ahead;
        return char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
    }
    Some(char::from_u32(first).unwrap_or(char::REPLACEMENT_CHARACTER))
}

fn four_digits(chars: &mut Chars<'_>) -> Option<u32> {
    (0..4).try_fold(0, |sum, _| Some(sum * 16 + chars.next()?.to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(object: &Object<'_>, path: &str) -> Option<String> {
        object.value(path)?.into_text().map(|text| text.expose().to_owned())
    }

    #[test]
    fn fields_are_found_by_name_and_by_path() {
        let object = r#"{"a":"1","a.b":"2","c":{"d":{"e":"3"}},"x":"no","x":"last","n":1e999}"#;
        let object = Object::parse(object).expect("an object");
        for (path, found) in [
            ("a", Some("1")),
            ("a.b", Some("2")),
            ("c.d.e", Some("3")),
            ("x", Some("last")),
            ("c.d", None),
            ("c.d.e.f", None),
            ("a.c", None),
            ("n", None),
            ("", None),
            (".", None),
        ] {
            assert_eq!(text(&object, path).as_deref(), found, "{path}");
        }
        assert!(matches!(object.value("n"), Some(Value::Number("1e999"))));
    }

    #[test]
    fn r8_a_bad_field_spoils_no_other() {
        let object =
            Object::parse(r#"{"odd":"\ud800 \udc00","n":-1e400,"a":"\u0061\/\ud83d\ude00"}"#);
        let object = object.expect("an object");
        assert_eq!(text(&object, "a").as_deref(), Some("a/😀"));
        assert_eq!(text(&object, "odd").as_deref(), Some("\u{fffd} \u{fffd}"));
    }

    #[test]
    fn what_is_no_object() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        for bad in ["", "null", "[]", "\"a\"", "{", "{\"a\":1}x", "{\"a\":}", "{a:1}", &deep] {
            assert!(Object::parse(bad).is_none(), "{}", &bad[..bad.len().min(20)]);
        }
    }

    proptest! {
        #[test]
        fn texts_are_read_as_they_were_written(written in any::<String>()) {
            let body = serde_json::json!({ "a": written }).to_string();
            let object = Object::parse(&body).expect("an object");
            let expected = (!written.is_empty()).then_some(written);
            prop_assert_eq!(text(&object, "a"), expected);
        }

        #[test]
        fn escapes_are_read_as_the_parser_reads_them(
            inner in r#"([a-z ü]|\\[bfnrt/"\\]|\\u[0-9a-d][0-9a-fA-F]{3}|\\ud83d\\ude0[0-9]){0,20}"#
        ) {
            let raw = format!("\"{inner}\"");
            if let Ok(theirs) = serde_json::from_str::<String>(&raw) {
                let ours = unescape(&raw).expect("a text");
                prop_assert_eq!(ours.expose(), theirs);
            }
        }

        #[test]
        fn never_panics(body in "[\\[\\]{}\",:\\\\u0-9eE.d-]{0,40}") {
            if let Some(object) = Object::parse(&body) {
                let _ = object.value("a.b");
                for name in object.0.keys() {
                    let _ = object.value(name);
                }
            }
        }
    }
}
