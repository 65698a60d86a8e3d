//! The session's task: one loop, one place where it waits.

mod attach;
mod dialling;
mod ending;
mod evidence;
mod guarding;
mod output;
mod together;
mod typing;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bastide_pty::Signal;
use bastide_pty::gate::Report;
use bastide_record::{Recorder, State};
use bastide_vt::{Effects, Terminal};
use bastide_wire::Code;
use bastide_wire::session::ExitStatus;
use bastide_wire::spec::Flow;
use jiff::Timestamp;
use tokio::sync::{Notify, mpsc};

use crate::backend::{Backend, Gone, UNKNOWN};
use crate::budget::Share;
use crate::command::{Command, Controlling, EndReason, Leave, Look, Scrollback};
use crate::dial::{Dialling, Step};
use crate::event::{Happening, Happenings};
use crate::guard::{Door, Guard};
use crate::handle::{Handle, Identity};
use crate::input::InputQueue;
use crate::open::{Begun, Behind, Bounds, Open, Running, seconds};
use crate::outbox::{Outbox, Responder};
use crate::ring::Ring;
use crate::viewer::{Viewer, ViewerKey};
use crate::{Config, command};
use together::People;

/// A session. [`Session::run`] is its task.
pub struct Session {
    handle: Handle,
    config: Arc<Config>,
    commands: mpsc::Receiver<Command>,
    happenings: Happenings,
    /// Gone when the program has ended and its output is read.
    backend: Option<Backend>,
    /// While the backend is a shell that is being dialled.
    dialling: Option<Box<Dialling>>,
    /// What its commands are judged by; none where they are not.
    guard: Option<Box<Guard>>,
    recording: Recording,
    screen: Screen,
    viewers: Viewers,
    typed: Typed,
    life: Life,
}

/// The recorder and what the spec says about it.
struct Recording {
    recorder: Option<Recorder>,
    required: bool,
    input: bool,
    /// What viewers were last told.
    last: State,
}

/// The emulated terminal and the stream that made it.
struct Screen {
    terminal: Terminal,
    effects: Effects,
    ring: Ring,
    share: Share,
    /// Lines that were given back to stay within the memory limit.
    dropped: usize,
}

struct Viewers {
    all: Vec<Viewer>,
    flow: Flow,
    /// Woken by a connection's writer when a viewer that was waited for has room.
    room: Arc<Notify>,
    /// Who owns the size: the writer that last typed or attached.
    size_owner: Option<ViewerKey>,
    people: People,
}

struct Typed {
    queue: InputQueue,
    /// Whole frames that wait for room, each with its reply and the time it may wait until.
    waiting: VecDeque<(command::Input, Instant)>,
    /// Reviews that a Ctrl-C has given up.
    given_up: Vec<uuid::Uuid>,
    /// Where the reply to a key waits for output.
    unsaid: Option<Outbox>,
    /// Until when. It stays when the reply has gone before: a clock set anew for every key costs more than a look
    /// for nothing.
    say_at: Option<Instant>,
}

/// When and how it ends.
struct Life {
    attached_at: Timestamp,
    active: Instant,
    /// Since when nobody watches.
    alone_since: Instant,
    idle_timeout: Option<Duration>,
    detach_keep: Option<Duration>,
    /// The earlier of lifetime and expiry, and which it is.
    latest: Option<(Instant, EndReason)>,
    /// The end that people have been told of before.
    announced: Option<(Instant, EndReason)>,
    ending: Option<Ending>,
    exited: Option<Exited>,
    ended: Option<Ended>,
    /// Everybody who had the terminal open has closed it.
    output_closed: bool,
    bounds: Bounds,
}

/// The program was told to end.
struct Ending {
    reason: EndReason,
    kill_at: Option<Instant>,
}

/// The program has ended and the terminal may still hold output.
struct Exited {
    status: ExitStatus,
    /// Bytes read since.
    drained: usize,
}

/// The program has ended and everything it wrote has been taken.
struct Ended {
    status: ExitStatus,
    /// What whoever comes later must be told about it.
    why: Option<String>,
    forget_at: Instant,
}

