//! `bastide login`

use std::path::PathBuf;

use anyhow::Context;
use bastide_api::Origin;
use clap::Args;
use reqwest::{Method, Response};
use serde_json::{Value, json};

use super::accounts::{Account, Accounts, Trust};
use super::client::Client;
use super::trust::{self, Fingerprint};
use super::{at, prompt};
use crate::cli::exit::{DONE, Failure, Outcome};
use crate::cli::output;

const USUAL_ADDRESS: &str = "http://127.0.0.1:8722";
/// The server's limit for the name of a token.
const LONGEST_NAME: usize = 64;

const AFTER_HELP: &str = "\
A token is made for this account on this machine and kept in credentials.toml in $XDG_CONFIG_HOME/bastide, \
readable by its owner alone; the password is not kept. `bastide logout` ends the token.

A server with a certificate that nobody vouches for is known by its fingerprint, which `bastide serve` prints at \
its start.

Examples:
  bastide login
  bastide login https://shell.example.org --username ada
  pass show bastide | bastide login https://… --username ada --password-stdin
  bastide login https://10.0.0.7:8722 --fingerprint AB:CD:…";

/// Log in to a server
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Login {
    /// Address of the server [default: the one logged in to last, else http://127.0.0.1:8722]
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// User name [default: asked for]
    #[arg(short, long, value_name = "NAME")]
    username: Option<String>,
    /// Read the password from standard input
    #[arg(long, conflicts_with = "token_stdin")]
    password_stdin: bool,
    /// Read a token from standard input (made by `bastide tokens create` or on the page) and keep it
    #[arg(long, conflicts_with = "username")]
    token_stdin: bool,
    /// Make a token that can look but change nothing
    #[arg(long, conflicts_with = "token_stdin")]
    read_only: bool,
    /// Days until the token expires, or `never`
    #[arg(long, value_name = "DAYS", default_value = "90", value_parser = super::tokens::days, conflicts_with = "token_stdin")]
    expires: super::tokens::Days,
    #[command(flatten)]
    trusting: Trusting,
}

#[derive(Debug, Args)]
struct Trusting {
    /// SHA-256 fingerprint of the server's certificate
    #[arg(long, value_name = "SHA256", help_heading = "TLS", conflicts_with = "ca")]
    fingerprint: Option<String>,
    /// File with the certificates of those who may vouch for the server, in PEM form
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    ca: Option<PathBuf>,
    /// Send the password without TLS to another machine
    #[arg(long, help_heading = "TLS")]
    plain_http: bool,
}

impl Login {
    pub(crate) async fn run(self) -> Outcome {
        let mut accounts = Accounts::read()?;
        let address = match &self.url {
            Some(url) => at::address(url).map_err(Failure::text)?,
            None => accounts.default.clone().unwrap_or_else(|| USUAL_ADDRESS.to_owned()),
        };
        self.trusting.check(&address)?;
        let trust = self.trusting.trust(&address, accounts.server.get(&address)).await?;
        let client = Client::new(&address, &trust)?;
        let account = match self.token_stdin {
            true => with_token(&client, trust).await?,
            false => self.with_password(&client, trust).await?,
        };
        let told = format!("logged in to {address} as {}", account.username);
        let before = accounts.server.insert(address.clone(), account.clone());
        accounts.default = Some(address);
        let file = accounts.write()?;
        end(&client.with_token(&account.token), before, &account).await;
        output::remark(&format!("{told}; the token is in {}", file.display()));
        Ok(DONE)
    }

    async fn with_password(&self, client: &Client, trust: Trust) -> Result<Account, Failure> {
        let username = match &self.username {
            Some(name) => name.clone(),
            None if self.password_stdin => own_name(),
            None => prompt::line("User name", &own_name(), "--username")?,
        };
        let password = match self.password_stdin {
            true => prompt::from_stdin("password")?,
            false => {
                let question = format!("Password of {username} at {}", client.address());
                prompt::secret(&question, "--password-stdin or --token-stdin")?
            }
        };
        let credentials = json!({ "username": username, "password": password });
        let login = client.request(Method::POST, "/api/v1/login").json(&credentials);
        let response = match client.send_first_step(login).await? {
            Ok(response) => response,
            Err(needed) => second_step(client, &needed).await?,
        };
        let cookie = response.headers().get("set-cookie").and_then(|value| value.to_str().ok());
        let cookie = cookie.and_then(|value| value.split(';').next()).map(str::to_owned);
        let cookie = cookie.with_context(|| format!("{} has given no login", client.address()))?;
        let user: Value = response.json().await.map_err(|error| client.unreachable(&error))?;

        let scope = if self.read_only { "read" } else { "full" };
        let wanted = json!({ "name": token_name(), "scope": scope, "expires_in_days": self.expires.0 });
        let make = client.request(Method::POST, "/api/v1/tokens").header("cookie", &cookie).json(&wanted);
        let made = client.json(make).await;
        // The cookie has done what it was for; that it could not be ended early changes nothing.
        client.send(client.request(Method::POST, "/api/v1/logout").header("cookie", &cookie)).await.ok();
        let made = made?;
        let token =
            made["secret"].as_str().with_context(|| format!("{} has given no token", client.address()))?;
        Ok(Account {
            username: user["user"]["username"].as_str().unwrap_or(&username).to_owned(),
            token_id: made["token"]["id"].as_str().map(str::to_owned),
            token: token.to_owned(),
            trust,
        })
    }
}

