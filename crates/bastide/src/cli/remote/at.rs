//! Which server a command means.

use bastide_api::Origin;
use clap::Args;

use super::accounts::Accounts;
use super::client::Client;
use crate::cli::exit::Failure;
use crate::env;

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct At {
    /// Address of the server [env: BASTIDE_SERVER] [default: the one logged in to last]
    #[arg(long, global = true, value_name = "URL", help_heading = "Server")]
    pub(super) server: Option<String>,
}

impl At {
    /// Whether somebody said which.
    pub(crate) fn is_named(&self) -> bool {
        self.server.is_some()
    }

    /// The server's address, if one is named or known.
    pub(super) fn address(&self, known: &Accounts) -> Result<Option<String>, Failure> {
        let named = match &self.server {
            Some(url) => Some((url.clone(), "--server")),
            None => {
                env::value(&env::SERVER).map(|url| (url.to_string_lossy().into_owned(), env::SERVER.name))
            }
        };
        match named {
            Some((url, from)) => {
                Ok(Some(address(&url).map_err(|why| Failure::text(format!("{from}: {why}")))?))
            }
            None => Ok(known.default.clone()),
        }
    }

    /// The server, as whoever is logged in to it.
    pub(crate) fn client(&self) -> Result<Client, Failure> {
        self.known()?.ok_or_else(|| {
            Failure::Refused("you are not logged in to any server: `bastide login URL`".to_owned())
        })
    }

    /// `None` where nobody has logged in anywhere.
    pub(crate) fn known(&self) -> Result<Option<Client>, Failure> {
        let accounts = Accounts::read()?;
        let Some(address) = self.address(&accounts)? else { return Ok(None) };
        let account = accounts.server.get(&address).ok_or_else(|| {
            Failure::Refused(format!("you are not logged in to {address}: `bastide login {address}`"))
        })?;
        Client::new(&address, &account.trust).map(|client| Some(client.with_token(&account.token)))
    }
}

/// As it is kept: scheme, host and port, in lower case.
pub(super) fn address(url: &str) -> Result<String, String> {
    let Origin { https, authority } = Origin::read(url).map_err(|why| format!("{url:?}: {why}"))?;
    Ok(format!("{}://{authority}", if https { "https" } else { "http" }))
}
