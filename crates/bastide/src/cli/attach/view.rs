//! The attachment on the person's terminal: one loop that waits for everything at once.

use std::collections::VecDeque;
use std::io;

use anyhow::Context;
use bastide_ptyd_client::{
    AttachOptions, Attachment, Client, ExitStatus, SessionInfo, Snapshot, ViewerEvent,
};
use bastide_wire::control::CommandNotice;
use bastide_wire::together::About;
use bytes::{Buf, Bytes};

use super::How;
use super::asking::Asking;
use super::told;
use super::typing::{Progress, Typing};
use crate::cli::chord::Watcher;
use crate::cli::exit::Failure;
use crate::cli::fitted::Fitted;
use crate::cli::list;
use crate::cli::signals::{Signal, Signals};
use crate::cli::size::Size;
use crate::cli::terminal::Terminal;

/// Output that waits for the terminal. Past it no more is taken from the daemon.
const OUT_MAX: usize = 256 * 1024;
/// What one read of the keyboard brings at most; a paste is many.
const TYPED_MAX: usize = 64 * 1024;
/// The latest notices are kept; who stays for days does not want them all.
const NOTICES_MAX: usize = 8;
const BELL: &[u8] = b"\x07";
const CTRL_C: u8 = 0x03;

/// How it came to an end.
#[derive(Debug)]
pub(super) enum End {
    /// The person left.
    Left,
    Exited(ExitStatus),
    /// We were told to end, or the terminal is gone.
    Signal(u8),
    /// The connection is gone.
    Lost(String),
}

pub(super) struct View {
    client: Client,
    attachment: Attachment,
    terminal: Terminal,
    signals: Signals,
    keys: Watcher,
    /// Absent for who only looks.
    typing: Option<Typing>,
    out: Out,
    /// Where the session has another size than the terminal.
    fitted: Option<Fitted>,
    /// Output before this position is on the screen already, from a snapshot.
    shown: u64,
    /// What the daemon said meanwhile; shown when the terminal is the person's again.
    notices: VecDeque<String>,
    /// Questions of a shell that is being dialled.
    asking: Asking,
    /// Set when nothing more will come; what is in `out` is still written.
    end: Option<End>,
}

/// For the terminal, with the position that is reached when a part is written.
#[derive(Debug, Default)]
struct Out {
    parts: VecDeque<(Bytes, Option<u64>)>,
    bytes: usize,
}

impl Out {
    fn push(&mut self, part: impl Into<Bytes>, pos: Option<u64>) {
        let part = part.into();
        self.bytes += part.len();
        self.parts.push_back((part, pos));
    }

    fn first(&self) -> &[u8] {
        self.parts.front().map_or(&[], |(part, _)| part)
    }

    /// Takes `count` written bytes off; the position if one was reached.
    fn written(&mut self, count: usize) -> Option<u64> {
        self.bytes -= count;
        let (part, pos) = self.parts.front_mut()?;
        part.advance(count);
        let reached = if part.is_empty() { *pos } else { return None };
        self.parts.pop_front();
        reached
    }
}

/// What woke the loop.
enum Happened {
    Signal(Signal),
    Typed(io::Result<usize>),
    Progress(Result<Progress, bastide_ptyd_client::Error>),
    Written(io::Result<usize>),
    Viewer(Option<ViewerEvent>),
}

impl View {
    /// Attaches and takes the terminal.
    pub(super) async fn begin(
        client: &Client,
        info: &SessionInfo,
        mut terminal: Terminal,
        how: How,
    ) -> Result<Self, Failure> {
        let size = terminal.size();
        if how.write && info.is_alive {
            // First: so the snapshot has this terminal's size already.
            unless_ended(client.resize(info.id, size.cols, size.rows).await)?;
        }
        let about = About { via: Some("command line".to_owned()), ..About::default() };
        let options = AttachOptions { write: how.write, ..AttachOptions::reader() };
        let options = options.scrollback(how.scrollback).about(about);
        let mut attachment = client.attach(info.id, options).await?;
        let signals = Signals::listen().context("cannot listen for signals")?;
        terminal.take()?;
        let snapshot = attachment.snapshot.take().unwrap_or_default();
        let mut view = Self {
            client: client.clone(),
            typing: attachment.writer().map(Typing::new),
            attachment,
            terminal,
            signals,
            keys: Watcher::new(how.chord),
            out: Out::default(),
            fitted: None,
            shown: 0,
            notices: VecDeque::new(),
            asking: Asking::default(),
            end: None,
        };
        view.show(&snapshot, true);
        if view.fitted.is_some() && info.is_alive {
            view.want_size(size).await?;
        }
        Ok(view)
    }

