//! `bastide login-link`.

use std::path::PathBuf;

use bastide_api::Origin;
use bastide_app::login::link::{Wanted, create_from_outside};
use bastide_app::{Clock, DataDir};
use clap::Args;

use super::config;
use crate::cli::exit::{DONE, Failure, Outcome};
use crate::cli::output;

const AFTER_HELP: &str = "\
Run it as the user that runs the server, with the same data directory. The link works once, for 15 minutes. \
Who has a second factor is asked for it too; --reset-factors is for who has lost them all.";

/// Print a link that logs a browser in, once
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct LoginLink {
    /// For whom [default: the administrator, where there is only one]
    user: Option<String>,
    /// The server's data directory [env: BASTIDE_DATA_DIR] [default: $XDG_DATA_HOME/bastide]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// Take their second factors away first, and end their logins
    #[arg(long)]
    reset_factors: bool,
    /// The server's address, where it cannot be known
    #[arg(long, value_name = "URL")]
    url: Option<String>,
}

/// Where the server wrote under which address it was last reached.
pub(super) const ADDRESS_FILE: &str = "address";

impl LoginLink {
    pub(crate) fn run(&self) -> Outcome {
        let path = config::data_dir(self.data_dir.as_deref())?;
        if !path.join("bastide.db").exists() {
            return Err(Failure::text(format!(
                "{} holds no server's data: start `bastide serve` first, or name its directory with --data-dir",
                path.display()
            )));
        }
        let dir = DataDir::open(&path).map_err(anyhow::Error::from)?;
        let address = self.address(&dir)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|e| Failure::Other(anyhow::anyhow!("cannot start: {e}")))?;
        let wanted = Wanted { username: self.user.as_deref(), reset_factors: self.reset_factors };
        let made = create_from_outside(&dir, wanted, Clock::system().now());
        let (username, link) = runtime.block_on(made).map_err(anyhow::Error::from)?;
        output::line(&url(&address, &link.token))?;
        output::remark(&format!("It logs {username} in, once, within 15 minutes."));
        Ok(DONE)
    }

    fn address(&self, dir: &DataDir) -> Result<String, Failure> {
        if let Some(url) = &self.url {
            Origin::read(url).map_err(|why| Failure::text(format!("--url: {url:?}: {why}")))?;
            return Ok(url.trim_end_matches('/').to_owned());
        }
        let path = dir.path(ADDRESS_FILE);
        let known = std::fs::read_to_string(&path).map_err(|e| {
            Failure::text(format!(
                "cannot read the server's address from {} ({e}): name it with --url",
                path.display()
            ))
        })?;
        Ok(known.trim().to_owned())
    }
}

pub(super) fn url(address: &str, token: &str) -> String {
    format!("{address}/login?token={token}")
}
