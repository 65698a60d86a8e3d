//! The JSON form: `input`, `resize`, `ping`, `close` in; `output`, `error`, `close`, `pong` out,
//! each with `data` and `timestamp` (Unix milliseconds).

use serde::{Deserialize, Serialize};

use super::MAX_MESSAGE;
use crate::DecodeError;

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromBrowser {
    Input { data: String },
    Resize { rows: u16, cols: u16 },
    Ping {},
    Close {},
}

impl FromBrowser {
    /// Reads one text message.
    ///
    /// # Errors
    /// `TooLarge`, or `Body` in words for the person who wrote the client.
    pub fn read(text: &str) -> Result<Self, DecodeError> {
        if text.len() > MAX_MESSAGE {
            return Err(DecodeError::TooLarge { length: text.len(), limit: MAX_MESSAGE });
        }
        serde_json::from_str(text)
            .map_err(|e| DecodeError::Body { kind: "websocket".to_owned(), why: e.to_string() })
    }
}

/// The `type` of a message to the browser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Output,
    Error,
    Close,
    Pong,
    /// Words for the person that are not the terminal's output.
    Warning,
}

#[derive(Debug, Serialize)]
pub struct ToBrowser<'a> {
    #[serde(rename = "type")]
    pub kind: Kind,
    pub data: &'a str,
    /// Unix milliseconds.
    pub timestamp: i64,
}

/// Turns a byte stream into text without ever splitting a character: the incomplete end of one
/// chunk waits for the next, bytes that are no UTF-8 become U+FFFD.
#[derive(Debug, Default)]
pub struct Utf8Stream {
    pending: Vec<u8>,
}

impl Utf8Stream {
    /// The text of `bytes`, with what was pending before it.
    pub fn push(&mut self, bytes: &[u8]) -> String {
        let mut all = std::mem::take(&mut self.pending);
        all.extend_from_slice(bytes);
        let mut text = String::with_capacity(all.len());
        let mut rest = all.as_slice();
        loop {
            match std::str::from_utf8(rest) {
                Ok(valid) => {
                    text.push_str(valid);
                    return text;
                }
                Err(e) => {
                    let (valid, after) = rest.split_at(e.valid_up_to());
                    text.push_str(std::str::from_utf8(valid).unwrap_or_default());
                    let Some(bad) = e.error_len() else {
                        self.pending = after.to_vec();
                        return text;
                    };
                    text.push(char::REPLACEMENT_CHARACTER);
                    rest = &after[bad..];
                }
            }
        }
    }
}
