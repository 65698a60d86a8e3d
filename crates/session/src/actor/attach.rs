//! Viewers coming and going, sizes, and what a session looks like.

use std::time::Instant;

use bastide_record::State;
use bastide_wire::control::CommandNotice;
use bastide_wire::event::Resized;
use bastide_wire::reply::OkReply;
use bastide_wire::session::{Modes, RecordingInfo, RemoteInfo, SessionDetail};
use bastide_wire::{Code, Event, SessionInfo, Snapshot};
use jiff::Timestamp;

use super::Session;
use crate::command::{Acknowledge, Attach, Resize};
use crate::config::{SEED_SCROLLBACK, VIEWERS};
use crate::event::{Happening, Viewing};
use crate::outbox::Responder;
use crate::viewer::{Viewer, ViewerKey};

impl Session {
    /// One turn: the snapshot is taken, the reply is queued, and the viewer gets what follows.
    pub(super) async fn attach(&mut self, attach: Attach) {
        let key = ViewerKey { connection: attach.requester.connection, number: attach.viewer };
        // Its going was told already, or will be in vain: nobody would take the viewer away again.
        if attach.requester.outbox.is_shut() {
            return attach.reply.error(Code::StreamNotConnected, "the connection that was to watch is gone");
        }
        if self.viewers.people.bars(&attach) {
            return attach.reply.error(Code::Barred, "you were shown out of this session");
        }
        self.viewers.all.retain(|viewer| viewer.key != key);
        if self.viewers.all.len() >= VIEWERS {
            let message = format!("Limit reached: session {} has {VIEWERS} viewers", self.id());
            return attach.reply.error(Code::LimitReached, message);
        }
        let end = self.screen.ring.end();
        let resume = attach.from.filter(|from| attach.viewer.is_some() && self.screen.ring.replays(*from));
        let id = self.viewers.people.next_id();
        let viewer = Viewer::new(&attach, id, resume.unwrap_or(end), self.viewers.room.clone());
        let snapshot = match (attach.viewer, resume) {
            (_, Some(_)) => None,
            (Some(_), None) => Some(self.numbered_snapshot(attach.scrollback)),
            (None, None) => Some(self.seed_snapshot()),
        };
        let (write, about) = (attach.write, attach.about);
        attach.reply.ok(OkReply {
            session: Some(self.id()),
            snapshot,
            pos: attach.viewer.map(|_| resume.unwrap_or(end)),
            viewer_id: about.as_ref().and(attach.viewer).map(|_| id),
            ..OkReply::default()
        });
        if write && !self.keyboard_is_given() {
            self.viewers.size_owner = Some(key);
        } else if self.viewers.size_owner == Some(key) {
            self.viewers.size_owner = None;
        }
        self.tell_newcomer(&viewer);
        self.tell_newcomer_of_dial(&viewer);
        self.tell_newcomer_of_commands(&viewer);
        self.tell_newcomer_of_limits(&viewer);
        self.touch();
        self.tell_newcomer_of_end(&viewer);
        self.viewers.all.push(viewer);
        self.life.attached_at = Timestamp::now();
        self.keyboard_comes_back().await;
        self.tell_keyboard(self.viewers.all.len() - 1);
        self.tell_arrival(self.viewers.all.len() - 1);
        let client = attach.requester.client;
        self.happened(Viewing::Attached { client, write, about }).await;
    }

    /// What everybody there was told already.
    fn tell_newcomer(&self, viewer: &Viewer) {
        let text = match &self.recording.last {
            State::Recording => return,
            State::Stalled { reason } => format!("the recording cannot be written at the moment: {reason}"),
            State::Failed { reason } => format!("this session is not recorded: {reason}"),
        };
        viewer.notify(self.id(), "recording", &text);
    }

    /// Whoever asked for limits should know which there are not.
    fn tell_newcomer_of_limits(&self, viewer: &Viewer) {
        let missing = self.life.bounds.info.iter().flat_map(|info| &info.missing);
        let missing: Vec<_> = missing.map(|limit| format!("{} ({})", limit.limit, limit.cause)).collect();
        if missing.is_empty() {
            return;
        }
        let list = missing.join(", ");
        let (en, zh) = (format!("limits that do not hold here: {list}"), format!("此处未生效的限制: {list}"));
        let command = CommandNotice { level: "warning".to_owned(), zh, ..CommandNotice::default() };
        viewer.notify_about(self.id(), ("limits", &en), Some(Box::new(command)));
    }

