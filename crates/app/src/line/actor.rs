//! The task of one session of lines.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bastide_policy::Text;
use bastide_ssh::Exit;
use bastide_store::{End, Server};
use bastide_wire::terminal::json::Utf8Stream;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;

use super::driver::{LineDriver, RunningLine};
use super::tape::Tape;
use super::{Asked, Done, Event, LINE_TIMEOUT, MAX_OUTPUT, Stream, Typed};
use crate::context::{About, Action, Ctx};
use crate::error::Forbidden;
use crate::exec::hold::{self, Line, Patience};
use crate::exec::{Approval, Held, OwnSession, REVIEW_LIMIT};
use crate::{Error, hex, rules};

/// After a signal that a program may heed; then it is ended.
const LEAVES_WITHIN: Duration = Duration::from_secs(2);
/// So much is told in one piece.
const MAX_CHUNK: usize = 16 * 1024;
/// So much of a line stands in the log, with the digest of all of it.
const MAX_LOGGED: usize = 4096;

pub(super) struct Actor<D> {
    ctx: Ctx,
    server: Arc<Server>,
    account: String,
    driver: D,
    tape: Tape,
    session: OwnSession,
    /// Somebody ends it.
    ending: CancellationToken,
}

/// What goes out, and how it is stopped.
struct Outside {
    tell: mpsc::Sender<Event>,
    interrupts: watch::Receiver<u64>,
    /// How many there had been when the line was typed that runs now.
    before: u64,
}

/// What has been written by a line.
struct Written {
    stream: bool,
    output: String,
    truncated: bool,
    bytes: u64,
    digest: Sha256,
    /// A character may come in two pieces, of each stream.
    texts: [Utf8Stream; 2],
}

impl<D: LineDriver> Actor<D> {
    pub(super) fn new(
        ctx: Ctx,
        (server, account): (Arc<Server>, String),
        (driver, tape): (D, Tape),
        (session, ending): (OwnSession, CancellationToken),
    ) -> Self {
        Self { ctx, server, account, driver, tape, session, ending }
    }

    pub(super) async fn run(
        mut self,
        mut asked: mpsc::Receiver<Typed>,
        tell: mpsc::Sender<Event>,
        interrupts: watch::Receiver<u64>,
    ) {
        let shutdown = self.ctx.app().shutdown().clone();
        let mut outside = Outside { tell, interrupts, before: 0 };
        let why = loop {
            let asked_now = tokio::select! {
                () = self.ending.cancelled() => break self.ended().await,
                () = shutdown.draining() => break "the server stops",
                one = asked.recv() => match one {
                    Some(one) => one,
                    None => break "nobody is there",
                },
            };
            outside.before = asked_now.before;
            let done = match outside.is_interrupted() {
                // What was typed ahead is forgotten, as terminals do.
                true => self.not_run(asked_now.asked, "interrupted"),
                false => self.line(asked_now.asked, &mut outside).await,
            };
            self.tape.new_line().await;
            outside.say(Event::Ended(done)).await;
        };
        asked.close();
        while let Ok(ahead) = asked.try_recv() {
            outside.say(Event::Ended(self.not_run(ahead.asked, why))).await;
        }
        outside.say(Event::Over(why.to_owned())).await;
        // From here on nobody is waited for.
        drop(outside);
        self.driver.close().await;
        self.tape.close().await;
        let at = self.ctx.clock().now();
        self.session.end(End { at, exit: None, reason: "line".to_owned(), bytes: None }).await;
    }

