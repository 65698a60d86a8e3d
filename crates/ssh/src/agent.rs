//! The agent that programs on the other side have, while its connection lives and only when that was asked for: the
//! part of the agent protocol (draft-ietf-sshm-ssh-agent) that lists and signs. Either it has the key of the login, which
//! stays here, or somebody lends theirs.

use std::fmt::Debug;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use russh::keys::ssh_encoding::Encode;
use russh::keys::ssh_key::Signature;
use russh::keys::ssh_key::private::KeypairData;
use russh::keys::{Certificate, HashAlg, PrivateKey, signature::Signer};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// Of one message, as OpenSSH's agent takes them; a request to sign a login is under 2 KB.
const MAX_MESSAGE: usize = 256 * 1024;
/// For a lent agent to answer: it may ask its owner first.
const ANSWER_WITHIN: Duration = Duration::from_secs(300);
/// Programs that talk to it at the same time.
const MAX_PROGRAMS: usize = 8;

const FAILURE: u8 = 5;
const REQUEST_IDENTITIES: u8 = 11;
const IDENTITIES_ANSWER: u8 = 12;
const SIGN_REQUEST: u8 = 13;
const SIGN_RESPONSE: u8 = 14;
const EXTENSION: u8 = 27;
const RSA_SHA2_256: u32 = 2;
const RSA_SHA2_512: u32 = 4;

/// What will be there later.
pub type Later<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Whoever asked for a connection, and has an agent for programs there.
pub trait Lender: Debug + Send + Sync {
    /// For one more program; `None` where there may be none.
    fn open(&self) -> Later<'_, Option<Box<dyn Talk>>>;
}

/// One program's talk with a lent agent. Dropping it ends it.
pub trait Talk: Debug + Send {
    /// What the agent says to a message, both without their lengths; `None` ends the talk.
    fn ask(&mut self, message: Vec<u8>) -> Later<'_, Option<Vec<u8>>>;
}

/// What is forwarded in a connection.
#[derive(Debug)]
pub(crate) struct Forwarded {
    whose: Whose,
    programs: AtomicUsize,
}

#[derive(Debug)]
enum Whose {
    Key(Agent),
    Lent(Arc<dyn Lender>),
}

pub(crate) struct Agent {
    key: Arc<PrivateKey>,
    /// What it is known by: the key, and its certificate where there is one.
    identities: Vec<Vec<u8>>,
}

impl Forwarded {
    pub(crate) fn key(agent: Agent) -> Self {
        Self { whose: Whose::Key(agent), programs: AtomicUsize::new(0) }
    }

    pub(crate) fn lent(lender: Arc<dyn Lender>) -> Self {
        Self { whose: Whose::Lent(lender), programs: AtomicUsize::new(0) }
    }

    /// Room for one more program.
    pub(crate) fn enter(self: &Arc<Self>) -> Option<Program> {
        let entered = self.programs.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |count| {
            (count < MAX_PROGRAMS).then_some(count + 1)
        });
        entered.ok().map(|_| Program(Arc::clone(self)))
    }
}

/// One program's place.
#[derive(Debug)]
pub(crate) struct Program(Arc<Forwarded>);

