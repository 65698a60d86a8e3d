//! The client's side of SFTP version 3 (draft-ietf-secsh-filexfer-02, and OpenSSH's `PROTOCOL` for what is marked
//! `@openssh.com`), over one channel.
//!
//! One person's work at a time uses it, in turn; reads and writes are sent ahead, so that distance costs little. What is
//! sent ahead is bounded, so that a transfer that is not taken never fills what the connection keeps for its channels.

mod answers;
mod fuzz;
mod link;
mod moving;

use std::time::Duration;

use bastide_wire::sftp::{Attributes, Bad, Fields, Packet, Packets, answer, request};
use bytes::Bytes;

use crate::stream::Stream;

pub use fuzz::fuzz_answers;
pub use moving::{Reading, Writing};

use answers::{attributes, done, handle, one_name, said};
use link::Link;

/// A server that says nothing for so long while it is asked has gone.
const PATIENCE: Duration = Duration::from_secs(60);
/// Every server takes this much at once (section 3); [`MAX_BLOCK`] is for those that say they take more.
const BLOCK: usize = 32 * 1024;
const MAX_BLOCK: usize = 120 * 1024;
/// A server that says it takes less would have its megabyte asked for in a million requests. Reads are answered with as
/// much as it likes anyway.
const LEAST_BLOCK: usize = 4 * 1024;
/// Asked for and not yet read here: below the 1 MB that a channel keeps for its reader.
const READ_AHEAD: usize = 960 * 1024;
/// Sent and not yet confirmed. What a transfer that was cut may have to send again.
pub const WRITE_AHEAD: usize = 1920 * 1024;
/// Requests of other kinds that are sent ahead.
const AHEAD: usize = 64;
/// Why a request came to nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SftpError {
    /// The server's answer (section 7): its number and its words, which are seldom of use.
    #[error("{words}")]
    Said { code: u32, words: String },
    #[error("the server does not speak SFTP version 3")]
    Bad,
    #[error("the server tells a name of {length} bytes; at most {most} are taken")]
    LongName { length: usize, most: usize },
    /// The channel or the connection is gone.
    #[error("{0}")]
    Lost(String),
}

impl From<Bad> for SftpError {
    fn from(Bad: Bad) -> Self {
        Self::Bad
    }
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: Bytes,
    pub attributes: Attributes,
}

/// Room on a file system, in bytes, for whoever is not root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    pub free: u64,
    pub total: u64,
}

/// What an open file or directory is called in later requests.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Handle(Bytes);

/// Dropping it closes the channel, and with it what is open.
#[derive(Debug)]
pub struct Sftp<L = Stream> {
    link: L,
    packets: Packets,
    last_id: u32,
    block: usize,
    posix_rename: bool,
    statvfs: bool,
    lsetstat: bool,
}

impl<L: Link> Sftp<L> {
    /// Greets in a subsystem that was just opened (section 4).
    pub(crate) async fn greet(link: L) -> Result<Self, SftpError> {
        const VERSION: u32 = 3;
        let packets = Packets::default();
        let mut this = Self {
            link,
            packets,
            last_id: 0,
            block: BLOCK,
            posix_rename: false,
            statvfs: false,
            lsetstat: false,
        };
        this.write(Packet::new(request::INIT).number(VERSION)).await?;
        let (kind, mut fields) = Fields::of(&this.packet().await?)?;
        if kind != answer::VERSION || fields.number()? < VERSION {
            return Err(SftpError::Bad);
        }
        let mut limits = false;
        while !fields.is_empty() {
            let (name, version) = (fields.string()?, fields.string()?);
            match (name.as_ref(), version.as_ref()) {
                (b"posix-rename@openssh.com", b"1") => this.posix_rename = true,
                (b"statvfs@openssh.com", b"2") => this.statvfs = true,
                (b"lsetstat@openssh.com", b"1") => this.lsetstat = true,
                (b"limits@openssh.com", b"1") => limits = true,
                _ => {}
            }
        }
        if limits {
            this.take_limits().await?;
        }
        Ok(this)
    }