    /// Why somebody ended it.
    async fn ended(&self) -> &'static str {
        let lost = match self.ctx.again().await {
            Ok(Some(ctx)) => ctx.authorize_server(Action::ServerExecute, self.server.id).is_err(),
            Ok(None) => true,
            Err(_) => false,
        };
        if lost { "the right to it was taken away" } else { "the session was ended" }
    }

    fn not_run(&self, asked: Asked, why: &str) -> Done {
        let error = Some(format!("not run: {why}"));
        Done { line: asked.line, error, prompt: self.driver.prompt(), ..Done::default() }
    }

    /// One line, from what was typed to how it ended.
    async fn line(&mut self, asked: Asked, outside: &mut Outside) -> Done {
        outside.say(Event::Started { line: asked.line.clone() }).await;
        self.tape.show(format!("{}{}\n", self.driver.prompt(), asked.line).as_bytes()).await;
        let mut done = Done { line: asked.line.clone(), ..Done::default() };
        if asked.line.trim().is_empty() {
            done.exit_status = Some(0);
        } else {
            match self.judged(&asked, outside).await {
                Ok(ran) => done = ran,
                Err(error) => self.refused(&mut done, &error).await,
            }
        }
        Done { prompt: self.driver.prompt(), ..done }
    }

    /// Nothing of it has left.
    async fn refused(&mut self, done: &mut Done, error: &Error) {
        let words = match error {
            Error::Forbidden(Forbidden::Command(refusal)) => Some((refusal.en(), refusal.zh())),
            Error::Forbidden(Forbidden::NotApproved(told)) => Some((told.en(), told.zh())),
            _ => None,
        };
        let shown = match &words {
            Some((en, zh)) => format!("\u{1b}[31m{}\u{1b}[0m\r\n{}\r\n", plain(zh), plain(en)),
            None => format!("{}\r\n", plain(&error.to_string())),
        };
        self.tape.show(shown.as_bytes()).await;
        done.output = shown;
        done.error = Some(error.to_string());
        done.refusal = words.map(|(en, zh)| Text { en, zh });
    }

    async fn judged(&mut self, asked: &Asked, outside: &mut Outside) -> Result<Done, Error> {
        // Whoever may not any more has lost it already; a line in between does not run.
        self.ctx = self.ctx.fresh().await?;
        let chosen = self.ctx.authorize_server(Action::ServerExecute, self.server.id)?;
        drop(chosen);
        let line = Line {
            server: Arc::clone(&self.server),
            account: self.account.clone(),
            text: asked.line.clone(),
            cwd: self.driver.place(),
            session: self.session.uid(),
            at_ms: Some(self.tape.at_ms()),
        };
        let about = about(&line);
        self.ctx.note(Action::ServerExecute, &about, "begin", None).await?;
        let result = match self.pass(&line, outside).await {
            Ok(approval) => {
                if let Some(Approval { by, .. }) = &approval {
                    self.tape.mark(&format!("approved by {by}"));
                }
                self.ran(asked, outside).await
            }
            Err(error) => Err(error),
        };
        let (phase, noted, why) = match &result {
            Ok((done, written)) => ("done", facts(about, done, written), done.error.clone()),
            Err(error) => ("failed", about, Some(error.to_string())),
        };
        if let Err(error) = self.ctx.note(Action::ServerExecute, &noted, phase, why).await {
            // It has happened, and its beginning and its verdict are in the log.
            tracing::error!(%error, "the outcome of a line is missing in the log");
        }
        result.map(|(done, _)| done)
    }

    /// Lets it through the rules, and past whoever has to approve it.
    async fn pass(&mut self, line: &Line, outside: &mut Outside) -> Result<Option<Approval>, Error> {
        let place = rules::Place { server: Some(&line.server), account: &line.account };
        let ruling = rules::judge(&self.ctx, place, &line.text)?;
        let given_up = self.ending.child_token();
        let (tell, mut held) = oneshot::channel::<Held>();
        let told = move |held: &Held| drop(tell.send(held.clone()));
        let patience = Patience { limit: Some(REVIEW_LIMIT), told, given_up: &given_up };
        let mut passing = pin!(hold::pass(&self.ctx, (Action::ServerExecute, line), &ruling, patience));
        let (mut waits, nobody) = (true, outside.tell.clone());
        loop {
            tokio::select! {
                passed = &mut passing => return passed,
                Ok(held) = &mut held, if waits => {
                    waits = false;
                    self.tape.mark("waits for approval");
                    outside.say(Event::Waiting { line: line.text.clone(), held }).await;
                }
                () = outside.interrupted(), if !given_up.is_cancelled() => given_up.cancel(),
                () = nobody.closed(), if !given_up.is_cancelled() => given_up.cancel(),
            }
        }
    }

    /// Runs it. Until its end, or until nobody wants it any more.
    async fn ran(&mut self, asked: &Asked, outside: &mut Outside) -> Result<(Done, Written), Error> {
        let mut running = tokio::select! {
            running = self.driver.start(&asked.line) => running?,
            () = self.ending.cancelled() => return Err(Error::session(self.session.uid())),
        };
        let mut written = Written::new(asked.stream);
        let timeout = asked.timeout.unwrap_or(LINE_TIMEOUT);
        let mut until = tokio::time::Instant::now() + timeout;
        let mut error: Option<String> = None;
        let (mut killed, nobody) = (false, outside.tell.clone());
        loop {
            tokio::select! {
                piece = running.next() => match piece {
                    Some((stream, bytes)) => {
                        self.tape.show(&bytes).await;
                        for chunk in written.add(stream, &bytes) {
                            let line = asked.line.clone();
                            outside.say(Event::Chunk { line, stream, text: chunk }).await;
                        }
                    }
                    None => break,
                },
                () = tokio::time::sleep_until(until) => {
                    if killed {
                        error.get_or_insert_with(|| "it could not be ended there".to_owned());
                        break;
                    }
                    let late = || format!("it had not ended after {} s", timeout.as_secs_f32());
                    error.get_or_insert_with(late);
                    running.kill().await;
                    killed = true;
                    until = tokio::time::Instant::now() + LEAVES_WITHIN;
                }
                () = outside.interrupted(), if error.is_none() => {
                    error = Some("interrupted".to_owned());
                    running.interrupt().await;
                    until = tokio::time::Instant::now() + LEAVES_WITHIN;
                }
                () = nobody_wants_it(&self.ending, &nobody), if !killed => {
                    error = Some(self.ended().await.to_owned());
                    running.kill().await;
                    killed = true;
                    until = tokio::time::Instant::now() + LEAVES_WITHIN;
                }
            }
        }
        let exit = match error.is_some() && killed {
            // A server that does not say that it ended is not waited for.
            true => {
                tokio::time::timeout(LEAVES_WITHIN, self.driver.finish(running)).await.unwrap_or(Exit::Unsaid)
            }
            false => self.driver.finish(running).await,
        };
        Ok((written.done(asked, exit, error), written))
    }
}

