//! Contents of files, sent ahead both ways.

use std::collections::VecDeque;

use bastide_wire::sftp::{Packet, answer, request};
use bytes::Bytes;

use super::answers::{done, said};
use super::link::Link;
use super::{Handle, READ_AHEAD, Sftp, SftpError, WRITE_AHEAD};

/// A part of a file that is read from its beginning to its end.
#[derive(Debug)]
pub struct Reading {
    handle: Handle,
    /// What is not asked for yet, up to the end.
    next: u64,
    end: u64,
    asked: VecDeque<Asked>,
}

#[derive(Debug)]
struct Asked {
    id: u32,
    from: u64,
    length: usize,
    came: Option<Bytes>,
}

impl Reading {
    /// Of what is open, from the first byte up to before the other one.
    pub fn new(handle: Handle, (from, end): (u64, u64)) -> Self {
        Self { handle, next: from, end, asked: VecDeque::new() }
    }
}

/// A file that is written from a place on.
#[derive(Debug)]
pub struct Writing {
    handle: Handle,
    next: u64,
    sent: VecDeque<Sent>,
    confirmed: u64,
    /// Confirmed since it was asked last.
    news: Vec<Bytes>,
}

#[derive(Debug)]
struct Sent {
    id: u32,
    data: Bytes,
    confirmed: bool,
}

impl Writing {
    pub fn new(handle: Handle, from: u64) -> Self {
        Self { handle, next: from, sent: VecDeque::new(), confirmed: from, news: Vec::new() }
    }

    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Everything before this is in the file.
    pub fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// What was confirmed since this was asked last, in order.
    pub fn take_confirmed(&mut self) -> Vec<Bytes> {
        std::mem::take(&mut self.news)
    }

    pub(super) fn waits_for(&self) -> usize {
        self.sent.iter().map(|sent| sent.data.len()).sum()
    }
}

impl<L: Link> Sftp<L> {
    /// The next bytes; `None` at the end of the part, or of the file where that comes first.
    ///
    /// # Errors
    /// [`SftpError`].
    pub async fn read(&mut self, reading: &mut Reading) -> Result<Option<Bytes>, SftpError> {
        loop {
            self.ask_ahead(reading).await?;
            let Some(first) = reading.asked.front() else { return Ok(None) };
            if first.came.is_some() {
                return self.take_first(reading).await;
            }
            let (kind, id, mut fields) = self.answer().await?;
            let Some(place) = reading.asked.iter().position(|asked| asked.id == id) else { continue };
            if kind == answer::DATA {
                let data = fields.string()?;
                if data.is_empty() || data.len() > reading.asked[place].length {
                    return Err(SftpError::Bad);
                }
                reading.asked[place].came = Some(data);
                continue;
            }
            match said(kind, fields) {
                // Nor is there anything behind it.
                SftpError::Said { code: answer::EOF, .. } => {
                    reading.end = reading.next;
                    reading.asked.truncate(place);
                }
                error => return Err(error),
            }
        }
    }

    async fn ask_ahead(&mut self, reading: &mut Reading) -> Result<(), SftpError> {
        while reading.next < reading.end && reading.asked.len() < (READ_AHEAD / self.block).max(1) {
            let left = usize::try_from(reading.end - reading.next).unwrap_or(usize::MAX);
            let (from, length) = (reading.next, left.min(self.block));
            let asked = self.ask_for(&reading.handle, from, length).await?;
            reading.next += length as u64;
            reading.asked.push_back(asked);
        }
        Ok(())
    }

    async fn ask_for(&mut self, handle: &Handle, from: u64, length: usize) -> Result<Asked, SftpError> {
        let count = u32::try_from(length).unwrap_or(u32::MAX);
        let read = |id| Packet::new(request::READ).number(id).string(&handle.0).offset(from).number(count);
        Ok(Asked { id: self.send(read).await?, from, length, came: None })
    }

    async fn take_first(&mut self, reading: &mut Reading) -> Result<Option<Bytes>, SftpError> {
        let Some(Asked { from, length, came: Some(data), .. }) = reading.asked.pop_front() else {
            return Ok(None);
        };
        // Less than was asked for is no end (section 6.4): the rest is asked for again, before all that is behind it.
        if data.len() < length {
            let rest = self.ask_for(&reading.handle, from + data.len() as u64, length - data.len()).await?;
            reading.asked.push_front(rest);
        }
        Ok(Some(data))
    }

    /// Sends at most [`Sftp::block`] bytes; waits while too much is not confirmed.
    ///
    /// # Errors
    /// [`SftpError`] of this or of something before it.
    pub async fn write_next(&mut self, writing: &mut Writing, data: Bytes) -> Result<(), SftpError> {
        while writing.waits_for() + data.len() > WRITE_AHEAD {
            self.confirm(writing).await?;
        }
        let (handle, from) = (&writing.handle.0, writing.next);
        let write = |id| Packet::new(request::WRITE).number(id).string(handle).offset(from).string(&data);
        let id = self.send(write).await?;
        writing.next += data.len() as u64;
        writing.sent.push_back(Sent { id, data, confirmed: false });
        Ok(())
    }

    /// Waits until all is confirmed.
    ///
    /// # Errors
    /// [`SftpError`].
    pub async fn write_out(&mut self, writing: &mut Writing) -> Result<(), SftpError> {
        while !writing.sent.is_empty() {
            self.confirm(writing).await?;
        }
        Ok(())
    }

    async fn confirm(&mut self, writing: &mut Writing) -> Result<(), SftpError> {
        let (kind, id, fields) = self.answer().await?;
        let Some(sent) = writing.sent.iter_mut().find(|sent| sent.id == id) else { return Ok(()) };
        done(kind, fields)?;
        sent.confirmed = true;
        while let Some(sent) = writing.sent.pop_front_if(|sent| sent.confirmed) {
            writing.confirmed += sent.data.len() as u64;
            writing.news.push(sent.data);
        }
        Ok(())
    }
}
