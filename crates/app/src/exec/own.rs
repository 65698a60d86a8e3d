//! Sessions that this process runs itself: commands and lines on servers. They end with it.
//!
//! They are remembered as those of the session daemon are, so lists, verdicts and recordings know no difference.

use std::collections::BTreeMap;
use std::sync::Arc;

use bastide_store::{End, Opened, Place, RecordingState, Step, Store};
use jiff::Timestamp;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::sessions::Session;
use crate::{App, Error};

/// Why sessions of this process end: a command has run, did not run, could not be run; lines are over.
pub(crate) const OWN: [&str; 5] = ["exec", "refused", "failed", "line", GIVEN_UP];

/// Why a session has ended that a server left behind that was ended before it.
const LOST: &str = "lost";
/// Why one has ended whose work was given up half-way.
const GIVEN_UP: &str = "given up";

/// One that runs.
#[derive(Debug, Clone)]
struct Running {
    /// As lists show it; none for a single command, which is over before anybody looks.
    shown: Option<Arc<Session>>,
    ending: CancellationToken,
}

/// All that run. Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Own(watch::Sender<BTreeMap<Uuid, Running>>);

/// A session to be begun.
pub(crate) struct Beginning {
    pub(crate) opened: Opened,
    pub(crate) place: Place,
    pub(crate) shown: Option<Session>,
    /// Cancelled when somebody ends it.
    pub(crate) ending: CancellationToken,
}

impl Own {
    pub(crate) fn contains(&self, uid: Uuid) -> bool {
        self.0.borrow().contains_key(&uid)
    }

    /// Those that lists show.
    pub(crate) fn shown(&self) -> Vec<Arc<Session>> {
        self.0.borrow().values().filter_map(|running| running.shown.clone()).collect()
    }

    pub(crate) fn get(&self, uid: Uuid) -> Option<Arc<Session>> {
        self.0.borrow().get(&uid)?.shown.clone()
    }

    /// Changes with what runs.
    pub(crate) fn changed(&self) -> impl Future<Output = ()> + use<> {
        let mut running = self.0.subscribe();
        // Nobody is left to tell: then nothing changes any more.
        async move { drop(running.changed().await) }
    }

    /// False when it does not run.
    pub(crate) fn end(&self, uid: Uuid) -> bool {
        self.0.borrow().get(&uid).map(|running| running.ending.cancel()).is_some()
    }

    /// Remembers a session before anything of it happens.
    ///
    /// # Errors
    /// `Storage`; then there is none.
    pub(crate) async fn begin(&self, app: &App, new: Beginning) -> Result<OwnSession, Error> {
        let Beginning { opened, place, shown, ending } = new;
        let uid = opened.uid;
        self.0.send_modify(|all| {
            all.insert(uid, Running { shown: shown.map(Arc::new), ending });
        });
        let session = OwnSession { app: app.clone(), opened: Some(opened.clone()), uid };
        app.store().apply_own(&[Step::Opened(opened)]).await?;
        app.servers().places().add(app.store(), place).await?;
        Ok(session)
    }
}

/// Runs as long as this is held.
#[derive(Debug)]
pub(crate) struct OwnSession {
    app: App,
    uid: Uuid,
    /// Until its end is remembered.
    opened: Option<Opened>,
}

impl OwnSession {
    pub(crate) fn uid(&self) -> Uuid {
        self.uid
    }

    /// That there is a recording now.
    ///
    /// # Errors
    /// `Storage`.
    pub(crate) async fn recorded(&mut self, recording: RecordingState) -> Result<(), Error> {
        let Some(opened) = &mut self.opened else { return Ok(()) };
        opened.recording = recording;
        Ok(self.app.store().apply_own(&[Step::Opened(opened.clone())]).await?)
    }

    /// The daemon has it from now on, under the same uid: its log tells of the end.
    pub(crate) fn hand_over(mut self) {
        self.opened = None;
    }

    /// As [`OwnSession::end`], with a recording that came to be at once.
    pub(crate) async fn finish(mut self, recording: RecordingState, end: End) {
        if let Some(opened) = &mut self.opened {
            opened.recording = recording;
        }
        self.end(end).await;
    }

    /// What it did has happened: that its end is not remembered is nobody's failure but the log's.
    pub(crate) async fn end(mut self, end: End) {
        let Some(opened) = self.opened.take() else { return };
        finish(&self.app, opened, end).await;
    }
}

async fn finish(app: &App, opened: Opened, end: End) {
    let (uid, recording) = (opened.uid, opened.recording);
    let recording = if recording == RecordingState::Recording { RecordingState::Closed } else { recording };
    let opened = Opened { recording, ..opened };
    let steps = [Step::Opened(opened), Step::Ended { uid, end, recording }];
    if let Err(error) = app.store().apply_own(&steps).await {
        tracing::warn!(%error, session = %uid, "the end of a session is not remembered");
    }
    // Also what waited in it for a second person does so no more.
    app.news().tell(app.store()).await;
}

impl Drop for OwnSession {
    fn drop(&mut self) {
        if let Some(opened) = self.opened.take() {
            let app = self.app.clone();
            let at = app.clock().now();
            let end = End { at, exit: None, reason: GIVEN_UP.to_owned(), bytes: None };
            drop(
                app.tasks().clone().spawn("end of a session", async move { finish(&app, opened, end).await }),
            );
        }
        self.app.execs().own().0.send_modify(|all| {
            all.remove(&self.uid);
        });
    }
}

/// What an earlier server left open has ended with it.
pub(crate) async fn close_left(store: &Store, now: Timestamp) -> Result<(), Error> {
    let mut steps = Vec::new();
    for uid in store.open_sessions().await? {
        // The daemon's have its name.
        if store.session(uid).await?.is_some_and(|row| row.opened.node.is_none()) {
            let end = End { at: now, exit: None, reason: LOST.to_owned(), bytes: None };
            steps.push(Step::Ended { uid, end, recording: RecordingState::Lost });
        }
    }
    Ok(store.apply_own(&steps).await?)
}