    async fn take_limits(&mut self) -> Result<(), SftpError> {
        let (kind, mut fields) =
            self.ask(|id| Packet::new(request::EXTENDED).number(id).string(b"limits@openssh.com")).await?;
        if kind == answer::EXTENDED_REPLY {
            let (_packet, read, write) = (fields.offset()?, fields.offset()?, fields.offset()?);
            // Nought: as much as there is.
            let most =
                |limit: u64| usize::try_from(limit).ok().filter(|limit| *limit > 0).unwrap_or(MAX_BLOCK);
            self.block = most(read).min(most(write)).clamp(BLOCK.min(most(read)).max(LEAST_BLOCK), MAX_BLOCK);
        }
        Ok(())
    }

    /// Whether a rename can put a file in the place of another.
    pub fn replaces(&self) -> bool {
        self.posix_rename
    }

    /// So much goes well into one request.
    pub fn block(&self) -> usize {
        self.block
    }

    /// The absolute path, links followed; of an empty one the account's directory.
    ///
    /// # Errors
    /// [`SftpError`].
    pub async fn real_path(&mut self, path: &[u8]) -> Result<Bytes, SftpError> {
        let path = if path.is_empty() { b".".as_slice() } else { path };
        one_name(self.ask(|id| Packet::new(request::REALPATH).number(id).string(path)).await?)
    }

    /// What a link says, as it says it.
    ///
    /// # Errors
    /// [`SftpError`].
    pub async fn read_link(&mut self, path: &[u8]) -> Result<Bytes, SftpError> {
        one_name(self.ask(|id| Packet::new(request::READLINK).number(id).string(path)).await?)
    }

    /// Of what a link leads to.
    ///
    /// # Errors
    /// [`SftpError`].
    pub async fn stat(&mut self, path: &[u8]) -> Result<Attributes, SftpError> {
        let answer = self.ask(|id| Packet::new(request::STAT).number(id).string(path)).await?;
        attributes(answer)
    }

    /// Of a link itself.
    ///
    /// # Errors
    /// [`SftpError`].
    pub async fn stat_link(&mut self, path: &[u8]) -> Result<Attributes, SftpError> {
        let answer = self.ask(|id| Packet::new(request::LSTAT).number(id).string(path)).await?;
        attributes(answer)
    }

    /// # Errors
    /// [`SftpError`].
    pub async fn stat_open(&mut self, handle: &Handle) -> Result<Attributes, SftpError> {
        let answer = self.ask(|id| Packet::new(request::FSTAT).number(id).string(&handle.0)).await?;
        attributes(answer)
    }

    /// Sets what is given of what lies there itself; of a link, of the link, which most systems refuse.
    ///
    /// # Errors
    /// [`SftpError`]; `Said` with [`answer::UNSUPPORTED`] where the server has no such request.
    pub async fn set_itself(&mut self, path: &[u8], to: &Attributes) -> Result<(), SftpError> {
        if !self.lsetstat {
            return Err(SftpError::Said { code: answer::UNSUPPORTED, words: "no lsetstat".to_owned() });
        }
        let name = b"lsetstat@openssh.com";
        self.act(|id| Packet::new(request::EXTENDED).number(id).string(name).string(path).attributes(to))
            .await
    }

    /// Sets what is given, of what a link leads to.
    ///
    /// # Errors
    /// [`SftpError`].
    pub async fn set(&mut self, path: &[u8], to: &Attributes) -> Result<(), SftpError> {
        self.act(|id| Packet::new(request::SETSTAT).number(id).string(path).attributes(to)).await
    }

    /// Sets what is given of what is open, whatever lies at its path meanwhile.
    ///
    /// # Errors
    /// [`SftpError`].
    pub async fn set_open(&mut self, handle: &Handle, to: &Attributes) -> Result<(), SftpError> {
        self.act(|id| Packet::new(request::FSETSTAT).number(id).string(&handle.0).attributes(to)).await
    }

    /// With flags of [`request::open`].
    ///
    /// # Errors
    /// [`SftpError`].
    pub async fn open(&mut self, path: &[u8], flags: u32) -> Result<Handle, SftpError> {
        let none = Attributes::default();
        let open = |id| Packet::new(request::OPEN).number(id).string(path).number(flags).attributes(&none);
        handle(self.ask(open).await?)
    }

