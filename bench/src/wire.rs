//! A client that blocks: one system call per step, so that what is measured is the daemon.

use std::collections::VecDeque;
use std::io::Write;
use std::os::unix::net::UnixStream;

use anyhow::{Context, Result, bail};
use bastide_wire::control::{Control, Profile, PutRules};
use bastide_wire::event::{Event, FromDaemon};
use bastide_wire::reply::OkReply;
use bastide_wire::request::{Ack, Attach, Create, Envelope, Handshake, Input, Target};
use bastide_wire::spec::Subject;
use bastide_wire::ssh::Ssh;
use bastide_wire::{PROTOCOL_VERSION, Reply, Spec, capability, frame};
use serde::Serialize;

use crate::daemon::Daemon;
use crate::path::Path;

/// Unacknowledged bytes, the client library's own number.
pub(crate) const CREDIT: u32 = 256 * 1024;
/// Acknowledged in quarters of the credit, as the library does.
const ACK_EVERY: u64 = 64 * 1024;
const READ: usize = 256 * 1024;

pub(crate) struct Client {
    pub(crate) stream: UnixStream,
    buffer: Vec<u8>,
    /// Where the next frame begins.
    at: usize,
    /// Frames that came while a reply was waited for.
    early: VecDeque<Vec<u8>>,
    seq: u32,
}

/// One viewer's place in the output.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    pub(crate) session: u32,
    pub(crate) viewer: u32,
    pub(crate) pos: u64,
    acked: u64,
}

/// What a frame was.
pub(crate) enum Came<'a> {
    Output {
        viewer: u32,
        pos: u64,
        data: &'a [u8],
    },
    /// The viewer lost its place: nothing may in a measurement.
    Lagged,
    Other,
}

impl Client {
    pub(crate) fn connect(socket: &std::path::Path) -> Result<Self> {
        let token = std::fs::read_to_string(socket.with_extension("token"))?;
        let stream = UnixStream::connect(socket)?;
        let mut client = Self { stream, buffer: Vec::new(), at: 0, early: VecDeque::new(), seq: 0 };
        let body = Handshake {
            token: token.trim().to_owned(),
            protocol_version: PROTOCOL_VERSION,
            capabilities: Some(capability::ALL.map(str::to_owned).to_vec()),
            ..Handshake::default()
        };
        client.send("handshake", body)?;
        match client.reply()? {
            Reply::Handshake(_) => Ok(client),
            other => bail!("handshake: {other:?}"),
        }
    }

    fn send<T: Serialize>(&mut self, kind: &str, body: T) -> Result<()> {
        self.seq += 1;
        self.stream.write_all(&frame::encode(&Envelope { kind, seq: self.seq, body }))?;
        Ok(())
    }

    pub(crate) fn request<T: Serialize>(&mut self, kind: &str, body: T) -> Result<OkReply> {
        self.send(kind, body)?;
        match self.reply()? {
            Reply::Ok(reply) => Ok(*reply),
            other => bail!("{kind}: {other:?}"),
        }
    }

    /// The reply to the last request. Output that comes before it is kept.
    fn reply(&mut self) -> Result<Reply> {
        loop {
            while let Some((from, to)) = self.whole_frame()? {
                self.at = to;
                if let FromDaemon::Reply(reply) = FromDaemon::read(&self.buffer[from..to])? {
                    if reply.seq() == self.seq {
                        return Ok(reply);
                    }
                } else {
                    self.early.push_back(self.buffer[from..to].to_vec());
                }
            }
            self.fill()?;
        }
    }

    /// Reads what is there, waiting for at least a byte.
    pub(crate) fn fill(&mut self) -> Result<()> {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.buffer.reserve(READ);
        let read = rustix::io::read(&self.stream, rustix::buffer::spare_capacity(&mut self.buffer))?;
        if read == 0 { bail!("the daemon closed the connection") } else { Ok(()) }
    }

    fn whole_frame(&self) -> Result<Option<(usize, usize)>> {
        let Some(prefix) = self.buffer[self.at..].first_chunk::<{ frame::PREFIX }>() else { return Ok(None) };
        let from = self.at + frame::PREFIX;
        let to = from + usize::try_from(u32::from_be_bytes(*prefix))?;
        Ok((self.buffer.len() >= to).then_some((from, to)))
    }