    /// Puts the terminal into the snapshot's state.
    fn show(&mut self, snapshot: &Snapshot, keep: bool) {
        self.shown = snapshot.pos.unwrap_or_default();
        let restore = snapshot.restore.clone().unwrap_or_default();
        let size = Size { cols: snapshot.cols, rows: snapshot.rows };
        self.out.push(self.terminal.fresh(keep), None);
        if size == self.terminal.size() {
            self.fitted = None;
            self.terminal.passing(&restore);
            self.out.push(restore, None);
        } else {
            self.fitted = Some(Fitted::new(size, &restore));
        }
    }

    /// Draws everything anew, from what the daemon knows now.
    async fn redraw(&mut self, keep: bool) -> Result<(), Failure> {
        match self.client.snapshot(self.attachment.session, 0).await {
            Ok(snapshot) => self.show(&snapshot, keep),
            // It has just ended: the last that comes says so.
            Err(bastide_ptyd_client::Error::Reply { .. }) => {}
            Err(e) => return Err(e.into()),
        }
        Ok(())
    }

    async fn want_size(&mut self, size: Size) -> Result<(), Failure> {
        let Some(typing) = &self.typing else { return Ok(()) };
        unless_ended(typing.writer().resize(size.cols, size.rows).await)
    }

    /// Until the session ends or the person leaves.
    pub(super) async fn run(&mut self) -> Result<End, Failure> {
        let mut typed = vec![0; TYPED_MAX];
        loop {
            if self.out.parts.is_empty() {
                if let Some(end) = self.end.take() {
                    return Ok(end);
                }
                self.paint();
            }
            match self.happened(&mut typed).await {
                Happened::Signal(signal) => self.on_signal(signal).await?,
                Happened::Typed(Ok(count)) if count > 0 => self.on_typed(&typed[..count]).await?,
                Happened::Written(Ok(count)) => {
                    if let Some(pos) = self.out.written(count) {
                        self.attachment.ack(pos);
                    }
                }
                // The terminal is gone.
                Happened::Typed(_) | Happened::Written(Err(_)) => return Ok(End::Signal(Signal::HANGUP)),
                Happened::Progress(Ok(Progress::Taken)) => {}
                Happened::Progress(Ok(Progress::Stuck)) => self.out.push(BELL, None),
                Happened::Progress(Err(e)) => self.on_refused(e)?,
                Happened::Viewer(event) => self.on_event(event).await?,
            }
        }
    }