async fn nobody_wants_it(ending: &CancellationToken, tell: &mpsc::Sender<Event>) {
    tokio::select! {
        () = ending.cancelled() => {}
        () = tell.closed() => {}
    }
}

impl Outside {
    /// Waits until there is room, or nobody listens.
    async fn say(&self, event: Event) {
        self.tell.send(event).await.ok();
    }

    fn is_interrupted(&self) -> bool {
        *self.interrupts.borrow() > self.before
    }

    /// When Ctrl-C has come since the line was typed.
    async fn interrupted(&mut self) {
        let before = self.before;
        if self.interrupts.wait_for(|count| *count > before).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Written {
    fn new(stream: bool) -> Self {
        let texts = [Utf8Stream::default(), Utf8Stream::default()];
        Self { stream, output: String::new(), truncated: false, bytes: 0, digest: Sha256::new(), texts }
    }

    /// Takes what came; what is to be told of it at once.
    fn add(&mut self, stream: Stream, bytes: &[u8]) -> Vec<String> {
        self.bytes += bytes.len() as u64;
        self.digest.update(bytes);
        let text = self.texts[usize::from(stream == Stream::Errors)].push(bytes);
        if self.stream {
            return pieces(&text);
        }
        let room = MAX_OUTPUT - self.output.len();
        let fits = text.floor_char_boundary(room);
        self.truncated |= fits < text.len();
        self.output.push_str(&text[..fits]);
        Vec::new()
    }

    fn done(&mut self, asked: &Asked, exit: Exit, error: Option<String>) -> Done {
        let mut done = Done {
            line: asked.line.clone(),
            output: std::mem::take(&mut self.output),
            truncated: self.truncated,
            error,
            ..Done::default()
        };
        match exit {
            Exit::Status(status) => done.exit_status = Some(status),
            Exit::Signal(signal) => done.signal = Some(signal),
            Exit::Unsaid => {
                done.error.get_or_insert_with(|| "the server did not say how it ended".to_owned());
            }
            Exit::Lost(why) => {
                done.error.get_or_insert(why);
            }
        }
        done
    }
}

/// Not longer than a message should be.
fn pieces(text: &str) -> Vec<String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (piece, after) = rest.split_at(rest.floor_char_boundary(MAX_CHUNK));
        pieces.push(piece.to_owned());
        rest = after;
    }
    pieces
}

/// What people write into reasons does not steer the terminal that shows it.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn about(line: &Line) -> About {
    let shown: String = line.text.chars().take(MAX_LOGGED).collect();
    About::session(line.session)
        .with("server", line.server.id)
        .with("server_name", line.server.settings.name.as_str())
        .with("command", shown)
        .with("command_sha256", hex::encode(Sha256::digest(line.text.as_bytes()).as_slice()))
        .with("cwd", line.cwd.clone())
}

/// Everything but the output itself.
fn facts(about: About, done: &Done, written: &Written) -> About {
    about
        .with("exit_status", done.exit_status)
        .with("signal", done.signal.clone())
        .with("truncated", done.truncated)
        .with("bytes", written.bytes)
        .with("sha256", hex::encode(written.digest.clone().finalize().as_slice()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_bounded_and_never_splits_a_character() {
        let mut written = Written::new(false);
        assert!(written.add(Stream::Output, "ä".as_bytes().split_at(1).0).is_empty());
        written.add(Stream::Errors, b"\xff!");
        written.add(Stream::Output, "ä".as_bytes().split_at(1).1);
        assert_eq!(written.output, "\u{fffd}!ä");
        let long = vec![b'x'; MAX_OUTPUT];
        written.add(Stream::Output, &long);
        assert_eq!((written.output.len() <= MAX_OUTPUT, written.truncated), (true, true));
        assert_eq!(written.bytes, 4 + MAX_OUTPUT as u64);

        let mut streamed = Written::new(true);
        let told = streamed.add(Stream::Output, "ä".repeat(MAX_CHUNK).as_bytes());
        assert!(told.iter().all(|piece| piece.len() <= MAX_CHUNK) && streamed.output.is_empty());
        assert_eq!(told.concat().len(), 2 * MAX_CHUNK);
    }

    #[test]
    fn a_reason_does_not_steer_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\nc"), "a [2Jb c");
    }
}
