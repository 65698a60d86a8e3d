//! State beside the grid: title, working directory, colours, keyboard protocols.

use std::collections::BTreeMap;

use crate::config::{Palette, Rgb};
use crate::parser::csi::Csi;

/// Titles saved by `CSI 22 t` at most; the oldest goes first (xterm.js keeps as many).
const MAX_TITLES: usize = 10;
/// Characters of a title that are kept.
const MAX_TITLE: usize = 1024;
/// Entries of a keyboard stack; the oldest goes first, as the kitty specification wants.
const MAX_KEYBOARD_STACK: usize = 16;

/// Keys of the changed colours after the 256 indexed ones.
pub(crate) const FOREGROUND: u16 = 256;
pub(crate) const BACKGROUND: u16 = 257;
pub(crate) const CURSOR: u16 = 258;

/// The directory a shell reported (OSC 7).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Directory {
    /// As it came: printable ASCII.
    pub(crate) url: String,
    /// The path in it, decoded.
    pub(crate) path: String,
}

#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Window {
    pub(crate) title: Option<String>,
    pub(crate) titles: Vec<Option<String>>,
    pub(crate) directory: Option<Directory>,
    /// Colours that a program changed.
    pub(crate) colours: BTreeMap<u16, Rgb>,
}

impl Window {
    /// Returns whether the title changed.
    pub(crate) fn set_title(&mut self, title: &str) -> bool {
        let title: String = title.chars().filter(|c| !c.is_control()).take(MAX_TITLE).collect();
        let changed = self.title.as_deref() != Some(title.as_str());
        self.title = Some(title);
        changed
    }

    /// `CSI 22 t` and `CSI 23 t`: save and restore the title. The icon's name is not kept.
    pub(super) fn csi(&mut self, csi: &Csi) {
        if csi.get(1, 0) == 1 {
            return;
        }
        match csi.get(0, 0) {
            22 => {
                if self.titles.len() == MAX_TITLES {
                    self.titles.remove(0);
                }
                self.titles.push(self.title.clone());
            }
            23 => {
                if let Some(title) = self.titles.pop() {
                    self.title = title;
                }
            }
            _ => {}
        }
    }

    pub(crate) fn colour(&self, key: u16, palette: &Palette) -> Rgb {
        let base = match key {
            FOREGROUND => palette.foreground,
            BACKGROUND => palette.background,
            CURSOR => palette.cursor,
            index => palette.indexed[usize::from(index) & 0xff],
        };
        self.colours.get(&key).copied().unwrap_or(base)
    }
}

/// Kitty keyboard flags (<https://sw.kovidgoyal.net/kitty/keyboard-protocol/>) of one screen.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct KeyStack {
    pub(crate) flags: u8,
    pub(crate) below: Vec<u8>,
}

impl KeyStack {
    fn push(&mut self, flags: u8) {
        if self.below.len() == MAX_KEYBOARD_STACK {
            self.below.remove(0);
        }
        self.below.push(self.flags);
        self.flags = flags;
    }

    fn pop(&mut self, count: usize) {
        for _ in 0..count.min(MAX_KEYBOARD_STACK + 1) {
            self.flags = self.below.pop().unwrap_or(0);
        }
    }
}

/// What programs asked of the keyboard. We only remember it: viewers encode keys.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Keyboard {
    pub(crate) current: KeyStack,
    /// The other screen's.
    pub(crate) hidden: KeyStack,
    /// XTMODKEYS modifyOtherKeys, 0 to 2.
    pub(crate) modify_other: u8,
}

impl Keyboard {
    pub(super) fn switch(&mut self) {
        std::mem::swap(&mut self.current, &mut self.hidden);
    }

    pub(super) fn forget_hidden(&mut self) {
        self.hidden = KeyStack::default();
    }

    pub(super) fn csi(&mut self, csi: &Csi) {
        let flags = (csi.get(0, 0) & 0x1f) as u8;
        let keys = &mut self.current;
        match (csi.prefix, csi.action) {
            (b'=', b'u') => {
                keys.flags = match csi.get(1, 1) {
                    2 => keys.flags | flags,
                    3 => keys.flags & !flags,
                    _ => flags,
                }
            }
            (b'>', b'u') => keys.push(flags),
            (b'<', b'u') => keys.pop(csi.count()),
            (b'>', b'm') if csi.get(0, 0) == 4 => self.modify_other = csi.get(1, 0).min(2) as u8,
            (b'>', b'm') if csi.params().is_empty() => self.modify_other = 0,
            (b'>', b'n') if csi.get(0, 0) == 4 => self.modify_other = 0,
            _ => {}
        }
    }
}
