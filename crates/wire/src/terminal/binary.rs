//! The binary form: what flows (output, snapshots, input) in binary messages that begin with one
//! byte for their kind; what is said about it in small JSON text messages.
//!
//! Positions are the daemon's: raw backend bytes since the session began. A page that lost its
//! connection comes back with `from` = the position after the last byte it has drawn, and with its
//! `client` id, by which the server knows the last input piece it had accepted from it.
//!
//! The query of the address: `client` (letters, digits, hyphens; the same over all connections of
//! one page), `from`, `scrollback` (lines above the screen), `watch=1` (look on, do not type), `fresh=1`
//! (this page has not sent any input yet, so the server knows that it has taken none). A newer
//! connection of the same page ends the older one's right to type.
//!
//! Input pieces are numbered from 1 without gaps, and at most [`super::MAX_PIECES`] may be without an
//! answer. A number that was taken is answered and not taken again; one that leaves a gap is passed
//! over, for it comes again. Close codes: 1000 the session has ended, 1012 the server starts anew, 1013
//! try later, 1008 against the protocol, 4401 not logged in any more, 4403 shown out, 4404 no such session.

use serde::{Deserialize, Serialize};

use uuid::Uuid;

use crate::DecodeError;
use crate::control::CommandNotice;
use crate::session::ViewerInfo;
use crate::ssh::{PresentedKey, PromptKind, Secret};

/// `0x01`, `u64` position (big endian), bytes.
pub(super) const OUTPUT: u8 = 1;
/// `0x02`, `u64` position, `u16` columns, `u16` rows, bytes for a fresh terminal of that size.
pub(super) const SNAPSHOT: u8 = 2;
/// `0x03`, `u32` number of the piece, bytes.
const INPUT: u8 = 3;
/// `0x04`, bytes that stand before those of the snapshot that follows.
pub(super) const PART: u8 = 4;

/// Largest body of a message to the browser: the daemon's frames are no larger, and a longer snapshot
/// goes in parts. A connection keeps room for its largest message as long as it lives.
pub const MAX_BODY: usize = 64 * 1024;

/// Binary messages to the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Downstream<'a> {
    Output {
        pos: u64,
        data: &'a [u8],
    },
    /// `restore` ends here; it began with the parts sent before.
    Snapshot {
        pos: u64,
        cols: u16,
        rows: u16,
        restore: &'a [u8],
    },
    /// Nothing to draw yet: part of the snapshot that follows.
    Part {
        restore: &'a [u8],
    },
}

impl Downstream<'_> {
    pub fn encode(&self) -> Vec<u8> {
        let body = self.body();
        let mut out = self.head(body.len());
        out.extend_from_slice(body);
        out
    }

    /// What the page draws, without the head.
    pub fn body(&self) -> &[u8] {
        match self {
            Self::Output { data, .. } => data,
            Self::Snapshot { restore, .. } | Self::Part { restore } => restore,
        }
    }

    /// Everything before the body, with room for so many bytes after it.
    pub(super) fn head(&self, room: usize) -> Vec<u8> {
        match self {
            Self::Output { pos, .. } => {
                let mut out = Vec::with_capacity(9 + room);
                out.push(OUTPUT);
                out.extend_from_slice(&pos.to_be_bytes());
                out
            }
            Self::Snapshot { pos, cols, rows, .. } => {
                let mut out = Vec::with_capacity(13 + room);
                out.push(SNAPSHOT);
                out.extend_from_slice(&pos.to_be_bytes());
                out.extend_from_slice(&cols.to_be_bytes());
                out.extend_from_slice(&rows.to_be_bytes());
                out
            }
            Self::Part { .. } => {
                let mut out = Vec::with_capacity(1 + room);
                out.push(PART);
                out
            }
        }
    }

    /// Reads what [`Self::encode`] wrote; for clients in Rust and for tests.
    ///
    /// # Errors
    /// `Empty`, `UnknownType`, or `Body` when the head is cut short.
    pub fn read(message: &[u8]) -> Result<Downstream<'_>, DecodeError> {
        let (kind, rest) = message.split_first().ok_or(DecodeError::Empty)?;
        let short =
            || DecodeError::Body { kind: kind.to_string(), why: "message ends in its head".to_owned() };
        if *kind == PART {
            return Ok(Downstream::Part { restore: rest });
        }
        let (pos, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
        let pos = u64::from_be_bytes(*pos);
        match *kind {
            OUTPUT => Ok(Downstream::Output { pos, data: rest }),
            SNAPSHOT => {
                let (cols, rest) = rest.split_first_chunk::<2>().ok_or_else(short)?;
                let (rows, restore) = rest.split_first_chunk::<2>().ok_or_else(short)?;
                Ok(Downstream::Snapshot {
                    pos,
                    cols: u16::from_be_bytes(*cols),
                    rows: u16::from_be_bytes(*rows),
                    restore,
                })
            }
            other => Err(DecodeError::UnknownType(other.to_string())),
        }
    }
}

