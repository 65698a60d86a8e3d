//! For whoever watches the process.

use axum::extract::State;
use axum::response::{IntoResponse, Response};

use crate::error::Problem;
use crate::server::Site;

/// The process answers.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// The process can do its work: the session daemon answers too.
pub(crate) async fn ready(State(site): State<Site>) -> Response {
    match site.app.ready() {
        Ok(()) => "ok\n".into_response(),
        Err(error) => Problem::from(error).into_response(),
    }
}
