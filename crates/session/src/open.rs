//! Starting a session.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bastide_pty::Spawn;
use bastide_record::{Begin, Header, Pool};
use bastide_wire::spec::{Flow, RecordingMode, Spec};
use jiff::Timestamp;
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::actor::Session;
use crate::config::COMMANDS;
use crate::event::Happenings;
use crate::handle::{Handle, Identity, Vitals};
use crate::{Config, Error, ScrollbackBudget};

/// What a session is opened with.
pub struct Open {
    pub id: u32,
    pub uid: Uuid,
    pub name: Option<String>,
    pub spawn: Spawn,
    pub spec: Spec,
    pub default_flow: Flow,
    /// Typed into it at the start.
    pub initial_commands: Vec<String>,
    /// Directory of the recording; the file is `<uid>.cast.zst`.
    pub recordings: PathBuf,
    /// Mode where the spec names none.
    pub default_recording: RecordingMode,
}

/// What sessions of one daemon share.
#[derive(Clone)]
pub struct Running {
    pub config: Arc<Config>,
    pub recorders: Pool,
    pub budget: ScrollbackBudget,
    pub happenings: Happenings,
    pub palette: bastide_vt::Config,
}

/// Starts the backend and returns what to hold of it, and the session itself, to be run as a task.
/// When it fails nothing is left behind but, where one was begun, an empty recording.
///
/// # Errors
/// The program cannot be started, or its recording is required and cannot be written.
pub async fn open(open: Open, running: Running) -> Result<(Handle, Session), Error> {
    let mut recording = begin_recording(&open, &running).await?;
    let child = match bastide_pty::spawn(open.spawn.clone()).await {
        Ok(child) => child,
        Err(e) => {
            discard(recording.recorder.take()).await;
            return Err(Error::Spawn(e));
        }
    };
    let (sender, receiver) = mpsc::channel(COMMANDS);
    let identity = Arc::new(Identity {
        id: open.id,
        uid: open.uid,
        name: open.name.clone(),
        command: command_line(&open.spawn),
        account: open.spawn.account.name.clone(),
        user: open.spec.subject.as_ref().map(|subject| subject.user.clone()),
        pid: child.pid(),
        pts: child.pts().to_string_lossy().into_owned(),
        created: Timestamp::now(),
        recording: recording.recorder.as_ref().map(|recorder| recorder.path().to_string_lossy().into_owned()),
    });
    let vitals = Arc::new(Vitals::default());
    let handle = Handle { identity, commands: sender, vitals };
    let session = Session::new(&open, running, handle.clone(), child, (recording, receiver));
    Ok((handle, session))
}

fn command_line(spawn: &Spawn) -> Vec<String> {
    std::iter::once(&spawn.program)
        .chain(&spawn.args)
        .map(|word| word.to_string_lossy().into_owned())
        .collect()
}

/// What became of the recording that was wanted.
#[derive(Default)]
pub(crate) struct Begun {
    pub(crate) recorder: Option<bastide_record::Recorder>,
    /// Why there is none although one was wanted.
    pub(crate) failure: Option<String>,
}

async fn begin_recording(open: &Open, running: &Running) -> Result<Begun, Error> {
    let wanted = open.spec.recording.as_ref().map_or(open.default_recording, |recording| recording.mode);
    let mode = match wanted {
        RecordingMode::Off => return Ok(Begun::default()),
        RecordingMode::Required => bastide_record::Mode::Required,
        RecordingMode::BestEffort => bastide_record::Mode::BestEffort,
    };
    let header = Header {
        cols: open.spawn.size.cols,
        rows: open.spawn.size.rows,
        term: Some("xterm-256color".to_owned()),
        timestamp: u64::try_from(Timestamp::now().as_second()).ok(),
        command: Some(command_line(&open.spawn).join(" ")),
        title: open.name.clone(),
        ..Header::default()
    };
    let path = open.recordings.join(bastide_record::file_name(open.uid));
    let begin = Begin { path, mode, header, started: Instant::now() };
    let recorders = running.recorders.clone();
    // It waits for the disk, which other sessions of this thread must not.
    let begun = tokio::task::spawn_blocking(move || recorders.begin(begin))
        .await
        .unwrap_or(Err(bastide_record::Error::ShutDown));
    match begun {
        Ok(recorder) => Ok(Begun { recorder: Some(recorder), failure: None }),
        Err(e) if mode == bastide_record::Mode::BestEffort => {
            tracing::warn!(uid = %open.uid, error = %e, "session goes on without a recording");
            Ok(Begun { recorder: None, failure: Some(e.to_string()) })
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
