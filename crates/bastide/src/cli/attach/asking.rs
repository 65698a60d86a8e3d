//! Questions of a session whose shell is still being dialled, asked and answered on the terminal. There is no
//! program yet whose screen they could disturb.

use std::collections::VecDeque;

use bastide_ptyd_client::{Answer, Prompt, PromptKind, Secret};
use uuid::Uuid;

use crate::cli::list;

/// Longer than any password or one-time code.
const LONGEST: usize = 4096;
const CTRL_C: u8 = 0x03;
const CTRL_D: u8 = 0x04;
const ERASE_LINE: u8 = 0x15;

/// What is open, the first of it on the screen; and the last that was said about the connection.
#[derive(Debug, Default)]
pub(super) struct Asking {
    open: VecDeque<Prompt>,
    typed: Vec<u8>,
    /// For when there is no other word about how it came out.
    pub(super) said: Option<String>,
    /// Something of all this stands where the program's screen will be.
    pub(super) wrote: bool,
}

impl Asking {
    pub(super) fn is_open(&self) -> bool {
        !self.open.is_empty()
    }

    /// What to show.
    pub(super) fn asked(&mut self, prompt: Prompt) -> String {
        self.open.push_back(prompt);
        if self.open.len() == 1 { self.show() } else { String::new() }
    }

    /// It needs no answer any more: somebody else has answered, or it is too late.
    pub(super) fn closed(&mut self, id: Uuid) -> String {
        let shown = self.open.front().is_some_and(|prompt| prompt.prompt_id == id);
        self.open.retain(|prompt| prompt.prompt_id != id);
        if !shown {
            return String::new();
        }
        self.typed.clear();
        format!("\r\n[no answer is needed any more]\r\n{}", self.show())
    }

    /// Takes what was typed: what to show of it, and the answer when the line is complete.
    pub(super) fn typed(&mut self, bytes: &[u8]) -> (String, Option<(Uuid, Answer)>) {
        let mut shown = String::new();
        for byte in bytes {
            let Some(prompt) = self.open.front() else { break };
            let echo = prompt.echo || prompt.kind == PromptKind::HostKey;
            match byte {
                b'\r' | b'\n' => {
                    shown.push_str("\r\n");
                    let answer = self.answer();
                    // What was typed in the same moment belongs to no question yet.
                    return (shown + &self.show(), answer);
                }
                &CTRL_C | &CTRL_D => {
                    self.typed.clear();
                    let refused = self.open.pop_front().map(|prompt| (prompt.prompt_id, Answer::Refuse));
                    shown.push_str("\r\n");
                    return (shown + &self.show(), refused);
                }
                &ERASE_LINE => {
                    let count = String::from_utf8_lossy(&self.typed).chars().count();
                    if echo {
                        shown.push_str(&"\x08 \x08".repeat(count));
                    }
                    self.typed.clear();
                }
                0x08 | 0x7f => {
                    if !self.typed.is_empty() {
                        // A character, not a byte of it.
                        while self.typed.pop().is_some_and(|byte| byte & 0xc0 == 0x80) {}
                        if echo {
                            shown.push_str("\x08 \x08");
                        }
                    }
                }
                byte if byte.is_ascii_control() || self.typed.len() >= LONGEST => shown.push('\x07'),
                byte => {
                    self.typed.push(*byte);
                    if echo && byte.is_ascii() {
                        shown.push(char::from(*byte));
                    }
                }
            }
        }
        (shown, None)
    }

    fn answer(&mut self) -> Option<(Uuid, Answer)> {
        let typed = Secret::new(String::from_utf8_lossy(&std::mem::take(&mut self.typed)));
        let prompt = self.open.pop_front()?;
        let answer = match prompt.kind {
            PromptKind::HostKey => match typed.expose().trim().to_lowercase().as_str() {
                "yes" | "y" => Answer::Accept,
                _ => Answer::Refuse,
            },
            _ => Answer::Text(typed),
        };
        Some((prompt.prompt_id, answer))
    }

    /// The question that is first now.
    fn show(&self) -> String {
        let Some(prompt) = self.open.front() else { return String::new() };
        let mut text = String::from("\r\n");
        if let Some(key) = &prompt.key {
            let place = format!("{} ({}:{})", prompt.server, key.host, key.port);
            let place = list::printable(&place);
            let (algorithm, fingerprint) =
                (list::printable(&key.algorithm), list::printable(&key.fingerprint));
            text += &format!("The host key of {place} is not known here yet.\r\n");
            text += &format!("{algorithm} key: {fingerprint}\r\n");
            text += "Is it the right one (yes/no)? ";
            return text;
        }
        text += &format!("[{}]\r\n", list::printable(&prompt.server));
        let lines: Vec<String> = prompt.text.lines().map(list::printable).collect();
        text += &lines.join("\r\n");
        if !text.ends_with([' ', '\n']) {
            text.push(' ');
        }
        text
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn prompt(kind: PromptKind, echo: bool) -> Prompt {
        Prompt {
            session: 1,
            viewer: 1,
            prompt_id: Uuid::new_v4(),
            uid: Uuid::nil(),
            kind,
            server: "db1".into(),
            text: "Password:".into(),
            echo,
            expires: String::new(),
            key: None,
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        let mut asking = Asking::default();
        assert!(asking.asked(prompt(PromptKind::Password, false)).contains("Password: "));
        let (shown, answer) = asking.typed(b"ab\x7fc\r");
        assert_eq!(shown, "\r\n");
        assert_eq!(answer.unwrap().1, Answer::Text(Secret::new("ac")));
        assert!(!asking.is_open());
    }

    #[test]
    fn only_yes_accepts_a_key() {
        for (typed, accepts) in [("yes\r", true), ("Y\r", true), ("\r", false), ("yesterday\r", false)] {
            let mut asking = Asking::default();
            asking.asked(prompt(PromptKind::HostKey, true));
            let (_, answer) = asking.typed(typed.as_bytes());
            assert_eq!(answer.unwrap().1 == Answer::Accept, accepts, "{typed:?}");
        }
    }

    #[test]
    fn ctrl_c_refuses_and_the_next_question_comes() {
        let mut asking = Asking::default();
        asking.asked(prompt(PromptKind::Question, true));
        assert_eq!(asking.asked(prompt(PromptKind::Password, false)), "");
        let (shown, answer) = asking.typed(b"12\x03");
        assert_eq!(answer.unwrap().1, Answer::Refuse);
        assert!(shown.starts_with("12\r\n") && shown.contains("Password:"), "{shown:?}");
        let second = asking.open.front().unwrap().prompt_id;
        assert!(asking.closed(second).contains("no answer"));
        assert!(!asking.is_open());
    }
}
