//! What passes between an SFTP client and its server: what each request needs, and what became of each file.

use std::collections::HashMap;

use bastide_app::streams::{Moved, Transfer};
use bastide_wire::file_name::shown;
use bastide_wire::sftp::{Bad, Fields, answer, request};
use bytes::Bytes;
use sha2::{Digest, Sha256};

/// Requests without an answer; OpenSSH sends 64 at once, others some hundreds.
pub(super) const MAX_PENDING: usize = 4096;
/// Open files; servers themselves allow fewer.
pub(super) const MAX_OPEN: usize = 4096;
/// Of a handle; the draft says 256.
const MAX_HANDLE: usize = 256;

/// What a request needs, and its number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Needs {
    pub(super) id: u32,
    pub(super) rights: Vec<Transfer>,
    /// For the log, where it is refused.
    pub(super) moved: Moved,
}

/// Bytes of a file in one direction, in a row from the beginning on or not.
#[derive(Debug)]
struct Passed {
    bytes: u64,
    digest: Option<Sha256>,
}

impl Default for Passed {
    fn default() -> Self {
        Self { bytes: 0, digest: Some(Sha256::new()) }
    }
}

impl Passed {
    fn add(&mut self, offset: u64, data: &[u8]) {
        if offset == self.bytes {
            if let Some(digest) = &mut self.digest {
                digest.update(data);
            }
        } else {
            self.digest = None;
        }
        self.bytes += data.len() as u64;
    }

    fn sha256(self) -> Option<String> {
        self.digest.map(|digest| digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
    }
}

#[derive(Debug)]
struct File {
    path: String,
    writes: bool,
    reads: bool,
    up: Passed,
    down: Passed,
    failed: Option<String>,
}

#[derive(Debug)]
enum Pending {
    Open {
        path: String,
        reads: bool,
        writes: bool,
    },
    Read {
        handle: Bytes,
        offset: u64,
    },
    Write {
        handle: Bytes,
    },
    /// Something that is done at once.
    Act {
        does: &'static str,
        path: String,
        to: Option<String>,
    },
    /// Nothing of it is written down. Its number is taken all the same: an answer is told by it alone.
    Other,
}

#[derive(Debug, Default)]
pub(super) struct Watch {
    pending: HashMap<u32, Pending>,
    open: HashMap<Bytes, File>,
}

/// What is written down.
pub(super) type Entry = (Transfer, Moved);

impl Watch {
    /// What a request needs, before it is passed on; `None`: nothing that was not asked already.
    pub(super) fn needs(packet: &Bytes) -> Result<Option<Needs>, Bad> {
        let (kind, mut fields) = Fields::of(packet)?;
        if kind == request::INIT {
            return Ok(None);
        }
        let id = fields.number()?;
        let needs = |rights: Vec<Transfer>, does, path: &[u8]| {
            Ok(Some(Needs { id, rights, moved: Moved { path: shown(path), does, ..Moved::default() } }))
        };
        let up = || vec![Transfer::Upload];
        match kind {
            request::OPEN => {
                let path = fields.string()?;
                let (reads, writes) = modes(fields.number()?);
                let mut rights = Vec::new();
                rights.extend(reads.then_some(Transfer::Download));
                rights.extend(writes.then_some(Transfer::Upload));
                needs(rights, if writes { "upload" } else { "download" }, &path)
            }
            // What they name was opened; see [`Watch::goes_on`].
            request::CLOSE | request::READ | request::WRITE | request::FSETSTAT => Ok(None),
            request::LSTAT
            | request::FSTAT
            | request::STAT
            | request::OPENDIR
            | request::READDIR
            | request::REALPATH
            | request::READLINK => Ok(None),
            request::SETSTAT => needs(up(), "setstat", &fields.string()?),
            request::REMOVE => needs(up(), "remove", &fields.string()?),
            request::MKDIR => needs(up(), "mkdir", &fields.string()?),
            request::RMDIR => needs(up(), "rmdir", &fields.string()?),
            request::RENAME => needs(up(), "rename", &fields.string()?),
            request::SYMLINK => needs(up(), "symlink", &fields.string()?),
            request::EXTENDED => {
                let name = fields.string()?;
                let looks: [&[u8]; 7] = [
                    b"statvfs@openssh.com",
                    b"fstatvfs@openssh.com",
                    b"limits@openssh.com",
                    b"expand-path@openssh.com",
                    b"home-directory",
                    b"users-groups-by-id@openssh.com",
                    b"fsync@openssh.com",
                ];
                match looks.contains(&name.as_ref()) {
                    true => Ok(None),
                    // Whatever else there is changes something.
                    false => needs(up(), "extended", &fields.string().unwrap_or_default()),
                }
            }
            _ => needs(vec![Transfer::Upload, Transfer::Download], "unknown", b""),
        }
    }

