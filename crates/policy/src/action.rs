//! What a rule does, and where it is asked.

use serde::{Deserialize, Serialize};

/// What happens to a command. Ordered by strictness: the verdict on a line is the greatest of its facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It runs.
    #[default]
    Allow,
    /// It runs, and somebody is told.
    Alert,
    /// It waits until a second person has approved it.
    Review,
    /// It does not run.
    Deny,
}

impl Action {
    /// The word of the rule format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Alert => "alert",
            Self::Review => "review",
            Self::Deny => "deny",
        }
    }

    /// Whether this keeps a command from running, at least for a while.
    pub fn holds(self) -> bool {
        self >= Self::Review
    }

    /// The action of that name.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Allow, Self::Alert, Self::Review, Self::Deny]
            .into_iter()
            .find(|action| action.as_str() == word)
    }
}

impl std::fmt::Display for Action {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where a command is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Door {
    /// By the kernel, on the program that is really loaded.
    Exec,
    /// Before the line leaves: line mode, and exec requests.
    Line,
    /// As read from a screen: an aid.
    Watched,
}

impl Door {
    /// The word of the rule format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Line => "line",
            Self::Watched => "watched",
        }
    }

    /// The door of that name.
    pub fn parse(word: &str) -> Option<Self> {
        [Self::Exec, Self::Line, Self::Watched].into_iter().find(|door| door.as_str() == word)
    }
}

/// Whether a rule counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, Default)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// It does.
    #[default]
    Enforce,
    /// What it would have done is reported, and the next rule is asked.
    DryRun,
}
