//! `/api/v1/credentials`. Secrets come in and never go out.

use axum::Extension;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use bastide_app::credentials::{self, Change, Given, Seen};
use bastide_app::{Ctx, store};
use bastide_wire::ssh::Secret;
use jiff::Timestamp;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize};
use utoipa::ToSchema;

use crate::ask::{Asked, Id};
use crate::error::Problem;
use crate::json::Json;
use crate::page::{Page, Paging};

#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[schema(as = CredentialKind)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Password,
    /// A private key, with or without a certificate.
    Key,
    /// The server asks; what is not the password is asked of the person.
    KeyboardInteractive,
    /// The person types the password each time.
    Ask,
}

impl From<store::CredentialKind> for Kind {
    fn from(kind: store::CredentialKind) -> Self {
        match kind {
            store::CredentialKind::Password => Self::Password,
            store::CredentialKind::Key => Self::Key,
            store::CredentialKind::KeyboardInteractive => Self::KeyboardInteractive,
            store::CredentialKind::Ask => Self::Ask,
        }
    }
}

impl From<Kind> for store::CredentialKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Password => Self::Password,
            Kind::Key => Self::Key,
            Kind::KeyboardInteractive => Self::KeyboardInteractive,
            Kind::Ask => Self::Ask,
        }
    }
}

/// Without its secrets: they are never given out.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Credential {
    id: i64,
    name: String,
    /// The account to log in to.
    username: String,
    kind: Kind,
    set: SecretsSet,
    /// The line of a `.pub` file, where the private key tells it.
    public_key: Option<String>,
    /// `SHA256:…` of the public key.
    fingerprint: Option<String>,
    created: Timestamp,
    changed: Timestamp,
    /// Servers whose default it is, and grants: `server web1`.
    used_by: Vec<String>,
}

/// Which secrets there are.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SecretsSet {
    password: bool,
    key: bool,
    passphrase: bool,
    certificate: bool,
}

impl From<Seen> for Credential {
    fn from(Seen { credential, used_by }: Seen) -> Self {
        let store::Credential { id, about, set, created, changed, .. } = credential;
        Self {
            id,
            name: about.name,
            username: about.username,
            kind: about.kind.into(),
            set: SecretsSet {
                password: set.password,
                key: set.private_key,
                passphrase: set.passphrase,
                certificate: about.certificate.is_some(),
            },
            public_key: about.public_key,
            fingerprint: about.fingerprint,
            created,
            changed,
            used_by,
        }
    }
}

#[derive(Serialize, ToSchema)]
#[schema(as = CredentialList)]
pub(crate) struct List {
    credentials: Vec<Credential>,
    /// Where the next piece begins; null at the end.
    next: Option<String>,
}

#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CredentialCreate)]
#[serde(deny_unknown_fields)]
pub(crate) struct New {
    #[schema(min_length = 1, max_length = 100)]
    name: String,
    /// The account to log in to.
    #[schema(min_length = 1, max_length = 255)]
    username: String,
    kind: Kind,
    /// Kinds `password`, which needs it, and `keyboard_interactive`.
    #[serde(default, deserialize_with = "hidden")]
    #[schema(value_type = Option<String>, format = Password, write_only)]
    password: Option<Secret>,
    /// The text of a private key file in OpenSSH or PEM form; kind `key` needs it.
    #[serde(default, deserialize_with = "hidden")]
    #[schema(value_type = Option<String>, format = Password, write_only)]
    key: Option<Secret>,
    /// Of the private key. Where it is not stored, the person is asked.
    #[serde(default, deserialize_with = "hidden")]
    #[schema(value_type = Option<String>, format = Password, write_only)]
    passphrase: Option<Secret>,
    /// The line of a `-cert.pub` file for the key.
    #[schema(write_only)]
    certificate: Option<String>,
}

/// What is left out stays; `null` takes a secret away. With another key its old passphrase and certificate go.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = CredentialChange)]
#[serde(deny_unknown_fields)]
pub(crate) struct Edit {
    #[schema(min_length = 1, max_length = 100)]
    name: Option<String>,
    /// The account to log in to.
    #[schema(min_length = 1, max_length = 255)]
    username: Option<String>,
    kind: Option<Kind>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = Password, write_only)]
    password: Option<Option<Secret>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = Password, write_only)]
    key: Option<Option<Secret>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, format = Password, write_only)]
    passphrase: Option<Option<Secret>>,
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>, write_only)]
    certificate: Option<Option<String>>,
}

/// What is wrong with it is said without repeating it.
fn hidden<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<T>, D::Error> {
    Option::<T>::deserialize(value).map_err(|_| D::Error::custom("a secret is a text"))
}

/// Tells `null` from nothing at all.
fn given<'de, D: Deserializer<'de>, T: Deserialize<'de>>(value: D) -> Result<Option<Option<T>>, D::Error> {
    hidden(value).map(Some)
}

pub(crate) async fn credential_list(
    Extension(ctx): Extension<Ctx>,
    Asked(page): Asked<Page>,
) -> Result<axum::Json<List>, Problem> {
    let all = credentials::list(&ctx).await?;
    let paging = Paging::read(&page)?;
    let (seen, next) = paging.of(all.into_iter().map(|seen| (seen.credential.about.name.clone(), seen)));
    Ok(axum::Json(List { credentials: seen.into_iter().map(Credential::from).collect(), next }))
}

pub(crate) async fn credential_create(
    Extension(ctx): Extension<Ctx>,
    Json(new): Json<New>,
) -> Result<impl IntoResponse, Problem> {
    let New { name, username, kind, password, key, passphrase, certificate } = new;
    let secrets = Given {
        password: password.map(Some),
        key: key.map(Some),
        passphrase: passphrase.map(Some),
        certificate: certificate.map(Some),
    };
    let new = credentials::New { name, username, kind: kind.into(), secrets };
    let made = Credential::from(credentials::create(&ctx, new).await?);
    let place = format!("/api/v1/credentials/{}", made.id);
    Ok((StatusCode::CREATED, [(header::LOCATION, place)], axum::Json(made)))
}

pub(crate) async fn credential_get(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<axum::Json<Credential>, Problem> {
    Ok(axum::Json(credentials::get(&ctx, id).await?.into()))
}

pub(crate) async fn credential_change(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
    Json(edit): Json<Edit>,
) -> Result<axum::Json<Credential>, Problem> {
    let Edit { name, username, kind, password, key, passphrase, certificate } = edit;
    let secrets = Given { password, key, passphrase, certificate };
    let change = Change { name, username, kind: kind.map(Into::into), secrets };
    Ok(axum::Json(credentials::change(&ctx, id, change).await?.into()))
}

pub(crate) async fn credential_remove(
    Extension(ctx): Extension<Ctx>,
    Id(id): Id<i64>,
) -> Result<StatusCode, Problem> {
    credentials::remove(&ctx, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
