//! What must hold whatever a server answers.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bastide_wire::sftp::{Attributes, Fields, Packet, answer, request};
use bytes::{Buf, Bytes};

use super::link::Link;
use super::{AHEAD, BLOCK, Handle, MAX_BLOCK, READ_AHEAD, Reading, Sftp, SftpError, WRITE_AHEAD, Writing};

/// A server that says what was stored.
struct Stored {
    rest: Mutex<Rest>,
}

struct Rest {
    bytes: Bytes,
    /// Whether they are packets as they are; otherwise each is made of a number that waits, a type and fields.
    raw: bool,
    /// Requests without an answer.
    waiting: VecDeque<u32>,
    asked: usize,
}

impl Stored {
    fn new(data: &[u8]) -> Self {
        let mut bytes = Bytes::copy_from_slice(data);
        let raw = bytes.try_get_u8().is_ok_and(|first| first & 1 == 1);
        Self { rest: Mutex::new(Rest { bytes, raw, waiting: VecDeque::new(), asked: 0 }) }
    }

    fn rest(&self) -> MutexGuard<'_, Rest> {
        self.rest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Rest {
    fn answer(&mut self) -> Option<Bytes> {
        const PIECE: usize = 1000;
        if self.raw {
            let length = self.bytes.len().min(PIECE);
            return (length > 0).then(|| self.bytes.split_to(length));
        }
        let (which, kind) = (self.bytes.try_get_u8().ok()?, self.bytes.try_get_u8().ok()?);
        let length = usize::from(self.bytes.try_get_u16().ok()?).min(self.bytes.len());
        let fields = self.bytes.split_to(length);
        let packet = Packet::new(kind);
        // One number in the row is of nothing that was asked.
        let packet = match kind {
            answer::VERSION => packet,
            _ => packet.number(
                self.waiting
                    .remove(usize::from(which) % (self.waiting.len() + 1))
                    .unwrap_or(u32::from(which)),
            ),
        };
        let mut packet = packet.done().to_vec();
        packet.extend_from_slice(&fields);
        let length = u32::try_from(packet.len() - size_of::<u32>()).expect("a few numbers and 64 KB");
        packet[..size_of::<u32>()].copy_from_slice(&length.to_be_bytes());
        Some(packet.into())
    }
}

impl Link for Stored {
    async fn write(&self, bytes: Bytes) -> bool {
        let mut rest = self.rest();
        rest.asked += 1;
        if let Ok((kind, mut fields)) = Fields::of(&bytes)
            && kind != request::INIT
        {
            rest.waiting.extend(fields.number());
        }
        true
    }

    async fn next(&self) -> Option<Bytes> {
        self.rest().answer()
    }

    async fn ended(&self) -> String {
        "over".to_owned()
    }
}

/// Answers of any server to requests of each kind: what is taken of them is within its bounds, and a transfer is no
/// more than what was asked for.
pub fn fuzz_answers(data: &[u8]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    runtime.expect("it takes no thread").block_on(talk(Stored::new(data)));
}

async fn talk(link: Stored) {
    let Ok(mut sftp) = Sftp::greet(link).await.inspect_err(check) else { return };
    assert!((super::LEAST_BLOCK..=MAX_BLOCK).contains(&sftp.block()), "{}", sftp.block());
    // Each takes what comes next; the first whose answer is missing is the last.
    for ask in 0..8 {
        if let Err(error) = one(&mut sftp, ask).await {
            check(&error);
            if matches!(error, SftpError::Lost(_)) {
                return;
            }
        }
    }
}

async fn one(sftp: &mut Sftp<Stored>, ask: usize) -> Result<(), SftpError> {
    match ask {
        0 => entries(sftp).await?,
        1 => {
            let path = sftp.real_path(b"").await?;
            assert!(path.len() <= super::answers::MAX_PATH);
        }
        2 => read(sftp).await?,
        3 => write(sftp).await?,
        4 => drop(sftp.space(b"/").await?),
        5 => {
            let paths = vec![b"a".to_vec(); AHEAD + 1];
            assert_eq!(sftp.stat_all(&paths).await?.len(), paths.len());
        }
        6 => {
            let paths = [b"a".to_vec(), b"b".to_vec()];
            if let Err((path, error)) = sftp.remove_all(&paths).await {
                assert!(path.is_empty() || paths.contains(&path));
                return Err(error);
            }
        }
        _ => {
            let _: Attributes = sftp.stat_link(b"a").await?;
        }
    }
    Ok(())
}

async fn entries(sftp: &mut Sftp<Stored>) -> Result<(), SftpError> {
    let directory = sftp.open_directory(b"d").await?;
    assert!(directory.0.len() <= super::answers::MAX_HANDLE);
    while let Some(entries) = sftp.entries(&directory).await? {
        for entry in entries {
            let name = entry.name.as_ref();
            assert!((1..=super::answers::MAX_NAME).contains(&name.len()));
            assert!(!matches!(name, b"." | b"..") && !name.contains(&0) && !name.contains(&b'/'));
        }
    }
    Ok(())
}

async fn read(sftp: &mut Sftp<Stored>) -> Result<(), SftpError> {
    const SIZE: u64 = 10_000_000;
    let most = READ_AHEAD / sftp.block().min(BLOCK) + 1;
    let (before, mut reading) =
        (sftp.link.rest().asked, Reading::new(Handle(Bytes::from_static(b"h")), (0, SIZE)));
    let (mut seen, mut blocks) = (0, 0);
    while let Some(block) = sftp.read(&mut reading).await? {
        assert!(!block.is_empty());
        (seen, blocks) = (seen + block.len() as u64, blocks + 1);
        assert!(seen <= SIZE, "more than was asked for");
        let ahead = sftp.link.rest().asked - before - blocks;
        assert!(ahead <= most, "{ahead} requests of {} bytes are sent ahead", sftp.block());
    }
    Ok(())
}

async fn write(sftp: &mut Sftp<Stored>) -> Result<(), SftpError> {
    let mut writing = Writing::new(Handle(Bytes::from_static(b"h")), 0);
    let (block, count) = (Bytes::from(vec![0; sftp.block()]), 2 * WRITE_AHEAD / sftp.block());
    for _ in 0..count {
        sftp.write_next(&mut writing, block.clone()).await?;
        assert!(writing.waits_for() <= WRITE_AHEAD);
    }
    sftp.write_out(&mut writing).await?;
    let confirmed: usize = writing.take_confirmed().iter().map(Bytes::len).sum();
    assert_eq!((writing.confirmed(), confirmed), ((count * block.len()) as u64, count * block.len()));
    Ok(())
}

/// What a server says is shown to people.
fn check(error: &SftpError) {
    let words = error.to_string();
    assert!(words.chars().count() <= super::answers::MAX_WORDS && !words.chars().any(char::is_control));
}
