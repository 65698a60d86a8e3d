//! Files that pass: which commands are the far end of a transfer, who may, and what is written down.

use std::time::Duration;

use bastide_policy::{Judge, Kind};

use crate::context::{About, Action, Ctx};
use crate::sessions::OnServer;
use crate::{Error, servers};

/// Its direction, as seen by the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Transfer {
    Upload,
    Download,
}

impl Transfer {
    pub(crate) fn action(self) -> Action {
        match self {
            Self::Upload => Action::FileUpload,
            Self::Download => Action::FileDownload,
        }
    }
}

/// A file that passed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Moved {
    /// As the client named it; what is no text is escaped.
    pub path: String,
    /// What was done, in a word: `upload`, `download`, `remove`, `rename`, …
    pub does: &'static str,
    /// Where it went, of a rename or a link.
    pub to: Option<String>,
    pub bytes: u64,
    /// In hexadecimal, of what passed, where that was one piece from the beginning on.
    pub sha256: Option<String>,
    /// Why it was refused, or what the server said to it.
    pub why: Option<String>,
    /// Whose files they are on the server.
    pub account: Option<String>,
    /// From its beginning.
    pub took: Option<Duration>,
}

/// Whether the caller may move files on a server in this direction, now.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Invalid`.
pub fn may(ctx: &Ctx, on: OnServer, transfer: Transfer) -> Result<(), Error> {
    servers::choose(ctx, transfer.action(), on.server, on.credential).map(drop)
}

/// Writes down that a file has passed, or was not let through.
///
/// # Errors
/// `Storage`.
pub async fn moved(ctx: &Ctx, on: OnServer, (transfer, moved): (Transfer, Moved)) -> Result<(), Error> {
    let Moved { path, does, to, bytes, sha256, why, account, took } = moved;
    let about = About::nothing()
        .with("server", on.server)
        .with("does", does)
        .with("path", path)
        .with("to", to)
        .with("bytes", bytes)
        .with("sha256", sha256)
        .with("account", account)
        .with("duration_ms", took.map(|took| u64::try_from(took.as_millis()).unwrap_or(u64::MAX)));
    let phase = if why.is_some() { "failed" } else { "done" };
    ctx.note(transfer.action(), &about, phase, why).await
}

/// `scp -t`, `scp -f` and `rsync --server`, alone in their line and with nothing in it that the shell would decide:
/// a right to move files is none to run commands.
pub(super) fn of(line: &str) -> Option<Transfer> {
    // Nobody would see how it ends.
    if line.trim_end().ends_with('&') {
        return None;
    }
    let facts = Judge::facts(line).facts;
    let (fact, inner) = facts.split_first()?;
    // What rsync would start with `-e` is a fact too; at the far end it is a list of abilities and starts nothing.
    let is_rsync = fact.kind == Kind::Wrapper && fact.program.known() == Some(b"rsync");
    let plain = (fact.kind == Kind::Command && inner.is_empty()
        || is_rsync && inner.iter().all(|one| one.via == ["rsync"]))
        && fact.unknown.is_none()
        && fact.assignments.is_empty()
        && fact.redirects.is_empty()
        && fact.via.is_empty();
    let words: Option<Vec<&[u8]>> = fact.arguments.iter().map(|word| word.known()).collect();
    let (true, Some(program), Some(words)) = (plain, fact.program.known(), words) else { return None };
    match program {
        b"scp" => scp(&words),
        b"rsync" if words.first() == Some(&b"--server".as_slice()) => {
            Some(if words.contains(&b"--sender".as_slice()) { Transfer::Download } else { Transfer::Upload })
        }
        _ => None,
    }
}

/// Its options at the far end (scp.c of OpenSSH): one letter each, none with a value.
fn scp(words: &[&[u8]]) -> Option<Transfer> {
    let mut direction = None;
    for word in words {
        let Some(letters) = word.strip_prefix(b"-") else { break };
        if letters == b"-" {
            break;
        }
        for letter in letters {
            match letter {
                b't' => direction = Some(Transfer::Upload),
                b'f' => direction = Some(Transfer::Download),
                b'r' | b'p' | b'd' | b'v' | b'q' | b'O' => {}
                _ => return None,
            }
        }
    }
    direction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transfer_is_told_from_a_command() {
        for (line, what) in [
            ("scp -t /tmp", Some(Transfer::Upload)),
            ("scp -r -p -d -t -- /tmp", Some(Transfer::Upload)),
            ("scp -v -f '/tmp/a b'", Some(Transfer::Download)),
            ("rsync --server -logDtpre.iLsfxCIvu . /tmp/", Some(Transfer::Upload)),
            ("rsync --server --sender -vlogDtpre.iLsfxCIvu . /tmp/", Some(Transfer::Download)),
            ("scp a b", None),
            ("scp -S ./x -t /tmp", None),
            ("scp -t /tmp; reboot", None),
            ("scp -t $(reboot)", None),
            ("scp -t /tmp > /etc/passwd", None),
            ("PATH=/tmp scp -t /tmp", None),
            ("./scp -t /tmp", None),
            ("sudo scp -t /tmp", None),
            ("scp -t /tmp &", None),
            ("rsync -a a b", None),
            ("rsync --server -e.iLsfxCIvu . $HOME", None),
            ("rsync --server -e.iLsfxCIvu . /tmp; reboot", None),
            ("rsync --server . /tmp | sh", None),
            ("ls", None),
        ] {
            assert_eq!(of(line), what, "{line}");
        }
    }
}
