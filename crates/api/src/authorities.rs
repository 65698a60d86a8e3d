//! `/api/v1/host-authorities` and `/api/v1/user-authorities`: keys whose certificates are believed, about servers
//! and about people.

/// The two have one shape, and each a name of its own in the document.
macro_rules! authorities {
    ($module:ident, $of:expr, $one:ident, $list:ident, $create:ident, $about:literal) => {
        pub(crate) mod $module {
            use axum::Extension;
            use axum::http::StatusCode;
            use axum::response::IntoResponse;
            use bastide_app::store::{self, Certifies};
            use bastide_app::{Ctx, authorities};
            use jiff::Timestamp;
            use serde::{Deserialize, Serialize};
            use utoipa::ToSchema;

            use crate::ask::Id;
            use crate::error::Problem;
            use crate::json::Json;

            const OF: Certifies = $of;

            #[doc = $about]
            #[derive(Debug, Serialize, ToSchema)]
            #[schema(as = $one)]
            pub(crate) struct Authority {
                id: i64,
                name: String,
                /// `algorithm base64`
                key: String,
                fingerprint: String,
                created: Timestamp,
                created_by: String,
            }

            impl From<store::Authority> for Authority {
                fn from(authority: store::Authority) -> Self {
                    let store::Authority { id, name, key, fingerprint, created, created_by } = authority;
                    Self { id, name, key, fingerprint, created, created_by }
                }
            }

            #[derive(Debug, Serialize, ToSchema)]
            #[schema(as = $list)]
            pub(crate) struct List {
                items: Vec<Authority>,
            }

            #[derive(Debug, Deserialize, ToSchema)]
            #[schema(as = $create)]
            #[serde(deny_unknown_fields)]
            pub(crate) struct New {
                name: String,
                /// A line of a `.pub` file.
                key: String,
            }

            pub(crate) async fn list(Extension(ctx): Extension<Ctx>) -> Result<axum::Json<List>, Problem> {
                let items = authorities::list(&ctx, OF).await?.into_iter().map(Authority::from).collect();
                Ok(axum::Json(List { items }))
            }

            pub(crate) async fn create(
                Extension(ctx): Extension<Ctx>,
                Json(New { name, key }): Json<New>,
            ) -> Result<impl IntoResponse, Problem> {
                let authority = authorities::add(&ctx, OF, name, &key).await?;
                Ok((StatusCode::CREATED, axum::Json(Authority::from(authority))))
            }

            pub(crate) async fn remove(
                Extension(ctx): Extension<Ctx>,
                Id(id): Id<i64>,
            ) -> Result<StatusCode, Problem> {
                authorities::remove(&ctx, OF, id).await?;
                Ok(StatusCode::NO_CONTENT)
            }
        }
    };
}

authorities!(
    hosts,
    Certifies::Hosts,
    HostAuthority,
    HostAuthorityList,
    HostAuthorityCreate,
    "A key whose host certificates are accepted on every server."
);
authorities!(
    people,
    Certifies::People,
    UserAuthority,
    UserAuthorityList,
    UserAuthorityCreate,
    "A key whose user certificates let in whom they name."
);
