//! The rules that a supervisor judges by, in the form in which it gets them.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::facts::{Action, Decide, Decision, Facts};

/// A compiled rule set's text and whom it is asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    pub bundle: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Names {
    deny: BTreeSet<String>,
    deny_argument: BTreeSet<String>,
    review: BTreeSet<String>,
    allow_only: Option<BTreeSet<String>>,
}

impl Rules {
    /// Rules that cannot be read are an error: there is no session without rules.
    pub(super) fn judge(&self) -> Result<Box<dyn Decide>, String> {
        let names: Names = serde_json::from_str(&self.bundle).map_err(|error| error.to_string())?;
        Ok(Box::new(names))
    }
}

impl Decide for Names {
    fn decide(&self, facts: &Facts) -> Decision {
        let name = |path: &[u8]| {
            String::from_utf8_lossy(path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)).into_owned()
        };
        let mut names = vec![name(facts.exe.path.as_os_str().as_encoded_bytes()), name(&facts.execfn)];
        names.extend(facts.argv.first().map(|first| name(first)));
        if names.iter().any(|name| self.deny.contains(name)) {
            return Decision::deny("deny");
        }
        if facts.argv.iter().any(|argument| self.deny_argument.contains(&*String::from_utf8_lossy(argument)))
        {
            return Decision::deny("deny_argument");
        }
        if self.allow_only.as_ref().is_some_and(|allowed| !allowed.contains(&names[0])) {
            return Decision::deny("allow_only");
        }
        if names.iter().any(|name| self.review.contains(name)) {
            return Decision::by(Action::Review, "review");
        }
        Decision::allow()
    }
}
