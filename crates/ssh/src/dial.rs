//! From a description to a logged-in connection, hop by hop.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bastide_rt::Tasks;
use bastide_wire::ssh::{Hop, MAX_HOPS, PresentedKey, Ssh};
use russh::client;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};

use crate::agent::Forwarded;
use crate::algorithms::preferred;
use crate::ask::Ask;
use crate::callbacks::{Callbacks, Fault, Link};
use crate::config::Config;
use crate::connection::{Connection, ConnectionInfo};
use crate::error::Error;
use crate::hostkey::{Expected, HostGate};
use crate::keys::presented;
use crate::login::LoggingIn;
use crate::patience::{Asking, line};
use crate::transport::{Pulse, Transport};

/// What a server may send in one channel before it must wait. `russh` opens the window again as soon as bytes
/// arrive, so this bounds what is on the way, not what is kept.
const WINDOW: u32 = 1024 * 1024;
/// Of one message; RFC 4254 section 5.2 asks that at least this be taken.
const PACKET: u32 = 32 * 1024;
/// Messages of one channel of a jump that wait for the connection inside it.
const JUMP_BUFFER: usize = 32;
/// Addresses of one name that are tried.
const MAX_ADDRESSES: usize = 8;

/// What a dial needs besides its destination.
#[derive(Clone, Copy)]
pub(crate) struct Means<'a> {
    pub(crate) ask: &'a Arc<dyn Ask>,
    pub(crate) config: &'a Config,
    pub(crate) tasks: &'a Tasks,
}

/// Dials all hops.
pub(crate) async fn dial(to: &Ssh, id: u64, means: Means<'_>) -> Result<Arc<Connection>, Error> {
    check(to)?;
    let mut reached: Option<Arc<Connection>> = None;
    for (index, hop) in to.hops.iter().enumerate() {
        let info = ConnectionInfo {
            id,
            server: hop.name.clone(),
            host: hop.host.clone(),
            port: hop.port,
            username: hop.username.clone(),
            credential: hop.credential.clone(),
            isolation: to.isolation.clone(),
            via: to.hops[..index].iter().map(|hop| hop.name.clone()).collect(),
            channels: 0,
            since: SystemTime::now(),
            idle_since: None,
        };
        let dialling = Dialling {
            forward: to.agent_forwarding && index + 1 == to.hops.len(),
            ..Dialling::new(hop, means)
        };
        reached = Some(Arc::new(dialling.connect(reached, info).await?));
    }
    reached.ok_or_else(|| Error::Request("no server is named".to_owned()))
}

/// The key that the last hop shows, without logging in there.
pub(crate) async fn probe(to: &Ssh, means: Means<'_>) -> Result<PresentedKey, Error> {
    check(to)?;
    let (last, before) = to.hops.split_last().expect("checked");
    let upstream = match before {
        [] => None,
        before => Some(dial(&Ssh { hops: before.to_vec(), ..to.clone() }, 0, means).await?),
    };
    let dialling = Dialling { probe: true, ..Dialling::new(last, means) };
    let half = dialling.handshake(upstream.as_ref()).await?;
    let shown = half.link.shown().ok_or_else(|| dialling.broken("it ended before a key was shown"))?;
    Ok(presented(&last.host, last.port, &shown.key))
}

fn check(to: &Ssh) -> Result<(), Error> {
    if to.hops.is_empty() || to.hops.len() > MAX_HOPS {
        return Err(Error::Request(format!(
            "{} servers on the way; 1 to {MAX_HOPS} are possible",
            to.hops.len()
        )));
    }
    for hop in &to.hops {
        if hop.host.is_empty() || hop.port == 0 {
            return Err(Error::Request(format!("{} has no host or no port", hop.name)));
        }
        Expected::of(hop)?;
    }
    Ok(())
}

/// `name (host:port)`, or less where it would say the same twice.
fn place(hop: &Hop) -> String {
    let address = if hop.host.contains(':') {
        format!("[{}]:{}", hop.host, hop.port)
    } else {
        format!("{}:{}", hop.host, hop.port)
    };
    if hop.name.is_empty() || hop.name == hop.host {
        line(&address)
    } else {
        line(&format!("{} ({address})", hop.name))
    }
}

/// One hop on its way.
struct Dialling<'a> {
    hop: &'a Hop,
    place: String,
    means: Means<'a>,
    asking: Asking,
    /// Ends with the key.
    probe: bool,
    /// Forwards an agent: what is lent, or else the key that lets in.
    forward: bool,
}

