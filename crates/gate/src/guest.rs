//! One connection as the library sees it: every call of the client ends here.

use std::collections::HashMap;
use std::sync::Arc;

use bastide_app::streams::{self, ClientAgent};
use bastide_app::{App, Ctx, Origin};
use bytes::Bytes;
use russh::keys::{Algorithm, Certificate, PublicKeyBase64};
use russh::server::{
    Auth, ChannelOpenHandle, Handler, Msg, PublicKeyOffer, Response, Session, VerifiedPublicKey,
};
use russh::{Channel, ChannelId, ChannelOpenFailure, MethodKind, MethodSet, Pty, Sig};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};

use crate::agent::Client;
use crate::channel::{self, Visit};
use crate::entry::{Entry, Step, refuse};
use crate::flow::Flow;
use crate::inbox::{Event, Inbox};
use crate::listener::Stranger;
use crate::name::Target;
use crate::peer::{Peer, STDERR, signal_name};

/// Channels at once in one connection: ssh(1) with `ControlMaster` and a browser behind `-D` need some dozens.
const MAX_CHANNELS: usize = 64;

type Fault = russh::Error;

/// Who came, once that is known.
pub(crate) type Known = watch::Receiver<Option<Ctx>>;

pub(crate) struct Guest {
    app: App,
    entry: Entry,
    flow: Arc<Flow>,
    stranger: Option<Stranger>,
    known: watch::Sender<Option<Ctx>>,
    inside: Option<(Ctx, Target)>,
    channels: HashMap<ChannelId, Open>,
    places: Arc<Semaphore>,
    /// Where it said that it lends one.
    agent: Option<ClientAgent>,
    /// What was refused where nobody could be told why; the next program's errors say so.
    to_tell: Option<String>,
}

struct Open {
    inbox: Arc<Inbox>,
    /// A shell, a command or a subsystem was asked for; there is one in a channel (RFC 4254 section 6.5).
    started: bool,
}

impl Guest {
    pub(crate) fn new(app: App, origin: Origin, flow: Arc<Flow>, stranger: Stranger) -> (Self, Known) {
        let (known, look) = watch::channel(None);
        let guest = Self {
            entry: Entry::new(app.clone(), origin),
            app,
            flow,
            stranger: Some(stranger),
            known,
            inside: None,
            channels: HashMap::new(),
            places: Arc::new(Semaphore::new(MAX_CHANNELS)),
            agent: None,
            to_tell: None,
        };
        (guest, look)
    }

    fn enter(&mut self, entered: Option<(Ctx, Target)>) -> Auth {
        match entered {
            Some((ctx, target)) => {
                self.stranger = None;
                self.inside = Some((ctx.clone(), target));
                self.known.send_replace(Some(ctx));
                Auth::Accept
            }
            None => refuse(),
        }
    }

    /// Room for one more channel, and who asks.
    fn place(&self) -> Option<(OwnedSemaphorePermit, Ctx, Target)> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let (ctx, target) = self.inside.clone()?;
        Some((place, ctx, target))
    }

    fn open(
        &mut self,
        channel: Channel<Msg>,
        (place, ctx, target): (OwnedSemaphorePermit, Ctx, Target),
        session: &Session,
    ) -> Visit {
        let id = channel.id();
        // The library does not tell of the ends that were ours.
        self.channels.retain(|_, open| !open.inbox.is_abandoned());
        // What comes is given to the callbacks below; the other half would be a second copy of it.
        let (_, write) = channel.split();
        let inbox = Arc::new(Inbox::new(Arc::clone(&self.flow)));
        self.channels.insert(id, Open { inbox: Arc::clone(&inbox), started: false });
        let peer = Peer::new(write, session.handle(), Arc::clone(&self.flow));
        Visit { ctx, target, peer, inbox, _place: place }
    }

    fn push(&self, id: ChannelId, event: Event) -> Result<(), Fault> {
        match self.channels.get(&id) {
            Some(open) if !open.inbox.push(event) => Err(Fault::Disconnect),
            _ => Ok(()),
        }
    }

    fn start(&mut self, id: ChannelId, event: Event, session: &mut Session) -> Result<(), Fault> {
        match self.channels.get_mut(&id) {
            Some(open) if !open.started => {
                open.started = true;
                // Said at once, as OpenSSH does; what goes wrong later is told on standard error.
                session.channel_success(id)?;
                if let Some(text) = self.to_tell.take() {
                    session.extended_data(id, STDERR, format!("bastide: {text}\r\n"))?;
                }
                self.push(id, event)
            }
            _ => session.channel_failure(id),
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        for open in self.channels.values() {
            open.inbox.close();
        }
    }
}

