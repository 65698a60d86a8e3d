//! Sessions with a real program behind them.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bastide_policy::Bundle;
use bastide_pty::{Account, Size, Spawn};
use bastide_wire::event::{Event, FromDaemon};
use bastide_wire::spec::{Flow, RecordingMode, RecordingSpec, Spec};
use bastide_wire::ssh::{Hop, Ssh};
use bastide_wire::{Reply, SessionInfo};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use uuid::Uuid;

use crate::{
    Attach, Command, Config, Dial, Dialler, EndReason, Handle, Happening, Happenings, Input, Item, Look,
    Open, Outbox, Requester, Resize, Responder, Running, ScrollbackBudget, Start, ViewerKey, open,
};

/// No fact that a test waits for takes this long.
const DEADLINE: Duration = Duration::from_secs(20);

pub(super) async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited in vain for {what}"),
    }
}

/// How a session is set up.
pub(super) struct Setup {
    pub(super) config: Config,
    pub(super) spec: Spec,
    pub(super) pool: bastide_record::Pool,
    pub(super) recordings: PathBuf,
    /// Whether the log is written.
    pub(super) log_takes: watch::Sender<bool>,
    _directory: TempDir,
}

impl Setup {
    pub(super) fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            config: Config::default(),
            spec: Spec {
                recording: Some(RecordingSpec { mode: RecordingMode::Off, ..RecordingSpec::default() }),
                ..Spec::default()
            },
            pool: bastide_record::Pool::start(bastide_record::Config::default()).unwrap(),
            recordings: directory.path().to_owned(),
            log_takes: watch::Sender::new(true),
            _directory: directory,
        }
    }

    pub(super) fn recorded(mut self, mode: RecordingMode) -> Self {
        self.spec.recording = Some(RecordingSpec { mode, ..RecordingSpec::default() });
        self
    }

    /// With a supervisor that a test plays.
    pub(super) async fn guarded(
        self,
        script: &str,
        scripted: crate::guard::Scripted,
        rules: Arc<Bundle>,
    ) -> Live {
        let start = self.local(script);
        let spec = self.spec.clone();
        let guard = move |session: &mut crate::actor::Session| {
            session.play_guard(crate::guard::Guard::scripted(scripted, &spec, rules));
        };
        self.begin_with(start, Arc::new(Unreachable), guard).await
    }

    pub(super) async fn run(self, script: &str) -> Live {
        let start = self.local(script);
        self.begin(start, Arc::new(Unreachable)).await
    }

    /// With a shell elsewhere, which `dialler` makes or does not make.
    pub(super) async fn dial(self, dialler: Arc<dyn Dialler>) -> Live {
        let hop = Hop {
            name: "db1".into(),
            host: "10.0.0.5".into(),
            port: 22,
            username: "root".into(),
            ..Hop::default()
        };
        let to = Box::new(Ssh { hops: vec![hop], ..Ssh::default() });
        self.begin(Start::Ssh { to, term: "xterm".into(), env: Vec::new() }, dialler).await
    }

    fn local(&self, script: &str) -> Start {
        let account = Account::current().unwrap();
        let spawn = Spawn {
            program: "/bin/sh".into(),
            args: vec!["-c".into(), script.into()],
            login: false,
            env: vec![("PATH".into(), "/usr/bin:/bin".into())],
            cwd: "/".into(),
            size: Size { cols: 80, rows: 24 },
            account,
            limits: bastide_pty::Limits::default(),
            view: bastide_pty::View::default(),
            group: None,
        };
        Start::Local(Box::new(spawn))
    }

    async fn begin(self, start: Start, dialler: Arc<dyn Dialler>) -> Live {
        self.begin_with(start, dialler, |_| {}).await
    }

    async fn begin_with(
        self,
        start: Start,
        dialler: Arc<dyn Dialler>,
        change: impl FnOnce(&mut crate::actor::Session),
    ) -> Live {
        let (sender, happenings) = mpsc::channel(64);
        let running = Running {
            config: Arc::new(self.config.clone()),
            recorders: self.pool.clone(),
            budget: ScrollbackBudget::new(usize::MAX / 2),
            happenings: Happenings::new(sender, self.log_takes.subscribe()),
            palette: bastide_vt::Config::default(),
            dialler,
        };
        let opening = Open {
            id: 1,
            uid: Uuid::now_v7(),
            name: None,
            size: bastide_vt::Size { cols: 80, rows: 24 },
            spec: self.spec.clone(),
            default_flow: Flow::Pace,
            initial_commands: Vec::new(),
            recordings: self.recordings.clone(),
            default_recording: RecordingMode::Off,
            guarding: None,
            bounds: crate::Bounds::default(),
        };
        let (handle, mut session) = open(opening, start, running).await.unwrap();
        change(&mut session);
        let task = tokio::spawn(session.run());
        Live { handle, happenings, task, setup: self }
    }
}

/// For sessions that dial nobody.
#[derive(Debug)]
struct Unreachable;

impl Dialler for Unreachable {
    fn dial(&self, _: Box<Ssh>, _: bastide_ssh::ShellOptions, _: Arc<dyn bastide_ssh::Ask>) -> Dial {
        unreachable!("a program of this machine is not dialled")
    }
}

