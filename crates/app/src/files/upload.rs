//! Files to a server, in as many pieces as it takes.
//!
//! What has come lies beside its place under a name of its own until it is whole, and then takes its place at once. That
//! name follows from who sends what where: whoever begins the same upload again goes on where it was, also after this
//! process was started anew. How far it is, the server knows.

mod append;
mod begin;

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bastide_wire::sftp::{Attributes, Kind};
use tokio::sync::{Mutex as Turn, MutexGuard as Turned, watch};

use super::failure::Tried;
use super::far::{Far, Passed, Road, allowed};
use crate::Error;
use crate::context::{Action, Ctx};
use crate::error::{Conflict, TooMany, What};
use crate::sessions::OnServer;

pub use append::{Appended, Appending, append};
pub use begin::{Begun, New, begin};

/// Of everybody together; each is some 500 bytes.
const MAX_UPLOADS: usize = 4096;
/// Of one person: a page sends two at a time, so these are mostly ones that were left, and others need room too.
const MAX_OF_ONE: usize = 512;
/// Nobody went on with it for so long: it can be begun again.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(24 * 60 * 60);
/// Who sends a piece takes over from who sent the one before, and waits so long until that one is settled.
const SETTLED_WITHIN: Duration = Duration::from_secs(20);
/// Digits of an upload's id in the name of its part: enough to tell those of one directory apart.
const SHORT: usize = 16;

/// Uploads that are under way, by id.
#[derive(Debug, Default)]
pub(crate) struct Uploads(Mutex<HashMap<String, Arc<Upload>>>);

/// One of them.
#[derive(Debug)]
struct Upload {
    id: String,
    by: i64,
    on: OnServer,
    /// Where it is to be, without links on the way.
    path: Vec<u8>,
    part: Vec<u8>,
    size: u64,
    replace: bool,
    files: Files,
    /// Bytes that are there.
    offset: AtomicU64,
    /// Counts up with each who takes over.
    newest: watch::Sender<u64>,
    progress: Turn<Progress>,
    touched: Mutex<Instant>,
}

/// What is known of its files on the server.
#[derive(Debug)]
struct Files {
    /// The file that it takes the place of.
    before: Option<Attributes>,
    /// The user who writes the part, where the server tells users: nobody else's file is taken for it.
    writer: Option<u32>,
}

/// What the piece that is being sent changes.
#[derive(Debug)]
struct Progress {
    /// Of all that is there; `None` where not all of it came through this process.
    passed: Option<Passed>,
    /// It has taken its place.
    done: bool,
}

impl Uploads {
    fn all(&self) -> MutexGuard<'_, HashMap<String, Arc<Upload>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn find(&self, id: &str) -> Option<Arc<Upload>> {
        self.all().get(id).map(Arc::clone)
    }

    fn forget(&self, upload: &Upload) {
        self.all().remove(&upload.id);
    }

    /// Whether this one of theirs could be kept: before anything is made for it on the server.
    fn has_room(&self, id: &str, by: i64) -> Result<(), Error> {
        has_room(&mut self.all(), id, by)
    }

    /// The one that is there already where there is one.
    fn keep(&self, upload: Upload) -> Result<Arc<Upload>, Error> {
        let mut all = self.all();
        has_room(&mut all, &upload.id, upload.by)?;
        Ok(Arc::clone(all.entry(upload.id.clone()).or_insert_with(|| Arc::new(upload))))
    }
}

fn has_room(all: &mut HashMap<String, Arc<Upload>>, id: &str, by: i64) -> Result<(), Error> {
    all.retain(|_, upload| upload.touched().elapsed() < FORGOTTEN_AFTER);
    if all.contains_key(id) {
        return Ok(());
    }
    if all.values().filter(|other| other.by == by).count() >= MAX_OF_ONE {
        return Err(Conflict::from(TooMany::AtOnce { what: "uploads", most: MAX_OF_ONE }).into());
    }
    if all.len() >= MAX_UPLOADS {
        return Err(Error::Limit(format!("{MAX_UPLOADS} uploads are under way: finish some first")));
    }
    Ok(())
}

impl Upload {
    fn touched(&self) -> MutexGuard<'_, Instant> {
        self.touched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn offset(&self) -> u64 {
        self.offset.load(Ordering::Acquire)
    }

    /// Ends the piece that is being sent, if one is, and waits until it is known how far it came.
    async fn take_over(&self) -> Result<(Turned<'_, Progress>, watch::Receiver<u64>), Error> {
        *self.touched() = Instant::now();
        self.newest.send_modify(|count| *count += 1);
        let newest = self.newest.subscribe();
        match tokio::time::timeout(SETTLED_WITHIN, self.progress.lock()).await {
            Ok(progress) => Ok((progress, newest)),
            Err(_) => Err(Error::Limit("the piece before is not settled yet: try again".to_owned())),
        }
    }
}

