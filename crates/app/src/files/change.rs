//! Directories made, and whatever is there renamed, removed, and given other permissions.

use bastide_ssh::Sftp;
use bastide_wire::sftp::Kind;

use super::failure::Tried;
use super::far::{Far, Road, allowed};
use super::list::entries;
use super::permissions::chmod;
use super::{At, FileError, join, named, shown};
use crate::Error;
use crate::context::{Action, Ctx};

/// More than this in one directory and all below it is removed in a terminal.
const MAX_REMOVED: usize = 50_000;
/// Directories in each other: no deeper than paths are long.
const MAX_DEPTH: usize = 256;

/// What is to be done to something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    MakeDirectory,
    /// Another name or place on the same file system. What has that name stays, unless it may be replaced.
    Rename {
        to: Vec<u8>,
        replace: bool,
    },
    /// Permissions, at most 0o7777. A link has none, and those of what it leads to stay as they are.
    Chmod(u32),
    /// Removes a file, a link, or a directory, which has to be empty unless `all` goes with it. Links are removed and
    /// never followed.
    Remove {
        all: bool,
    },
}

impl Change {
    /// In the log.
    fn does(&self) -> &'static str {
        match self {
            Self::MakeDirectory => "mkdir",
            Self::Rename { .. } => "rename",
            Self::Chmod(_) => "chmod",
            Self::Remove { all: false } => "remove",
            Self::Remove { all: true } => "remove_all",
        }
    }

    fn check(&self, path: &[u8]) -> Result<(), Error> {
        match self {
            Self::Rename { to, .. } => named(to).and(named(path)).map(drop),
            Self::Chmod(mode) if *mode > 0o7777 => {
                Err(Error::Invalid("mode: at most 4095, which is 7777 in octal digits".to_owned()))
            }
            // A path that ends otherwise says nothing of whether a link is there.
            Self::Chmod(_) | Self::MakeDirectory | Self::Remove { .. } => named(path).map(drop),
        }
    }
}

/// Makes one change, which is in the log before and after; it goes on to its end when whoever asked leaves.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Invalid`, `Limit`, `Ssh`, `File`, `Storage`.
pub async fn change(ctx: &Ctx, at: At, change: Change) -> Result<(), Error> {
    let road = Road::to(ctx, Action::FileUpload, at.on).await?;
    change.check(&at.path)?;
    let mut about = road.about(change.does(), &at.path);
    match &change {
        Change::Rename { to, .. } => about = about.with("to", shown(to)),
        Change::Chmod(mode) => about = about.with("mode", format!("{mode:04o}")),
        Change::MakeDirectory | Change::Remove { .. } => {}
    }
    let ctx = road.ctx().clone();
    ctx.audited(Action::FileUpload, about, async move |_| {
        let Far { mut sftp, mut right, account, .. } = road.open().await?;
        let tried = Tried { path: &at.path, account: &account };
        allowed(&mut right, apply(&mut sftp, tried, &change)).await
    })
    .await
}

async fn apply(sftp: &mut Sftp, tried: Tried<'_>, change: &Change) -> Result<(), Error> {
    match change {
        Change::MakeDirectory => match sftp.make_directory(tried.path).await {
            Ok(()) => Ok(()),
            Err(error) => Err(tried.making(sftp, error).await.into()),
        },
        Change::Rename { to, replace } => rename(sftp, tried, (to, *replace)).await,
        Change::Chmod(mode) => chmod(sftp, tried, *mode).await,
        Change::Remove { all } => remove(sftp, tried, *all).await,
    }
}

async fn rename(sftp: &mut Sftp, tried: Tried<'_>, (to, replace): (&[u8], bool)) -> Result<(), Error> {
    // Servers have another answer to it each.
    let found = sftp.stat_link(tried.path).await.map_err(|error| tried.failed(error))?;
    if let Ok(there) = sftp.stat_link(to).await {
        let both_files = there.kind() != Kind::Directory && found.kind() != Kind::Directory;
        if !replace || !both_files || !sftp.replaces() {
            return Err(FileError::Exists(shown(to)).into());
        }
    }
    match sftp.rename(tried.path, to, replace).await {
        Ok(()) => Ok(()),
        Err(error) => Err(Tried { path: to, account: tried.account }.making(sftp, error).await.into()),
    }
}

async fn remove(sftp: &mut Sftp, tried: Tried<'_>, all: bool) -> Result<(), Error> {
    let found = sftp.stat_link(tried.path).await.map_err(|error| tried.failed(error))?;
    if found.kind() != Kind::Directory {
        return sftp.remove(tried.path).await.map_err(|error| tried.failed(error).into());
    }
    if all {
        let mut left = MAX_REMOVED;
        return empty(sftp, tried, (&mut left, 0)).await;
    }
    match sftp.remove_directory(tried.path).await {
        Ok(()) => Ok(()),
        Err(_) if entries(sftp, &tried).await.is_ok_and(|(found, _)| !found.is_empty()) => {
            Err(FileError::refused(tried.path, "the directory is not empty").into())
        }
        Err(error) => Err(tried.failed(error).into()),
    }
}

/// A directory with all that is in it, from the bottom up.
async fn empty(sftp: &mut Sftp, tried: Tried<'_>, (left, depth): (&mut usize, usize)) -> Result<(), Error> {
    let (found, truncated) = entries(sftp, &tried).await?;
    if truncated || found.len() > *left || depth >= MAX_DEPTH {
        let why = format!("more than {MAX_REMOVED} files are in it: remove it in a terminal");
        return Err(FileError::refused(tried.path, why).into());
    }
    *left -= found.len();
    let (directories, files): (Vec<_>, Vec<_>) =
        found.iter().partition(|entry| entry.attributes.kind() == Kind::Directory);
    let files: Vec<_> = files.iter().map(|entry| join(tried.path, &entry.name)).collect();
    if let Err((path, error)) = sftp.remove_all(&files).await {
        return Err(Tried { path: &path, ..tried }.failed(error).into());
    }
    for directory in directories {
        let path = join(tried.path, &directory.name);
        Box::pin(empty(sftp, Tried { path: &path, ..tried }, (&mut *left, depth + 1))).await?;
    }
    sftp.remove_directory(tried.path).await.map_err(|error| tried.failed(error).into())
}
