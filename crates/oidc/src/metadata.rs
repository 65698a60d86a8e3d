//! What a provider says of itself (OpenID Connect Discovery 1.0), and its keys (RFC 7517); both are kept for a
//! while.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jsonwebtoken::jwk::Jwk;
use reqwest::Url;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::config::read;
use crate::error::TokenFault;
use crate::fetch::Http;
use crate::{Config, Error};

/// A provider that moves its endpoints or takes back a key is followed within this time.
const KEEP: Duration = Duration::from_secs(3600);
/// Whoever signs in just after a failure is told the same at once, so that a provider that hangs is asked by one
/// at a time and not by everybody.
const KEEP_FAILURE: Duration = Duration::from_secs(5);
/// A key that is not known may be new: the list is read again, but not for each token.
const KEYS_AGAIN: Duration = Duration::from_secs(10);
/// Providers have a handful.
const MAX_KEYS: usize = 100;

pub(crate) const METADATA: &str = "configuration";
pub(crate) const KEYS: &str = "keys";

#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) authorization: Url,
    pub(crate) token: Url,
    pub(crate) userinfo: Option<Url>,
    keys: Url,
    /// How the secret is shown to the token endpoint: in the form and not in a header.
    pub(crate) secret_in_form: bool,
    /// Whether the answer at our address says which issuer it is from (RFC 9207).
    pub(crate) names_itself: bool,
}

/// What was last fetched, and when.
#[derive(Debug)]
struct Kept<T> {
    at: Instant,
    what: Result<Arc<T>, Error>,
}

impl<T> Kept<T> {
    fn fresh(&self) -> bool {
        self.at.elapsed() < if self.what.is_ok() { KEEP } else { KEEP_FAILURE }
    }
}

/// Each lock is held while its part is fetched: others wait for the same answer.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    metadata: Mutex<Option<Kept<Metadata>>>,
    keys: Mutex<Option<Kept<Vec<Jwk>>>>,
}

impl Cache {
    pub(crate) async fn metadata(&self, http: &Http, config: &Config) -> Result<Arc<Metadata>, Error> {
        let mut kept = self.metadata.lock().await;
        if let Some(kept) = kept.as_ref().filter(|kept| kept.fresh()) {
            return kept.what.clone();
        }
        let what = discover(http, config).await.map(Arc::new);
        *kept = Some(Kept { at: Instant::now(), what: what.clone() });
        what
    }

    /// The key that a token names, or the only one there can be.
    pub(crate) async fn key(
        &self,
        http: &Http,
        metadata: &Metadata,
        fits: impl Fn(&Jwk) -> bool,
    ) -> Result<Jwk, Error> {
        let mut kept = self.keys.lock().await;
        if let Some(old) = kept.as_ref().filter(|kept| kept.fresh()) {
            let found = only(old.what.clone()?.as_slice(), &fits);
            if found.is_ok() || old.at.elapsed() < KEYS_AGAIN {
                return Ok(found?);
            }
        }
        let what = keys(http, metadata).await.map(Arc::new);
        *kept = Some(Kept { at: Instant::now(), what: what.clone() });
        Ok(only(what?.as_slice(), &fits)?)
    }
}

fn only(keys: &[Jwk], fits: &impl Fn(&Jwk) -> bool) -> Result<Jwk, TokenFault> {
    let mut fitting = keys.iter().filter(|key| fits(key));
    match (fitting.next(), fitting.next()) {
        (Some(one), None) => Ok(one.clone()),
        _ => Err(TokenFault::UnknownKey),
    }
}

async fn discover(http: &Http, config: &Config) -> Result<Metadata, Error> {
    let place = format!("{}/.well-known/openid-configuration", config.issuer.trim_end_matches('/'));
    let place = read(&place).map_err(|why| Error::Settings(format!("the issuer {why}")))?;
    let said = http.get(METADATA, place, None).await?;
    if said.get("issuer").and_then(Value::as_str) != Some(&config.issuer) {
        return Err(Error::OtherIssuer);
    }
    let methods = words(&said, "token_endpoint_auth_methods_supported");
    Ok(Metadata {
        authorization: endpoint(&said, "authorization_endpoint")?,
        token: endpoint(&said, "token_endpoint")?,
        keys: endpoint(&said, "jwks_uri")?,
        userinfo: match said.contains_key("userinfo_endpoint") {
            true => Some(endpoint(&said, "userinfo_endpoint")?),
            false => None,
        },
        secret_in_form: !methods.is_empty()
            && !methods.contains(&"client_secret_basic")
            && methods.contains(&"client_secret_post"),
        names_itself: said.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
    })
}

fn endpoint(said: &Map<String, Value>, name: &str) -> Result<Url, Error> {
    let text = said.get(name).and_then(Value::as_str);
    let text = text.ok_or_else(|| Error::answer(METADATA, format!("it names no {name}")))?;
    read(text).map_err(|why| Error::answer(METADATA, format!("its {name} {why}")))
}

fn words<'a>(said: &'a Map<String, Value>, name: &str) -> Vec<&'a str> {
    let list = said.get(name).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).collect()
}

/// Those that can be understood: a list may hold keys for other uses.
async fn keys(http: &Http, metadata: &Metadata) -> Result<Vec<Jwk>, Error> {
    let said = http.get(KEYS, metadata.keys.clone(), None).await?;
    let Some(list) = said.get("keys").and_then(Value::as_array) else {
        return Err(Error::answer(KEYS, "it holds no keys"));
    };
    Ok(list.iter().filter_map(|key| serde_json::from_value(key.clone()).ok()).take(MAX_KEYS).collect())
}
