//! The directories of a user, by the XDG Base Directory Specification. Each is made with mode 0700
//! if it is missing, and is ours alone when returned.

use std::env;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

const NAME: &str = "bastide";
const PRIVATE: u32 = 0o700;
/// Every right of group and others.
const OTHERS: u32 = 0o077;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("HOME is not set or not absolute, and neither is {variable}")]
    NoHome { variable: &'static str },
    #[error("cannot create the directory {}: {cause}", path.display())]
    Create { path: PathBuf, cause: io::Error },
    #[error("{} is not a directory", path.display())]
    NotDirectory { path: PathBuf },
    #[error("{} belongs to uid {owner}, not to {own}: remove it, or name another directory", path.display())]
    Owner { path: PathBuf, owner: u32, own: u32 },
    #[error("{} is open to others (mode {mode:o}): check what is in it, then chmod 700 it", path.display())]
    Open { path: PathBuf, mode: u32 },
}

/// For sockets and tokens, gone after a restart of the machine: `$XDG_RUNTIME_DIR/bastide`, else
/// `/run/user/UID/bastide`, else `/tmp/bastide-UID`. One that others could have put files into is
/// refused.
pub fn runtime_dir() -> Result<PathBuf, Error> {
    let uid = uid();
    let path = runtime_path(env::var_os("XDG_RUNTIME_DIR"), uid, is_dir_of);
    private(&path, uid, Loose::Refused)
}

/// For what is kept but can be made anew: logs, the node's id, the event log.
/// `$XDG_STATE_HOME/bastide`, else `~/.local/state/bastide`.
pub fn state_dir() -> Result<PathBuf, Error> {
    home_dir("XDG_STATE_HOME", ".local/state")
}

/// For what cannot be made anew: recordings, the database. `$XDG_DATA_HOME/bastide`, else
/// `~/.local/share/bastide`.
pub fn data_dir() -> Result<PathBuf, Error> {
    home_dir("XDG_DATA_HOME", ".local/share")
}

/// Where the settings file lies, if there is one; nothing is created. `$XDG_CONFIG_HOME/bastide`,
/// else `~/.config/bastide`.
pub fn config_dir() -> Result<PathBuf, Error> {
    home_path("XDG_CONFIG_HOME", ".config", |name| env::var_os(name))
}

/// Makes `path` (and what is missing above it) and makes sure that only this account may use it:
/// for directories named by settings.
pub fn private_dir(path: &Path) -> Result<PathBuf, Error> {
    private(path, uid(), Loose::Tightened)
}

fn home_dir(variable: &'static str, below_home: &str) -> Result<PathBuf, Error> {
    let path = home_path(variable, below_home, |name| env::var_os(name))?;
    private(&path, uid(), Loose::Tightened)
}

fn home_path(
    variable: &'static str,
    below_home: &str,
    lookup: impl Fn(&str) -> Option<OsString>,
) -> Result<PathBuf, Error> {
    if let Some(base) = absolute(lookup(variable)) {
        return Ok(base.join(NAME));
    }
    let home = absolute(lookup("HOME")).ok_or(Error::NoHome { variable })?;
    Ok(home.join(below_home).join(NAME))
}

fn runtime_path(xdg: Option<OsString>, uid: u32, usable: impl Fn(&Path, u32) -> bool) -> PathBuf {
    // Another user's is what `sudo -E` and `su` leave behind; a job without a login has none, and
    // must find the daemon of the login all the same.
    let login = PathBuf::from(format!("/run/user/{uid}"));
    let found = absolute(xdg).into_iter().chain([login]).find(|base| usable(base, uid));
    match found {
        Some(base) => base.join(NAME),
        None => PathBuf::from(format!("/tmp/{NAME}-{uid}")),
    }
}

/// The specification: a relative path is to be ignored.
fn absolute(path: Option<OsString>) -> Option<PathBuf> {
    path.map(PathBuf::from).filter(|path| path.is_absolute())
}

fn is_dir_of(path: &Path, uid: u32) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_dir() && meta.uid() == uid)
}

fn uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

