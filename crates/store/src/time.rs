//! Times as the database holds them: Unix milliseconds.

use jiff::Timestamp;

pub(crate) fn to_row(time: Timestamp) -> i64 {
    time.as_millisecond()
}

/// What no calendar holds was not written by us; it reads as the end of it.
pub(crate) fn from_row(milliseconds: i64) -> Timestamp {
    let end = if milliseconds < 0 { Timestamp::MIN } else { Timestamp::MAX };
    Timestamp::from_millisecond(milliseconds).unwrap_or(end)
}
