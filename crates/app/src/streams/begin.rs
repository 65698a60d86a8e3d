//! How a stream begins: the right to it, the rules, the log, and then the server.

use std::sync::Arc;
use std::time::Instant;

use bastide_ssh::{NobodyToAsk, Start, Stream};
use bastide_store::Server;
use bastide_wire::ssh::Ssh;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::agent::ClientAgent;
use super::kept::Kept;
use super::transfer::{self, Transfer};
use super::{Books, Counts, Reader, Right, Told, Writer, place};
use crate::Error;
use crate::context::{About, Action, Ctx};
use crate::exec::{self, Approval, Held, How, Line, Patience, REVIEW_LIMIT};
use crate::sessions::OnServer;
use crate::{hex, servers};

/// So much of a command stands in the log, with the digest of all of it.
const MAX_LOGGED: usize = 4096;
/// As an SSH server takes one; the kernel takes no more as one argument.
const MAX_COMMAND: usize = 128 * 1024;

/// A command, and the variables that it is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub command: String,
    pub env: Vec<(String, String)>,
    /// The client's, for programs on the server, where its setting lets agents be forwarded; then it takes the place of
    /// the stored key.
    pub agent: Option<ClientAgent>,
}

/// What a stream is opened with, once the caller may.
#[derive(Debug)]
pub(crate) struct Way {
    pub(crate) server: Arc<Server>,
    pub(crate) ssh: Ssh,
    pub(crate) right: Right,
}

pub(crate) async fn way(ctx: &Ctx, action: Action, on: OnServer) -> Result<Way, Error> {
    // Taken first: it tells of every change that the look may have missed.
    let changes = ctx.app().changes();
    let ctx = ctx.fresh().await?;
    let chosen = servers::choose(&ctx, action, on.server, on.credential)?;
    let isolation = chosen.grant.person().user.uid.to_string();
    let ssh = servers::dial(ctx.app(), chosen.grant.target(), chosen.credential, isolation).await?;
    // A right with another credential is none here, so it stays the one that the connection has.
    let on = OnServer { credential: Some(chosen.credential), ..on };
    let right = Right { ctx: ctx.clone(), action, on, until: chosen.until, changes };
    Ok(Way { server: chosen.grant.into_target(), ssh, right })
}

/// A command on its way: who is told that it waits for a second person, and when nobody waits for it any more.
struct Running {
    run: Run,
    transfer: Option<Transfer>,
    waits: oneshot::Sender<Held>,
    given_up: CancellationToken,
}

/// What is opened.
enum Open {
    Run(Box<Running>),
    Sftp,
    Forward(String, u16),
}

/// What was opened.
struct Opened {
    stream: Stream,
    kept: Option<Kept>,
    approval: Option<Approval>,
}

impl From<Stream> for Opened {
    fn from(stream: Stream) -> Self {
        Self { stream, kept: None, approval: None }
    }
}

impl Open {
    async fn open(
        self,
        ctx: &Ctx,
        (action, on): (Action, OnServer),
        (server, ssh): (&Arc<Server>, &Ssh),
    ) -> Result<Opened, Error> {
        let (pool, nobody) = (&ctx.app().execs().pool, Arc::new(NobodyToAsk));
        match self {
            Self::Run(running) => running.open(ctx, (action, on), (server, ssh)).await,
            Self::Sftp => Ok(pool.stream(ssh, Start::Subsystem("sftp".to_owned()), nobody).await?.into()),
            Self::Forward(host, port) => Ok(pool.forward(ssh, (&host, port), nobody).await?.into()),
        }
    }
}

