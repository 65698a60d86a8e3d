//! What ptyd and a supervisor tell each other: JSON messages of at most [`MESSAGE_BYTES`] over a
//! SOCK_SEQPACKET pair, where one message is one packet, some with descriptors.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use bastide_policy::Text;
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType,
};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::facts::Decision;
use super::layers::{Layer, Layers};
use super::{Confinement, Profile, Rules};

/// Largest message. A packet must fit the kernel's default socket buffer (212,992 bytes) as a whole.
pub(super) const MESSAGE_BYTES: usize = 128 * 1024;
/// Bytes of argv that a report carries; the decision is always made on all of them.
pub(super) const SHOWN_ARGV_BYTES: usize = 16 * 1024;
/// Arguments that a report carries.
pub(super) const SHOWN_ARGUMENTS: usize = 1024;
/// No message carries more descriptors.
const DESCRIPTORS: usize = 2;

/// What a supervisor is started with; from ptyd, in a sealed memfd.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Job {
    pub(super) program: Program,
    pub(super) profile: Profile,
    pub(super) confinement: Confinement,
    pub(super) rules: Rules,
    /// A held program is refused after this time.
    pub(super) review_limit: Duration,
    /// The session's own program is its entry: not asked of the rules, only of the gate.
    pub(super) entry_is_allowed: bool,
    /// The shell is made to tell its lines, where the session has a `/run` of its own.
    pub(super) tells_lines: bool,
    /// Without these layers nothing is started.
    pub(super) required: Vec<Layer>,
    /// Stay attached from the first notification to the exec, as kernels before 5.19 need it.
    pub(super) attached: bool,
}

/// The program of the session, in the form that system calls take.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Program {
    pub(super) candidates: Vec<Vec<u8>>,
    pub(super) argv: Vec<Vec<u8>>,
    pub(super) environment: Vec<Vec<u8>>,
    pub(super) directory: PathBuf,
    pub(super) cols: u16,
    pub(super) rows: u16,
    pub(super) limits: Vec<(u32, u64, u64)>,
    pub(super) umask: u32,
    /// The control group that it joins.
    pub(super) group: Option<PathBuf>,
    pub(super) home: PathBuf,
    /// uid, gid, groups; `None` stays who we are.
    pub(super) identity: Option<(u32, u32, Vec<u32>)>,
}

/// From a supervisor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Report {
    /// The session's program runs. With it come the master of its terminal and a pidfd. Always the
    /// first message, unless it is `failed`.
    Started { pid: i32, pts: PathBuf, layers: Layers },
    /// There is no session. The last message.
    Failed { step: String, errno: i32, text: String },
    /// A program start was decided.
    Verdict(Verdict),
    /// A program start waits for an answer.
    Held(Held),
    /// A held program start has ended by itself.
    Withdrawn { id: u64 },
    /// What the shell says it is about to run.
    Line { shell: i32, text: String, decision: Decision },
    /// The session's program has ended; others of its tree may still run.
    Exited { code: i32, signal: Option<i32> },
    /// Something that must not happen did.
    Alert { what: String },
}

/// One decided program start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    pub start: Start,
    pub decision: Decision,
    /// Whether the new program was looked at (and, if refused, killed before its first instruction), or
    /// the exec was answered before it began.
    pub loaded: bool,
    /// Digest of the rules that decided.
    pub rules: String,
    /// From the question to the answer, without the time it was held; in µs.
    pub took: u64,
    /// Verdicts since the last report that were not told because nobody read.
    #[serde(default)]
    pub untold: u64,
}

/// A program start as reports show it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Start {
    pub pid: i32,
    pub ppid: i32,
    /// All stages of a pipeline have the same one.
    pub pgid: i32,
    pub uid: u32,
    /// Bytes that are not UTF-8 are written `\xNN`.
    pub argv: Vec<String>,
    /// There was more than `argv` holds.
    pub argv_is_cut: bool,
    pub exe: String,
    pub script: Option<String>,
    pub cwd: String,
}

/// A program start that waits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    /// To answer with.
    pub id: u64,
    pub start: Start,
    pub decision: Decision,
    /// SHA-256 over what will run, in hex: file, arguments, directory, uid. Only exactly that runs after
    /// an approval.
    pub hash: String,
    /// Until it is refused.
    pub limit: Duration,
}

/// To a supervisor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub(super) enum Order {
    /// `hash` as the held start told it.
    Answer { id: u64, hash: String, approve: bool },
    /// With it comes a memfd with [`Rules`].
    Rules,
    /// Whether verdicts are recorded. While they are not, nothing starts.
    Log { takes: bool },
    /// Kill the whole tree.
    End,
}

/// Why a held program does not run, for the person.
pub(super) fn refused_by_reviewer() -> Text {
    Text { en: "not approved".into(), zh: "未获批准".into() }
}

/// The first packet to a supervisor; with it comes the socket that the exit is written to.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Exits {}

/// To the process that supervisors come from: one more. With it come the new one's line and job.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Wanted {}

/// Its answer: the number of the new process, or the errno.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Born {
    pub(super) pid: Result<i32, i32>,
}

/// Two ends of a line, both close-on-exec.
pub(super) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SocketFlags::CLOEXEC;
    Ok(rustix::net::socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, flags, None)?)
}

/// Sends one message; `WouldBlock` when the other side has not read enough.
pub(super) fn send<M: Serialize>(
    socket: &OwnedFd,
    message: &M,
    descriptors: &[BorrowedFd<'_>],
) -> io::Result<()> {
    send_bytes(socket, &serde_json::to_vec(message)?, descriptors)
}

pub(super) fn send_bytes(socket: &OwnedFd, bytes: &[u8], descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    if bytes.len() > MESSAGE_BYTES {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    rustix::net::sendmsg(socket, &[IoSlice::new(bytes)], &mut control, flags)?;
    Ok(())
}

/// The next message and what came with it. `UnexpectedEof`: the other side is gone. `InvalidData`:
/// what came is no message. `buffer` has [`MESSAGE_BYTES`].
pub(super) fn receive<M: DeserializeOwned>(
    socket: impl AsFd,
    buffer: &mut [u8],
    flags: RecvFlags,
) -> io::Result<(M, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = flags | RecvFlags::CMSG_CLOEXEC;
    let got = rustix::net::recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, flags)?;
    let mut descriptors = Vec::new();
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(passed) = message {
            descriptors.extend(passed);
        }
    }
    if got.bytes == 0 {
        return Err(io::ErrorKind::UnexpectedEof.into());
    }
    if got.flags.contains(ReturnFlags::TRUNC) {
        return Err(io::ErrorKind::InvalidData.into());
    }
    let message = serde_json::from_slice(&buffer[..got.bytes])?;
    Ok((message, descriptors))
}