    pub(super) async fn detach(&mut self, leaves: impl Fn(&Viewer) -> bool) {
        let gone: Vec<Viewer> = self.viewers.all.extract_if(.., |viewer| leaves(viewer)).collect();
        if gone.is_empty() {
            return;
        }
        if self.viewers.all.is_empty() {
            self.life.alone_since = self.config.clock.now();
        }
        self.tell_departures(&gone);
        for viewer in gone {
            if self.viewers.size_owner == Some(viewer.key) {
                self.viewers.size_owner = None;
            }
            self.happened(Viewing::Detached { client: viewer.who.client }).await;
        }
        self.keyboard_comes_back().await;
    }

    pub(super) fn acknowledge(&mut self, ack: Acknowledge) {
        if let Some(viewer) = self.viewers.all.iter_mut().find(|viewer| viewer.key == ack.key) {
            viewer.acknowledge(ack.pos);
        }
    }

    pub(super) async fn resize(&mut self, resize: Resize) {
        let Resize { connection, viewer: number, cols, rows, reply } = resize;
        let id = self.id();
        let key = ViewerKey { connection, number };
        if let Some(viewer) = self.viewers.all.iter_mut().find(|viewer| viewer.key == key) {
            if !viewer.write {
                return reply.error(Code::ReadOnly, "this viewer only watches; it cannot resize");
            }
            viewer.size = Some((cols, rows));
        } else if number.is_some() {
            return reply.error(Code::NotFound, format!("Not found: viewer of session {id}"));
        }
        if self.life.ended.is_some() {
            return reply.error(Code::SessionTerminating, format!("Session {id} has ended"));
        }
        // A client of the first protocol resizes whenever it likes; ours when it owns the size.
        let owner = self.viewers.size_owner;
        if number.is_none() || owner.is_none() || owner == Some(key) {
            if number.is_some() {
                self.viewers.size_owner = Some(key);
            }
            self.apply_size(cols, rows).await;
        }
        reply.session(id);
    }

    pub(super) async fn apply_size(&mut self, cols: u16, rows: u16) {
        let wanted = bastide_vt::Size { cols, rows };
        let Some(backend) = &self.backend else { return };
        if self.screen.terminal.size() == wanted {
            return;
        }
        if let Err(error) = backend.resize(cols, rows) {
            tracing::warn!(uid = %self.identity().uid, %error, "terminal was not resized");
            return;
        }
        self.screen.terminal.resize(wanted);
        let pos = self.screen.ring.end();
        if let Some(recorder) = &mut self.recording.recorder {
            recorder.resize(Instant::now(), cols, rows);
        }
        // Whoever is behind sees the rest at the old size first, then the new one.
        self.flush_ring_before_resize();
        self.screen.ring.cut();
        let session = self.id();
        for viewer in &self.viewers.all {
            if let Some(number) = viewer.number().filter(|_| !viewer.lagged) {
                viewer.outbox.event(&Event::Resized(Resized { session, viewer: number, pos, cols, rows }));
            }
        }
        let uid = self.identity().uid;
        self.happenings.tell(Happening::Resized { uid, cols, rows }).await;
    }

    /// A viewer that is behind when the size changes cannot get the rest from the ring any more.
    fn flush_ring_before_resize(&mut self) {
        let id = self.id();
        for index in 0..self.viewers.all.len() {
            let viewer = &mut self.viewers.all[index];
            viewer.catch_up(id, &self.screen.ring, &self.config);
            if !viewer.is_at(self.screen.ring.end()) {
                self.lag(index);
            }
        }
    }

    pub(super) fn snapshot(&mut self, lines: usize, reply: Responder) {
        let snapshot = self.numbered_snapshot(lines);
        let session = Some(self.id());
        let pos = snapshot.pos;
        reply.ok(OkReply { session, snapshot: Some(snapshot), pos, ..OkReply::default() });
    }

