//! A client without a thread of its own: it reads when it waits for something.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use bastide_wire::event::{Event, FromDaemon, LogEntry};
use bastide_wire::reply::{ErrorReply, OkReply};
use bastide_wire::request::{Attach, Create, Empty, Envelope, Handshake, Input, Subscribe, Target};
use bastide_wire::{Frames, MAX_OUTPUT_FRAME, PROTOCOL_VERSION, Reply, SessionInfo, frame};
use serde::Serialize;

use crate::daemon::{DEADLINE, Daemon};

pub(crate) struct Client {
    pub(crate) socket: UnixStream,
    frames: Frames,
    seq: u32,
    replies: HashMap<u32, Reply>,
    pub(crate) events: Vec<Event>,
    pub(crate) output: Vec<u8>,
    pub(crate) closed: bool,
}

impl Client {
    pub(crate) fn connect(daemon: &Daemon, change: impl FnOnce(&mut Handshake)) -> Self {
        let mut client = Self::stranger(daemon);
        let mut handshake =
            Handshake { token: daemon.token(), protocol_version: PROTOCOL_VERSION, ..Handshake::default() };
        change(&mut handshake);
        let seq = client.send("handshake", handshake);
        assert!(matches!(client.reply(seq), Reply::Handshake(_)));
        client
    }

    /// Connected, and no more.
    pub(crate) fn stranger(daemon: &Daemon) -> Self {
        let socket = UnixStream::connect(daemon.socket()).unwrap();
        socket.set_read_timeout(Some(DEADLINE)).unwrap();
        Self {
            socket,
            frames: Frames::new(MAX_OUTPUT_FRAME),
            seq: 0,
            replies: HashMap::new(),
            events: Vec::new(),
            output: Vec::new(),
            closed: false,
        }
    }

    pub(crate) fn send(&mut self, kind: &str, body: impl Serialize) -> u32 {
        self.seq += 1;
        let seq = self.seq;
        self.socket.write_all(&frame::encode(&Envelope { kind, seq, body })).unwrap();
        seq
    }

    /// Reads what is there or comes next; false at the end.
    pub(crate) fn read(&mut self) -> bool {
        let mut buffer = [0; 64 * 1024];
        let count = match self.socket.read(&mut buffer) {
            Ok(count) => count,
            Err(e) if e.kind() == std::io::ErrorKind::ConnectionReset => 0,
            Err(e) => panic!("nothing comes: {e}"),
        };
        self.closed |= count == 0;
        self.frames.spare().extend_from_slice(&buffer[..count]);
        while let Some(payload) = self.frames.next_frame().unwrap() {
            match FromDaemon::read(&payload).unwrap() {
                FromDaemon::Reply(reply) => {
                    self.replies.insert(reply.seq(), reply);
                }
                FromDaemon::Event(event) => self.events.push(event),
                FromDaemon::Output(output) => self.output.extend_from_slice(&output.data),
            }
        }
        !self.closed
    }

    pub(crate) fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        while !holds(self) {
            assert!(self.read() || holds(self), "closed while waiting for {what}");
        }
    }

    pub(crate) fn reply(&mut self, seq: u32) -> Reply {
        self.until("a reply", |client| client.replies.contains_key(&seq));
        self.replies.remove(&seq).unwrap()
    }

    pub(crate) fn call(&mut self, kind: &str, body: impl Serialize) -> Result<OkReply, ErrorReply> {
        let seq = self.send(kind, body);
        match self.reply(seq) {
            Reply::Ok(ok) => Ok(*ok),
            Reply::Error(error) => Err(error),
            Reply::Handshake(_) => panic!("no handshake was asked for"),
        }
    }

    /// A session with a script in it.
    pub(crate) fn create(&mut self, script: &str, create: Create) -> Result<OkReply, ErrorReply> {
        let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
        self.call("create", Create { argv: Some(argv), ..create })
    }

    pub(crate) fn run(&mut self, script: &str) -> u32 {
        self.create(script, Create::default()).unwrap().session.unwrap()
    }

    pub(crate) fn attach(&mut self, session: u32) -> OkReply {
        let wish = Attach { session, viewer: Some(session), write: Some(true), ..Attach::default() };
        self.call("attach", wish).unwrap()
    }

    pub(crate) fn types(&mut self, session: u32, data: &[u8]) {
        self.call("input", Input { session, viewer: None, data: data.into() }).unwrap();
    }

    pub(crate) fn kill(&mut self, session: u32) {
        self.call("kill", Target { session, viewer: None }).unwrap();
    }

    pub(crate) fn list(&mut self) -> Vec<SessionInfo> {
        self.call("list", Empty {}).unwrap().sessions.unwrap()
    }

    pub(crate) fn subscribe(&mut self) {
        self.call("subscribe", Subscribe { from_seq: 0 }).unwrap();
    }

    pub(crate) fn log(&self) -> impl Iterator<Item = &LogEntry> {
        self.events.iter().filter_map(|event| match event {
            Event::Log(entry) => Some(entry),
            _ => None,
        })
    }

    pub(crate) fn logged(&self, kind: &str) -> usize {
        self.log().filter(|entry| entry.kind == kind).count()
    }

    pub(crate) fn exits(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, Event::Exit(_))).count()
    }
}
