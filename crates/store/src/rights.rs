//! What can be granted on a server.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One thing that can be granted on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Right {
    /// Open terminals.
    Connect,
    /// Type in them.
    Write,
    /// Watch the terminals of others.
    Observe,
    /// Bring files there, and change them.
    Upload,
    /// Fetch files from there.
    Download,
    /// Reach what can be reached from there.
    Forward,
    /// Run commands without a terminal.
    Execute,
    /// Change what the server is called, its notes and its host keys; decide on requests for it.
    Manage,
}

impl Right {
    pub const ALL: [Self; 8] = [
        Self::Connect,
        Self::Write,
        Self::Observe,
        Self::Upload,
        Self::Download,
        Self::Forward,
        Self::Execute,
        Self::Manage,
    ];

    pub fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Write => "write",
            Self::Observe => "observe",
            Self::Upload => "upload",
            Self::Download => "download",
            Self::Forward => "forward",
            Self::Execute => "execute",
            Self::Manage => "manage",
        }
    }

    fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// A set of them.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Rights(u8);

impl Rights {
    pub const NONE: Self = Self(0);

    /// What every grant gave before there were rights.
    pub fn usual() -> Self {
        [Right::Connect, Right::Write, Right::Execute].into_iter().collect()
    }

    pub fn all() -> Self {
        Right::ALL.into_iter().collect()
    }

    #[must_use]
    pub fn with(self, right: Right) -> Self {
        Self(self.0 | right.bit())
    }

    #[must_use]
    pub fn without(self, right: Right) -> Self {
        Self(self.0 & !right.bit())
    }

    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub fn has(self, right: Right) -> bool {
        self.0 & right.bit() != 0
    }

    /// Whether these are among `others`.
    pub fn within(self, others: Self) -> bool {
        self.0 & !others.0 == 0
    }

    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The same number for the same set.
    pub fn number(self) -> u8 {
        self.0
    }

    pub fn iter(self) -> impl Iterator<Item = Right> {
        Right::ALL.into_iter().filter(move |right| self.has(*right))
    }

    /// As it stands in a row. Names of a later release give nothing.
    pub(crate) fn read(text: &str) -> Self {
        let known = |word: &str| Right::ALL.into_iter().find(|right| right.as_str() == word);
        text.split(' ').filter_map(known).collect()
    }
}

impl FromIterator<Right> for Rights {
    fn from_iter<I: IntoIterator<Item = Right>>(rights: I) -> Self {
        rights.into_iter().fold(Self::NONE, Self::with)
    }
}

/// Names, with a blank between them.
impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, right) in self.iter().enumerate() {
            let between = if place == 0 { "" } else { " " };
            write!(f, "{between}{}", right.as_str())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{self}]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_written_and_read_back_and_what_is_unknown_gives_nothing() {
        for number in 0..=u8::MAX {
            let set: Rights = Rights(number);
            assert_eq!(Rights::read(&set.to_string()), set);
        }
        assert_eq!(Rights::read("connect fly write"), [Right::Write, Right::Connect].into_iter().collect());
        assert!(Rights::read("").is_empty());
    }
}
