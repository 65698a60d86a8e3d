//! The page that says who may ask what: `docs/guide/api-access.md`, made from the route table.

use std::fmt::Write as _;

use axum::http::Method;

use super::operation::in_path;
use crate::routes::{Access, Route, routes};

/// A WebSocket that leads nowhere opens, says why and closes with this code.
const CLOSED: u16 = 4404;

const HEAD: &str = "\
# Who may ask what

<!-- Made from the route table by `make openapi`; tests ask a server and compare. Do not edit. -->

What each route answers to somebody who has not logged in, to a person with the role *user* (a *reviewer* gets the same,
but where *for reviewers* stands in the description of the API), to a token that may
only read, and about the id of something that is somebody else's (a WebSocket says it by its close code). `ok` stands for the route's own answers, which
[docs/openapi.json](../openapi.json) lists. The files of the page itself are for anybody and hold nothing of anybody.

| route | operation | not logged in | role *user* | token to read | somebody else's id |
|---|---|---|---|---|---|
";

/// What one route answers to whom: statuses, `None` for its own answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answers {
    pub anonymous: Option<u16>,
    pub user: Option<u16>,
    pub read_token: Option<u16>,
    /// `None` also where there is no id.
    pub foreign_id: Option<u16>,
}

/// What follows from the route's access, method and path.
pub(crate) fn answers(route: &Route) -> Answers {
    let listed = &route.listed;
    let logs_in = listed.access != Access::Public;
    let admin = matches!(listed.access, Access::Admin | Access::Reviewer);
    let names_something = in_path(listed.path).any(|name| matches!(name, "id" | "uid"));
    let unknown = if route.operation.is_upgrade() { CLOSED } else { 404 };
    Answers {
        anonymous: logs_in.then_some(401),
        user: (admin || route.operation.is_refused_to_users()).then_some(403),
        read_token: (logs_in && listed.method != Method::GET).then_some(403),
        foreign_id: (logs_in && !admin && names_something).then_some(unknown),
    }
}

/// The whole page, in Markdown.
pub fn page() -> String {
    let mut text = HEAD.to_owned();
    for route in routes() {
        let Answers { anonymous, user, read_token, foreign_id } = answers(&route);
        let route = route.listed;
        let shown = |status: Option<u16>| status.map_or_else(|| "ok".to_owned(), |status| status.to_string());
        let id = foreign_id.map_or_else(String::new, |status| status.to_string());
        // Writing into a string cannot fail.
        let _ = writeln!(
            text,
            "| `{} {}` | {} | {} | {} | {} | {id} |",
            route.method,
            route.path,
            route.id,
            shown(anonymous),
            shown(user),
            shown(read_token),
        );
    }
    text
}
