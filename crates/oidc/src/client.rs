use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::Timestamp;
use reqwest::Url;
use serde_json::Value;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::error::TokenFault;
use crate::fetch::{Http, plain};
use crate::metadata::{Cache, Metadata};
use crate::token::{self, Expected};
use crate::{Claims, Config, Error};

const TOKEN: &str = "token";
const USERINFO: &str = "user information";

/// One provider. Clones share what is known of it.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    config: Config,
    http: Http,
    cache: Cache,
}

/// A sign-in that has begun.
#[derive(Debug)]
pub struct Begun {
    /// Where the person goes.
    pub url: String,
    /// What stands in the answer; a secret between their browser and us.
    pub state: String,
    pub waiting: Waiting,
}

/// What is needed when the answer comes. Never leaves the server.
#[derive(Clone)]
pub struct Waiting {
    nonce: String,
    verifier: Zeroizing<String>,
    redirect: String,
}

impl Waiting {
    /// One that no provider knows.
    #[doc(hidden)]
    pub fn for_tests() -> Self {
        Self { nonce: random(), verifier: Zeroizing::new(random()), redirect: String::new() }
    }
}

impl std::fmt::Debug for Waiting {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Waiting(…)")
    }
}

/// What the provider's redirect brings (RFC 6749, section 4.1.2).
#[derive(Clone, Default)]
pub struct Answer {
    pub code: Option<String>,
    pub error: Option<String>,
    /// Who says so (RFC 9207).
    pub issuer: Option<String>,
}

impl Client {
    /// Asks nobody anything yet.
    ///
    /// # Errors
    /// `Settings`.
    pub fn new(config: Config) -> Result<Self, Error> {
        config.check()?;
        let inner = Inner { config, http: Http::new()?, cache: Cache::default() };
        Ok(Self { inner: Arc::new(inner) })
    }

    pub fn issuer(&self) -> &str {
        &self.inner.config.issuer
    }

    /// Whether the provider answers, and as whom it should.
    ///
    /// # Errors
    /// `Unreachable`, `Answer`, `OtherIssuer`.
    pub async fn look(&self) -> Result<(), Error> {
        self.metadata().await.map(drop)
    }

    /// Begins a sign-in, whose answer comes to `redirect`, an address of ours.
    ///
    /// # Errors
    /// `Unreachable`, `Answer`, `OtherIssuer`.
    pub async fn begin(&self, redirect: &str) -> Result<Begun, Error> {
        let metadata = self.metadata().await?;
        let (state, nonce, verifier) = (random(), random(), Zeroizing::new(random()));
        // RFC 7636, section 4.2.
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        let mut url = metadata.authorization.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.inner.config.client_id)
            .append_pair("redirect_uri", redirect)
            .append_pair("scope", &self.inner.config.scope())
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        let waiting = Waiting { nonce, verifier, redirect: redirect.to_owned() };
        Ok(Begun { url: url.into(), state, waiting })
    }

    /// Who stands behind an answer. `wanted` are the claims that will be asked for: where the token lacks one of
    /// them, the provider is asked for it (OpenID Connect Core 1.0, section 5.3).
    ///
    /// # Errors
    /// All but `Settings`. Nobody is believed to be anybody then.
    pub async fn finish(
        &self,
        waiting: &Waiting,
        (answer, wanted): (&Answer, &[&str]),
        now: Timestamp,
    ) -> Result<Claims, Error> {
        let metadata = self.metadata().await?;
        let Inner { config, http, cache } = &*self.inner;
        let named = answer.issuer.as_deref();
        if named.is_some_and(|issuer| issuer != config.issuer) || (named.is_none() && metadata.names_itself) {
            return Err(Error::OtherIssuer);
        }
        if let Some(error) = &answer.error {
            return Err(Error::Refused { code: plain(error) });
        }
        let code = answer.code.as_deref().ok_or(Error::Refused { code: "no code".to_owned() })?;
        let given = self.exchange(&metadata, waiting, code).await?;
        let text = |name: &str| given.get(name).and_then(Value::as_str);
        let id_token = text("id_token").ok_or_else(|| Error::answer(TOKEN, "it holds no ID token"))?;
        let header = token::header(id_token)?;
        let key = cache.key(http, &metadata, |key| token::fits(&header, key)).await?;
        let expected =
            Expected { issuer: &config.issuer, client_id: &config.client_id, nonce: &waiting.nonce, now };
        let mut claims = token::verify(id_token, (&header, &key), expected)?;
        let lacks = wanted.iter().any(|name| claims.get(name).is_none());
        if let (true, Some(place), Some(access)) = (lacks, &metadata.userinfo, text("access_token")) {
            let more = http.get(USERINFO, place.clone(), Some(access)).await?;
            // Section 5.3.2: it must be of the same subject, or is not used.
            if more.get("sub").and_then(Value::as_str) != Some(&claims.subject) {
                return Err(TokenFault::OtherSubject.into());
            }
            claims.complete(more);
        }
        Ok(claims)
    }

    /// RFC 6749, section 4.1.3.
    async fn exchange(
        &self,
        metadata: &Metadata,
        waiting: &Waiting,
        code: &str,
    ) -> Result<serde_json::Map<String, Value>, Error> {
        let config = &self.inner.config;
        let mut form = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", &waiting.redirect),
            ("code_verifier", &waiting.verifier),
        ];
        let basic = match &config.client_secret {
            Some(secret) if !metadata.secret_in_form => Some(basic(&config.client_id, secret.expose())),
            Some(secret) => {
                form.extend([("client_id", config.client_id.as_str()), ("client_secret", secret.expose())]);
                None
            }
            None => {
                form.push(("client_id", &config.client_id));
                None
            }
        };
        let form = encoded(form);
        self.inner.http.post(TOKEN, (metadata.token.clone(), form), basic).await
    }

    async fn metadata(&self) -> Result<Arc<Metadata>, Error> {
        self.inner.cache.metadata(&self.inner.http, &self.inner.config).await
    }
}

/// 256 bits, 43 characters that every place takes.
fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}

/// As a form is written (application/x-www-form-urlencoded).
fn encoded<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut url = Url::parse("form:").expect("this is an address");
    url.query_pairs_mut().extend_pairs(pairs);
    url.query().unwrap_or_default().to_owned()
}

/// RFC 6749, section 2.3.1: both are written as in a form first.
fn basic(id: &str, secret: &str) -> String {
    let written = |text: &str| encoded([("", text)]).trim_start_matches('=').to_owned();
    format!("Basic {}", STANDARD.encode(format!("{}:{}", written(id), written(secret))))
}
