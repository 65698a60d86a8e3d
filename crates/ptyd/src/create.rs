//! Opening a session for a client.

mod environment;
mod remote;

use std::ffi::OsString;
use std::path::PathBuf;

use bastide_pty::{Account, Size, Spawn};
use bastide_session::{Bounds, Command, EndReason, Handle, Happening, Open, Responder, Start, open};
use bastide_wire::reply::OkReply;
use bastide_wire::request::Create;
use bastide_wire::{Code, Spec};
use serde_json::json;
use uuid::Uuid;

use crate::config::COMMAND_MAX;
use crate::connection::{Connection, Peer};
use crate::daemon::Daemon;
use crate::dispatch::check_size;
use crate::registry::{Claim, Place, Refused};
use crate::{limits, rules};

/// Longest name of a session; it stands in tables and shell commands.
const NAME_MAX: usize = 64;

/// A refusal: its code and its words.
type Refusal = (Code, String);

pub(crate) async fn create(connection: &Connection, peer: &Peer, mut create: Create, reply: Responder) {
    if !peer.spec {
        (create.uid, create.name, create.argv, create.spec) = (None, None, None, None);
    }
    let uid = create.uid.unwrap_or_else(Uuid::now_v7);
    match find_or_open(&connection.daemon, (create, peer.backend_ssh), uid).await {
        Ok(handle) => {
            let uid = peer.spec.then_some(uid);
            reply.ok(OkReply { session: Some(handle.identity.id), uid, ..OkReply::default() });
        }
        Err((code, message)) => reply.error(code, message),
    }
}

async fn find_or_open(
    daemon: &std::sync::Arc<Daemon>,
    (create, knows_ssh): (Create, bool),
    uid: Uuid,
) -> Result<Handle, Refusal> {
    let place = loop {
        match daemon.registry.claim(uid, create.name.as_deref()) {
            Ok(Claim::Existing(handle)) => return Ok(handle),
            Ok(Claim::New(place)) => break place,
            Ok(Claim::Pending(done)) => {
                // Listening before the second look, so that its end in between is not missed.
                let opened = done.notified();
                if let Ok(Claim::Pending(_)) = daemon.registry.claim(uid, None) {
                    opened.await;
                }
            }
            Err(Refused::Full) => {
                return Err((Code::LimitReached, "Limit reached: max sessions reached".to_owned()));
            }
            Err(Refused::NameTaken) => {
                let name = create.name.unwrap_or_default();
                return Err((
                    Code::InvalidArgument,
                    format!("Invalid argument: a session named {name} is there already"),
                ));
            }
        }
    };
    if daemon.is_draining() {
        return Err((Code::Draining, "this session daemon drains and opens no new sessions".to_owned()));
    }
    // It asks for accounts and directories, which may be far away: not on this thread.
    let daemon_for_check = std::sync::Arc::clone(daemon);
    let (wanted, place) = tokio::task::spawn_blocking(move || {
        checked(&daemon_for_check, (create, knows_ssh), &place).map(|wanted| (wanted, place))
    })
    .await
    .unwrap_or_else(|stopped| Err((Code::SessionError, stopped.to_string())))?;
    open_session(daemon, wanted, place).await
}

/// What is to be opened.
struct Wanted {
    open: Open,
    start: Start,
}

/// Everything about a request that can be wrong without starting anything.
fn checked(
    daemon: &Daemon,
    (mut create, knows_ssh): (Create, bool),
    place: &Place,
) -> Result<Wanted, Refusal> {
    let invalid = |message: String| (Code::InvalidArgument, message);
    let (cols, rows) = (create.cols.unwrap_or(80), create.rows.unwrap_or(24));
    check_size(cols, rows).map_err(invalid)?;
    if let Some(name) = &create.name {
        check_name(name).map_err(invalid)?;
    }
    let mut spec = create.spec.take().unwrap_or_default();
    check_spec(&spec).map_err(invalid)?;
    if let Some(why) = daemon.rules.lacks(&spec).or_else(|| daemon.host.limits.lacks(&spec)) {
        return Err((Code::NotGated, why));
    }
    let guarding = daemon.rules.guarding(&spec).map_err(refusal)?;
    let recordings = recordings(daemon, &spec).map_err(invalid)?;
    let (name, initial_commands) = (create.name.take(), create.initial_commands.take());
    let audit = environment::audit(&spec, place.uid, daemon.state.node);
    let (start, bounds) = match remote::start(&mut create, &mut spec, (knows_ssh, audit)).map_err(invalid)? {
        Some(start) => (start, Bounds::default()),
        None => {
            let mut spawn = local(daemon, create, &spec, place).map_err(invalid)?;
            let bounds = daemon.host.limits.bounds(&spec, place.uid).map_err(|why| (Code::NotGated, why))?;
            spawn.group = bounds.group.as_ref().and_then(|group| group.directory()).map(PathBuf::from);
            (Start::Local(Box::new(spawn)), bounds)
        }
    };
    let open = Open {
        id: place.id,
        uid: place.uid,
        name,
        size: bastide_vt::Size { cols, rows },
        spec,
        default_flow: daemon.config.flow,
        initial_commands: initial_commands.unwrap_or_default(),
        recordings,
        default_recording: daemon.config.recording,
        guarding,
        bounds,
    };
    Ok(Wanted { open, start })
}

