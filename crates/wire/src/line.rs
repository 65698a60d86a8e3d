//! Line mode over a WebSocket: `/ws/terminal/{device_id}`. JSON messages, each with its `type`.
//!
//! To the server: `connect`, `command`, `get_history`, `interrupt`, `ping`. To the client: `terminal_connected`,
//! `terminal_error`, `command_start`, `command_review`, `command_chunk`, `command_output`, `command_history`, `pong`;
//! each carries `session_id`, which is null as long as there is no session.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::DecodeError;

/// Largest message that is taken. A longer line than runs is refused with a message, not with the connection.
pub const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// From the client. Fields that are not known are ignored.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromClient {
    /// Logs in there. A `command` does so by itself.
    Connect {
        /// The server's default one when absent.
        #[serde(default)]
        credential_id: Option<i64>,
    },
    Command {
        command: String,
        /// Output is told as it comes, in `command_chunk`, and not again at the end.
        #[serde(default)]
        stream: Option<bool>,
        /// Seconds.
        #[serde(default)]
        timeout: Option<u64>,
    },
    GetHistory {},
    /// Ctrl-C: of what runs, of what waits for approval, and of the commands behind it.
    #[serde(alias = "cancel")]
    Interrupt {},
    Ping {},
}

impl FromClient {
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

/// A message to the client.
#[derive(Debug, Serialize)]
pub struct ToClient<'a> {
    #[serde(flatten)]
    pub what: Told<'a>,
    pub session_id: Option<Uuid>,
}

/// What is told.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Told<'a> {
    TerminalConnected {
        device_id: i64,
        message: &'a str,
        /// What stands before a line.
        prompt: &'a str,
    },
    /// The connection goes on.
    TerminalError {
        error: &'a str,
    },
    CommandStart {
        command: &'a str,
    },
    /// It waits for a second person.
    CommandReview {
        command: &'a str,
        review: Waits<'a>,
    },
    CommandChunk {
        command: &'a str,
        stream: Stream,
        data: &'a str,
    },
    CommandOutput {
        command: &'a str,
        output: &'a str,
        status: Status,
        #[serde(flatten)]
        ended: Ended<'a>,
    },
    /// The oldest first.
    CommandHistory {
        history: Vec<&'a str>,
    },
    Pong {},
}

/// For what a command waits.
#[derive(Debug, Serialize)]
pub struct Waits<'a> {
    pub id: Uuid,
    pub rule: Option<&'a str>,
    /// RFC 3339, UTC: refused then.
    pub expires: String,
    /// For whom, in English and Chinese.
    pub message: Words,
}

/// The same in two languages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Words {
    pub en: String,
    pub zh: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stream {
    Stdout,
    Stderr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It exited with status 0.
    Success,
    Error,
}

/// How a command ended, beside its output.
#[derive(Debug, Default, Serialize)]
pub struct Ended<'a> {
    pub exit_status: Option<u32>,
    /// Without `SIG`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signal: Option<&'a str>,
    /// Why it did not run, or not to its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<&'a str>,
    /// The rules, or whoever had to approve it, said no.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<Words>,
    /// More was written than `output` holds.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// What stands before the next line.
    pub prompt: &'a str,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn messages_of_the_earlier_clients_are_read() {
        let read = |text: &str| FromClient::read(text).unwrap();
        assert_eq!(read(r#"{"type":"connect"}"#), FromClient::Connect { credential_id: None });
        let command = FromClient::Command { command: "ls".to_owned(), stream: None, timeout: None };
        assert_eq!(read(r#"{"type":"command","command":"ls","session_id":"x"}"#), command);
        assert_eq!(read(r#"{"type":"get_history"}"#), FromClient::GetHistory {});
        assert_eq!(read(r#"{"type":"cancel"}"#), FromClient::Interrupt {});
        for bad in ["", "{}", "[]", r#"{"type":"command"}"#, r#"{"type":"command","command":7}"#, "\u{0}"] {
            assert!(FromClient::read(bad).is_err(), "{bad:?}");
        }
        assert!(matches!(FromClient::read(&" ".repeat(MAX_MESSAGE + 1)), Err(DecodeError::TooLarge { .. })));
    }

    #[test]
    fn every_reply_names_its_session() {
        let told = ToClient {
            what: Told::CommandOutput {
                command: "ls",
                output: "a\n",
                status: Status::Success,
                ended: Ended { exit_status: Some(0), prompt: "> ", ..Ended::default() },
            },
            session_id: Some(Uuid::nil()),
        };
        let text = serde_json::to_string(&told).unwrap();
        assert_eq!(
            text,
            r#"{"type":"command_output","command":"ls","output":"a\n","status":"success","exit_status":0,"prompt":"> ","session_id":"00000000-0000-0000-0000-000000000000"}"#
        );
        let pong = serde_json::to_string(&ToClient { what: Told::Pong {}, session_id: None }).unwrap();
        assert_eq!(pong, r#"{"type":"pong","session_id":null}"#);
    }
}
