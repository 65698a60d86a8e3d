//! A connection between two processes of this machine, in two halves that wake nobody for nothing.

use std::io::{self, IoSlice, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream as Blocking;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;

/// What comes. Registered for reading only: the kernel says "room to write" each time the other side has read
/// something, which would wake this process once for every message it sends.
#[derive(Debug)]
pub struct LocalReader(pipe::Receiver);

/// What goes. Dropping it tells the other side that nothing more comes.
#[derive(Debug)]
pub struct LocalWriter {
    /// Never blocks.
    stream: Blocking,
}

/// Takes a connection apart. It has two descriptors from then on. Needs a tokio runtime.
///
/// # Errors
/// There is no descriptor left.
pub fn halves(stream: UnixStream) -> io::Result<(LocalReader, LocalWriter)> {
    let stream = stream.into_std()?;
    let second = OwnedFd::from(stream.try_clone()?);
    // Of the library's streams the one that is registered for one direction; it reads with read(2), which a
    // socket answers as a pipe does.
    Ok((LocalReader(pipe::Receiver::from_owned_fd_unchecked(second)?), LocalWriter { stream }))
}

impl AsyncRead for LocalReader {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buf)
    }
}

impl LocalWriter {
    /// Writes everything. Given up half-way, a part may have been written.
    ///
    /// # Errors
    /// What the socket says; `WriteZero` when it takes nothing.
    pub async fn write_all(&mut self, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
        IoSlice::advance_slices(&mut slices, 0);
        // While there is no room, and no longer.
        let mut room = None;
        while !slices.is_empty() {
            let written = match &room {
                None => (&self.stream).write_vectored(slices),
                Some(room) => pipe::Sender::try_write_vectored(room, slices),
            };
            match written {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut slices, written),
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) if e.kind() == io::ErrorKind::WouldBlock => {
                    if room.is_none() {
                        room = Some(pipe::Sender::from_owned_fd_unchecked(self.stream.try_clone()?.into())?);
                    }
                    if let Some(room) = &room {
                        room.writable().await?;
                    }
                }
                Err(e) => return Err(e),
            }
        }
        Ok(())
    }
}

impl Drop for LocalWriter {
    fn drop(&mut self) {
        // The other side may have gone first.
        let _ = self.stream.shutdown(Shutdown::Write);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn more_than_the_socket_holds_arrives_whole_and_the_end_is_seen() {
        let (near, far) = UnixStream::pair().unwrap();
        let (mut reader, _answers) = halves(far).unwrap();
        let (mut nothing, mut writer) = halves(near).unwrap();
        let sent: Vec<u8> = (0..4_000_000_u32).map(|n| n.to_le_bytes()[n as usize % 2]).collect();
        let (first, second) = sent.split_at(1_000_001);
        let mut came = Vec::new();
        let writing = async {
            writer
                .write_all(&mut [IoSlice::new(first), IoSlice::new(&[]), IoSlice::new(second)])
                .await
                .unwrap();
            drop(writer);
        };
        let (read, ()) = tokio::join!(reader.read_to_end(&mut came), writing);
        assert_eq!(read.unwrap(), sent.len());
        assert!(came == sent);
        drop((reader, _answers));
        assert_eq!(nothing.read(&mut [0; 8]).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn a_peer_that_is_gone_is_an_error() {
        let (near, far) = UnixStream::pair().unwrap();
        let (_reader, mut writer) = halves(near).unwrap();
        drop(far);
        let error = writer.write_all(&mut [IoSlice::new(b"x")]).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }
}