    /// Looks at the next frame that is there whole; `None` when more must be read.
    pub(crate) fn next<T>(&mut self, look: impl FnOnce(Came<'_>) -> T) -> Result<Option<T>> {
        if let Some(frame) = self.early.pop_front() {
            return Ok(Some(look(came(&frame)?)));
        }
        let Some((from, to)) = self.whole_frame()? else { return Ok(None) };
        self.at = to;
        Ok(Some(look(came(&self.buffer[from..to])?)))
    }

    pub(crate) fn create(&mut self, program: &[String]) -> Result<u32> {
        self.created(program)?.session.context("create names no session")
    }

    /// As the server names it.
    pub(crate) fn create_lasting(&mut self, program: &[String]) -> Result<String> {
        let uid = self.created(program)?.uid.context("create names no lasting name")?;
        Ok(uid.to_string())
    }

    /// A program on another machine. It is dialled after the reply.
    pub(crate) fn create_over_ssh(&mut self, to: &Ssh) -> Result<(u32, String)> {
        self.create_with(None, Spec { ssh: Some(Box::new(to.clone())), ..Spec::default() })
    }

    fn create_with(&mut self, program: Option<&[String]>, spec: Spec) -> Result<(u32, String)> {
        let create = Create {
            argv: program.map(<[String]>::to_vec),
            cols: Some(crate::bare::COLS),
            rows: Some(crate::bare::ROWS),
            spec: Some(spec),
            ..Create::default()
        };
        let reply = self.request("create", create)?;
        let uid = reply.uid.context("create names no lasting name")?;
        Ok((reply.session.context("create names no session")?, uid.to_string()))
    }

    fn created(&mut self, program: &[String]) -> Result<OkReply> {
        let create = Create {
            argv: Some(program.to_vec()),
            cols: Some(crate::bare::COLS),
            rows: Some(crate::bare::ROWS),
            ..Create::default()
        };
        self.request("create", create)
    }

    pub(crate) fn attach(&mut self, session: u32, viewer: u32, scrollback: u32) -> Result<(Place, OkReply)> {
        let attach = Attach {
            session,
            viewer: Some(viewer),
            write: Some(true),
            scrollback: Some(scrollback),
            from: None,
            credit: Some(CREDIT),
            client: None,
            about: None,
        };
        let reply = self.request("attach", attach)?;
        let pos = reply.pos.context("attach names no position")?;
        Ok((Place { session, viewer, pos, acked: pos }, reply))
    }

    /// Attaches from the first byte on, which is still there for a session just made.
    pub(crate) fn attach_from_start(&mut self, session: u32, viewer: u32) -> Result<Place> {
        let attach = Attach {
            session,
            viewer: Some(viewer),
            write: Some(true),
            from: Some(0),
            credit: Some(CREDIT),
            ..Attach::default()
        };
        let pos = self.request("attach", attach)?.pos.context("attach names no position")?;
        Ok(Place { session, viewer, pos, acked: pos })
    }

    pub(crate) fn detach(&mut self, place: Place) -> Result<()> {
        self.request("detach", Target { session: place.session, viewer: Some(place.viewer) }).map(drop)
    }

    /// Types, and does not wait for the answer.
    pub(crate) fn type_in(&mut self, place: Place, data: &[u8]) -> Result<()> {
        let (session, viewer) = (place.session, Some(place.viewer));
        self.send("input", Input { session, viewer, data: data.into() })
    }

    /// Notes output as taken, and says so when enough of it is unsaid.
    ///
    /// # Errors
    /// The output does not go on where it stopped.
    pub(crate) fn took(&mut self, place: &mut Place, pos: u64, length: usize) -> Result<()> {
        if pos != place.pos {
            bail!("output jumped from {} to {pos}", place.pos);
        }
        place.pos += length as u64;
        if place.pos - place.acked >= ACK_EVERY {
            place.acked = place.pos;
            let (session, viewer, pos) = (place.session, Some(place.viewer), Some(place.pos));
            self.send("ack", Ack { session, viewer, pos, count: None })?;
        }
        Ok(())
    }
}

fn came(frame: &[u8]) -> Result<Came<'_>> {
    Ok(match FromDaemon::read(frame)? {
        FromDaemon::Output(output) => {
            let std::borrow::Cow::Borrowed(data) = output.data else { bail!("output is not borrowed") };
            let (Some(viewer), Some(pos)) = (output.viewer, output.pos) else {
                bail!("output without a viewer")
            };
            Came::Output { viewer, pos, data }
        }
        FromDaemon::Event(Event::Lagged(_) | Event::Resync(_)) => Came::Lagged,
        _ => Came::Other,
    })
}

