//! The supervisor's namespaces, which the session's processes inherit: what they see of the machine.

use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sched::CloneFlags;
use rustix::fs::{Mode, OFlags};

use super::kernel::Below;
use super::layers::{Layer, Layers};
use super::{Confinement, Profile, kernel};

/// Where programs of the machine are; in *closed* everything else is noexec.
pub(super) const PROGRAMS: [&str; 11] =
    ["/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt", "/nix", "/gnu", "/snap"];

/// Directories that a session has for itself, with the options of their tmpfs.
const OWN: [(&str, &str); 4] = [
    ("/tmp", "mode=1777,size=25%"),
    ("/var/tmp", "mode=1777,size=25%"),
    ("/dev/shm", "mode=1777,size=25%"),
    ("/run", "mode=755,size=10%"),
];

/// Listening sockets outside of the directories above that are made unreachable at the start; more
/// than any machine has.
const SOCKETS: usize = 256;

/// What the namespaces are made for.
#[derive(Debug)]
pub(super) struct Request<'a> {
    pub(super) profile: Profile,
    pub(super) confinement: &'a Confinement,
    pub(super) home: &'a Path,
    pub(super) directory: &'a Path,
    /// uid and gid of the session, when not ours.
    pub(super) identity: Option<(u32, u32)>,
}

/// Whether filters and Landlock can be had without `no_new_privs`, and namespaces as they are.
pub(super) fn is_privileged() -> bool {
    const SYS_ADMIN: u32 = 21;
    const SYS_PTRACE: u32 = 19;
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = line.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    rustix::process::geteuid().is_root()
        && [SYS_ADMIN, SYS_PTRACE].iter().all(|bit| effective >> bit & 1 == 1)
}

/// Whether uid 0 is somebody in our user namespace, so that files can belong to it.
pub(super) fn knows_root() -> bool {
    let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    map.lines().any(|line| line.split_ascii_whitespace().next() == Some("0"))
}

/// Enters a mount namespace and furnishes it; notes [`Layer::Setuid`], [`Layer::Mounts`] and
/// [`Layer::Noexec`]. Without the right to, it tries a user namespace.
pub(super) fn enter(request: &Request<'_>, layers: &mut Layers) {
    let privileged = is_privileged();
    let unprivileged = || Err("the daemon does not run as root".to_owned());
    layers.note(Layer::Setuid, if privileged { Ok(()) } else { unprivileged() });
    if let Err(error) = own_namespace(privileged) {
        layers.note(Layer::Mounts, Err(error.to_string()));
        layers.note(Layer::Noexec, Err("it needs a mount namespace".to_owned()));
        return;
    }
    let furnished = furnish(request).map_err(|(what, error)| format!("{what}: {error}"));
    let noexec = match request.profile {
        Profile::Closed => {
            forbid_programs(&request.confinement.executable).map_err(|error| error.to_string())
        }
        Profile::Workbench => Err("own programs may run in the profile workbench".to_owned()),
    };
    layers.note(Layer::Mounts, furnished);
    layers.note(Layer::Noexec, noexec);
}

/// No new executable memory, `PR_SET_MDWE`; all descendants have it too.
pub(super) fn refuse_new_code() -> Result<(), String> {
    kernel::set(libc::PR_SET_MDWE, libc::PR_MDWE_REFUSE_EXEC_GAIN.into()).map_err(|error| error.to_string())
}

