use std::net::IpAddr;

use reqwest::Url;
use reqwest::header::HeaderValue;

use crate::{ClientSecret, Error};

/// Which provider, and as whom it knows us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// As the provider writes it, to the last slash.
    pub issuer: String,
    pub client_id: String,
    /// `None`: the provider knows this server as a public client, which proves itself by PKCE alone.
    pub client_secret: Option<ClientSecret>,
    /// `openid` is asked for in any case.
    pub scopes: Vec<String>,
}

impl Config {
    /// Whether a [`crate::Client`] can be made of it.
    ///
    /// # Errors
    /// `Settings`.
    pub fn check(&self) -> Result<(), Error> {
        let url = read(&self.issuer).map_err(|why| Error::Settings(format!("the issuer {why}")))?;
        if url.query().is_some() || url.fragment().is_some() {
            return Err(Error::Settings("the issuer has neither a query nor a fragment".to_owned()));
        }
        if self.client_id.is_empty() || HeaderValue::from_str(&self.client_id).is_err() {
            return Err(Error::Settings("the client's id is one line of text".to_owned()));
        }
        // RFC 6749, section 3.3.
        let plain =
            |scope: &String| !scope.is_empty() && scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
        match self.scopes.iter().all(plain) {
            true => Ok(()),
            false => Err(Error::Settings("scopes are words without spaces and quotes".to_owned())),
        }
    }

    /// All scopes as one text.
    pub(crate) fn scope(&self) -> String {
        let others = self.scopes.iter().map(String::as_str).filter(|scope| *scope != "openid");
        std::iter::once("openid").chain(others).collect::<Vec<_>>().join(" ")
    }
}

/// An address of a provider: with TLS, or on this machine, where a test's provider is.
pub(crate) fn read(text: &str) -> Result<Url, String> {
    let url: Url = text.parse().map_err(|_| "is no address".to_owned())?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user name or a password".to_owned());
    }
    let here = match url.host_str() {
        Some("localhost") => true,
        Some(host) => host.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
        None => return Err("names no host".to_owned()),
    };
    match url.scheme() {
        "https" => Ok(url),
        "http" if here => Ok(url),
        "http" => Err("begins with http://, which is for providers on this machine only".to_owned()),
        _ => Err("does not begin with https://".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for good in
            ["https://id.example.org", "http://127.0.0.1:99/x", "http://[::1]:9", "http://localhost:80"]
        {
            assert!(read(good).is_ok(), "{good}");
        }
        for bad in [
            "http://id.example.org",
            "http://localhost.example.org",
            "http://127.0.0.1.example.org",
            "http://10.0.0.1",
            "ftp://id.example.org",
            "https://user:secret@id.example.org",
            "id.example.org",
            "",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