/// A session that runs.
pub(super) struct Live {
    pub(super) handle: Handle,
    pub(super) happenings: mpsc::Receiver<Happening>,
    pub(super) task: JoinHandle<()>,
    pub(super) setup: Setup,
}

impl Live {
    pub(super) async fn send(&self, command: Command) {
        assert!(self.handle.send(command).await.is_ok(), "the session is gone");
    }

    pub(super) async fn describe(&self) -> SessionInfo {
        let (sender, answer) = oneshot::channel();
        self.send(Command::Look(Look::Describe(sender))).await;
        within("a description", answer).await.unwrap()
    }

    /// Looks at the session until `holds`; the program works meanwhile.
    pub(super) async fn until(&self, what: &str, holds: impl Fn(&SessionInfo) -> bool) -> SessionInfo {
        within(what, async {
            loop {
                let info = self.describe().await;
                if holds(&info) {
                    return info;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        })
        .await
    }

    pub(super) async fn happens(&mut self, what: &str, is: impl Fn(&Happening) -> bool) -> Happening {
        within(what, async {
            loop {
                let happening = self.happenings.recv().await.unwrap();
                if is(&happening) {
                    return happening;
                }
            }
        })
        .await
    }

    pub(super) async fn attach(&self, client: &mut Client, wish: Wish) {
        self.send(client.attach(wish)).await;
        within("the attachment", client.reply()).await;
    }

    pub(super) async fn end(&self, reason: EndReason) {
        self.send(Command::End { reason, swept: false, reply: None }).await;
    }
}

/// What a viewer asks for.
#[derive(Clone, Copy)]
pub(super) struct Wish {
    pub(super) viewer: Option<u32>,
    pub(super) write: bool,
    pub(super) credit: u32,
}

/// A connection with nobody writing to its socket but the test.
pub(super) struct Client {
    pub(super) outbox: Outbox,
    connection: u64,
    waiting: VecDeque<Item>,
    pub(super) replies: Vec<Reply>,
    pub(super) output: Vec<u8>,
    pub(super) events: Vec<Event>,
}

impl Client {
    pub(super) fn new(connection: u64) -> Self {
        Self {
            outbox: Outbox::new(),
            connection,
            waiting: VecDeque::new(),
            replies: Vec::new(),
            output: Vec::new(),
            events: Vec::new(),
        }
    }

    pub(super) fn responder(&self, seq: u32) -> Responder {
        Responder { outbox: self.outbox.clone(), seq }
    }

    pub(super) fn key(&self, number: Option<u32>) -> ViewerKey {
        ViewerKey { connection: self.connection, number }
    }

    pub(super) fn attach(&self, wish: Wish) -> Command {
        let requester = Requester {
            connection: self.connection,
            client: None,
            outbox: self.outbox.clone(),
            prompts: true,
        };
        Command::Attach(Box::new(Attach {
            requester,
            reply: self.responder(1),
            viewer: wish.viewer,
            write: wish.write,
            scrollback: 0,
            from: None,
            credit: Some(wish.credit),
            about: None,
        }))
    }

    pub(super) fn input(&self, seq: u32, data: Vec<u8>) -> Command {
        Command::Input(Input {
            connection: self.connection,
            viewer: None,
            data: data.into(),
            reply: self.responder(seq),
            patient: true,
        })
    }

    pub(super) fn resize(&self, cols: u16, rows: u16) -> Command {
        Command::Resize(Resize {
            connection: self.connection,
            viewer: None,
            cols,
            rows,
            reply: self.responder(2),
        })
    }

    /// Takes one item, as the connection's writer does; false when the outbox is shut or closes.
    pub(super) async fn take(&mut self) -> bool {
        if !self.outbox.take(&mut self.waiting, 1).await {
            return false;
        }
        for item in self.waiting.drain(..) {
            match item {
                Item::Output(chunk) => {
                    chunk.written();
                    self.output.extend_from_slice(&chunk.data);
                }
                Item::Frame(frame) => {
                    match FromDaemon::read(&frame[bastide_wire::frame::PREFIX..]).unwrap() {
                        FromDaemon::Reply(reply) => self.replies.push(reply),
                        FromDaemon::Event(event) => self.events.push(event),
                        FromDaemon::Output(_) => unreachable!("output is not framed yet"),
                    }
                }
                Item::Close => return false,
            }
        }
        true
    }

    pub(super) async fn reply(&mut self) -> Reply {
        let seen = self.replies.len();
        while self.replies.len() == seen {
            assert!(self.take().await, "the outbox is shut");
        }
        self.replies[seen].clone()
    }

    /// Takes until `holds`.
    pub(super) async fn until(&mut self, what: &str, holds: impl Fn(&Self) -> bool) {
        let taken = tokio::time::timeout(DEADLINE, async {
            while !holds(self) {
                assert!(self.take().await, "closed while waiting for {what}");
            }
        })
        .await;
        assert!(taken.is_ok(), "waited in vain for {what}; {} bytes came", self.output.len());
    }

    pub(super) fn exits(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, Event::Exit(_))).count()
    }

    pub(super) fn notices(&self) -> usize {
        self.events.iter().filter(|event| matches!(event, Event::Notice(_))).count()
    }
}

pub(super) const SEED: Wish = Wish { viewer: None, write: true, credit: 0 };
pub(super) const WATCHER: Wish = Wish { viewer: Some(1), write: false, credit: 100_000_000 };
