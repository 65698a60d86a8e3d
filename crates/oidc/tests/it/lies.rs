use bastide_oidc::{Client, Error, TokenFault};
use bastide_testkit::{OidcProvider, Signing, within};
use serde_json::{Map, Value, json};
use tokio::net::TcpListener;

use crate::{HERE, client, config, signed_in};

const METADATA: &str = "/.well-known/openid-configuration";

async fn provider() -> OidcProvider {
    let provider = OidcProvider::start().await;
    provider.person(&json!({ "sub": "s-1" }));
    provider
}

async fn fault(provider: &OidcProvider) -> TokenFault {
    match signed_in(&client(provider), provider).await {
        Err(Error::Token(fault)) => fault,
        other => panic!("believed, or something else: {other:?}"),
    }
}

#[tokio::test]
async fn tokens_that_say_something_else_are_not_believed() {
    type Twist = fn(&mut Map<String, Value>);
    let lies: [(&str, Twist, TokenFault); 16] = [
        ("another nonce", |c| put(c, "nonce", json!("x")), TokenFault::Nonce),
        ("no nonce", |c| drop(c.remove("nonce")), TokenFault::Nonce),
        ("another audience", |c| put(c, "aud", json!("other")), TokenFault::Audience),
        ("no audience", |c| drop(c.remove("aud")), TokenFault::Audience),
        ("two audiences", |c| put(c, "aud", json!(["bastide", "other"])), TokenFault::Audience),
        ("given to another", |c| put(c, "azp", json!("other")), TokenFault::Audience),
        ("another issuer", |c| put(c, "iss", json!("https://id.example.org")), TokenFault::Issuer),
        (
            "a slash more",
            |c| put(c, "iss", json!(format!("{}/", c["iss"].as_str().unwrap()))),
            TokenFault::Issuer,
        ),
        ("expired", |c| put(c, "exp", json!(c["iat"].as_i64().unwrap() - 61)), TokenFault::Time),
        ("without an end", |c| drop(c.remove("exp")), TokenFault::Time),
        ("an end in words", |c| put(c, "exp", json!("tomorrow")), TokenFault::Time),
        ("of tomorrow", |c| put(c, "iat", json!(c["iat"].as_i64().unwrap() + 86_400)), TokenFault::Time),
        ("not yet", |c| put(c, "nbf", json!(c["iat"].as_i64().unwrap() + 86_400)), TokenFault::Time),
        ("nobody", |c| drop(c.remove("sub")), TokenFault::Subject),
        ("no name", |c| put(c, "sub", json!("")), TokenFault::Subject),
        ("a very long name", |c| put(c, "sub", json!("x".repeat(256))), TokenFault::Subject),
    ];
    let provider = provider().await;
    for (what, twist, expected) in lies {
        provider.twist(twist);
        assert_eq!(fault(&provider).await, expected, "{what}");
    }
    provider.twist(|c| {
        put(c, "aud", json!(["bastide", "other"]));
        put(c, "azp", json!("bastide"));
    });
    assert!(signed_in(&client(&provider), &provider).await.is_ok(), "for several, and given to us");
}

fn put(claims: &mut Map<String, Value>, name: &str, value: Value) {
    claims.insert(name.to_owned(), value);
}

#[tokio::test]
async fn signatures_of_others_are_not_believed() {
    let provider = provider().await;
    for (signing, expected) in [
        (Signing::Stranger, TokenFault::Signature),
        (Signing::Unnamed, TokenFault::UnknownKey),
        (Signing::Nothing, TokenFault::Algorithm),
        (Signing::Secret, TokenFault::Algorithm),
    ] {
        provider.sign_with(signing);
        assert_eq!(fault(&provider).await, expected, "{signing:?}");
    }
    provider.be_honest();
    assert!(signed_in(&client(&provider), &provider).await.is_ok());
}

#[tokio::test]
async fn what_is_said_beside_a_token_is_of_the_same_subject() {
    let provider = provider().await;
    let other = json!({ "sub": "s-2", "groups": ["administrators"] }).to_string();
    provider.answer("/userinfo", 200, json_type(), other);
    assert_eq!(fault(&provider).await, TokenFault::OtherSubject);
}