/// Until whoever came may not be here any more; why.
pub(crate) async fn lost(known: &mut Known) -> &'static str {
    let came = known.wait_for(Option::is_some).await.map(|ctx| ctx.clone());
    let Ok(mut ctx) = came else { return std::future::pending().await };
    while let Some(now) = ctx {
        let mut changes = now.changes();
        let expires = now.person().ok().and_then(|person| person.expires());
        tokio::select! {
            changed = changes.changed() => if changed.is_err() {
                return "the server stops";
            },
            () = now.clock().reaches(expires) => {}
        }
        ctx = match now.again().await {
            Ok(again) => again,
            // It is looked at again with the next change; whatever is asked for meanwhile is refused for the same
            // reason.
            Err(_) => Some(now),
        };
    }
    "your login has ended"
}

fn size(cols: u32, rows: u32) -> (u16, u16) {
    // ssh(1) without a size sends zeros.
    let side =
        |side: u32, usual: u16| if side == 0 { usual } else { u16::try_from(side).unwrap_or(u16::MAX) };
    (side(cols, 80), side(rows, 24))
}

impl Handler for Guest {
    type Error = Fault;

    async fn auth_none(&mut self, _: &str) -> Result<Auth, Fault> {
        Ok(refuse())
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Fault> {
        let step = self.entry.password(user, password.to_owned()).await;
        Ok(match step {
            Step::In(entered) => self.enter(Some(*entered)),
            // The first of two (RFC 4252 section 5.1); the next is asked as keyboard-interactive.
            Step::Code => Auth::Reject {
                proceed_with_methods: Some(MethodSet::from(&[MethodKind::KeyboardInteractive][..])),
                partial_success: true,
            },
            Step::No => self.enter(None),
        })
    }

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Fault> {
        // SHA-1, RFC 8332 section 1.
        if *offer.algorithm == (Algorithm::Rsa { hash: None }) {
            return Ok(refuse());
        }
        let line = format!("{} {}", offer.public_key.algorithm(), offer.public_key.public_key_base64());
        // A certificate's own key is nobody's; what it is worth is asked when its owner has shown that they have it.
        Ok(if self.entry.knows(user, &line).await { Auth::Accept } else { refuse() })
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Fault> {
        if *key.algorithm == (Algorithm::Rsa { hash: None }) {
            return Ok(refuse());
        }
        let line = format!("{} {}", key.public_key.algorithm(), key.public_key.public_key_base64());
        let entered = self.entry.key(user, &line).await;
        Ok(self.enter(entered))
    }

    async fn auth_openssh_certificate(&mut self, user: &str, shown: &Certificate) -> Result<Auth, Fault> {
        let entered = self.entry.certificate(user, shown).await;
        Ok(self.enter(entered))
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Fault> {
        let Some(mut response) = response else { return Ok(self.entry.ask(user)) };
        let answer = response.next().and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
        let step = self.entry.answer(user, answer.unwrap_or_default()).await;
        Ok(match step {
            Step::In(entered) => self.enter(Some(*entered)),
            Step::Code => self.entry.ask(user),
            Step::No => self.enter(None),
        })
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Fault> {
        let Some(place) = self.place() else {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        };
        let visit = self.open(channel, place, session);
        reply.accept().await;
        drop(self.app.tasks().spawn("ssh channel", channel::session(visit)));
        Ok(())
    }

    async fn channel_open_direct_tcpip(
        &mut self,
        channel: Channel<Msg>,
        host: &str,
        port: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        session: &mut Session,
    ) -> Result<(), Fault> {
        let (Some(place), Ok(port)) = (self.place(), u16::try_from(port)) else {
            reply.reject(ChannelOpenFailure::ResourceShortage).await;
            return Ok(());
        };
        let visit = self.open(channel, place, session);
        let to = (host.to_owned(), port);
        drop(self.app.tasks().spawn("ssh forward", channel::forward(visit, to, reply)));
        Ok(())
    }

    // Whatever else a client may open is refused by dropping `reply`: the library's own answer would be yes.

    async fn channel_open_x11(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    /// Back to the client: whoever is let in to a server is not to be a way into the client's network.
    async fn tcpip_forward(
        &mut self,
        address: &str,
        port: &mut u32,
        session: &mut Session,
    ) -> Result<bool, Fault> {
        let Some((ctx, _)) = &self.inside else { return Ok(false) };
        let why = streams::backwards(ctx, (address, *port)).await.to_string();
        session.debug(true, &why, "")?;
        self.to_tell = Some(why);
        Ok(false)
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        // What the program sees is the session's own terminal, whichever client looks on.
        _: &str,
        cols: u32,
        rows: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Fault> {
        session.channel_success(id)?;
        self.push(id, Event::Pty(size(cols, rows)))
    }

    /// `ssh -A`. Whether the server is one for it is seen when something runs there; a client says nothing of a refusal.
    async fn agent_request(&mut self, id: ChannelId, session: &mut Session) -> Result<bool, Fault> {
        let (handle, flow) = (session.handle(), Arc::clone(&self.flow));
        let agent = self.agent.get_or_insert_with(|| ClientAgent::new(Arc::new(Client::new(handle, flow))));
        let agent = agent.clone();
        self.push(id, Event::Agent(agent))?;
        Ok(true)
    }

    async fn x11_request(
        &mut self,
        id: ChannelId,
        _: bool,
        _: &str,
        _: &str,
        _: u32,
        session: &mut Session,
    ) -> Result<(), Fault> {
        session.channel_failure(id)
    }

    async fn env_request(
        &mut self,
        id: ChannelId,
        name: &str,
        value: &str,
        session: &mut Session,
    ) -> Result<(), Fault> {
        if !channel::takes_variable(name) {
            return session.channel_failure(id);
        }
        session.channel_success(id)?;
        self.push(id, Event::Env { name: name.to_owned(), value: value.to_owned() })
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Result<(), Fault> {
        self.start(id, Event::Shell, session)
    }

    async fn exec_request(&mut self, id: ChannelId, line: &[u8], session: &mut Session) -> Result<(), Fault> {
        self.start(id, Event::Exec(line.to_vec()), session)
    }

    async fn subsystem_request(
        &mut self,
        id: ChannelId,
        name: &str,
        session: &mut Session,
    ) -> Result<(), Fault> {
        if name != channel::SFTP {
            return session.channel_failure(id);
        }
        self.start(id, Event::Subsystem(name.to_owned()), session)
    }

    async fn window_change_request(
        &mut self,
        id: ChannelId,
        cols: u32,
        rows: u32,
        _: u32,
        _: u32,
        _: &mut Session,
    ) -> Result<(), Fault> {
        if let Some(open) = self.channels.get(&id) {
            open.inbox.resize(size(cols, rows));
        }
        Ok(())
    }

    async fn signal(&mut self, id: ChannelId, signal: Sig, _: &mut Session) -> Result<(), Fault> {
        if let Some(open) = self.channels.get(&id) {
            open.inbox.signal(signal_name(&signal));
        }
        Ok(())
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], _: &mut Session) -> Result<(), Fault> {
        if data.is_empty() {
            return Ok(());
        }
        self.push(id, Event::Data(Bytes::copy_from_slice(data)))
    }

    async fn channel_eof(&mut self, id: ChannelId, _: &mut Session) -> Result<(), Fault> {
        self.push(id, Event::Eof)
    }

    async fn channel_close(&mut self, id: ChannelId, _: &mut Session) -> Result<(), Fault> {
        if let Some(open) = self.channels.remove(&id) {
            open.inbox.close();
        }
        Ok(())
    }

    fn adjust_window(&mut self, _: ChannelId, _: u32) -> u32 {
        self.flow.window()
    }
}