    /// Makes a file to write to, where nothing is yet, not even a link. With these permissions at most, as the
    /// server's umask takes from them; `None` leaves them to the server.
    ///
    /// # Errors
    /// [`SftpError`].
    pub async fn create(&mut self, path: &[u8], mode: Option<u32>) -> Result<Handle, SftpError> {
        let flags = request::open::WRITE | request::open::CREATE | request::open::EXCLUSIVE;
        let with = Attributes { mode, ..Attributes::default() };
        let open = |id| Packet::new(request::OPEN).number(id).string(path).number(flags).attributes(&with);
        handle(self.ask(open).await?)
    }

    /// # Errors
    /// [`SftpError`].
    pub async fn close(&mut self, handle: &Handle) -> Result<(), SftpError> {
        self.act(|id| Packet::new(request::CLOSE).number(id).string(&handle.0)).await
    }

    /// # Errors
    /// [`SftpError`].
    pub async fn open_directory(&mut self, path: &[u8]) -> Result<Handle, SftpError> {
        handle(self.ask(|id| Packet::new(request::OPENDIR).number(id).string(path)).await?)
    }

    /// The next names in a directory, in the server's order; `None` at the end. Names that no name can be are left
    /// out: a server that sends them means harm.
    ///
    /// # Errors
    /// [`SftpError`]; `LongName` where a name has more than 1024 bytes.
    pub async fn entries(&mut self, directory: &Handle) -> Result<Option<Vec<Entry>>, SftpError> {
        let read = |id| Packet::new(request::READDIR).number(id).string(&directory.0);
        let (kind, fields) = self.ask(read).await?;
        if kind != answer::NAME {
            return match said(kind, fields) {
                SftpError::Said { code: answer::EOF, .. } => Ok(None),
                error => Err(error),
            };
        }
        answers::entries(fields).map(Some)
    }

    /// # Errors
    /// [`SftpError`].
    pub async fn make_directory(&mut self, path: &[u8]) -> Result<(), SftpError> {
        let none = Attributes::default();
        self.act(|id| Packet::new(request::MKDIR).number(id).string(path).attributes(&none)).await
    }

    /// # Errors
    /// [`SftpError`].
    pub async fn remove_directory(&mut self, path: &[u8]) -> Result<(), SftpError> {
        self.act(|id| Packet::new(request::RMDIR).number(id).string(path)).await
    }

    /// Of a link, the link.
    ///
    /// # Errors
    /// [`SftpError`].
    pub async fn remove(&mut self, path: &[u8]) -> Result<(), SftpError> {
        self.act(|id| Packet::new(request::REMOVE).number(id).string(path)).await
    }

