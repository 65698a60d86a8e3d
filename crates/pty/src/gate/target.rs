//! Reading a process that waits for an answer, or stands in its stop after an exec. All of it is
//! written by the session: lengths are bounded, and what cannot be read is an error.

mod heads;
mod stack;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};

pub(super) use heads::Heads;
use stack::{STACK_BYTES, Stack};

use super::facts::Executable;
use super::kernel::{self, Memory, Notification};
use super::refusals::changes_loading;

/// `PATH_MAX`.
const PATH_BYTES: usize = 4096;
/// What an exec can carry at most: three quarters of `_STK_LIM`, execve(2).
const ARGUMENT_BYTES: usize = 6 * 1024 * 1024;
/// Read first of an argument: nearly all are shorter.
const FIRST_BYTES: usize = 256;
/// Arguments whose beginnings are read at once, and how much of each.
const BEGINNINGS: usize = 16;
const BEGINNING_BYTES: usize = 128;
const PAGE: u64 = 4096;

/// A program start as it was asked for.
#[derive(Debug)]
pub(super) struct Asked {
    /// As the caller wrote it, or `/dev/fd/N…` for one by descriptor, as the kernel names it.
    pub(super) execfn: Vec<u8>,
    /// The same in a form that leads to it from here.
    path: PathBuf,
    pub(super) argv: Vec<Vec<u8>>,
    /// Only a question (`AT_EXECVE_CHECK`).
    pub(super) only_asks: bool,
    follow: bool,
}

/// What the caller's arguments say; `Err` carries the errno to answer with.
pub(super) fn asked(notification: &Notification) -> Result<Asked, i32> {
    let tid = notification.tid;
    let memory = Memory::of(tid);
    let [first, second, third, _, flags, _] = notification.arguments;
    if notification.number == libc::SYS_execve {
        let name = string(&memory, first, PATH_BYTES)?;
        let argv = argv(&memory, second)?;
        let path = reachable(tid, &format!("/proc/{tid}/cwd"), &name);
        return Ok(Asked { path, execfn: name, argv, only_asks: false, follow: true });
    }
    let flags = flags as i32;
    let name = string(&memory, second, PATH_BYTES)?;
    let argv = argv(&memory, third)?;
    let directory = first as i32;
    let (execfn, path) = if name.starts_with(b"/") || directory == libc::AT_FDCWD {
        (name.clone(), reachable(tid, &format!("/proc/{tid}/cwd"), &name))
    } else if name.is_empty() {
        if flags & libc::AT_EMPTY_PATH == 0 {
            return Err(libc::ENOENT);
        }
        (format!("/dev/fd/{directory}").into_bytes(), format!("/proc/{tid}/fd/{directory}").into())
    } else {
        let mut execfn = format!("/dev/fd/{directory}/").into_bytes();
        execfn.extend(&name);
        (execfn, reachable(tid, &format!("/proc/{tid}/fd/{directory}"), &name))
    };
    let follow = flags & libc::AT_SYMLINK_NOFOLLOW == 0;
    Ok(Asked { path, execfn, argv, only_asks: flags & libc::AT_EXECVE_CHECK != 0, follow })
}

/// `name` as `tid` would reach it. `/proc/self` and `/dev/fd` are other files for us than for it.
fn reachable(tid: i32, base: &str, name: &[u8]) -> PathBuf {
    let own = [
        (&b"/proc/self/"[..], format!("/proc/{tid}/")),
        (b"/proc/thread-self/", format!("/proc/{tid}/")),
        (b"/dev/fd/", format!("/proc/{tid}/fd/")),
    ];
    for (prefix, replacement) in own {
        if let Some(rest) = name.strip_prefix(prefix) {
            return Path::new(&replacement).join(OsStr::from_bytes(rest));
        }
    }
    if name.starts_with(b"/") {
        return PathBuf::from(OsStr::from_bytes(name));
    }
    Path::new(base).join(OsStr::from_bytes(name))
}

/// NUL-terminated, at most `limit` bytes.
fn string(memory: &Memory, from: u64, limit: usize) -> Result<Vec<u8>, i32> {
    let mut text = Vec::new();
    let mut chunk = FIRST_BYTES;
    loop {
        let at = from.checked_add(text.len() as u64).ok_or(libc::EFAULT)?;
        // Not over the end of a page: the next one may not be there, and the text may end before.
        let in_page = (PAGE - at % PAGE) as usize;
        let start = text.len();
        text.resize(start + chunk.min(in_page), 0);
        let got = memory.read(at, &mut text[start..]).map_err(|_| libc::EFAULT)?;
        if got == 0 {
            return Err(libc::EFAULT);
        }
        text.truncate(start + got);
        if let Some(end) = text[start..].iter().position(|byte| *byte == 0) {
            text.truncate(start + end);
            return Ok(text);
        }
        if text.len() > limit {
            return Err(if limit == PATH_BYTES { libc::ENAMETOOLONG } else { libc::E2BIG });
        }
        chunk = PAGE as usize;
    }
}

