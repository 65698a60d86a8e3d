//! Single sign-on from the command line: its settings, and who people are at the provider.

use bastide_testkit::OidcProvider;
use serde_json::{Value, json};

use crate::people::{logged_in, run, user};
use crate::serve::output;

#[tokio::test]
async fn a_check_of_the_settings_reads_the_secret_and_asks_the_provider() {
    let dir = tempfile::tempdir().unwrap();
    let provider = OidcProvider::start().await;
    let path = |name: &str| dir.path().join(name).to_string_lossy().into_owned();
    let (file, secret) = (path("server.toml"), path("secret"));
    let settings = format!(
        "[oidc]\nissuer = '{}'\nclient_id = 'bastide'\nclient_secret_file = '{secret}'\n",
        provider.issuer()
    );
    std::fs::write(&file, settings).unwrap();
    let check = ["config", "check", "serve", "--file", &file];
    let (sound, _, why) = output(dir.path(), &check).await;
    assert!(!sound && why.contains("the client's secret") && why.contains(&secret), "{why}");
    std::fs::write(&secret, "  \n").unwrap();
    let (sound, _, why) = output(dir.path(), &check).await;
    assert!(!sound && why.contains("secret is empty"), "{why}");
    std::fs::write(&secret, "hush-hush\n").unwrap();
    let (sound, said, why) = output(dir.path(), &check).await;
    assert!(sound && !why.contains("sign-on") && !format!("{said}{why}").contains("hush"), "{said}{why}");

    // A provider that is down is no reason not to start: passwords work.
    drop(provider);
    let (sound, _, why) = output(dir.path(), &check).await;
    assert!(sound && why.contains("single sign-on will not work now"), "{why}");
    let print = ["config", "print", "serve", "--file", &file];
    let (sound, said, _) = output(dir.path(), &print).await;
    assert!(sound && said.contains("oidc.client_secret_file") && !said.contains("hush"), "{said}");
}

#[tokio::test]
async fn identities_are_listed_added_and_removed() {
    let dir = tempfile::tempdir().unwrap();
    let identity = json!({
        "id": 4, "issuer": "https://id.example.org", "subject": "s-1", "name": "ada@example.org",
        "created": "2026-01-01T00:00:00Z", "linked_by": "admin", "last_used": null,
    });
    let server = logged_in(
        dir.path(),
        vec![
            ("GET /api/v1/users?", 200, "", json!({"users": [user("ada", 7)], "next": null})),
            ("GET /api/v1/users/7/identities ", 200, "", json!({"items": [identity]})),
            ("POST /api/v1/users/7/identities ", 201, "", identity.clone()),
            ("DELETE /api/v1/users/7/identities/4 ", 204, "", Value::Null),
        ],
    )
    .await;
    let listed = run(dir.path(), &["users", "identities", "ada"], "").await;
    assert_eq!(listed.code, 0, "{}", listed.err);
    for word in ["SUBJECT", "s-1", "ada@example.org", "https://id.example.org", "admin"] {
        assert!(listed.out.contains(word), "{word}: {}", listed.out);
    }
    let added = run(dir.path(), &["users", "identities", "ada", "--add", "s-1"], "").await;
    assert!(added.code == 0 && added.err.contains("s-1 gets in as ada"), "{}", added.err);
    assert!(server.asked().last().unwrap().ends_with(r#"{"subject":"s-1"}"#));
    let unknown = run(dir.path(), &["users", "identities", "ada", "--remove", "s-2"], "").await;
    assert!(unknown.code == 1 && unknown.err.contains("no identity s-2"), "{}", unknown.err);
    let removed = run(dir.path(), &["users", "identities", "ada", "--remove", "s-1"], "").await;
    assert_eq!(removed.code, 0, "{}", removed.err);
    assert!(server.asked().last().unwrap().starts_with("DELETE /api/v1/users/7/identities/4 "));
}
