//! The daemon's own log: what happened, appended in order, read over the wire.
//!
//! One task owns the log. Sessions never wait for the disk: their events queue, and the queue is
//! bounded. When the log cannot be written, what could not be written is kept up to a bound and
//! tried again; what is lost beyond that is counted in a `log_gap` entry. As long as it cannot be written, or its disk is
//! nearly full, gated sessions are told to start no programs: their verdicts would be recorded nowhere.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bastide_audit::{Config, Log, Page, Reader};
use bastide_session::{Controlled, Happening, Happenings, Viewing};
use bastide_wire::control::kind;
use bastide_wire::event::LogEntry;
use serde_json::{Map, Value, json};
use tokio::sync::{mpsc, oneshot, watch};
use uuid::Uuid;

use crate::Error;
use crate::files::State;
use crate::registry::Registry;

/// Entries kept while the log cannot be written.
const PENDING: usize = 4096;
/// Entries taken to the disk at once.
const BATCH: usize = 256;
/// Entries of the daemon itself that may wait.
const OWN: usize = 256;
/// Room on the disk below which gated programs do not start any more: what is pending, and the verdicts that are on
/// their way from the supervisors, still fit (an entry of usual size has half a kilobyte).
const RESERVE: u64 = 4 * 1024 * 1024;
/// A log that takes nothing is tried again so often, whether anything happens or not.
const RETRY: Duration = Duration::from_secs(1);
/// Rest after a sync that failed: the disk will not be better at once.
const SYNC_REST: Duration = Duration::from_secs(5);
const SESSION_ENDED: &str = "session_ended";
/// Entries read for a subscriber at once.
pub(crate) const PAGE: usize = 256;

#[derive(Debug)]
struct Entry {
    kind: &'static str,
    uid: Option<Uuid>,
    fields: Map<String, Value>,
    /// Told when it is written, or why not.
    done: Option<oneshot::Sender<Result<(), String>>>,
}

/// Writes entries and reads them back.
#[derive(Clone)]
pub(crate) struct Journal {
    own: mpsc::Sender<Entry>,
    next_seq: watch::Receiver<u64>,
    reader: Reader,
}

/// The task that owns the log.
pub(crate) struct Writer {
    log: Option<Log>,
    own: mpsc::Receiver<Entry>,
    happenings: mpsc::Receiver<Happening>,
    next_seq: watch::Sender<u64>,
    state: State,
    registry: Arc<Registry>,
    pending: VecDeque<Entry>,
    lost: u64,
    /// After a failed sync: not again before.
    rests_until: Option<Instant>,
    /// Whether verdicts can be recorded: read by whoever lets programs start.
    takes: watch::Sender<bool>,
    directory: PathBuf,
}

/// Opens the log and returns its two ends, and where sessions tell what happens in them: of `queue` happenings.
pub(crate) fn open(
    directory: &Path,
    (state, registry): (State, Arc<Registry>),
    queue: usize,
) -> Result<(Journal, Writer, Happenings), Error> {
    let (told, happenings) = mpsc::channel(queue);
    let (takes, taking) = watch::channel(true);
    let origin = format!("{}/ptyd", state.node);
    let log = open_or_replace(directory, &origin)
        .map_err(|cause| Error::Log { path: directory.to_owned(), cause: Box::new(cause) })?;
    let (own_sender, own) = mpsc::channel(OWN);
    let (next_seq, seen) = watch::channel(log.next_seq());
    let journal = Journal { own: own_sender, next_seq: seen, reader: log.reader() };
    let writer = Writer {
        log: Some(log),
        own,
        happenings,
        next_seq,
        state,
        registry,
        pending: VecDeque::new(),
        lost: 0,
        rests_until: None,
        takes,
        directory: directory.to_owned(),
    };
    Ok((journal, writer, Happenings::new(told, taking)))
}