/// Connected and not logged in. Dropping it cuts the stream, so that nothing goes on behind a dial that was given up.
struct Half {
    handle: Option<client::Handle<Callbacks>>,
    link: Arc<Link>,
}

impl Drop for Half {
    fn drop(&mut self) {
        if self.handle.is_some() {
            self.link.pulse.cut();
        }
    }
}

/// Cuts the stream unless the handshake came to its end.
struct Cut(Option<Arc<Pulse>>);

impl Drop for Cut {
    fn drop(&mut self) {
        if let Some(pulse) = &self.0 {
            pulse.cut();
        }
    }
}

impl<'a> Dialling<'a> {
    fn new(hop: &'a Hop, means: Means<'a>) -> Self {
        let asking = Asking::new(Arc::clone(means.ask), &hop.name);
        Self { hop, place: place(hop), means, asking, probe: false, forward: false }
    }

    async fn connect(
        &self,
        upstream: Option<Arc<Connection>>,
        info: ConnectionInfo,
    ) -> Result<Connection, Error> {
        let mut half = self.handshake(upstream.as_ref()).await?;
        let link = Arc::clone(&half.link);
        let lender = self.means.ask.lender().filter(|_| self.forward);
        let lent = lender.map(|lender| link.forward(Forwarded::lent(lender))).is_some();
        let login = LoggingIn {
            handle: half.handle.as_mut().expect("taken only below"),
            hop: self.hop,
            place: &self.place,
            asking: &self.asking,
            link: &link,
            offered: None,
            tried: Vec::new(),
            rounds: 0,
            forward: self.forward && !lent,
        };
        let limit = self.means.config.login_timeout;
        match self.asking.limit(limit, Box::pin(login.run())).await {
            Some(done) => done?,
            None => {
                let why = format!("no answer within {} s", limit.as_secs());
                return Err(Error::Authentication { place: self.place.clone(), why });
            }
        }
        let handle = half.handle.take().expect("taken only here");
        Ok(Connection::new(handle, link, upstream, self.place.clone(), info))
    }

    async fn handshake(&self, upstream: Option<&Arc<Connection>>) -> Result<Half, Error> {
        match upstream {
            None => self.agree(self.tcp().await?).await,
            Some(upstream) => {
                let opened = upstream.handle.channel_open_direct_tcpip(
                    &self.hop.host,
                    u32::from(self.hop.port),
                    "127.0.0.1",
                    0,
                );
                let channel = match timeout(self.connect_timeout(), opened).await {
                    Ok(Ok(channel)) => channel,
                    Ok(Err(error)) => return Err(self.no_way(upstream, &error)),
                    Err(_) => return Err(self.not_connected(format!("no answer through {}", upstream.place))),
                };
                // What arrives is read from the channel; the callbacks would keep a second copy.
                upstream.link.forget(channel.id());
                self.agree(channel.into_stream()).await
            }
        }
    }

    fn no_way(&self, upstream: &Connection, error: &russh::Error) -> Error {
        let through = &upstream.place;
        let said = upstream.link.take_refusal().unwrap_or_default();
        match error {
            russh::Error::ChannelOpenFailure(russh::ChannelOpenFailure::AdministrativelyProhibited) => self
                .not_connected(format!(
                    "{through} does not forward there (AllowTcpForwarding, PermitOpen): {said}"
                )),
            russh::Error::ChannelOpenFailure(_) => {
                self.not_connected(format!("{through} cannot reach it: {said}"))
            }
            _ => self
                .not_connected(format!("{through} is gone: {}", upstream.link.ended().unwrap_or_default())),
        }
    }

    fn connect_timeout(&self) -> Duration {
        self.hop
            .connect_timeout
            .map_or(self.means.config.connect_timeout, |seconds| Duration::from_secs(u64::from(seconds)))
    }

    fn not_connected(&self, why: String) -> Error {
        Error::Connect { place: self.place.clone(), why }
    }

    fn broken(&self, why: &str) -> Error {
        Error::KeyExchange { place: self.place.clone(), why: why.to_owned() }
    }

