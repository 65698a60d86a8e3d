//! Request bodies that must arrive in time.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use axum::body::{Body, Bytes};
use hyper::body::{Body as _, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

/// A body of 256 KB takes this long at 13 KB a second, a list of 5 MB at 260 KB a second; who is slower is stuck or
/// means harm. Shorter than the deadline of the answer, so that the answer can say why.
pub(crate) const BODY_WITHIN: Duration = Duration::from_secs(20);

#[derive(Debug, thiserror::Error)]
#[error("the body did not arrive within {} s", BODY_WITHIN.as_secs())]
struct TooSlow;

/// How the deadline of a body is meant; goes with the request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Pace(Arc<AtomicBool>);

impl Pace {
    /// From now on each piece of the body has a deadline of its own: of a file that is sent, by somebody who may.
    pub(crate) fn each_piece(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// A body that fails when it takes longer than [`BODY_WITHIN`] from when it is first waited for.
pub(super) fn timely(inner: Incoming, pace: Pace) -> Body {
    if inner.is_end_stream() { Body::empty() } else { Body::new(Timely { inner, pace, deadline: None }) }
}

struct Timely {
    inner: Incoming,
    pace: Pace,
    deadline: Option<Pin<Box<Sleep>>>,
}

impl hyper::body::Body for Timely {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.inner).poll_frame(cx) {
            if self.pace.0.load(Ordering::Relaxed) {
                self.deadline = None;
            }
            return Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)));
        }
        let deadline = self.deadline.get_or_insert_with(|| Box::pin(sleep(BODY_WITHIN)));
        deadline.as_mut().poll(cx).map(|()| Some(Err(TooSlow.into())))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
