//! People by the names they have.

use serde_json::Value;

use super::client::Client;
use crate::cli::exit::Failure;

const MOST: usize = 50_000;

pub(super) async fn all(client: &Client) -> Result<Vec<Value>, Failure> {
    client.list("/api/v1/users", "users", &[], MOST).await
}

/// The user of this name, or of this number.
pub(super) async fn find(client: &Client, word: &str) -> Result<Value, Failure> {
    let all = all(client).await?;
    let named = all.iter().find(|user| user["username"].as_str() == Some(word));
    let numbered = || {
        all.iter()
            .find(|user| user["id"].is_number() && word.parse() == Ok(user["id"].as_i64().unwrap_or(-1)))
    };
    let found = named.or_else(numbered).cloned();
    found.ok_or_else(|| Failure::NotFound(format!("no user {word:?}; `bastide users` lists them")))
}
