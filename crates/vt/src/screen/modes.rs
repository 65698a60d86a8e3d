//! Modes: SM, RM, DECSET, DECRST, and what DECRQM says about them.

use super::Screen;
use crate::grid::Grid;
use crate::parser::csi::Csi;

pub(crate) const APP_CURSOR: u32 = 1;
pub(crate) const APP_KEYPAD: u32 = 1 << 1;
pub(crate) const INSERT: u32 = 1 << 2;
pub(crate) const NEW_LINE: u32 = 1 << 3;
pub(crate) const ORIGIN: u32 = 1 << 4;
pub(crate) const AUTOWRAP: u32 = 1 << 5;
pub(crate) const CURSOR_VISIBLE: u32 = 1 << 6;
pub(crate) const CURSOR_BLINK: u32 = 1 << 7;
pub(crate) const BRACKETED_PASTE: u32 = 1 << 8;
pub(crate) const FOCUS: u32 = 1 << 9;
pub(crate) const ALTERNATE_SCROLL: u32 = 1 << 10;
pub(crate) const SYNCHRONIZED: u32 = 1 << 11;
pub(crate) const REVERSE_VIDEO: u32 = 1 << 12;
pub(crate) const REVERSE_WRAP: u32 = 1 << 13;

/// DEC private modes that are one bit and nothing else.
pub(crate) const PRIVATE_BITS: [(u16, u32); 11] = [
    (1, APP_CURSOR),
    (5, REVERSE_VIDEO),
    (7, AUTOWRAP),
    (12, CURSOR_BLINK),
    (25, CURSOR_VISIBLE),
    (45, REVERSE_WRAP),
    (66, APP_KEYPAD),
    (1004, FOCUS),
    (1007, ALTERNATE_SCROLL),
    (2004, BRACKETED_PASTE),
    (2026, SYNCHRONIZED),
];

const ANSI_BITS: [(u16, u32); 2] = [(4, INSERT), (20, NEW_LINE)];

/// Which mouse events a program wants; one kind at a time.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum MouseTracking {
    #[default]
    Off,
    /// 9: presses only.
    X10,
    /// 1000: presses and releases.
    Buttons,
    /// 1002: and movement while pressed.
    Drag,
    /// 1003: and all movement.
    Motion,
}

pub(crate) const TRACKING: [(u16, MouseTracking); 4] = [
    (9, MouseTracking::X10),
    (1000, MouseTracking::Buttons),
    (1002, MouseTracking::Drag),
    (1003, MouseTracking::Motion),
];

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum MouseEncoding {
    #[default]
    Default,
    /// 1005
    Utf8,
    /// 1006
    Sgr,
    /// 1015
    Urxvt,
    /// 1016
    SgrPixels,
}

pub(crate) const ENCODING: [(u16, MouseEncoding); 4] = [
    (1005, MouseEncoding::Utf8),
    (1006, MouseEncoding::Sgr),
    (1015, MouseEncoding::Urxvt),
    (1016, MouseEncoding::SgrPixels),
];

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct ModeSet {
    bits: u32,
    pub(crate) tracking: MouseTracking,
    pub(crate) encoding: MouseEncoding,
    /// DECSCUSR parameter: 0 default, 1 to 6.
    pub(crate) cursor_style: u8,
}

impl Default for ModeSet {
    fn default() -> Self {
        Self {
            bits: AUTOWRAP | CURSOR_VISIBLE,
            tracking: MouseTracking::Off,
            encoding: MouseEncoding::Default,
            cursor_style: 0,
        }
    }
}

impl ModeSet {
    pub(crate) fn has(self, mode: u32) -> bool {
        self.bits & mode != 0
    }

    pub(crate) fn set(&mut self, mode: u32, on: bool) {
        self.bits = if on { self.bits | mode } else { self.bits & !mode };
    }
}

fn find<T: Copy>(table: &[(u16, T)], number: u16) -> Option<T> {
    table.iter().find(|(n, _)| *n == number).map(|(_, value)| *value)
}

impl Screen {
    /// SM, RM.
    pub(super) fn ansi_modes(&mut self, csi: &Csi, on: bool) {
        for &number in csi.params() {
            if let Some(bit) = find(&ANSI_BITS, number) {
                self.modes.set(bit, on);
            }
        }
    }

    /// DECSET, DECRST.
    pub(super) fn private_modes(&mut self, csi: &Csi, on: bool) {
        for &number in csi.params() {
            self.private_mode(number, on);
        }
    }

    fn private_mode(&mut self, number: u16, on: bool) {
        if let Some(bit) = find(&PRIVATE_BITS, number) {
            self.modes.set(bit, on);
            return;
        }
        if let Some(tracking) = find(&TRACKING, number) {
            self.modes.tracking = if on { tracking } else { MouseTracking::Off };
            return;
        }
        if let Some(encoding) = find(&ENCODING, number) {
            self.modes.encoding = if on { encoding } else { MouseEncoding::Default };
            return;
        }
        match (number, on) {
            (6, _) => {
                self.modes.set(ORIGIN, on);
                let top = if on { self.grid.top } else { 0 };
                self.place(0, top);
            }
            (47 | 1047, true) => self.enter_alternate(),
            (47 | 1047, false) => self.leave_alternate(),
            (1048, true) => self.save_cursor(),
            (1048, false) => self.restore_cursor(),
            (1049, true) => {
                self.save_cursor();
                self.enter_alternate();
            }
            (1049, false) => {
                self.leave_alternate();
                self.restore_cursor();
            }
            _ => {}
        }
    }

    /// The alternate screen starts empty, with its own region and tab stops; the cursor stays
    /// where it is.
    fn enter_alternate(&mut self) {
        if self.primary.is_some() {
            return;
        }
        let mut fresh = Grid::new(self.cols(), self.rows());
        fresh.clear_rows(0, self.rows(), self.fill());
        let primary = std::mem::replace(&mut self.grid, fresh);
        self.primary = Some(Box::new(primary));
        self.keyboard.switch();
        self.cursor.pending = false;
    }

    /// Back to the primary screen; the alternate one is forgotten.
    fn leave_alternate(&mut self) {
        if let Some(primary) = self.primary.take() {
            self.grid = *primary;
            self.keyboard.switch();
            self.keyboard.forget_hidden();
            self.cursor.pending = false;
            self.keep_in_region();
        }
    }

    /// DECSTR (VT510), as far as it concerns us.
    pub(super) fn soft_reset(&mut self) {
        self.grid.reset_region();
        self.pen = super::Pen::default();
        self.grid.saved = crate::grid::Saved::default();
        self.modes.set(INSERT | ORIGIN | APP_CURSOR | APP_KEYPAD, false);
        self.modes.set(AUTOWRAP | CURSOR_VISIBLE, true);
    }

    /// DECRPM value: 0 unknown, 1 set, 2 reset.
    pub(super) fn mode_value(&self, number: u16, private: bool) -> u8 {
        let bits: &[(u16, u32)] = if private { &PRIVATE_BITS } else { &ANSI_BITS };
        let state = if let Some(bit) = find(bits, number) {
            Some(self.has(bit))
        } else if !private {
            None
        } else if let Some(tracking) = find(&TRACKING, number) {
            Some(self.modes.tracking == tracking)
        } else if let Some(encoding) = find(&ENCODING, number) {
            Some(self.modes.encoding == encoding)
        } else {
            match number {
                6 => Some(self.has(ORIGIN)),
                47 | 1047 | 1049 => Some(self.is_alternate()),
                1048 => Some(true),
                _ => None,
            }
        };
        state.map_or(0, |on| if on { 1 } else { 2 })
    }
}
