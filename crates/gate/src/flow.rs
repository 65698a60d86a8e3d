//! How much of what a client sends may wait here.
//!
//! `russh` opens a channel's window again as soon as bytes arrive, so a window does not hold a client back whose
//! server does not read. Two things do: while much waits, windows are opened by little only; and beyond that the
//! socket is not read. There are two exceptions. While output waits for the client's own window, the message that
//! opens it is among the unread ones, so it is read on; with small windows more is not let in by that than goes out.
//! And while a lent agent is asked, its answer is among them; that is given up when too much has come meanwhile.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::Notify;

/// A window as OpenSSH opens it: 2 MB.
pub(crate) const WINDOW: u32 = 2 * 1024 * 1024;
/// While much waits: two messages.
const SMALL_WINDOW: u32 = 64 * 1024;
/// From here on windows are small.
const MUCH: usize = 512 * 1024;
/// From here on the socket is not read.
const TOO_MUCH: usize = 1024 * 1024;
/// A client that sends more than its windows allow while it reads nothing is ended.
const OUTRAGEOUS: usize = 32 * 1024 * 1024;
/// From here on nothing but output keeps the socket being read: far enough from the end for others to let go.
const CROWDED: usize = OUTRAGEOUS / 2;

/// Of one connection.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    waiting: AtomicUsize,
    /// Outputs that wait for the client's window.
    held: AtomicUsize,
    cut: AtomicBool,
    crowded: Notify,
    reader: Mutex<Option<Waker>>,
    writer: Mutex<Option<Waker>>,
}

impl Flow {
    /// So much has come and was not passed on yet. False when it is too much to go on.
    pub(crate) fn came(&self, bytes: usize) -> bool {
        let before = self.waiting.fetch_add(bytes, Ordering::AcqRel);
        let after = before + bytes;
        if before < CROWDED && after >= CROWDED {
            self.crowded.notify_waiters();
        }
        after <= OUTRAGEOUS
    }

    /// Waits until so much waits that whoever has the socket read for longer than a moment has to let go. Cancel-safe.
    pub(crate) async fn crowded(&self) {
        loop {
            // First the wait, then the look: what comes in between ends this very wait.
            let more = self.crowded.notified();
            if self.waiting.load(Ordering::Acquire) >= CROWDED {
                return;
            }
            more.await;
        }
    }

    pub(crate) fn went(&self, bytes: usize) {
        let before = self.waiting.fetch_sub(bytes, Ordering::AcqRel);
        // Only where the socket was left unread: a key that is taken is to wake nobody.
        if before > TOO_MUCH {
            self.wake();
        }
    }

    /// What a window is to be opened to next.
    pub(crate) fn window(&self) -> u32 {
        if self.waiting.load(Ordering::Acquire) > MUCH { SMALL_WINDOW } else { WINDOW }
    }

    /// While it lives, the client's window is waited for.
    pub(crate) fn hold(self: &Arc<Self>) -> Held {
        self.held.fetch_add(1, Ordering::AcqRel);
        self.wake();
        Held(Arc::clone(self))
    }

    /// Ends the socket: reads and writes fail from now on, those that wait included.
    pub(crate) fn cut(&self) {
        self.cut.store(true, Ordering::Release);
        for waiting in [&self.reader, &self.writer] {
            if let Some(waker) = waiting.lock().unwrap_or_else(PoisonError::into_inner).take() {
                waker.wake();
            }
        }
    }

    /// First the waker, then the flag: a cut in between wakes this very wait.
    fn is_cut_for(&self, waiting: &Mutex<Option<Waker>>, context: &Context<'_>) -> bool {
        *waiting.lock().unwrap_or_else(PoisonError::into_inner) = Some(context.waker().clone());
        self.cut.load(Ordering::Acquire)
    }

    fn stands(&self) -> bool {
        self.waiting.load(Ordering::Acquire) > TOO_MUCH && self.held.load(Ordering::Acquire) == 0
    }

    fn wake(&self) {
        if !self.stands()
            && let Some(waker) = self.reader.lock().unwrap_or_else(PoisonError::into_inner).take()
        {
            waker.wake();
        }
    }
}

/// See [`Flow::hold`].
#[derive(Debug)]
pub(crate) struct Held(Arc<Flow>);

impl Drop for Held {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A socket that is read only while there is room.
#[derive(Debug)]
pub(crate) struct Paced<S> {
    stream: S,
    flow: Arc<Flow>,
}

impl<S> Paced<S> {
    pub(crate) fn new(stream: S, flow: Arc<Flow>) -> Self {
        Self { stream, flow }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.flow.is_cut_for(&self.flow.reader, context) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        // After the waker is there, so that what goes in between wakes it.
        if self.flow.stands() {
            return Poll::Pending;
        }
        Pin::new(&mut self.stream).poll_read(context, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.flow.is_cut_for(&self.flow.writer, context) {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::task::Wake;

    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn a_socket_is_read_while_there_is_room_or_its_client_has_to_be_heard() {
        let (mut near, far) = tokio::io::duplex(64);
        let flow = Arc::new(Flow::default());
        let mut paced = Paced::new(far, Arc::clone(&flow));
        near.write_all(b"abc").await.unwrap();
        assert_eq!(flow.window(), WINDOW);
        assert!(flow.came(TOO_MUCH + 1));
        assert_eq!(flow.window(), SMALL_WINDOW);
        let mut byte = [0];
        let unread = tokio::select! {
            biased;
            _ = paced.read(&mut byte) => false,
            () = std::future::ready(()) => true,
        };
        assert!(unread);
        let held = flow.hold();
        assert_eq!(paced.read(&mut byte).await.unwrap(), 1);
        drop(held);
        let (read, ()) = tokio::join!(paced.read(&mut byte), async { flow.went(TOO_MUCH + 1) });
        assert_eq!((read.unwrap(), byte[0]), (1, b'b'));
        assert!(!flow.came(OUTRAGEOUS + 1));
    }

    #[tokio::test]
    async fn a_crowd_is_told_of_when_it_is_there_and_when_it_comes() {
        let flow = Flow::default();
        assert!(flow.came(CROWDED - 1));
        let mut told = Box::pin(flow.crowded());
        let woken = Arc::<Woken>::default();
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        assert!(told.as_mut().poll(&mut context).is_pending());
        flow.went(CROWDED - 1);
        assert!(flow.came(CROWDED - 1));
        assert!(told.as_mut().poll(&mut context).is_pending());
        assert_eq!(woken.0.load(Ordering::Relaxed), 0);
        assert!(flow.came(1), "it is not the end yet");
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
        told.await;
        flow.crowded().await;
    }

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn what_is_taken_wakes_the_connection_only_where_its_socket_was_left_unread() {
        let (_near, far) = tokio::io::duplex(64);
        let flow = Arc::new(Flow::default());
        let mut paced = Paced::new(far, Arc::clone(&flow));
        let woken = Arc::<Woken>::default();
        let waker = Waker::from(Arc::clone(&woken));
        let mut buffer = [0; 8];
        let mut after = |came: usize| {
            assert!(flow.came(came));
            let mut context = Context::from_waker(&waker);
            assert!(
                Pin::new(&mut paced).poll_read(&mut context, &mut ReadBuf::new(&mut buffer)).is_pending()
            );
            flow.went(came);
            woken.0.swap(0, Ordering::Relaxed)
        };
        assert_eq!(after(1), 0, "a key");
        assert_eq!(after(TOO_MUCH), 0);
        assert_eq!(after(TOO_MUCH + 1), 1);
    }
}
