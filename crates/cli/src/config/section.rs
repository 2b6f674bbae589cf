//! Tables of the configuration: one list says which keys there are, of what type, and what is
//! allowed. Parsing, merging, `config show` and the test of the documentation all follow it.

use core::time::Duration;
use std::path::PathBuf;

use unlapse::Persistence;
use unlapse_core::{Reuse, WithoutStore, duration};
use unlapse_oauth::Endpoint;
use unlapse_oauth::discovery::Issuer;
use unlapse_oauth::grant::ConnectionPath;

use super::origin::Origin;
use super::reader::Raw;
use super::size::Bytes;

/// A table whose keys are known.
pub(crate) trait Section: Default {
    /// Its keys, each with what is allowed.
    fn keys() -> Vec<(&'static str, String)>;

    /// Sets a key.
    fn set(&mut self, key: &str, raw: &Raw<'_>, origin: &Origin) -> Result<(), Refused>;

    /// What is set in `self`, and for the rest what is set in `lower`.
    #[must_use]
    fn over(self, lower: Self) -> Self;

    /// What is set: key, value in words, origin.
    fn entries(&self) -> Vec<(&'static str, String, Origin)>;
}

/// Why a key could not be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is no such key.
    Unknown,
    /// The value is not allowed.
    Value {
        /// What is.
        allowed: String,
        /// What was likely meant.
        nearest: Option<String>,
    },
}

/// A value as `config show` prints it.
pub(crate) trait Shown {
    /// The value in words.
    fn shown(&self) -> String;
}

impl Shown for String {
    fn shown(&self) -> String {
        self.clone()
    }
}

impl Shown for PathBuf {
    fn shown(&self) -> String {
        self.display().to_string()
    }
}

impl Shown for Duration {
    fn shown(&self) -> String {
        duration::format(*self)
    }
}

impl Shown for Bytes {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for u32 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for bool {
    fn shown(&self) -> String {
        self.to_string()
    }
}

/// The word of one of a few values.
fn word<T: PartialEq>(words: &[(&str, T)], value: &T) -> String {
    let word = words.iter().find(|(_, meaning)| meaning == value);
    word.map_or_else(String::new, |(word, _)| (*word).to_owned())
}

impl Shown for Persistence {
    fn shown(&self) -> String {
        word(Self::WORDS, self)
    }
}

impl Shown for WithoutStore {
    fn shown(&self) -> String {
        word(Self::WORDS, self)
    }
}

impl Shown for Reuse {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for Endpoint {
    /// Without its query, where providers put keys (R18).
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for Issuer {
    fn shown(&self) -> String {
        self.as_str().to_owned()
    }
}

impl Shown for ConnectionPath {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for Vec<String> {
    fn shown(&self) -> String {
        self.join(" ")
    }
}

/// Words that stand for the values of an enum, written and read.
macro_rules! words {
    ($type:ident { $($variant:ident = $word:literal,)+ }) => {
        impl $type {
            /// Every word and its meaning.
            pub(crate) const WORDS: &'static [(&'static str, Self)] =
                &[$(($word, Self::$variant)),+];
        }

        impl $crate::config::section::Shown for $type {
            fn shown(&self) -> String {
                match self { $(Self::$variant => $word.to_owned(),)+ }
            }
        }
    };
}

/// A [`Section`]: a struct of what is set, by key.
macro_rules! section {
    ($(#[$doc:meta])* $name:ident { $($(#[$about:meta])* $key:ident: $type:ty = $reader:expr,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Eq)]
        pub(crate) struct $name {
            $($(#[$about])* pub(crate) $key: Option<$crate::config::origin::Valued<$type>>,)+
        }

        impl $crate::config::section::Section for $name {
            fn keys() -> Vec<(&'static str, String)> {
                use $crate::config::reader::Reads as _;
                vec![$((stringify!($key), $reader.allowed())),+]
            }

            fn set(
                &mut self,
                key: &str,
                raw: &$crate::config::reader::Raw<'_>,
                origin: &$crate::config::origin::Origin,
            ) -> Result<(), $crate::config::section::Refused> {
                use $crate::config::reader::Reads as _;
                match key {
                    $(stringify!($key) => {
                        let value = $reader.read(raw).ok_or_else(|| {
                            $crate::config::section::Refused::Value {
                                allowed: $reader.allowed(),
                                nearest: $reader.nearest(raw),
                            }
                        })?;
                        let origin = origin.clone();
                        self.$key = Some($crate::config::origin::Valued { value, origin });
                    })+
                    _ => return Err($crate::config::section::Refused::Unknown),
                }
                Ok(())
            }

            fn over(self, lower: Self) -> Self {
                Self { $($key: self.$key.or(lower.$key),)+ }
            }

            fn entries(&self) -> Vec<(&'static str, String, $crate::config::origin::Origin)> {
                use $crate::config::section::Shown as _;
                let mut entries = Vec::new();
                $(if let Some(set) = &self.$key {
                    entries.push((stringify!($key), set.value.shown(), set.origin.clone()));
                })+
                entries
            }
        }
    };
}

pub(crate) use {section, words};
