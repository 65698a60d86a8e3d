//! What the daemon keeps on disk: lock, socket, token, pid file, the node's identity, and a mark
//! for every open session.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};

use rand::RngExt;
use rand::distr::Alphanumeric;
use rustix::fs::FlockOperation;
use uuid::Uuid;

use crate::error::file;
use crate::{Config, Error};

/// Longest path `sockaddr_un` holds, with its NUL (unix(7)).
const SOCKET_PATH_MAX: usize = 107;

const TOKEN_LENGTH: usize = 64;

/// The files of a running daemon; removed when it ends in order.
#[derive(Debug)]
pub(crate) struct Files {
    socket: PathBuf,
    token_file: PathBuf,
    pid_file: PathBuf,
    activated: bool,
    /// Held for the daemon's life; the kernel gives it back when the process ends in any way.
    _lock: File,
}

/// What the start yields.
pub(crate) struct Claimed {
    pub(crate) files: Files,
    pub(crate) listener: UnixListener,
    pub(crate) token: String,
}

impl Files {
    /// Takes the socket: lock first, so that a second daemon never disturbs the first; then the
    /// stale socket, if any, is replaced.
    pub(crate) fn claim(config: &Config, activated: Option<UnixListener>) -> Result<Claimed, Error> {
        let socket = config.socket.clone();
        let length = socket.as_os_str().len();
        if length > SOCKET_PATH_MAX {
            return Err(Error::SocketPathTooLong { path: socket, length, limit: SOCKET_PATH_MAX });
        }
        for path in [&socket, &config.token_file] {
            if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
                private_parent(parent, config)?;
            }
        }
        let lock = lock(&socket)?;
        let is_activated = activated.is_some();
        if !is_activated {
            free(&socket)?;
        }
        let token = token(&config.token_file)?;
        let pid_file = pid_file(&socket);
        let token_file = config.token_file.clone();
        let files = Self { socket, token_file, pid_file, activated: is_activated, _lock: lock };
        let claimed = write_private(&files.pid_file, format!("{}\n", std::process::id()).as_bytes())
            .and_then(|()| activated.map_or_else(|| bind(&files.socket), Ok));
        match claimed {
            Ok(listener) => Ok(Claimed { files, listener, token }),
            Err(error) => {
                files.remove();
                Err(error)
            }
        }
    }

    /// Takes them away again.
    pub(crate) fn remove(&self) {
        // With socket activation the socket is systemd's.
        let socket = (!self.activated).then_some(&self.socket);
        for path in socket.into_iter().chain([&self.token_file, &self.pid_file]) {
            if let Err(error) = fs::remove_file(path)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(path = %path.display(), %error, "file was not removed");
            }
        }
    }
}

/// Makes a directory for us alone (0700 as existing clients expect); one that was there is made so
/// only when nothing is in it but files of ours, never a shared one such as /tmp, /run or a home.
fn private_parent(directory: &Path, config: &Config) -> Result<(), Error> {
    let existed = directory.is_dir();
    fs::create_dir_all(directory).map_err(file("create directory", directory))?;
    let metadata = fs::metadata(directory).map_err(file("read", directory))?;
    let sticky = metadata.permissions().mode() & 0o1000 != 0;
    if !existed || (!sticky && holds_only_ours(directory, config)) {
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
            .map_err(file("set permissions of", directory))?;
    }
    Ok(())
}

/// True when every name in it is of the socket, the token, or what lies beside them.
fn holds_only_ours(directory: &Path, config: &Config) -> bool {
    let ours = [config.socket.file_stem(), config.token_file.file_stem()];
    let is_ours = |name: &std::ffi::OsStr| {
        ours.contains(&Path::new(name).file_stem()) || {
            // "ptyd.sock.lock" has two endings.
            let inner = Path::new(name).file_stem().map(Path::new);
            ours.contains(&inner.and_then(Path::file_stem))
        }
    };
    let Ok(mut entries) = fs::read_dir(directory) else { return false };
    entries.all(|entry| entry.is_ok_and(|entry| is_ours(&entry.file_name())))
}

fn lock(socket: &Path) -> Result<File, Error> {
    let path = with_suffix(socket, ".lock");
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&path)
        .map_err(file("open lock", &path))?;
    match rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(lock),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::AlreadyRunning { socket: socket.to_owned() }),
        Err(errno) => Err(file("lock", &path)(errno.into())),
    }
}

