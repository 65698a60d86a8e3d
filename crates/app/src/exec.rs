//! Commands on servers, and the connections that they share: this process's own, beside those of the session daemon.

use std::sync::Arc;
use std::time::Duration;

use bastide_ssh::Pool;
use bastide_store::Server;
use bastide_wire::ssh::Ssh;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::context::{About, Action, Authorized, Ctx};
use crate::login::Refusals;
use crate::streams::Places;
use crate::{Error, line, servers};

pub(crate) mod hold;
mod judged;
mod once;
mod own;
pub(crate) mod record;
mod stop;

pub use hold::{Approval, Held, LONGEST_REVIEW, NotApproved, REVIEW_LIMIT};
pub use once::{Command, Ended, Executed, execute};

pub(crate) use hold::{Answer, Holds, Line, Patience};
pub(crate) use judged::{How, begin, end as ended};
pub(crate) use once::for_shell;
pub(crate) use own::{Beginning, OWN, Own, OwnSession, close_left};
pub(crate) use record::Recorders;

/// A command that runs longer belongs into a terminal.
pub const LONGEST: Duration = Duration::from_secs(3600);
/// The kernel takes some 128 KB as one argument; a script of more is a file.
pub(crate) const MAX_COMMAND: usize = 64 * 1024;
/// Each keeps up to 32 MB until it is answered.
const MAX_RUNNING: usize = 32;
/// Whose shells read what POSIX says; others (network systems) get the command as it is.
const UNIX: [&str; 6] = ["linux", "unix", "freebsd", "openbsd", "netbsd", "macos"];

/// Looks at a command before it is judged. A zero byte would end it early where it is read by a program in C: what runs
/// then is not what was judged.
///
/// # Errors
/// `Invalid`.
pub(crate) fn check_command(command: &str, most: usize) -> Result<(), Error> {
    if command.len() > most || command.contains('\0') {
        return Err(Error::Invalid(format!("command: at most {most} bytes, and none of them zero")));
    }
    Ok(())
}

/// What commands of all people share.
#[derive(Debug)]
pub(crate) struct Execs {
    pub(crate) pool: Pool,
    running: Arc<Semaphore>,
    streams: Places,
    refusals: Refusals,
    recorders: Recorders,
    own: Own,
    holds: Holds,
    lines: line::Room,
}

impl Execs {
    pub(crate) fn new(pool: Pool, recorders: Recorders, own: Own) -> Self {
        let running = Arc::new(Semaphore::new(MAX_RUNNING));
        Self {
            pool,
            running,
            streams: Places::default(),
            refusals: Refusals::default(),
            recorders,
            own,
            holds: Holds::default(),
            lines: line::Room::default(),
        }
    }

    /// Places for what passes through.
    pub(crate) fn streams(&self) -> &Places {
        &self.streams
    }

    /// How many refused connections are written down.
    pub(crate) fn refusals(&self) -> &Refusals {
        &self.refusals
    }

    /// Sessions of this process.
    pub(crate) fn own(&self) -> &Own {
        &self.own
    }

    /// Lines that wait for a second person.
    pub(crate) fn holds(&self) -> &Holds {
        &self.holds
    }

    /// How many sessions of lines there may be.
    pub(crate) fn lines(&self) -> &line::Room {
        &self.lines
    }

    pub(crate) fn recorders(&self) -> &Recorders {
        &self.recorders
    }

    /// A place among the commands that run.
    pub(crate) fn place(&self) -> Result<OwnedSemaphorePermit, Error> {
        let free = Arc::clone(&self.running).try_acquire_owned();
        free.map_err(|_| Error::Limit(format!("{MAX_RUNNING} commands run: try later")))
    }

    /// Ends the connections when the server stops, so that its tasks end.
    pub(crate) fn start(&self, tasks: &bastide_rt::Tasks, shutdown: bastide_rt::Shutdown) {
        let pool = self.pool.clone();
        tasks.spawn("ssh connections", async move {
            shutdown.draining().await;
            pool.close().await;
        });
    }

    /// After all tasks have ended.
    pub(crate) fn flush(&self) {
        self.recorders.end();
    }

    /// How many commands run now.
    pub(crate) fn running(&self) -> usize {
        MAX_RUNNING - self.running.available_permits()
    }
}

/// How to reach a server, for a caller who may do this there.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Invalid`, `Storage`.
pub(crate) async fn way(
    ctx: &Ctx,
    action: Action,
    server: i64,
    credential: Option<i64>,
) -> Result<(Authorized<Arc<Server>>, Ssh), Error> {
    let chosen = servers::choose(ctx, action, server, credential)?;
    let isolation = chosen.grant.person().user.uid.to_string();
    let ssh = servers::dial(ctx.app(), chosen.grant.target(), chosen.credential, isolation).await?;
    Ok((chosen.grant, ssh))
}

pub(crate) fn is_unix(platform: &str) -> bool {
    UNIX.contains(&platform.to_ascii_lowercase().as_str())
}

/// As one word of a POSIX shell (XCU 2.2.2).
pub(crate) fn quote(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Ends the caller's own connections to a server, and their running terminals on it. How many of both there were.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Storage`, `DaemonUnreachable`.
pub async fn disconnect(ctx: &Ctx, server: i64) -> Result<(usize, usize), Error> {
    let (grant, _) = ctx.authorize_server(Action::ServerDisconnect, server)?;
    let about = About::nothing().with("server", server).with("does", "disconnect");
    ctx.audited(Action::ServerDisconnect, about, async move |ctx| {
        let user = &grant.person().user;
        let (isolation, name) = (user.uid.to_string(), grant.target().settings.name.as_str());
        let ended = ctx
            .app()
            .execs()
            .pool
            .disconnect(|one| one.isolation.starts_with(&isolation) && one.server == name);
        let mut closed = 0;
        for session in crate::sessions::own_on_server(&ctx, server).await? {
            match crate::sessions::end(&ctx, session.uid).await {
                Ok(()) => closed += 1,
                Err(Error::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok((ended, closed))
    })
    .await
}

/// For metrics: how many commands run now.
pub fn running(app: &crate::App) -> usize {
    app.execs().running()
}
