use std::borrow::Cow;
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinHandle};
use tokio_util::task::TaskTracker;

type Name = Cow<'static, str>;

/// The tasks of a process: each has a name, all can be waited for, and a panic in one is reported
/// and ends that one only. Clones are the same set.
#[derive(Debug, Clone, Default)]
pub struct Tasks {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    tracker: TaskTracker,
    running: Mutex<Running>,
    panics: watch::Sender<Panics>,
}

#[derive(Debug, Default)]
struct Running {
    next: u64,
    /// Without a handle for the moment between being named and being started.
    tasks: BTreeMap<u64, (Name, Option<AbortHandle>)>,
}

/// How many tasks have panicked so far, and which was the last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Panics {
    pub count: u64,
    pub last: Option<String>,
}

/// A spawned task; resolves with its result. Dropping it leaves the task running.
#[derive(Debug)]
pub struct Task<T> {
    join: JoinHandle<Option<T>>,
}

/// Why a task has no result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Ended {
    #[error("the task panicked")]
    Panicked,
    #[error("the task was aborted")]
    Aborted,
}

impl Tasks {
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `future` under `name`. The name appears in logs: it holds no secret and no user's text.
    /// Needs a tokio runtime.
    pub fn spawn<F>(&self, name: impl Into<Name>, future: F) -> Task<F::Output>
    where
        F: Future<Output: Send> + Send + 'static,
    {
        let name = name.into();
        let id = self.inner.enter(name.clone());
        let entry = Entry { inner: Arc::clone(&self.inner), id };
        // The list is not held: a runtime that is shutting down drops the task, and with it its entry, right here.
        let join = self.inner.tracker.spawn(watched(entry, name, future));
        if let Some((_, handle)) = self.inner.running().tasks.get_mut(&id) {
            *handle = Some(join.abort_handle());
        }
        Task { join }
    }

    /// The names of the tasks that run now, in the order they were spawned.
    pub fn names(&self) -> Vec<String> {
        let running = self.inner.running();
        running.tasks.values().map(|(name, _)| name.to_string()).collect()
    }

    pub fn len(&self) -> usize {
        self.inner.running().tasks.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Waits until no task runs; cancel-safe. Tasks may be spawned meanwhile, and are waited for.
    pub async fn ended(&self) {
        self.inner.tracker.close();
        self.inner.tracker.wait().await;
    }

    /// Aborts all tasks at their next wait point and returns their names.
    pub fn abort_all(&self) -> Vec<String> {
        let running = self.inner.running();
        let abort = |(name, handle): &(Name, Option<AbortHandle>)| {
            if let Some(handle) = handle {
                handle.abort();
            }
            name.to_string()
        };
        running.tasks.values().map(abort).collect()
    }

    /// Follows the panics: an alert, an exit code, a test.
    pub fn panics(&self) -> watch::Receiver<Panics> {
        self.inner.panics.subscribe()
    }
}

impl<T> Task<T> {
    /// Ends the task at its next wait point.
    pub fn abort(&self) {
        self.join.abort();
    }

    pub fn is_finished(&self) -> bool {
        self.join.is_finished()
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, Ended>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.join).poll(context).map(|joined| {
            match joined {
                Ok(Some(result)) => Ok(result),
                Ok(None) => Err(Ended::Panicked),
                // The wrapper catches panics; one that comes through is from a destructor.
                Err(error) if error.is_panic() => Err(Ended::Panicked),
                Err(_) => Err(Ended::Aborted),
            }
        })
    }
}

impl Inner {
    fn running(&self) -> MutexGuard<'_, Running> {
        // Nothing under this lock leaves it half-changed.
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn enter(&self, name: Name) -> u64 {
        let mut running = self.running();
        let id = running.next;
        running.next += 1;
        running.tasks.insert(id, (name, None));
        id
    }
}

/// Takes the task off the list when its future is dropped: ended, panicked, aborted, never polled.
struct Entry {
    inner: Arc<Inner>,
    id: u64,
}

impl Drop for Entry {
    fn drop(&mut self) {
        let ended = self.inner.running().tasks.remove(&self.id);
        drop(ended);
    }
}

async fn watched<F: Future>(entry: Entry, name: Name, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let poll = |context: &mut Context<'_>| {
        // The future is not polled again after a panic, so what it holds is only dropped.
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context)));
        match polled {
            Ok(polled) => polled.map(Some),
            Err(_payload) => Poll::Ready(None),
        }
    };
    let result = poll_fn(poll).await;
    if result.is_none() {
        // Where and why is in the panic hook's entry just before; see `logging`.
        tracing::error!(task = %name, "a task panicked and has ended");
        entry.inner.panics.send_modify(|panics| {
            panics.count += 1;
            panics.last = Some(name.to_string());
        });
    }
    result
}

#[cfg(test)]
mod tests {
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn a_result_comes_back_and_the_task_leaves_the_list() {
        let tasks = Tasks::new();
        let (go, wait) = oneshot::channel::<()>();
        let task = tasks.spawn("adder", async {
            let _ = wait.await;
            1 + 1
        });
        assert_eq!(tasks.names(), ["adder"]);
        drop(go);
        assert_eq!(task.await, Ok(2));
        tasks.ended().await;
        assert!(tasks.is_empty());
    }

    #[test]
    fn what_is_spawned_while_the_runtime_ends_is_dropped_and_stops_nothing() {
        struct Last(Tasks);
        impl Drop for Last {
            fn drop(&mut self) {
                drop(self.0.spawn("last words", std::future::ready(())));
            }
        }
        let tasks = Tasks::new();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime can be made");
        let last = Last(tasks.clone());
        runtime.block_on(async {
            drop(tasks.spawn("waits", async move {
                let _last = last;
                std::future::pending::<()>().await;
            }));
            tokio::task::yield_now().await;
        });
        drop(runtime);
        assert!(tasks.is_empty());
    }

    #[tokio::test]
    async fn a_panic_is_reported_by_name_and_ends_that_task_only() {
        let tasks = Tasks::new();
        let mut panics = tasks.panics();
        let (go, wait) = oneshot::channel::<()>();
        let other = tasks.spawn("other", async {
            let _ = wait.await;
            "fine"
        });
        let broken = tasks.spawn("broken", async {
            assert!(std::hint::black_box(false), "as the test asks");
        });
        assert_eq!(broken.await, Err(Ended::Panicked));
        let seen = panics.wait_for(|panics| panics.count > 0).await;
        let expected = Panics { count: 1, last: Some("broken".into()) };
        assert_eq!(seen.as_deref().ok(), Some(&expected));
        assert_eq!(tasks.names(), ["other"]);
        drop(go);
        assert_eq!(other.await, Ok("fine"));
    }

    #[tokio::test]
    async fn aborted_tasks_leave_the_list_even_before_their_first_step() {
        let tasks = Tasks::new();
        let first = tasks.spawn("first", std::future::pending::<()>());
        let second = tasks.spawn("second", std::future::pending::<()>());
        assert_eq!(tasks.abort_all(), ["first", "second"]);
        tasks.ended().await;
        assert_eq!(first.await, Err(Ended::Aborted));
        assert_eq!(second.await, Err(Ended::Aborted));
        assert!(tasks.is_empty());
    }

    #[tokio::test]
    async fn a_task_spawned_by_a_task_is_waited_for_too() {
        let tasks = Tasks::new();
        let inner = tasks.clone();
        let (done, seen) = oneshot::channel();
        tasks.spawn("outer", async move {
            inner.spawn("inner", async move {
                let _ = done.send(());
            });
        });
        tasks.ended().await;
        assert_eq!(seen.await, Ok(()));
    }
}