/// A program on this machine.
fn local(daemon: &Daemon, create: Create, spec: &Spec, place: &Place) -> Result<Spawn, String> {
    let account = account(daemon, spec)?;
    let (program, args, login) = program(create.argv, create.shell, &account)?;
    let cwd = match create.cwd {
        None => account.home.clone(),
        Some(cwd) => PathBuf::from(cwd),
    };
    let requested = environment::allowed(create.env.unwrap_or_default(), spec);
    let mut env =
        bastide_pty::environment(&account, &requested).map_err(|e| format!("Invalid argument: {e}"))?;
    let audit = environment::audit(spec, place.uid, daemon.state.node);
    env.extend(audit.into_iter().map(|(name, value)| (OsString::from(name), OsString::from(value))));
    let (cols, rows) = (create.cols.unwrap_or(80), create.rows.unwrap_or(24));
    let (size, view) = (Size { cols, rows }, limits::view(spec, &cwd)?);
    let limits = limits::of_processes(spec);
    Ok(Spawn { program, args, login, env, cwd, size, limits, view, account, group: None })
}

fn check_name(name: &str) -> Result<(), String> {
    let fits = !name.is_empty() && name.len() <= NAME_MAX;
    let printable = name.chars().all(|c| !c.is_control() && !c.is_whitespace());
    if fits && printable {
        return Ok(());
    }
    Err(format!("Invalid argument: a name has 1 to {NAME_MAX} bytes and no blanks"))
}

/// What this release cannot keep to is refused, never ignored.
fn check_spec(spec: &Spec) -> Result<(), String> {
    limits::check(spec)?;
    if spec.expires_at.is_some_and(|at| at <= jiff::Timestamp::now()) {
        return Err("Invalid argument: expires_at is in the past".to_owned());
    }
    Ok(())
}

/// Rules that cannot be had.
pub(crate) fn refusal(refused: rules::Refused) -> Refusal {
    match refused {
        rules::Refused::Invalid(why) => (Code::InvalidArgument, format!("Invalid argument: {why}")),
        rules::Refused::Unknown(why) => (Code::RulesUnknown, why),
        rules::Refused::Disk(why) => (Code::IoError, why),
    }
}

fn account(daemon: &Daemon, spec: &Spec) -> Result<Account, String> {
    let account = match &spec.account {
        // A person gets the account that they are mapped to, never root for want of a mapping.
        None if spec.subject.is_some() && daemon.host.account.uid == 0 => {
            return Err("Invalid argument: a daemon of root needs to be told the account".to_owned());
        }
        None => daemon.host.account.clone(),
        Some(name) if *name == daemon.host.account.name => daemon.host.account.clone(),
        Some(name) => Account::named(name).map_err(|e| format!("Invalid argument: {e}"))?,
    };
    bastide_pty::may_run_as(&account).map_err(|e| format!("Invalid argument: {e}"))?;
    Ok(account)
}

fn recordings(daemon: &Daemon, spec: &Spec) -> Result<PathBuf, String> {
    let asked = spec.recording.as_ref().and_then(|recording| recording.directory.as_deref());
    match asked.map(PathBuf::from) {
        None => Ok(daemon.state.recordings.clone()),
        Some(directory) if directory.is_absolute() && directory.is_dir() => Ok(directory),
        Some(directory) => Err(format!(
            "Invalid argument: recording directory {} is not an existing absolute path",
            directory.display()
        )),
    }
}