/// What the loop woke up for.
enum Woken {
    Command(Option<Command>),
    Readable(io::Result<()>),
    Writable(io::Result<()>),
    Exited(Gone),
    Dial(Step),
    Guard(io::Result<Option<Report>>),
    /// The log takes entries again, or does not any more.
    Log,
    LastOutput,
    RoomSomewhere,
    Recorder(State),
    Deadline,
}

impl Typed {
    /// With what is typed at the start, which is looked at like anything else.
    fn begin(commands: &[String], guard: Option<&mut Guard>, limit: usize) -> Self {
        let mut typed = Self {
            queue: InputQueue::new(limit),
            waiting: VecDeque::new(),
            given_up: Vec::new(),
            unsaid: None,
            say_at: None,
        };
        let text: String = commands.iter().map(|line| format!("{line}\r")).collect();
        match guard.map(|guard| &mut guard.door) {
            Some(Door::Watched { screen, .. }) => {
                screen.on_input(text.as_bytes());
            }
            _ => typed.queue.push(text.into()),
        }
        typed
    }
}

impl Session {
    pub(crate) fn new(
        open: &Open,
        running: Running,
        handle: Handle,
        (Behind { backend, dialling, guard }, bounds): (Behind, Bounds),
        (recording, commands): (Begun, mpsc::Receiver<Command>),
    ) -> Self {
        let (spec, size) = (&open.spec, open.size);
        let now = running.config.clock.now();
        let mut guard = guard;
        let typed =
            Typed::begin(&open.initial_commands, guard.as_deref_mut(), running.config.input_queue_bytes);
        Self {
            happenings: running.happenings,
            backend: Some(backend),
            dialling,
            guard,
            recording: Recording {
                recorder: recording.recorder,
                required: spec.recording.as_ref().map_or(open.default_recording, |recording| recording.mode)
                    == bastide_wire::spec::RecordingMode::Required,
                input: spec.recording.as_ref().is_some_and(|recording| recording.input),
                last: recording.failure.map_or(State::Recording, |reason| State::Failed { reason }),
            },
            screen: Screen {
                terminal: Terminal::new(
                    size,
                    bastide_vt::Config {
                        scrollback_lines: running.config.scrollback_lines,
                        ..running.palette
                    },
                ),
                effects: Effects::default(),
                ring: Ring::default(),
                share: Share::new(running.budget),
                dropped: 0,
            },
            viewers: Viewers {
                all: Vec::new(),
                flow: spec.flow.unwrap_or(open.default_flow),
                room: Arc::new(Notify::new()),
                size_owner: None,
                people: People::default(),
            },
            typed,
            life: Life {
                attached_at: Timestamp::now(),
                active: now,
                alone_since: now,
                idle_timeout: seconds(spec.idle_timeout),
                detach_keep: seconds(spec.detach_keep),
                latest: ending::latest(spec, now),
                announced: None,
                ending: None,
                exited: None,
                ended: None,
                output_closed: false,
                bounds,
            },
            config: running.config,
            handle,
            commands,
        }
    }

    /// Puts a guard there that a test plays.
    #[cfg(test)]
    pub(crate) fn play_guard(&mut self, guard: Guard) {
        self.guard = Some(Box::new(guard));
    }

    fn identity(&self) -> &Identity {
        &self.handle.identity
    }

    fn id(&self) -> u32 {
        self.handle.identity.id
    }

    /// Runs until the session may be forgotten: its program has ended and nobody can ask for it.
    pub async fn run(mut self) {
        self.touch();
        self.tell_recording_failed().await;
        self.log_changed().await;
        loop {
            self.serve_viewers();
            self.replies_gone_with_output();
            if self.is_over() {
                break;
            }
            match self.wait().await {
                Woken::Command(Some(command)) => {
                    self.obey(command).await;
                    while let Ok(command) = self.commands.try_recv() {
                        self.obey(command).await;
                    }
                }
                Woken::Command(None) => self.begin_end(EndReason::Shutdown, false).await,
                Woken::Readable(result) => self.read(result).await,
                Woken::Writable(result) => self.write(result),
                Woken::Exited(gone) => self.exited(gone).await,
                Woken::Dial(step) => self.dial_went_on(step).await,
                Woken::Guard(report) => self.heard(report).await,
                Woken::Log => self.log_changed().await,
                Woken::LastOutput => self.drain().await,
                Woken::RoomSomewhere => {}
                Woken::Recorder(state) => self.recorder_changed(state).await,
                Woken::Deadline => self.deadline_passed().await,
            }
            self.watch().await;
        }
        self.leave().await;
    }