impl Running {
    async fn open(
        self,
        ctx: &Ctx,
        (action, on): (Action, OnServer),
        (server, ssh): (&Arc<Server>, &Ssh),
    ) -> Result<Opened, Error> {
        let Self { run: Run { command, env, agent }, transfer, waits, given_up } = self;
        let line = Line {
            server: Arc::clone(server),
            account: ssh.hops.last().map(|hop| hop.username.clone()).unwrap_or_default(),
            text: command,
            cwd: None,
            session: Uuid::now_v7(),
            at_ms: None,
        };
        let told = |held: &Held| drop(waits.send(held.clone()));
        let patience = Patience { limit: Some(REVIEW_LIMIT), told, given_up: &given_up };
        let (session, approval) =
            exec::begin(ctx, (action, &line), How::plain(on.credential), patience).await?;
        if approval.is_some() {
            // The wait was long, and a right with another credential is none with this one.
            servers::choose(&ctx.fresh().await?, action, on.server, on.credential)?;
        }
        let kept = match transfer {
            Some(_) => Kept::unrecorded(session),
            None => Kept::begin(ctx, session, (server, &line.text)).await,
        };
        let start = Start::Exec { command: line.text, env };
        let pool = &ctx.app().execs().pool;
        let opened = match agent {
            Some(agent) => {
                let (ssh, lends) = agent.lend(ctx, (action, on), ssh).await;
                pool.stream(&ssh, start, Arc::new(lends)).await
            }
            None => pool.stream(ssh, start, Arc::new(NobodyToAsk)).await,
        };
        match opened {
            Ok(stream) => Ok(Opened { stream, kept: Some(kept), approval }),
            Err(error) => {
                kept.close(ctx, None).await;
                Err(error.into())
            }
        }
    }
}

/// Runs a command with its input and output open. The rules judge it as they judge any line; `scp` and `rsync` at
/// their far end are transfers, and ask for that right instead. Where a second person has to approve it, `waits` hears
/// so, and this waits for them; dropping it gives the command up.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden` also for one that was not approved, `Conflict`, `Invalid`, `Limit`, `Ssh`,
/// `Storage`.
pub async fn run(
    ctx: &Ctx,
    on: OnServer,
    run: Run,
    waits: oneshot::Sender<Held>,
) -> Result<(Reader, Writer), Error> {
    exec::check_command(&run.command, MAX_COMMAND)?;
    let transfer = transfer::of(&run.command);
    let action = match transfer {
        Some(Transfer::Upload) => Action::FileUpload,
        Some(Transfer::Download) => Action::FileDownload,
        None => Action::ServerExecute,
    };
    let way = way(ctx, action, on).await?;
    let shown: String = run.command.chars().take(MAX_LOGGED).collect();
    let about = about(&way.server)
        .with("command", shown)
        .with("command_sha256", hex::encode(Sha256::digest(run.command.as_bytes()).as_slice()));
    let given_up = CancellationToken::new();
    let _leaves = given_up.clone().drop_guard();
    begin(way, about, Open::Run(Box::new(Running { run, transfer, waits, given_up }))).await
}

/// Opens the server's SFTP subsystem, for whoever may move files in one direction at least; what each request moves
/// is to be asked for by [`super::may`].
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Invalid`, `Limit`, `Ssh`, `Storage`.
pub async fn sftp(ctx: &Ctx, on: OnServer) -> Result<(Reader, Writer), Error> {
    let way = match way(ctx, Action::FileDownload, on).await {
        Err(Error::Forbidden(_)) => way(ctx, Action::FileUpload, on).await?,
        other => other?,
    };
    let about = about(&way.server).with("does", "sftp");
    begin(way, about, Open::Sftp).await
}

/// Where a connection further on goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To<'a> {
    /// To its own SSH server, from itself.
    Itself,
    /// To a place that it reaches.
    Place(&'a str, u16),
}

/// Connects further on from a server. Where nobody may go at all is a setting; it says nothing against
/// [`To::Itself`], which whoever comes did not choose.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Invalid` also for a forbidden place, `Limit`, `Ssh`, `Storage`.
pub async fn forward(ctx: &Ctx, on: OnServer, to: To<'_>) -> Result<(Reader, Writer), Error> {
    let begun = match to {
        To::Itself => Ok(()),
        To::Place(host, _) => check_host(ctx, host),
    };
    let way = match begun {
        Ok(()) => way(ctx, Action::ServerForward, on).await,
        Err(error) => Err(error),
    };
    let way = match way {
        Ok(way) => way,
        Err(error) => {
            let about = About::nothing().with("server", on.server).with("door", "ssh");
            let about = match to {
                To::Itself => about,
                To::Place(host, port) => about.with("to_host", shown(host)).with("to_port", port),
            };
            return Err(refused(ctx, about, error).await);
        }
    };
    let (host, port) = match to {
        To::Itself => ("localhost", way.server.settings.port),
        To::Place(host, port) => (host, port),
    };
    let about = about(&way.server).with("to_host", host).with("to_port", port);
    let host = host.to_owned();
    begin(way, about, Open::Forward(host, port)).await
}

