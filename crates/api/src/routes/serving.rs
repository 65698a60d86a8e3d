//! The table as it is served, with what lies around every request.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::StatusCode;
use axum::middleware::{from_fn, from_fn_with_state};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;

use super::{Access, Route, routes};
use crate::error::Problem;
use crate::server::{self, Site};
use crate::{frame, pages};

pub(crate) fn router(site: Site) -> Router {
    let mut router = Router::new();
    for Route { listed, handler, .. } in routes() {
        let handler = match listed.access {
            Access::Public => handler,
            Access::Login => handler.route_layer(from_fn(frame::logged_in)),
            Access::Role(action) => {
                handler.route_layer(from_fn(move |request, next| frame::with_role(action, request, next)))
            }
        };
        router = router.route(listed.path, handler);
    }
    router
        .fallback(pages::file)
        .method_not_allowed_fallback(async || {
            Problem::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "this address has other methods",
            )
        })
        .layer(
            ServiceBuilder::new()
                .layer(from_fn_with_state(site.clone(), frame::around))
                .layer(CatchPanicLayer::custom(|_| {
                    use axum::response::IntoResponse;
                    // What the panic said is in the log; it may hold what is nobody's business.
                    Problem::new(
                        StatusCode::INTERNAL_SERVER_ERROR,
                        "internal",
                        "the server failed; its log says where",
                    )
                    .into_response()
                }))
                .layer(from_fn(frame::in_time))
                .layer(DefaultBodyLimit::max(server::MAX_BODY)),
        )
        .with_state(site)
}
