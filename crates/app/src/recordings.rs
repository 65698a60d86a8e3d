//! Recordings: which there are, and their text. A recording is named by its session's uid and is seen by
//! the session's owner and by administrators.

use std::sync::Arc;

use bastide_record::{Cast, Converted, ReadError, Slice};
use bastide_store::{RecordingState, Session, SessionFilter};
use bastide_wire::session::ExitStatus;
use bytes::Bytes;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::context::{About, Action, Ctx};
use crate::error::What;
use crate::page::{Piece, cut};
use crate::sessions::Owner;
use crate::{Error, Storage};

/// Longest text that is searched for.
const MAX_QUERY: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Recording {
    /// The uid of its session.
    pub id: Uuid,
    pub name: Option<String>,
    pub owner: Option<Owner>,
    /// What ran, as it was asked for.
    pub command: Vec<String>,
    /// The OS user it ran as, where that is known.
    pub account: Option<String>,
    #[serde(flatten)]
    pub span: Span,
    /// Columns and rows at the beginning.
    pub cols: u16,
    pub rows: u16,
    /// Of the file, which is compressed.
    pub bytes: u64,
    #[schema(value_type = RecordingStateName)]
    pub state: RecordingState,
    #[schema(value_type = Option<Object>)]
    pub exit: Option<ExitStatus>,
}

/// What became of a recording.
#[derive(Debug, ToSchema)]
#[schema(as = RecordingState, rename_all = "snake_case")]
#[allow(dead_code, reason = "the store's own type as the description of the API shows it")]
pub enum RecordingStateName {
    Recording,
    Closed,
    Failed,
    Lost,
}

/// From when to when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = RecordingSpan)]
pub struct Span {
    pub started: Timestamp,
    pub ended: Option<Timestamp>,
    pub duration_ms: Option<i64>,
}

/// Which recordings.
#[derive(Debug, Clone, Default)]
pub struct Query {
    /// Text in the name, the command or the account.
    pub text: Option<String>,
    /// The owner's user name.
    pub user: Option<String>,
}

/// Newest first, and where the next page begins.
///
/// # Errors
/// `NotLoggedIn`, `Invalid`, `Storage`.
pub async fn list(
    ctx: &Ctx,
    query: Query,
    Piece { limit, after }: Piece<Uuid>,
) -> Result<(Vec<Recording>, Option<Uuid>), Error> {
    let grant = ctx.authorize(Action::RecordingList, ())?;
    if query.text.as_ref().is_some_and(|text| text.chars().count() > MAX_QUERY) {
        return Err(Error::Invalid(format!("q: at most {MAX_QUERY} characters")));
    }
    let user = &grant.person().user;
    let owner = (!ctx.sees_all_sessions()).then_some(user.uid);
    let history = ctx.app().history();
    if owner.is_none() {
        history.adopt_new().await?;
    }
    let wanted = SessionFilter {
        owner,
        text: query.text.filter(|text| !text.is_empty()),
        username: query.user.filter(|user| !user.is_empty()),
        recorded: true,
        before: after,
        limit: limit.saturating_add(1),
        ..SessionFilter::default()
    };
    let rows = history.store.sessions(&wanted).await?;
    let (rows, next) = cut(rows, limit, |row| row.opened.uid);
    Ok((with_sizes(ctx, rows).await, next))
}

/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Storage`.
pub async fn get(ctx: &Ctx, id: Uuid) -> Result<Recording, Error> {
    let row = find(ctx, id).await?;
    with_sizes(ctx, vec![row]).await.pop().ok_or(Error::NotFound(What::Recording(id)))
}

/// The text of a recording as it is now, and what it may be called as a file. Each reading is written
/// into the log.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Storage`.
pub async fn open(ctx: &Ctx, id: Uuid) -> Result<Text, Error> {
    find(ctx, id).await?;
    let shelf = Arc::clone(&ctx.app().history().shelf);
    let cast = blocking(id, move || shelf.cast(id)).await?;
    if let Some(damage) = cast.damage() {
        tracing::warn!(%id, damage, "a recording is damaged; what comes before is shown");
    }
    Ok(Text { id, cast })
}

/// The text of one recording.
#[derive(Debug, Clone)]
pub struct Text {
    id: Uuid,
    cast: Cast,
}

impl Text {
    /// Bytes of the text as it is stored (version 3).
    pub fn length(&self) -> u64 {
        self.cast.len()
    }

    /// The same for the same text.
    pub fn tag(&self) -> String {
        self.cast.tag()
    }