type Program = (OsString, Vec<OsString>, bool);

fn program(argv: Option<Vec<String>>, shell: Option<String>, account: &Account) -> Result<Program, String> {
    if let Some(argv) = argv {
        let mut words = argv.into_iter().map(OsString::from);
        let program = words.next().ok_or("Invalid argument: argv is empty")?;
        return Ok((program, words.collect(), false));
    }
    let shell = match shell {
        Some(shell) if shell.is_empty() => return Err("Invalid argument: shell is empty".to_owned()),
        Some(shell) => OsString::from(shell),
        None => account.shell.clone().into_os_string(),
    };
    Ok((shell, Vec::new(), true))
}

async fn open_session(
    daemon: &std::sync::Arc<Daemon>,
    wanted: Wanted,
    place: Place,
) -> Result<Handle, Refusal> {
    let Wanted { open: wanted, start } = wanted;
    let uid = wanted.uid;
    let io = |message: String| (Code::IoError, message);
    mark_open(daemon, uid).await.map_err(io)?;
    let spec = serde_json::to_value(&wanted.spec).unwrap_or_default();
    let remote = remote::words(&start);
    let opened = open(wanted, start, daemon.running.clone()).await;
    let (handle, session) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            daemon.state.mark_ended(uid);
            let prefix = if error.code() == Code::InvalidArgument { "Invalid argument: " } else { "" };
            return Err((error.code(), format!("{prefix}{error}")));
        }
    };
    let id = handle.identity.id;
    let listed = Listed { daemon: std::sync::Arc::clone(daemon), handle: handle.clone() };
    daemon.tasks.spawn(format!("session {id}"), async move {
        session.run().await;
        drop(listed);
    });
    let mut fields = json!({
        "id": id, "name": handle.identity.name, "command": brief(&handle.identity.command), "pid": handle.identity.pid,
        "account": handle.identity.account, "recording": handle.identity.recording, "spec": spec,
    });
    if let Some(remote) = remote {
        fields["ssh"] = remote;
    }
    if let Err(why) = daemon.journal.record("session_created", Some(uid), fields).await {
        let _ = handle.send(Command::End { reason: EndReason::Killed, swept: false, reply: None }).await;
        return Err(io(format!("session was not opened: the log cannot be written: {why}")));
    }
    place.fill(handle.clone());
    if daemon.shutdown.is_draining() {
        // It was not there when the others were told.
        let _ = handle.send(Command::End { reason: EndReason::Shutdown, swept: false, reply: None }).await;
    }
    forget_surplus(daemon).await;
    Ok(handle)
}

async fn mark_open(daemon: &std::sync::Arc<Daemon>, uid: Uuid) -> Result<(), String> {
    let state = daemon.state.clone();
    match tokio::task::spawn_blocking(move || state.mark_open(uid)).await {
        Ok(marked) => marked.map_err(|e| e.to_string()),
        Err(stopped) => Err(stopped.to_string()),
    }
}

/// A command line as the log keeps it.
fn brief(command: &[String]) -> Vec<&str> {
    let mut left = COMMAND_MAX;
    let mut words = Vec::new();
    for word in command {
        let cut = word.floor_char_boundary(left);
        words.push(&word[..cut]);
        left = left.saturating_sub(cut + 1);
        if cut < word.len() || left == 0 {
            break;
        }
    }
    words
}

/// Takes a session off the list when its task ends in any way.
struct Listed {
    daemon: std::sync::Arc<Daemon>,
    handle: Handle,
}

impl Drop for Listed {
    fn drop(&mut self) {
        let daemon = &self.daemon;
        daemon.registry.remove(self.handle.identity.id);
        if self.handle.has_ended() {
            return;
        }
        // Cut off by a defect or at the last moment of a shutdown: nobody else will tell.
        let uid = self.handle.identity.uid;
        let reason = EndReason::Ended("its task was cut off".to_owned());
        let ended = Happening::Ended { uid, reason, status: None, bytes: 0 };
        if daemon.running.happenings.try_tell(ended).is_err() {
            tracing::error!(%uid, "the end of a session that was cut off was not written to the log");
        }
    }
}

/// Only so many ended sessions are kept.
async fn forget_surplus(daemon: &Daemon) {
    for handle in daemon.registry.surplus_ended() {
        let _ = handle.send(Command::End { reason: EndReason::Killed, swept: true, reply: None }).await;
    }
}
