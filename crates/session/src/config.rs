//! Limits of one session. Each is a number with a reason, settable in the daemon's configuration.

/// Limits that every session of a daemon shares.
#[derive(Debug, Clone)]
pub struct Config {
    /// Lines kept above the screen.
    pub scrollback_lines: usize,
    /// Chunks that may wait for a viewer of the first protocol before it counts as full.
    pub flow_max_chunks: usize,
    /// Chunks from which on such a viewer is warned.
    pub flow_threshold: usize,
    /// Bytes that may wait for any viewer before it counts as full.
    pub viewer_queue_bytes: usize,
    /// Bytes typed that may wait for the program to read them.
    pub input_queue_bytes: usize,
    /// How long a person may take to answer a question.
    pub answer_within: std::time::Duration,
    /// How long before an end that is known people are told of it.
    pub ending_notice: std::time::Duration,
    /// What the ends of sessions go by.
    pub clock: crate::Clock,
    /// The program that supervises gated sessions.
    pub supervisor: bastide_pty::gate::Supervisor,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            scrollback_lines: 10_000,
            flow_max_chunks: 16_384,
            flow_threshold: 4096,
            viewer_queue_bytes: 2_000_000,
            input_queue_bytes: 2_000_000,
            answer_within: ANSWER_WITHIN,
            ending_notice: ENDING_NOTICE,
            clock: crate::Clock::default(),
            supervisor: bastide_pty::gate::Supervisor::this(),
        }
    }
}

/// Raw output kept for viewers that come back or fall behind. The contract promises this much.
pub(crate) const RING_BYTES: usize = 256 * 1024;

/// Output taken from the backend in one turn. Small enough that fifty echoing sessions do not feel
/// a flood beside them, large enough that a flood is not all overhead.
pub(crate) const TURN_BYTES: usize = 64 * 1024;

/// A turn with so much output is part of a flood. After each such turn others of the thread go first:
/// whoever types beside a flood waits for one turn of it at most.
pub(crate) const FLOOD_BYTES: usize = 16 * 1024;

/// Commands that may wait for a session. It takes them all in every turn, so this is reached only
/// while it feeds one turn's output to its screen.
pub(crate) const COMMANDS: usize = 256;

/// So long an input is a key or a few, whose echo is on its way at once.
pub(crate) const KEY_BYTES: usize = 64;

/// The reply to a key waits so long for output to go with: one message to the client instead of two, which it
/// would be woken for each. An echo on this machine comes within a tenth of it.
pub(crate) const REPLY_WITH_OUTPUT: std::time::Duration = std::time::Duration::from_millis(2);

/// Input frames that may wait for room in the queue, with their replies held back.
pub(crate) const WAITING_INPUTS: usize = 64;

/// How long such a frame waits before it is refused.
pub(crate) const INPUT_WAIT: std::time::Duration = std::time::Duration::from_secs(5);

/// A pacing viewer with a full queue that makes no progress for this long stops pacing.
pub(crate) const PACE_PATIENCE: std::time::Duration = std::time::Duration::from_secs(2);

/// How long programs may take to end after a hang-up before they are killed. With the way to here, a session whose
/// right was taken away is over within a second also where its program does not heed the hang-up.
pub(crate) const END_GRACE: std::time::Duration = std::time::Duration::from_millis(750);

/// How long an ended session can still be attached to, to see its last screen and exit code.
pub(crate) const ENDED_KEEP: std::time::Duration = std::time::Duration::from_secs(300);

/// Viewers of one session. More than a class of people watching; a bound against mistakes.
pub(crate) const VIEWERS: usize = 256;

/// Credit of a viewer that names none.
pub(crate) const DEFAULT_CREDIT: u32 = 256 * 1024;

/// Bytes still read after the program has ended, from others that keep the terminal open. More than ever waits
/// for the reader of a shell on another machine.
pub(crate) const DRAIN_BYTES: usize = 2 * 1024 * 1024;

/// How long the last reports of a supervisor are waited for when its program has ended: they are on their way.
pub(crate) const LAST_REPORTS: std::time::Duration = std::time::Duration::from_secs(1);

/// Lines of scrollback in a snapshot of the first protocol.
pub(crate) const SEED_SCROLLBACK: usize = 500;

/// How long a person may take to answer a question. OpenSSH's servers wait as long for a login (`LoginGraceTime`).
const ANSWER_WITHIN: std::time::Duration = std::time::Duration::from_secs(120);

/// Enough to save a file, short enough to be believed.
const ENDING_NOTICE: std::time::Duration = std::time::Duration::from_secs(60);

/// Questions that are open at once. A dial asks one after the other; more wait with the dial.
pub(crate) const OPEN_QUESTIONS: usize = 4;
