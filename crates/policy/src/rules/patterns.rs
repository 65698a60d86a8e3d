//! Patterns of the rule format: a string is a glob, an object says more.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize};

use super::is_default;

/// `"git-*"`, or `{"regex": "^mkfs(\\.|$)"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum NamedPattern {
    /// `*`, `?`, `[…]`; without any of them the name itself.
    Glob(String),
    /// Finds its expression anywhere; `^` and `$` for the whole.
    Regex { regex: String },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegexObject {
    regex: String,
}

impl<'de> Deserialize<'de> for NamedPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = NamedPattern;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a glob, or an object with `regex`")
            }
            fn visit_str<E>(self, text: &str) -> Result<NamedPattern, E> {
                Ok(NamedPattern::Glob(text.to_owned()))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<NamedPattern, A::Error> {
                let object = RegexObject::deserialize(MapAccessDeserializer::new(map))?;
                Ok(NamedPattern::Regex { regex: object.regex })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl From<&str> for NamedPattern {
    fn from(glob: &str) -> Self {
        Self::Glob(glob.to_owned())
    }
}

/// Something among the arguments. Exactly one of `glob`, `regex` and `flags` is given; a string is a glob.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct ArgumentPattern {
    /// One whole argument.
    #[serde(skip_serializing_if = "is_default")]
    pub glob: Option<String>,
    /// Found anywhere in an argument.
    #[serde(skip_serializing_if = "is_default")]
    pub regex: Option<String>,
    /// Options, each spelled `-x` or `--long`; one is enough. `-x` is also found in `-axf`, and `--long`
    /// before `=`.
    #[serde(skip_serializing_if = "is_default")]
    pub flags: Vec<String>,
    /// Only the argument at this place; 1 is the first. What begins with `-` is not counted.
    #[serde(skip_serializing_if = "is_default")]
    pub at: Option<u16>,
    /// All arguments with one space between them, instead of each. Not with `flags`, not with `at`.
    #[serde(skip_serializing_if = "is_default")]
    pub joined: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ArgumentObject {
    #[serde(default)]
    glob: Option<String>,
    #[serde(default)]
    regex: Option<String>,
    #[serde(default)]
    flags: Vec<String>,
    #[serde(default)]
    at: Option<u16>,
    #[serde(default)]
    joined: bool,
}

impl<'de> Deserialize<'de> for ArgumentPattern {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Either;
        impl<'de> Visitor<'de> for Either {
            type Value = ArgumentPattern;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a glob, or an object with `glob`, `regex` or `flags`")
            }
            fn visit_str<E>(self, text: &str) -> Result<ArgumentPattern, E> {
                Ok(ArgumentPattern::from(text))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<ArgumentPattern, A::Error> {
                let object = ArgumentObject::deserialize(MapAccessDeserializer::new(map))?;
                let ArgumentObject { glob, regex, flags, at, joined } = object;
                Ok(ArgumentPattern { glob, regex, flags, at, joined })
            }
        }
        deserializer.deserialize_any(Either)
    }
}

impl From<&str> for ArgumentPattern {
    fn from(glob: &str) -> Self {
        Self { glob: Some(glob.to_owned()), ..Self::default() }
    }
}