impl Drop for Program {
    fn drop(&mut self) {
        self.0.programs.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Program {
    /// The talk with a lent agent, where it is one and may be had.
    pub(crate) async fn talk(&self) -> Result<Option<Box<dyn Talk>>, Refused> {
        match &self.0.whose {
            Whose::Key(_) => Ok(None),
            Whose::Lent(lender) => lender.open().await.map(Some).ok_or(Refused),
        }
    }

    /// Answers until the program hangs up, says something that is too long, or gets no answer.
    pub(crate) async fn serve(
        self,
        mut stream: impl AsyncRead + AsyncWrite + Unpin,
        mut talk: Option<Box<dyn Talk>>,
    ) {
        while let Some(message) = read(&mut stream).await {
            let answer = match (&self.0.whose, &mut talk) {
                (Whose::Key(agent), _) => agent.answer(&message),
                (Whose::Lent(_), Some(talk)) if is_passed_on(&message) => {
                    let answer = tokio::time::timeout(ANSWER_WITHIN, talk.ask(message)).await;
                    let Ok(Some(answer)) = answer else { break };
                    Some(answer)
                }
                (Whose::Lent(_), _) => None,
            };
            let answer = answer.unwrap_or_else(|| vec![FAILURE]);
            if write(&mut stream, &answer).await.is_none() {
                break;
            }
        }
    }
}

/// Whoever lends an agent does not, now.
#[derive(Debug)]
pub(crate) struct Refused;

/// Keys are listed and used from there, and neither added nor removed. Extensions say for which login a signature is
/// (OpenSSH's `PROTOCOL.agent`: `session-bind`).
fn is_passed_on(message: &[u8]) -> bool {
    matches!(message.first(), Some(&(REQUEST_IDENTITIES | SIGN_REQUEST | EXTENSION)))
}

impl Debug for Agent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Agent")
    }
}

impl Agent {
    pub(crate) fn new(key: Arc<PrivateKey>, certificate: Option<&Certificate>) -> Self {
        let mut identities: Vec<Vec<u8>> = key.public_key().to_bytes().into_iter().collect();
        identities.extend(certificate.and_then(|certificate| certificate.to_bytes().ok()));
        Self { key, identities }
    }

    fn answer(&self, message: &[u8]) -> Option<Vec<u8>> {
        match message.split_first()? {
            (&REQUEST_IDENTITIES, _) => {
                let mut answer = vec![IDENTITIES_ANSWER];
                answer.extend_from_slice(&u32::try_from(self.identities.len()).ok()?.to_be_bytes());
                for identity in &self.identities {
                    put(&mut answer, identity);
                    put(&mut answer, b"bastide");
                }
                Some(answer)
            }
            (&SIGN_REQUEST, mut rest) => {
                let identity = take(&mut rest)?;
                let data = take(&mut rest)?;
                let flags = u32::from_be_bytes(rest.get(..4)?.try_into().ok()?);
                let known = self.identities.iter().any(|known| known == identity);
                let signature = known.then(|| self.sign(data, flags)).flatten()?;
                let mut encoded = Vec::new();
                signature.encode(&mut encoded).ok()?;
                let mut answer = vec![SIGN_RESPONSE];
                put(&mut answer, &encoded);
                Some(answer)
            }
            _ => None,
        }
    }

    /// Never with SHA-1.
    fn sign(&self, data: &[u8], flags: u32) -> Option<Signature> {
        match self.key.key_data() {
            KeypairData::Rsa(pair) => {
                let hash = match flags {
                    flags if flags & RSA_SHA2_512 != 0 => HashAlg::Sha512,
                    flags if flags & RSA_SHA2_256 != 0 => HashAlg::Sha256,
                    _ => return None,
                };
                (pair, Some(hash)).try_sign(data).ok()
            }
            pair => pair.try_sign(data).ok(),
        }
    }
}

/// Asks an agent behind a stream; what it says, both without their lengths. `None` when the stream ends, or when the answer
/// is empty or longer than OpenSSH's agent takes.
pub async fn ask_agent(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    message: &[u8],
) -> Option<Vec<u8>> {
    write(stream, message).await?;
    read(stream).await
}

async fn write(stream: &mut (impl AsyncWrite + Unpin), message: &[u8]) -> Option<()> {
    let mut framed = Vec::with_capacity(message.len() + 4);
    put(&mut framed, message);
    stream.write_all(&framed).await.ok()
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Option<Vec<u8>> {
    let length = usize::try_from(stream.read_u32().await.ok()?).ok()?;
    if length == 0 || length > MAX_MESSAGE {
        return None;
    }
    let mut message = vec![0; length];
    stream.read_exact(&mut message).await.ok()?;
    Some(message)
}

/// `string` of RFC 4251 section 5. What is put is far below 4 GB.
fn put(to: &mut Vec<u8>, bytes: &[u8]) {
    to.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or(u32::MAX).to_be_bytes());
    to.extend_from_slice(bytes);
}

