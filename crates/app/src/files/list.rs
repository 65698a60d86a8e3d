//! What is in a directory.

use bastide_ssh::{Entry, Sftp};
use bastide_wire::file_name::shown;
use bastide_wire::sftp::{self, Attributes};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use super::failure::Tried;
use super::far::{Far, Road, allowed};
use super::{At, join};
use crate::Error;
use crate::context::{Action, Ctx};

/// Some 20 MB while they are sorted. Of a directory with more, these are shown.
const MAX_ENTRIES: usize = 100_000;
/// The same of names that are long.
const MAX_LISTED: usize = 32 * 1024 * 1024;

/// What something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FileKind)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    File,
    Directory,
    Link,
    Other,
}

impl From<sftp::Kind> for Kind {
    fn from(kind: sftp::Kind) -> Self {
        match kind {
            sftp::Kind::File => Self::File,
            sftp::Kind::Directory => Self::Directory,
            sftp::Kind::Link => Self::Link,
            sftp::Kind::Other => Self::Other,
        }
    }
}

/// A file, a directory or what else there is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RemoteFile)]
pub struct File {
    /// A backslash stands as `\\`; `\xNN` is a byte that is no text, or would not be seen.
    pub name: String,
    pub kind: Kind,
    /// Of a link, what it leads to; null where that is nothing.
    pub leads_to: Option<Kind>,
    /// In bytes.
    pub size: Option<u64>,
    pub modified: Option<Timestamp>,
    /// Permissions, such as 420 for 0644.
    pub mode: Option<u32>,
    pub uid: Option<u32>,
    pub gid: Option<u32>,
}

impl File {
    pub(super) fn new(name: &[u8], attributes: &Attributes) -> Self {
        let changed = attributes.times.map(|(_, changed)| changed);
        Self {
            name: shown(name),
            kind: attributes.kind().into(),
            leads_to: None,
            size: attributes.size,
            modified: changed.and_then(|changed| Timestamp::from_second(changed.into()).ok()),
            mode: attributes.permissions(),
            uid: attributes.owner.map(|(user, _)| user),
            gid: attributes.owner.map(|(_, group)| group),
        }
    }
}

/// A piece of a directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = FileList)]
pub struct List {
    /// Absolute and without links, in the form of names.
    pub path: String,
    /// By name.
    pub files: Vec<File>,
    /// The `cursor` of the next page; null at the end.
    pub next: Option<String>,
    /// There are more than are ever shown.
    pub truncated: bool,
    /// Bytes that are free there, where the server can tell.
    pub free: Option<u64>,
}

/// Lists a directory, of an empty path the account's own, in pieces after a name.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Limit`, `Ssh`, `File`, `Storage`.
pub async fn list(ctx: &Ctx, at: At, (limit, after): (usize, Option<Vec<u8>>)) -> Result<List, Error> {
    let road = Road::to(ctx, Action::FileList, at.on).await?;
    let (ctx, about) = (road.ctx().clone(), road.about("list", &at.path));
    let listed = look(road, &at.path, (limit, after)).await;
    let (phase, why) = match &listed {
        Ok(_) => ("done", None),
        Err(error) => ("failed", Some(error.to_string())),
    };
    // One entry: a look changes nothing. Nothing is shown that is not in the log.
    ctx.note(Action::FileList, &about, phase, why).await?;
    listed
}

async fn look(road: Road, path: &[u8], piece: (usize, Option<Vec<u8>>)) -> Result<List, Error> {
    let Far { mut sftp, mut right, account, .. } = road.open().await?;
    let tried = Tried { path, account: &account };
    allowed(&mut right, async {
        let real = match sftp.real_path(path).await {
            Ok(real) => real,
            Err(error) => return Err(tried.listing(&mut sftp, error).await.into()),
        };
        let tried = Tried { path: &real, account: &account };
        let (mut entries, truncated) = entries(&mut sftp, &tried).await?;
        entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        let (limit, after) = piece;
        let first = after.map_or(0, |after| entries.partition_point(|entry| entry.name <= after));
        let more = entries.len() > first.saturating_add(limit);
        entries.truncate(first.saturating_add(limit));
        let entries = entries.split_off(first.min(entries.len()));
        let next = entries.last().filter(|_| more).map(|entry| shown(&entry.name));
        let files = followed(&mut sftp, &tried, &entries).await?;
        let free = sftp.space(&real).await.ok().flatten().map(|space| space.free);
        Ok(List { path: shown(&real), files, next, truncated, free })
    })
    .await
}

/// All of a directory, up to a bound; whether there is more.
pub(super) async fn entries(sftp: &mut Sftp, tried: &Tried<'_>) -> Result<(Vec<Entry>, bool), Error> {
    let directory = match sftp.open_directory(tried.path).await {
        Ok(directory) => directory,
        Err(error) => return Err(tried.listing(sftp, error).await.into()),
    };
    let failed = |error| Error::from(tried.failed(error));
    let (mut all, mut bytes, mut truncated) = (Vec::new(), 0, false);
    while let Some(entries) = sftp.entries(&directory).await.map_err(failed)? {
        bytes += weight(&entries);
        all.extend(entries);
        truncated = all.len() > MAX_ENTRIES || bytes > MAX_LISTED;
        if truncated {
            break;
        }
    }
    sftp.close(&directory).await.map_err(failed)?;
    all.truncate(MAX_ENTRIES);
    Ok((all, truncated))
}

/// Memory that they take, in bytes.
pub(super) fn weight(entries: &[Entry]) -> usize {
    entries.iter().map(|entry| entry.name.len() + size_of::<Entry>()).sum()
}

/// With what links lead to.
async fn followed(sftp: &mut Sftp, tried: &Tried<'_>, entries: &[Entry]) -> Result<Vec<File>, Error> {
    let links = entries.iter().filter(|entry| entry.attributes.kind() == sftp::Kind::Link);
    let links: Vec<_> = links.map(|entry| join(tried.path, &entry.name)).collect();
    let targets = sftp.stat_all(&links).await.map_err(|error| tried.failed(error))?;
    let mut targets = targets.into_iter();
    let file = |entry: &Entry| {
        let mut file = File::new(&entry.name, &entry.attributes);
        if file.kind == Kind::Link {
            file.leads_to = targets.next().flatten().map(|target| target.kind().into());
        }
        file
    };
    Ok(entries.iter().map(file).collect())
}

/// One file or directory; of a link, the link.
///
/// # Errors
/// As [`list`].
pub async fn stat(ctx: &Ctx, at: At) -> Result<File, Error> {
    let road = Road::to(ctx, Action::FileList, at.on).await?;
    let Far { mut sftp, mut right, account, .. } = road.open().await?;
    let tried = Tried { path: &at.path, account: &account };
    let path = if at.path.is_empty() { b".".as_slice() } else { &at.path };
    allowed(&mut right, async {
        let found = sftp.stat_link(path).await.map_err(|error| tried.failed(error))?;
        let mut file = File::new(path.rsplit(|byte| *byte == b'/').next().unwrap_or_default(), &found);
        if file.kind == Kind::Link {
            file.leads_to = sftp.stat(path).await.ok().map(|target| target.kind().into());
        }
        Ok(file)
    })
    .await
}