    /// Several, without waiting for each; the first failure once all are answered.
    ///
    /// # Errors
    /// [`SftpError`], and which one it was.
    pub async fn remove_all(&mut self, paths: &[Vec<u8>]) -> Result<(), (Vec<u8>, SftpError)> {
        let gone = |error| (Vec::new(), error);
        let mut failed = None;
        for paths in paths.chunks(AHEAD) {
            let first = self.last_id.wrapping_add(1);
            for path in paths {
                self.send(|id| Packet::new(request::REMOVE).number(id).string(path)).await.map_err(gone)?;
            }
            for _ in paths {
                let (kind, id, fields) = self.answer().await.map_err(gone)?;
                let which = usize::try_from(id.wrapping_sub(first)).ok().and_then(|which| paths.get(which));
                let which = which.ok_or((Vec::new(), SftpError::Bad))?;
                if let Err(error) = done(kind, fields) {
                    failed.get_or_insert((which.clone(), error));
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// [`Self::stat`] of several, without waiting for each; `None` where there is nothing to be known.
    ///
    /// # Errors
    /// [`SftpError`].
    pub async fn stat_all(&mut self, paths: &[Vec<u8>]) -> Result<Vec<Option<Attributes>>, SftpError> {
        let mut all = Vec::with_capacity(paths.len());
        for paths in paths.chunks(AHEAD) {
            let first = self.last_id.wrapping_add(1);
            for path in paths {
                self.send(|id| Packet::new(request::STAT).number(id).string(path)).await?;
            }
            let mut found = vec![None; paths.len()];
            for _ in paths {
                let (kind, id, mut fields) = self.answer().await?;
                let place =
                    usize::try_from(id.wrapping_sub(first)).ok().and_then(|place| found.get_mut(place));
                let place = place.ok_or(SftpError::Bad)?;
                if kind == answer::ATTRS {
                    *place = Some(fields.attributes()?);
                }
            }
            all.extend(found);
        }
        Ok(all)
    }

    /// Gives a file another name; what has that name is replaced where asked for and [`Self::replaces`], and stays
    /// otherwise.
    ///
    /// # Errors
    /// [`SftpError`].
    pub async fn rename(&mut self, from: &[u8], to: &[u8], replace: bool) -> Result<(), SftpError> {
        if replace && self.posix_rename {
            let name = b"posix-rename@openssh.com";
            let rename = |id| Packet::new(request::EXTENDED).number(id).string(name).string(from).string(to);
            return self.act(rename).await;
        }
        self.act(|id| Packet::new(request::RENAME).number(id).string(from).string(to)).await
    }

    /// Where the server can tell.
    ///
    /// # Errors
    /// [`SftpError`].
    pub async fn space(&mut self, path: &[u8]) -> Result<Option<Space>, SftpError> {
        if !self.statvfs {
            return Ok(None);
        }
        let ask = |id| Packet::new(request::EXTENDED).number(id).string(b"statvfs@openssh.com").string(path);
        match self.ask(ask).await? {
            (answer::EXTENDED_REPLY, mut fields) => {
                let (_block, fragment) = (fields.offset()?, fields.offset()?);
                let (all, _free, available) = (fields.offset()?, fields.offset()?, fields.offset()?);
                let bytes = |count: u64| count.saturating_mul(fragment);
                Ok(Some(Space { free: bytes(available), total: bytes(all) }))
            }
            (kind, fields) => Err(said(kind, fields)),
        }
    }

    async fn act(&mut self, packet: impl FnOnce(u32) -> Packet) -> Result<(), SftpError> {
        let (kind, fields) = self.ask(packet).await?;
        done(kind, fields)
    }

    async fn ask(&mut self, packet: impl FnOnce(u32) -> Packet) -> Result<(u8, Fields), SftpError> {
        let id = self.send(packet).await?;
        self.answer_to(id).await
    }

    async fn answer_to(&mut self, wanted: u32) -> Result<(u8, Fields), SftpError> {
        loop {
            // Others are to reads that were given up.
            let (kind, id, fields) = self.answer().await?;
            if id == wanted {
                return Ok((kind, fields));
            }
        }
    }

    fn next_id(&mut self) -> u32 {
        self.last_id = self.last_id.wrapping_add(1);
        self.last_id
    }

    async fn send(&mut self, packet: impl FnOnce(u32) -> Packet) -> Result<u32, SftpError> {
        let id = self.next_id();
        self.write(packet(id)).await?;
        Ok(id)
    }

    async fn write(&mut self, packet: Packet) -> Result<(), SftpError> {
        match tokio::time::timeout(PATIENCE, self.link.write(packet.done())).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.lost().await),
            Err(_) => Err(silent()),
        }
    }

    /// The next answer, whatever it answers: its type, its number, and what follows.
    async fn answer(&mut self) -> Result<(u8, u32, Fields), SftpError> {
        let (kind, mut fields) = Fields::of(&self.packet().await?)?;
        Ok((kind, fields.number()?, fields))
    }

    async fn packet(&mut self) -> Result<Bytes, SftpError> {
        loop {
            if let Some(packet) = self.packets.next()? {
                return Ok(packet);
            }
            match tokio::time::timeout(PATIENCE, self.link.next()).await {
                Ok(Some(output)) => self.packets.add(&output),
                Ok(None) => return Err(self.lost().await),
                Err(_) => return Err(silent()),
            }
        }
    }

    async fn lost(&self) -> SftpError {
        SftpError::Lost(self.link.ended().await)
    }
}

fn silent() -> SftpError {
    SftpError::Lost(format!("the server has said nothing for {} s", PATIENCE.as_secs()))
}
