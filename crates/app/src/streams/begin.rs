//! How a stream begins: the right to it, the rules, the log, and then the server.

use std::sync::Arc;
use std::time::Instant;

use bastide_ssh::{NobodyToAsk, Start, Stream};
use bastide_store::Server;
use bastide_wire::ssh::Ssh;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;

use super::kept::Kept;
use super::transfer::{self, Transfer};
use super::{Counts, Reader, Right, Told, Writer, place};
use crate::Error;
use crate::context::{About, Action, Ctx};
use crate::sessions::OnServer;
use crate::{hex, rules, servers};

/// So much of a command stands in the log, with the digest of all of it.
const MAX_LOGGED: usize = 4096;
/// As an SSH server takes one; the kernel takes no more as one argument.
const MAX_COMMAND: usize = 128 * 1024;

/// A command, and the variables that it is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Run {
    pub command: String,
    pub env: Vec<(String, String)>,
}

/// What a stream is opened with, once the caller may.
struct Way {
    server: Arc<Server>,
    ssh: Ssh,
    right: Right,
}

async fn way(ctx: &Ctx, action: Action, on: OnServer) -> Result<Way, Error> {
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

/// What is opened.
enum Open {
    Run(Run, Option<Transfer>),
    Sftp,
    Forward(String, u16),
}

impl Open {
    async fn open(
        self,
        ctx: &Ctx,
        action: Action,
        (server, ssh): (&Server, &Ssh),
    ) -> Result<(Stream, Option<Kept>), Error> {
        let (pool, nobody) = (&ctx.app().execs().pool, Arc::new(NobodyToAsk));
        match self {
            Self::Run(run, transfer) => {
                let account = ssh.hops.last().map(|hop| hop.username.as_str()).unwrap_or_default();
                let at = rules::Place { server: Some(server), account };
                rules::pass(ctx, action, (at, &run.command)).await?;
                let Run { command, env } = run;
                let kept = match transfer {
                    // What passes is a file.
                    Some(_) => None,
                    None => Kept::begin(ctx, server, &command).await,
                };
                Ok((pool.stream(ssh, Start::Exec { command, env }, nobody).await?, kept))
            }
            Self::Sftp => Ok((pool.stream(ssh, Start::Subsystem("sftp".to_owned()), nobody).await?, None)),
            Self::Forward(host, port) => Ok((pool.forward(ssh, (&host, port), nobody).await?, None)),
        }
    }
}

/// Runs a command with its input and output open. The rules judge it as they judge any line; `scp` and `rsync` at
/// their far end are transfers, and ask for that right instead.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Conflict`, `Invalid`, `Limit`, `Ssh`, `Storage`.
pub async fn run(ctx: &Ctx, on: OnServer, run: Run) -> Result<(Reader, Writer), Error> {
    if run.command.len() > MAX_COMMAND || run.command.contains('\0') {
        return Err(Error::Invalid(format!(
            "a command has at most {MAX_COMMAND} bytes, and none of them zero"
        )));
    }
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
    begin(way, about, Open::Run(run, transfer)).await
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

/// Connects from a server to a place that it reaches.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Invalid`, `Limit`, `Ssh`, `Storage`.
pub async fn forward(ctx: &Ctx, on: OnServer, (host, port): (&str, u16)) -> Result<(Reader, Writer), Error> {
    /// RFC 1035, section 2.3.4.
    const MAX_HOST: usize = 255;
    if host.is_empty() || host.len() > MAX_HOST || host.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err(Error::Invalid("this is no host name or address".to_owned()));
    }
    let way = way(ctx, Action::ServerForward, on).await?;
    let about = about(&way.server).with("to_host", host).with("to_port", port);
    begin(way, about, Open::Forward(host.to_owned(), port)).await
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
    let (action, ctx) = (right.action, right.ctx.clone());
    let (opened, opening) = oneshot::channel();
    let working = ctx.audited(action, about, async move |ctx| {
        let (stream, kept) = open.open(&ctx, action, (&server, &ssh)).await?;
        let (over, told) = oneshot::channel::<Told>();
        // Whoever asked may have left; then the stream is closed by being dropped.
        if opened.send((stream, kept, over)).is_ok()
            && let Ok(told) = told.await
        {
            ctx.note(action, &told.about(), "output", None).await?;
        }
        Ok(())
    });
    let mut working = Box::pin(working);
    let (stream, kept, over) = tokio::select! {
        biased;
        opened = opening => opened.map_err(|_| Error::Stopping),
        // It ends before anything is open only when that failed; otherwise both are ready, and the other one is taken.
        worked = working.as_mut() => Err(worked.err().unwrap_or(Error::Stopping)),
    }?;
    // Its task goes on by itself.
    drop(working);
    let (stream, counts) = (Arc::new(stream), Arc::<Counts>::default());
    let writer = Writer { stream: Arc::clone(&stream), counts: Arc::clone(&counts) };
    let began = Instant::now();
    let recording = kept.as_ref().map(Kept::uid);
    let reader =
        Reader { stream, counts, right, kept, recording, began, exit: None, over: Some(over), _place: place };
    Ok((reader, writer))
}