/// What to do with our own directory that others may use.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Loose {
    Refused,
    Tightened,
}

fn private(path: &Path, own: u32, loose: Loose) -> Result<PathBuf, Error> {
    let create = |cause| Error::Create { path: path.to_owned(), cause };
    // Recursive, so that an existing one is no error; it is looked at either way.
    let mut builder = DirBuilder::new();
    builder.recursive(true).mode(PRIVATE);
    match builder.create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(create(error)),
        _ => {}
    }
    // Not through a symbolic link: in /tmp anyone may have put one there. Once it is a directory
    // of ours, the sticky bit keeps others from replacing it.
    let meta = fs::symlink_metadata(path).map_err(create)?;
    let path = path.to_owned();
    if !meta.is_dir() {
        return Err(Error::NotDirectory { path });
    }
    let owner = meta.uid();
    if owner != own {
        return Err(Error::Owner { path, owner, own });
    }
    let mode = meta.mode() & 0o7777;
    if mode & OTHERS != 0 {
        if loose == Loose::Refused {
            return Err(Error::Open { path, mode });
        }
        let tightened = Permissions::from_mode(PRIVATE);
        fs::set_permissions(&path, tightened).map_err(create)?;
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).expect("exists").mode() & 0o7777
    }

    #[test]
    fn relative_and_missing_variables_fall_back_to_home() {
        let home = |name: &str| (name == "HOME").then(|| "/home/ada".into());
        let path = home_path("XDG_STATE_HOME", ".local/state", home).expect("has a home");
        assert_eq!(path, Path::new("/home/ada/.local/state/bastide"));
        let relative = |name: &str| Some(if name == "HOME" { "/home/ada" } else { "x" }.into());
        let path = home_path("XDG_DATA_HOME", ".local/share", relative).expect("has a home");
        assert_eq!(path, Path::new("/home/ada/.local/share/bastide"));
        let error = home_path("XDG_DATA_HOME", "x", |_| None).expect_err("no home");
        assert!(error.to_string().contains("XDG_DATA_HOME"));
    }

    #[test]
    fn the_runtime_directory_of_another_user_is_not_taken() {
        let ours = |path: &Path, _: u32| path == Path::new("/run/user/7");
        let path = runtime_path(Some("/run/user/1000".into()), 7, ours);
        assert_eq!(path, Path::new("/run/user/7/bastide"));
        let path = runtime_path(Some("/run/user/1000".into()), 7, |_, _| false);
        assert_eq!(path, Path::new("/tmp/bastide-7"));
        let path = runtime_path(Some("/custom".into()), 7, |_, _| true);
        assert_eq!(path, Path::new("/custom/bastide"));
    }

    #[test]
    fn a_new_directory_is_private_and_an_open_one_is_tightened_or_refused() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let path = dir.path().join("a/b");
        assert_eq!(private(&path, uid(), Loose::Refused).ok(), Some(path.clone()));
        assert_eq!(mode(&path), 0o700);
        fs::set_permissions(&path, Permissions::from_mode(0o770)).expect("ours");
        let error = private(&path, uid(), Loose::Refused).expect_err("open to others");
        assert!(error.to_string().contains("mode 770"), "{error}");
        assert!(private(&path, uid(), Loose::Tightened).is_ok());
        assert_eq!(mode(&path), 0o700);
    }

    #[test]
    fn links_files_and_strangers_directories_are_refused() {
        let dir = tempfile::tempdir().expect("temporary directory");
        let (target, link) = (dir.path().join("target"), dir.path().join("link"));
        fs::create_dir(&target).expect("new");
        std::os::unix::fs::symlink(&target, &link).expect("new");
        let refused = private(&link, uid(), Loose::Refused);
        assert!(matches!(refused, Err(Error::NotDirectory { .. })));
        let file = dir.path().join("file");
        fs::write(&file, "").expect("new");
        assert!(private(&file, uid(), Loose::Refused).is_err());
        let refused = private(&target, uid() + 1, Loose::Refused);
        assert!(matches!(refused, Err(Error::Owner { .. })));
    }
}
