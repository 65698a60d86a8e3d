//! Whether servers answer, and how they fare: asked when somebody wants to know, kept, and told to whoever looks.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bastide_ssh::{Exec, Exit, NobodyToAsk};
use bastide_store::{Server, ServerStatus};
use bastide_wire::ssh::Ssh;
use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout, timeout_at};
use utoipa::ToSchema;

use crate::context::{About, Action, Ctx};
use crate::error::{Thing, What};
use crate::servers::{Servers, Status};
use crate::{App, Error};
use measure::{DISKS_SCRIPT, FACTS_SCRIPT, HostFacts, Resources};

pub mod measure;
pub mod reach;
pub mod rounds;

/// Name, connection and key exchange; a machine that is up needs a second or two for it over the longest way.
const SSH_WITHIN: Duration = Duration::from_secs(10);
/// For each of the two scripts; one of them sleeps a second, the other waits three for a file server.
const SCRIPT_WITHIN: Duration = Duration::from_secs(10);
/// What an answer is waited for in all, below what anybody waits for a page.
const ANSWER_WITHIN: Duration = Duration::from_secs(25);
/// More than a machine says of itself.
const MAX_ANSWER: usize = 256 * 1024;
/// Looks at once when all are asked for: most of one is waiting.
const AT_ONCE: usize = 64;
/// Logins at once, which cost both sides some arithmetic.
const LOGINS_AT_ONCE: usize = 16;

/// What one look found.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
#[schema(as = ServerCheck)]
pub struct Checked {
    pub status: Status,
    pub reachable: Reachable,
    /// Why it is offline, or why there are no facts.
    pub why: Option<String>,
    /// Where its accepted host key and the server's default credential let us in.
    pub facts: Option<HostFacts>,
}

/// By which way it answered; null where that was not tried or is not permitted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct Reachable {
    /// A connection to its port. Not tried for a server behind another one.
    pub tcp: Option<bool>,
    /// A key exchange, over the servers on the way.
    pub ssh: Option<bool>,
    /// An echo. Says nothing against a server that does not answer it.
    pub icmp: Option<bool>,
}

/// One of all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ServerStatusNow)]
pub struct StatusNow {
    pub id: i64,
    pub status: Status,
    pub last_check: Option<Timestamp>,
}

/// Looks whether a server answers, and keeps it.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Storage`.
pub async fn check(ctx: &Ctx, id: i64) -> Result<Checked, Error> {
    let (grant, _) = ctx.authorize_server(Action::ServerCheck, id)?;
    let about =
        About::nothing().with("server", id).with("server_name", grant.target().settings.name.as_str());
    ctx.audited(Action::ServerCheck, about, async move |ctx| {
        let server = grant.target();
        let way = crate::exec::way(&ctx, Action::ServerCheck, id, None).await;
        let (mut checked, facts) = match &way {
            Ok((_, ssh)) => tokio::join!(reach(ctx.app(), server, Some(ssh)), host_facts(&ctx, ssh)),
            Err(error) => {
                let alone = reach(ctx.app(), server, None).await;
                (alone, Err(error.to_string()))
            }
        };
        match facts {
            // Whoever lets us in is there, whatever else was tried.
            Ok(facts) => {
                checked.facts = Some(facts);
                checked.status = Status::Online;
            }
            Err(why) => checked.why = checked.why.or(Some(why)),
        }
        keep(ctx.app(), id, checked.status).await?;
        Ok(checked)
    })
    .await
}