fn argv(memory: &Memory, from: u64) -> Result<Vec<Vec<u8>>, i32> {
    let mut all = Vec::new();
    let mut bytes = 0;
    let mut at = from;
    let mut block = [0_u8; 64 * 8];
    let mut pointers = Vec::new();
    // The kernel takes a null list as an empty one.
    while at != 0 {
        let in_page = (PAGE - at % PAGE) as usize;
        // A pointer that lies across two pages is read by itself.
        let wanted = if in_page < 8 { 8 } else { block.len().min(in_page / 8 * 8) };
        let got = memory.read(at, &mut block[..wanted]).map_err(|_| libc::EFAULT)?;
        if got < 8 {
            return Err(libc::EFAULT);
        }
        pointers.clear();
        for pointer in block[..got / 8 * 8].chunks_exact(8) {
            let pointer = u64::from_ne_bytes(pointer.try_into().expect("chunks of eight"));
            if pointer == 0 {
                at = 0;
                break;
            }
            pointers.push(pointer);
            at += 8;
        }
        for text in strings_at(memory, &pointers)? {
            bytes += text.len() + 9;
            if bytes > ARGUMENT_BYTES {
                return Err(libc::E2BIG);
            }
            all.push(text);
        }
    }
    // What the kernel makes of an empty list since 5.18.
    if all.is_empty() {
        all.push(Vec::new());
    }
    Ok(all)
}

/// The texts that pointers lead to. Most are short: the beginnings of some are read at once.
fn strings_at(memory: &Memory, pointers: &[u64]) -> Result<Vec<Vec<u8>>, i32> {
    let mut all = Vec::with_capacity(pointers.len());
    let mut begun = [0; BEGINNINGS * BEGINNING_BYTES];
    for group in pointers.chunks(BEGINNINGS) {
        // Not over the end of a page, as in `string`.
        let mut pieces = [(0, 0); BEGINNINGS];
        let mut wanted = 0;
        for (piece, pointer) in pieces.iter_mut().zip(group) {
            *piece = (*pointer, BEGINNING_BYTES.min((PAGE - pointer % PAGE) as usize));
            wanted += piece.1;
        }
        let whole = memory.read_all(&pieces[..group.len()], &mut begun[..wanted]).ok() == Some(wanted);
        let mut rest = &begun[..if whole { wanted } else { 0 }];
        for (pointer, length) in &pieces[..group.len()] {
            let (beginning, others) = rest.split_at(rest.len().min(*length));
            rest = others;
            all.push(match beginning.iter().position(|byte| *byte == 0) {
                Some(end) => beginning[..end].to_vec(),
                None => string(memory, *pointer, ARGUMENT_BYTES)?,
            });
        }
    }
    Ok(all)
}

/// Opens the name of a file, not the file.
fn open(path: &Path, follow: bool) -> Result<(File, Executable), i32> {
    use std::os::fd::AsRawFd;
    let mut flags = OFlags::PATH | OFlags::CLOEXEC;
    if !follow {
        flags |= OFlags::NOFOLLOW;
    }
    let file = rustix::fs::open(path, flags, Mode::empty()).map_err(|error| error.raw_os_error())?;
    let file = File::from(file);
    let name = fs::read_link(format!("/proc/self/fd/{}", file.as_raw_fd())).map_err(|_| libc::EACCES)?;
    let metadata = file.metadata().map_err(|_| libc::EACCES)?;
    Ok((file, executable(name, &metadata)))
}

fn executable(path: PathBuf, metadata: &fs::Metadata) -> Executable {
    Executable {
        path,
        device: metadata.dev(),
        inode: metadata.ino(),
        owner: metadata.uid(),
        group: metadata.gid(),
        mode: metadata.mode(),
        links: metadata.nlink(),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    }
}

/// A program as it was loaded, before its first instruction.
#[derive(Debug)]
pub(super) struct Loaded {
    pub(super) exe: Executable,
    pub(super) execfn: Vec<u8>,
    pub(super) argv: Vec<Vec<u8>>,
    /// Names of those variables only that change how programs are loaded.
    pub(super) environment: Vec<Vec<u8>>,
    /// Of the new program: a setuid one has another than who started it.
    pub(super) euid: u32,
}

/// `pid` is traced and stands still after its exec.
pub(super) fn loaded(pid: i32) -> io::Result<Loaded> {
    let link = format!("/proc/{pid}/exe");
    let exe = executable(fs::read_link(&link)?, &fs::metadata(&link)?);
    if let Some(Stack { argv, environment, execfn, euid }) = from_stack(pid) {
        return Ok(Loaded { exe, execfn, argv, environment, euid });
    }
    from_files(pid, exe)
}

