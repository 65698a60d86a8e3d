//! Requests to a provider: with a deadline, a size, and no redirects, so that a secret goes where it is meant to.

use std::error::Error as _;
use std::time::Duration;

use reqwest::redirect::Policy;
use reqwest::{RequestBuilder, Response, StatusCode, Url};
use serde_json::{Map, Value};

use crate::Error;

/// A person waits at the other end.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// Metadata, keys and tokens with some hundred groups are below a tenth of it.
const MAX_BODY: usize = 512 * 1024;
/// What an error of the provider may say of itself.
const MAX_CODE: usize = 64;

#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: reqwest::Client,
}

impl Http {
    pub(crate) fn new() -> Result<Self, Error> {
        let client = reqwest::Client::builder()
            .user_agent(concat!("bastide/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_WITHIN)
            .timeout(ANSWER_WITHIN)
            .redirect(Policy::none())
            .build()
            .map_err(|error| Error::Settings(format!("cannot prepare requests: {error}")))?;
        Ok(Self { client })
    }

    pub(crate) async fn get(
        &self,
        what: &'static str,
        url: Url,
        bearer: Option<&str>,
    ) -> Result<Map<String, Value>, Error> {
        let request = self.client.get(url).header("accept", "application/json");
        let request = match bearer {
            Some(token) => request.bearer_auth(token),
            None => request,
        };
        send(what, request).await
    }

    /// Sends a form (RFC 6749, section 4.1.3).
    pub(crate) async fn post(
        &self,
        what: &'static str,
        (url, form): (Url, String),
        basic: Option<String>,
    ) -> Result<Map<String, Value>, Error> {
        let request = self
            .client
            .post(url)
            .header("accept", "application/json")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form);
        let request = match basic {
            Some(basic) => request.header("authorization", basic),
            None => request,
        };
        send(what, request).await
    }
}

async fn send(what: &'static str, request: RequestBuilder) -> Result<Map<String, Value>, Error> {
    let unreachable = |error: &reqwest::Error| Error::Unreachable { what, why: words(error) };
    let mut response = request.send().await.map_err(|error| unreachable(&error))?;
    let status = response.status();
    let body = body(what, &mut response).await?;
    let object = match serde_json::from_slice(&body) {
        Ok(Value::Object(object)) => Some(object),
        _ => None,
    };
    match (status, object) {
        (StatusCode::OK, Some(object)) => Ok(object),
        (StatusCode::OK, None) => Err(Error::answer(what, "it is no JSON object")),
        (status, _) if status.is_redirection() => {
            Err(Error::answer(what, format!("it sends elsewhere ({})", status.as_u16())))
        }
        (status, _) if status.is_server_error() => {
            Err(Error::Unreachable { what, why: format!("it answered {}", status.as_u16()) })
        }
        (status, object) => match object.as_ref().and_then(|object| object.get("error")?.as_str()) {
            Some(code) => Err(Error::Refused { code: plain(code) }),
            None => Err(Error::answer(what, format!("it answered {}", status.as_u16()))),
        },
    }
}

async fn body(what: &'static str, response: &mut Response) -> Result<Vec<u8>, Error> {
    let too_long = || Error::answer(what, format!("it is longer than {MAX_BODY} bytes"));
    if response.content_length().is_some_and(|length| length > MAX_BODY as u64) {
        return Err(too_long());
    }
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(None) => return Ok(body),
            Ok(Some(chunk)) if body.len() + chunk.len() > MAX_BODY => return Err(too_long()),
            Ok(Some(chunk)) => body.extend_from_slice(&chunk),
            Err(error) => return Err(Error::Unreachable { what, why: words(&error) }),
        }
    }
}

/// A code of an error as it may stand in a log: the characters of RFC 6749, section 5.2, and not many.
pub(crate) fn plain(code: &str) -> String {
    let fits = |c: &char| matches!(c, ' ' | '!' | '#'..='[' | ']'..='~');
    code.chars().filter(fits).take(MAX_CODE).collect()
}

/// With what is behind it, and without the address, which may hold a code.
fn words(error: &reqwest::Error) -> String {
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    let mut last = error.source();
    while let Some(cause) = last.and_then(|cause| cause.source()) {
        last = Some(cause);
    }
    last.map_or_else(|| "the connection failed".to_owned(), ToString::to_string)
}