/// A damaged log is evidence: it is kept under another name, and a new one begins with that fact.
/// Sessions must be possible again before somebody has looked into it.
fn open_or_replace(directory: &Path, origin: &str) -> Result<Log, bastide_audit::Error> {
    let fault = match Log::open(directory, origin, Config::default()) {
        Err(bastide_audit::Error::Damaged(fault)) => fault,
        opened => return opened,
    };
    let kept = directory.with_extension(format!("damaged-{}", jiff::Timestamp::now().as_second()));
    tracing::error!(%fault, kept = %kept.display(), "the log is damaged; it is kept aside and a new one begins");
    if let Err(source) = std::fs::rename(directory, &kept) {
        return Err(bastide_audit::Error::Directory { dir: directory.to_owned(), source });
    }
    let mut log = Log::open(directory, origin, Config::default())?;
    let fields = json!({ "why": fault.to_string(), "kept": kept.display().to_string() });
    log.append("log_replaced", None, object(fields))?;
    Ok(log)
}

impl Journal {
    /// Appends an entry in its turn.
    pub(crate) async fn note(&self, kind: &'static str, uid: Option<Uuid>, fields: Value) {
        let entry = Entry { kind, uid, fields: object(fields), done: None };
        if self.own.send(entry).await.is_err() {
            tracing::error!(kind, "the log is closed; an entry was not written");
        }
    }

    /// Appends an entry and waits until it is written.
    ///
    /// # Errors
    /// Why it was not.
    pub(crate) async fn record(
        &self,
        kind: &'static str,
        uid: Option<Uuid>,
        fields: Value,
    ) -> Result<(), String> {
        let (done, written) = oneshot::channel();
        let entry = Entry { kind, uid, fields: object(fields), done: Some(done) };
        self.own.send(entry).await.map_err(|_| "the log is closed".to_owned())?;
        written.await.unwrap_or_else(|_| Err("the log is closed".to_owned()))
    }

    /// The entries from `seq` on, or where they begin now if older ones are gone.
    pub(crate) async fn read(&self, seq: u64) -> Result<Page, String> {
        let reader = self.reader.clone();
        tokio::task::spawn_blocking(move || reader.read_from(seq, PAGE))
            .await
            .map_err(|e| e.to_string())?
            .map_err(|e| e.to_string())
    }

    /// Follows the number of the next entry.
    pub(crate) fn follow(&self) -> watch::Receiver<u64> {
        self.next_seq.clone()
    }
}

impl Writer {
    /// Runs until every sender is gone, then writes what is left.
    pub(crate) async fn run(mut self) {
        let mut happenings = Vec::new();
        let mut own = Vec::new();
        loop {
            let due = self.log.as_ref().and_then(Log::sync_due);
            let due = due.map(|due| self.rests_until.map_or(due, |rested| rested.max(due)));
            let retry = (!*self.takes.borrow()).then(|| Instant::now() + RETRY);
            tokio::select! {
                () = tokio::time::sleep_until(retry.unwrap_or_else(Instant::now).into()), if retry.is_some() => {}
                () = tokio::time::sleep_until(due.unwrap_or_else(Instant::now).into()), if due.is_some() => {}
                count = self.happenings.recv_many(&mut happenings, BATCH) => {
                    if count == 0 {
                        break;
                    }
                }
                count = self.own.recv_many(&mut own, BATCH) => {
                    if count == 0 {
                        break;
                    }
                }
            }
            // What happened before somebody asked for an entry stands before it.
            while happenings.len() < self.happenings.max_capacity()
                && let Ok(happening) = self.happenings.try_recv()
            {
                happenings.push(happening);
            }
            self.pending.extend(happenings.drain(..).map(|happening| entry(&happening)));
            self.pending.extend(own.drain(..));
            self.write().await;
        }
        while let Ok(happening) = self.happenings.try_recv() {
            self.pending.push_back(entry(&happening));
        }
        while let Ok(entry) = self.own.try_recv() {
            self.pending.push_back(entry);
        }
        self.write().await;
    }

