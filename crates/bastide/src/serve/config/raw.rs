//! What may be set.

use std::fmt;
use std::path::PathBuf;

use bastide_rt::logging::Logging;
use serde::de::{Error, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::oidc::RawOidc;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Raw {
    pub(super) listen: Option<String>,
    pub(super) ssh: Ssh,
    pub(super) data_dir: Option<PathBuf>,
    pub(super) recordings_dir: Option<PathBuf>,
    pub(super) public_url: Option<String>,
    pub(super) trusted_proxies: Words,
    pub(super) cors_origins: Words,
    pub(super) max_connections: Option<usize>,
    pub(super) check_servers_every: Option<String>,
    pub(super) tls: Tls,
    pub(super) login: Login,
    pub(super) oidc: RawOidc,
    pub(super) history: History,
    pub(super) vault: Vault,
    pub(super) log: Logging,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) certificate: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) self_signed: Option<bool>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Ssh {
    pub(super) listen: Option<String>,
    pub(super) forbidden_destinations: Option<Words>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Login {
    pub(super) lifetime: Option<String>,
    pub(super) second_factor: Words,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct History {
    pub(super) keep: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct Vault {
    pub(super) key_file: Option<PathBuf>,
    pub(super) key_command: Option<Arguments>,
}

/// A program and its arguments; in a variable or a flag, one text with spaces.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "a list of texts (a program and its arguments), or one text with spaces")]
pub(super) enum Arguments {
    List(Vec<String>),
    Text(String),
}

impl Arguments {
    pub(super) fn words(&self) -> Vec<String> {
        match self {
            Self::List(words) => words.clone(),
            Self::Text(text) => text.split_whitespace().map(str::to_owned).collect(),
        }
    }
}

/// A list of texts; in a variable or a flag, one text with commas.
#[derive(Debug, Default)]
pub(super) struct Words(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(WordsVisitor)
    }
}

struct WordsVisitor;

impl<'de> Visitor<'de> for WordsVisitor {
    type Value = Words;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts, or one text with commas")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Words, E> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        Ok(Words(words.map(str::to_owned).collect()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Words, A::Error> {
        let mut words = Vec::new();
        while let Some(word) = list.next_element()? {
            words.push(word);
        }
        Ok(Words(words))
    }
}