    async fn happened(&mut self, typed: &mut [u8]) -> Happened {
        let Self { signals, terminal, typing, out, attachment, end, .. } = self;
        let reads = end.is_none() && typing.as_ref().is_none_or(Typing::has_room);
        let takes = end.is_none() && out.bytes < OUT_MAX;
        let types = end.is_none() && typing.is_some();
        let progress = async {
            match typing {
                Some(typing) => typing.progress().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            signal = signals.next() => Happened::Signal(signal),
            result = terminal.read(typed), if reads => Happened::Typed(result),
            result = progress, if types => Happened::Progress(result),
            result = terminal.write(out.first()), if !out.parts.is_empty() => Happened::Written(result),
            event = attachment.next(), if takes => Happened::Viewer(event),
        }
    }

    async fn on_signal(&mut self, signal: Signal) -> Result<(), Failure> {
        match signal {
            Signal::Resized => {
                self.want_size(self.terminal.size()).await?;
                self.redraw(false).await
            }
            Signal::Stop => {
                self.terminal.give_back();
                Signals::stop_ourselves();
                Ok(())
            }
            Signal::Continued => {
                self.terminal.take()?;
                self.redraw(true).await
            }
            Signal::End(number) => {
                self.leave(End::Signal(number));
                Ok(())
            }
        }
    }

    /// Nothing that waits is of use any more.
    fn leave(&mut self, end: End) {
        self.out = Out::default();
        self.fitted = None;
        self.end = Some(end);
    }

    async fn on_typed(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let found = self.keys.look(bytes);
        match &mut self.typing {
            Some(_) if self.asking.is_open() => self.answer(&found.pass).await?,
            // A paste that is still being read may stand before it.
            Some(typing) if found.pass.ends_with(&[CTRL_C]) && typing.is_stuck() => {
                typing.drop_waiting();
                self.interrupt().await?;
            }
            Some(typing) => typing.push(&found.pass),
            None if found.pass.contains(&CTRL_C) => self.leave(End::Left),
            None => {}
        }
        if found.detach {
            self.leave(End::Left);
        }
        Ok(())
    }

    /// What is typed while a question is open is its answer.
    async fn answer(&mut self, typed: &[u8]) -> Result<(), Failure> {
        let (shown, answer) = self.asking.typed(typed);
        self.aside(shown);
        let (Some((id, answer)), Some(typing)) = (answer, &self.typing) else { return Ok(()) };
        match typing.writer().answer(id, answer).await {
            Ok(()) => Ok(()),
            // Somebody else was faster.
            Err(e @ bastide_ptyd_client::Error::Reply { .. }) => {
                self.aside(format!("[{}]\r\n", list::printable(&e.to_string())));
                Ok(())
            }
            Err(e) => self.on_refused(e),
        }
    }

    /// What Ctrl-C means, past the input that the program does not read.
    async fn interrupt(&mut self) -> Result<(), Failure> {
        match self.client.signal(self.attachment.session, "INT").await {
            Ok(()) | Err(bastide_ptyd_client::Error::Reply { .. }) => Ok(()),
            Err(e) => Err(e.into()),
        }
    }

    /// The daemon did not take what was typed.
    fn on_refused(&mut self, error: bastide_ptyd_client::Error) -> Result<(), Failure> {
        match error {
            // The session has just ended, or may no longer be written to; its events say which.
            bastide_ptyd_client::Error::Reply { .. } => {
                self.out.push(BELL, None);
                Ok(())
            }
            bastide_ptyd_client::Error::Closed { why } => {
                self.leave(End::Lost(why));
                Ok(())
            }
            other => Err(other.into()),
        }
    }

    async fn on_event(&mut self, event: Option<ViewerEvent>) -> Result<(), Failure> {
        match event {
            Some(ViewerEvent::Output { pos, data }) => self.on_output(pos, &data),
            Some(ViewerEvent::Resized { pos, cols, rows }) => {
                return self.on_resized(pos, Size { cols, rows }).await;
            }
            // The re-sync comes when what is on its way is written and acknowledged.
            Some(ViewerEvent::Lagged { .. }) => {}
            Some(ViewerEvent::Resync(snapshot)) => self.show(&snapshot, false),
            Some(ViewerEvent::Notice { kind, text, .. }) if kind == "ssh" => self.on_dial(text),
            Some(ViewerEvent::Notice { text, command: Some(command), .. }) => {
                self.on_command(text, &command).await;
            }
            Some(ViewerEvent::Notice { text, .. }) => self.on_notice(text),
            Some(ViewerEvent::Prompt(prompt)) => {
                let shown = self.asking.asked(*prompt);
                self.aside(shown);
            }
            Some(ViewerEvent::PromptClosed(id)) => {
                let shown = self.asking.closed(id);
                self.aside(shown);
            }
            // A notice says who has it; what is typed without it is refused with a bell.
            Some(ViewerEvent::Keyboard { .. }) => {}
            Some(ViewerEvent::Removed { by }) => {
                let by = by.map_or_else(|| "somebody".to_owned(), |by| list::printable(&by));
                self.end = Some(End::Lost(format!("{by} showed you out")));
            }
            Some(ViewerEvent::Exit { status, .. }) => self.end = Some(End::Exited(status)),
            None => {
                let why = if self.client.is_closed() {
                    self.client.closed().await
                } else {
                    "it did not keep to this viewer's credit".to_owned()
                };
                self.end = Some(End::Lost(why));
            }
        }
        Ok(())
    }

    /// The screen is the program's: a bell now, the words when the terminal is given back.
    fn on_notice(&mut self, text: String) {
        self.out.push(BELL, None);
        if self.notices.len() == NOTICES_MAX {
            self.notices.pop_front();
        }
        self.notices.push_back(text);
    }

    /// About a command: at once, where that spoils no program's screen.
    async fn on_command(&mut self, text: String, command: &CommandNotice) {
        let words = told::words(text, command);
        let screen = self.client.snapshot(self.attachment.session, 0).await;
        match screen {
            Ok(screen) if self.fitted.is_none() && !screen.modes.alternate_screen => {
                self.out.push(told::line(&words, &command.level, screen.cursor_x > 0), None);
            }
            _ => self.on_notice(words),
        }
    }

    /// What is no output of a program, and where there is none yet.
    fn aside(&mut self, text: String) {
        if !text.is_empty() {
            self.asking.wrote = true;
            self.out.push(text, None);
        }
    }

    /// About the connection: shown where there is no program's screen yet, and remembered for the end.
    fn on_dial(&mut self, text: String) {
        if self.shown == 0 && self.fitted.is_none() {
            self.aside(format!("[{}]\r\n", list::printable(&text)));
        }
        self.asking.said = Some(text);
    }

    /// What the daemon said while the screen was the program's.
    pub(super) fn notices(&mut self) -> Vec<String> {
        let said = self.asking.said.take();
        self.notices.drain(..).chain(said).collect()
    }

    fn on_output(&mut self, pos: u64, data: &Bytes) {
        // It was connected: the screen is the program's now.
        self.asking.said = None;
        if std::mem::take(&mut self.asking.wrote) {
            self.out.push(self.terminal.fresh(true), None);
        }
        let end = pos + data.len() as u64;
        let known = usize::try_from(self.shown.saturating_sub(pos)).unwrap_or(usize::MAX);
        let new = data.slice(known.min(data.len())..);
        match &mut self.fitted {
            Some(fitted) => {
                fitted.feed(&new);
                self.attachment.ack(end);
            }
            None if new.is_empty() => self.attachment.ack(end),
            None => {
                self.terminal.passing(&new);
                self.out.push(new, Some(end));
            }
        }
    }

    async fn on_resized(&mut self, pos: u64, size: Size) -> Result<(), Failure> {
        if pos < self.shown {
            return Ok(());
        }
        let fits = size == self.terminal.size();
        match &mut self.fitted {
            Some(fitted) if !fits => fitted.resize(size),
            Some(fitted) => {
                let restore = fitted.restore_at(size);
                self.fitted = None;
                self.out.push(self.terminal.fresh(false), None);
                self.terminal.passing(&restore);
                self.out.push(restore, None);
            }
            None if fits => {}
            None => self.redraw(false).await?,
        }
        Ok(())
    }

    fn paint(&mut self) {
        let size = self.terminal.size();
        if let Some(drawing) = self.fitted.as_mut().and_then(|fitted| fitted.paint(size)) {
            self.out.push(drawing, None);
        }
    }
}

/// A session that has just ended refuses a size; the attachment then says how it ended.
fn unless_ended(resized: Result<(), bastide_ptyd_client::Error>) -> Result<(), Failure> {
    match resized {
        Ok(()) | Err(bastide_ptyd_client::Error::Reply { .. }) => Ok(()),
        Err(e) => Err(e.into()),
    }
}
