//! `bastide play`

use std::io::IsTerminal;
use std::time::Duration;

use anyhow::Context;
use bastide_record::{End, Event, Kind};
use clap::Args;
use tokio::time::Instant;

use super::daemon::Place;
use super::exit::{DONE, Failure, Outcome};
use super::fitted::Fitted;
use super::recordings::{self, Recording};
use super::remote::At;
use super::size::Size;
use super::terminal::Terminal;
use super::{output, signals};

const AFTER_HELP: &str = "\
Space stops and goes on, . shows the next event while stopped, q or Ctrl-C ends.

Examples:
  bastide play build
  bastide play --speed 4 --idle-limit 1 session.cast
  bastide play --no-wait build > raw.out";

/// Play a recording on this terminal
#[derive(Debug, Args)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Play {
    /// A file; or the name or id of a session of this machine, else of the server logged in to
    recording: String,
    #[command(flatten)]
    at: At,
    /// How many times as fast
    #[arg(short, long, value_name = "FACTOR", default_value_t = 1.0, value_parser = positive)]
    speed: f64,
    /// Longest pause in seconds [default: what the recording says]
    #[arg(short, long, value_name = "SECONDS", value_parser = positive)]
    idle_limit: Option<f64>,
    /// Write all output at once, as it is
    #[arg(long)]
    no_wait: bool,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(number) if number.is_finite() && number > 0.0 => Ok(number),
        _ => Err("a number above 0".to_owned()),
    }
}

impl Play {
    pub(crate) async fn run(self, place: &Place) -> Outcome {
        let recording = Box::pin(recordings::open_or_fetch(&self.recording, place, &self.at)).await?;
        if self.no_wait || !std::io::stdout().is_terminal() {
            return dump(recording);
        }
        let limit = self.idle_limit.or(recording.reader.header().idle_time_limit);
        let pace = Pace {
            speed: self.speed,
            limit: limit.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        };
        let terminal = Terminal::open()?;
        let mut player = Player::begin(recording, terminal)?;
        let end = Box::pin(player.run(pace)).await;
        drop(player);
        output::remark(end?);
        Ok(DONE)
    }
}

fn dump(recording: Recording) -> Outcome {
    for event in recording.reader {
        if let Kind::Output(text) = event.with_context(|| recording.path.display().to_string())?.kind {
            output::print(text.as_bytes())?;
        }
    }
    Ok(DONE)
}

#[derive(Debug, Clone, Copy)]
struct Pace {
    speed: f64,
    limit: Option<Duration>,
}

impl Pace {
    fn pause(&self, pause: Duration) -> Duration {
        let pause = self.limit.map_or(pause, |limit| pause.min(limit));
        Duration::try_from_secs_f64(pause.as_secs_f64() / self.speed).unwrap_or(Duration::MAX)
    }
}

struct Player {
    recording: Recording,
    terminal: Terminal,
    signals: signals::Signals,
    /// Everything that was shown. Where it has the terminal's size, its bytes pass as they are; else it
    /// is drawn as far as it fits.
    screen: Fitted,
    size: Size,
}

/// What the person wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Quit,
    /// Stop, or go on.
    Toggle,
    Step,
}

impl Player {
    fn begin(recording: Recording, mut terminal: Terminal) -> Result<Self, Failure> {
        let signals = signals::Signals::listen().context("cannot listen for signals")?;
        terminal.take()?;
        let header = recording.reader.header();
        let size = Size { cols: header.cols, rows: header.rows };
        Ok(Self { recording, terminal, signals, screen: Fitted::new(size, b""), size })
    }

