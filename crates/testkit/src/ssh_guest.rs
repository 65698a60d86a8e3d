//! A client of an SSH server with manners that OpenSSH's has not.

use std::net::Ipv4Addr;
use std::sync::Arc;

use russh::client::{Config, Handler, connect, connect_stream};
use russh::keys::{PrivateKey, PrivateKeyWithHashAlg, PublicKeyOrCertificate};
use tokio::net::TcpSocket;

struct Trusting;

impl Handler for Trusting {
    type Error = russh::Error;

    async fn check_server_key(&mut self, _: &PublicKeyOrCertificate) -> Result<bool, Self::Error> {
        Ok(true)
    }
}

/// Logs in with a key and opens sessions in one connection without asking for anything in them: how many of `count`
/// were given. All are tried, and the connection has to outlive it.
///
/// # Panics
/// When it is not let in, or the connection ends.
pub async fn channels_given(port: u16, user: &str, key: &str, count: usize) -> usize {
    let key = PrivateKey::from_openssh(key).expect("it is a private key");
    let mut session =
        connect(Arc::new(Config::default()), ("127.0.0.1", port), Trusting).await.expect("it answers");
    let key = PrivateKeyWithHashAlg::new(Arc::new(key), None);
    let entered = session.authenticate_publickey(user, key).await.expect("it answers");
    assert!(entered.success(), "the key lets in");
    let mut given = Vec::new();
    for _ in 0..count {
        match session.channel_open_session().await {
            Ok(channel) => given.push(channel),
            Err(russh::Error::ChannelOpenFailure(_)) => {}
            Err(error) => panic!("the connection ended after {} channels: {error}", given.len()),
        }
    }
    given.len()
}

/// Guesses passwords from an address of this machine until the connection ends: how many were refused. Nobody is let in
/// by any of them.
///
/// # Panics
/// When one of them is the right one, or there is no such address.
pub async fn guesses_refused(
    (from, port): (Ipv4Addr, u16),
    user: &str,
    passwords: impl Iterator<Item = String>,
) -> usize {
    let socket = TcpSocket::new_v4().expect("there is room for a socket");
    socket.bind((from, 0).into()).expect("it is an address of this machine");
    let Ok(stream) = socket.connect((Ipv4Addr::LOCALHOST, port).into()).await else { return 0 };
    let config = Arc::new(Config::default());
    let Ok(mut session) = connect_stream(config, stream, Trusting).await else { return 0 };
    let mut refused = 0;
    for password in passwords {
        match session.authenticate_password(user, password).await {
            Ok(answer) => assert!(!answer.success(), "a guess was right"),
            Err(_) => break,
        }
        refused += 1;
    }
    refused
}
