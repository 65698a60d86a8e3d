//! The agent of a client, lent to commands on a server (`ssh -A`), where the server's own setting lets agents be
//! forwarded.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bastide_ssh::{Answer, Ask, Later, Lender, NobodyToAsk, Question, Talk};
use bastide_wire::ssh::Ssh;
use uuid::Uuid;

use crate::context::{About, Action, Ctx};
use crate::servers;
use crate::sessions::OnServer;

/// Talks of programs on one server with the agent of one client, within [`SPELL`]: each is two entries of the log, and
/// whoever has that server can begin them at will.
const MAX_TALKS: u32 = 120;
const SPELL: Duration = Duration::from_secs(60);
/// As the agent protocol numbers it (draft-ietf-sshm-ssh-agent).
const SIGN_REQUEST: u8 = 13;

/// The agent of one client. Clones are the same.
#[derive(Debug, Clone)]
pub struct ClientAgent {
    /// Nobody else's connections are shared with it.
    id: Uuid,
    client: Arc<dyn Lender>,
}

impl PartialEq for ClientAgent {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for ClientAgent {}

impl ClientAgent {
    pub fn new(client: Arc<dyn Lender>) -> Self {
        Self { id: Uuid::new_v4(), client }
    }

    /// The way to a server with this agent, or without any where the server's setting says so.
    pub(super) async fn lend(self, ctx: &Ctx, (action, on): (Action, OnServer), ssh: &Ssh) -> (Ssh, Lends) {
        if !ssh.agent_forwarding {
            note_refused(ctx, (action, on)).await;
            return (ssh.clone(), Lends(None));
        }
        let isolation = format!("{} with the agent {}", ssh.isolation, self.id);
        let client = self.client;
        let lending = Arc::new(Lending { ctx: ctx.clone(), action, on });
        let lent = Lent { lending, client, talks: Mutex::new((Instant::now(), 0)) };
        (Ssh { isolation, ..ssh.clone() }, Lends(Some(Arc::new(lent))))
    }
}

/// Anybody can cause many, and most clients ask for it everywhere: a few a minute are written.
async fn note_refused(ctx: &Ctx, (action, on): (Action, OnServer)) {
    let Some(left_out) = ctx.app().execs().refusals().note(ctx.clock().now()) else { return };
    let about = about(on).with("left_out_before", left_out);
    let why = "agents are not forwarded to this server".to_owned();
    if let Err(error) = ctx.note(action, &about, "agent_refused", Some(why)).await {
        // Nothing was lent, so the log lacks nothing that happened.
        tracing::warn!(%error, "a refusal is not in the log");
    }
}

fn about(on: OnServer) -> About {
    About::nothing().with("server", on.server).with("credential", on.credential).with("door", "ssh")
}

/// Answers no questions, and has an agent or none.
#[derive(Debug)]
pub(super) struct Lends(Option<Arc<Lent>>);

impl Ask for Lends {
    fn ask(&self, question: Question) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        NobodyToAsk.ask(question)
    }

    fn lender(&self) -> Option<Arc<dyn Lender>> {
        self.0.clone().map(|lent| lent as Arc<dyn Lender>)
    }
}

#[derive(Debug)]
struct Lent {
    lending: Arc<Lending>,
    client: Arc<dyn Lender>,
    /// Since when, and how many.
    talks: Mutex<(Instant, u32)>,
}

/// For whom, and to whom.
#[derive(Debug)]
struct Lending {
    ctx: Ctx,
    action: Action,
    on: OnServer,
}

impl Lending {
    /// Both may have been taken away since: the right to the server, and that agents are forwarded there.
    async fn may(&self) -> bool {
        let Ok(ctx) = self.ctx.fresh().await else { return false };
        let chosen = servers::choose(&ctx, self.action, self.on.server, self.on.credential);
        chosen.is_ok_and(|chosen| chosen.grant.target().settings.ssh.agent_forwarding)
    }
}

impl Lent {
    fn has_room(&self) -> bool {
        let mut talks = self.talks.lock().unwrap_or_else(PoisonError::into_inner);
        if talks.0.elapsed() >= SPELL {
            *talks = (Instant::now(), 0);
        }
        talks.1 += 1;
        talks.1 <= MAX_TALKS
    }

    async fn begin(&self) -> Option<Box<dyn Talk>> {
        let Lending { ctx, action, on } = &*self.lending;
        if !self.has_room() || !self.lending.may().await {
            tracing::info!(server = on.server, "the agent of a client was not lent");
            return None;
        }
        // What is not in the log is not lent.
        ctx.note(*action, &about(*on), "agent_opened", None).await.ok()?;
        let lending = Arc::clone(&self.lending);
        let mut watched = Watched { lending, talk: None, requests: 0, signatures: 0, began: Instant::now() };
        watched.talk = Some(self.client.open().await?);
        Some(Box::new(watched))
    }
}

impl Lender for Lent {
    fn open(&self) -> Later<'_, Option<Box<dyn Talk>>> {
        Box::pin(self.begin())
    }
}

/// One talk, until it is dropped.
#[derive(Debug)]
struct Watched {
    lending: Arc<Lending>,
    /// None: the client did not let it begin.
    talk: Option<Box<dyn Talk>>,
    requests: u64,
    signatures: u64,
    began: Instant,
}

impl Talk for Watched {
    fn ask(&mut self, message: Vec<u8>) -> Later<'_, Option<Vec<u8>>> {
        Box::pin(async move {
            if !self.lending.may().await {
                return None;
            }
            self.requests += 1;
            self.signatures += u64::from(message.first() == Some(&SIGN_REQUEST));
            self.talk.as_mut()?.ask(message).await
        })
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let about = about(self.lending.on)
            .with("requests", self.requests)
            .with("signatures", self.signatures)
            .with("duration_ms", u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX));
        let why = self.talk.is_none().then(|| "the client did not open its agent".to_owned());
        let lending = Arc::clone(&self.lending);
        let tasks = lending.ctx.app().tasks().clone();
        drop(tasks.spawn("end of a lent agent", async move {
            let Lending { ctx, action, .. } = &*lending;
            if let Err(error) = ctx.note(*action, &about, "agent_closed", why).await {
                tracing::error!(%error, "the end of a lent agent is missing in the log");
            }
        }));
    }
}
