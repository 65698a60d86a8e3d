//! `/api/v1/servers/{id}/files`.

mod download;
mod upload;

use axum::Extension;
use axum::http::StatusCode;
use bastide_app::Ctx;
use bastide_app::files::{self, At, Change, File, List, Text};
use bastide_app::sessions::OnServer;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};

use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::json::Json;

pub(crate) use download::{Packed, file_archive, file_content};
pub(crate) use upload::{NewUpload, Progress, upload_abandon, upload_append, upload_begin, upload_get};

const DEFAULT_LIMIT: u16 = 1000;
const MAX_LIMIT: u16 = 5000;

/// Which file, and with which credential.
#[derive(Debug, Default, Deserialize, IntoParams)]
pub(crate) struct Place {
    /// Absolute, or below the account's directory, which is meant when this is absent. A backslash is written `\\`, and
    /// `\xNN` is any byte.
    path: Option<String>,
    /// The server's default one when absent.
    credential_id: Option<i64>,
}

impl Place {
    fn at(self, server: i64) -> Result<At, Problem> {
        at((server, self.credential_id), self.path.as_deref().unwrap_or_default())
    }
}

fn at((server, credential): (i64, Option<i64>), path: &str) -> Result<At, Problem> {
    Ok(At::new(OnServer { server, credential }, path)?)
}

#[derive(Debug, Default, Deserialize, IntoParams)]
pub(crate) struct Wanted {
    /// As of other files; the directory's.
    path: Option<String>,
    /// The server's default one when absent.
    credential_id: Option<i64>,
    /// How many at most.
    #[param(minimum = 1, maximum = 5000, default = 1000)]
    limit: Option<u16>,
    /// What the page before gave as `next`.
    cursor: Option<String>,
}

pub(crate) async fn file_list(
    Extension(ctx): Extension<Ctx>,
    Id(server): Id<i64>,
    Asked(wanted): Asked<Wanted>,
) -> Result<axum::Json<List>, Problem> {
    let Wanted { path, credential_id, limit, cursor } = wanted;
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    if limit == 0 || limit > MAX_LIMIT {
        let detail = format!("limit: 1 to {MAX_LIMIT}");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "invalid", detail));
    }
    let after = cursor.map(|cursor| files::read(&cursor)).transpose()?;
    let at = Place { path, credential_id }.at(server)?;
    Ok(axum::Json(files::list(&ctx, at, (usize::from(limit), after)).await?))
}

pub(crate) async fn file_get(
    Extension(ctx): Extension<Ctx>,
    Id(server): Id<i64>,
    Asked(place): Asked<Place>,
) -> Result<axum::Json<File>, Problem> {
    Ok(axum::Json(files::stat(&ctx, place.at(server)?).await?))
}

pub(crate) async fn file_text(
    Extension(ctx): Extension<Ctx>,
    Id(server): Id<i64>,
    Asked(place): Asked<Place>,
) -> Result<axum::Json<Text>, Problem> {
    Ok(axum::Json(files::read_text(&ctx, place.at(server)?).await?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = NewFileText)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewText {
    path: String,
    /// At most 1 MiB.
    text: String,
    /// Of the text that was seen. Without it there must be no such file.
    etag: Option<String>,
    /// The server's default one when absent.
    credential_id: Option<i64>,
}

pub(crate) async fn file_text_change(
    Extension(ctx): Extension<Ctx>,
    Id(server): Id<i64>,
    Json(new): Json<NewText>,
) -> Result<axum::Json<Text>, Problem> {
    let NewText { path, text, etag, credential_id } = new;
    let at = at((server, credential_id), &path)?;
    Ok(axum::Json(files::write_text(&ctx, at, (text, etag)).await?))
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = FileMkdir)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mkdir {
    path: String,
    /// The server's default one when absent.
    credential_id: Option<i64>,
}

pub(crate) async fn file_mkdir(
    Extension(ctx): Extension<Ctx>,
    Id(server): Id<i64>,
    Json(Mkdir { path, credential_id }): Json<Mkdir>,
) -> Result<StatusCode, Problem> {
    changed(&ctx, at((server, credential_id), &path)?, Change::MakeDirectory).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = FileRename)]
#[serde(deny_unknown_fields)]
pub(crate) struct Rename {
    path: String,
    to: String,
    /// A file that has that name gives way; a directory never does.
    #[serde(default)]
    replace: bool,
    /// The server's default one when absent.
    credential_id: Option<i64>,
}

pub(crate) async fn file_rename(
    Extension(ctx): Extension<Ctx>,
    Id(server): Id<i64>,
    Json(Rename { path, to, replace, credential_id }): Json<Rename>,
) -> Result<StatusCode, Problem> {
    let change = Change::Rename { to: files::read(&to)?, replace };
    changed(&ctx, at((server, credential_id), &path)?, change).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = FileChmod)]
#[serde(deny_unknown_fields)]
pub(crate) struct Chmod {
    path: String,
    /// As a number: 420 is 0644.
    #[schema(minimum = 0, maximum = 4095)]
    mode: u32,
    /// The server's default one when absent.
    credential_id: Option<i64>,
}

pub(crate) async fn file_chmod(
    Extension(ctx): Extension<Ctx>,
    Id(server): Id<i64>,
    Json(Chmod { path, mode, credential_id }): Json<Chmod>,
) -> Result<StatusCode, Problem> {
    changed(&ctx, at((server, credential_id), &path)?, Change::Chmod(mode)).await
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = FileRemove)]
#[serde(deny_unknown_fields)]
pub(crate) struct Remove {
    path: String,
    /// A directory with all that is in it; without this it has to be empty.
    #[serde(default)]
    all: bool,
    /// The server's default one when absent.
    credential_id: Option<i64>,
}

pub(crate) async fn file_remove(
    Extension(ctx): Extension<Ctx>,
    Id(server): Id<i64>,
    Json(Remove { path, all, credential_id }): Json<Remove>,
) -> Result<StatusCode, Problem> {
    changed(&ctx, at((server, credential_id), &path)?, Change::Remove { all }).await
}

async fn changed(ctx: &Ctx, at: At, change: Change) -> Result<StatusCode, Problem> {
    files::change(ctx, at, change).await?;
    Ok(StatusCode::NO_CONTENT)
}
