//! The description of the API (OpenAPI 3.1), made from the route table.
//!
//! Paths, methods, names, access and types stand in the table once; nothing here repeats them.

pub mod access;
pub(crate) mod operation;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::error;
use crate::routes::{Access, Route, routes};
use operation::{in_path, problem_name, reason};

const DESCRIPTION: &str = "\
Sessions, people and recordings of one Bastide server. A caller shows a cookie (a browser) or a token \
(`Authorization: Bearer`). Every error is a problem document (RFC 9457). Paths under `/api/v1` are ours; those \
tagged `compat` answer clients of earlier designs.";

const TAGS: [(&str, &str); 22] = [
    ("sessions", "Terminals"),
    ("recordings", "What was on a terminal"),
    ("shares", "Letting somebody else look on or type"),
    ("events", "What changes, as it changes"),
    ("login", "Logging in"),
    ("logout", "Logging out"),
    ("me", "The caller"),
    ("users", "People"),
    ("groups", "Groups of people"),
    ("servers", "Servers and their host keys"),
    ("grants", "Who may do what on which servers"),
    ("access-requests", "Rights that are asked for"),
    ("credentials", "What servers are logged in to with"),
    ("connections", "Connections to servers"),
    ("rules", "Which commands may run"),
    ("reviews", "Commands that wait for a second person"),
    ("alerts", "What somebody has to know"),
    ("session-settings", "What holds for sessions that are opened: variables, limits, times"),
    ("tokens", "Credentials of programs"),
    ("server", "The process itself"),
    ("compat", "For clients of earlier designs"),
    ("v1", "Everything else"),
];

/// The problems that any route of this kind may answer with, beside its own.
pub(crate) fn by_access(route: &Route) -> Vec<u16> {
    let listed = &route.listed;
    let reads = listed.method == axum::http::Method::GET;
    // 401: a token that is not valid is refused everywhere, so that nobody thinks that it was taken.
    let mut problems = vec![401, 500, 503];
    if listed.access != Access::Public {
        problems.push(403);
    }
    // From a page of another site.
    if !reads {
        problems.push(403);
    }
    if in_path(listed.path).next().is_some() {
        problems.extend([400, 404]);
    }
    if route.operation.has_query() {
        problems.extend([400, 422]);
    }
    if route.operation.has_body() {
        problems.extend([400, 413, 415, 422]);
    }
    problems
}

/// The whole document. The version is that of the program.
pub fn document() -> Value {
    let routes = routes();
    let mut paths = Map::new();
    let mut statuses = Vec::new();
    for route in &routes {
        let listed = &route.listed;
        let always = by_access(route);
        statuses.extend(route.operation.statuses(&always).1);
        let mut object = route.operation.object(&listed.method, listed.path, &listed.id, &always);
        if listed.access == Access::Public {
            object["security"] = json!([]);
        }
        if let Access::Role(_) = listed.access {
            let roles: Vec<_> = listed.access.roles().into_iter().map(|role| role.as_str()).collect();
            object["description"] = json!(format!("Roles: {}.", roles.join(", ")));
        }
        let item = paths.entry(listed.path).or_insert_with(|| json!({}));
        item[listed.method.as_str().to_ascii_lowercase()] = object;
    }
    let mut schemas = schemas(&routes);
    schemas.insert("Problem".to_owned(), error::schema());
    let used = |tag: &str| routes.iter().any(|route| route.operation.tag(route.listed.path) == tag);
    let tags = TAGS.iter().filter(|(tag, _)| used(tag));
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Bastide",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "security": [{ "cookie": [] }, { "token": [] }],
        "tags": tags.map(|(name, about)| json!({ "name": name, "description": about })).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "responses": problems(statuses),
            "securitySchemes": {
                "cookie": {
                    "type": "apiKey",
                    "in": "cookie",
                    "name": "bastide",
                    // So that two servers on one host do not share it.
                    "description": "Set by logging in. The name goes on with `_` and eight characters of the server's own.",
                },
                "token": { "type": "http", "scheme": "bearer", "description": "A token, `bst_…`." },
            },
        },
    })
}

/// Every type with a name.
fn schemas(routes: &[Route]) -> Map<String, Value> {
    let mut all = Map::new();
    let mut put = |name: &String, schema: Value| {
        let old = all.insert(name.clone(), schema.clone());
        let same = old.is_none_or(|old| old == schema);
        assert!(same, "two schemas are named {name}: give one `#[schema(as = …)]`");
    };
    let asked: Vec<_> = routes.iter().flat_map(|route| route.operation.asked()).collect();
    for (name, schema) in &asked {
        put(name, schema.clone());
    }
    for (name, schema) in routes.iter().flat_map(|route| route.operation.given()) {
        let mut schema = schema.clone();
        if !asked.iter().any(|(known, _)| known == name) {
            require(name, &mut schema);
        }
        put(name, schema);
    }
    all
}

/// Fields of answers that are left out where they have nothing to say.
const MAY_BE_ABSENT: [(&str, &str); 2] = [("Exit", "signal"), ("CompatSessionDetail", "environment")];

/// What we answer has all its fields, if only to say null; a client need not ask twice.
fn require(name: &str, schema: &mut Value) {
    if let Some(parts) = schema.get_mut("allOf").and_then(Value::as_array_mut) {
        parts.iter_mut().for_each(|part| require(name, part));
    }
    let Some(fields) = schema.get("properties").and_then(Value::as_object) else { return };
    let always = fields.keys().filter(|field| !MAY_BE_ABSENT.contains(&(name, field.as_str())));
    schema["required"] = always.cloned().map(Value::String).collect();
}

fn problems(mut statuses: Vec<u16>) -> Map<String, Value> {
    statuses.sort_unstable();
    statuses.dedup();
    let schema = json!({ "schema": { "$ref": "#/components/schemas/Problem" } });
    let answer = |status: u16| {
        let mut answer = json!({
            "description": reason(status),
            "content": { "application/problem+json": schema },
        });
        if status == 429 {
            answer["headers"] = json!({ "Retry-After": {
                "description": "Seconds to wait", "schema": { "type": "integer", "minimum": 0 } } });
        }
        (problem_name(status), answer)
    };
    statuses.into_iter().map(answer).collect()
}

/// The document as it is committed: two spaces, a line feed at the end.
pub fn text() -> String {
    let mut text = serde_json::to_string_pretty(&document()).expect("the document is JSON");
    text.push('\n');
    text
}

/// `GET /api/openapi.json`.
pub(crate) async fn openapi_get() -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], text()).into_response()
}
