//! Against a daemon that a test plays by hand, frame by frame.
#![allow(clippy::unwrap_used)]

use std::path::Path;
use std::time::Duration;

use bastide_wire::event::{Event, Exit, Lagged, LogEntry, Output, Resync};
use bastide_wire::pool::PoolRequest;
use bastide_wire::reply::{HandshakeReply, OkReply};
use bastide_wire::request::{Attach, Extension};
use bastide_wire::session::ExitStatus;
use bastide_wire::{Code, Frames, Head, MAX_INPUT_FRAME, Reply, Request, capability, frame};
use bytes::Bytes;
use serde::Serialize;
use tokio::io::AsyncWriteExt;
use tokio::net::{UnixListener, UnixStream};

use crate::connection::next_payload;
use crate::{AttachOptions, Attachment, Client, Config, Create, Error, LogEvent, Snapshot, ViewerEvent};

/// No wait in these tests is long; one that is has failed.
const DEADLINE: Duration = Duration::from_secs(10);

/// The daemon's end of one connection.
struct Played {
    stream: UnixStream,
    frames: Frames,
}

impl Played {
    async fn payload(&mut self) -> Bytes {
        let next = next_payload(&mut self.stream, &mut self.frames);
        tokio::time::timeout(DEADLINE, next).await.unwrap().unwrap().expect("the client closed")
    }

    /// The next request: its number, type, and what `look` makes of it.
    async fn request<T>(&mut self, kind: &str, look: impl FnOnce(Request<'_>) -> T) -> (u32, T) {
        let payload = self.payload().await;
        let head = Head::read(&payload).unwrap();
        assert_eq!(head.kind, kind);
        (head.seq, look(Request::read(&head.kind, &payload).unwrap()))
    }

    async fn send<T: Serialize>(&mut self, message: &T) {
        self.stream.write_all(&frame::encode(message)).await.unwrap();
    }

    async fn ok(&mut self, seq: u32) {
        self.send(&Reply::session(seq, 1)).await;
    }

    async fn shake_hands(&mut self) {
        let (seq, ()) = self
            .request("handshake", |r| {
                let Request::Handshake(hello) = r else { panic!("{r:?}") };
                assert_eq!((hello.token.as_str(), hello.client_id.as_deref()), ("secret", Some("test")));
            })
            .await;
        let mut reply = Reply::handshake(seq, "0.9", 42);
        reply.capabilities = Some(capability::ALL.map(str::to_owned).to_vec());
        self.send(&Reply::Handshake(reply)).await;
    }

    /// Answers an attach with a snapshot at `pos`; returns the viewer's number.
    async fn attached(&mut self, pos: u64) -> u32 {
        let (seq, attach) = self
            .request("attach", |r| {
                let Request::Attach(attach) = r else { panic!("{r:?}") };
                attach
            })
            .await;
        let Attach { viewer: Some(viewer), write: Some(_), credit: Some(_), .. } = attach else {
            panic!("{attach:?}")
        };
        let snapshot = Snapshot { cols: 80, rows: 24, pos: Some(pos), ..Snapshot::default() };
        self.send(&Reply::ok(OkReply {
            seq,
            session: Some(1),
            pos: Some(pos),
            snapshot: Some(snapshot),
            ..OkReply::default()
        }))
        .await;
        viewer
    }

    async fn output(&mut self, viewer: u32, pos: u64, data: &[u8]) {
        self.send(&Output { session: 1, data: data.into(), viewer: Some(viewer), pos: Some(pos) }).await;
    }

    /// The position of the next `ack`.
    async fn acked(&mut self, viewer: u32) -> u64 {
        let (_, ack) = self
            .request("ack", |r| {
                let Request::Other(Extension::Ack(ack)) = r else { panic!("{r:?}") };
                ack
            })
            .await;
        assert_eq!((ack.session, ack.viewer), (1, Some(viewer)));
        ack.pos.unwrap()
    }
}

struct Scene {
    _dir: tempfile::TempDir,
    listener: UnixListener,
    config: Config,
}

impl Scene {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("ptyd.sock");
        std::fs::write(dir.path().join("ptyd.token"), "secret\n").unwrap();
        let config = Config::new(&socket).with_client_id("test");
        Self { listener: UnixListener::bind(&socket).unwrap(), _dir: dir, config }
    }

    async fn accept(&self) -> Played {
        let (stream, _) = self.listener.accept().await.unwrap();
        Played { stream, frames: Frames::new(MAX_INPUT_FRAME) }
    }