/// Asks for the code of an app, or a recovery code, and shows it.
async fn second_step(client: &Client, needed: &Value) -> Result<Response, Failure> {
    let ways = needed["ways"].as_array().map(Vec::as_slice).unwrap_or_default();
    if !ways.iter().any(|way| way == "totp" || way == "recovery") {
        return Err(Failure::Refused(format!(
            "your second factor needs a browser: log in at {}, make a token there, and `bastide login --token-stdin`",
            client.address()
        )));
    }
    let code = prompt::secret("Code of your app, or a recovery code", "--token-stdin")?;
    let step = json!({ "token": needed["token"], "code": code });
    client.send(client.request(Method::POST, "/api/v1/login/second-factor").json(&step)).await
}

impl Trusting {
    /// A password in the clear is for everybody on the way.
    fn check(&self, address: &str) -> Result<(), Failure> {
        let Ok(Origin { https: false, authority }) = Origin::read(address) else { return Ok(()) };
        let host = authority.rsplit_once(':').map_or(authority.as_str(), |(host, _)| host);
        let local = matches!(host, "localhost" | "127.0.0.1" | "[::1]");
        if local || self.plain_http {
            return Ok(());
        }
        Err(Failure::text(format!(
            "{address} has no TLS: whoever is on the way would read the password; use its https:// address, or \
             --plain-http if you must"
        )))
    }

    async fn trust(&self, address: &str, before: Option<&Account>) -> Result<Trust, Failure> {
        if let Some(text) = &self.fingerprint {
            let fingerprint =
                Fingerprint::read(text).map_err(|why| Failure::text(format!("--fingerprint: {why}")))?;
            return Ok(Trust { fingerprint: Some(fingerprint.to_string()), ca: None });
        }
        if let Some(file) = &self.ca {
            let file =
                std::fs::canonicalize(file).with_context(|| format!("cannot read {}", file.display()))?;
            return Ok(Trust { fingerprint: None, ca: Some(file) });
        }
        let known = before.map(|account| account.trust.clone()).unwrap_or_default();
        if known != Trust::default() || !address.starts_with("https://") {
            return Ok(known);
        }
        let client = Client::new(address, &known)?;
        match client.request(Method::GET, "/healthz").send().await {
            Err(error) if !error.is_timeout() => match shown_by(address).await {
                Some(fingerprint) => ask(address, fingerprint),
                None => Err(client.unreachable(&error)),
            },
            _ => Ok(known),
        }
    }
}

/// The fingerprint of the certificate that is shown there.
async fn shown_by(address: &str) -> Option<Fingerprint> {
    let (config, seen) = trust::config(None);
    let client = reqwest::Client::builder().tls_backend_preconfigured(config).build().ok()?;
    // It ends in the handshake: nobody is trusted.
    client.get(address).send().await.ok();
    seen.get()
}

fn ask(address: &str, fingerprint: Fingerprint) -> Result<Trust, Failure> {
    output::remark(&format!(
        "Nobody vouches for the certificate of {address}. Its SHA-256 fingerprint is\n  {fingerprint}"
    ));
    let instead = "--fingerprint with what `bastide serve` has printed, or --ca";
    if prompt::agreed("Is it the one that `bastide serve` has printed?", instead)? {
        return Ok(Trust { fingerprint: Some(fingerprint.to_string()), ca: None });
    }
    Err(Failure::text("not logged in"))
}

async fn with_token(client: &Client, trust: Trust) -> Result<Account, Failure> {
    let token = prompt::from_stdin("token")?;
    if !token.starts_with("bst_") || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(Failure::text("standard input holds no token: they begin with bst_"));
    }
    let me = client.clone().with_token(&token).get("/api/v1/me").await?;
    let username = me["user"]["username"].as_str();
    Ok(Account {
        username: username
            .with_context(|| format!("{} does not say who this is", client.address()))?
            .to_owned(),
        token_id: me["login"]["id"].as_str().map(str::to_owned),
        token,
        trust,
    })
}

/// Ends the token that the new one replaces. It would expire anyway.
async fn end(client: &Client, before: Option<Account>, now: &Account) {
    let Some(before) = before.filter(|before| before.token_id != now.token_id) else { return };
    if let Some(id) = before.token_id.filter(|_| before.username == now.username) {
        client.delete(&format!("/api/v1/tokens/{id}")).await.ok();
    }
}

fn own_name() -> String {
    let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten();
    user.map(|user| user.name).unwrap_or_default()
}

/// So that its owner knows which it is: `ada@host`.
fn token_name() -> String {
    let host = crate::host::name().unwrap_or_else(|| "command line".to_owned());
    format!("{}@{host}", own_name()).chars().take(LONGEST_NAME).collect()
}
