//! One attachment to a session, and what may wait for it.
//!
//! Two forms. A client of the first protocol has one viewer per session and connection; it counts
//! chunks. Ours number their viewers and give credit in bytes; such a viewer may fall behind the
//! live output and catches up from the ring, so a chunk never has to be held for it.

use std::sync::Arc;
use std::time::Instant;

use bastide_vt::ReplyFilter;
use bastide_wire::Event;
use bastide_wire::control::CommandNotice;
use bastide_wire::event::{BackpressureWarning, Notice};
use bastide_wire::together::About;
use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::Notify;

use crate::command::Attach;
use crate::config::{Config, DEFAULT_CREDIT, TURN_BYTES};
use crate::outbox::{Gauge, Outbox};
use crate::ring::Ring;

/// Names a viewer: its connection, and its number there (none in the first protocol).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ViewerKey {
    pub connection: u64,
    pub number: Option<u32>,
}

#[derive(Debug)]
pub(crate) enum Form {
    /// `acks`: it has shown that it understands warnings. `warned`: what it was last told.
    Seed { acks: bool, warned: Warned },
    /// Everything before `next` was sent, everything before `acked` was taken.
    Numbered { number: u32, credit: u64, next: u64, acked: u64 },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Warned {
    Green,
    Yellow,
    Red,
}

pub(crate) struct Viewer {
    pub(crate) key: ViewerKey,
    pub(crate) who: Who,
    /// It attached to type. Whether it may now: [`crate::actor::Session::may_type`].
    pub(crate) write: bool,
    /// Its connection knows questions.
    answers: bool,
    pub(crate) outbox: Outbox,
    pub(crate) gauge: Arc<Gauge>,
    pub(crate) form: Form,
    pub(crate) lagged: bool,
    pub(crate) exit_sent: bool,
    /// The size it last asked for.
    pub(crate) size: Option<(u16, u16)>,
    pub(crate) filter: ReplyFilter,
    /// Since when it has been full without taking anything, and the progress it had made then.
    pub(crate) stalled: Option<(Instant, u64)>,
}

/// Who looks.
pub(crate) struct Who {
    /// Names the viewer in its session; given once.
    pub(crate) id: u64,
    pub(crate) client: Option<String>,
    /// None for a client that knows nothing of several people in one session.
    pub(crate) about: Option<About>,
    pub(crate) since: Timestamp,
    /// Wants the keyboard.
    pub(crate) asks: bool,
}

impl Who {
    /// The person, where it is known who that is.
    pub(crate) fn person(&self) -> Option<&str> {
        self.about.as_ref()?.user.as_deref()
    }

    /// As others are shown.
    pub(crate) fn name(&self) -> &str {
        self.client.as_deref().unwrap_or("somebody")
    }
}

/// What became of output offered to a viewer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    Taken,
    /// Part of it waits in the ring.
    Behind,
    /// The ring no longer holds what the viewer needs, or its queue is full.
    Overrun,
}

impl Viewer {
    pub(crate) fn new(attach: &Attach, id: u64, pos: u64, wake: Arc<Notify>) -> Self {
        let requester = &attach.requester;
        let form = match attach.viewer {
            None => Form::Seed { acks: false, warned: Warned::Green },
            Some(number) => {
                let credit = u64::from(attach.credit.unwrap_or(DEFAULT_CREDIT).max(1));
                Form::Numbered { number, credit, next: pos, acked: pos }
            }
        };
        Self {
            key: ViewerKey { connection: requester.connection, number: attach.viewer },
            who: Who {
                id,
                client: requester.client.clone(),
                about: attach.about.clone(),
                since: Timestamp::now(),
                asks: false,
            },
            write: attach.write,
            answers: requester.prompts,
            outbox: requester.outbox.clone(),
            gauge: Gauge::new(wake),
            form,
            lagged: false,
            exit_sent: false,
            size: None,
            filter: ReplyFilter::default(),
            stalled: None,
        }
    }

    pub(crate) fn number(&self) -> Option<u32> {
        self.key.number
    }

    /// True when it is asked what a person has to answer.
    pub(crate) fn may_answer(&self) -> bool {
        self.write && self.answers && self.number().is_some()
    }

    fn queue_is_full(&self, config: &Config) -> bool {
        self.gauge.bytes() >= config.viewer_queue_bytes
            || (matches!(self.form, Form::Seed { .. }) && self.gauge.chunks() >= config.flow_max_chunks)
    }

    /// True when it cannot take more now, with the output at `end`.
    pub(crate) fn is_full(&self, end: u64, config: &Config) -> bool {
        match self.form {
            Form::Seed { .. } => self.queue_is_full(config),
            Form::Numbered { next, .. } => next < end || self.queue_is_full(config),
        }
    }

