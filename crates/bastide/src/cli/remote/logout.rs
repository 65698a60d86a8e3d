//! `bastide logout`

use clap::Args;

use super::accounts::Accounts;
use super::client::Client;
use super::{At, at};
use crate::cli::exit::{DONE, Failure, Outcome};
use crate::cli::output;

/// End the token that `login` has made, and forget it
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  bastide logout\n  bastide logout https://shell.example.org --forget")]
pub(crate) struct Logout {
    #[command(flatten)]
    at: At,
    /// Address of the server [default: the one logged in to last]
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// Also where the server cannot be reached; the token is then good until it expires
    #[arg(long)]
    forget: bool,
}

impl Logout {
    pub(crate) async fn run(self) -> Outcome {
        let mut accounts = Accounts::read()?;
        let address = match &self.url {
            Some(url) => Some(at::address(url).map_err(Failure::text)?),
            None => self.at.address(&accounts)?,
        };
        let known = address.as_ref().and_then(|address| accounts.server.get(address));
        let (Some(address), Some(account)) = (&address, known) else {
            output::remark("you are not logged in there");
            return Ok(DONE);
        };
        let client = Client::new(address, &account.trust)?.with_token(&account.token);
        let ended = match &account.token_id {
            Some(id) => client.delete(&format!("/api/v1/tokens/{id}")).await,
            None => Ok(()),
        };
        match ended {
            Ok(()) | Err(Failure::NotFound(_)) => {}
            // No longer accepted, or one that may not even end itself.
            Err(Failure::Refused(why)) => output::remark(&format!("the server did not end the token: {why}")),
            Err(error) if self.forget => {
                let why = error.message().unwrap_or_default();
                output::remark(&format!("{why}; the token stays good until it expires"));
            }
            Err(error) => return Err(error),
        }
        let address = address.clone();
        accounts.server.remove(&address);
        if accounts.default.as_ref() == Some(&address) {
            accounts.default = accounts.server.keys().next().cloned();
        }
        accounts.write()?;
        output::remark(&format!("logged out of {address}"));
        if let Some(next) = &accounts.default {
            output::remark(&format!("commands go to {next} now"));
        }
        Ok(DONE)
    }
}
