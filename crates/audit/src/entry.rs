//! One entry and its body as JSON.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::error::Error;
use crate::hash::Hash;

/// Members that every entry has; a field cannot take their names.
const RESERVED: [&str; 10] =
    ["seq", "at", "mono_ns", "boot_id", "origin", "kind", "uid", "prev", "hash", "body"];

/// The longest kind: kinds are words, not sentences.
const MAX_KIND: usize = 64;

/// Something that happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// 1 for the first entry of a log, then one more each.
    pub seq: u64,
    /// Wall clock.
    pub at: Timestamp,
    /// `CLOCK_BOOTTIME` of the boot `boot_id`, in nanoseconds: order and durations, whatever was done to
    /// the wall clock.
    pub mono_ns: u64,
    /// `/proc/sys/kernel/random/boot_id`.
    pub boot_id: Uuid,
    /// Who keeps the log, as `<node>/<process>`.
    pub origin: String,
    /// What happened, as one word: `a-z`, `0-9`, `_`.
    pub kind: String,
    /// What it happened to.
    pub uid: Option<Uuid>,
    /// Everything else. In the line these stand beside the members above.
    pub fields: Map<String, Value>,
    /// The hash of the entry before.
    pub prev: Hash,
    /// The hash of this entry's body as written.
    pub hash: Hash,
}

#[derive(Serialize)]
struct BodyOut<'a> {
    seq: u64,
    at: &'a str,
    mono_ns: u64,
    boot_id: Uuid,
    origin: &'a str,
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<Uuid>,
    #[serde(flatten)]
    fields: &'a Map<String, Value>,
    prev: Hash,
}

#[derive(Deserialize)]
struct BodyIn {
    seq: u64,
    at: Timestamp,
    mono_ns: u64,
    boot_id: Uuid,
    origin: String,
    kind: String,
    #[serde(default)]
    uid: Option<Uuid>,
    prev: Hash,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

impl Entry {
    /// The body's bytes: the members in a fixed order, times always with nine decimals.
    pub(crate) fn body(&self) -> Vec<u8> {
        let body = BodyOut {
            seq: self.seq,
            at: &format!("{:.9}", self.at),
            mono_ns: self.mono_ns,
            boot_id: self.boot_id,
            origin: &self.origin,
            kind: &self.kind,
            uid: self.uid,
            fields: &self.fields,
            prev: self.prev,
        };
        serde_json::to_vec(&body).expect("strings, numbers and JSON values can be written")
    }

    /// Reads a body whose hash was checked.
    pub(crate) fn from_body(body: &[u8], hash: Hash) -> Result<Entry, String> {
        let body: BodyIn = serde_json::from_slice(body).map_err(|e| e.to_string())?;
        Ok(Entry {
            seq: body.seq,
            at: body.at,
            mono_ns: body.mono_ns,
            boot_id: body.boot_id,
            origin: body.origin,
            kind: body.kind,
            uid: body.uid,
            fields: body.fields,
            prev: body.prev,
            hash,
        })
    }
}

pub(crate) fn check_names(kind: &str, fields: &Map<String, Value>) -> Result<(), Error> {
    let word = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
    if kind.is_empty() || kind.len() > MAX_KIND || !kind.bytes().all(word) {
        return Err(Error::Kind { kind: kind.to_owned() });
    }
    match fields.keys().find(|name| RESERVED.contains(&name.as_str())) {
        Some(name) => Err(Error::ReservedField { name: name.clone() }),
        None => Ok(()),
    }
}
