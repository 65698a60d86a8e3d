//! The generated files are those of this program, and the document holds together.

use std::collections::BTreeSet;
use std::path::Path;

use bastide_api::{openapi, table};
use serde_json::Value;

use crate::world::World;

/// Compares a committed file with what it should hold; with `BASTIDE_UPDATE=1` writes it.
pub(crate) fn committed(name: &str, wanted: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    if found == wanted {
        return;
    }
    if std::env::var_os("BASTIDE_UPDATE").is_some_and(|value| value == "1") {
        std::fs::write(&path, wanted).unwrap();
        return;
    }
    let same = found.lines().zip(wanted.lines()).take_while(|(old, new)| old == new).count();
    panic!(
        "{name} is not what the route table says (first at line {}: {:?}): run `make openapi` and commit",
        same + 1,
        wanted.lines().nth(same).unwrap_or_default()
    );
}

#[test]
fn the_committed_document_is_that_of_the_table() {
    committed("docs/openapi.json", &openapi::text());
}

#[test]
fn the_committed_page_of_access_is_that_of_the_table() {
    committed("docs/guide/api-access.md", &openapi::access::page());
}

#[test]
fn the_committed_page_of_rights_is_that_of_the_policies() {
    committed("docs/guide/rights.md", &bastide_app::rights_page());
}

#[test]
fn every_route_is_described_once_and_every_reference_leads_somewhere() {
    let document = openapi::document();
    let mut ids = BTreeSet::new();
    for route in table() {
        let operation = &document["paths"][route.path][route.method.as_str().to_ascii_lowercase()];
        assert_eq!(operation["operationId"], route.id, "{} {}", route.method, route.path);
        assert!(ids.insert(route.id.clone()), "two operations are named {}", route.id);
        assert!(
            route.id.chars().all(|c| c.is_ascii_lowercase() || c == '_' || c.is_ascii_digit()),
            "{}",
            route.id
        );
        assert!(!route.answers.is_empty(), "{}: what comes back?", route.id);
        assert!(!route.summary.ends_with('.'), "{}", route.id);
        assert_ne!(operation["tags"][0], "v1", "{}: give it an area", route.id);
    }
    let mut references = Vec::new();
    gather(&document, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

fn gather(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(Value::String(reference)) = fields.get("$ref") {
                found.push(reference.clone());
            }
            fields.values().for_each(|field| gather(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| gather(item, found)),
        _ => {}
    }
}

#[tokio::test]
async fn the_document_and_its_page_are_for_those_who_have_logged_in() {
    let world = World::start().await;
    let person = world.log_in().await;
    let document = person.get("/api/openapi.json").send().await;
    assert_eq!((document.status, document.json()["openapi"].as_str()), (200, Some("3.1.0")));
    let page = person.get("/api/docs").send().await;
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    // The policy of every answer lets no script run that stands in a page.
    for script in page.body.split("<script").skip(1) {
        assert!(script.starts_with(" src=\"/api/docs/"), "{script}");
    }
    let loaded = page.body.split('"').filter(|word| word.starts_with("/api/docs/"));
    for path in loaded {
        let file = person.get(path).send().await;
        assert_eq!(file.status, 200, "{path}");
        assert_eq!(world.get(path).send().await.status, 401, "{path}");
    }
    for path in ["/api/docs/index.html", "/api/docs/..%2fopenapi.json", "/api/docs/%ff"] {
        assert_eq!(person.get(path).send().await.status, 404, "{path}");
    }
    world.end().await;
}
