//! What single sign-on needs of this machine at the start: the client's secret.

use std::path::Path;

use anyhow::Context;
use bastide_app::App;
use bastide_app::login::single_sign_on::{self, ClientSecret, Settings};

use super::config::{Config, SecretPlace};
use crate::cli::exit::Failure;

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
            let told = bastide_app::vault::told_by(words, LONGEST).await.map_err(|why| {
                let program = words.first().map(String::as_str).unwrap_or_default();
                Failure::text(format!("the command that tells the client's secret, {program}: it {why}"))
            })?;
            Some(told.to_string())
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
