//! Every route, on one page.

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{Method, StatusCode};
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodFilter, MethodRouter, on};
use tower::ServiceBuilder;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::timeout::TimeoutLayer;

use crate::error::Problem;
use crate::server::Site;
use crate::{events, frame, health, login, pages, seed_002, server, sessions, terminal};

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody. This list may only shrink.
    Public,
    /// Whoever has logged in.
    Login,
}

/// One route as it is listed.
#[derive(Debug, Clone)]
pub struct Listed {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
}

struct Route {
    listed: Listed,
    handler: MethodRouter<Site>,
}

macro_rules! route {
    ($access:ident $method:ident $path:literal $handler:path) => {
        Route {
            listed: Listed { method: Method::$method, path: $path, access: Access::$access },
            handler: on(MethodFilter::$method, $handler),
        }
    };
}

#[rustfmt::skip]
fn routes() -> Vec<Route> {
    vec![
        route!(Public GET    "/healthz"                     health::live),
        route!(Public GET    "/readyz"                      health::ready),
        route!(Public GET    "/login"                       login::page),
        route!(Public POST   "/login"                       login::log_in),
        route!(Login  POST   "/logout"                      login::log_out),

        route!(Login  GET    "/api/v1/sessions"             sessions::session_list),
        route!(Login  POST   "/api/v1/sessions"             sessions::session_create),
        route!(Login  GET    "/api/v1/sessions/{uid}"       sessions::session_get),
        route!(Login  DELETE "/api/v1/sessions/{uid}"       sessions::session_end),
        route!(Login  GET    "/api/v1/events"               events::events),

        // For clients of an earlier design. The page's own terminals use the same socket.
        route!(Login  GET    "/api/pty/sessions"            seed_002::session_list),
        route!(Login  POST   "/api/pty/sessions"            seed_002::session_create),
        route!(Login  GET    "/api/pty/sessions/{uid}"      seed_002::session_get),
        route!(Login  DELETE "/api/pty/sessions/{uid}"      seed_002::session_end),
        route!(Login  GET    "/api/pty/sessions/{uid}/ws"   terminal::terminal),
    ]
}

/// Every route but the files of the page, which are for anybody and hold nothing of anybody.
pub fn table() -> Vec<Listed> {
    routes().into_iter().map(|route| route.listed).collect()
}

pub(crate) fn router(site: Site) -> Router {
    let mut router = Router::new();
    for Route { listed, handler } in routes() {
        let handler = match listed.access {
            Access::Public => handler,
            Access::Login => handler.route_layer(from_fn(frame::logged_in)),
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
                .layer(TimeoutLayer::with_status_code(StatusCode::SERVICE_UNAVAILABLE, server::ANSWER_WITHIN))
                .layer(DefaultBodyLimit::max(server::MAX_BODY)),
        )
        .with_state(site)
}
