//! What a connection's own task calls, and what it shares with the rest of the crate.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bastide_rt::Tasks;
use russh::client::{DisconnectReason, Handler, Session};
use russh::keys::PublicKeyOrCertificate;
use russh::{ChannelId, ChannelOpenFailure, Sig, client};
use tokio::sync::watch;

use crate::agent::Forwarded;
use crate::channel::{Exit, Inbox, Stream};
use crate::error::Error;
use crate::hostkey::{HostGate, Shown};
use crate::patience::line;
use crate::transport::Pulse;

/// Banners before login, all together: a page of law, and not more.
const MAX_BANNER: usize = 8 * 1024;
/// A server that goes on sending them is not let in.
const MAX_BANNERS: usize = 64;

/// The server refused, and named no other way to log in.
pub(crate) const NO_MORE_TRIES: &str = "the server takes no more tries";

/// One connection, as its task and the others see it.
#[derive(Debug, Default)]
pub(crate) struct Link {
    pub(crate) pulse: Arc<Pulse>,
    channels: Mutex<HashMap<ChannelId, Arc<Inbox>>>,
    ended: Mutex<Option<String>>,
    shown: Mutex<Option<Shown>>,
    banner: Mutex<String>,
    /// The agent that is forwarded, where that was asked for.
    agent: Mutex<Option<Arc<Forwarded>>>,
    /// The server's words about the last channel that it refused.
    refusal: Mutex<Option<String>>,
    /// Its task waits for a slow reader; silence is no sign of death then.
    pub(crate) waiting: watch::Sender<bool>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Link {
    pub(crate) fn inbox(&self, id: ChannelId) -> Option<Arc<Inbox>> {
        lock(&self.channels).get(&id).cloned()
    }

    /// That of a channel that was just opened; `None` when the connection has ended. `russh` may say so to whoever
    /// opened it before it calls [`Callbacks::channel_open_confirmation`], so either side makes it.
    pub(crate) fn opened(&self, id: ChannelId) -> Option<Arc<Inbox>> {
        let inbox = Arc::clone(lock(&self.channels).entry(id).or_default());
        // Looked at last: what ends the connection takes the inboxes after it has said so.
        if self.ended().is_some() {
            self.forget(id);
            return None;
        }
        Some(inbox)
    }

    pub(crate) fn forget(&self, id: ChannelId) {
        lock(&self.channels).remove(&id);
    }

    /// Ends it for everybody; the first reason stays.
    pub(crate) fn finish(&self, why: &str) {
        let why = lock(&self.ended).get_or_insert_with(|| why.to_owned()).clone();
        let channels = std::mem::take(&mut *lock(&self.channels));
        for inbox in channels.values() {
            inbox.end(Some(&why));
        }
    }

    /// Why it has ended, when it has.
    pub(crate) fn ended(&self) -> Option<String> {
        lock(&self.ended).clone()
    }

    pub(crate) fn shown(&self) -> Option<Shown> {
        lock(&self.shown).clone()
    }

    /// What the server said before login, in one line.
    pub(crate) fn banner(&self) -> String {
        line(&lock(&self.banner))
    }

    pub(crate) fn forward(&self, agent: Forwarded) {
        *lock(&self.agent) = Some(Arc::new(agent));
    }

    /// Whether there is an agent to forward.
    pub(crate) fn forwards(&self) -> bool {
        lock(&self.agent).is_some()
    }

    pub(crate) fn take_refusal(&self) -> Option<String> {
        lock(&self.refusal).take()
    }
}

/// Why a connection's task ends: a fault of the protocol, or a decision of ours.
#[derive(Debug)]
pub(crate) enum Fault {
    Ssh(russh::Error),
    Ours(Box<Error>),
}

impl From<russh::Error> for Fault {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

type Opened = russh::Channel<client::Msg>;
type Reply = client::ChannelOpenHandle;

#[derive(Debug)]
pub(crate) struct Callbacks {
    link: Arc<Link>,
    gate: HostGate,
    banners: usize,
    tasks: Tasks,
}

impl Callbacks {
    pub(crate) fn new(link: Arc<Link>, gate: HostGate, tasks: Tasks) -> Self {
        Self { link, gate, banners: 0, tasks }
    }

    async fn deliver(&self, id: ChannelId, stream: Stream, bytes: &[u8]) {
        let Some(inbox) = self.link.inbox(id) else { return };
        if !inbox.deliver(stream, bytes) {
            self.link.waiting.send_replace(true);
            inbox.has_room().await;
            self.link.waiting.send_replace(false);
        }
    }
}

impl Drop for Callbacks {
    /// However the task ends, a panic included, nobody goes on waiting for it.
    fn drop(&mut self) {
        self.link.finish("the connection ended");
    }
}

impl Handler for Callbacks {
    type Error = Fault;

    async fn auth_banner(&mut self, banner: &str, _: &mut Session) -> Result<(), Fault> {
        self.banners += 1;
        if self.banners > MAX_BANNERS {
            let why = "the server sends banners without end instead of letting in".to_owned();
            self.link.finish(&why);
            return Err(Fault::Ssh(russh::Error::Disconnect));
        }
        let mut kept = lock(&self.link.banner);
        let room = MAX_BANNER.saturating_sub(kept.len());
        kept.extend(banner.chars().take(room));
        Ok(())
    }

    async fn check_server_key(&mut self, key: &PublicKeyOrCertificate) -> Result<bool, Fault> {
        let checked = tokio::select! {
            checked = self.gate.check(key) => checked,
            () = self.link.pulse.is_cut() => return Ok(false),
        };
        match checked {
            Ok(shown) => {
                lock(&self.link.shown).get_or_insert(shown);
                Ok(true)
            }
            Err(error) => Err(Fault::Ours(Box::new(error))),
        }
    }