/// Looks at all servers that the caller may use. Those whose look takes too long keep what was known of them.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Storage`.
pub async fn check_all(ctx: &Ctx) -> Result<Vec<StatusNow>, Error> {
    ctx.authorize(Action::ServerCheckAll, ())?;
    let known = ctx.app().servers().now();
    let mine = ctx.granted_of(Action::ServerCheck, known.servers.values());
    let mine: Vec<Arc<Server>> = mine.into_iter().map(|(server, _)| server).collect();
    let about = About::nothing().with("servers", mine.len());
    ctx.audited(Action::ServerCheckAll, about, async move |ctx| {
        let until = Instant::now() + ANSWER_WITHIN;
        let mut waiting = mine.iter().cloned();
        let mut looks = JoinSet::new();
        let look = |looks: &mut JoinSet<_>, server: Arc<Server>| {
            let ctx = ctx.clone();
            looks.spawn(async move { (server.id, reach(ctx.app(), &server, None).await.status) });
        };
        waiting.by_ref().take(AT_ONCE).for_each(|server| look(&mut looks, server));
        while let Ok(Some(Ok((id, status)))) = timeout_at(until, looks.join_next()).await {
            // A server that is only reached over others is not judged from here.
            if status != Status::Unknown {
                keep(ctx.app(), id, status).await?;
            }
            waiting.by_ref().take(1).for_each(|server| look(&mut looks, server));
        }
        Ok(mine.iter().filter_map(|server| now(ctx.app().servers(), server.id)).collect())
    })
    .await
}

/// Processor, memory, disks and what the machine is. What cannot be measured is missing, with its reason.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`, `Storage`. A server that cannot be reached is no error here.
pub async fn resources(ctx: &Ctx, id: i64) -> Result<Resources, Error> {
    let (_, ssh) = crate::exec::way(ctx, Action::ServerCheck, id, None).await?;
    let mut found = Resources::default();
    let both = async { tokio::join!(script(ctx, &ssh, FACTS_SCRIPT), script(ctx, &ssh, DISKS_SCRIPT)) };
    let Ok((facts, disks)) = timeout(ANSWER_WITHIN, both).await else {
        found.failed("connection", format!("no answer within {} s", ANSWER_WITHIN.as_secs()));
        return Ok(found);
    };
    match (facts, disks) {
        (Err(why), Err(_)) => found.failed("connection", why),
        (facts, disks) => {
            match facts {
                Ok(answer) => found.read_facts(&answer),
                Err(why) => {
                    found.failed("cpu", why.as_str());
                    found.failed("memory", why);
                }
            }
            match disks {
                Ok(answer) => found.read_disks(&answer),
                Err(why) => found.failed("disks", why),
            }
        }
    }
    Ok(found)
}

/// As [`resources`], of all servers that the caller may use and that answer in time.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`.
pub async fn resources_all(ctx: &Ctx) -> Result<Vec<(i64, Resources)>, Error> {
    ctx.authorize(Action::ServerCheckAll, ())?;
    let known = ctx.app().servers().now();
    let mine = ctx.granted_of(Action::ServerCheck, known.servers.values());
    let mine: Vec<i64> = mine.into_iter().map(|(server, _)| server.id).collect();
    let until = Instant::now() + ANSWER_WITHIN;
    let mut waiting = mine.iter().copied();
    let mut looks = JoinSet::new();
    let look = |looks: &mut JoinSet<_>, id: i64| {
        let ctx = ctx.clone();
        looks.spawn(async move { (id, resources(&ctx, id).await) });
    };
    waiting.by_ref().take(LOGINS_AT_ONCE).for_each(|id| look(&mut looks, id));
    let mut found = BTreeMap::new();
    while let Ok(Some(Ok((id, resources)))) = timeout_at(until, looks.join_next()).await {
        found.insert(id, resources);
        waiting.by_ref().take(1).for_each(|id| look(&mut looks, id));
    }
    let of = |id: i64| {
        let failed = |why: String| {
            let mut nothing = Resources::default();
            nothing.failed("connection", why);
            nothing
        };
        match found.remove(&id) {
            Some(Ok(resources)) => (id, resources),
            Some(Err(error)) => (id, failed(error.to_string())),
            None => (id, failed(format!("no answer within {} s", ANSWER_WITHIN.as_secs()))),
        }
    };
    Ok(mine.into_iter().map(of).collect())
}

/// What is known of the servers that the caller may use, and when that is another thing.
#[derive(Debug)]
pub struct Statuses(watch::Receiver<Arc<crate::servers::Known>>);

impl Statuses {
    pub fn of(ctx: &Ctx) -> Self {
        Self(ctx.app().servers().watch())
    }

    /// `None` when the server stops. Cancel-safe.
    pub async fn changed(&mut self) -> Option<()> {
        self.0.changed().await.ok()
    }