/// Binary messages from the browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InputPiece<'a> {
    /// Counts up by one for each piece a page sends, from 1; answered by [`ToBrowser::InputOk`].
    pub number: u32,
    pub data: &'a [u8],
}

impl InputPiece<'_> {
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(5 + self.data.len());
        out.push(INPUT);
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(self.data);
        out
    }

    /// # Errors
    /// `Empty`, `UnknownType`, `TooLarge`, or `Body` when the number is cut short.
    pub fn read(message: &[u8]) -> Result<InputPiece<'_>, DecodeError> {
        let (kind, rest) = message.split_first().ok_or(DecodeError::Empty)?;
        if *kind != INPUT {
            return Err(DecodeError::UnknownType(kind.to_string()));
        }
        let (number, data) = rest.split_first_chunk::<4>().ok_or_else(|| DecodeError::Body {
            kind: "input".to_owned(),
            why: "message ends in its number".to_owned(),
        })?;
        if data.len() > super::MAX_INPUT {
            return Err(DecodeError::TooLarge { length: data.len(), limit: super::MAX_INPUT });
        }
        Ok(InputPiece { number: u32::from_be_bytes(*number), data })
    }
}

/// Text messages from the browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromBrowser {
    Resize {
        cols: u16,
        rows: u16,
    },
    /// Everything before `pos` has been drawn: gives credit back.
    Ack {
        pos: u64,
    },
    /// `t` comes back in the `pong`, for the round-trip time.
    Ping {
        t: Millis,
    },
    /// Drops the input that is still waiting for the program to read. Its pieces are answered as
    /// taken, or refused when the daemon had refused them before.
    CancelInput {},
    /// An answer to a `prompt`; neither `answer` nor `accept` refuses.
    PromptReply {
        prompt_id: Uuid,
        #[serde(default)]
        answer: Option<Secret>,
        #[serde(default)]
        accept: bool,
    },
}

/// Milliseconds on the page's own clock; only ever sent back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Millis(pub u64);

impl FromBrowser {
    /// # Errors
    /// `TooLarge`, or `Body` in words.
    pub fn read(text: &str) -> Result<Self, DecodeError> {
        if text.len() > super::MAX_MESSAGE {
            return Err(DecodeError::TooLarge { length: text.len(), limit: super::MAX_MESSAGE });
        }
        serde_json::from_str(text)
            .map_err(|e| DecodeError::Body { kind: "websocket".to_owned(), why: e.to_string() })
    }
}

/// Text messages to the browser.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ToBrowser {
    /// The first message: output goes on at `pos`; when `resumed` is false a snapshot comes next.
    Hello {
        session: String,
        pos: u64,
        resumed: bool,
        write: bool,
        /// Number of the last input piece taken from this `client`. Pieces after it are to be sent
        /// again, 0: all. `null`: the server does not know. Then what was sent before is not to be sent
        /// again, and numbers begin at 1.
        input: Option<u32>,
    },
    InputOk {
        number: u32,
    },
    /// The piece and all after it were not taken. `LIMIT_REACHED`: the program does not read; sending
    /// them again waits on.
    InputRefused {
        number: u32,
        code: String,
        message: String,
    },
    Resized {
        pos: u64,
        cols: u16,
        rows: u16,
    },
    /// Output was left out; a snapshot follows.
    Lagged {
        pos: u64,
    },
    Notice {
        kind: String,
        text: String,
        /// Of kind `command`: `level`, `zh`, `review`.
        #[serde(flatten)]
        command: Option<Box<CommandNotice>>,
    },
    /// Who is there, and what that means for this page; also when it may type from now on, or not any more.
    Viewers {
        viewers: Vec<ViewerInfo>,
        write: bool,
        /// This page among them.
        you: Option<u64>,
    },
    Exit {
        code: i32,
        signal: Option<i32>,
    },
    /// The session daemon is not reachable; the server tries again by itself.
    Waiting {
        reason: String,
    },
    Pong {
        t: Millis,
    },
    Error {
        code: String,
        message: String,
    },
    /// `prompt` and `prompt_closed`.
    #[serde(untagged)]
    Question(Question),
}

/// Questions to whoever may type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Question {
    /// Sent again after a reconnect while it is open. `expires`: RFC 3339.
    Prompt {
        prompt_id: Uuid,
        kind: PromptKind,
        server: String,
        text: String,
        echo: bool,
        expires: String,
        key: Option<PresentedKey>,
    },
    PromptClosed {
        prompt_id: Uuid,
    },
}