    async fn write(&mut self) {
        if self.pending.iter().any(|entry| entry.kind == SESSION_ENDED) {
            self.registry.notify_left();
        }
        let batch = std::mem::take(&mut self.pending);
        let Some(mut log) = self.log.take() else {
            // Its writer has failed for good; nothing may wait for it, or pile up.
            refuse(batch, "the log is closed");
            self.takes.send_replace(false);
            return;
        };
        let (lost, state, directory) = (self.lost, self.state.clone(), self.directory.clone());
        let resumes = !*self.takes.borrow();
        let written = tokio::task::spawn_blocking(move || {
            let has_room = has_room(&directory);
            let appended = append_all(&mut log, &state, batch, (lost, resumes && has_room));
            let due = log.sync_due().is_some_and(|due| due <= Instant::now());
            let synced = if due { log.sync() } else { Ok(()) };
            if let Err(error) = &synced {
                tracing::error!(%error, "the log was not brought to the disk");
            }
            let takes = !appended.failed && synced.is_ok() && has_room;
            (log, appended, (synced.is_ok(), takes))
        })
        .await;
        match written {
            Ok((log, Appended { rest, lost, .. }, (synced, takes))) => {
                self.says(takes);
                self.rests_until = (!synced).then(|| Instant::now() + SYNC_REST);
                self.next_seq.send_replace(log.next_seq());
                self.log = Some(log);
                self.pending = rest;
                self.lost = lost;
            }
            Err(error) => {
                tracing::error!(%error, "the log's writer failed; nothing more is logged");
                self.says(false);
            }
        }
        self.lost += shorten(&mut self.pending, PENDING);
    }

    /// To all sessions at once, when it changes.
    fn says(&self, takes: bool) {
        let changed = self.takes.send_if_modified(|now| std::mem::replace(now, takes) != takes);
        match (changed, takes) {
            (true, false) => tracing::error!("the log takes no entries; gated sessions start no programs"),
            (true, true) => tracing::info!("the log takes entries again"),
            (false, _) => {}
        }
    }
}

/// Down to `most`; what was decided outlasts what merely happened. Returns how many are lost.
fn shorten(pending: &mut VecDeque<Entry>, most: usize) -> u64 {
    let mut lost = 0;
    while pending.len() > most {
        let first = pending.iter().position(|entry| entry.kind != kind::VERDICT).unwrap_or(0);
        pending.remove(first);
        lost += 1;
    }
    lost
}

/// A file system that does not say counts as one with room: what it refuses is seen when it is written to.
fn has_room(directory: &Path) -> bool {
    let free = |found: rustix::fs::StatVfs| found.f_bavail.saturating_mul(found.f_frsize);
    rustix::fs::statvfs(directory).map_or(true, |found| free(found) >= RESERVE)
}

/// What became of a batch.
struct Appended {
    /// What is to be tried again.
    rest: VecDeque<Entry>,
    /// Entries that are lost and not told of yet.
    lost: u64,
    failed: bool,
}

/// Appends what it can. `resumes`: after a failure; only an entry that was written shows that it is over.
fn append_all(
    log: &mut Log,
    state: &State,
    mut batch: VecDeque<Entry>,
    (lost, resumes): (u64, bool),
) -> Appended {
    let failed = |batch, lost, why: &str| Appended { rest: refuse(batch, why), lost, failed: true };
    if let Err(error) = log.is_in_place() {
        tracing::error!(%error, "the log is not where it was");
        return failed(batch, lost, &error.to_string());
    }
    if lost > 0 && log.append("log_gap", None, object(json!({ "lost": lost }))).is_err() {
        return failed(batch, lost, "the log cannot be written");
    }
    if resumes && log.append("log_resumed", None, Map::new()).is_err() {
        return failed(batch, 0, "the log cannot be written");
    }
    while let Some(mut entry) = batch.pop_front() {
        match log.append(entry.kind, entry.uid, entry.fields.clone()) {
            Ok(_) => {
                // Not before: whose end is not written is reported as lost at the next start.
                if let Some(uid) = entry.uid.filter(|_| entry.kind == SESSION_ENDED) {
                    state.mark_ended(uid);
                }
                if let Some(done) = entry.done.take() {
                    let _ = done.send(Ok(()));
                }
            }
            Err(error) => {
                tracing::error!(kind = entry.kind, %error, "an entry was not written to the log");
                if never_fits(&error) {
                    refuse(VecDeque::from([entry]), &error.to_string());
                    continue;
                }
                batch.push_front(entry);
                return failed(batch, 0, &error.to_string());
            }
        }
    }
    Appended { rest: batch, lost: 0, failed: false }
}

/// True when the entry itself is wrong: another try would fail again and hold up what follows.
fn never_fits(error: &bastide_audit::Error) -> bool {
    use bastide_audit::Error::{Kind, ReservedField, TooLarge};
    matches!(error, ReservedField { .. } | Kind { .. } | TooLarge { .. })
}

