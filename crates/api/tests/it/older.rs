//! A daemon of an earlier release: the real one behind a relay that keeps a capability from it.

use std::path::{Path, PathBuf};

use bastide_wire::request::{Envelope, Handshake};
use bastide_wire::{Head, Request, frame};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{UnixListener, UnixStream};

/// Listens beside the daemon's socket; the address to use instead.
pub(crate) fn relay(socket: PathBuf, without: &'static str) -> PathBuf {
    let path = socket.with_file_name("older.sock");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let socket = socket.clone();
            tokio::spawn(async move { pass(client, &socket, without).await });
        }
    });
    path
}

async fn pass(mut client: UnixStream, socket: &Path, without: &str) {
    let Ok(mut daemon) = UnixStream::connect(socket).await else { return };
    let length = client.read_u32().await.unwrap();
    let mut payload = vec![0; usize::try_from(length).unwrap()];
    client.read_exact(&mut payload).await.unwrap();
    let seq = Head::read(&payload).unwrap().seq;
    let Ok(Request::Handshake(mut hello)) = Request::read("handshake", &payload) else {
        panic!("no handshake")
    };
    hello.capabilities.as_mut().unwrap().retain(|name| name != without);
    let body: Handshake = hello;
    daemon.write_all(&frame::encode(&Envelope { kind: "handshake", seq, body })).await.unwrap();
    // Ends with either side.
    let _ = copy_bidirectional(&mut client, &mut daemon).await;
}