    async fn connected(&self) -> (Client, Played) {
        let daemon = async {
            let mut daemon = self.accept().await;
            daemon.shake_hands().await;
            daemon
        };
        let (client, daemon) = tokio::join!(Client::connect(self.config.clone()), daemon);
        (client.unwrap(), daemon)
    }

    async fn attached(&self, options: AttachOptions, pos: u64) -> (Attachment, Played, u32) {
        let (client, mut daemon) = self.connected().await;
        let (attachment, viewer) = tokio::join!(client.attach(1, options), daemon.attached(pos));
        (attachment.unwrap(), daemon, viewer)
    }
}

async fn next(attachment: &mut Attachment) -> Option<ViewerEvent> {
    tokio::time::timeout(DEADLINE, attachment.next()).await.expect("no event")
}

#[tokio::test]
async fn no_daemon_no_token_and_refusals_are_told_apart() {
    let none = Client::connect(Config::new("/nonexistent/ptyd.sock").with_token_file("/dev/null")).await;
    assert!(
        matches!(&none, Err(Error::NoDaemon { path }) if path.as_path() == Path::new("/nonexistent/ptyd.sock"))
    );

    let scene = Scene::new();
    let config = scene.config.clone().with_token_file("/nonexistent/token");
    assert!(matches!(Client::connect(config).await, Err(Error::Token { .. })));
    drop(scene.accept().await);

    let refuse = async {
        let mut daemon = scene.accept().await;
        let (seq, ()) = daemon.request("handshake", |_| ()).await;
        daemon.send(&Reply::error(seq, Code::AuthFailed, "Invalid token")).await;
        drop(scene.accept().await);
        let mut daemon = scene.accept().await;
        let (seq, ()) = daemon.request("handshake", |_| ()).await;
        let reply = HandshakeReply { protocol_version: 9, ..Reply::handshake(seq, "9", 1) };
        daemon.send(&Reply::Handshake(reply)).await;
    };
    let ask = async {
        let refused = Client::connect(scene.config.clone()).await.unwrap_err();
        assert!(matches!(refused, Error::Refused { .. }) && refused.is(Code::AuthFailed), "{refused}");
        let dropped = Client::connect(scene.config.clone()).await.unwrap_err();
        assert!(matches!(dropped, Error::Dropped { .. }) && dropped.retry(), "{dropped}");
        let version = Client::connect(scene.config.clone()).await.unwrap_err();
        assert!(matches!(version, Error::Version { theirs: 9 }), "{version}");
    };
    tokio::join!(refuse, ask);
}

#[tokio::test]
async fn replies_find_their_calls_in_any_order() {
    let scene = Scene::new();
    let (client, mut daemon) = scene.connected().await;
    assert_eq!(client.daemon().pid, 42);
    let play = async {
        let (first, uid) = daemon
            .request("create", |r| {
                let Request::Create(create) = r else { panic!("{r:?}") };
                create.uid.expect("made by the client")
            })
            .await;
        let (second, ()) = daemon.request("kill_all", |_| ()).await;
        daemon.send(&Reply::ok(OkReply { seq: 7777, count: Some(1), ..OkReply::default() })).await;
        daemon.send(&Reply::ok(OkReply { seq: second, count: Some(3), ..OkReply::default() })).await;
        daemon
            .send(&Reply::ok(OkReply { seq: first, session: Some(9), uid: Some(uid), ..OkReply::default() }))
            .await;
        uid
    };
    let ((), uid) = tokio::join!(
        async {
            let (created, count) = tokio::join!(client.create(Create::default()), client.kill_all());
            assert_eq!((created.unwrap().session, count.unwrap()), (9, 3));
        },
        play
    );
    assert_eq!(uid.get_version_num(), 7);
}

#[tokio::test]
async fn a_viewer_gets_snapshot_output_and_exit_then_the_end() {
    let scene = Scene::new();
    let (mut attachment, mut daemon, viewer) = scene.attached(AttachOptions::writer(), 100).await;
    assert_eq!((attachment.pos, attachment.resumed), (100, false));
    assert_eq!(attachment.snapshot.as_ref().unwrap().cols, 80);
    daemon.output(viewer, 100, &[b'x'; 9000]).await;
    daemon.output(viewer + 1, 0, b"somebody else's").await;
    let status = ExitStatus { code: 3, signal: None };
    daemon.send(&Event::Exit(Exit { session: 1, status, viewer: Some(viewer), pos: Some(9100) })).await;
    let Some(ViewerEvent::Output { pos: 100, data }) = next(&mut attachment).await else { panic!() };
    assert_eq!(data.len(), 9000);
    let Some(ViewerEvent::Exit { status: got, .. }) = next(&mut attachment).await else { panic!() };
    assert_eq!(got, status);
    assert!(next(&mut attachment).await.is_none());
}

