//! From viewers to the backend.

use std::io;
use std::time::Instant;

use bastide_wire::Code;
use bytes::Bytes;

use super::Session;
use crate::backend::Backend;
use crate::command::{EndReason, Input};
use crate::config::{INPUT_WAIT, KEY_BYTES, REPLY_WITH_OUTPUT, WAITING_INPUTS};
use crate::guard::Door;
use crate::guard::watched::PENDING;
use crate::viewer::ViewerKey;

impl Session {
    /// A frame of input is taken whole or refused whole.
    pub(super) async fn input(&mut self, mut input: Input) {
        let id = self.id();
        if self.life.ending.is_some() || !self.runs() {
            return input
                .reply
                .error(Code::SessionTerminating, format!("Session {id} is ending or has ended"));
        }
        let key = ViewerKey { connection: input.connection, number: input.viewer };
        let index = self.viewers.all.iter().position(|viewer| viewer.key == key);
        let may_type = match index {
            Some(index) => self.may_type(&self.viewers.all[index]),
            // Whoever types from outside goes by the same rule.
            None => input.viewer.is_some() || !self.keyboard_is_given(),
        };
        if !may_type {
            return input.reply.error(Code::ReadOnly, self.why_not());
        }
        match index.map(|index| &mut self.viewers.all[index]) {
            Some(viewer) => {
                let filtered = viewer.filter.filter(&input.data, Instant::now());
                if filtered.len() != input.data.len() || filtered.as_ref() != input.data.as_ref() {
                    input.data = Bytes::copy_from_slice(&filtered);
                }
            }
            None if input.viewer.is_some() => {
                return input.reply.error(Code::NotFound, format!("Not found: viewer of session {id}"));
            }
            None => {}
        }
        if let Some(index) = index {
            self.own_size(index).await;
            self.note_typist(index).await;
        }
        self.accept(input);
        self.write(Ok(()));
        self.touch();
    }

    /// Who types owns the size.
    async fn own_size(&mut self, index: usize) {
        let viewer = &self.viewers.all[index];
        // Who was given the keyboard types on the screen of those who gave it.
        if self.viewers.size_owner == Some(viewer.key) || !viewer.write {
            return;
        }
        self.viewers.size_owner = Some(viewer.key);
        if let Some((cols, rows)) = viewer.size {
            self.apply_size(cols, rows).await;
        }
    }

    fn accept(&mut self, input: Input) {
        let length = input.data.len();
        let limit = self.typed.queue.limit();
        if self.typed.waiting.is_empty() && self.fits(length) {
            return self.take(input);
        }
        let waiting: usize = self.typed.waiting.iter().map(|(input, _)| input.data.len()).sum();
        if input.patient && waiting + length <= limit && self.typed.waiting.len() < WAITING_INPUTS {
            let until = Instant::now() + INPUT_WAIT;
            self.typed.waiting.push_back((input, until));
            return;
        }
        self.refuse(input);
    }

    /// Where the screen is watched, what is typed waits there.
    fn fits(&self, length: usize) -> bool {
        let watched = match self.guard.as_ref().map(|guard| &guard.door) {
            Some(Door::Watched { screen, .. }) => screen.pending(),
            _ => 0,
        };
        (watched == 0 || watched + length <= PENDING) && self.typed.queue.fits(watched + length)
    }

    /// To the backend, or to who looks at it first.
    fn put(&mut self, data: Bytes) {
        match self.guard.as_mut().map(|guard| &mut guard.door) {
            Some(Door::Watched { screen, .. }) => {
                if let Some(review) = screen.on_input(&data) {
                    self.typed.given_up.push(review);
                }
            }
            _ => self.typed.queue.push(data),
        }
    }

    fn take(&mut self, input: Input) {
        self.record_input(&input.data);
        let session = self.id();
        let key = input.patient && input.viewer.is_some() && input.data.len() <= KEY_BYTES;
        self.put(input.data);
        // One at a time: who types on without an answer is answered at once.
        if key && self.typed.unsaid.is_none() {
            self.typed.unsaid = Some(input.reply.session_soon(session));
            self.typed.say_at.get_or_insert_with(|| Instant::now() + REPLY_WITH_OUTPUT);
        } else {
            input.reply.session(session);
        }
    }

    /// Forgets the reply that has gone with something else to the same client.
    pub(super) fn replies_gone_with_output(&mut self) {
        self.typed.unsaid.take_if(|outbox| !outbox.holds_back());
    }

    /// Nothing came that the reply could go with.
    pub(super) fn say_unsaid(&mut self, now: Instant) {
        if self.typed.say_at.take_if(|at| *at <= now).is_some()
            && let Some(outbox) = self.typed.unsaid.take()
        {
            outbox.go_on();
        }
    }

    fn refuse(&self, input: Input) {
        let queue = &self.typed.queue;
        let message = format!(
            "Limit reached: input queue limit exceeded for session {} ({} > {})",
            self.id(),
            queue.bytes() + input.data.len(),
            queue.limit()
        );
        input.reply.error(Code::LimitReached, message);
    }

    /// What is typed is recorded only where the spec says so, and never while the terminal hides it.
    fn record_input(&mut self, data: &[u8]) {
        if !self.recording.input || self.backend.as_ref().is_none_or(Backend::hides_typing) {
            return;
        }
        if let Some(recorder) = &mut self.recording.recorder {
            recorder.input(Instant::now(), data);
        }
    }

    /// Writes what the terminal takes, and lets waiting frames in.
    pub(super) fn write(&mut self, ready: io::Result<()>) {
        let Some(backend) = &self.backend else { return };
        if let Err(error) = ready.and_then(|()| self.typed.queue.write(backend)) {
            // The program has closed its terminal; its end will be seen by itself.
            tracing::debug!(uid = %self.identity().uid, %error, "input was not taken");
            self.typed.queue.clear();
        }
        while let Some((input, _)) = self.typed.waiting.front() {
            if !self.fits(input.data.len()) {
                return;
            }
            let Some((input, _)) = self.typed.waiting.pop_front() else { return };
            self.take(input);
        }
    }

    /// Refuses the frames that have waited long enough.
    pub(super) fn refuse_late_input(&mut self, now: Instant) {
        while let Some((_, until)) = self.typed.waiting.front() {
            if *until > now {
                return;
            }
            if let Some((input, _)) = self.typed.waiting.pop_front() {
                self.refuse(input);
            }
        }
    }

    /// Nothing will be read any more.
    pub(super) fn refuse_all_input(&mut self) {
        self.typed.queue.clear();
        let id = self.id();
        for (input, _) in self.typed.waiting.drain(..) {
            input.reply.error(Code::SessionTerminating, format!("Session {id} has ended"));
        }
    }

    /// The part of an answer that turned out to be typed goes on its way.
    pub(super) fn release_held_input(&mut self, now: Instant) {
        for index in 0..self.viewers.all.len() {
            let released = self.viewers.all[index].filter.flush(now);
            if released.is_empty() {
                continue;
            }
            match self.typed.waiting.back_mut() {
                // Not before what was typed earlier.
                Some((input, _)) => input.data = [input.data.as_ref(), &released].concat().into(),
                None => {
                    self.record_input(&released);
                    self.put(Bytes::copy_from_slice(&released));
                }
            }
        }
        self.write(Ok(()));
    }

    /// The terminal failed under the session.
    pub(super) async fn fail(&mut self, error: &io::Error) {
        tracing::warn!(uid = %self.identity().uid, %error, "terminal cannot be read or written");
        self.begin_end(EndReason::Ended(format!("its terminal failed: {error}")), false).await;
    }
}
