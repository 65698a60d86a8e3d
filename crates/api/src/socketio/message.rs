//! What goes over the socket. Fields that are not known are ignored, as those clients expect.

use serde::{Deserialize, Deserializer, Serialize};

/// With the first packet.
#[derive(Deserialize)]
pub(super) struct Auth {
    pub(super) token: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Connect {
    #[serde(deserialize_with = "id")]
    pub(super) server_id: i64,
    #[serde(default, deserialize_with = "maybe_id")]
    pub(super) credential_id: Option<i64>,
    /// Typed as soon as the shell is there, with Enter behind it.
    #[serde(default)]
    pub(super) auto_command: Option<String>,
    /// The shell stays when the socket goes, and the next one with this id gets it.
    #[serde(default, deserialize_with = "maybe_id")]
    pub(super) service_id: Option<i64>,
    #[serde(default)]
    pub(super) cols: Option<u16>,
    #[serde(default)]
    pub(super) rows: Option<u16>,
}

#[derive(Deserialize)]
pub(super) struct Input {
    pub(super) input: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct Resize {
    pub(super) cols: u16,
    pub(super) rows: u16,
}

#[derive(Serialize)]
pub(super) struct Status {
    pub(super) status: &'static str,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(super) reused: bool,
}

#[derive(Serialize)]
pub(super) struct Output<'a> {
    pub(super) data: &'a str,
}

#[derive(Serialize)]
pub(super) struct Failed<'a> {
    pub(super) error: &'a str,
}

/// Ids come from addresses and forms of pages as texts too.
#[derive(Deserialize)]
#[serde(untagged)]
enum Id {
    Number(i64),
    Text(String),
}

impl Id {
    fn number<E: serde::de::Error>(self) -> Result<i64, E> {
        match self {
            Self::Number(id) => Ok(id),
            Self::Text(text) => text.parse().map_err(|_| E::custom("an id is a number")),
        }
    }
}

fn id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
    Id::deserialize(deserializer)?.number()
}

fn maybe_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<i64>, D::Error> {
    Option::<Id>::deserialize(deserializer)?.map(Id::number).transpose()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_id_is_a_number_or_a_text_of_one() {
        let read = |text: &str| serde_json::from_str::<Connect>(text);
        let asked = read(r#"{"server_id":"7","service_id":3,"more":true}"#).unwrap();
        assert_eq!((asked.server_id, asked.service_id, asked.credential_id), (7, Some(3), None));
        assert!(read("{}").unwrap_err().to_string().contains("server_id"));
        assert!(read(r#"{"server_id":"x"}"#).unwrap_err().to_string().contains("an id is a number"));
        assert_eq!(read(r#"{"server_id":1,"service_id":null}"#).unwrap().service_id, None);
    }
}
