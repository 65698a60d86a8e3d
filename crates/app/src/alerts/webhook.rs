//! Alerts sent on to an address of the operator's, signed, in order, each until it is taken or given up.
//!
//! The database is the queue: it holds how far they have been sent, so that a restart loses none.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::{App, hex};

use super::Alert;

/// Read from the database at once.
const BATCH: u32 = 50;
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LAST_RETRY: Duration = Duration::from_secs(300);
/// 1 + 2 + 4 … + 256 s: an address that takes nothing for eight minutes holds up the next alert no longer.
const TRIES: u32 = 9;
/// The row of how far it has come.
const NAME: &str = "webhook";

type Posting = Pin<Box<dyn Future<Output = Result<(), String>> + Send>>;

/// One delivery: the body, and its signature for the header `x-bastide-signature`.
#[derive(Debug, Clone)]
pub struct Sent {
    pub body: String,
    /// `sha256=` and the HMAC-SHA256 of the body under the secret, in hexadecimal.
    pub signature: String,
}

/// Posts one delivery. An error is a reason to try again.
#[derive(Clone)]
pub struct Post(Arc<dyn Fn(Sent) -> Posting + Send + Sync>);

impl Post {
    pub fn new<F>(post: impl Fn(Sent) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<(), String>> + Send + 'static,
    {
        Self(Arc::new(move |sent| Box::pin(post(sent))))
    }
}

impl fmt::Debug for Post {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Post")
    }
}

/// Where alerts are sent.
#[derive(Clone)]
pub struct Webhook {
    /// Known to whoever takes them, so that nobody else can make one up.
    secret: Zeroizing<String>,
    post: Post,
}

impl Webhook {
    pub fn new(secret: String, post: Post) -> Self {
        Self { secret: Zeroizing::new(secret), post }
    }
}

impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Webhook")
    }
}

/// For metrics.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) sent: AtomicU64,
    pub(crate) given_up: AtomicU64,
}

/// Begins to send, where it is wanted.
pub(crate) fn start(app: &App, webhook: Option<Webhook>) {
    let Some(webhook) = webhook else { return };
    let (sending, ending) = (app.clone(), app.shutdown().clone());
    app.tasks().spawn("alert webhook", async move {
        tokio::select! {
            () = follow(&sending, &webhook) => {}
            () = ending.draining() => {}
        }
    });
}

async fn follow(app: &App, webhook: &Webhook) {
    let mut news = app.news().hear();
    loop {
        news.borrow_and_update();
        if let Err(error) = send_all(app, webhook).await {
            tracing::warn!(%error, "alerts cannot be read and are sent later");
            tokio::time::sleep(LAST_RETRY).await;
            continue;
        }
        if news.changed().await.is_err() {
            return;
        }
    }
}

async fn send_all(app: &App, webhook: &Webhook) -> Result<(), bastide_store::Error> {
    let store = app.store();
    let mut last = match store.alert_place(NAME).await? {
        Some(last) => last,
        // What was before there was an address is not news.
        None => store.last_alert().await?,
    };
    store.set_alert_place(NAME, last).await?;
    loop {
        let rows = store.alerts_after(last, BATCH).await?;
        if rows.is_empty() {
            return Ok(());
        }
        for row in rows {
            last = row.id;
            let alert = Alert::of(app, row);
            let counts = app.alert_counts();
            match send(webhook, &alert, FIRST_RETRY).await {
                Ok(()) => counts.sent.fetch_add(1, Ordering::Relaxed),
                Err(error) => {
                    tracing::error!(
                        error,
                        alert = alert.id,
                        kind = alert.kind,
                        "an alert was not taken by the webhook"
                    );
                    counts.given_up.fetch_add(1, Ordering::Relaxed)
                }
            };
            store.set_alert_place(NAME, last).await?;
        }
    }
}

async fn send(webhook: &Webhook, alert: &Alert, first_retry: Duration) -> Result<(), String> {
    let body = json!({ "type": "alert", "alert": alert }).to_string();
    let sent = Sent { signature: signature(&webhook.secret, &body), body };
    let mut delay = first_retry;
    let mut tries = 1;
    loop {
        match (webhook.post.0)(sent.clone()).await {
            Ok(()) => return Ok(()),
            Err(error) if tries >= TRIES => return Err(error),
            Err(error) => tracing::warn!(
                error,
                alert = alert.id,
                tries,
                "the webhook did not take an alert; trying again"
            ),
        }
        tokio::time::sleep(delay).await;
        delay = (delay * 2).min(LAST_RETRY);
        tries += 1;
    }
}

fn signature(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(body.as_bytes());
    format!("sha256={}", hex::encode(&mac.finalize().into_bytes()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Mutex;

    use super::*;

    /// RFC 4231, test case 2.
    #[test]
    fn whoever_has_the_secret_can_check_the_signature() {
        assert_eq!(
            signature("Jefe", "what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
    }

    fn alert() -> Alert {
        Alert {
            id: 7,
            at: jiff::Timestamp::UNIX_EPOCH,
            kind: "deny".to_owned(),
            severity: "warning".to_owned(),
            text: "reboot".to_owned(),
            action: None,
            rule: None,
            session: None,
            user: None,
            server: None,
            data: serde_json::Map::new(),
        }
    }

    #[tokio::test]
    async fn what_is_not_taken_is_sent_again_and_given_up_in_the_end() {
        let (sent, failing) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicU64::new(3)));
        let (seen, left) = (Arc::clone(&sent), Arc::clone(&failing));
        let post = Post::new(move |one: Sent| {
            let (seen, left) = (Arc::clone(&seen), Arc::clone(&left));
            async move {
                seen.lock().unwrap().push(one.signature);
                match left.load(Ordering::Relaxed) {
                    0 => Ok(()),
                    n => {
                        left.store(n - 1, Ordering::Relaxed);
                        Err("503".to_owned())
                    }
                }
            }
        });
        let webhook = Webhook::new("s".to_owned(), post);
        send(&webhook, &alert(), Duration::from_millis(1)).await.unwrap();
        let tried = sent.lock().unwrap().drain(..).collect::<Vec<_>>();
        assert_eq!(tried.len(), 4);
        assert!(tried.iter().all(|one| *one == tried[0]), "the same bytes each time");
        failing.store(u64::MAX, Ordering::Relaxed);
        assert_eq!(send(&webhook, &alert(), Duration::from_millis(1)).await, Err("503".to_owned()));
        assert_eq!(sent.lock().unwrap().len(), TRIES as usize);
    }
}
