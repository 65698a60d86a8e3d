//! For whoever watches the process.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::error::Problem;
use crate::server::Site;

/// The process answers.
pub(crate) async fn live() -> &'static str {
    "ok\n"
}

/// The process can do its work: the database and the session daemon answer too.
pub(crate) async fn ready(State(site): State<Site>) -> Response {
    let ready = match site.app.database().await {
        Ok(()) => site.app.ready(),
        Err(error) => Err(error),
    };
    match ready {
        Ok(()) => "ok\n".into_response(),
        Err(error) => {
            // Anybody may ask, and paths are nobody's business: they are in the server's log.
            let kind = Problem::from(error).kind();
            let detail = "not ready; the server's log says why";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, kind, detail).into_response()
        }
    }
}
