//! `bastide viewers`, `say`, `keyboard`, `kick` and `end`: several people in one session.

use bastide_ptyd_client::{Client, SessionInfo};
use bastide_wire::session::ViewerInfo;
use bastide_wire::together::{EndSoon, EndStop, Keyboard, MAX_AFTER, Say, ViewerEnd, ViewerRole};
use clap::Args;
use jiff::Timestamp;
use uuid::Uuid;

use super::daemon::{Place, client_id};
use super::exit::{DONE, Failure, Outcome};
use super::list::printable;
use super::{duration, output, sessions, table};

/// Show who is in a session, since when, from where, and who may type
#[derive(Debug, Args)]
pub(crate) struct Viewers {
    /// Name or id [default: the running session used last]
    session: Option<String>,
    /// Print everything that is known, as a JSON array
    #[arg(long)]
    json: bool,
}

/// Tell everybody in a session something
#[derive(Debug, Args)]
pub(crate) struct Tell {
    /// Name or id
    session: String,
    /// At most 500 characters
    text: String,
}

/// Give the keyboard of a session to one viewer alone, or take it back
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bastide keyboard build 3      only viewer 3 can type (bastide viewers build)
  bastide keyboard build --back everybody who attached to type can again")]
pub(crate) struct Hand {
    /// Name or id
    session: String,
    /// The number that `bastide viewers` shows
    #[arg(required_unless_present = "back")]
    viewer: Option<u64>,
    /// Take it back
    #[arg(long, conflicts_with = "viewer")]
    back: bool,
}

/// Show a viewer out of a session; the person behind it cannot come back
#[derive(Debug, Args)]
pub(crate) struct Kick {
    /// Name or id
    session: String,
    /// The number that `bastide viewers` shows
    viewer: u64,
    /// Let them come back
    #[arg(long)]
    once: bool,
}

/// End a session after a while, and tell everybody there
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  bastide end build --notice 'maintenance at six'
  bastide end build --after 60
  bastide end build --stop")]
pub(crate) struct End {
    /// Name or id
    session: String,
    /// Stop an end that was announced
    #[arg(long, conflicts_with_all = ["notice", "after"])]
    stop: bool,
    /// Why, for everybody there; at most 500 characters
    #[arg(long, value_name = "TEXT", default_value = "")]
    notice: String,
    /// Seconds until then
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(..=MAX_AFTER))]
    after: u64,
}

async fn find(place: &Place, word: &str) -> Result<(Client, SessionInfo, Uuid), Failure> {
    let client = place.connect().await?;
    let info = sessions::find(&client.list().await?, word)?.clone();
    let uid =
        info.uid.ok_or_else(|| Failure::text("this daemon gives its sessions no lasting id".to_owned()))?;
    Ok((client, info, uid))
}

impl Viewers {
    pub(crate) async fn run(self, place: &Place) -> Outcome {
        let client = place.connect().await?;
        let info = sessions::choose(&client, self.session.as_deref()).await?;
        let viewers = info.detail.as_ref().map(|detail| detail.viewers.as_slice()).unwrap_or_default();
        if self.json {
            output::json(&viewers)?;
        } else if viewers.is_empty() {
            output::remark(&format!("nobody is in {}", sessions::label(&info)));
        } else {
            let rows = viewers.iter().map(|viewer| row(viewer, Timestamp::now()).to_vec()).collect();
            output::print(table::table(&HEAD, rows, table::width()).as_bytes())?;
        }
        Ok(DONE)
    }
}

const HEAD: [&str; 7] = ["VIEWER", "WHO", "TYPES", "AS", "BY", "FROM", "SINCE"];

fn row(viewer: &ViewerInfo, now: Timestamp) -> [String; 7] {
    let word = |text: Option<&str>| text.map_or_else(|| "-".to_owned(), printable);
    let since = viewer.since.as_deref().and_then(|at| at.parse::<Timestamp>().ok());
    let age = since.map(|at| u64::try_from(now.as_second() - at.as_second()).unwrap_or_default());
    let types = match viewer {
        ViewerInfo { keyboard: true, .. } => "alone",
        ViewerInfo { write: true, .. } => "yes",
        ViewerInfo { asks: true, .. } => "asks",
        _ => "no",
    };
    let role = viewer.role.map(|role| match role {
        ViewerRole::Owner => "owner",
        ViewerRole::Guest => "guest",
        ViewerRole::Observer => "observer",
        ViewerRole::Admin => "administrator",
    });
    [
        viewer.id.map_or_else(|| "-".to_owned(), |id| id.to_string()),
        word(viewer.client.as_deref()),
        types.to_owned(),
        word(role),
        word(viewer.via.as_deref()),
        word(viewer.address.as_deref()),
        age.map_or_else(|| "-".to_owned(), duration::short),
    ]
}

impl Tell {
    pub(crate) async fn run(self, place: &Place) -> Outcome {
        let (client, _, uid) = find(place, &self.session).await?;
        client.say(Say { uid, by: client_id(), text: self.text }).await?;
        Ok(DONE)
    }
}

impl Hand {
    pub(crate) async fn run(self, place: &Place) -> Outcome {
        let (client, info, uid) = find(place, &self.session).await?;
        let viewer = self.viewer.filter(|_| !self.back);
        client.keyboard(Keyboard { uid, viewer, by: Some(client_id()) }).await?;
        let label = sessions::label(&info);
        output::remark(&match viewer {
            Some(viewer) => format!("viewer {viewer} has the keyboard of {label}"),
            None => format!("the keyboard of {label} is back"),
        });
        Ok(DONE)
    }
}

impl Kick {
    pub(crate) async fn run(self, place: &Place) -> Outcome {
        let (client, info, uid) = find(place, &self.session).await?;
        let end = ViewerEnd { uid, viewer: self.viewer, by: Some(client_id()), bar: !self.once };
        client.viewer_end(end).await?;
        output::remark(&format!("showed viewer {} out of {}", self.viewer, sessions::label(&info)));
        Ok(DONE)
    }
}

impl End {
    pub(crate) async fn run(self, place: &Place) -> Outcome {
        let (client, info, uid) = find(place, &self.session).await?;
        if self.stop {
            client.end_stop(EndStop { uid, by: client_id(), any: true }).await?;
            output::remark(&format!("{} goes on", sessions::label(&info)));
            return Ok(DONE);
        }
        let after = self.after;
        client.end_soon(EndSoon { uid, by: client_id(), text: self.notice, after }).await?;
        output::remark(&format!("{} ends in {after} s", sessions::label(&info)));
        Ok(DONE)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_viewer_is_shown_with_all_that_is_known_and_nothing_that_moves_a_cursor() {
        let viewer = ViewerInfo {
            id: Some(3),
            client: Some("eve\x1b[2J".into()),
            keyboard: true,
            write: true,
            role: Some(ViewerRole::Guest),
            via: Some("ssh".into()),
            address: Some("192.0.2.7".into()),
            since: Some("2026-01-01T00:00:00Z".into()),
            ..ViewerInfo::default()
        };
        let now = "2026-01-01T00:02:00Z".parse().unwrap();
        assert_eq!(row(&viewer, now), ["3", "eve\u{fffd}[2J", "alone", "guest", "ssh", "192.0.2.7", "2m"]);
        assert_eq!(row(&ViewerInfo::default(), now), ["-", "-", "no", "-", "-", "-", "-"]);
    }
}
