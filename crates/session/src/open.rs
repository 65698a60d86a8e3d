//! Starting a session.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bastide_pty::Spawn;
use bastide_pty::cgroup::Group;
use bastide_record::{Begin, Header, Pool};
use bastide_vt::Size;
use bastide_wire::session::{LimitsInfo, RemoteInfo};
use bastide_wire::spec::{Flow, RecordingMode, Spec};
use bastide_wire::ssh::Ssh;
use jiff::Timestamp;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::actor::Session;
use crate::backend::Backend;
use crate::config::COMMANDS;
use crate::dial::{Dialler, Dialling};
use crate::event::Happenings;
use crate::guard::{self, Guard, Guarding};
use crate::handle::{Handle, Identity, Vitals};
use crate::{Config, Error, ScrollbackBudget};

/// What a session is opened with.
pub struct Open {
    pub id: u32,
    pub uid: Uuid,
    pub name: Option<String>,
    pub size: Size,
    /// Without `ssh`, whose secrets go with [`Start`] and are dropped as soon as they are not needed.
    pub spec: Spec,
    pub default_flow: Flow,
    /// Typed into it at the start.
    pub initial_commands: Vec<String>,
    /// Directory of the recording; the file is `<uid>.cast.zst`.
    pub recordings: PathBuf,
    /// Mode where the spec names none.
    pub default_recording: RecordingMode,
    /// What its commands are judged by; none: they are not.
    pub guarding: Option<Guarding>,
    pub bounds: Bounds,
}

/// What keeps its processes within limits.
#[derive(Debug, Default)]
pub struct Bounds {
    /// What of the limits holds; none when it has no limits.
    pub info: Option<LimitsInfo>,
    /// The control group of all its processes. What is in it at the session's end is killed.
    pub group: Option<Group>,
}

/// What its backend is.
pub enum Start {
    /// A program here; its size is that of the session.
    Local(Box<Spawn>),
    /// A shell on another machine. `term` is the kind of terminal that it is told, `env` what the server there
    /// may take or leave.
    Ssh { to: Box<Ssh>, term: String, env: Vec<(String, String)> },
}

/// What sessions of one daemon share.
#[derive(Clone)]
pub struct Running {
    pub config: Arc<Config>,
    pub recorders: Pool,
    pub budget: ScrollbackBudget,
    pub happenings: Happenings,
    pub palette: bastide_vt::Config,
    /// Makes shells on other machines.
    pub dialler: Arc<dyn Dialler>,
}

impl Start {
    /// As people read it.
    fn command_line(&self) -> Vec<String> {
        match self {
            Self::Local(spawn) => std::iter::once(&spawn.program)
                .chain(&spawn.args)
                .map(|word| word.to_string_lossy().into_owned())
                .collect(),
            Self::Ssh { to, .. } => {
                let Some(hop) = to.hops.last() else { return vec!["ssh".to_owned()] };
                let mut words = vec!["ssh".to_owned(), format!("{}@{}", hop.username, hop.host)];
                if hop.port != 22 {
                    words.splice(1..1, ["-p".to_owned(), hop.port.to_string()]);
                }
                words.extend(to.command.clone());
                words
            }
        }
    }

    fn account(&self) -> String {
        match self {
            Self::Local(spawn) => spawn.account.name.clone(),
            Self::Ssh { to, .. } => to.hops.last().map(|hop| hop.username.clone()).unwrap_or_default(),
        }
    }

    fn remote(&self, target: Option<&str>) -> Option<RemoteInfo> {
        let Self::Ssh { to, .. } = self else { return None };
        let hop = to.hops.last()?;
        Some(RemoteInfo {
            target: target.unwrap_or(&hop.name).to_owned(),
            username: hop.username.clone(),
            host: hop.host.clone(),
            port: hop.port,
            connecting: true,
        })
    }
}

/// Starts the backend, or begins to dial it, and returns what to hold of it, and the session itself, to be run
/// as a task. When it fails nothing is left behind but, where one was begun, an empty recording.
///
/// # Errors
/// The program cannot be started, or its recording is required and cannot be written. A shell on another machine
/// that cannot be had is no error here: the session says so and ends.
pub async fn open(mut open: Open, start: Start, running: Running) -> Result<(Handle, Session), Error> {
    let mut recording = begin_recording(&open, &start, &running).await?;
    let mut identity = identity(&open, &start);
    identity.recording =
        recording.recorder.as_ref().map(|recorder| recorder.path().to_string_lossy().into_owned());
    let guarding = open.guarding.take();
    let behind = match start {
        Start::Local(spawn) => match local(*spawn, guarding, &open.spec, recording.started).await {
            Ok((child, guard)) => {
                identity.pid = child.pid();
                identity.pts = child.pts().to_string_lossy().into_owned();
                Behind { backend: Backend::Local(child), dialling: None, guard }
            }
            Err(e) => {
                discard(recording.recorder.take()).await;
                return Err(Error::Spawn(e));
            }
        },
        Start::Ssh { to, term, env } => {
            let watched = |guarding: Guarding| {
                Box::new(Guard::watched(&open.spec, &identity.account, guarding.rules, recording.started))
            };
            let guard = guarding.map(watched);
            let dialling =
                Dialling::begin(&*running.dialler, (to, term, env), open.size, running.config.answer_within);
            Behind { backend: Backend::Dialling, dialling: Some(Box::new(dialling)), guard }
        }
    };
    let (sender, receiver) = mpsc::channel(COMMANDS);
    let handle =
        Handle { identity: Arc::new(identity), commands: sender, vitals: Arc::new(Vitals::default()) };
    let bounds = std::mem::take(&mut open.bounds);
    let session = Session::new(&open, running, handle.clone(), (behind, bounds), (recording, receiver));
    Ok((handle, session))
}

