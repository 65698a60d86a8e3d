//! Requests to a server, and what its refusals mean to a person.

use std::time::Duration;

use anyhow::Context;
use reqwest::redirect::Policy;
use reqwest::{Certificate, Method, RequestBuilder, Response, StatusCode};
use serde_json::Value;

use super::accounts::Trust;
use super::trust::{self, Fingerprint};
use crate::cli::exit::Failure;

/// A server that cannot be reached within this is away.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
/// The server itself gives up after 35 s and says so. Between two pieces of a long answer, too.
const SILENT_FOR: Duration = Duration::from_secs(40);
/// Pages of a list that are followed: fifty thousand lines are more than anybody reads.
const MAX_PAGES: usize = 100;
/// The most that the server gives at once.
const PAGE: &str = "500";
/// Through how many entries of a list something is looked for, and how many are shown at most.
pub(super) const MOST: usize = 10_000;

#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    address: String,
    token: Option<String>,
}

impl Client {
    pub(super) fn new(address: &str, trust: &Trust) -> Result<Self, Failure> {
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("bastide/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_WITHIN)
            .read_timeout(SILENT_FOR)
            // A token goes to the address it was made for and nowhere else.
            .redirect(Policy::none());
        if let Some(text) = &trust.fingerprint {
            let fingerprint = Fingerprint::read(text).map_err(Failure::text)?;
            builder = builder.tls_backend_preconfigured(trust::config(Some(fingerprint)).0);
        } else if let Some(path) = &trust.ca {
            let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let holders = || format!("{} holds no certificates in PEM form", path.display());
            let certificates = Certificate::from_pem_bundle(&text).with_context(holders)?;
            if certificates.is_empty() {
                return Err(Failure::text(holders()));
            }
            builder = builder.tls_certs_only(certificates);
        }
        let http = builder.build().context("cannot prepare requests")?;
        Ok(Self { http, address: address.to_owned(), token: None })
    }

    pub(super) fn with_token(mut self, token: &str) -> Self {
        self.token = Some(token.to_owned());
        self
    }

    pub(super) fn address(&self) -> &str {
        &self.address
    }

    pub(super) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.address));
        match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        }
    }

    /// What a request was answered, if it is not a refusal.
    pub(super) async fn send(&self, request: RequestBuilder) -> Result<Response, Failure> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(self.refused(response).await)
    }

    /// As [`Client::send`], but for the refusal that asks for a second factor: that one is given back.
    pub(super) async fn send_first_step(
        &self,
        request: RequestBuilder,
    ) -> Result<Result<Response, Value>, Failure> {
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        if response.status().is_success() {
            return Ok(Ok(response));
        }
        if response.status() != StatusCode::UNAUTHORIZED {
            return Err(self.refused(response).await);
        }
        let body: Value = response.json().await.unwrap_or_default();
        match body.get("second_factor") {
            Some(needed) => Ok(Err(needed.clone())),
            None => Err(Failure::Refused(body["detail"].as_str().unwrap_or("not let in").to_owned())),
        }
    }

    pub(super) async fn get(&self, path: &str) -> Result<Value, Failure> {
        self.json(self.request(Method::GET, path)).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.json(self.request(Method::POST, path).json(body)).await
    }

    /// Posts what is answered without a body.
    pub(super) async fn tell(&self, path: &str, body: &Value) -> Result<(), Failure> {
        self.send(self.request(Method::POST, path).json(body)).await.map(drop)
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> Result<Value, Failure> {
        self.json(self.request(Method::PATCH, path).json(body)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<(), Failure> {
        self.send(self.request(Method::DELETE, path)).await.map(drop)
    }

    pub(super) async fn json(&self, request: RequestBuilder) -> Result<Value, Failure> {
        let response = self.send(request).await?;
        response.json().await.map_err(|error| match error.is_decode() {
            true => Failure::text(format!("{} has not answered as a Bastide server does", self.address)),
            false => self.unreachable(&error),
        })
    }

    /// All of a list, at most `most`: the array that the server calls `name`.
    pub(super) async fn list(
        &self,
        path: &str,
        name: &str,
        query: &[(&str, String)],
        most: usize,
    ) -> Result<Vec<Value>, Failure> {
        let mut all = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MAX_PAGES {
            let mut request = self.request(Method::GET, path).query(query);
            let limit = most.saturating_sub(all.len()).min(PAGE.parse().unwrap_or(most)).max(1);
            request = request.query(&[("limit", limit.to_string())]);
            if let Some(cursor) = &cursor {
                request = request.query(&[("cursor", cursor)]);
            }
            let mut page = self.json(request).await?;
            if let Some(Value::Array(more)) = page.get_mut(name).map(Value::take) {
                all.extend(more);
            }
            cursor = page.get("next").and_then(Value::as_str).map(str::to_owned);
            if cursor.is_none() || all.len() >= most {
                break;
            }
        }
        all.truncate(most);
        Ok(all)
    }

    pub(super) fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let address = &self.address;
        let causes = causes(error);
        if causes.contains("InvalidCertificate") || causes.contains("invalid peer certificate") {
            return Failure::NoServer(format!(
                "the certificate of {address} is not the one that is trusted: {causes}; if it was renewed, compare its \
                 fingerprint and `bastide login {address} --fingerprint …`"
            ));
        }
        Failure::NoServer(format!("cannot reach {address}: {causes}"))
    }

    async fn refused(&self, response: Response) -> Failure {
        let (status, address) = (response.status(), &self.address);
        let retry =
            response.headers().get("retry-after").and_then(|value| value.to_str().ok()).map(str::to_owned);
        if status.is_redirection() {
            let to = response
                .headers()
                .get("location")
                .and_then(|value| value.to_str().ok())
                .unwrap_or("elsewhere");
            let to = to.split('?').next().unwrap_or(to);
            return Failure::text(format!("{address} sends to {to}: log in there"));
        }
        let body: Value = response.json().await.unwrap_or_default();
        let kind = body["type"].as_str().and_then(|kind| kind.rsplit(':').next()).unwrap_or_default();
        let detail =
            body["detail"].as_str().map_or_else(|| format!("{address} answered {status}"), str::to_owned);
        match (status, kind) {
            (
                StatusCode::UNAUTHORIZED,
                "bad_credentials" | "bad_code" | "begin_again" | "second_factor_needed",
            ) => Failure::Refused(detail),
            (StatusCode::UNAUTHORIZED, _) => Failure::Refused(format!(
                "you are no longer logged in to {address} (the token was revoked, or has expired): `bastide login {address}`"
            )),
            (StatusCode::FORBIDDEN, "read_only_token") => Failure::Refused(format!(
                "{detail}: this needs a token that may change things, `bastide login {address}` without --read-only"
            )),
            (StatusCode::FORBIDDEN, _) => Failure::Refused(detail),
            (StatusCode::NOT_FOUND, "not_found") => Failure::NotFound(detail),
            (StatusCode::NOT_FOUND, _) => Failure::text(format!(
                "{detail}: {address} may be older than this command, or no Bastide server"
            )),
            (StatusCode::TOO_MANY_REQUESTS, _) => match retry {
                Some(seconds) if !detail.contains("try again") => {
                    Failure::Refused(format!("{detail}; try again in {seconds} s"))
                }
                _ => Failure::Refused(detail),
            },
            _ => Failure::text(detail),
        }
    }
}

/// The causes of an error, without its address, which may hold a secret.
fn causes(error: &reqwest::Error) -> String {
    let mut said = String::new();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        said = inner.to_string();
        cause = inner.source();
    }
    match said.is_empty() {
        true if error.is_timeout() => "it does not answer in time".to_owned(),
        true => "the connection failed".to_owned(),
        false => said,
    }
}
