//! The door's socket: who may stand in it, and how long before they have said who they are.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bastide_app::{App, Origin};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::server::Config;
use russh::{Disconnect, MethodKind, MethodSet, Preferred, SshId, cipher, compression, kex, mac};
use rustix::net::sockopt;
use tokio::io::BufReader;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use crate::flow::{Flow, Paced, WINDOW};
use crate::guest::Guest;
use crate::host_key::HostKey;

/// As long as OpenSSH gives (`LoginGraceTime`); a person types a password and a code in it.
const LOGIN_WITHIN: Duration = Duration::from_secs(120);
/// Connections of one address (an IPv6 network of 64 bits is one); a company behind one address shares them.
const MAX_PER_ADDRESS: usize = 256;
/// Connections of one address that have not logged in.
const MAX_STRANGERS: usize = 32;
/// All that have not logged in: each costs a key exchange and some 100 KB.
const MAX_ALL_STRANGERS: usize = 256;
/// All connections.
const MAX_CONNECTIONS: usize = 4096;
/// Refusals after which a connection ends: an agent offers several keys before the right one.
const MAX_TRIES: usize = 10;
/// A refusal takes at least so long, whatever was wrong.
const REFUSAL: Duration = Duration::from_millis(300);
/// Messages that the channel's own task has not taken; the real bound is [`Flow`].
const CHANNEL_QUEUE: usize = 1;
/// Read from a socket at once: a few packets of what is typed; a large one goes past it.
const READ_AHEAD: usize = 16 * 1024;
/// A client that is dead is noticed by TCP (tcp(7)): questions of SSH itself would go unread while a client has to wait
/// for its server.
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVES: u32 = 3;
/// A polite goodbye.
const GOODBYE: Duration = Duration::from_millis(500);

/// Serves until the server drains. Without it every connection is refused as any closed port would.
pub async fn serve(listener: TcpListener, app: App, key: HostKey) {
    let config = Arc::new(config(&key));
    let doors = Arc::new(Doors::default());
    let shutdown = app.shutdown().clone();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = shutdown.draining() => return,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "the ssh door cannot accept");
                // Out of descriptors, most likely: others need a moment to return some.
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        let Some(entered) = doors.enter(address.ip()) else {
            tracing::warn!(address = %address.ip(), "too many ssh connections: one was refused");
            continue;
        };
        let (app, config) = (app.clone(), Arc::clone(&config));
        let tasks = app.tasks().clone();
        drop(
            tasks.spawn("ssh door", async move { connection((stream, address), app, config, entered).await }),
        );
    }
}

fn config(key: &HostKey) -> Config {
    Config {
        // No version: it helps attackers only.
        server_id: SshId::Standard(Cow::Borrowed("SSH-2.0-Bastide")),
        methods: methods(),
        auth_rejection_time: REFUSAL,
        // The first question, which methods there are, is no guess.
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key.key()],
        window_size: WINDOW,
        channel_buffer_size: CHANNEL_QUEUE,
        max_auth_attempts: MAX_TRIES,
        inactivity_timeout: None,
        keepalive_interval: None,
        nodelay: true,
        preferred: preferred(),
        ..Config::default()
    }
}

/// What is offered to everybody at all times: which of them there is for whom is not said.
pub(crate) fn methods() -> MethodSet {
    let all = [MethodKind::PublicKey, MethodKind::KeyboardInteractive, MethodKind::Password];
    MethodSet::from(&all[..])
}

/// No SHA-1, no CBC.
fn preferred() -> Preferred {
    Preferred {
        kex: Cow::Borrowed(&[
            kex::MLKEM768X25519_SHA256,
            kex::CURVE25519,
            kex::CURVE25519_PRE_RFC_8731,
            kex::ECDH_SHA2_NISTP256,
            kex::ECDH_SHA2_NISTP384,
            kex::ECDH_SHA2_NISTP521,
            kex::DH_G16_SHA512,
            kex::DH_G14_SHA256,
            kex::EXTENSION_SUPPORT_AS_SERVER,
            kex::EXTENSION_OPENSSH_STRICT_KEX_AS_SERVER,
        ]),
        key: Cow::Borrowed(&[
            Algorithm::Ed25519,
            Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
            Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
            Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
        ]),
        cipher: Cow::Borrowed(&[
            cipher::AES_128_GCM,
            cipher::AES_256_GCM,
            cipher::CHACHA20_POLY1305,
            cipher::AES_256_CTR,
            cipher::AES_192_CTR,
            cipher::AES_128_CTR,
        ]),
        mac: Cow::Borrowed(&[mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM, mac::HMAC_SHA256, mac::HMAC_SHA512]),
        compression: Cow::Borrowed(&[compression::NONE, compression::ZLIB_LEGACY]),
        ..Preferred::default()
    }
}