    /// As this caller sees them, by their ids.
    pub fn seen(&mut self, ctx: &Ctx) -> BTreeMap<i64, StatusNow> {
        let known = Arc::clone(&self.0.borrow_and_update());
        let mine = ctx.granted_of(Action::ServerRead, known.servers.values());
        mine.into_iter().map(|(server, _)| (server.id, status(&server))).collect()
    }
}

fn now(servers: &Servers, id: i64) -> Option<StatusNow> {
    servers.get(id).map(|server| status(&server))
}

fn status(server: &Server) -> StatusNow {
    StatusNow { id: server.id, status: server.status.into(), last_check: server.last_check }
}

/// True where it is another one now.
async fn keep(app: &App, id: i64, status: Status) -> Result<bool, Error> {
    let status = match status {
        Status::Online => ServerStatus::Online,
        Status::Offline => ServerStatus::Offline,
        Status::Unknown => return Ok(false),
    };
    match app.servers().found(app.store(), (id, status), app.clock().now()).await {
        // It was removed meanwhile.
        Err(Error::NotFound(What::Thing(Thing::Server, _))) => Ok(false),
        kept => kept,
    }
}

/// Tries every way that needs no login there.
async fn reach(app: &App, server: &Server, ssh: Option<&Ssh>) -> Checked {
    let settings = &server.settings;
    let direct = settings.jump.is_none();
    let tcp = async { if direct { Some(reach::tcp(&settings.host, settings.port).await) } else { None } };
    let echo = async {
        let address = if direct { address(&settings.host).await } else { None };
        reach::icmp(address?).await.map(|answer| answer.is_ok())
    };
    let keys = async {
        let pool = &app.execs().pool;
        let answer = timeout(SSH_WITHIN, pool.probe(ssh?, Arc::new(NobodyToAsk))).await;
        let late = |_| Err(format!("key exchange: no answer within {} s", SSH_WITHIN.as_secs()));
        Some(answer.map_or_else(late, |answer| answer.map_err(|error| error.to_string())))
    };
    let (tcp, icmp, ssh) = tokio::join!(tcp, echo, keys);
    let status = match (&tcp, &ssh) {
        (Some(Ok(_)), _) | (_, Some(Ok(_))) => Status::Online,
        (None, None) => Status::Unknown,
        _ => Status::Offline,
    };
    let reachable =
        Reachable { tcp: tcp.as_ref().map(Result::is_ok), ssh: ssh.as_ref().map(Result::is_ok), icmp };
    let why = tcp.and_then(Result::err).or(ssh.and_then(Result::err));
    Checked { status, reachable, why, facts: None }
}

async fn address(host: &str) -> Option<IpAddr> {
    let found = timeout(reach::ICMP_WITHIN, tokio::net::lookup_host((host, 0))).await;
    found.ok()?.ok()?.next().map(|address| address.ip())
}

async fn host_facts(ctx: &Ctx, ssh: &Ssh) -> Result<HostFacts, String> {
    let late = |_| Err(format!("no login within {} s", SSH_WITHIN.as_secs()));
    let answer = timeout(SSH_WITHIN, script(ctx, ssh, FACTS_SCRIPT)).await.unwrap_or_else(late)?;
    let mut found = Resources::default();
    found.read_facts(&answer);
    Ok(found.facts)
}

/// What a script says; in one clause why it says nothing.
async fn script(ctx: &Ctx, ssh: &Ssh, script: &str) -> Result<Vec<u8>, String> {
    let command = format!("exec sh -c {}", crate::exec::quote(script));
    let exec = Exec { timeout: SCRIPT_WITHIN, keep: MAX_ANSWER, ..Exec::new(command) };
    let output = ctx.app().execs().pool.exec(ssh, exec, Arc::new(NobodyToAsk)).await;
    let output = output.map_err(|error| error.to_string())?;
    match output.exit {
        // What has come until then is good: only the slow measures are missing.
        _ if !output.stdout.is_empty() => Ok(output.stdout),
        Exit::Lost(why) => Err(why),
        _ => {
            let said = String::from_utf8_lossy(&output.stderr);
            let said: String = said.lines().next().unwrap_or("nothing").chars().take(200).collect();
            Err(format!("no POSIX shell answers there: {said}"))
        }
    }
}
