//! One channel of a connection: what has arrived and was not read yet, and how it ended.

use std::collections::VecDeque;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::sync::Notify;

/// So much may wait for a reader. Then the whole connection is not read any more, and with it the other channels in
/// it: `russh` opens the window again before the bytes are read here, so there is no other way to slow one channel.
/// 1 MB keeps a reader that pauses for a moment from being felt by the others.
const MAX_WAITING: usize = 1024 * 1024;

/// An emptied buffer that has grown beyond this gives its memory back.
const KEEP: usize = 16 * 1024;

/// From the exit status to the end of the channel: what the program's children write may still come. RFC 4254
/// leaves open how long; a shell's channel closes at once.
const CLOSE_AFTER_EXIT: Duration = Duration::from_secs(2);

/// How a shell or a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    Status(u32),
    /// The signal's name without `SIG`, RFC 4254 section 6.10.
    Signal(String),
    /// The server closed the channel in good order and did not say how the program ended; many devices do so.
    Unsaid,
    /// The connection or the channel is gone; why, in one clause.
    Lost(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stream {
    Output,
    Error,
}

#[derive(Debug, Default)]
pub(crate) struct Inbox {
    state: Mutex<State>,
    /// Something changed for the reading side.
    news: Notify,
    /// Nothing more will come, or nobody reads any more. Apart from `news`, so that output wakes its reader alone.
    over: Notify,
    /// Something changed for the connection, which waits in [`Inbox::deliver`].
    room: Notify,
}

#[derive(Debug, Default)]
struct State {
    output: BytesMut,
    error: BytesMut,
    /// Answers to requests, in their order.
    replies: VecDeque<bool>,
    exit: Option<Exit>,
    /// No more bytes will come; how it ended may.
    eof: bool,
    /// Nothing more will come.
    ended: bool,
    /// Nor does the server wait for anything: it has closed the channel, or the connection is gone.
    over: bool,
    /// Nobody reads any more.
    abandoned: bool,
}

impl Inbox {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// By the connection: bytes have come. Waits while too much is unread; false when it had to wait.
    pub(crate) fn deliver(&self, stream: Stream, bytes: &[u8]) -> bool {
        let mut state = self.state();
        if state.abandoned || state.ended {
            return true;
        }
        match stream {
            Stream::Output => state.output.extend_from_slice(bytes),
            Stream::Error => state.error.extend_from_slice(bytes),
        }
        let fits = state.output.len() + state.error.len() <= MAX_WAITING;
        drop(state);
        self.news.notify_waiters();
        fits
    }

    /// By the connection: until there is room, or nobody reads any more.
    pub(crate) async fn has_room(&self) {
        loop {
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            {
                let state = self.state();
                if state.abandoned || state.ended || state.output.len() + state.error.len() <= MAX_WAITING {
                    return;
                }
            }
            room.await;
        }
    }

    pub(crate) fn reply(&self, granted: bool) {
        self.state().replies.push_back(granted);
        self.news.notify_waiters();
    }

    pub(crate) fn exited(&self, exit: Exit) {
        self.state().exit.get_or_insert(exit);
        self.news.notify_waiters();
    }

    /// By the connection: no more bytes will come.
    pub(crate) fn eof(&self) {
        self.state().eof = true;
        self.news.notify_waiters();
    }

    /// Nothing more will come: closed by the server, or `lost`.
    pub(crate) fn end(&self, lost: Option<&str>) {
        let mut state = self.state();
        if !state.ended {
            state.ended = true;
            let exit = lost.map_or(Exit::Unsaid, |why| Exit::Lost(why.to_owned()));
            state.exit.get_or_insert(exit);
        }
        state.over = true;
        drop(state);
        self.news.notify_waiters();
        self.over.notify_waiters();
        self.room.notify_waiters();
    }

    /// From this side: nothing is read any more, and the server has yet to be told.
    pub(crate) fn close(&self) {
        {
            let mut state = self.state();
            state.ended = true;
            state.exit.get_or_insert_with(|| Exit::Lost("closed from this side".to_owned()));
        }
        self.abandon();
    }

    /// Nobody reads any more: what comes is thrown away.
    pub(crate) fn abandon(&self) {
        let mut state = self.state();
        state.abandoned = true;
        state.output = BytesMut::new();
        state.error = BytesMut::new();
        drop(state);
        self.room.notify_waiters();
        self.news.notify_waiters();
        self.over.notify_waiters();
    }

    /// Takes output; `WouldBlock` when there is none yet, 0 at the end.
    pub(crate) fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state();
        if state.output.is_empty() {
            return if state.ended || state.abandoned {
                Ok(0)
            } else {
                Err(io::ErrorKind::WouldBlock.into())
            };
        }
        let n = buf.len().min(state.output.len());
        buf[..n].copy_from_slice(&state.output[..n]);
        state.output.advance(n);
        if state.output.is_empty() && state.output.capacity() > KEEP {
            state.output = BytesMut::new();
        }
        drop(state);
        self.room.notify_waiters();
        Ok(n)
    }

    /// Until [`Self::try_read`] has bytes or the end; cancel-safe.
    pub(crate) async fn readable(&self) {
        self.until(|state| (!state.output.is_empty() || state.ended || state.abandoned).then_some(())).await;
    }

    /// All that waits of both streams; `None` at the end. Cancel-safe.
    pub(crate) async fn take(&self) -> Option<(BytesMut, BytesMut)> {
        let taken = self
            .until(|state| {
                if state.output.is_empty() && state.error.is_empty() {
                    return state.ended.then_some(None);
                }
                Some(Some((std::mem::take(&mut state.output), std::mem::take(&mut state.error))))
            })
            .await;
        self.room.notify_waiters();
        taken
    }

    /// As [`Self::take`], and `None` also when the server has said that no more bytes will come. Cancel-safe.
    pub(crate) async fn take_to_eof(&self) -> Option<(BytesMut, BytesMut)> {
        let taken = self
            .until(|state| {
                if state.output.is_empty() && state.error.is_empty() {
                    return (state.eof || state.ended).then_some(None);
                }
                Some(Some((std::mem::take(&mut state.output), std::mem::take(&mut state.error))))
            })
            .await;
        self.room.notify_waiters();
        taken
    }

    /// The answer to the next request; `None` when the channel ended instead.
    pub(crate) async fn next_reply(&self) -> Option<bool> {
        self.until(|state| match state.replies.pop_front() {
            Some(reply) => Some(Some(reply)),
            None => state.ended.then_some(None),
        })
        .await
    }

    /// How it ended; waits for the end of the channel, and a moment only once the program has exited. Cancel-safe.
    pub(crate) async fn exit(&self) -> Exit {
        let exit = self.until(|state| state.exit.clone()).await;
        // When it takes longer, the status is known all the same.
        let ended = self.until(|state| state.ended.then_some(()));
        let _ = tokio::time::timeout(CLOSE_AFTER_EXIT, ended).await;
        exit
    }

    /// Why it was lost, when it was.
    pub(crate) fn lost(&self) -> Option<String> {
        match &self.state().exit {
            Some(Exit::Lost(why)) => Some(why.clone()),
            _ => None,
        }
    }

    /// Until nothing more will come or nobody reads any more; cancel-safe.
    pub(crate) async fn ended(&self) {
        loop {
            let mut over = std::pin::pin!(self.over.notified());
            over.as_mut().enable();
            if self.is_of_no_use() {
                return;
            }
            over.await;
        }
    }

    fn is_of_no_use(&self) -> bool {
        let state = self.state();
        state.ended || state.abandoned
    }

    /// Whether the server knows already that it is over.
    pub(crate) fn is_over(&self) -> bool {
        self.state().over
    }

    async fn until<T>(&self, mut found: impl FnMut(&mut State) -> Option<T>) -> T {
        loop {
            let mut news = std::pin::pin!(self.news.notified());
            news.as_mut().enable();
            if let Some(value) = found(&mut self.state()) {
                return value;
            }
            news.await;
        }
    }
}
