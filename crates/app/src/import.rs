//! Many servers at once, out of lists of other programs and back into them.
//!
//! An import takes each server by itself, as if somebody had typed it: what is wrong with one holds up no other.
//! A second time it changes nothing.

use std::collections::HashSet;

use bastide_store::{NodeSettings, Server, ServerSettings, SshSettings};
use serde::Serialize;
use utoipa::ToSchema;

use crate::context::{About, Action, Ctx};
use crate::inventory::known_hosts::{self, Mark};
use crate::inventory::{self, Entry, Format, Row, Skipped};
use crate::servers::{self, Change, DEFAULT_PLATFORM, DEFAULT_PORT, NodeChange, OwnLogin, check};
use crate::{Error, host_keys};

/// What an import has done, or would do.
#[derive(Debug, Default, Serialize, ToSchema)]
#[schema(as = Imported)]
pub struct Outcome {
    /// By name.
    pub created: Vec<String>,
    pub changed: Vec<String>,
    /// How many are there already, as they are.
    pub unchanged: usize,
    pub skipped: Vec<Skipped>,
    pub dry_run: bool,
}

/// What is to be done with one server of a list.
enum Step {
    Create(Box<ServerSettings>, Option<OwnLogin>),
    Change(i64, Box<Change>, Option<OwnLogin>),
    Nothing,
    /// The server on the way comes later in the list.
    Later,
}

/// Adds the servers of a list, and changes those that have a name that is there already.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Invalid` when the text is none of that form; `Storage`.
pub async fn servers(ctx: &Ctx, format: Format, text: &str, dry_run: bool) -> Result<Outcome, Error> {
    ctx.authorize(Action::ServerImport, ())?;
    let parsed = inventory::parse(format, text)?;
    if dry_run {
        return take(ctx, parsed, true).await;
    }
    let about = About::nothing().with("servers", parsed.entries.len()).with("format", word(format));
    ctx.audited(Action::ServerImport, about, async move |ctx| take(&ctx, parsed, false).await).await
}

fn word(format: Format) -> &'static str {
    match format {
        Format::SshConfig => "ssh_config",
        Format::Csv => "csv",
        Format::Ansible => "ansible",
    }
}

pub(crate) async fn take(ctx: &Ctx, parsed: inventory::Parsed, dry_run: bool) -> Result<Outcome, Error> {
    let mut outcome = Outcome { skipped: parsed.skipped, dry_run, ..Outcome::default() };
    let mut waiting = parsed.entries;
    // Names that a dry run would have made.
    let mut made = HashSet::new();
    loop {
        let names: HashSet<String> = waiting.iter().map(|entry| entry.name.to_lowercase()).collect();
        let before = waiting.len();
        let mut later = Vec::new();
        for entry in waiting {
            match step(ctx, &entry, (&names, &made)) {
                Ok(Step::Later) => later.push(entry),
                Ok(step) => {
                    made.insert(entry.name.to_lowercase());
                    done(ctx, entry, step, &mut outcome).await?;
                }
                Err(why) => skip(&mut outcome, &entry, why),
            }
        }
        if later.is_empty() {
            break;
        }
        if later.len() == before {
            for entry in later {
                skip(&mut outcome, &entry, "the ways of these servers lead in a circle".to_owned());
            }
            break;
        }
        waiting = later;
    }
    outcome.skipped.sort_by_key(|skipped| skipped.line);
    Ok(outcome)
}

fn skip(outcome: &mut Outcome, entry: &Entry, why: String) {
    outcome.skipped.push(Skipped { line: entry.line, name: Some(entry.name.clone()), why });
}