/// What stands behind a session's terminal.
pub(crate) struct Behind {
    pub(crate) backend: Backend,
    pub(crate) dialling: Option<Box<Dialling>>,
    pub(crate) guard: Option<Box<Guard>>,
}

type Started = (bastide_pty::Child, Option<Box<Guard>>);

async fn local(
    spawn: Spawn,
    guarding: Option<Guarding>,
    spec: &Spec,
    started: Instant,
) -> Result<Started, bastide_pty::Error> {
    let Some(guarding) = guarding else { return Ok((bastide_pty::spawn(spawn).await?, None)) };
    let (rules, account) = (Arc::clone(&guarding.rules), spawn.account.name.clone());
    let gated = bastide_pty::gate::spawn(guard::setup(guarding, spec, spawn)).await?;
    let (child, guard) = Guard::gated(gated, (spec, &account), rules, started);
    Ok((child, Some(Box::new(guard))))
}

fn identity(open: &Open, start: &Start) -> Identity {
    Identity {
        id: open.id,
        uid: open.uid,
        name: open.name.clone(),
        command: start.command_line(),
        account: start.account(),
        user: open.spec.subject.as_ref().map(|subject| subject.user.clone()),
        gated: matches!(start, Start::Local(_)) && open.guarding.is_some(),
        pid: 0,
        pts: String::new(),
        created: Timestamp::now(),
        recording: None,
        remote: start.remote(open.spec.target.as_deref()),
    }
}

/// What became of the recording that was wanted.
pub(crate) struct Begun {
    pub(crate) recorder: Option<bastide_record::Recorder>,
    /// Why there is none although one was wanted.
    pub(crate) failure: Option<String>,
    /// The moment that it counts from, or would.
    pub(crate) started: Instant,
}

async fn begin_recording(open: &Open, start: &Start, running: &Running) -> Result<Begun, Error> {
    let started = Instant::now();
    let wanted = open.spec.recording.as_ref().map_or(open.default_recording, |recording| recording.mode);
    let mode = match wanted {
        RecordingMode::Off => return Ok(Begun { recorder: None, failure: None, started }),
        RecordingMode::Required => bastide_record::Mode::Required,
        RecordingMode::BestEffort => bastide_record::Mode::BestEffort,
    };
    let header = Header {
        cols: open.size.cols,
        rows: open.size.rows,
        term: Some("xterm-256color".to_owned()),
        timestamp: u64::try_from(Timestamp::now().as_second()).ok(),
        command: Some(start.command_line().join(" ")),
        title: open
            .name
            .clone()
            .or_else(|| start.remote(open.spec.target.as_deref()).map(|remote| remote.target)),
        ..Header::default()
    };
    let path = open.recordings.join(bastide_record::file_name(open.uid));
    let begin = Begin { path, mode, header, started };
    let recorders = running.recorders.clone();
    // It waits for the disk, which other sessions of this thread must not.
    let begun = tokio::task::spawn_blocking(move || recorders.begin(begin))
        .await
        .unwrap_or(Err(bastide_record::Error::ShutDown));
    match begun {
        Ok(recorder) => Ok(Begun { recorder: Some(recorder), failure: None, started }),
        Err(e) if mode == bastide_record::Mode::BestEffort => {
            tracing::warn!(uid = %open.uid, error = %e, "session goes on without a recording");
            Ok(Begun { recorder: None, failure: Some(e.to_string()), started })
        }
        Err(e) => Err(Error::Recording(e)),
    }
}

/// Takes the recording of a session that never began away again.
async fn discard(recorder: Option<bastide_record::Recorder>) {
    let Some(recorder) = recorder else { return };
    let path = recorder.path().to_owned();
    if recorder.close().await.is_ok()
        && let Err(e) = tokio::fs::remove_file(&path).await
    {
        tracing::warn!(path = %path.display(), error = %e, "recording of a session that never began stays");
    }
}

/// Longer than anything runs, and still a time that can be added to any moment.
const A_CENTURY: u64 = 100 * 366 * 24 * 3600;

/// A duration of the spec, in seconds on the wire.
pub(crate) fn seconds(value: Option<u64>) -> Option<Duration> {
    value.map(|seconds| Duration::from_secs(seconds.min(A_CENTURY)))
}
