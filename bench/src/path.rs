//! A way to a program in a terminal: bare, through our daemon, or through a peer.

use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::inside::READY;

/// Bytes kept to find words that come in two pieces.
const TAIL: usize = 4096;

pub(crate) trait Path {
    /// Types.
    fn send(&mut self, bytes: &[u8]) -> Result<()>;

    /// Waits for output and hands it over; at least one byte.
    fn receive(&mut self) -> Result<&[u8]>;

    /// Processes between the program and this one, for their processor time.
    fn processes(&self) -> Vec<i32>;
}

/// What has come, its last part only.
#[derive(Debug, Default)]
pub(crate) struct Tail(Vec<u8>);

impl Tail {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        let bytes = &bytes[bytes.len().saturating_sub(TAIL)..];
        let excess = (self.0.len() + bytes.len()).saturating_sub(TAIL);
        self.0.drain(..excess.min(self.0.len()));
        self.0.extend_from_slice(bytes);
    }

    pub(crate) fn has(&self, word: &str) -> bool {
        self.find(word).is_some()
    }

    pub(crate) fn find(&self, word: &str) -> Option<&[u8]> {
        let at = self.0.windows(word.len()).position(|part| part == word.as_bytes())?;
        Some(&self.0[at + word.len()..])
    }
}

/// Waits until the program inside has started; returns its process number.
pub(crate) fn started(path: &mut dyn Path) -> Result<i32> {
    let mut tail = Tail::default();
    loop {
        tail.push(path.receive()?);
        if let Some(after) = tail.find(READY)
            && let Some(end) = after.iter().position(|byte| *byte == b';')
        {
            let number = std::str::from_utf8(&after[..end])?;
            return number.trim().parse().with_context(|| format!("process number {number:?}"));
        }
    }
}

/// Starts the printing program's output and takes it all; returns bytes seen.
pub(crate) fn drain(path: &mut dyn Path, end: &str) -> Result<u64> {
    path.send(b"\n")?;
    let mut tail = Tail::default();
    let mut total = 0;
    loop {
        let bytes = path.receive()?;
        total += bytes.len() as u64;
        tail.push(bytes);
        if tail.has_at_end(end) {
            return Ok(total);
        }
    }
}

impl Tail {
    /// Looks only where the end mark can be: the last few bytes, or after a redraw a few more.
    fn has_at_end(&self, word: &str) -> bool {
        let near = &self.0[self.0.len().saturating_sub(256)..];
        near.windows(word.len()).any(|part| part == word.as_bytes())
    }
}

/// One byte there and back, again and again.
pub(crate) fn echoes(path: &mut dyn Path, count: usize) -> Result<crate::stats::Times> {
    let mut times = crate::stats::Times::default();
    // The first ones warm caches up.
    let warm = count / 10;
    for round in 0..count + warm {
        let letter = b"xyz"[round % 3];
        let began = Instant::now();
        path.send(&[letter])?;
        loop {
            let seen = path.receive()?;
            if seen.contains(&letter) {
                break;
            }
            if began.elapsed().as_secs() > 10 {
                bail!("no echo within 10 s");
            }
        }
        if round >= warm {
            times.push(began.elapsed());
        }
    }
    Ok(times)
}