/// What an entry asks for, as things are now; or why it cannot be.
fn step(
    ctx: &Ctx,
    entry: &Entry,
    (waiting, made): (&HashSet<String>, &HashSet<String>),
) -> Result<Step, String> {
    let known = ctx.app().servers().now();
    let jump = match &entry.jump {
        None => None,
        Some(name) => match known.named(name) {
            Some(server) => Some(server.id),
            // In a dry run it is only said to be there.
            None if made.contains(&name.to_lowercase()) => None,
            None if waiting.contains(&name.to_lowercase()) => return Ok(Step::Later),
            None => {
                let by_address = known.servers.values().find(|server| server.settings.host == *name);
                let found = by_address.map(|server| Some(server.id));
                found.ok_or_else(|| {
                    format!("there is no server {} for the way to it", inventory::shown(name))
                })?
            }
        },
    };
    let login = OwnLogin::told(entry.login.username.clone(), entry.login.password.clone());
    match known.named(&entry.name) {
        Some(server) => changes(entry, server, jump, login),
        None => {
            let mut settings = settings(entry, jump);
            check::settings(&mut settings).map_err(|e| e.to_string())?;
            Ok(Step::Create(Box::new(settings), login))
        }
    }
}

fn settings(entry: &Entry, jump: Option<i64>) -> ServerSettings {
    ServerSettings {
        name: entry.name.clone(),
        host: entry.host.clone().unwrap_or_else(|| entry.name.clone()),
        port: entry.port.unwrap_or(DEFAULT_PORT),
        platform: entry.platform.clone().unwrap_or_else(|| DEFAULT_PLATFORM.to_owned()),
        tags: entry.tags.clone(),
        group: entry.group.clone(),
        notes: entry.notes.clone(),
        jump,
        default_credential: None,
        node: entry.node,
        ssh: SshSettings { legacy_algorithms: false, agent_forwarding: false, ask_host_key: true },
    }
}

/// Only what the list says is changed; tags come to those that are there, and a login is given where there is none.
fn changes(
    entry: &Entry,
    server: &Server,
    jump: Option<i64>,
    login: Option<OwnLogin>,
) -> Result<Step, String> {
    let old = &server.settings;
    let mut new = old.clone();
    new.host = entry.host.clone().unwrap_or(new.host);
    new.port = entry.port.unwrap_or(new.port);
    new.platform = entry.platform.clone().unwrap_or(new.platform);
    new.tags.extend(entry.tags.iter().cloned());
    new.group = entry.group.clone().or(new.group);
    new.notes = entry.notes.clone().or(new.notes);
    new.jump = jump.or(new.jump);
    new.node = NodeSettings {
        agent_port: entry.node.agent_port.or(new.node.agent_port),
        brand_id: entry.node.brand_id.or(new.node.brand_id),
        accelerator_id: entry.node.accelerator_id.or(new.node.accelerator_id),
    };
    check::settings(&mut new).map_err(|e| e.to_string())?;
    let login = login.filter(|_| old.default_credential.is_none());
    if new == *old && login.is_none() {
        return Ok(Step::Nothing);
    }
    let change = Change {
        host: Some(new.host),
        port: Some(new.port),
        platform: Some(new.platform),
        tags: Some(new.tags),
        group: Some(new.group),
        notes: Some(new.notes),
        jump: Some(new.jump),
        node: NodeChange {
            agent_port: Some(new.node.agent_port),
            brand_id: Some(new.node.brand_id),
            accelerator_id: Some(new.node.accelerator_id),
        },
        ..Change::default()
    };
    Ok(Step::Change(server.id, Box::new(change), login))
}

