//! Which colours a session has changed. Setting them back blindly would undo what the person has chosen
//! for their terminal, so they are set back only when they were set.

/// OSC numbers: palette, foreground, background, cursor; and the number that undoes each.
const UNDONE_BY: [(u8, u8); 4] = [(4, 104), (10, 110), (11, 111), (12, 112)];
/// Longest number that is read.
const NUMBER_MAX: u16 = 999;

/// Looks for `OSC number ; …` that sets a colour, across pieces. A `?` in place of a colour only asks.
#[derive(Debug, Default)]
pub(super) struct Colours {
    state: State,
    changed: [bool; 4],
}

#[derive(Debug, Default, Clone, Copy)]
enum State {
    #[default]
    Text,
    Escape,
    /// In the number.
    Number(u16),
    /// In the index of a palette colour.
    Index(usize),
    /// At the first byte of the colour.
    Value(usize),
}

impl Colours {
    /// True when something new was changed.
    pub(super) fn look(&mut self, output: &[u8]) -> bool {
        let before = self.changed;
        let mut rest = output;
        loop {
            if matches!(self.state, State::Text) {
                let Some(at) = rest.iter().position(|byte| *byte == 0x1b) else { break };
                rest = &rest[at..];
            }
            let Some((byte, tail)) = rest.split_first() else { break };
            self.state = self.step(*byte);
            rest = tail;
        }
        before != self.changed
    }

    fn step(&mut self, byte: u8) -> State {
        match (self.state, byte) {
            (_, 0x1b) => State::Escape,
            (State::Escape, b']') => State::Number(0),
            (State::Number(n), b'0'..=b'9') if n <= NUMBER_MAX => {
                State::Number(n * 10 + u16::from(byte - b'0'))
            }
            (State::Number(n), b';') => match UNDONE_BY.iter().position(|(set, _)| u16::from(*set) == n) {
                Some(0) => State::Index(0),
                Some(which) => State::Value(which),
                None => State::Text,
            },
            (State::Index(which), b';') => State::Value(which),
            (State::Index(which), b'0'..=b'9') => State::Index(which),
            (State::Value(which), _) => {
                self.changed[which] |= byte != b'?';
                State::Text
            }
            _ => State::Text,
        }
    }

    /// What sets back all that was changed.
    pub(super) fn undo(&self) -> Vec<u8> {
        let changed = UNDONE_BY.iter().zip(self.changed).filter(|(_, changed)| *changed);
        changed.flat_map(|((_, undo), _)| format!("\x1b]{undo}\x1b\\").into_bytes()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_that_were_set_are_set_back_and_no_others() {
        let text: &[u8] =
            b"\x1b]0;title\x07\x1b]11;#123456\x07\x1b]10;?\x07\x1b]4;7;?\x07\x1b]4;7;red\x07 \x1b[4;10;11m";
        for cut in 0..text.len() {
            let mut colours = Colours::default();
            colours.look(&text[..cut]);
            colours.look(&text[cut..]);
            assert_eq!(colours.undo(), b"\x1b]104\x1b\\\x1b]111\x1b\\", "cut at {cut}");
        }
    }

    #[test]
    fn questions_and_other_sequences_change_nothing() {
        let mut colours = Colours::default();
        assert!(!colours.look(b"\x1b]11;?\x1b\\\x1b]112\x1b\\\x1b]1337;x=1\x07\x1b]104;1\x07\x1b]4;\x1b\\"));
        assert!(colours.undo().is_empty());
        assert!(colours.look(b"\x1b]12;rgb:00/00/00\x1b\\"));
        assert!(!colours.look(b"\x1b]12;rgb:00/00/00\x1b\\"));
    }
}
