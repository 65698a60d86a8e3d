use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::{HeaderMap, Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use reqwest::Url;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use uuid::Uuid;

/// With a space and a percent sign, so that whoever does not write it as in a form is found out.
const CLIENT_SECRET: &str = "an open secret: 100 % of it";
const CLIENT_ID: &str = "bastide";

/// A provider of OpenID Connect on this machine that keeps to the specification until it is told to lie. It has no
/// pages: [`OidcProvider::sign_in`] is what a browser and a person would do.
pub struct OidcProvider {
    issuer: String,
    state: Shared,
    serving: JoinHandle<()>,
}

/// Whose signature stands under an ID token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signing {
    Own,
    /// A key that is not in the list, under the name of one that is.
    Stranger,
    /// A key that is in no list, under a name of its own.
    Unnamed,
    /// `"alg": "none"` and no signature.
    Nothing,
    /// HS256, with the secret that both sides know.
    Secret,
}

type Shared = Arc<Mutex<Provider>>;
type Twist = Box<dyn Fn(&mut Map<String, Value>) + Send>;
/// Status, location or content type, body.
type Raw = (u16, (&'static str, String), String);

struct Provider {
    issuer: String,
    keys: [EncodingKey; 2],
    person: Map<String, Value>,
    signing: Signing,
    twist: Option<Twist>,
    raw: HashMap<&'static str, Raw>,
    /// By the code; each is good once.
    begun: HashMap<String, HashMap<String, String>>,
    tokens: HashMap<String, Value>,
    asked: Vec<String>,
    /// Whether claims stand in the ID token or are told only when asked for.
    in_token: bool,
}

impl Drop for OidcProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl OidcProvider {
    pub const CLIENT_ID: &'static str = CLIENT_ID;
    pub const CLIENT_SECRET: &'static str = CLIENT_SECRET;

    /// # Panics
    /// Where no port is to be had.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port of this machine");
        let issuer = format!("http://{}", listener.local_addr().expect("it is bound"));
        let provider = Provider {
            issuer: issuer.clone(),
            keys: [key(), key()],
            person: Map::new(),
            signing: Signing::Own,
            twist: None,
            raw: HashMap::new(),
            begun: HashMap::new(),
            tokens: HashMap::new(),
            asked: Vec::new(),
            in_token: true,
        };
        let state = Arc::new(Mutex::new(provider));
        let router = Router::new().fallback(answer).with_state(Arc::clone(&state));
        let serving = tokio::spawn(async move {
            axum::serve(listener, router).await.ok();
        });
        Self { issuer, state, serving }
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    fn state(&self) -> MutexGuard<'_, Provider> {
        lock(&self.state)
    }

    /// Who signs in from now on: an object with `sub`.
    ///
    /// # Panics
    /// For anything but an object.
    pub fn person(&self, claims: &Value) {
        self.state().person = claims.as_object().expect("claims are an object").clone();
    }

    /// Claims are told only when asked for, and not in the ID token.
    pub fn tell_only_when_asked(&self) {
        self.state().in_token = false;
    }

    pub fn sign_with(&self, signing: Signing) {
        self.state().signing = signing;
    }

    /// Changes every ID token before it is signed.
    pub fn twist(&self, twist: impl Fn(&mut Map<String, Value>) + Send + 'static) {
        self.state().twist = Some(Box::new(twist));
    }

    /// Answers this at a path from now on: status, a header, body.
    pub fn answer(&self, path: &'static str, status: u16, header: (&'static str, String), body: String) {
        self.state().raw.insert(path, (status, header, body));
    }

    /// Keeps to the specification again.
    pub fn be_honest(&self) {
        let mut state = self.state();
        (state.signing, state.twist) = (Signing::Own, None);
        state.raw.clear();
    }

    /// Paths asked for so far.
    pub fn asked(&self) -> Vec<String> {
        self.state().asked.clone()
    }

    /// What a person at a browser does with the address of the start: they agree. Returns where they are sent.
    ///
    /// # Panics
    /// When the address lacks something.
    pub fn sign_in(&self, start: &str) -> String {
        let url: Url = start.parse().expect("an address");
        assert!(start.starts_with(&format!("{}/authorize?", self.issuer)), "{start}");
        let asked: HashMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(asked["response_type"], "code");
        assert_eq!(asked["client_id"], CLIENT_ID);
        assert_eq!(asked["code_challenge_method"], "S256");
        assert!(asked["scope"].split(' ').any(|scope| scope == "openid"));
        let code = Uuid::now_v7().simple().to_string();
        let mut back: Url = asked["redirect_uri"].parse().expect("an address");
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &asked["state"])
            .append_pair("iss", &self.issuer);
        self.state().begun.insert(code, asked);
        back.into()
    }
}

fn lock(state: &Shared) -> MutexGuard<'_, Provider> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key() -> EncodingKey {
    let pair = rcgen::KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).expect("a key");
    EncodingKey::from_ec_der(pair.serialized_der())
}

