//! What feeding bytes causes outside the screen.

/// What kind of question a program asked.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum QueryKind {
    /// DA1, `CSI c`.
    PrimaryAttributes,
    /// DA2, `CSI > c`.
    SecondaryAttributes,
    /// DA3, `CSI = c`.
    TertiaryAttributes,
    /// DSR, `CSI 5 n`.
    Status,
    /// CPR, `CSI 6 n`.
    CursorPosition,
    /// DECXCPR, `CSI ? 6 n`.
    ExtendedCursorPosition,
    /// DECRQM, `CSI [?] n $ p`.
    Mode,
    /// XTVERSION, `CSI > q`.
    Version,
    /// `OSC 4/10/11/12 ; … ; ?`.
    Colour,
    /// Kitty keyboard flags, `CSI ? u`.
    Keyboard,
    /// DECRQSS and XTGETTCAP, `DCS $ q`, `DCS + q`.
    Setting,
    /// Size of the text area in characters, `CSI 18 t`.
    TextArea,
}

/// A question and our answer, which belongs into the program's input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Query {
    /// What was asked.
    pub kind: QueryKind,
    /// The answer, right for the state at the byte where the question ended.
    pub reply: Vec<u8>,
}

/// What happened while bytes were fed. The caller keeps one and clears it after use.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Effects {
    /// Questions, in order. Their number is bounded by the bytes fed: the shortest question has
    /// two.
    pub queries: Vec<Query>,
    /// The title was set.
    pub title_changed: bool,
    /// The working directory was reported.
    pub cwd_changed: bool,
    /// The bell rang.
    pub bell: bool,
}

impl Effects {
    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.queries.clear();
        self.title_changed = false;
        self.cwd_changed = false;
        self.bell = false;
    }
}