/// A bundle as the daemon takes it.
pub(crate) struct Rules {
    pub(crate) digest: String,
    pub(crate) bytes: Vec<u8>,
}

/// A program in a session of ours, seen by one viewer.
pub(crate) struct Ours {
    pub(crate) client: Client,
    pub(crate) place: Place,
    daemon: i32,
    output: Vec<u8>,
}

impl Ours {
    pub(crate) fn start(daemon: &Daemon, program: &[String]) -> Result<Self> {
        let mut client = daemon.client()?;
        let session = client.create(program)?;
        let place = client.attach_from_start(session, 1)?;
        Ok(Self { client, place, daemon: daemon.pid(), output: Vec::new() })
    }

    /// A program on another machine.
    pub(crate) fn over_ssh(daemon: &Daemon, to: &Ssh) -> Result<Self> {
        let mut client = daemon.client()?;
        let (session, _) = client.create_over_ssh(to)?;
        let place = client.attach_from_start(session, 1)?;
        Ok(Self { client, place, daemon: daemon.pid(), output: Vec::new() })
    }

    pub(crate) fn with_rules(daemon: &Daemon, program: &[String], rules: &Rules) -> Result<Self> {
        let account = nix::unistd::User::from_uid(nix::unistd::geteuid())?.context("no account")?.name;
        let control = Control { profile: Profile::Workbench, ..Control::default() };
        let spec = Spec { account: Some(account), control: Some(control), ..Spec::default() };
        Self::ruled(daemon, Some(program), spec, rules)
    }

    pub(crate) fn over_ssh_with_rules(daemon: &Daemon, to: &Ssh, rules: &Rules) -> Result<Self> {
        Self::ruled(daemon, None, Spec { ssh: Some(Box::new(to.clone())), ..Spec::default() }, rules)
    }

    fn ruled(daemon: &Daemon, program: Option<&[String]>, spec: Spec, rules: &Rules) -> Result<Self> {
        let mut client = daemon.client()?;
        let Rules { digest, bytes } = rules;
        client.request("put_rules", PutRules { digest: digest.clone(), bytes: bytes.into() })?;
        let subject = Subject { user: "bench".to_owned(), ..Subject::default() };
        let spec = Spec { rules: Some(digest.clone()), subject: Some(subject), ..spec };
        let (session, _) = client.create_with(program, spec)?;
        let place = client.attach_from_start(session, 1)?;
        Ok(Self { client, place, daemon: daemon.pid(), output: Vec::new() })
    }

    pub(crate) fn kill(mut self) -> Result<()> {
        self.client.request("kill", Target { session: self.place.session, viewer: None }).map(drop)
    }
}

impl Path for Ours {
    fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.client.type_in(self.place, bytes)
    }

    fn receive(&mut self) -> Result<&[u8]> {
        self.output.clear();
        loop {
            let output = &mut self.output;
            let came = self.client.next(|came| match came {
                Came::Output { pos, data, .. } => {
                    output.extend_from_slice(data);
                    Ok(Some(pos))
                }
                Came::Lagged => bail!("the viewer lagged"),
                Came::Other => Ok(None),
            })?;
            match came.transpose()? {
                Some(Some(pos)) => {
                    self.client.took(&mut self.place, pos, self.output.len())?;
                    return Ok(&self.output);
                }
                Some(None) => {}
                None => self.client.fill()?,
            }
        }
    }

    fn processes(&self) -> Vec<i32> {
        vec![self.daemon]
    }
}