fn check_host(ctx: &Ctx, host: &str) -> Result<(), Error> {
    /// RFC 1035, section 2.3.4.
    const MAX_HOST: usize = 255;
    if host.is_empty() || host.len() > MAX_HOST || host.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Error::Invalid("this is no host name or address".to_owned()));
    }
    match ctx.app().ssh_door().forbidden.holds(host) {
        true => {
            Err(Error::Invalid(format!("nobody may be connected to {host} (ssh.forbidden_destinations)")))
        }
        false => Ok(()),
    }
}

/// Writes down that a connection to a place is not made, for there is no server to make it from; why.
pub async fn nowhere(ctx: &Ctx, (host, port): (&str, u16), error: Error) -> Error {
    let about = About::nothing().with("door", "ssh").with("to_host", shown(host)).with("to_port", port);
    refused(ctx, about, error).await
}

/// So much of what a client calls a host stands in the log.
fn shown(host: &str) -> String {
    const MAX: usize = 255;
    host.chars().take(MAX).flat_map(char::escape_default).collect()
}

/// Writes down that a client wanted connections back to itself (`-R`), which are not made; why.
pub async fn backwards(ctx: &Ctx, (address, port): (&str, u32)) -> Error {
    let why = "connections back to the client (-R) are not made".to_owned();
    let about =
        About::nothing().with("door", "ssh").with("listen_on", shown(address)).with("listen_port", port);
    refused(ctx, about, Error::Invalid(why)).await
}

/// Writes down a connection that was not made. Anybody can cause many: a few a minute are written, and how many were
/// left out.
async fn refused(ctx: &Ctx, about: About, error: Error) -> Error {
    let Some(left_out) = ctx.app().execs().refusals().note(ctx.clock().now()) else { return error };
    let about = about.with("left_out_before", left_out);
    let noted = ctx.note(Action::ServerForward, &about, "refused", Some(error.to_string())).await;
    if let Err(missing) = noted {
        // Nothing was done, so the log lacks nothing that happened.
        tracing::warn!(error = %missing, "a refusal is not in the log");
    }
    error
}

fn about(server: &Server) -> About {
    About::nothing()
        .with("server", server.id)
        .with("server_name", server.settings.name.as_str())
        .with("door", "ssh")
}

/// Writes that it begins, opens it, and leaves a task that writes how it ended.
async fn begin(way: Way, about: About, open: Open) -> Result<(Reader, Writer), Error> {
    let Way { server, ssh, right } = way;
    let place = place(&right.ctx)?;
    let (action, on, ctx) = (right.action, right.on, right.ctx.clone());
    let (opened, opening) = oneshot::channel();
    let mut still = right.clone();
    let working = ctx.audited(action, about, async move |ctx| {
        // To dial takes a while, and to be looked at by a second person longer.
        let open = tokio::select! {
            biased;
            why = still.lost() => Err(why),
            open = open.open(&ctx, (action, on), (&server, &ssh)) => open,
        }?;
        let (over, told) = oneshot::channel::<Told>();
        // Whoever asked may have left; then the stream is closed by being dropped.
        if opened.send((open, over)).is_ok()
            && let Ok(told) = told.await
        {
            ctx.note(action, &told.about(), "output", None).await?;
        }
        Ok(())
    });
    let mut working = Box::pin(working);
    let (Opened { stream, kept, approval }, over) = tokio::select! {
        biased;
        // Nothing is sent where it failed; its task says why.
        Ok(opened) = opening => Ok(opened),
        // It ends before anything is open only when that failed; otherwise both are ready, and the other one is taken.
        worked = working.as_mut() => Err(worked.err().unwrap_or(Error::Stopping)),
    }?;
    // Its task goes on by itself.
    drop(working);
    let (stream, counts) = (Arc::new(stream), Arc::<Counts>::default());
    let writer = Writer { stream: Arc::clone(&stream), counts: Arc::clone(&counts) };
    let began = Instant::now();
    let recording = kept.as_ref().and_then(Kept::recording);
    let books = Books { kept, approval, recording, began, exit: None, over: Some(over) };
    let reader = Reader { stream, counts, right, books, _place: place };
    Ok((reader, writer))
}