    /// A request that goes on with what was opened before: its number, the right to it, and the handle.
    pub(super) fn goes_on(packet: &Bytes) -> Result<Option<(u32, Transfer, Bytes)>, Bad> {
        let (kind, mut fields) = Fields::of(packet)?;
        let needs = match kind {
            request::WRITE | request::FSETSTAT => Transfer::Upload,
            request::READ => Transfer::Download,
            _ => return Ok(None),
        };
        Ok(Some((fields.number()?, needs, fields.string()?)))
    }

    /// It was not passed on; its file's entry in the log says why.
    pub(super) fn refused(&mut self, handle: &Bytes, why: &str) {
        if let Some(file) = self.open.get_mut(handle) {
            file.failed.get_or_insert_with(|| why.to_owned());
        }
    }

    /// A request on its way; what is to be written down before it goes.
    pub(super) fn sent(&mut self, packet: &Bytes) -> Result<Option<Entry>, Bad> {
        let (kind, mut fields) = Fields::of(packet)?;
        if kind == request::INIT {
            return Ok(None);
        }
        let id = fields.number()?;
        // Of two under one number, one's answer would be taken for the other's, and so one file for another.
        if self.pending.contains_key(&id) || self.pending.len() >= MAX_PENDING {
            return Err(Bad);
        }
        let mut entry = None;
        let pending = match kind {
            request::OPEN => {
                let path = shown(&fields.string()?);
                let (reads, writes) = modes(fields.number()?);
                Pending::Open { path, reads, writes }
            }
            request::READ => {
                let handle = fields.string()?;
                Pending::Read { handle, offset: fields.offset()? }
            }
            request::WRITE => {
                let handle = fields.string()?;
                let (offset, data) = (fields.offset()?, fields.string()?);
                if let Some(file) = self.open.get_mut(&handle) {
                    file.up.add(offset, &data);
                }
                Pending::Write { handle }
            }
            request::CLOSE => {
                let handle = fields.string()?;
                entry = self.open.remove(&handle).map(File::over);
                Pending::Other
            }
            request::SETSTAT => act("setstat", &fields.string()?, None),
            request::REMOVE => act("remove", &fields.string()?, None),
            request::MKDIR => act("mkdir", &fields.string()?, None),
            request::RMDIR => act("rmdir", &fields.string()?, None),
            request::RENAME => {
                let from = fields.string()?;
                act("rename", &from, Some(fields.string()?))
            }
            // OpenSSH has the two in the other order than the draft: where it points to, then where it is.
            request::SYMLINK => {
                let target = fields.string()?;
                act("symlink", &fields.string()?, Some(target))
            }
            request::EXTENDED => match fields.string()?.as_ref() {
                b"posix-rename@openssh.com" => {
                    let from = fields.string()?;
                    act("rename", &from, Some(fields.string()?))
                }
                b"hardlink@openssh.com" => {
                    let from = fields.string()?;
                    act("hardlink", &from, Some(fields.string()?))
                }
                b"lsetstat@openssh.com" => act("setstat", &fields.string()?, None),
                _ => Pending::Other,
            },
            _ => Pending::Other,
        };
        self.pending.insert(id, pending);
        Ok(entry)
    }

