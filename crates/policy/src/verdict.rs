//! What came out, and why.

use serde::{Deserialize, Serialize};

use crate::action::Action;
use crate::rules::Text;

/// The verdict on one line or one exec.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What happens.
    pub action: Action,
    /// The rule that decided; none when a default did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// What the rule says to the person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<Text>,
    /// Which of `facts` decided; none when there is no fact (an empty line).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fact: Option<usize>,
    /// One for each fact, in their order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<Judged>,
    /// What rules would have done that are only tried.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dry_run: Vec<Would>,
}

/// What one fact got.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judged {
    pub action: Action,
    /// The first rule that matches it; none: a default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// A rule that may match as well: the shell decides when it runs. It is why `action` is not weaker than
    /// what is said of the unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub perhaps: Option<String>,
}

/// What a rule would have done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Would {
    /// None: the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    pub action: Action,
}
