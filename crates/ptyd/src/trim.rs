//! Keeping the scrollback of all sessions within its memory.

use std::sync::Arc;

use bastide_session::{Command, Handle, Scrollback};

use crate::daemon::Daemon;

/// Whenever the budget is exceeded, the sessions that were idle longest give their scrollback back.
pub(crate) async fn run(daemon: Arc<Daemon>) {
    loop {
        tokio::select! {
            () = daemon.running.budget.exceeded() => {}
            () = daemon.shutdown.draining() => return,
        }
        let mut excess = daemon.running.budget.excess();
        let mut sessions = daemon.registry.all();
        sessions.sort_by_key(Handle::active_at);
        for session in sessions {
            if excess == 0 {
                break;
            }
            let held = session.scrollback_bytes();
            if held == 0 {
                continue;
            }
            excess = excess.saturating_sub(held);
            tracing::info!(uid = %session.identity.uid, bytes = held, "scrollback is given back");
            // A session that has just ended has nothing to give.
            let _ = session.send(Command::Scrollback(Scrollback::Keep(0))).await;
        }
        // The sessions report when they have done it; until then nothing more is asked of them.
        daemon.running.budget.relieved().await;
    }
}