fn json_type() -> (&'static str, String) {
    ("content-type", "application/json".to_owned())
}

#[tokio::test]
async fn answers_that_are_none_are_refused_at_each_place() {
    let html = || ("content-type", "text/html".to_owned());
    let elsewhere = || ("location", "http://127.0.0.1:1/".to_owned());
    let huge = format!("{{\"x\":\"{}\"}}", "x".repeat(1 << 20));
    for place in [METADATA, "/keys", "/token", "/userinfo"] {
        let wrong = [
            (200, html(), "<html>Sign in to the network</html>".to_owned()),
            (200, json_type(), "[]".to_owned()),
            (200, json_type(), huge.clone()),
            (302, elsewhere(), String::new()),
            (404, html(), "<html>".to_owned()),
        ];
        for (status, header, body) in wrong {
            let provider = provider().await;
            let client = client(&provider);
            let length = body.len();
            if place == METADATA {
                provider.answer(place, status, header, body);
                let result = client.begin(HERE).await;
                assert!(matches!(result, Err(Error::Answer { .. })), "{place} {status} {length}: {result:?}");
                continue;
            }
            provider.answer(place, status, header, body);
            let result = signed_in(&client, &provider).await;
            assert!(matches!(result, Err(Error::Answer { .. })), "{place} {status} {length}: {result:?}");
        }
    }
}

#[tokio::test]
async fn metadata_of_another_issuer_or_without_tls_is_refused() {
    let provider = provider().await;
    let said = |issuer: &str, token: &str| {
        let at = |path: &str| format!("{}{path}", provider.issuer());
        json!({
            "issuer": issuer, "authorization_endpoint": at("/authorize"), "jwks_uri": at("/keys"),
            "token_endpoint": token,
        })
        .to_string()
    };
    let good = format!("{}/token", provider.issuer());
    provider.answer(METADATA, 200, json_type(), said("https://id.example.org", &good));
    assert_eq!(client(&provider).begin(HERE).await.unwrap_err(), Error::OtherIssuer);
    provider.answer(METADATA, 200, json_type(), said(provider.issuer(), "http://id.example.org/token"));
    let result = client(&provider).begin(HERE).await;
    assert!(
        matches!(&result, Err(Error::Answer { why, .. }) if why.contains("token_endpoint")),
        "{result:?}"
    );
}

#[tokio::test]
async fn nobody_at_home_is_said_at_once_and_not_asked_by_everybody() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let provider = provider().await;
    let config = bastide_oidc::Config {
        issuer: format!("http://{}", listener.local_addr().unwrap()),
        ..config(&provider)
    };
    drop(listener);
    let client = Client::new(config).unwrap();
    let result = within("a refused connection", client.begin(HERE)).await;
    assert!(matches!(&result, Err(error) if error.passes()), "{result:?}");

    // One that answers 500 is asked once, whoever comes just after.
    provider.answer(METADATA, 503, json_type(), String::new());
    let client = crate::client(&provider);
    for _ in 0..5 {
        assert!(matches!(client.begin(HERE).await, Err(Error::Unreachable { .. })));
    }
    assert_eq!(provider.asked().len(), 1);
}

#[tokio::test]
async fn a_secret_that_is_wrong_is_the_providers_word() {
    let provider = provider().await;
    let config = bastide_oidc::Config { client_secret: None, ..config(&provider) };
    let client = Client::new(config).unwrap();
    let result = signed_in(&client, &provider).await;
    assert_eq!(result.unwrap_err(), Error::Refused { code: "invalid_client".to_owned() });
}

#[tokio::test]
async fn settings_that_send_a_secret_in_the_clear_are_refused() {
    let provider = provider().await;
    for issuer in ["http://id.example.org", "id.example.org", "https://id.example.org/?a=b", "file:///etc"] {
        let config = bastide_oidc::Config { issuer: issuer.to_owned(), ..config(&provider) };
        assert!(matches!(Client::new(config), Err(Error::Settings(_))), "{issuer}");
    }
}