    /// A part of it, once that this was done is in the log.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn part(&self, ctx: &Ctx, from: u64, to: u64) -> Result<Chunks, Error> {
        self.note(ctx, "v3", (from, to)).await?;
        Ok(Chunks { id: self.id, source: Some(Source::Stored(self.cast.slice(from..to))) })
    }

    /// The whole in version 2, whose length is not known before its end.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn converted(&self, ctx: &Ctx) -> Result<Chunks, Error> {
        self.note(ctx, "v2", (0, self.length())).await?;
        let cast = self.cast.clone();
        let converted = blocking(self.id, move || cast.as_v2()).await?;
        Ok(Chunks { id: self.id, source: Some(Source::Converted(Box::new(converted))) })
    }

    /// Who has looked at what somebody did is evidence too.
    async fn note(&self, ctx: &Ctx, format: &str, (from, to): (u64, u64)) -> Result<(), Error> {
        let about = About::session(self.id).with("format", format).with("from", from).with("to", to);
        ctx.audited(Action::RecordingRead, about, async |_| Ok(())).await
    }
}

/// Text as it is read: nobody's thread waits while nobody takes it.
#[derive(Debug)]
pub struct Chunks {
    id: Uuid,
    /// `None` at the end, and while a thread reads.
    source: Option<Source>,
}

#[derive(Debug)]
enum Source {
    Stored(Slice),
    Converted(Box<Converted>),
}

impl Chunks {
    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// `Storage`: nothing comes after.
    pub async fn next(&mut self) -> Result<Option<Bytes>, Error> {
        let Some(mut source) = self.source.take() else { return Ok(None) };
        let (source, chunk) = blocking(self.id, move || {
            let chunk = match &mut source {
                Source::Stored(slice) => slice.next_chunk()?,
                Source::Converted(converted) => converted.next_chunk()?,
            };
            Ok((source, chunk))
        })
        .await
        .inspect_err(
            |error| tracing::warn!(id = %self.id, %error, "a recording could not be read to its end"),
        )?;
        if chunk.is_some() {
            self.source = Some(source);
        }
        Ok(chunk.map(Bytes::from))
    }
}

/// The remembered session whose recording the caller may see.
async fn find(ctx: &Ctx, id: Uuid) -> Result<Session, Error> {
    // Before anything is looked up: whoever is nobody learns nothing, not even by the time it takes.
    ctx.person()?;
    let hidden = |error| match error {
        Error::NotFound(_) => Error::NotFound(What::Recording(id)),
        other => other,
    };
    let store = &ctx.app().history().store;
    let row = store.session(id).await?.filter(|row| row.opened.recording != RecordingState::Off);
    let owner = row.as_ref().and_then(|row| row.opened.owner);
    ctx.authorize_session(Action::RecordingRead, id, owner).map_err(hidden)?;
    row.ok_or(Error::NotFound(What::Recording(id)))
}

/// As their files are now. Whose file was deleted is a recording no more.
async fn with_sizes(ctx: &Ctx, rows: Vec<Session>) -> Vec<Recording> {
    let shelf = Arc::clone(&ctx.app().history().shelf);
    let work = move || {
        let size = |row: &Session| match shelf.look(row.opened.uid) {
            Ok(file) => Some(file.bytes),
            Err(error) if error.is_missing() => None,
            Err(_) => Some(row.ended.as_ref().and_then(|end| end.bytes).unwrap_or(0)),
        };
        rows.into_iter().filter_map(|row| Some(read(size(&row)?, row))).collect()
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_default()
}

fn read(bytes: u64, row: Session) -> Recording {
    let Session { opened, owner, ended, .. } = row;
    let (cols, rows) = opened.size.unwrap_or((80, 24));
    let end = ended.as_ref().map(|end| end.at);
    let duration = end.map(|at| at.duration_since(opened.created).as_millis());
    let exit = ended.and_then(|end| end.exit);
    Recording {
        id: opened.uid,
        name: opened.name,
        owner: owner.map(|owner| Owner { id: owner.id, username: owner.username }),
        command: opened.command,
        account: opened.account,
        span: Span {
            started: opened.created,
            ended: end,
            duration_ms: duration.and_then(|ms| i64::try_from(ms).ok()),
        },
        cols,
        rows,
        bytes,
        state: opened.recording,
        exit: exit.map(|exit| ExitStatus { code: exit.code, signal: exit.signal }),
    }
}

/// Waits for the disk on a thread that may.
async fn blocking<T: Send + 'static>(
    id: Uuid,
    work: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(Ok(done)) => Ok(done),
        Ok(Err(error)) if error.is_missing() => Err(Error::NotFound(What::Recording(id))),
        Ok(Err(error)) => Err(unreadable(error)),
        Err(_) => Err(Error::Stopping),
    }
}

/// In the store's words: what the server keeps cannot be read.
fn unreadable(error: ReadError) -> Error {
    let (path, source) = match error {
        ReadError::Open { path, source } => (path, source),
        other => ("the recording".into(), std::io::Error::other(other)),
    };
    Error::Storage(Storage::File { doing: "cannot read", path, source })
}
