//! What a session can be asked to do.

use std::sync::Arc;

use bastide_policy::Bundle;
use bastide_pty::Signal;
use bastide_wire::SessionInfo;
use bastide_wire::control::{ReviewReply, Text};
use bastide_wire::ssh::Secret;
use bastide_wire::together::{About, Together};
use bytes::Bytes;
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::outbox::{Outbox, Responder};
use crate::viewer::ViewerKey;

/// Who asks: the connection, and the name it gave itself.
#[derive(Debug, Clone)]
pub struct Requester {
    pub connection: u64,
    pub client: Option<String>,
    pub outbox: Outbox,
    /// It can be asked what only a person can answer.
    pub prompts: bool,
}

#[derive(Debug)]
pub struct Attach {
    /// The connection that gets what follows.
    pub requester: Requester,
    /// Usually of the same connection; of its control socket for a client that has two.
    pub reply: Responder,
    /// Absent for a client of the first protocol.
    pub viewer: Option<u32>,
    pub write: bool,
    pub scrollback: usize,
    pub from: Option<u64>,
    pub credit: Option<u32>,
    /// Who it is; absent for a client that knows nothing of several people in one session.
    pub about: Option<About>,
}

#[derive(Debug)]
pub struct Input {
    pub connection: u64,
    /// The viewer that types; absent where a client writes without naming one.
    pub viewer: Option<u32>,
    pub data: Bytes,
    pub reply: Responder,
    /// Our own clients wait for the program to read; others are refused at once.
    pub patient: bool,
}

#[derive(Debug)]
pub struct Resize {
    pub connection: u64,
    pub viewer: Option<u32>,
    pub cols: u16,
    pub rows: u16,
    pub reply: Responder,
}

/// A viewer's progress: output before a position, or the mere fact that it reads.
#[derive(Debug, Clone, Copy)]
pub struct Acknowledge {
    pub key: ViewerKey,
    pub pos: Option<u64>,
}

/// What a person said to a question: neither text nor `accept` refuses.
#[derive(Debug)]
pub struct PromptAnswer {
    pub text: Option<Secret>,
    pub accept: bool,
}

#[derive(Debug)]
pub struct PromptReply {
    pub key: ViewerKey,
    pub prompt_id: Uuid,
    pub answer: PromptAnswer,
    pub reply: Responder,
}

/// Who goes.
#[derive(Debug)]
pub enum Leave {
    Viewer(ViewerKey, Option<Responder>),
    /// The connection is gone, and all its viewers with it.
    Connection(u64),
}

/// What is to become of the lines above the screen.
#[derive(Debug)]
pub enum Scrollback {
    Clear(Responder),
    /// Keep this many and give the rest back.
    Keep(usize),
}

/// What it looks like, without becoming a viewer.
#[derive(Debug)]
pub enum Look {
    /// With so many lines above the screen.
    Snapshot(usize, Responder),
    Describe(oneshot::Sender<SessionInfo>),
}

/// About the session's commands.
#[derive(Debug)]
pub enum Controlling {
    /// Other rules; answered with whether they hold, `None` where the session has none.
    Rules(Arc<Bundle>, oneshot::Sender<Option<Result<(), String>>>),
    Decide(ReviewReply, Responder),
    /// By a viewer, or for somebody that the caller answers for.
    Cancel {
        review: Uuid,
        viewer: Option<ViewerKey>,
        by: String,
        reply: Responder,
    },
}

/// Why a session ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EndReason {
    /// Its program ended by itself.
    Exited,
    /// `kill`: at once, and gone from the list.
    Killed,
    /// `end`, with the words of who asked.
    Ended(String),
    Idle,
    Lifetime,
    Expired,
    /// Nobody came back within `detach_keep`.
    Left,
    RecordingFailed,
    /// There never was a shell on the other machine; why, in words that begin with the step.
    ConnectFailed(String),
    /// The connection to the other machine broke.
    ConnectionLost(String),
    Shutdown,
}

impl EndReason {
    /// A word for the log.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Exited => "exited",
            Self::Killed => "killed",
            Self::Ended(_) => "ended",
            Self::Idle => "idle_timeout",
            Self::Lifetime => "max_lifetime",
            Self::Expired => "expired",
            Self::Left => "detach_keep",
            Self::RecordingFailed => "recording_failed",
            Self::ConnectFailed(_) => "ssh_failed",
            Self::ConnectionLost(_) => "ssh_lost",
            Self::Shutdown => "shutdown",
        }
    }

    /// More about it for the log.
    pub fn words(&self) -> Option<&str> {
        match self {
            Self::Ended(words) => Some(words),
            _ => self.connection(),
        }
    }

    /// What became of the connection to another machine.
    pub(crate) fn connection(&self) -> Option<&str> {
        match self {
            Self::ConnectFailed(why) | Self::ConnectionLost(why) => Some(why),
            _ => None,
        }
    }

    /// A sentence for the people at the terminal; none when the program ended by itself.
    pub(crate) fn notice(&self) -> Option<Text> {
        let text = |en: &str, zh: &str| Text { en: en.to_owned(), zh: zh.to_owned() };
        Some(match self {
            Self::Exited | Self::Killed | Self::ConnectFailed(_) | Self::ConnectionLost(_) => return None,
            Self::Ended(why) if why.is_empty() => text("this session was ended", "会话已被结束"),
            Self::Ended(why) => Text {
                en: format!("this session was ended: {why}"),
                zh: format!("会话已被结束: {why}"),
            },
            Self::Idle => text("this session was idle for too long and ends", "会话空闲超时，即将结束"),
            Self::Lifetime => {
                text("this session has reached its longest lifetime and ends", "会话已达最长时限，即将结束")
            }
            Self::Expired => {
                text("the right to this session has expired; it ends", "会话授权已过期，即将结束")
            }
            Self::Left => text("nobody came back to this session; it ends", "无人返回，会话即将结束"),
            Self::RecordingFailed => text(
                "this session must be recorded and its recording cannot be written; it ends",
                "会话必须录像，而录像无法写入，即将结束",
            ),
            Self::Shutdown => text("the session daemon is shutting down", "会话守护进程正在关闭"),
        })
    }

    /// The same some time before; none for ends that nobody knows of then.
    pub(crate) fn soon(&self, seconds: u64) -> Option<Text> {
        let (en, zh) = match self {
            Self::Ended(why) => (why.as_str(), why.as_str()),
            Self::Idle => (
                "nobody types here and nothing is printed; press a key to stay",
                "无输入输出，按任意键可继续",
            ),
            Self::Lifetime => ("it reaches its longest lifetime", "将达最长时限"),
            Self::Expired => ("the right to it expires", "授权即将过期"),
            _ => return None,
        };
        Some(Text {
            en: format!("this session ends in {seconds} s: {en}"),
            zh: format!("会话将在 {seconds} 秒后结束: {zh}"),
        })
    }
}

#[derive(Debug)]
pub enum Command {
    Attach(Box<Attach>),
    Leave(Leave),
    Input(Input),
    Resize(Resize),
    Signal(Signal, Responder),
    Scrollback(Scrollback),
    /// Boxed: it is rare and large.
    Control(Box<Controlling>),
    Acknowledge(Acknowledge),
    Look(Look),
    /// Boxed: it is rare and large.
    PromptReply(Box<PromptReply>),
    /// What people in it do to one another. Boxed: it is rare and large.
    Together(Box<Together>, Responder),
    End {
        reason: EndReason,
        /// All processes of the session have been signalled already.
        swept: bool,
        reply: Option<Responder>,
    },
}