    /// True when everything sent has been taken: a lagged viewer can start anew.
    pub(crate) fn has_caught_up(&self) -> bool {
        match self.form {
            Form::Seed { .. } => self.gauge.chunks() == 0,
            Form::Numbered { next, acked, .. } => acked >= next && self.gauge.chunks() == 0,
        }
    }

    /// True when everything up to `end` has been sent.
    pub(crate) fn is_at(&self, end: u64) -> bool {
        match self.form {
            Form::Seed { .. } => true,
            Form::Numbered { next, .. } => next == end,
        }
    }

    /// Sends `data`, the newest output, which ends at the ring's end.
    pub(crate) fn offer(&mut self, session: u32, data: &Bytes, ring: &Ring, config: &Config) -> Offer {
        if self.lagged {
            return Offer::Taken;
        }
        let full = self.queue_is_full(config);
        match &mut self.form {
            Form::Seed { .. } => {
                if full {
                    return Offer::Overrun;
                }
                self.outbox.output(session, None, data.clone(), &self.gauge);
                Offer::Taken
            }
            Form::Numbered { number, credit, next, acked } => {
                let start = ring.end() - data.len() as u64;
                if *next == start && *next - *acked + data.len() as u64 <= *credit && !full {
                    self.outbox.output(session, Some((*number, *next)), data.clone(), &self.gauge);
                    *next = ring.end();
                    return Offer::Taken;
                }
                self.catch_up(session, ring, config)
            }
        }
    }

    /// As [`Self::catch_up`]; when its queue is what it waits for, the next write wakes the session.
    pub(crate) fn serve(&mut self, session: u32, ring: &Ring, config: &Config) -> Offer {
        let offer = self.catch_up(session, ring, config);
        if offer != Offer::Behind || !self.queue_is_full(config) {
            return offer;
        }
        // Asked for before the second try, so that a write in between is not missed.
        self.gauge.await_write();
        self.catch_up(session, ring, config)
    }

    /// Sends as much of what it missed as its credit allows.
    pub(crate) fn catch_up(&mut self, session: u32, ring: &Ring, config: &Config) -> Offer {
        if self.lagged {
            return Offer::Taken;
        }
        loop {
            if self.is_at(ring.end()) {
                return Offer::Taken;
            }
            let full = self.queue_is_full(config);
            let Form::Numbered { number, credit, next, acked } = &mut self.form else {
                return Offer::Taken;
            };
            if !ring.holds(*next) {
                return Offer::Overrun;
            }
            let room = credit.saturating_sub(*next - *acked);
            if room == 0 || full {
                return Offer::Behind;
            }
            let most = usize::try_from(room).unwrap_or(usize::MAX).min(TURN_BYTES);
            let data = ring.read(*next, most);
            let pos = *next;
            *next += data.len() as u64;
            self.outbox.output(session, Some((*number, pos)), data, &self.gauge);
        }
    }

    /// Words for the person there. Clients of the first protocol have no place for them.
    pub(crate) fn notify(&self, session: u32, kind: &str, text: &str) {
        self.notify_about(session, (kind, text), None);
    }

    /// With what a notice of kind `command` says beside its text.
    pub(crate) fn notify_about(
        &self,
        session: u32,
        (kind, text): (&str, &str),
        command: Option<Box<CommandNotice>>,
    ) {
        if let Some(number) = self.number() {
            self.outbox.event(&Event::Notice(Notice {
                session,
                viewer: Some(number),
                kind: kind.to_owned(),
                text: text.to_owned(),
                command,
            }));
        }
    }

    /// Notes progress. Positions outside what was sent are a client's mistake and change nothing.
    pub(crate) fn acknowledge(&mut self, pos: Option<u64>) {
        match &mut self.form {
            Form::Seed { acks, .. } => *acks = true,
            Form::Numbered { next, acked, .. } => {
                if let Some(pos) = pos.filter(|pos| (*acked..=*next).contains(pos)) {
                    *acked = pos;
                    self.stalled = None;
                }
            }
        }
    }

    /// Begins anew at `pos`, after a snapshot.
    pub(crate) fn restart(&mut self, pos: u64) {
        self.lagged = false;
        self.stalled = None;
        if let Form::Numbered { next, acked, .. } = &mut self.form {
            (*next, *acked) = (pos, pos);
        }
    }

    /// Tells a client of the first protocol, once per crossing, how full its queue is.
    pub(crate) fn warn(&mut self, session: u32, config: &Config) {
        let waiting = self.gauge.chunks();
        let level = if self.queue_is_full(config) {
            Warned::Red
        } else if waiting > config.flow_threshold {
            Warned::Yellow
        } else {
            Warned::Green
        };
        let Form::Seed { acks: true, warned } = &mut self.form else { return };
        let worse = level > *warned;
        *warned = level;
        if worse {
            let level = if level == Warned::Red { "red" } else { "yellow" }.to_owned();
            self.outbox.event(&Event::BackpressureWarning(BackpressureWarning {
                session,
                queue_size: waiting,
                level,
            }));
        }
    }
}