    /// Returns what to say at the end.
    async fn run(&mut self, pace: Pace) -> Result<&'static str, Failure> {
        self.write(&self.terminal.fresh(true)).await?;
        let mut last = Duration::ZERO;
        let mut due = Instant::now();
        let mut stopped = false;
        while let Some(event) = self.recording.reader.next() {
            let event = event.with_context(|| self.recording.path.display().to_string())?;
            due += pace.pause(event.time.saturating_sub(last));
            last = event.time;
            let mut shown = false;
            while !shown {
                match self.wait(due, stopped).await? {
                    None => shown = true,
                    Some(Wish::Quit) => return Ok("[stopped]"),
                    Some(Wish::Step) => shown = stopped,
                    Some(Wish::Toggle) => {
                        stopped = !stopped;
                        due = due.max(Instant::now());
                    }
                }
            }
            if stopped {
                due = Instant::now();
            }
            self.show(event).await?;
        }
        Ok(match self.recording.reader.end() {
            Some(End::Truncated { .. }) => "[the recording ends here, in the middle]",
            _ => "[end]",
        })
    }

    /// Until it is time for the next event (`None`), or the person wants something.
    async fn wait(&mut self, due: Instant, stopped: bool) -> Result<Option<Wish>, Failure> {
        let mut typed = [0; 64];
        loop {
            tokio::select! {
                biased;
                signal = self.signals.next() => match signal {
                    signals::Signal::End(_) => return Ok(Some(Wish::Quit)),
                    signals::Signal::Stop => {
                        self.terminal.give_back();
                        signals::Signals::stop_ourselves();
                    }
                    signals::Signal::Continued => {
                        self.terminal.take()?;
                        self.draw_anew().await?;
                    }
                    signals::Signal::Resized => self.draw_anew().await?,
                },
                count = self.terminal.read(&mut typed) => {
                    let count = count.context("cannot read this terminal")?;
                    match typed[..count].iter().find_map(|byte| wish(*byte)) {
                        Some(wish) => return Ok(Some(wish)),
                        None if count == 0 => return Ok(Some(Wish::Quit)),
                        None => {}
                    }
                }
                () = tokio::time::sleep_until(due), if !stopped => return Ok(None),
            }
        }
    }

    async fn show(&mut self, event: Event) -> Result<(), Failure> {
        let fits = |player: &Self| player.size == player.terminal.size();
        match event.kind {
            Kind::Output(text) => {
                self.screen.feed(text.as_bytes());
                if fits(self) {
                    self.terminal.passing(text.as_bytes());
                    return self.write(text.as_bytes()).await;
                }
            }
            Kind::Resize { cols, rows } => {
                self.size = Size { cols, rows };
                self.screen.resize(self.size);
                self.write(&self.terminal.fresh(false)).await?;
                if fits(self) {
                    let whole = self.screen.restore_at(self.size);
                    return self.write(&whole).await;
                }
            }
            _ => return Ok(()),
        }
        match self.screen.paint(self.terminal.size()) {
            Some(drawing) => self.write(&drawing).await,
            None => Ok(()),
        }
    }

    /// After the terminal's size has changed, or something else has written to it.
    async fn draw_anew(&mut self) -> Result<(), Failure> {
        self.write(&self.terminal.fresh(false)).await?;
        let drawing = match self.size == self.terminal.size() {
            true => self.screen.restore_at(self.size),
            false => self.screen.draw(self.terminal.size()).to_vec(),
        };
        self.write(&drawing).await
    }

    async fn write(&self, mut bytes: &[u8]) -> Result<(), Failure> {
        while !bytes.is_empty() {
            let written = self.terminal.write(bytes).await.context("cannot write to this terminal")?;
            bytes = &bytes[written..];
        }
        Ok(())
    }
}

fn wish(byte: u8) -> Option<Wish> {
    match byte {
        b'q' | 0x03 => Some(Wish::Quit),
        b' ' => Some(Wish::Toggle),
        b'.' => Some(Wish::Step),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn pauses_are_shortened_and_sped_up() {
        let pace = Pace { speed: 4.0, limit: Some(Duration::from_secs(2)) };
        assert_eq!(pace.pause(Duration::from_secs(1)), Duration::from_millis(250));
        assert_eq!(pace.pause(Duration::from_secs(100)), Duration::from_millis(500));
        let slow = Pace { speed: 1e-300, limit: None };
        assert_eq!(slow.pause(Duration::from_secs(1)), Duration::MAX);
        assert!(positive("0").is_err() && positive("nan").is_err() && positive("-1").is_err());
    }
}
