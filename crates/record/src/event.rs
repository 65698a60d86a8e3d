//! One event of a recording.

use std::time::Duration;

/// Something that happened in the recorded terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Since the start of the recording, in whole microseconds.
    pub time: Duration,
    pub kind: Kind,
}

/// What happened, with the event code of the format.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Kind {
    /// `o`: written to the terminal.
    Output(String),
    /// `i`: typed into it.
    Input(String),
    /// `m`: a named point in time.
    Marker(String),
    /// `r`: a new size.
    Resize { cols: u16, rows: u16 },
    /// `x`: the end of the recorded program, with its exit status.
    Exit(i32),
    /// A code that this version does not know, or a known one with data of another shape, kept as it is.
    Other { code: String, data: serde_json::Value },
}
