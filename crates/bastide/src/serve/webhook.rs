//! Where alerts are posted to.

use std::time::Duration;

use anyhow::Context;
use bastide_app::alerts::{Post, Sent, Webhook};
use reqwest::redirect::Policy;

use super::config::{ALERT_WEBHOOK, ALERT_WEBHOOK_SECRET};
use crate::cli::exit::Failure;

/// Whoever takes longer to say yes is asked again later.
const WITHIN: Duration = Duration::from_secs(10);
/// Shorter ones can be guessed from one delivery.
const SHORTEST_SECRET: usize = 16;

/// `None` where no address is named.
pub(super) fn configured() -> Result<Option<Webhook>, Failure> {
    let Some(url) = crate::env::value(&ALERT_WEBHOOK) else { return Ok(None) };
    let name = ALERT_WEBHOOK.name;
    let url = url.into_string().map_err(|_| Failure::text(format!("{name} is not text")))?;
    let url: reqwest::Url = url.parse().with_context(|| format!("{name}: no address"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Failure::text(format!("{name}: begins with http:// or https://")));
    }
    let secret = secret()?;
    let http = reqwest::Client::builder()
        .user_agent(concat!("bastide/", env!("CARGO_PKG_VERSION")))
        .timeout(WITHIN)
        // What is posted goes to the address that was named and nowhere else.
        .redirect(Policy::none())
        .build()
        .context("cannot prepare requests")?;
    let post = Post::new(move |sent: Sent| {
        let (http, url) = (http.clone(), url.clone());
        async move { deliver(&http, url, sent).await }
    });
    Ok(Some(Webhook::new(secret, post)))
}

async fn deliver(http: &reqwest::Client, url: reqwest::Url, sent: Sent) -> Result<(), String> {
    let request = http
        .post(url)
        .header("content-type", "application/json")
        .header("x-bastide-signature", sent.signature)
        .body(sent.body);
    // The address may hold a token: it stays out of logs.
    let answer = request.send().await.map_err(|error| error.without_url().to_string())?;
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("it answered {status}")),
    }
}

fn secret() -> Result<String, Failure> {
    let name = ALERT_WEBHOOK_SECRET.name;
    let path = crate::env::path(&ALERT_WEBHOOK_SECRET).ok_or_else(|| {
        Failure::text(format!("{} is set: name a file with the secret in {name}", ALERT_WEBHOOK.name))
    })?;
    let text = std::fs::read_to_string(&path).with_context(|| format!("{name}: {}", path.display()))?;
    let secret = text.trim().to_owned();
    match secret.len() < SHORTEST_SECRET {
        true => Err(Failure::text(format!("{}: at least {SHORTEST_SECRET} characters", path.display()))),
        false => Ok(secret),
    }
}