#[tokio::test]
async fn acknowledgements_are_gathered_until_a_quarter_of_the_credit() {
    let scene = Scene::new();
    let options = AttachOptions::reader().credit(1000);
    let (mut attachment, mut daemon, viewer) = scene.attached(options, 50).await;
    attachment.ack(51);
    attachment.ack(299);
    attachment.ack(300);
    assert_eq!(daemon.acked(viewer).await, 300);
    // One that lagged says everything, so that the re-sync can come.
    attachment.ack(310);
    daemon.send(&Event::Lagged(Lagged { session: 1, viewer, pos: 320 })).await;
    assert!(matches!(next(&mut attachment).await, Some(ViewerEvent::Lagged { pos: 320 })));
    assert_eq!(daemon.acked(viewer).await, 310);
    attachment.ack(320);
    assert_eq!(daemon.acked(viewer).await, 320);
    let snapshot = Box::new(Snapshot { pos: Some(9000), ..Snapshot::default() });
    daemon.send(&Event::Resync(Resync { session: 1, viewer, snapshot })).await;
    assert!(matches!(next(&mut attachment).await, Some(ViewerEvent::Resync(_))));
    attachment.ack(9001);
    attachment.ack(9250);
    assert_eq!(daemon.acked(viewer).await, 9250);
    assert!(attachment.writer().is_none());
}

#[tokio::test]
async fn dropping_an_attachment_detaches_and_the_connection_stays() {
    let scene = Scene::new();
    let (attachment, mut daemon, viewer) = scene.attached(AttachOptions::reader(), 0).await;
    drop(attachment);
    // It was the last handle too, so the connection itself says it.
    let end = next_payload(&mut daemon.stream, &mut daemon.frames).await.unwrap();
    assert!(end.is_none() || Head::read(&end.unwrap()).unwrap().kind == "detach");

    let (client, mut daemon) = scene.connected().await;
    let (attachment, second) = tokio::join!(client.attach(1, AttachOptions::reader()), daemon.attached(0));
    assert_eq!(second, viewer);
    drop(attachment.unwrap());
    let (_, target) = daemon
        .request("detach", |r| {
            let Request::Detach(target) = r else { panic!("{r:?}") };
            target
        })
        .await;
    assert_eq!((target.session, target.viewer), (1, Some(second)));
    assert!(!client.is_closed());
}

#[tokio::test]
async fn long_input_goes_in_pieces_each_after_the_ok_of_the_one_before() {
    let scene = Scene::new();
    let (attachment, mut daemon, viewer) = scene.attached(AttachOptions::writer(), 0).await;
    let text: Vec<u8> = (0..150 * 1024_u32).map(|i| i.to_le_bytes()[0]).collect();
    let writer = attachment.writer().unwrap();
    let play = async {
        let mut got = Vec::new();
        for length in [65536, 65536, 22528] {
            let (seq, data) = daemon
                .request("input", |r| {
                    let Request::Input(input) = r else { panic!("{r:?}") };
                    assert_eq!(input.viewer, Some(viewer));
                    input.data.into_owned()
                })
                .await;
            assert_eq!(data.len(), length);
            got.extend(data);
            // Nothing may have come before this ok.
            assert!(daemon.frames.is_empty());
            daemon.ok(seq).await;
        }
        got
    };
    let (sent, got) = tokio::join!(writer.input(text.clone()), play);
    sent.unwrap();
    assert_eq!(got, text);
}

#[tokio::test]
async fn a_viewer_that_does_not_read_stops_nobody_else() {
    let scene = Scene::new();
    let (client, mut daemon) = scene.connected().await;
    let (slow, slow_viewer) = tokio::join!(client.attach(1, AttachOptions::reader()), daemon.attached(0));
    let (live, live_viewer) = tokio::join!(client.attach(1, AttachOptions::reader()), daemon.attached(0));
    let (mut slow, mut live) = (slow.unwrap(), live.unwrap());
    for i in 0..4 {
        daemon.output(slow_viewer, i * 65536, &[1; 65536]).await;
    }
    daemon.output(live_viewer, 0, b"through").await;
    assert!(
        matches!(next(&mut live).await, Some(ViewerEvent::Output { data, .. }) if data == b"through"[..])
    );
    let mut pos = 0;
    while pos < 4 * 65536 {
        let Some(ViewerEvent::Output { pos: at, data }) = next(&mut slow).await else { panic!() };
        assert_eq!(at, pos);
        pos += data.len() as u64;
    }
}

