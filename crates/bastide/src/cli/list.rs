//! `bastide ls`

use bastide_ptyd_client::SessionInfo;
use bastide_wire::session::SessionDetail;
use clap::Args;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::daemon::Place;
use super::exit::{DONE, Outcome};
use super::{duration, output, sessions, table};

/// List the sessions of this machine's sessions daemon; `sessions` lists a server's
#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Print everything that is known, as a JSON array
    #[arg(long)]
    json: bool,
    /// Only names, one a line
    #[arg(short, long, conflicts_with = "json")]
    quiet: bool,
}

impl Ls {
    pub(crate) async fn run(self, place: &Place) -> Outcome {
        let mut all = place.connect().await?.list().await?;
        all.sort_by_key(|info| (started(info), info.uid));
        if self.json {
            output::json(&all.iter().map(object).collect::<Vec<_>>())?;
        } else if self.quiet {
            let names: String = all.iter().map(|info| sessions::label(info) + "\n").collect();
            output::print(names.as_bytes())?;
        } else if all.is_empty() {
            output::remark("no sessions; `bastide new` starts one");
        } else {
            output::print(table(&all, Timestamp::now(), table::width()).as_bytes())?;
        }
        Ok(DONE)
    }
}

/// Unix seconds.
fn started(info: &SessionInfo) -> i64 {
    info.created_at.parse().unwrap_or_default()
}

fn rfc3339(seconds: &str) -> Option<String> {
    Timestamp::from_second(seconds.parse().ok()?).ok().map(|at| at.to_string())
}

/// One session for programs. Times are RFC 3339; absent facts are null.
fn object(info: &SessionInfo) -> Value {
    let detail = info.detail.as_ref();
    json!({
        "uid": info.uid,
        "id": info.uid.map(sessions::short_id),
        "name": info.name,
        "state": if info.is_alive { "running" } else { "ended" },
        "exit": detail.and_then(|d| d.exit),
        "pid": info.pid,
        "pts": info.pts,
        "created_at": rfc3339(&info.created_at),
        "last_attached_at": rfc3339(&info.last_attached_at),
        "cols": detail.map(|d| d.cols),
        "rows": detail.map(|d| d.rows),
        "title": detail.and_then(|d| d.title.as_ref()),
        "cwd": detail.and_then(|d| d.cwd.as_ref()),
        "command": detail.map(|d| &d.command),
        "account": detail.map(|d| &d.account),
        "user": detail.and_then(|d| d.user.as_ref()),
        "pos": detail.map(|d| d.pos),
        "viewers": detail.map(|d| &d.viewers),
        "recording": detail.map(|d| &d.recording),
    })
}

const HEAD: [&str; 9] =
    ["NAME", "ID", "STATE", "AGE", "SIZE", "VIEWERS", "RECORDING", "COMMAND", "DIRECTORY"];

fn table(all: &[SessionInfo], now: Timestamp, width: usize) -> String {
    table::table(&HEAD, all.iter().map(|info| row(info, now).to_vec()).collect(), width)
}

fn row(info: &SessionInfo, now: Timestamp) -> [String; 9] {
    let detail = info.detail.as_ref();
    let of = |read: &dyn Fn(&SessionDetail) -> String| detail.map_or_else(|| "-".to_owned(), read);
    let age = u64::try_from(now.as_second() - started(info)).unwrap_or_default();
    [
        info.name.as_deref().map_or_else(|| "-".to_owned(), printable),
        info.uid.map_or_else(|| info.id.to_string(), sessions::short_id),
        state(info),
        duration::short(age),
        of(&|d| format!("{}x{}", d.cols, d.rows)),
        of(&viewers),
        of(&|d| d.recording.state.clone()),
        of(&|d| printable(&d.command.join(" "))),
        of(&|d| d.cwd.as_deref().map_or_else(|| "-".to_owned(), printable)),
    ]
}

fn state(info: &SessionInfo) -> String {
    match info.detail.as_ref().and_then(|detail| detail.exit) {
        Some(exit) => format!("ended {}", exit.code),
        None if info.is_alive => "running".to_owned(),
        None => "ended".to_owned(),
    }
}

fn viewers(detail: &SessionDetail) -> String {
    let writers = detail.viewers.iter().filter(|viewer| viewer.write).count();
    match detail.viewers.len() - writers {
        0 => writers.to_string(),
        readers => format!("{writers}+{readers}"),
    }
}

/// Names and directories come from programs: no control character of theirs reaches the terminal.
pub(super) fn printable(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use bastide_wire::session::{ExitStatus, RecordingInfo, ViewerInfo};

    use super::*;

    fn session() -> SessionInfo {
        let viewer = |write| ViewerInfo { write, ..ViewerInfo::default() };
        SessionInfo {
            id: 7,
            pid: 42,
            pts: "/dev/pts/9".into(),
            is_alive: true,
            created_at: "1000".into(),
            last_attached_at: "1000".into(),
            uid: Some("0199a3f2-1c4d-7aaa-8000-00000000beef".parse().unwrap()),
            name: Some("evil\x1b[2J".into()),
            detail: Some(SessionDetail {
                cols: 80,
                rows: 24,
                title: None,
                cwd: Some("/srv".into()),
                command: vec!["make".into(), "all".into()],
                account: "ada".into(),
                user: None,
                pos: 0,
                viewers: vec![viewer(true), viewer(false), viewer(false)],
                recording: RecordingInfo { state: "recording".into(), reason: None, file: None },
                exit: None,
                remote: None,
            }),
            control: None,
            limits: None,
            barred: Vec::new(),
        }
    }

    #[test]
    fn the_table_is_aligned_and_safe_to_print() {
        let mut ended = session();
        ended.is_alive = false;
        ended.name = None;
        ended.detail.as_mut().unwrap().exit = Some(ExitStatus { code: 3, signal: None });
        let text = table(&[session(), ended.clone()], Timestamp::from_second(1065).unwrap(), usize::MAX);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(
            lines,
            [
                "NAME      ID        STATE    AGE    SIZE   VIEWERS  RECORDING  COMMAND   DIRECTORY",
                "evil\u{fffd}[2J  0000beef  running  1m 5s  80x24  1+2      recording  make all  /srv",
                "-         0000beef  ended 3  1m 5s  80x24  1+2      recording  make all  /srv",
            ]
        );
        let cut = table(&[ended], Timestamp::from_second(1065).unwrap(), 10);
        assert_eq!(cut, "NAME  ID\n-     0000\n");
    }

    #[test]
    fn programs_get_times_and_ids_they_can_use() {
        let value = object(&session());
        assert_eq!(value["created_at"], "1970-01-01T00:16:40Z");
        assert_eq!(value["state"], "running");
        assert_eq!(value["viewers"].as_array().unwrap().len(), 3);
        assert!(value.get("session").is_none(), "numbers of one daemon's life mean nothing outside");
    }
}
