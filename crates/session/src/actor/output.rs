//! From the backend to recorder, viewers and screen, in this order.

use std::cell::RefCell;
use std::io;
use std::time::Instant;

use bastide_record::State;
use bastide_wire::Event;
use bastide_wire::event::{Exit, Lagged, Resync};
use bastide_wire::spec::Flow;
use bastide_wire::{Code, Reply};
use bytes::Bytes;

use super::Session;
use crate::backend::Backend;
use crate::command::EndReason;
use crate::config::{DRAIN_BYTES, FLOOD_BYTES, PACE_PATIENCE, SEED_SCROLLBACK, TURN_BYTES};
use crate::event::Happening;
use crate::viewer::{Form, Offer};

thread_local! {
    /// One turn's output. A worker thread runs one session at a time and nothing waits while it is
    /// borrowed, so every session of the thread can use the same memory.
    static TURN: RefCell<Box<[u8]>> = RefCell::new(vec![0; TURN_BYTES].into_boxed_slice());
}

/// Lines a lagged viewer of our own gets back with the screen.
const RESYNC_SCROLLBACK: usize = 1000;

impl Session {
    pub(super) async fn read(&mut self, ready: io::Result<()>) {
        if let Err(e) = ready {
            return self.fail(&e).await;
        }
        match self.turn() {
            // A flood: what was published is sent, and others of this thread have their turn, before more
            // is read.
            Ok(read) if read >= FLOOD_BYTES => tokio::task::yield_now().await,
            Ok(_) => {}
            Err(e) => self.fail(&e).await,
        }
    }

    /// Takes the output that is ready, at most one turn of it. `Ok(0)` when there was none or the
    /// terminal's other end is closed.
    fn turn(&mut self) -> io::Result<usize> {
        TURN.with_borrow_mut(|buffer| {
            let Some(backend) = &self.backend else { return Ok(0) };
            let (filled, closed) = fill(backend, buffer)?;
            self.life.output_closed |= closed;
            if filled > 0 {
                self.output(&buffer[..filled]);
            }
            Ok(filled)
        })
    }

    /// One turn of what the terminal still holds after its program has ended. False when that was
    /// all, or enough: something left in the background may go on writing for ever.
    pub(super) fn turn_after_exit(&mut self) -> bool {
        let Ok(read @ 1..) = self.turn() else { return false };
        let Some(exited) = &mut self.life.exited else { return false };
        exited.drained += read;
        exited.drained < DRAIN_BYTES
    }

    fn output(&mut self, data: &[u8]) {
        let now = Instant::now();
        if let Some(recorder) = &mut self.recording.recorder {
            recorder.output(now, data);
        }
        self.screen.ring.push(data);
        self.publish(data);
        self.screen.effects.clear();
        self.screen.terminal.feed(data, &mut self.screen.effects);
        if let Some(guard) = &mut self.guard {
            guard.on_output(now);
        }
        self.answer_queries(now);
        self.report_memory();
        self.touch();
    }

    fn publish(&mut self, data: &[u8]) {
        if self.viewers.all.is_empty() {
            return;
        }
        let id = self.id();
        let data = Bytes::copy_from_slice(data);
        for index in 0..self.viewers.all.len() {
            let viewer = &mut self.viewers.all[index];
            let offer = viewer.offer(id, &data, &self.screen.ring, &self.config);
            viewer.warn(id, &self.config);
            if offer == Offer::Overrun {
                self.drop_behind(index);
            }
        }
    }

    /// The terminal's own answers to what the program asked. Viewers' terminals were asked too;
    /// each one's answer is dropped when it comes.
    fn answer_queries(&mut self, now: Instant) {
        let queries = std::mem::take(&mut self.screen.effects.queries);
        for query in &queries {
            self.screen.ring.note_query();
            self.typed.queue.push_answer(&query.reply);
            for viewer in self.viewers.all.iter_mut().filter(|viewer| viewer.write && !viewer.lagged) {
                viewer.filter.expect(query.kind, now);
            }
        }
        self.screen.effects.queries = queries;
        if !self.screen.effects.queries.is_empty() {
            self.write(Ok(()));
        }
    }

    /// True while the backend is not read because a viewer has no room.
    pub(super) fn is_paced(&mut self) -> bool {
        if self.viewers.flow == Flow::Lag || self.life.ended.is_some() {
            return false;
        }
        let end = self.screen.ring.end();
        let now = Instant::now();
        let mut paced = false;
        for viewer in &mut self.viewers.all {
            let paces = viewer.write && !viewer.lagged;
            if paces && viewer.is_full(end, &self.config) {
                // Asked for before the second look, so that a write in between is not missed.
                viewer.gauge.await_write();
                if viewer.is_full(end, &self.config) {
                    let progress = viewer.gauge.progress();
                    let since =
                        viewer.stalled.filter(|(_, seen)| *seen == progress).map_or(now, |(at, _)| at);
                    viewer.stalled = Some((since, progress));
                    paced = true;
                    continue;
                }
            }
            viewer.stalled = None;
        }
        paced
    }

    /// When the next viewer that holds everything up has had its patience.
    pub(super) fn patience_ends(&self) -> Option<Instant> {
        self.viewers
            .all
            .iter()
            .filter_map(|viewer| viewer.stalled)
            .map(|(since, _)| since + PACE_PATIENCE)
            .min()
    }

    /// Viewers that took nothing for too long stop pacing.
    pub(super) fn give_up_pacing(&mut self, now: Instant) {
        for index in 0..self.viewers.all.len() {
            let viewer = &self.viewers.all[index];
            let over = viewer.stalled.is_some_and(|(since, progress)| {
                now >= since + PACE_PATIENCE && progress == viewer.gauge.progress()
            });
            if over {
                self.drop_behind(index);
            }
        }
    }

