//! A terminal tied to a WebSocket and nothing more, as small web terminals do it: no other process,
//! no screen, no recording, nobody asked who they are. With the libraries that our server has.

use std::io::Write;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;

use anyhow::Result;
use axum::Router;
use axum::body::Bytes;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::get;
use axum::serve::ListenerExt;
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tokio::net::TcpListener;

use crate::bare::Bare;
use crate::inside::READY;

const BUFFER: usize = 64 * 1024;

pub(crate) fn run(program: Vec<String>) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let mut out = std::io::stdout();
        writeln!(out, "{READY}{};", listener.local_addr()?)?;
        out.flush()?;
        let program = Arc::new(program);
        let upgrade = async move |upgrade: WebSocketUpgrade| {
            upgrade.on_upgrade(async move |socket| {
                if let Err(error) = talk(socket, &program).await {
                    eprintln!("bridge: {error:#}");
                }
            })
        };
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        axum::serve(listener, Router::new().route("/ws", get(upgrade))).await?;
        Ok(())
    })
}

async fn talk(mut socket: WebSocket, program: &[String]) -> Result<()> {
    let bare = Bare::start(program, &[])?;
    rustix::io::ioctl_fionbio(&bare.master, true)?;
    #[expect(deprecated, reason = "its successor is unsafe; this descriptor is owned and stays open")]
    let master: AsyncFd<OwnedFd> = AsyncFd::new(bare.master.try_clone()?)?;
    let mut buffer = vec![0; BUFFER];
    loop {
        tokio::select! {
            ready = master.readable() => {
                let mut ready = ready?;
                let read = ready.try_io(|fd| Ok(rustix::io::read(fd.as_fd(), &mut buffer)?));
                if let Ok(read) = read {
                    let bytes = Bytes::copy_from_slice(&buffer[..read?]);
                    socket.send(Message::Binary(bytes)).await?;
                }
            }
            message = socket.recv() => match message {
                Some(Ok(Message::Binary(bytes))) => write(&master, &bytes).await?,
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Ok(()),
            },
        }
    }
}

async fn write(master: &AsyncFd<OwnedFd>, mut bytes: &[u8]) -> Result<()> {
    while !bytes.is_empty() {
        match rustix::io::write(master.as_fd(), bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::AGAIN) => master.writable().await?.clear_ready(),
            Err(e) => return Err(e.into()),
        }
    }
    Ok(())
}