/// Of the caller, on this server; whoever may not send files there is told so first.
fn find(ctx: &Ctx, server: i64, id: &str) -> Result<Arc<Upload>, Error> {
    let (grant, _) = ctx.authorize_server(Action::FileUpload, server)?;
    let by = grant.person().user.id;
    let found = ctx.app().uploads().find(id);
    let own = found.filter(|upload| upload.by == by && upload.on.server == server);
    own.ok_or(Error::NotFound(What::Upload))
}

/// How far an upload is: bytes that are there, and how many it will be. A piece that is still being sent ends by it.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Limit`.
pub async fn state(ctx: &Ctx, server: i64, id: &str) -> Result<(u64, u64), Error> {
    let upload = find(ctx, server, id)?;
    let (_turn, _) = upload.take_over().await?;
    Ok((upload.offset(), upload.size))
}

/// Gives an upload up, and removes what has come of it.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Limit`, `Ssh`, `File`, `Storage`.
pub async fn abandon(ctx: &Ctx, server: i64, id: &str) -> Result<(), Error> {
    let upload = find(ctx, server, id)?;
    let road = Road::to(ctx, Action::FileUpload, upload.on).await?;
    let about = road.about("upload_abandon", &upload.path);
    let ctx = road.ctx().clone();
    ctx.audited(Action::FileUpload, about, async move |ctx| {
        let (turn, _) = upload.take_over().await?;
        let Far { mut sftp, mut right, account, .. } = road.open().await?;
        if !turn.done {
            let tried = Tried { path: &upload.part, account: &account };
            let remove =
                async { sftp.remove(&upload.part).await.map_err(|error| tried.failed(error).into()) };
            allowed(&mut right, remove).await?;
        }
        ctx.app().uploads().forget(&upload);
        Ok(())
    })
    .await
}

/// Whether it is a file of that user, as far as the server tells users.
fn is_written_by(found: &Attributes, writer: Option<u32>) -> bool {
    found.kind() == Kind::File && found.owner.map(|(user, _)| user) == writer
}

/// `.NAME.part-DIGITS`: hidden, beside its place, and known as ours.
pub(super) fn part_name(name: &[u8], id: &str) -> Vec<u8> {
    /// Names have at most 255 bytes.
    const MAX_NAME: usize = 200;
    let name = &name[..name.len().min(MAX_NAME)];
    [b".", name, b".part-", &id.as_bytes()[id.len().saturating_sub(SHORT)..]].concat()
}

/// Whether it is one of those.
fn is_part(name: &[u8]) -> bool {
    const MARK: &[u8] = b".part-";
    let Some((head, digits)) = name.split_at_checked(name.len().saturating_sub(SHORT)) else { return false };
    digits.len() == SHORT
        && digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
        && head.starts_with(b".")
        && head.ends_with(MARK)
        && head.len() > MARK.len() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upload(id: &str, by: i64) -> Arc<Upload> {
        Arc::new(Upload {
            id: id.to_owned(),
            by,
            on: OnServer { server: 1, credential: None },
            path: Vec::new(),
            part: Vec::new(),
            size: 0,
            replace: false,
            files: Files { before: None, writer: None },
            offset: AtomicU64::new(0),
            newest: watch::Sender::new(0),
            progress: Turn::new(Progress { passed: None, done: false }),
            touched: Mutex::new(Instant::now()),
        })
    }

    #[test]
    fn whoever_has_no_room_left_is_told_before_anything_is_made_and_may_still_go_on() {
        let uploads = Uploads::default();
        for number in 0..MAX_OF_ONE {
            let id = number.to_string();
            assert!(uploads.has_room(&id, 1).is_ok());
            uploads.all().insert(id.clone(), upload(&id, 1));
        }
        assert!(uploads.has_room("new", 1).is_err());
        assert!(uploads.has_room("0", 1).is_ok(), "one that is under way");
        assert!(uploads.has_room("new", 2).is_ok(), "somebody else");
    }

    #[test]
    fn parts_are_told_from_what_belongs_to_people() {
        let id = "0123456789abcdef0123456789abcdef";
        assert_eq!(part_name(b"a.iso", id), b".a.iso.part-0123456789abcdef");
        for name in [b"a.iso".as_slice(), b"\xff\n", &[b'x'; 255]] {
            let part = part_name(name, id);
            assert!(is_part(&part) && part.len() <= 255);
        }
        for name in [
            "",
            "a",
            ".part-0123456789abcdef",
            "a.part-0123456789abcdef",
            ".a.part-0123456789abcdeg",
            ".a.part",
        ] {
            assert!(!is_part(name.as_bytes()), "{name}");
        }
    }
}