/// Takes a stale socket away. We hold the lock, so no daemon of ours listens there; another
/// program, such as the earlier daemon, may.
fn free(socket: &Path) -> Result<(), Error> {
    match fs::symlink_metadata(socket) {
        Ok(metadata) if !metadata.file_type().is_socket() => {
            Err(Error::NotASocket { path: socket.to_owned() })
        }
        Ok(_) if UnixStream::connect(socket).is_ok() => Err(Error::Taken { socket: socket.to_owned() }),
        Ok(_) => fs::remove_file(socket).map_err(file("remove stale socket", socket)),
        Err(_) => Ok(()),
    }
}

fn bind(socket: &Path) -> Result<UnixListener, Error> {
    // Bound under another name and moved into place when it is private, so that it is never open
    // to others, not even for a moment.
    let hidden = with_suffix(socket, ".new");
    let _ = fs::remove_file(&hidden);
    let bound = if hidden.as_os_str().len() <= SOCKET_PATH_MAX { &hidden } else { socket };
    let listener = UnixListener::bind(bound).map_err(file("listen on", socket))?;
    fs::set_permissions(bound, fs::Permissions::from_mode(0o600)).map_err(file("protect", socket))?;
    if bound != socket {
        fs::rename(bound, socket).map_err(file("put in place", socket))?;
    }
    Ok(listener)
}

/// A token that is there is used again, so that clients need not read it anew.
fn token(path: &Path) -> Result<String, Error> {
    if let Ok(text) = fs::read_to_string(path) {
        let token = text.trim();
        if token.len() == TOKEN_LENGTH && token.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(file("protect", path))?;
            return Ok(token.to_owned());
        }
    }
    let token: String = rand::rng().sample_iter(&Alphanumeric).take(TOKEN_LENGTH).map(char::from).collect();
    write_private(path, token.as_bytes())?;
    Ok(token)
}

/// Writes a file that only we may read, whole or not at all.
fn write_private(path: &Path, content: &[u8]) -> Result<(), Error> {
    let temporary = with_suffix(path, ".new");
    let _ = fs::remove_file(&temporary);
    let written = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut out| out.write_all(content))
        .and_then(|()| fs::rename(&temporary, path));
    written.map_err(file("write", path))
}

/// The pid file existing clients look for: the socket without ".sock", with ".pid".
fn pid_file(socket: &Path) -> PathBuf {
    let text = socket.as_os_str().to_string_lossy();
    match text.strip_suffix(".sock") {
        Some(stem) => PathBuf::from(format!("{stem}.pid")),
        None => with_suffix(socket, ".pid"),
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// The state directory and what is in it.
#[derive(Debug, Clone)]
pub(crate) struct State {
    pub(crate) recordings: PathBuf,
    pub(crate) log: PathBuf,
    pub(crate) rules: PathBuf,
    open: PathBuf,
    pub(crate) node: Uuid,
}

impl State {
    pub(crate) fn open(directory: &Path) -> Result<Self, Error> {
        let recordings = directory.join("recordings");
        let log = directory.join("log");
        let open = directory.join("open");
        let rules = directory.join("rules");
        for directory in [directory, &recordings, &log, &open, &rules] {
            fs::create_dir_all(directory).map_err(file("create directory", directory))?;
            fs::set_permissions(directory, fs::Permissions::from_mode(0o700))
                .map_err(file("set permissions of", directory))?;
        }
        let node = node(&directory.join("node"))?;
        Ok(Self { recordings, log, rules, open, node })
    }

    /// Marks a session as open; what is still marked at the next start was lost.
    pub(crate) fn mark_open(&self, uid: Uuid) -> Result<(), Error> {
        write_private(&self.open.join(uid.to_string()), b"")
    }

    pub(crate) fn mark_ended(&self, uid: Uuid) {
        let path = self.open.join(uid.to_string());
        if let Err(error) = fs::remove_file(&path)
            && error.kind() != io::ErrorKind::NotFound
        {
            tracing::warn!(path = %path.display(), %error, "mark of an ended session was not removed");
        }
    }

    /// Sessions that were open when an earlier daemon died.
    pub(crate) fn lost(&self) -> Vec<Uuid> {
        let Ok(entries) = fs::read_dir(&self.open) else { return Vec::new() };
        entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }
}

fn node(path: &Path) -> Result<Uuid, Error> {
    if let Some(node) = fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok()) {
        return Ok(node);
    }
    let node = Uuid::new_v4();
    write_private(path, format!("{node}\n").as_bytes())?;
    Ok(node)
}