async fn answer(
    State(state): State<Shared>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Bytes,
) -> Response<String> {
    let mut provider = lock(&state);
    provider.asked.push(uri.path().to_owned());
    if let Some((status, (name, value), body)) = provider.raw.get(uri.path()) {
        let answer = Response::builder().status(*status).header(*name, value);
        return answer.body(body.clone()).expect("a header of a test");
    }
    let said = match uri.path() {
        "/.well-known/openid-configuration" => Ok(provider.metadata()),
        "/keys" => Ok(json!({ "keys": [provider.public(0, "one")] })),
        "/token" => provider.token(&headers, &body),
        "/userinfo" => provider.userinfo(&headers),
        _ => Err((404, "no_such_page")),
    };
    let (status, said) = match said {
        Ok(said) => (StatusCode::OK, said),
        Err((status, error)) => {
            (StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), json!({ "error": error }))
        }
    };
    let answer = Response::builder().status(status).header("content-type", "application/json");
    answer.body(said.to_string()).expect("nothing is wrong with this header")
}

impl Provider {
    fn metadata(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        json!({
            "issuer": self.issuer,
            "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"),
            "userinfo_endpoint": at("/userinfo"),
            "jwks_uri": at("/keys"),
            "authorization_response_iss_parameter_supported": true,
        })
    }

    fn public(&self, place: usize, name: &str) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.keys[place], Algorithm::ES256).expect("a public key");
        jwk.common.key_id = Some(name.to_owned());
        serde_json::to_value(jwk).expect("a key is JSON")
    }

    fn token(&mut self, headers: &HeaderMap, body: &[u8]) -> Result<Value, (u16, &'static str)> {
        let written = |text: &str| {
            let mut url: Url = "form:".parse().expect("an address");
            url.query_pairs_mut().append_pair("", text);
            url.query().unwrap_or_default().trim_start_matches('=').to_owned()
        };
        let expected = STANDARD.encode(format!("{}:{}", written(CLIENT_ID), written(CLIENT_SECRET)));
        let given = headers.get("authorization").and_then(|value| value.to_str().ok());
        if given.and_then(|given| given.strip_prefix("Basic ")) != Some(&expected) {
            return Err((401, "invalid_client"));
        }
        let form: Url = format!("form:?{}", String::from_utf8_lossy(body)).parse().expect("a form");
        let form: HashMap<String, String> = form.query_pairs().into_owned().collect();
        let asked = form.get("code").and_then(|code| self.begun.remove(code));
        let asked = asked.ok_or((400, "invalid_grant"))?;
        let verifier = form.get("code_verifier").ok_or((400, "invalid_grant"))?;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        if challenge != asked["code_challenge"] || form.get("redirect_uri") != asked.get("redirect_uri") {
            return Err((400, "invalid_grant"));
        }
        let access = Uuid::now_v7().simple().to_string();
        self.tokens.insert(access.clone(), Value::Object(self.person.clone()));
        let id_token = self.id_token(&asked["nonce"]);
        Ok(json!({ "access_token": access, "token_type": "Bearer", "expires_in": 60, "id_token": id_token }))
    }

    fn id_token(&self, nonce: &str) -> String {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let now = now.expect("it is after 1970").as_secs();
        let subject = self.person.get("sub").cloned().unwrap_or_default();
        let mut claims = Map::new();
        if self.in_token {
            claims.extend(self.person.clone());
        }
        let own = json!({
            "iss": self.issuer, "aud": CLIENT_ID, "sub": subject, "nonce": nonce, "iat": now, "exp": now + 300,
        });
        claims.extend(own.as_object().cloned().unwrap_or_default());
        if let Some(twist) = &self.twist {
            twist(&mut claims);
        }
        let name = |name: &str, algorithm| {
            let mut header = Header::new(algorithm);
            header.kid = Some(name.to_owned());
            header
        };
        let signed = match self.signing {
            Signing::Own => encode(&name("one", Algorithm::ES256), &claims, &self.keys[0]),
            Signing::Stranger => encode(&name("one", Algorithm::ES256), &claims, &self.keys[1]),
            Signing::Unnamed => encode(&name("two", Algorithm::ES256), &claims, &self.keys[1]),
            Signing::Secret => {
                let key = EncodingKey::from_secret(CLIENT_SECRET.as_bytes());
                encode(&name("one", Algorithm::HS256), &claims, &key)
            }
            Signing::Nothing => {
                let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
                let header = part(&json!({ "alg": "none", "typ": "JWT" }));
                return format!("{header}.{}.", part(&Value::Object(claims)));
            }
        };
        signed.expect("a key signs")
    }

    fn userinfo(&self, headers: &HeaderMap) -> Result<Value, (u16, &'static str)> {
        let bearer = headers.get("authorization").and_then(|value| value.to_str().ok());
        let token = bearer.and_then(|bearer| bearer.strip_prefix("Bearer "));
        token.and_then(|token| self.tokens.get(token)).cloned().ok_or((401, "invalid_token"))
    }
}
