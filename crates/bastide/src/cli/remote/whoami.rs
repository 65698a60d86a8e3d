//! `bastide whoami`

use clap::Args;
use jiff::Timestamp;

use super::{At, shown};
use crate::cli::exit::{DONE, Outcome};
use crate::cli::output;

/// Show who you are for a server, and what you may do there
#[derive(Debug, Args)]
pub(crate) struct Whoami {
    #[command(flatten)]
    at: At,
    /// Print what the server says, as a JSON object
    #[arg(long)]
    json: bool,
}

impl Whoami {
    pub(crate) async fn run(self) -> Outcome {
        let client = self.at.client()?;
        let mut me = client.get("/api/v1/me").await?;
        if self.json {
            if let Some(me) = me.as_object_mut() {
                me.insert("address".to_owned(), client.address().into());
            }
            output::json(&me)?;
            return Ok(DONE);
        }
        let now = Timestamp::now();
        let account = match shown::text(&me, "/user/account").as_str() {
            "-" => "none".to_owned(),
            account => account.to_owned(),
        };
        let facts = [
            ("server", format!("{} (Bastide {})", client.address(), shown::text(&me, "/server/version"))),
            ("user", shown::text(&me, "/user/username")),
            ("role", shown::text(&me, "/user/role")),
            ("shells run as", account),
            (
                "token",
                format!(
                    "{}, expires {}",
                    shown::text(&me, "/login/scope"),
                    shown::when(&me, "/login/expires", now)
                ),
            ),
            ("may", shown::text(&me, "/rights")),
        ];
        let text: String = facts.iter().map(|(name, fact)| format!("{name:14} {fact}\n")).collect();
        output::print(text.as_bytes())?;
        Ok(DONE)
    }
}
