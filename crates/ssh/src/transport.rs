//! The stream under a connection: notes that the other side spoke, and can be cut from outside.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::sync::Notify;

/// Signs of life of one connection, and its end.
#[derive(Debug, Default)]
pub(crate) struct Pulse {
    heard: AtomicBool,
    cut: AtomicBool,
    /// Who waits in a read and in a write.
    reader: Mutex<Option<Waker>>,
    writer: Mutex<Option<Waker>>,
    cutting: Notify,
    gone: AtomicBool,
    going: Notify,
}

impl Pulse {
    /// Whether anything arrived since the last call.
    pub(crate) fn heard(&self) -> bool {
        self.heard.swap(false, Ordering::Relaxed)
    }

    /// Ends the stream: reads and writes fail from now on, those that wait included.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        self.cutting.notify_waiters();
        for waiting in [&self.reader, &self.writer] {
            if let Some(waker) = waiting.lock().unwrap_or_else(PoisonError::into_inner).take() {
                waker.wake();
            }
        }
    }

    pub(crate) fn was_cut(&self) -> bool {
        self.cut.load(Ordering::Acquire)
    }

    /// Until nobody holds the stream any more; cancel-safe.
    pub(crate) async fn gone(&self) {
        let mut going = std::pin::pin!(self.going.notified());
        going.as_mut().enable();
        if !self.gone.load(Ordering::Acquire) {
            going.await;
        }
    }

    /// Until [`Self::cut`]; cancel-safe.
    pub(crate) async fn is_cut(&self) {
        let mut cutting = std::pin::pin!(self.cutting.notified());
        cutting.as_mut().enable();
        if !self.cut.load(Ordering::Acquire) {
            cutting.await;
        }
    }

    /// Whether it is cut; if not, `waker` is woken when it is. First the waker, then the flag: a cut in between
    /// wakes this very wait.
    fn is_cut_for(&self, waiting: &Mutex<Option<Waker>>, waker: &Waker) -> bool {
        let mut slot = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if !slot.as_ref().is_some_and(|old| old.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
        drop(slot);
        self.cut.load(Ordering::Acquire)
    }
}

/// Read at once. The library asks for a message's length, for its rest, and then for the next length, which is
/// mostly not there yet: one call of the kernel instead of three for a key's echo.
const AHEAD: usize = 4 * 1024;

#[derive(Debug)]
pub(crate) struct Transport<S> {
    stream: BufReader<S>,
    pulse: Arc<Pulse>,
}

impl<S: AsyncRead> Transport<S> {
    pub(crate) fn new(stream: S, pulse: Arc<Pulse>) -> Self {
        Self { stream: BufReader::with_capacity(AHEAD, stream), pulse }
    }
}

impl<S> Drop for Transport<S> {
    fn drop(&mut self) {
        self.pulse.gone.store(true, Ordering::Release);
        self.pulse.going.notify_waiters();
    }
}

fn was_cut() -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, "ended from this side")
}

impl<S: AsyncRead + Unpin> AsyncRead for Transport<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.pulse.is_cut_for(&self.pulse.reader, context.waker()) {
            return Poll::Ready(Err(was_cut()));
        }
        let polled = Pin::new(&mut self.stream).poll_read(context, buf);
        if polled.is_ready() {
            self.pulse.heard.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Transport<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.pulse.is_cut_for(&self.pulse.writer, context.waker()) {
            return Poll::Ready(Err(was_cut()));
        }
        Pin::new(&mut self.stream).poll_write(context, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