fn own_namespace(privileged: bool) -> io::Result<()> {
    let mut wanted = CloneFlags::CLONE_NEWNS;
    let (uid, gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    if !privileged {
        wanted |= CloneFlags::CLONE_NEWUSER;
    }
    nix::sched::unshare(wanted)?;
    if !privileged {
        // The same numbers inside as outside; user_namespaces(7) wants setgroups refused before.
        fs::write("/proc/self/setgroups", "deny")?;
        fs::write("/proc/self/uid_map", format!("{uid} {uid} 1"))?;
        fs::write("/proc/self/gid_map", format!("{gid} {gid} 1"))?;
    }
    let none: Option<&str> = None;
    mount(none, "/", none, MsFlags::MS_REC | MsFlags::MS_PRIVATE, none)?;
    Ok(())
}

type Furnished = Result<(), (String, io::Error)>;

fn furnish(request: &Request<'_>) -> Furnished {
    let at = |what: &Path| {
        let what = what.display().to_string();
        move |error: io::Error| (what, error)
    };
    // First: what is bound or covered later keeps what it was made of.
    for path in &request.confinement.read_only {
        refuse_writes(path).map_err(at(path))?;
    }
    let sockets = listening_sockets();
    let kept = kept(request);
    for (directory, options) in OWN {
        let directory = Path::new(directory);
        // `/var/run` and the like are links to one of the others.
        if fs::symlink_metadata(directory).is_ok_and(|metadata| metadata.is_dir()) {
            cover(directory, options, &kept).map_err(at(directory))?;
        }
    }
    runtime_directories(request).map_err(at(Path::new("/run")))?;
    for hidden in &request.confinement.hidden {
        hide(hidden).map_err(at(hidden))?;
    }
    // On the workbench what listens in the home directory is the account's own affair.
    let is_own = |socket: &Path| request.profile == Profile::Workbench && socket.starts_with(request.home);
    for socket in sockets.iter().filter(|socket| !is_own(socket)) {
        hide(socket).map_err(at(socket))?;
    }
    Ok(())
}

fn refuse_writes(path: &Path) -> io::Result<()> {
    let none: Option<&str> = None;
    if path != Path::new("/") {
        mount(Some(path), path, none, MsFlags::MS_BIND | MsFlags::MS_REC, none)?;
    }
    let name = CString::new(path.as_os_str().as_bytes())?;
    kernel::set_mount_flags(&name, libc::MOUNT_ATTR_RDONLY, Below::Too)
}

/// What stays visible where its surroundings are covered.
fn kept(request: &Request<'_>) -> Vec<PathBuf> {
    let mut kept = vec![request.home.to_owned(), request.directory.to_owned()];
    kept.extend(request.confinement.writable.iter().cloned());
    kept.extend(request.confinement.executable.iter().cloned());
    // Names are resolved through a file that some machines keep in /run.
    kept.extend(fs::canonicalize("/etc/resolv.conf"));
    kept.retain(|path| OWN.iter().any(|(own, _)| path.starts_with(own) && path != Path::new(own)));
    kept.sort();
    kept.dedup();
    kept
}

/// An empty directory over `directory`, with those of `kept` in it that lie below.
fn cover(directory: &Path, options: &str, kept: &[PathBuf]) -> io::Result<()> {
    let handles: Vec<_> = kept
        .iter()
        .filter(|path| path.starts_with(directory))
        .filter_map(|path| {
            let handle = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
            let is_directory = fs::metadata(path).ok()?.is_dir();
            Some((path, handle, is_directory))
        })
        .collect();
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
    mount(Some("tmpfs"), directory, Some("tmpfs"), flags, Some(options))?;
    for (path, handle, is_directory) in handles {
        if is_directory {
            fs::DirBuilder::new().recursive(true).mode(0o755).create(path)?;
        } else {
            fs::DirBuilder::new().recursive(true).mode(0o755).create(path.parent().unwrap_or(directory))?;
            fs::write(path, "")?;
        }
        let source = format!("/proc/self/fd/{}", handle.as_raw_fd());
        let none: Option<&str> = None;
        mount(Some(source.as_str()), path, none, MsFlags::MS_BIND | MsFlags::MS_REC, none)?;
    }
    Ok(())
}

/// What programs look for in an otherwise empty `/run`.
fn runtime_directories(request: &Request<'_>) -> io::Result<()> {
    let make = |path: &Path, mode: u32| -> io::Result<()> {
        fs::DirBuilder::new().recursive(true).create(path)?;
        fs::set_permissions(path, fs::Permissions::from_mode(mode))
    };
    make(Path::new("/run/lock"), 0o1777)?;
    let own = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let (uid, gid) = request.identity.unwrap_or(own);
    let runtime = PathBuf::from(format!("/run/user/{uid}"));
    make(&runtime, 0o700)?;
    std::os::unix::fs::chown(&runtime, Some(uid), Some(gid))
}

/// Nothing is behind the name any more. What is not there needs no hiding.
fn hide(path: &Path) -> io::Result<()> {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return Ok(());
    };
    let none: Option<&str> = None;
    if metadata.is_dir() {
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC | MsFlags::MS_RDONLY;
        return Ok(mount(Some("tmpfs"), path, Some("tmpfs"), flags, Some("mode=000,size=4k"))?);
    }
    Ok(mount(Some("/dev/null"), path, none, MsFlags::MS_BIND, none)?)
}

