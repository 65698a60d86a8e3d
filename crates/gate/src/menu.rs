//! Where to, for somebody who named no server: their running sessions, the servers that they may use, and a search.

use std::fmt::Write;

use bastide_app::page::Piece;
use bastide_app::servers::{self, Filter, View};
use bastide_app::sessions::{self, Access, OnServer, Seen, State};
use bastide_app::{Ctx, Error};
use bytes::Bytes;
use uuid::Uuid;

use crate::channel::{Failed, HERE, Visit};
use crate::inbox::{Event, Urgent};
use crate::line::{Line, Typed};
use crate::peer::visible;

/// Where somebody goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Choice {
    Server(OnServer),
    /// A shell of this machine.
    Here,
    /// Back to one that runs.
    Session(Uuid),
}

/// A screenful; who has more searches.
const SHOWN: u32 = 20;
const SESSIONS: usize = 9;
/// Fewer could be anybody's.
const SHORTEST_UID: usize = 8;

/// The session that a uid, or the beginning of one, names.
pub(crate) async fn running(ctx: &Ctx, uid: &str) -> Result<Uuid, Error> {
    if let Ok(uid) = uid.parse() {
        return Ok(uid);
    }
    let own = own(ctx).await?;
    let begins = |seen: &&Seen| seen.session.uid.to_string().starts_with(uid) && uid.len() >= SHORTEST_UID;
    let mut found = own.iter().filter(begins).map(|seen| seen.session.uid);
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Error::Invalid(format!("no session of yours that runs begins with {uid:?}"))),
        (Some(_), Some(_)) => Err(Error::Invalid(format!("several sessions begin with {uid:?}"))),
    }
}

/// The caller's own that run, newest first.
async fn own(ctx: &Ctx) -> Result<Vec<Seen>, Error> {
    let me = ctx.person()?.user.id;
    let (all, _) = sessions::list(ctx, Some(State::Running), Piece { limit: 200, after: None }).await?;
    let mine =
        |seen: &Seen| seen.access == Access::Own || seen.owner.as_ref().is_some_and(|own| own.id == me);
    Ok(all.into_iter().filter(mine).collect())
}

/// What stands on the screen.
struct Page {
    sessions: Vec<Seen>,
    servers: Vec<View>,
    more: bool,
    here: bool,
}

impl Page {
    async fn read(ctx: &Ctx, text: &str) -> Result<Self, Error> {
        let filter = Filter { text: (!text.is_empty()).then(|| text.to_owned()), ..Filter::default() };
        let piece = Piece { limit: SHOWN, after: None };
        let (servers, next) = servers::list(ctx, &filter, piece).await?;
        let mut sessions = if text.is_empty() { own(ctx).await? } else { Vec::new() };
        sessions.truncate(SESSIONS);
        let here = text.is_empty() && ctx.authorize(bastide_app::Action::SessionCreate, ()).is_ok();
        Ok(Self { sessions, servers, more: next.is_some(), here })
    }

    fn text(&self, searched: &str) -> String {
        let mut out = String::new();
        let mut put = |line: std::fmt::Arguments<'_>| {
            write!(out, "{line}\r\n").expect("a String takes any text");
        };
        for (at, seen) in self.sessions.iter().enumerate() {
            let place = seen.server.as_ref().map_or("this machine", |server| server.name.as_str());
            let title =
                seen.session.name.as_deref().or(seen.session.shown.title.as_deref()).unwrap_or_default();
            put(format_args!("  s{}  back to {}  {}", at + 1, visible(place), visible(title)));
        }
        for (at, server) in self.servers.iter().enumerate() {
            put(format_args!("{:>4}  {}  {}", at + 1, visible(&server.name), visible(&server.host)));
        }
        if self.here {
            put(format_args!("   .  this machine"));
        }
        match (self.servers.is_empty(), searched.is_empty(), self.more) {
            (true, true, _) => {
                put(format_args!("There are no servers for you yet: an administrator can grant some."));
            }
            (true, false, _) => put(format_args!("No server with {:?} in it.", visible(searched))),
            (_, _, true) => put(format_args!("      … and more: type a part of a name")),
            _ => {}
        }
        out
    }

    /// What a line means; `None`: something to look for.
    fn choice(&self, line: &str) -> Option<Choice> {
        if self.here && (line == "." || line.eq_ignore_ascii_case(HERE)) {
            return Some(Choice::Here);
        }
        let nth = |text: &str| text.parse::<usize>().ok().and_then(|number| number.checked_sub(1));
        if let Some(session) = line.strip_prefix('s').and_then(nth).and_then(|at| self.sessions.get(at)) {
            return Some(Choice::Session(session.session.uid));
        }
        let by_number = nth(line).and_then(|at| self.servers.get(at));
        let by_name = || self.servers.iter().find(|server| server.name.eq_ignore_ascii_case(line));
        let found = by_number.or_else(by_name);
        found.map(|server| Choice::Server(OnServer { server: server.id, credential: None }))
    }
}

/// Asks until something is chosen; `None` when the person leaves.
pub(crate) async fn choose(visit: &Visit) -> Result<Option<Choice>, Failed> {
    let mut searched = String::new();
    loop {
        let ctx = visit.ctx.again().await?.ok_or(Error::NotLoggedIn)?;
        let page = Page::read(&ctx, &searched).await?;
        if let (false, [only]) = (searched.is_empty(), page.servers.as_slice()) {
            // A search that finds one is a choice.
            return Ok(Some(Choice::Server(OnServer { server: only.id, credential: None })));
        }
        let text = format!("\r\n{}number, part of a name, or q: ", page.text(&searched));
        visit.peer.output(Bytes::from(text)).await?;
        let Some(line) = read(visit).await? else { return Ok(None) };
        let line = line.trim();
        if matches!(line, "q" | "quit" | "exit") {
            return Ok(None);
        }
        if let Some(choice) = page.choice(line) {
            return Ok(Some(choice));
        }
        line.clone_into(&mut searched);
    }
}

/// One line; `None` when the person leaves.
async fn read(visit: &Visit) -> Result<Option<zeroize::Zeroizing<String>>, Failed> {
    let mut line = Line::new(true);
    loop {
        let event = tokio::select! {
            event = visit.inbox.next() => event,
            urgent = visit.inbox.urgent() => match urgent {
                Urgent::Closed => return Err(Failed::Gone),
                Urgent::Size(_) | Urgent::Signal(_) => continue,
            },
        };
        let bytes = match event {
            Some(Event::Data(bytes)) => bytes,
            Some(Event::Eof) | None => return Ok(None),
            Some(_) => continue,
        };
        let (taken, typed, shown) = line.take(&bytes);
        if taken < bytes.len() {
            // Typed ahead: for the shell.
            visit.inbox.unread(bytes.slice(taken..));
        }
        visit.peer.output(Bytes::from(shown)).await?;
        match typed {
            Typed::More => {}
            Typed::Line(text) => return Ok(Some(text)),
            Typed::Given => return Ok(None),
        }
    }
}