async fn connection(
    (stream, address): (TcpStream, SocketAddr),
    app: App,
    config: Arc<Config>,
    entered: Entered,
) {
    if let Err(error) = prepare(&stream) {
        tracing::debug!(%error, "an ssh connection without TCP_NODELAY or keep-alives");
    }
    let origin = Origin {
        request_id: Uuid::now_v7().to_string().into(),
        address: Some(address.ip().to_canonical()),
        agent: Some("ssh".into()),
    };
    let flow = Arc::new(Flow::default());
    let (guest, known) = Guest::new(app.clone(), origin, Arc::clone(&flow), entered.stranger);
    // The library asks for each packet's length, and then for the packet.
    let stream = Paced::new(BufReader::with_capacity(READ_AHEAD, stream), Arc::clone(&flow));
    let who = known.clone();
    let login = async move {
        tokio::time::sleep(LOGIN_WITHIN).await;
        if who.borrow().is_some() {
            std::future::pending::<()>().await;
        }
    };
    tokio::pin!(login);
    let running = tokio::select! {
        running = russh::server::run_stream(config, stream, guest) => running,
        () = login.as_mut() => return,
        () = app.shutdown().draining() => return,
    };
    let Ok(running) = running else { return };
    let handle = running.handle();
    tokio::pin!(running);
    let mut known = known;
    let why = tokio::select! {
        // Faults of the protocol are the client's affair, and it has been told.
        _ = running.as_mut() => return,
        () = app.shutdown().draining() => "the server stops",
        () = login => "no login in time",
        why = crate::guest::lost(&mut known) => why,
    };
    let goodbye = async {
        let _ = handle.disconnect(Disconnect::ByApplication, why.to_owned(), String::new()).await;
        let _ = running.await;
    };
    let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    // One that does not listen ends all the same, and with it what it has open.
    flow.cut();
}

/// Of one address: for all its connections, and for those that have not logged in.
type Places = (Arc<Semaphore>, Arc<Semaphore>);

fn prepare(stream: &TcpStream) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, KEEPALIVE)?;
    sockopt::set_tcp_keepintvl(stream, KEEPALIVE)?;
    sockopt::set_tcp_keepcnt(stream, KEEPALIVES)?;
    Ok(())
}

/// Who is inside.
#[derive(Debug)]
struct Doors {
    all: Arc<Semaphore>,
    strangers: Arc<Semaphore>,
    addresses: Mutex<HashMap<IpAddr, Places>>,
}

impl Default for Doors {
    fn default() -> Self {
        Self {
            all: Arc::new(Semaphore::new(MAX_CONNECTIONS)),
            strangers: Arc::new(Semaphore::new(MAX_ALL_STRANGERS)),
            addresses: Mutex::default(),
        }
    }
}

/// A place for a connection.
struct Entered {
    _all: OwnedSemaphorePermit,
    _address: OwnedSemaphorePermit,
    stranger: Stranger,
}

/// A place among those who have not logged in; given back when they have.
#[derive(Debug)]
pub(crate) struct Stranger {
    _all: OwnedSemaphorePermit,
    _address: OwnedSemaphorePermit,
}

impl Doors {
    fn enter(&self, address: IpAddr) -> Option<Entered> {
        let address = network(address);
        let mut addresses = self.addresses.lock().unwrap_or_else(PoisonError::into_inner);
        if addresses.len() > MAX_CONNECTIONS {
            addresses.retain(|_, (all, _)| all.available_permits() < MAX_PER_ADDRESS);
        }
        let (all, strangers) = addresses.entry(address).or_insert_with(|| {
            (Arc::new(Semaphore::new(MAX_PER_ADDRESS)), Arc::new(Semaphore::new(MAX_STRANGERS)))
        });
        let place = |semaphore: &Arc<Semaphore>| Arc::clone(semaphore).try_acquire_owned().ok();
        Some(Entered {
            _all: place(&self.all)?,
            _address: place(all)?,
            stranger: Stranger { _all: place(&self.strangers)?, _address: place(strangers)? },
        })
    }
}

/// Whoever has one IPv6 address has 2^64 of them.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)).into(),
        v4 @ IpAddr::V4(_) => v4,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn one_address_does_not_fill_the_door() {
        let doors = Doors::default();
        let one: IpAddr = "192.0.2.1".parse().unwrap();
        let inside: Vec<_> = (0..MAX_STRANGERS).map(|_| doors.enter(one).unwrap()).collect();
        assert!(doors.enter(one).is_none());
        assert!(doors.enter("::ffff:192.0.2.1".parse().unwrap()).is_none());
        assert!(doors.enter("192.0.2.2".parse().unwrap()).is_some());
        // Who has logged in is no stranger any more.
        let known: Vec<_> =
            inside.into_iter().map(|Entered { _all, _address, .. }| (_all, _address)).collect();
        assert!(doors.enter(one).is_some());
        drop(known);
        assert_eq!(network("2001:db8::1".parse().unwrap()), network("2001:db8::2".parse().unwrap()));
    }
}