    /// What happens to a viewer that cannot be waited for any longer.
    fn drop_behind(&mut self, index: usize) {
        match self.viewers.flow {
            Flow::Disconnect => self.disconnect_slow(index),
            Flow::Pace | Flow::Lag => self.lag(index),
        }
    }

    pub(super) fn lag(&mut self, index: usize) {
        let session = self.id();
        let viewer = &mut self.viewers.all[index];
        viewer.lagged = true;
        viewer.stalled = None;
        if let Form::Numbered { number, next, .. } = viewer.form {
            viewer.outbox.event(&Event::Lagged(Lagged { session, viewer: number, pos: next }));
        }
    }

    fn disconnect_slow(&mut self, index: usize) {
        let id = self.id();
        let viewer = &mut self.viewers.all[index];
        if viewer.lagged {
            return;
        }
        viewer.lagged = true;
        let message = format!("client reads too slowly for session {id}; disconnected as configured");
        viewer.outbox.reply(&Reply::error(0, Code::LimitReached, message));
        viewer.outbox.close_after();
    }

    /// Gives every viewer what it can take: the rest of the ring, a new start after a lag, the end.
    pub(super) fn serve_viewers(&mut self) {
        let id = self.id();
        let end = self.screen.ring.end();
        for index in 0..self.viewers.all.len() {
            let viewer = &mut self.viewers.all[index];
            if viewer.lagged {
                viewer.gauge.await_write();
                if viewer.has_caught_up() {
                    self.resync(index);
                }
            } else if viewer.serve(id, &self.screen.ring, &self.config) == Offer::Overrun {
                self.drop_behind(index);
            }
            let viewer = &mut self.viewers.all[index];
            if let Some(ended) = &self.life.ended
                && !viewer.exit_sent
                && !viewer.lagged
                && viewer.is_at(end)
            {
                viewer.exit_sent = true;
                let numbered = viewer.number();
                viewer.outbox.event(&Event::Exit(Exit {
                    session: id,
                    status: ended.status,
                    viewer: numbered,
                    pos: numbered.map(|_| end),
                }));
            }
        }
    }

    /// A lagged viewer reads again: it goes on from a snapshot.
    fn resync(&mut self, index: usize) {
        let session = self.id();
        let end = self.screen.ring.end();
        let event = match self.viewers.all[index].number() {
            Some(number) => {
                let snapshot = Box::new(self.numbered_snapshot(RESYNC_SCROLLBACK));
                Some(Event::Resync(Resync { session, viewer: number, snapshot }))
            }
            None => None,
        };
        let seed = event.is_none().then(|| self.screen.terminal.seed_snapshot(SEED_SCROLLBACK));
        let viewer = &mut self.viewers.all[index];
        if let Some(event) = event {
            viewer.outbox.event(&event);
        }
        if let Some(seed) = seed {
            let data = format!("\x1bc{}{}", seed.content, seed.rehydrate);
            viewer.outbox.output(session, None, data.into(), &viewer.gauge);
        }
        viewer.restart(end);
    }

    /// Words for the people at the terminal.
    pub(super) fn notify(&self, kind: &str, text: &str) {
        for viewer in &self.viewers.all {
            viewer.notify(self.id(), kind, text);
        }
    }

    pub(super) async fn recorder_changed(&mut self, state: State) {
        if state == self.recording.last {
            return;
        }
        let uid = self.identity().uid;
        let happening = match &state {
            State::Recording => {
                self.notify("recording", "the recording is being written again");
                Happening::RecordingResumed { uid }
            }
            State::Stalled { reason } => {
                self.notify("recording", &format!("the recording cannot be written at the moment: {reason}"));
                Happening::RecordingStalled { uid, why: reason.clone() }
            }
            State::Failed { reason } => Happening::RecordingFailed { uid, why: reason.clone() },
        };
        let failed = matches!(state, State::Failed { .. });
        self.recording.last = state;
        self.happenings.tell(happening).await;
        if failed && self.recording.required {
            self.begin_end(EndReason::RecordingFailed, false).await;
        }
    }

    /// Closes the recording; what is in memory is on disk when this returns, or the log says why not.
    pub(super) async fn close_recording(&mut self) {
        let Some(recorder) = self.recording.recorder.take() else { return };
        let path = recorder.path().to_owned();
        let Err(error) = recorder.close().await else { return };
        tracing::error!(path = %path.display(), %error, "recording was not closed in order");
        if matches!(self.recording.last, State::Failed { .. }) {
            return;
        }
        self.recording.last = State::Failed { reason: error.to_string() };
        self.tell_recording_failed().await;
    }

    /// The log is told why there is no recording, or no whole one.
    pub(super) async fn tell_recording_failed(&mut self) {
        let State::Failed { reason } = &self.recording.last else { return };
        let (uid, why) = (self.identity().uid, reason.clone());
        self.happenings.tell(Happening::RecordingFailed { uid, why }).await;
    }
}

/// Reads until `buffer` is full or nothing is ready; true when the other end is closed.
fn fill(backend: &Backend, buffer: &mut [u8]) -> io::Result<(usize, bool)> {
    let mut filled = 0;
    while filled < buffer.len() {
        match backend.try_read(&mut buffer[filled..]) {
            Ok(0) => return Ok((filled, true)),
            Ok(read) => filled += read,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => break,
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            // What was read counts; the next turn meets the error again.
            Err(_) if filled > 0 => break,
            Err(e) => return Err(e),
        }
    }
    Ok((filled, false))
}
