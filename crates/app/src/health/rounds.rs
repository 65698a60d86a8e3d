//! Looks at servers from time to time, so that what is shown of them is not what somebody found last week.

use std::sync::Arc;
use std::time::Duration;

use bastide_store::{Server, ServerStatus};
use jiff::SignedDuration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Status, keep, reach};
use crate::App;

/// Looks under way: each is a name and a TCP connection, and most of it is waiting.
const AT_ONCE: usize = 16;
/// After the start there is more urgent work than this. Then once or twice as long: servers of ours that start
/// together, after a failure of power, do not look together.
const FIRST_AFTER: Duration = Duration::from_secs(30);
/// One lost packet is no outage: who was there is looked at again so much later.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// Begins rounds over all servers, one each `every`; ends with the process. A server behind another one is passed
/// over: it is reached by logging in on the way, which nobody has asked for.
pub fn start(app: &App, every: Duration) {
    let (own, shutdown) = (app.clone(), app.shutdown().clone());
    app.tasks().spawn("server checks", async move {
        tokio::select! {
            () = rounds(&own, every) => {}
            () = shutdown.draining() => {}
        }
    });
}

async fn rounds(app: &App, every: Duration) {
    let first = FIRST_AFTER.min(every);
    sleep(first + some_of(first)).await;
    loop {
        let next = Instant::now() + every;
        round(app, every).await;
        sleep_until(next).await;
    }
}

/// One look at each, spread over four fifths of the time to the next round.
async fn round(app: &App, every: Duration) {
    let due = due(app, every);
    let apart = every * 4 / 5 / u32::try_from(due.len().max(1)).unwrap_or(u32::MAX);
    let mut looks = JoinSet::new();
    for server in due {
        while looks.len() >= AT_ONCE {
            looks.join_next().await;
        }
        let app = app.clone();
        looks.spawn(async move { look(&app, &server, AGAIN_AFTER.min(every / 10)).await });
        // On average the whole of it, and never in step with somebody else.
        sleep(apart / 2 + some_of(apart)).await;
        while looks.try_join_next().is_some() {}
    }
    while looks.join_next().await.is_some() {}
}

/// Those that nobody has looked at lately.
fn due(app: &App, every: Duration) -> Vec<Arc<Server>> {
    let half = SignedDuration::try_from(every / 2).unwrap_or(SignedDuration::MAX);
    let before = app.clock().now().checked_sub(half).ok();
    let fresh = |server: &Server| server.last_check.zip(before).is_some_and(|(at, before)| at > before);
    let known = app.servers().now();
    let direct = known.servers.values().filter(|server| server.settings.jump.is_none());
    direct.filter(|server| !fresh(server)).cloned().collect()
}

async fn look(app: &App, server: &Server, again_after: Duration) {
    let mut found = reach(app, server, None).await;
    if found.status == Status::Offline && server.status == ServerStatus::Online {
        sleep(again_after).await;
        found = reach(app, server, None).await;
    }
    match keep(app, server.id, found.status).await {
        Ok(true) => {
            let why = found.why.unwrap_or_default();
            tracing::info!(server = server.id, status = ?found.status, why, "a server's status is another one");
        }
        Ok(false) => {}
        Err(error) => tracing::warn!(%error, server = server.id, "a server's status was not kept"),
    }
}

/// Any time from none to all of it.
fn some_of(whole: Duration) -> Duration {
    whole.mul_f64(rand::random::<f64>())
}
