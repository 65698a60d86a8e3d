//! What is wrong with a rule set, and where.

use serde::Serialize;

/// Faults told at once; a file with more is shown the first ones.
pub(crate) const MAX_FAULTS: usize = 100;

/// One fault with its place, such as `rules[3].match.programs[0]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// Path of the value at fault; empty for the whole document.
    pub place: String,
    /// One lowercase clause.
    pub what: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.place.is_empty() {
            f.write_str(&self.what)
        } else {
            write!(f, "{}: {}", self.place, self.what)
        }
    }
}

/// Why a rule set is refused: everything that was found, at most a hundred.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Default)]
pub struct Faults(pub Vec<Fault>);

impl Faults {
    pub(crate) fn one(place: impl Into<String>, what: impl Into<String>) -> Self {
        Self(vec![Fault { place: place.into(), what: what.into() }])
    }

    pub(crate) fn add(&mut self, place: impl Into<String>, what: impl Into<String>) {
        if self.0.len() < MAX_FAULTS {
            self.0.push(Fault { place: place.into(), what: what.into() });
        }
    }

    pub(crate) fn none_or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl std::fmt::Display for Faults {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, fault) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("; ")?;
            }
            fault.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Faults {}
