//! The flow against a provider that keeps to the specification, and against the same one lying.

#![allow(clippy::unwrap_used)]

#[path = "it/flow.rs"]
mod flow;
#[path = "it/lies.rs"]
mod lies;

use bastide_oidc::{Answer, Claims, Client, ClientSecret, Config, Error, Waiting};
use bastide_testkit::OidcProvider;
use jiff::Timestamp;

const HERE: &str = "http://127.0.0.1:8722/api/v1/login/oidc/callback";

fn config(provider: &OidcProvider) -> Config {
    Config {
        issuer: provider.issuer().to_owned(),
        client_id: OidcProvider::CLIENT_ID.to_owned(),
        client_secret: Some(ClientSecret::new(OidcProvider::CLIENT_SECRET.to_owned())),
        scopes: vec!["profile".to_owned(), "groups".to_owned()],
    }
}

fn client(provider: &OidcProvider) -> Client {
    Client::new(config(provider)).unwrap()
}

/// What stands in the address that a person is sent back to.
fn answer(address: &str) -> Answer {
    let (_, query) = address.split_once('?').unwrap();
    let part = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.find(|(known, _)| *known == name);
        found.map(|(_, value)| value.replace("%3A", ":").replace("%2F", "/"))
    };
    Answer { code: part("code"), error: part("error"), issuer: part("iss") }
}

/// From the start to the answer, at the provider.
async fn agreed(client: &Client, provider: &OidcProvider) -> (Waiting, Answer) {
    let begun = client.begin(HERE).await.unwrap();
    let back = provider.sign_in(&begun.url);
    assert!(back.contains(&begun.state), "{back}");
    (begun.waiting, answer(&back))
}

async fn signed_in(client: &Client, provider: &OidcProvider) -> Result<Claims, Error> {
    let (waiting, answer) = agreed(client, provider).await;
    client.finish(&waiting, (&answer, &["groups"]), Timestamp::now()).await
}