#[tokio::test]
async fn a_lost_connection_fails_what_waits_and_ends_the_viewers() {
    let scene = Scene::new();
    let (client, mut daemon) = scene.connected().await;
    let (attachment, _) = tokio::join!(client.attach(1, AttachOptions::reader()), daemon.attached(0));
    let mut attachment = attachment.unwrap();
    let play = async {
        daemon.request("list", |_| ()).await;
        drop(daemon);
    };
    let (listed, ()) = tokio::join!(client.list(), play);
    assert!(matches!(listed, Err(Error::Closed { .. })), "{listed:?}");
    assert!(next(&mut attachment).await.is_none());
    assert_eq!(client.closed().await, "the daemon closed it");
    assert!(matches!(client.list().await, Err(Error::Closed { .. })));
}

#[tokio::test]
async fn the_log_has_its_own_connection() {
    let scene = Scene::new();
    let (client, _daemon) = scene.connected().await;
    let play = async {
        let mut daemon = scene.accept().await;
        daemon.shake_hands().await;
        let (seq, ()) = daemon
            .request("subscribe", |r| {
                let Request::Other(Extension::Subscribe(from)) = r else { panic!("{r:?}") };
                assert_eq!(from.from_seq, 5);
            })
            .await;
        daemon.send(&Reply::ok(OkReply { seq, pos: Some(9), ..OkReply::default() })).await;
        daemon.send(&Event::Truncated(bastide_wire::event::Truncated { first_seq: 8 })).await;
        let entry = LogEntry {
            seq: 8,
            at: "2026-01-01T00:00:00Z".into(),
            kind: "draining".into(),
            uid: None,
            fields: serde_json::Map::new(),
        };
        daemon.send(&Event::Log(entry)).await;
    };
    let (events, ()) = tokio::join!(client.subscribe(5), play);
    let mut events = events.unwrap();
    assert_eq!(events.next_seq(), 9);
    assert_eq!(events.next().await.unwrap(), Some(LogEvent::Truncated { first_seq: 8 }));
    let Some(LogEvent::Entry(entry)) = events.next().await.unwrap() else { panic!() };
    assert_eq!((entry.seq, entry.kind.as_str()), (8, "draining"));
    assert_eq!(events.next().await.unwrap(), None);
}

#[tokio::test]
async fn connections_are_asked_of_a_daemon_that_knows_them_only() {
    let scene = Scene::new();
    let (client, mut daemon) = scene.connected().await;
    let played = async {
        let (seq, ()) = daemon.request("connections", |_| ()).await;
        let pool = bastide_wire::pool::PoolInfo { dials: 3, ..Default::default() };
        daemon.send(&Reply::ok(OkReply { seq, pool: Some(Box::new(pool)), ..OkReply::default() })).await;
        let (seq, id) = daemon
            .request("connection_end", |r| {
                let Request::Other(Extension::Pool(PoolRequest::End(end))) = r else { panic!("{r:?}") };
                end.id
            })
            .await;
        daemon.send(&Reply::error(seq, Code::NotFound, "Not found: connection 9")).await;
        id
    };
    let asking = async { (client.connections().await.unwrap(), client.connection_end(9).await) };
    let (id, (pool, ended)) = tokio::join!(played, asking);
    assert_eq!((id, pool.dials), (9, 3));
    assert!(ended.unwrap_err().is(Code::NotFound));

    let older = async {
        let mut daemon = scene.accept().await;
        let (seq, ()) = daemon.request("handshake", |_| ()).await;
        let mut reply = Reply::handshake(seq, "0.1", 42);
        reply.capabilities = Some(vec![capability::VIEWERS.to_owned()]);
        daemon.send(&Reply::Handshake(reply)).await;
        daemon
    };
    let (client, _daemon) = tokio::join!(Client::connect(scene.config.clone()), older);
    let refused = client.unwrap().connections().await.unwrap_err();
    assert!(matches!(refused, Error::Unsupported { capability: capability::CONNECTIONS }));
}
