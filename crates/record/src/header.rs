//! The first line of a recording.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ReadError;
use crate::export::Version;

/// What is known when a recording starts, independent of the version it is stored as.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Header {
    /// Size in cells at the start.
    pub cols: u16,
    pub rows: u16,
    /// The terminal type the program sees, e.g. `xterm-256color`.
    pub term: Option<String>,
    /// Start, in seconds since 1970 UTC.
    pub timestamp: Option<u64>,
    /// What was run.
    pub command: Option<String>,
    pub title: Option<String>,
    /// Chosen environment variables; never the whole environment, which holds secrets.
    pub env: BTreeMap<String, String>,
    /// A player may shorten pauses to this many seconds.
    pub idle_time_limit: Option<f64>,
}

#[derive(Serialize, Deserialize)]
struct V3 {
    version: u64,
    term: V3Term,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timestamp: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idle_time_limit: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    env: Option<BTreeMap<String, String>>,
}

#[derive(Serialize, Deserialize)]
struct V3Term {
    cols: u16,
    rows: u16,
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct V2 {
    version: u64,
    width: u16,
    height: u16,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timestamp: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    idle_time_limit: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    command: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    env: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
struct Probe {
    version: u64,
}

impl Header {
    /// The header line of that version, with its line end.
    pub(crate) fn to_line(&self, version: Version) -> Vec<u8> {
        let json = match version {
            Version::V3 => serde_json::to_vec(&self.as_v3()),
            Version::V2 => serde_json::to_vec(&self.as_v2()),
        };
        let mut line = json.expect("a header holds only strings and numbers");
        line.push(b'\n');
        line
    }

    /// Reads a header line and says which version the events after it have.
    pub(crate) fn parse(line: &[u8]) -> Result<(Header, Version), ReadError> {
        let bad = |e: serde_json::Error| ReadError::Header { why: e.to_string() };
        let probe: Probe = serde_json::from_slice(line).map_err(bad)?;
        match probe.version {
            3 => Ok((Header::from_v3(serde_json::from_slice(line).map_err(bad)?), Version::V3)),
            2 => Ok((Header::from_v2(serde_json::from_slice(line).map_err(bad)?), Version::V2)),
            other => Err(ReadError::Header {
                why: format!("asciicast version {other} is not supported, only 2 and 3 are"),
            }),
        }
    }

    fn as_v3(&self) -> V3 {
        V3 {
            version: 3,
            term: V3Term { cols: self.cols, rows: self.rows, kind: self.term.clone() },
            timestamp: self.timestamp,
            idle_time_limit: self.idle_time_limit,
            command: self.command.clone(),
            title: self.title.clone(),
            env: (!self.env.is_empty()).then(|| self.env.clone()),
        }
    }

    /// Version 2 has no field for the terminal type; by its convention that is `env.TERM`.
    fn as_v2(&self) -> V2 {
        let mut env = self.env.clone();
        if let Some(term) = &self.term {
            env.entry("TERM".to_owned()).or_insert_with(|| term.clone());
        }
        V2 {
            version: 2,
            width: self.cols,
            height: self.rows,
            timestamp: self.timestamp,
            idle_time_limit: self.idle_time_limit,
            command: self.command.clone(),
            title: self.title.clone(),
            env: (!env.is_empty()).then_some(env),
        }
    }

    fn from_v3(v3: V3) -> Header {
        Header {
            cols: v3.term.cols,
            rows: v3.term.rows,
            term: v3.term.kind,
            timestamp: v3.timestamp,
            command: v3.command,
            title: v3.title,
            env: v3.env.unwrap_or_default(),
            idle_time_limit: v3.idle_time_limit,
        }
    }

    fn from_v2(v2: V2) -> Header {
        let env = v2.env.unwrap_or_default();
        Header {
            cols: v2.width,
            rows: v2.height,
            term: env.get("TERM").cloned(),
            timestamp: v2.timestamp,
            command: v2.command,
            title: v2.title,
            env,
            idle_time_limit: v2.idle_time_limit,
        }
    }
}