    /// Our form: `restore` and its position.
    pub(super) fn numbered_snapshot(&mut self, lines: usize) -> Snapshot {
        let scrollback = match lines {
            0 => bastide_vt::Scrollback::None,
            usize::MAX => bastide_vt::Scrollback::All,
            lines => bastide_vt::Scrollback::Lines(lines),
        };
        let taken = self.screen.terminal.snapshot(scrollback);
        Snapshot {
            cols: taken.size.cols,
            rows: taken.size.rows,
            cursor_x: taken.cursor.x,
            cursor_y: taken.cursor.y,
            modes: wire_modes(taken.modes),
            cwd: taken.cwd.or_else(|| self.process_directory()),
            title: taken.title,
            pos: Some(self.screen.ring.end()),
            restore: Some(taken.restore),
            ..Snapshot::default()
        }
    }

    /// The first protocol's form: `content` and `rehydrate`, and no key that it does not know.
    fn seed_snapshot(&mut self) -> Snapshot {
        let taken = self.screen.terminal.seed_snapshot(SEED_SCROLLBACK);
        let terminal = &self.screen.terminal;
        let (size, cursor) = (terminal.size(), terminal.cursor());
        Snapshot {
            content: taken.content,
            rehydrate: taken.rehydrate,
            cols: size.cols,
            rows: size.rows,
            cursor_x: cursor.x,
            cursor_y: cursor.y,
            modes: wire_modes(terminal.modes()),
            ..Snapshot::default()
        }
    }

    fn process_directory(&self) -> Option<String> {
        let directory = bastide_pty::cwd_of(self.backend.as_ref()?.local()?.pid())?;
        Some(directory.to_string_lossy().into_owned())
    }

    pub(super) fn describe(&self) -> SessionInfo {
        let identity = self.identity();
        let size = self.screen.terminal.size();
        SessionInfo {
            id: identity.id,
            pid: identity.pid,
            pts: identity.pts.clone(),
            is_alive: self.life.ended.is_none(),
            created_at: identity.created.as_second().to_string(),
            last_attached_at: self.life.attached_at.as_second().to_string(),
            uid: Some(identity.uid),
            name: identity.name.clone(),
            control: self.guard.as_ref().map(|guard| Box::new(guard.describe())),
            limits: self.life.bounds.info.clone().map(Box::new),
            barred: self.viewers.people.barred().to_vec(),
            detail: Some(SessionDetail {
                cols: size.cols,
                rows: size.rows,
                title: self.screen.terminal.title().map(str::to_owned),
                cwd: self.screen.terminal.cwd().map(str::to_owned).or_else(|| self.process_directory()),
                command: identity.command.clone(),
                account: identity.account.clone(),
                user: identity.user.clone(),
                pos: self.screen.ring.end(),
                viewers: self.viewers.all.iter().map(|viewer| self.viewer_info(viewer)).collect(),
                recording: self.recording_info(),
                exit: self.life.ended.as_ref().map(|ended| ended.status),
                remote: identity.remote.clone().map(|remote| {
                    let connecting = self.dialling.is_some();
                    RemoteInfo { connecting, ..remote }
                }),
            }),
        }
    }

    fn recording_info(&self) -> RecordingInfo {
        let (state, reason) = match (&self.recording.recorder, &self.recording.last) {
            (_, State::Failed { reason }) => ("failed", Some(reason.clone())),
            (Some(_), State::Recording) => ("recording", None),
            (Some(_), State::Stalled { reason }) => ("stalled", Some(reason.clone())),
            (None, _) if self.identity().recording.is_some() => ("closed", None),
            (None, _) => ("off", None),
        };
        RecordingInfo { state: state.to_owned(), reason, file: self.identity().recording.clone() }
    }
}

fn wire_modes(modes: bastide_vt::Modes) -> Modes {
    Modes {
        application_cursor: modes.application_cursor,
        bracketed_paste: modes.bracketed_paste,
        mouse_tracking: modes.mouse_tracking,
        mouse_sgr: modes.mouse_sgr,
        focus_reporting: modes.focus_reporting,
        alternate_screen: modes.alternate_screen,
        cursor_visible: modes.cursor_visible,
        auto_wrap: modes.auto_wrap,
    }
}
