//! Several people in one session: who is there, who may type, what they are told (capability `together`).

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

/// Longest text that people in a session are told, in characters.
pub const MAX_TEXT: usize = 500;

/// Longest time before an announced end, in seconds.
pub const MAX_AFTER: u64 = 300;

/// Longest word about a viewer, in bytes.
pub const MAX_WORD: usize = 256;

/// Who looks, as whoever attaches them says.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The person, by what stays the same: `spec.subject.user` names the owner in the same way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// What they are here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<ViewerRole>,
    /// The door they came by: `web`, `ssh`, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<String>,
    /// The address they come from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// What somebody is to the session that they look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ViewerRole {
    /// It was opened for them.
    Owner,
    /// They were let in by a link.
    Guest,
    /// A right or their role lets them watch.
    Observer,
    /// They may do everything.
    Admin,
}

/// Gives the keyboard to one viewer alone; without one, back to all that attached to type.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Keyboard {
    pub uid: Uuid,
    /// Its `id` in the session's list of viewers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub viewer: Option<u64>,
    /// Who decided it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// A viewer wants the keyboard, or not any more; shown to everybody.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyboardAsk {
    pub uid: Uuid,
    pub viewer: u64,
    pub asks: bool,
    /// Who took the question back or said no, when it was not who asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// Shows a viewer out.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewerEnd {
    pub uid: Uuid,
    pub viewer: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The person behind it cannot attach again as long as the session is there, and their other viewers go too.
    #[serde(default)]
    pub bar: bool,
}

/// Words of one person to everybody there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Say {
    pub uid: Uuid,
    pub by: String,
    pub text: String,
}

/// An end that everybody is told of before.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndSoon {
    pub uid: Uuid,
    pub by: String,
    /// Why; may be empty.
    #[serde(default)]
    pub text: String,
    /// Seconds.
    pub after: u64,
}

/// What `by` has announced does not come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct EndStop {
    pub uid: Uuid,
    pub by: String,
    /// Nor what anybody else has announced.
    #[serde(default)]
    pub any: bool,
}

/// What people in a session do to one another.
#[derive(Debug)]
pub enum Together {
    Keyboard(Keyboard),
    KeyboardAsk(KeyboardAsk),
    ViewerEnd(ViewerEnd),
    Say(Say),
    EndSoon(EndSoon),
    EndStop(EndStop),
}

impl Together {
    pub fn uid(&self) -> Uuid {
        match self {
            Self::Keyboard(Keyboard { uid, .. })
            | Self::KeyboardAsk(KeyboardAsk { uid, .. })
            | Self::ViewerEnd(ViewerEnd { uid, .. })
            | Self::Say(Say { uid, .. })
            | Self::EndSoon(EndSoon { uid, .. })
            | Self::EndStop(EndStop { uid, .. }) => *uid,
        }
    }

    /// Whether its words are such as can be shown.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(&self) -> Result<(), String> {
        match self {
            Self::Keyboard(Keyboard { by, .. })
            | Self::KeyboardAsk(KeyboardAsk { by, .. })
            | Self::ViewerEnd(ViewerEnd { by, .. }) => check_word("by", by.as_deref().unwrap_or_default()),
            Self::EndStop(EndStop { by, .. }) => check_word("by", by),
            Self::Say(Say { by, text, .. }) => {
                check_word("by", by)?;
                if text.trim().is_empty() {
                    return Err("text: some visible characters".to_owned());
                }
                check_text("text", text)
            }
            Self::EndSoon(EndSoon { by, text, after, .. }) => {
                check_word("by", by)?;
                if *after > MAX_AFTER {
                    return Err(format!("after: at most {MAX_AFTER} seconds"));
                }
                check_text("text", text)
            }
        }
    }
}

/// Words that people are shown: bounded, and nothing that moves a cursor or turns the writing round.
///
/// # Errors
/// What is wrong with them, beginning with `name`.
pub fn check_text(name: &str, text: &str) -> Result<(), String> {
    if text.chars().count() > MAX_TEXT {
        return Err(format!("{name}: at most {MAX_TEXT} characters"));
    }
    check_visible(name, text)
}

fn check_word(name: &str, text: &str) -> Result<(), String> {
    if text.len() > MAX_WORD {
        return Err(format!("{name}: at most {MAX_WORD} bytes"));
    }
    check_visible(name, text)
}

fn check_visible(name: &str, text: &str) -> Result<(), String> {
    // Unicode TR 36: direction overrides make words look like others.
    let turns =
        |c: char| matches!(c, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    match text.chars().any(|c| c.is_control() || turns(c)) {
        true => Err(format!("{name}: no line breaks and no control characters")),
        false => Ok(()),
    }
}

impl About {
    /// # Errors
    /// What is wrong with it.
    pub fn check(&self) -> Result<(), String> {
        for (name, word) in [("user", &self.user), ("via", &self.via), ("address", &self.address)] {
            check_word(name, word.as_deref().unwrap_or_default())?;
        }
        Ok(())
    }
}

/// This viewer may type from now on, or not any more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyboardMoved {
    pub session: u32,
    pub viewer: u32,
    pub write: bool,
}

/// This viewer was shown out; nothing follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewerEnded {
    pub session: u32,
    pub viewer: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn say(text: &str) -> Result<(), String> {
        Together::Say(Say { uid: Uuid::nil(), by: "alice".to_owned(), text: text.to_owned() }).check()
    }

    #[test]
    fn words_that_would_reach_a_terminal_are_plain() {
        assert_eq!(say("back in 5 min: 五分钟"), Ok(()));
        for bad in ["", "  ", "a\nb", "\u{1b}[2J", "a\u{7}", "\u{9b}2J", "\u{202e}txt", &"x".repeat(501)] {
            assert!(say(bad).is_err(), "{bad:?}");
        }
        assert_eq!(say(&"中".repeat(500)), Ok(()));
    }

    #[test]
    fn an_end_is_announced_for_minutes_at_most() {
        let end = |after| EndSoon { after, by: "alice".to_owned(), ..EndSoon::default() };
        assert!(Together::EndSoon(end(300)).check().is_ok());
        assert!(Together::EndSoon(end(301)).check().is_err());
    }
}
