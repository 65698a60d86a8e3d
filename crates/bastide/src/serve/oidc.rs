//! What single sign-on needs of this machine at the start: the client's secret.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use anyhow::Context;
use bastide_app::App;
use bastide_app::login::single_sign_on::{self, ClientSecret, Settings};
use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::config::{Config, SecretPlace};
use crate::cli::exit::Failure;

/// As for the master key: a secret service that is slower keeps the server from starting.
const WITHIN: Duration = Duration::from_secs(30);
/// Providers make secrets of some 40 characters; some let people choose.
const LONGEST: u64 = 1024;

/// `None` where no provider is named.
pub(super) async fn configured(config: &Config) -> Result<Option<Settings>, Failure> {
    let Some(oidc) = &config.sign_in.oidc else { return Ok(None) };
    let text = match (config.given_client_secret()?, &oidc.secret) {
        (Some(text), _) => Some(text),
        (None, SecretPlace::Nowhere) => None,
        (None, SecretPlace::File(path)) => Some(in_file(path)?),
        (None, SecretPlace::Command(words)) => {
            let told = tokio::time::timeout(WITHIN, told_by(words)).await;
            let told = told.map_err(|_| "it has not answered in time".to_owned()).and_then(|told| told);
            let program = words.first().map(String::as_str).unwrap_or_default();
            Some(told.map_err(|why| {
                Failure::text(format!("the command that tells the client's secret, {program}: {why}"))
            })?)
        }
    };
    let secret = text.map(|text| text.trim().to_owned());
    match &secret {
        Some(secret) if secret.is_empty() => Err(Failure::text("the client's secret is empty")),
        _ => Ok(Some(oidc.with_secret(secret.map(ClientSecret::new)))),
    }
}

/// What will trouble people who sign in; the secret has to be there, and the provider may be down.
pub(super) fn check(config: &Config) -> Result<Vec<String>, Failure> {
    if config.sign_in.oidc.is_none() {
        return Ok(Vec::new());
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::Other(anyhow::anyhow!("cannot start: {e}")))?;
    runtime.block_on(async {
        let Some(settings) = configured(config).await? else { return Ok(Vec::new()) };
        let looked = single_sign_on::look(&settings).await;
        Ok(looked.err().map(|why| format!("single sign-on will not work now: {why}")).into_iter().collect())
    })
}

/// Says in the log whether the provider answers.
pub(super) async fn look(app: App) {
    tokio::select! {
        () = app.look_at_provider() => {}
        () = app.shutdown().draining() => {}
    }
}

fn in_file(path: &Path) -> Result<String, Failure> {
    let text = std::fs::read_to_string(path);
    Ok(text.with_context(|| format!("the client's secret: {}", path.display()))?)
}

async fn told_by(words: &[String]) -> Result<String, String> {
    let (program, arguments) = words.split_first().ok_or("it is not named")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| format!("it cannot be run: {e}"))?;
    let output = child.stdout.take().ok_or("it has no output")?;
    let mut text = String::new();
    let read = output.take(LONGEST).read_to_string(&mut text).await;
    read.map_err(|_| "it has not answered in UTF-8".to_owned())?;
    let status = child.wait().await.map_err(|e| format!("it cannot be waited for: {e}"))?;
    match status.success() {
        true => Ok(text),
        false => Err(format!("it has failed ({status})")),
    }
}