fn take<'a>(from: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (length, rest) = from.split_at_checked(4)?;
    let length = usize::try_from(u32::from_be_bytes(length.try_into().ok()?)).ok()?;
    let (bytes, rest) = rest.split_at_checked(length)?;
    *from = rest;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use russh::keys::Algorithm;
    use russh::keys::signature::Verifier;
    use russh::keys::ssh_encoding::Decode;

    use super::*;

    fn agent() -> Agent {
        let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519).unwrap();
        Agent::new(Arc::new(key), None)
    }

    fn request(identity: &[u8], data: &[u8]) -> Vec<u8> {
        let mut message = vec![SIGN_REQUEST];
        put(&mut message, identity);
        put(&mut message, data);
        message.extend_from_slice(&[0; 4]);
        message
    }

    #[test]
    fn it_signs_with_its_key_and_with_no_other() {
        let agent = agent();
        let answer = agent.answer(&request(&agent.identities[0], b"data")).unwrap();
        assert_eq!(answer[0], SIGN_RESPONSE);
        let encoded = take(&mut &answer[1..]).unwrap();
        let signature = Signature::decode(&mut &*encoded).unwrap();
        Verifier::verify(agent.key.public_key(), b"data", &signature).unwrap();
        assert_eq!(agent.answer(&request(b"another", b"data")), None);
    }

    #[test]
    fn what_it_does_not_know_or_what_is_cut_off_fails() {
        let agent = agent();
        let whole = request(&agent.identities[0], b"data");
        for end in 0..whole.len() {
            assert_eq!(agent.answer(&whole[..end]), None, "{end} bytes");
        }
        // Adding, removing, locking and extensions.
        for kind in [17, 18, 19, 22, 27] {
            assert_eq!(agent.answer(&[kind]), None);
        }
    }

    #[tokio::test]
    async fn a_message_that_is_too_long_ends_the_talk() {
        let forwarded = Arc::new(Forwarded::key(agent()));
        let (mut near, far) = tokio::io::duplex(64);
        let program = forwarded.enter().unwrap();
        near.write_u32(u32::MAX).await.unwrap();
        program.serve(far, None).await;
        assert_eq!(forwarded.programs.load(Ordering::Relaxed), 0);
    }

    /// Says what it was asked.
    #[derive(Debug)]
    struct Echo;

    impl Talk for Echo {
        fn ask(&mut self, message: Vec<u8>) -> Later<'_, Option<Vec<u8>>> {
            Box::pin(std::future::ready(message.get(1).is_none_or(|byte| *byte != 0).then_some(message)))
        }
    }

    impl Lender for Echo {
        fn open(&self) -> Later<'_, Option<Box<dyn Talk>>> {
            Box::pin(std::future::ready(Some(Box::new(Self) as Box<dyn Talk>)))
        }
    }

    #[tokio::test]
    async fn a_lent_agent_lists_and_signs_and_keeps_its_keys() {
        let forwarded = Arc::new(Forwarded::lent(Arc::new(Echo)));
        let all: Vec<_> = (0..MAX_PROGRAMS).map(|_| forwarded.enter().unwrap()).collect();
        assert!(forwarded.enter().is_none(), "no more at the same time");
        drop(all);
        let program = forwarded.enter().unwrap();
        let talk = program.talk().await.unwrap();
        let (mut near, far) = tokio::io::duplex(1024);
        let asking = async {
            // Listing, signing, an extension; then adding, removing, locking.
            for (kind, answer) in [(11, 11), (13, 13), (27, 27), (17, FAILURE), (19, FAILURE), (22, FAILURE)]
            {
                near.write_all(&[0, 0, 0, 2, kind, 1]).await.unwrap();
                assert_eq!(read(&mut near).await.unwrap()[0], answer, "{kind}");
            }
            // One that it does not answer is the last.
            near.write_all(&[0, 0, 0, 2, 11, 0]).await.unwrap();
            assert_eq!(read(&mut near).await, None);
        };
        tokio::join!(program.serve(far, talk), asking);
    }
}