    async fn channel_open_confirmation(
        &mut self,
        id: ChannelId,
        _: u32,
        _: u32,
        _: &mut Session,
    ) -> Result<(), Fault> {
        lock(&self.link.channels).entry(id).or_default();
        Ok(())
    }

    async fn channel_open_failure(
        &mut self,
        _: ChannelId,
        _: ChannelOpenFailure,
        description: &str,
        _: &str,
        _: &mut Session,
    ) -> Result<(), Fault> {
        *lock(&self.link.refusal) = Some(line(description));
        Ok(())
    }

    async fn channel_success(&mut self, id: ChannelId, _: &mut Session) -> Result<(), Fault> {
        if let Some(inbox) = self.link.inbox(id) {
            inbox.reply(true);
        }
        Ok(())
    }

    async fn channel_failure(&mut self, id: ChannelId, _: &mut Session) -> Result<(), Fault> {
        if let Some(inbox) = self.link.inbox(id) {
            inbox.reply(false);
        }
        Ok(())
    }

    async fn data(&mut self, id: ChannelId, bytes: &[u8], _: &mut Session) -> Result<(), Fault> {
        self.deliver(id, Stream::Output, bytes).await;
        Ok(())
    }

    async fn extended_data(
        &mut self,
        id: ChannelId,
        kind: u32,
        bytes: &[u8],
        _: &mut Session,
    ) -> Result<(), Fault> {
        // RFC 4254 section 5.2 knows 1 for standard error, and nothing else.
        let stream = if kind == 1 { Stream::Error } else { Stream::Output };
        self.deliver(id, stream, bytes).await;
        Ok(())
    }

    async fn exit_status(&mut self, id: ChannelId, status: u32, _: &mut Session) -> Result<(), Fault> {
        if let Some(inbox) = self.link.inbox(id) {
            inbox.exited(Exit::Status(status));
        }
        Ok(())
    }

    async fn exit_signal(
        &mut self,
        id: ChannelId,
        signal: Sig,
        _: bool,
        _: &str,
        _: &str,
        _: &mut Session,
    ) -> Result<(), Fault> {
        if let Some(inbox) = self.link.inbox(id) {
            inbox.exited(Exit::Signal(signal_name(&signal)));
        }
        Ok(())
    }

    async fn channel_eof(&mut self, id: ChannelId, _: &mut Session) -> Result<(), Fault> {
        if let Some(inbox) = self.link.inbox(id) {
            inbox.eof();
        }
        Ok(())
    }

    async fn channel_close(&mut self, id: ChannelId, _: &mut Session) -> Result<(), Fault> {
        // It stays for whoever opened the channel, who may not have come to it yet; ids are not used again.
        if let Some(inbox) = self.link.inbox(id) {
            inbox.end(None);
        }
        Ok(())
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        channel: Opened,
        reply: Reply,
        _: &mut Session,
    ) -> Result<(), Fault> {
        let agent = lock(&self.link.agent).clone();
        let Some(program) = agent.and_then(|agent| agent.enter()) else { return Ok(()) };
        drop(self.tasks.spawn("ssh agent", async move {
            let Ok(talk) = program.talk().await else { return };
            reply.accept().await;
            program.serve(channel.into_stream(), talk).await;
        }));
        Ok(())
    }

    // A server has nothing else to open here; the library would let it. Dropping `reply` refuses.

    async fn server_channel_open_session(
        &mut self,
        _: Opened,
        _: Reply,
        _: &mut Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn server_channel_open_x11(
        &mut self,
        _: Opened,
        _: &str,
        _: u32,
        _: Reply,
        _: &mut Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _: Opened,
        _: &str,
        _: Reply,
        _: &mut Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: Opened,
        _: &str,
        _: Reply,
        _: &mut Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _: Opened,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _: Reply,
        _: &mut Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: Opened,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        _: Reply,
        _: &mut Session,
    ) -> Result<(), Fault> {
        Ok(())
    }

    async fn disconnected(&mut self, reason: DisconnectReason<Fault>) -> Result<(), Fault> {
        match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                let message = line(&info.message);
                let why = if message.is_empty() {
                    "the server ended the connection".to_owned()
                } else {
                    format!("the server ended the connection: {message}")
                };
                self.link.finish(&why);
                Ok(())
            }
            DisconnectReason::Error(fault) => {
                self.link.finish(&why_lost(&fault));
                Err(fault)
            }
        }
    }
}

/// One clause about a connection that ended by a fault.
fn why_lost(fault: &Fault) -> String {
    match fault {
        Fault::Ssh(russh::Error::Disconnect | russh::Error::HUP) => {
            "the server closed the connection".to_owned()
        }
        Fault::Ssh(russh::Error::IO(error)) if error.kind() == std::io::ErrorKind::UnexpectedEof => {
            "the server closed the connection".to_owned()
        }
        Fault::Ssh(russh::Error::NoAuthMethod) => NO_MORE_TRIES.to_owned(),
        Fault::Ssh(russh::Error::IO(error)) => format!("the connection broke: {error}"),
        Fault::Ssh(error) => format!("the connection broke: {error}"),
        Fault::Ours(error) => error.to_string(),
    }
}

/// RFC 4254 section 6.10.
fn signal_name(signal: &Sig) -> String {
    match signal {
        Sig::Custom(name) => line(name),
        known => format!("{known:?}"),
    }
}