    /// Nobody waits for ever: neither for the exit nor for an answer.
    async fn leave(&mut self) {
        if let Some(ended) = &self.life.ended {
            self.force_exit_events(ended.status);
        }
        self.commands.close();
        while let Some(command) = self.commands.recv().await {
            self.turn_away(command);
        }
        self.close_recording().await;
    }

    /// The one place where a session waits. Every arm is cancel-safe.
    async fn wait(&mut self) -> Woken {
        let paced = self.is_paced();
        // After the look at pacing, which starts a viewer's patience.
        let timer = self.next_deadline().map(|at| self.config.clock.timer(at));
        let end = self.screen.ring.end();
        let waits = |viewer: &Viewer| viewer.lagged || viewer.stalled.is_some() || !viewer.is_at(end);
        let starved = paced || self.viewers.all.iter().any(waits);
        let recorder = self.recording.recorder.as_ref();
        let room = recorder.is_none_or(Recorder::has_room);
        let dialling = self.dialling.as_deref_mut();
        let gate = self.guard.as_deref_mut().and_then(Guard::gate);
        let guards = gate.is_some();
        let log = &mut self.happenings;
        let backend = self.backend.as_ref();
        let running = backend.filter(|_| self.life.exited.is_none());
        let may_read = running.filter(|_| room && !paced && !self.life.output_closed);
        // A terminal that was closed counts as writable for ever.
        let may_write = running.filter(|_| !self.typed.queue.is_empty() && !self.life.output_closed);
        let dials = dialling.is_some();
        let last_output = room && !paced && backend.is_some() && running.is_none();
        tokio::select! {
            command = self.commands.recv() => Woken::Command(command),
            result = async { some(may_read).readable().await }, if may_read.is_some() => Woken::Readable(result),
            result = async { some(may_write).writable().await }, if may_write.is_some() => Woken::Writable(result),
            gone = async { some(running).wait().await }, if running.is_some() => Woken::Exited(gone),
            step = async { some(dialling).next().await }, if dials => Woken::Dial(step),
            report = async { some(gate).next().await }, if guards => Woken::Guard(report),
            () = log.changed(), if guards => Woken::Log,
            () = std::future::ready(()), if last_output => Woken::LastOutput,
            () = self.viewers.room.notified(), if starved => Woken::RoomSomewhere,
            () = async { some(recorder).room().await }, if !room => Woken::RoomSomewhere,
            state = async { some(recorder).state_changed().await }, if recorder.is_some() => Woken::Recorder(state),
            () = tokio::time::sleep_until(timer.unwrap_or_else(Instant::now).into()), if timer.is_some() => Woken::Deadline,
        }
    }