/// Path sockets that somebody listens on, unix(7): they are in the way of a session where the kernel
/// cannot limit them otherwise.
fn listening_sockets() -> Vec<PathBuf> {
    const LISTENS: &str = "00010000";
    let table = fs::read("/proc/net/unix").unwrap_or_default();
    table
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let text = std::str::from_utf8(line).ok()?;
            let mut fields = text.split_ascii_whitespace();
            (fields.nth(3)? == LISTENS).then_some(())?;
            let path = fields.nth(3)?;
            path.starts_with('/').then(|| PathBuf::from(path))
        })
        .take(SOCKETS)
        .collect()
}

/// Makes every mount noexec, nosuid and nodev but those with the machine's programs.
fn forbid_programs(executable: &[PathBuf]) -> io::Result<()> {
    let none: Option<&str> = None;
    let mut trees: Vec<&Path> = PROGRAMS.iter().map(Path::new).collect();
    trees.extend(executable.iter().map(PathBuf::as_path));
    trees.retain(|tree| fs::symlink_metadata(tree).is_ok_and(|metadata| metadata.is_dir()));
    for tree in &trees {
        // A mount of its own, so that it keeps what the rest loses.
        mount(Some(*tree), *tree, none, MsFlags::MS_BIND | MsFlags::MS_REC, none)?;
    }
    let all = libc::MOUNT_ATTR_NOEXEC | libc::MOUNT_ATTR_NOSUID;
    for point in mount_points()? {
        if trees.iter().any(|tree| point.starts_with(tree)) {
            continue;
        }
        let flags = if point.starts_with("/dev") { all } else { all | libc::MOUNT_ATTR_NODEV };
        let path = CString::new(point.as_os_str().as_bytes())?;
        match kernel::set_mount_flags(&path, flags, Below::Not) {
            // Covered by another mount: there is no way to it.
            Err(error) if matches!(error.raw_os_error(), Some(libc::EINVAL | libc::ENOENT)) => {
                is_covered(&point).then_some(()).ok_or(error)?;
            }
            result => result?,
        }
    }
    Ok(())
}

/// The last mount under a name is the one that the name leads to; others are out of reach.
fn is_covered(point: &Path) -> bool {
    let own = fs::metadata(point).map(|metadata| metadata.dev());
    let parent = point.parent().and_then(|parent| fs::metadata(parent).ok()).map(|metadata| metadata.dev());
    own.ok() == parent || !point.exists()
}

/// Of this namespace, proc_pid_mountinfo(5).
fn mount_points() -> io::Result<Vec<PathBuf>> {
    let table = fs::read("/proc/self/mountinfo")?;
    let points =
        table.split(|byte| *byte == b'\n').filter_map(|line| line.split(|byte| *byte == b' ').nth(4));
    let mut points: Vec<_> = points.map(unescaped).collect();
    points.sort();
    points.dedup();
    Ok(points)
}

/// Blanks and backslashes are written as three octal digits.
fn unescaped(text: &[u8]) -> PathBuf {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = tail;
        let code = (*first == b'\\').then(|| tail.get(..3)).flatten();
        let code = code.and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok());
        if code.is_some() {
            rest = &tail[3..];
        }
        plain.push(code.unwrap_or(*first));
    }
    PathBuf::from(std::ffi::OsString::from(std::ffi::OsStr::from_bytes(&plain)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blanks_in_the_names_of_mounts_are_read() {
        assert_eq!(unescaped(b"/mnt/a\\040b\\134c"), Path::new("/mnt/a b\\c"));
        assert_eq!(unescaped(b"/plain"), Path::new("/plain"));
    }

    #[test]
    fn the_mounts_of_this_machine_are_listed() {
        let points = mount_points().expect("proc is there");
        assert!(points.iter().any(|point| point == Path::new("/")));
    }
}