/// Entries that somebody waits for are refused; the others are kept.
fn refuse(mut batch: VecDeque<Entry>, why: &str) -> VecDeque<Entry> {
    batch.retain_mut(|entry| match entry.done.take() {
        Some(done) => {
            let _ = done.send(Err(why.to_owned()));
            false
        }
        None => true,
    });
    batch
}

fn entry(happening: &Happening) -> Entry {
    let (kind, fields) = describe(happening);
    Entry { kind, uid: Some(happening.uid()), fields: object(fields), done: None }
}

fn describe(happening: &Happening) -> (&'static str, Value) {
    match happening {
        Happening::Viewer { what, .. } => viewing(what),
        Happening::Resized { cols, rows, .. } => ("session_resized", json!({ "cols": cols, "rows": rows })),
        Happening::Ended { reason, status, bytes, .. } => {
            let words = reason.words();
            let code = status.map(|status| status.code);
            let signal = status.and_then(|status| status.signal);
            (
                SESSION_ENDED,
                json!({ "reason": reason.word(), "words": words, "code": code, "signal": signal, "bytes": bytes }),
            )
        }
        Happening::RecordingStalled { why, .. } => ("recording_stalled", json!({ "why": why })),
        Happening::RecordingResumed { .. } => ("recording_resumed", json!({})),
        Happening::RecordingFailed { why, .. } => ("recording_failed", json!({ "why": why })),
        Happening::Connected { .. } => ("ssh_connected", json!({})),
        Happening::ConnectFailed { step, message, .. } => {
            ("ssh_failed", json!({ "step": step, "message": message }))
        }
        Happening::Prompted { kind, server, fingerprint, outcome, client, .. } => (
            "prompt_closed",
            json!({
                "question": kind, "server": server, "fingerprint": fingerprint, "outcome": outcome, "client": client,
            }),
        ),
        Happening::Controlled { what, .. } => controlled(what),
        Happening::ScrollbackDropped { lines, .. } => ("scrollback_dropped", json!({ "lines": lines })),
    }
}

fn viewing(what: &Viewing) -> (&'static str, Value) {
    match what {
        Viewing::Attached { client, write, about } => {
            let mut fields = json!({ "client": client, "write": write });
            if let (Some(about), Some(fields)) = (about, fields.as_object_mut()) {
                let about = serde_json::to_value(about).expect("words are plain JSON");
                fields.extend(object(about));
            }
            ("viewer_attached", fields)
        }
        Viewing::Detached { client } => ("viewer_detached", json!({ "client": client })),
        Viewing::Asked { client, asks, by } => {
            ("keyboard_asked", json!({ "client": client, "asks": asks, "by": by }))
        }
        Viewing::Keyboard { client, by } => ("keyboard_moved", json!({ "client": client, "by": by })),
        Viewing::Types { client } => ("viewer_types", json!({ "client": client })),
        Viewing::Removed { client, by, barred } => {
            ("viewer_removed", json!({ "client": client, "by": by, "barred": barred }))
        }
        Viewing::Said { by, characters } => ("said", json!({ "by": by, "characters": characters })),
        Viewing::EndAnnounced { by, text, after } => {
            ("end_announced", json!({ "by": by, "text": text, "after": after }))
        }
        Viewing::EndStopped { by } => ("end_stopped", json!({ "by": by })),
    }
}

fn controlled(what: &Controlled) -> (&'static str, Value) {
    let (kind, fields) = match what {
        Controlled::Verdict(entry) => (kind::VERDICT, serde_json::to_value(entry)),
        Controlled::ReviewOpened(entry) => (kind::REVIEW_OPENED, serde_json::to_value(entry)),
        Controlled::ReviewClosed(entry) => (kind::REVIEW_CLOSED, serde_json::to_value(entry)),
        Controlled::Alert(entry) => (kind::ALERT, serde_json::to_value(entry)),
        Controlled::Rules(entry) => (kind::RULES_CHANGED, serde_json::to_value(entry)),
    };
    (kind, fields.expect("entries are plain JSON"))
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// An entry as it goes over the wire.
pub(crate) fn on_wire(entry: bastide_audit::Entry) -> LogEntry {
    LogEntry {
        seq: entry.seq,
        at: entry.at.to_string(),
        kind: entry.kind,
        uid: entry.uid,
        fields: entry.fields,
    }
}

#[cfg(test)]
mod tests;