    async fn obey(&mut self, command: Command) {
        let id = self.id();
        match command {
            Command::Attach(attach) => self.attach(*attach).await,
            Command::Leave(Leave::Viewer(key, reply)) => {
                self.detach(|viewer| viewer.key == key).await;
                if let Some(reply) = reply {
                    reply.session(id);
                }
            }
            Command::Leave(Leave::Connection(connection)) => {
                self.detach(|viewer| viewer.key.connection == connection).await;
            }
            Command::PromptReply(reply) => self.prompt_reply(*reply).await,
            Command::Input(input) => self.input(input).await,
            Command::Resize(resize) => self.resize(resize).await,
            Command::Signal(signal, reply) => match self.signal(signal) {
                Some(Ok(())) => reply.session(id),
                Some(Err(e)) => reply.error(Code::IoError, format!("signal was not sent: {e}")),
                None => reply.error(Code::SessionTerminating, format!("Session {id} has ended")),
            },
            Command::Scrollback(Scrollback::Clear(reply)) => {
                self.screen.terminal.clear_scrollback();
                self.report_memory();
                reply.session(id);
            }
            Command::Scrollback(Scrollback::Keep(lines)) => self.trim(lines).await,
            Command::Control(asked) => self.control(*asked).await,
            Command::Acknowledge(ack) => self.acknowledge(ack),
            Command::Together(asked, reply) => self.together(*asked, reply).await,
            Command::Look(Look::Snapshot(lines, reply)) => self.snapshot(lines, reply),
            Command::Look(Look::Describe(reply)) => {
                // Whoever asked may have stopped waiting; that is no error of ours.
                let _ = reply.send(self.describe());
            }
            Command::End { reason, swept, reply } => {
                if let Some(reply) = reply {
                    reply.session(id);
                }
                self.begin_end(reason, swept).await;
            }
        }
    }

    fn signal(&self, signal: Signal) -> Option<io::Result<()>> {
        self.backend.as_ref().filter(|_| self.runs()).map(|backend| backend.signal(signal))
    }

    /// Answers what came too late.
    fn turn_away(&self, command: Command) {
        let id = self.id();
        let gone = |reply: Responder| reply.error(Code::NotFound, format!("Not found: session {id}"));
        match command {
            Command::Attach(attach) => attach.reply.error(Code::NotFound, format!("Session {id} not found")),
            Command::Input(input) => gone(input.reply),
            Command::Resize(resize) => gone(resize.reply),
            Command::Signal(_, reply)
            | Command::Scrollback(Scrollback::Clear(reply))
            | Command::Together(_, reply)
            | Command::Look(Look::Snapshot(_, reply)) => gone(reply),
            Command::Control(asked) => match *asked {
                Controlling::Rules(_, reply) => {
                    // Whoever asked may have stopped waiting.
                    let _ = reply.send(None);
                }
                Controlling::Decide(_, reply) | Controlling::Cancel { reply, .. } => gone(reply),
            },
            Command::PromptReply(prompt) => gone(prompt.reply),
            Command::Leave(Leave::Viewer(_, reply)) | Command::End { reply, .. } => {
                if let Some(reply) = reply {
                    reply.session(id);
                }
            }
            Command::Leave(Leave::Connection(_))
            | Command::Acknowledge(_)
            | Command::Look(Look::Describe(_))
            | Command::Scrollback(Scrollback::Keep(_)) => {}
        }
    }

    /// Notes that something happens here.
    fn touch(&mut self) {
        self.life.active = self.config.clock.now();
        self.take_announcement_back();
        let now = u64::try_from(Timestamp::now().as_second()).unwrap_or(0);
        self.handle.vitals.active_at.store(now, Ordering::Relaxed);
    }

    fn report_memory(&mut self) {
        let bytes = self.screen.terminal.scrollback_bytes();
        // In this order: who is woken by the report looks here for what can be given back.
        self.handle.vitals.scrollback_bytes.store(bytes, Ordering::Relaxed);
        self.screen.share.report(bytes);
    }

    async fn trim(&mut self, keep: usize) {
        let lines = self.screen.terminal.drop_scrollback(keep);
        self.report_memory();
        if lines == 0 {
            return;
        }
        self.screen.dropped += lines;
        let text = format!("{lines} lines of scrollback were given back to stay within scrollback_memory");
        self.mark(&text);
        self.notify("scrollback", &text);
        let uid = self.identity().uid;
        self.happenings.tell(Happening::ScrollbackDropped { uid, lines }).await;
    }
}

impl Drop for Session {
    /// A session whose task was cut off tells its viewers at least that it is no more.
    fn drop(&mut self) {
        if self.life.ended.is_none() {
            self.force_exit_events(UNKNOWN);
        }
    }
}

/// The value of a branch whose condition was that there is one.
fn some<T>(value: Option<T>) -> T {
    value.expect("the branch's condition checked it")
}