fn from_stack(pid: i32) -> Option<Stack> {
    let from = kernel::stack_pointer(pid).ok()??;
    let mut bytes = [0; STACK_BYTES];
    let read = Memory::of(pid).read(from, &mut bytes).ok()?;
    stack::read(from, &bytes[..read])
}

/// For long arguments, and programs of 32 bits.
fn from_files(pid: i32, exe: Executable) -> io::Result<Loaded> {
    let argv = strings(&whole(&format!("/proc/{pid}/cmdline"))?);
    let environment = strings(&whole(&format!("/proc/{pid}/environ"))?)
        .into_iter()
        .map(|mut pair| {
            let name = pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len());
            pair.truncate(name);
            pair
        })
        .filter(|name| changes_loading(name))
        .collect();
    Ok(Loaded { exe, execfn: execfn(pid)?, argv, environment, euid: relations(pid).euid })
}

/// Room for what nearly all of these files hold: then one read gets it, and a second one sees the end.
const USUAL_BYTES: usize = 8 * 1024;

fn whole(path: &str) -> io::Result<Vec<u8>> {
    let mut all = Vec::with_capacity(USUAL_BYTES);
    let limit = ARGUMENT_BYTES as u64 + 1;
    File::open(path)?.take(limit).read_to_end(&mut all)?;
    if all.len() > ARGUMENT_BYTES {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(all)
}

/// Texts that each end with a NUL.
fn strings(bytes: &[u8]) -> Vec<Vec<u8>> {
    let bytes = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    bytes.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect()
}

fn execfn(pid: i32) -> io::Result<Vec<u8>> {
    let auxv = whole(&format!("/proc/{pid}/auxv"))?;
    let word = |bytes: &[u8]| u64::from_ne_bytes(bytes.try_into().expect("chunks of eight"));
    let at = auxv
        .chunks_exact(16)
        .find(|pair| word(&pair[..8]) == libc::AT_EXECFN)
        .map(|pair| word(&pair[8..]))
        .ok_or(io::ErrorKind::InvalidData)?;
    string(&Memory::of(pid), at, PATH_BYTES).map_err(io::Error::from_raw_os_error)
}

/// Whether a file still is as it was, at the name that it had.
pub(super) fn is_unchanged(file: &Executable) -> bool {
    fs::metadata(&file.path).is_ok_and(|now| executable(PathBuf::new(), &now).is_same(file))
}

/// Who a process is; zeroes for what cannot be read.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Relations {
    pub(super) ppid: i32,
    pub(super) pgid: i32,
    pub(super) euid: u32,
}

pub(super) fn relations(pid: i32) -> Relations {
    let group = rustix::process::Pid::from_raw(pid).and_then(|pid| rustix::process::getpgid(Some(pid)).ok());
    let mut relations =
        Relations { pgid: group.map_or(0, |group| group.as_raw_nonzero().get()), ..Relations::default() };
    // Both lines are among the first ten.
    let mut start = [0; 1024];
    let read = File::open(format!("/proc/{pid}/status")).and_then(|mut status| status.read(&mut start));
    let status = String::from_utf8_lossy(&start[..read.unwrap_or(0)]);
    for line in status.lines() {
        if let Some(ppid) = line.strip_prefix("PPid:") {
            relations.ppid = ppid.trim().parse().unwrap_or(0);
        } else if let Some(uids) = line.strip_prefix("Uid:") {
            relations.euid =
                uids.split_ascii_whitespace().nth(1).and_then(|uid| uid.parse().ok()).unwrap_or(0);
            break;
        }
    }
    relations
}

/// Its working directory; empty when that cannot be read.
pub(super) fn cwd(pid: i32) -> PathBuf {
    fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_mean_the_reader_are_led_to_the_process() {
        let led = |name: &str| reachable(7, "/proc/7/cwd", name.as_bytes());
        assert_eq!(led("/bin/ls"), Path::new("/bin/ls"));
        assert_eq!(led("./a"), Path::new("/proc/7/cwd/./a"));
        assert_eq!(led("/proc/self/exe"), Path::new("/proc/7/exe"));
        assert_eq!(led("/dev/fd/5"), Path::new("/proc/7/fd/5"));
    }

    #[test]
    fn this_very_process_can_be_read_as_one_that_was_loaded() {
        let own = i32::try_from(std::process::id()).expect("pids fit");
        let loaded = loaded(own).expect("we may read ourselves");
        let exe = std::env::current_exe().expect("it is known");
        assert_eq!(loaded.exe.path, exe);
        let argv: Vec<_> = std::env::args_os().map(|arg| arg.as_bytes().to_vec()).collect();
        assert_eq!(loaded.argv, argv);
        assert!(!loaded.execfn.is_empty());
    }
}