    /// An answer on its way; what is to be written down before it goes.
    pub(super) fn came(&mut self, packet: &Bytes) -> Result<Option<Entry>, Bad> {
        let (kind, mut fields) = Fields::of(packet)?;
        if kind == answer::VERSION {
            return Ok(None);
        }
        let id = fields.number()?;
        let Some(pending) = self.pending.remove(&id) else { return Ok(None) };
        match (pending, kind) {
            (Pending::Open { path, reads, writes }, answer::HANDLE) => {
                let handle = fields.string()?;
                if self.open.len() >= MAX_OPEN || handle.len() > MAX_HANDLE {
                    return Err(Bad);
                }
                let file = File {
                    path,
                    reads,
                    writes,
                    up: Passed::default(),
                    down: Passed::default(),
                    failed: None,
                };
                // The packet is not kept for the sake of these few bytes. What a server gives the same handle to is
                // another file from now on.
                Ok(self.open.insert(Bytes::copy_from_slice(&handle), file).map(File::over))
            }
            (Pending::Open { path, writes, .. }, _) => {
                let why = Some(status(&mut fields)?.unwrap_or_default());
                let (transfer, does) = direction(writes);
                Ok(Some((transfer, Moved { path, does, why, ..Moved::default() })))
            }
            (Pending::Read { handle, offset }, answer::DATA) => {
                let data = fields.string()?;
                if let Some(file) = self.open.get_mut(&handle) {
                    file.down.add(offset, &data);
                }
                Ok(None)
            }
            (Pending::Read { handle, .. } | Pending::Write { handle }, _) => {
                let failed = status(&mut fields)?;
                if let (Some(file), Some(why)) = (self.open.get_mut(&handle), failed) {
                    file.failed.get_or_insert(why);
                }
                Ok(None)
            }
            (Pending::Other, _) => Ok(None),
            (Pending::Act { does, path, to }, _) => {
                let why = status(&mut fields)?;
                Ok(Some((Transfer::Upload, Moved { path, does, to, why, ..Moved::default() })))
            }
        }
    }

    /// Requests without an answer, and files that are open.
    pub(super) fn kept(&self) -> (usize, usize) {
        (self.pending.len(), self.open.len())
    }

    /// Requests on their way that change something.
    pub(super) fn changing(&self) -> usize {
        let changes = |pending: &&Pending| match pending {
            Pending::Open { writes, .. } => *writes,
            Pending::Write { .. } | Pending::Act { .. } => true,
            Pending::Read { .. } | Pending::Other => false,
        };
        self.pending.values().filter(changes).count()
    }

    /// What is without an answer when it is over, and what is still open. The server may have done what it was asked:
    /// a client that hangs up early is to leave the same in the log as one that waits.
    pub(super) fn left(&mut self) -> Vec<Entry> {
        let mut unanswered: Vec<(u32, Pending)> = self.pending.drain().collect();
        // Clients count upwards, so this is the order in which they asked.
        unanswered.sort_unstable_by_key(|(id, _)| *id);
        let unanswered = unanswered.into_iter().filter_map(|(_, pending)| {
            let (transfer, does, path, to) = match pending {
                Pending::Act { does, path, to } => (Transfer::Upload, does, path, to),
                Pending::Open { path, writes, .. } => {
                    let (transfer, does) = direction(writes);
                    (transfer, does, path, None)
                }
                // Told with their file, or not at all.
                Pending::Read { .. } | Pending::Write { .. } | Pending::Other => return None,
            };
            let why = Some("the connection ended before the server answered".to_owned());
            Some((transfer, Moved { path, does, to, why, ..Moved::default() }))
        });
        let cut = |file: File| {
            let why = Some("the connection ended before the file was closed".to_owned());
            File { failed: file.failed.or(why), ..file }.over()
        };
        unanswered.chain(self.open.drain().map(|(_, file)| cut(file))).collect()
    }
}

impl File {
    fn over(self) -> Entry {
        let File { path, writes, reads, up, down, failed } = self;
        // One that is open both ways is an upload, unless only bytes the other way have passed.
        let (transfer, does) = direction(writes && (up.bytes > 0 || !reads || down.bytes == 0));
        let passed = if transfer == Transfer::Upload { up } else { down };
        let bytes = passed.bytes;
        let sha256 = passed.sha256();
        (transfer, Moved { path, does, bytes, sha256, why: failed, ..Moved::default() })
    }
}

fn direction(writes: bool) -> (Transfer, &'static str) {
    if writes { (Transfer::Upload, "upload") } else { (Transfer::Download, "download") }
}

fn act(does: &'static str, path: &[u8], to: Option<Bytes>) -> Pending {
    Pending::Act { does, path: shown(path), to: to.map(|to| shown(&to)) }
}

/// `SSH_FXF_READ`, and whatever writes. Without any, servers open for reading.
fn modes(flags: u32) -> (bool, bool) {
    const READ: u32 = 1;
    let writes = flags & !READ != 0;
    (flags & READ != 0 || !writes, writes)
}

/// Why, when it was no success. The end of a file is one.
fn status(fields: &mut Fields) -> Result<Option<String>, Bad> {
    let code = fields.number()?;
    let why = fields.string().map(|text| shown(&text)).unwrap_or_default();
    Ok(match code {
        answer::OK | answer::EOF => None,
        _ if why.is_empty() => Some(format!("failure {code}")),
        _ => Some(why.chars().take(200).collect()),
    })
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
