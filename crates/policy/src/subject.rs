//! Who is judged, where, and when.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::action::Door;

/// The person and the place. What is not known stays empty: a rule that names it then does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Subject {
    #[serde(default)]
    pub user: String,
    #[serde(default)]
    pub groups: Vec<String>,
    #[serde(default)]
    pub roles: Vec<String>,
    /// The server's name; `None` on this machine.
    #[serde(default)]
    pub server: Option<String>,
    #[serde(default)]
    pub tags: Vec<String>,
    /// The account on the machine.
    #[serde(default)]
    pub account: String,
    pub door: Door,
    /// Seconds since 1970.
    #[serde(default)]
    pub now: i64,
    /// Seconds east of UTC now, of each zone that [`crate::Bundle::zones`] names. In a zone that is missing,
    /// a rule that allows does not hold, and any other does.
    #[serde(default)]
    pub offsets: BTreeMap<String, i32>,
}

impl Subject {
    /// Nobody in particular, at a door.
    pub fn at(door: Door) -> Self {
        Self {
            user: String::new(),
            groups: Vec::new(),
            roles: Vec::new(),
            server: None,
            tags: Vec::new(),
            account: String::new(),
            door,
            now: 0,
            offsets: BTreeMap::new(),
        }
    }
}
