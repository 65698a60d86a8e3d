//! A rule set as it travels: canonical bytes under a digest.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::canonical;
use crate::fault::Faults;
use crate::judge::Judge;
use crate::ready;
use crate::rules::RuleSet;
use crate::subject::Subject;

/// Largest rule set, in bytes of JSON: 10,000 rules with 400 bytes each.
pub const MAX_BYTES: usize = 4 * 1024 * 1024;

/// A checked rule set with everything that it refers to. The same rules give the same bytes, in whatever order
/// they were written.
#[derive(Debug, Clone)]
pub struct Bundle {
    set: RuleSet,
    bytes: Vec<u8>,
    digest: [u8; 32],
}

impl Bundle {
    /// # Errors
    /// Everything that is wrong with the set, with places.
    pub fn new(set: &RuleSet) -> Result<Self, Faults> {
        set.check()?;
        let mut set = set.clone();
        let used: BTreeSet<&String> = set.rules.iter().flat_map(|rule| &rule.matches.groups).collect();
        let own: BTreeSet<&String> = set.command_groups.iter().map(|group| &group.id).collect();
        let lent: Vec<_> = ready::groups()
            .into_iter()
            .filter(|group| used.contains(&group.id) && !own.contains(&group.id))
            .collect();
        set.command_groups.extend(lent);
        set.command_groups.sort_by(|a, b| a.id.cmp(&b.id));
        set.rules.sort_by(|a, b| (a.priority, &a.id).cmp(&(b.priority, &b.id)));
        let bytes = canonical_bytes(&set)?;
        if bytes.len() > MAX_BYTES {
            return Err(Faults::one("", format!("larger than {MAX_BYTES} bytes")));
        }
        Ok(Self { digest: Sha256::digest(&bytes).into(), bytes, set })
    }

    /// Takes what [`Bundle::bytes`] gave. Patterns are compiled by [`Bundle::judge`], and only those in scope.
    ///
    /// # Errors
    /// It is too large, not a rule set, or not in canonical form.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Faults> {
        if bytes.len() > MAX_BYTES {
            return Err(Faults::one("", format!("larger than {MAX_BYTES} bytes")));
        }
        let set: RuleSet =
            serde_json::from_slice(bytes).map_err(|error| Faults::one("", error.to_string()))?;
        set.check_without_patterns()?;
        if canonical_bytes(&set)? != bytes {
            return Err(Faults::one("", "not in canonical form"));
        }
        Ok(Self { digest: Sha256::digest(bytes).into(), bytes: bytes.to_vec(), set })
    }

    /// SHA-256 of [`Bundle::bytes`].
    pub fn digest(&self) -> [u8; 32] {
        self.digest
    }

    /// The same in lower-case hexadecimal, as it names the bundle everywhere.
    pub fn digest_hex(&self) -> String {
        hex(&self.digest)
    }

    /// Canonical JSON.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The rules, sorted, with the ready-made groups that they use.
    pub fn set(&self) -> &RuleSet {
        &self.set
    }

    /// Zones of time windows: their offsets are expected in [`Subject::offsets`].
    pub fn zones(&self) -> BTreeSet<&str> {
        let scopes = self.set.rules.iter().map(|rule| &rule.scope);
        let scopes = scopes.chain(self.set.defaults.iter().map(|default| &default.scope));
        scopes.flat_map(|scope| scope.times.iter().map(|window| window.zone.as_str())).collect()
    }

    /// The rules in the subject's scope, compiled. It owns what it needs; the bundle can go.
    pub fn judge(&self, subject: &Subject) -> Judge {
        Judge::new(&self.set, subject)
    }
}

/// Bytes of a digest in lower-case hexadecimal.
pub fn hex(digest: &[u8]) -> String {
    digest.iter().fold(String::with_capacity(digest.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn canonical_bytes(set: &RuleSet) -> Result<Vec<u8>, Faults> {
    let value = serde_json::to_value(set).map_err(|error| Faults::one("", error.to_string()))?;
    Ok(canonical::to_bytes(&value))
}