async fn done(ctx: &Ctx, entry: Entry, step: Step, outcome: &mut Outcome) -> Result<(), Error> {
    let (list, written) = match step {
        Step::Nothing | Step::Later => {
            outcome.unchanged += 1;
            return Ok(());
        }
        Step::Create(settings, login) => {
            let written = match outcome.dry_run {
                true => Ok(()),
                false => servers::create(ctx, *settings, login).await.map(drop),
            };
            (&mut outcome.created, written)
        }
        Step::Change(id, change, login) => {
            let written = match outcome.dry_run {
                true => Ok(()),
                false => servers::change(ctx, id, *change, login).await.map(drop),
            };
            (&mut outcome.changed, written)
        }
    };
    match written {
        Ok(()) => list.push(entry.name),
        Err(why @ (Error::Invalid(_) | Error::Conflict(_) | Error::NotFound(_))) => {
            skip(outcome, &entry, why.to_string());
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// Every server as a list, without passwords and keys.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Storage`.
pub async fn export(ctx: &Ctx, format: Format) -> Result<String, Error> {
    ctx.authorize(Action::ServerExport, ())?;
    ctx.audited(Action::ServerExport, About::nothing().with("format", word(format)), async move |ctx| {
        let known = ctx.app().servers().now();
        let credentials = ctx.app().store().credentials().await?;
        let username = |id: Option<i64>| {
            credentials.iter().find(|one| Some(one.id) == id).map(|one| one.about.username.clone())
        };
        let name = |id: Option<i64>| {
            id.and_then(|id| known.servers.get(&id)).map(|server| server.settings.name.clone())
        };
        let row = |server: &Server| {
            let ServerSettings { name: own, host, port, platform, tags, group, notes, .. } =
                server.settings.clone();
            let (jump, username) = (name(server.settings.jump), username(server.settings.default_credential));
            Row { name: own, host, port, platform, tags, group, notes, jump, username }
        };
        let mut rows: Vec<_> = known.servers.values().map(|server| row(server)).collect();
        rows.sort_by_key(|row| row.name.to_lowercase());
        Ok(inventory::write(format, &rows))
    })
    .await
}

/// Accepts the keys that a known_hosts file has for servers that are there.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `Invalid`, `Storage`.
pub async fn known_hosts(ctx: &Ctx, text: &str, dry_run: bool) -> Result<Outcome, Error> {
    ctx.authorize(Action::ServerImport, ())?;
    if text.len() > inventory::MAX_TEXT {
        return Err(Error::Invalid(format!("text: at most {} bytes", inventory::MAX_TEXT)));
    }
    let text = text.to_owned();
    let about = About::nothing().with("format", "known_hosts").with("dry_run", dry_run);
    ctx.audited(Action::ServerImport, about, async move |ctx| pin_all(&ctx, &text, dry_run).await).await
}

async fn pin_all(ctx: &Ctx, text: &str, dry_run: bool) -> Result<Outcome, Error> {
    let mut outcome = Outcome { dry_run, ..Outcome::default() };
    let known = ctx.app().servers().now();
    for line in known_hosts::parse(text) {
        let mut skip =
            |name: Option<String>, why: String| outcome.skipped.push(Skipped { line: line.line, name, why });
        match line.mark {
            Mark::None => {}
            Mark::Authority => {
                skip(None, "an authority's key: add it as one, if every server may use it".to_owned());
                continue;
            }
            Mark::Revoked => {
                skip(None, "a revoked key: it is not accepted".to_owned());
                continue;
            }
        }
        let mut any = false;
        for server in known.servers.values() {
            let ServerSettings { name, host, port, .. } = &server.settings;
            // By the name that it has in lists too: that is how ssh knew it.
            if !line.is_of(host, *port) && !line.is_of(name, *port) {
                continue;
            }
            any = true;
            let key: Vec<_> = line.key.split_whitespace().take(2).collect();
            let key = key.join(" ");
            if ctx.app().store().host_keys(server.id).await?.iter().any(|pinned| pinned.key == key) {
                outcome.unchanged += 1;
                continue;
            }
            let added = match dry_run {
                true => Ok(()),
                false => host_keys::add(ctx, server.id, &key).await.map(drop),
            };
            match added {
                Ok(()) => {
                    outcome.created.push(format!("{name}: {}", key.split(' ').next().unwrap_or_default()));
                }
                Err(why @ (Error::Invalid(_) | Error::Conflict(_))) => {
                    let name = Some(name.clone());
                    outcome.skipped.push(Skipped { line: line.line, name, why: why.to_string() });
                }
                Err(error) => return Err(error),
            }
        }
        if !any {
            let why = "of no server that is there".to_owned();
            outcome.skipped.push(Skipped { line: line.line, name: None, why });
        }
    }
    Ok(outcome)
}