    async fn tcp(&self) -> Result<TcpStream, Error> {
        let limit = self.connect_timeout();
        let resolve = |why: String| Error::Resolve { place: self.place.clone(), why };
        let started = Instant::now();
        let found = timeout(limit, lookup_host((self.hop.host.as_str(), self.hop.port))).await;
        let addresses: Vec<SocketAddr> = found
            .map_err(|_| resolve(format!("the resolver did not answer within {} s", limit.as_secs())))?
            .map_err(|error| resolve(line(&error.to_string())))?
            .take(MAX_ADDRESSES)
            .collect();
        let left = limit.saturating_sub(started.elapsed());
        let stream = first(&addresses, left).await.map_err(|error| {
            let silent =
                || format!("no answer within {} s; is it up, and is the port open here?", limit.as_secs());
            self.not_connected(if error.kind() == io::ErrorKind::TimedOut {
                silent()
            } else {
                why_not(&error)
            })
        })?;
        // A keystroke goes out at once. A socket that cannot be set so still works.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }

    async fn agree<S>(&self, stream: S) -> Result<Half, Error>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let expected = Expected::of(self.hop)?;
        let preferred =
            preferred(self.hop.legacy_algorithms, &expected.pinned, !expected.authorities.is_empty());
        let config = client::Config {
            client_id: russh::SshId::Standard(concat!("SSH-2.0-Bastide_", env!("CARGO_PKG_VERSION")).into()),
            window_size: WINDOW,
            maximum_packet_size: PACKET,
            channel_buffer_size: JUMP_BUFFER,
            preferred,
            ..client::Config::default()
        };
        let link = Arc::new(Link::default());
        let mut cut = Cut(Some(Arc::clone(&link.pulse)));
        let gate = HostGate::new(expected, self.place.clone(), self.asking.clone(), self.probe);
        let callbacks = Callbacks::new(Arc::clone(&link), gate, self.means.tasks.clone());
        let stream = Transport::new(stream, Arc::clone(&link.pulse));
        let limit = self.means.config.handshake_timeout;
        let agreed = Box::pin(client::connect_stream(Arc::new(config), stream, callbacks));
        match self.asking.limit(limit, agreed).await {
            None => Err(self.broken(&format!(
                "it accepts connections and did not finish speaking within {} s",
                limit.as_secs()
            ))),
            Some(Err(fault)) => Err(self.explain(fault, &link)),
            Some(Ok(handle)) => {
                cut.0 = None;
                Ok(Half { handle: Some(handle), link })
            }
        }
    }

    fn explain(&self, fault: Fault, link: &Link) -> Error {
        match fault {
            Fault::Ours(error) => *error,
            Fault::Ssh(russh::Error::NoCommonAlgo { kind, ours, theirs }) => Error::NoCommonAlgorithm {
                place: self.place.clone(),
                kind: kind_name(&kind),
                ours,
                theirs: theirs.iter().map(|name| line(name)).collect(),
                legacy: self.hop.legacy_algorithms,
            },
            Fault::Ssh(russh::Error::Version) => {
                self.broken("it does not speak SSH 2; is this the right port?")
            }
            Fault::Ssh(error) => {
                let ended = link.ended().unwrap_or_else(|| line(&error.to_string()));
                let closed =
                    matches!(error, russh::Error::Disconnect | russh::Error::HUP | russh::Error::IO(_));
                let hint = "; it may have too many logins waiting (MaxStartups), or not want this address";
                self.broken(&format!("{}{}", spoken(&ended), if closed { hint } else { "" }))
            }
        }
    }
}

fn spoken(ended: &str) -> &str {
    if ended == "the connection ended" || ended == "Disconnected" {
        "the server closed the connection"
    } else {
        ended
    }
}

fn kind_name(kind: &russh::AlgorithmKind) -> &'static str {
    match kind {
        russh::AlgorithmKind::Kex => "key exchange",
        russh::AlgorithmKind::Key => "host key",
        russh::AlgorithmKind::Cipher => "cipher",
        russh::AlgorithmKind::Compression => "compression",
        russh::AlgorithmKind::Mac => "MAC",
    }
}

/// The first address that answers, tried in the resolver's order. One that is silent leaves time for the others.
async fn first(addresses: &[SocketAddr], limit: Duration) -> io::Result<TcpStream> {
    let end = Instant::now() + limit;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for (index, address) in addresses.iter().enumerate() {
        let others = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let share = end.saturating_duration_since(Instant::now()) / others;
        match timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => last = error,
            Err(_) => last = io::ErrorKind::TimedOut.into(),
        }
    }
    Err(last)
}

fn why_not(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "refused; is sshd running there, and is this its port?".to_owned()
        }
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            format!("{error}; there is no way from this machine; a jump host may be needed")
        }
        _ => error.to_string(),
    }
}
