//! The supervisor's end of the line to ptyd: reports go out in order, and none is lost in silence.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use rustix::net::RecvFlags;

use super::wire::{self, MESSAGE_BYTES, Order, Report};

/// Bytes of reports that wait for ptyd beside what the socket takes: some hundreds of program starts.
const WAITING_BYTES: usize = 256 * 1024;
/// How long program starts wait for ptyd to read reports before they are refused.
pub(super) const READ_LIMIT: Duration = Duration::from_secs(30);

#[derive(Debug)]
pub(super) struct Link {
    /// `None` when ptyd is gone.
    socket: Option<OwnedFd>,
    waiting: VecDeque<Vec<u8>>,
    waiting_bytes: usize,
    /// Since when nothing could be sent.
    stuck: Option<Instant>,
    /// How long that may be.
    limit: Duration,
    /// Verdicts that are told are recorded.
    recorded: bool,
    /// Verdicts that were not told.
    untold: u64,
    buffer: Vec<u8>,
}

/// What to do with a program start, as far as reports go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hearing {
    Heard,
    /// Reports wait: so do program starts.
    Waits,
    /// They have waited too long, or nobody can record them.
    Unheard,
    /// ptyd is gone.
    Gone,
}

impl Link {
    pub(super) fn new(socket: OwnedFd, limit: Duration) -> Self {
        Self {
            socket: Some(socket),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            stuck: None,
            limit,
            recorded: true,
            untold: 0,
            buffer: Vec::new(),
        }
    }

    pub(super) fn socket(&self) -> Option<&OwnedFd> {
        self.socket.as_ref()
    }

    pub(super) fn has_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    pub(super) fn hearing(&self) -> Hearing {
        if self.socket.is_none() {
            return Hearing::Gone;
        }
        match self.stuck {
            _ if !self.recorded => Hearing::Unheard,
            _ if self.waiting_bytes < WAITING_BYTES => Hearing::Heard,
            Some(since) if since.elapsed() >= self.limit => Hearing::Unheard,
            _ => Hearing::Waits,
        }
    }

    /// When program starts that wait are to be refused.
    pub(super) fn deadline(&self) -> Option<Instant> {
        (self.hearing() == Hearing::Waits).then(|| self.stuck.map(|since| since + self.limit)).flatten()
    }

    /// What the log does not take is as good as not heard.
    pub(super) fn set_log(&mut self, takes: bool) {
        self.recorded = takes;
    }

    /// A verdict that nobody was told of.
    pub(super) fn count_untold(&mut self) {
        self.untold += 1;
    }

    /// Sends at once, with descriptors: for the first message only.
    pub(super) fn send(&self, report: &Report, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
        let socket = self.socket.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        wire::send(socket, report, descriptors)
    }

    /// Sends now or later. What is too large to send is told as an alert.
    pub(super) fn tell(&mut self, mut report: Report) {
        if self.socket.is_none() {
            return;
        }
        if let Report::Verdict(verdict) = &mut report {
            verdict.untold = std::mem::take(&mut self.untold);
        }
        let bytes = serde_json::to_vec(&report).unwrap_or_default();
        let bytes = if bytes.is_empty() || bytes.len() > MESSAGE_BYTES {
            let alert = Report::Alert { what: "a report was too large to be sent".to_owned() };
            serde_json::to_vec(&alert).unwrap_or_default()
        } else {
            bytes
        };
        self.waiting_bytes += bytes.len();
        self.waiting.push_back(bytes);
        self.flush();
    }

    pub(super) fn flush(&mut self) {
        while let (Some(socket), Some(first)) = (&self.socket, self.waiting.front()) {
            match wire::send_bytes(socket, first, &[]) {
                Ok(()) => {
                    self.waiting_bytes -= first.len();
                    self.waiting.pop_front();
                    self.stuck = None;
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stuck.get_or_insert_with(Instant::now);
                    return;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => self.hang_up(),
            }
        }
    }

    /// The next order and what came with it. `None`: nothing there, or ptyd is gone now.
    pub(super) fn order(&mut self) -> Option<(Order, Vec<OwnedFd>)> {
        self.buffer.resize(MESSAGE_BYTES, 0);
        let received = wire::receive(self.socket.as_ref()?, &mut self.buffer, RecvFlags::DONTWAIT);
        self.buffer = Vec::new();
        match received {
            Ok(order) => Some(order),
            Err(error) => {
                let passing = [io::ErrorKind::WouldBlock, io::ErrorKind::Interrupted];
                if !passing.contains(&error.kind()) {
                    // Gone, or speaking another language: nobody to take orders from.
                    self.hang_up();
                }
                None
            }
        }
    }

    fn hang_up(&mut self) {
        self.socket = None;
        self.waiting.clear();
        self.waiting_bytes = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn alert(number: usize) -> Report {
        Report::Alert { what: format!("{number} {}", "x".repeat(4000)) }
    }

    fn number(report: &Report) -> usize {
        let Report::Alert { what } = report else { panic!("{report:?}") };
        what.split(' ').next().expect("a number").parse().expect("a number")
    }

    #[test]
    fn reports_wait_in_order_and_program_starts_with_them_until_the_limit() {
        let (ours, theirs) = wire::pair().expect("sockets");
        let mut link = Link::new(ours, Duration::from_secs(60));
        let mut told = 0;
        while link.hearing() == Hearing::Heard {
            link.tell(alert(told));
            told += 1;
        }
        assert_eq!(link.hearing(), Hearing::Waits);
        assert!(link.deadline().is_some());
        // As if the minute were over.
        link.limit = Duration::ZERO;
        assert_eq!(link.hearing(), Hearing::Unheard);
        assert_eq!(link.deadline(), None);

        let mut buffer = vec![0; MESSAGE_BYTES];
        for expected in 0..told {
            let (report, _) =
                wire::receive::<Report>(&theirs, &mut buffer, RecvFlags::DONTWAIT).expect("none is lost");
            assert_eq!(number(&report), expected);
            link.flush();
        }
        assert_eq!((link.hearing(), link.has_waiting()), (Hearing::Heard, false));
    }

    #[test]
    fn what_is_recorded_nowhere_is_not_heard() {
        let (ours, _theirs) = wire::pair().expect("sockets");
        let mut link = Link::new(ours, READ_LIMIT);
        link.set_log(false);
        assert_eq!(link.hearing(), Hearing::Unheard);
        link.set_log(true);
        assert_eq!(link.hearing(), Hearing::Heard);
    }

    #[test]
    fn the_other_side_is_missed_when_it_is_gone() {
        let (ours, theirs) = wire::pair().expect("sockets");
        let mut link = Link::new(ours, READ_LIMIT);
        assert!(link.order().is_none());
        assert_eq!(link.hearing(), Hearing::Heard);
        drop(theirs);
        assert!(link.order().is_none());
        assert_eq!(link.hearing(), Hearing::Gone);
    }

    #[test]
    fn what_is_too_large_is_told_to_be() {
        let (ours, theirs) = wire::pair().expect("sockets");
        let mut link = Link::new(ours, READ_LIMIT);
        link.tell(Report::Alert { what: "x".repeat(MESSAGE_BYTES) });
        let mut buffer = vec![0; MESSAGE_BYTES];
        let (report, _) =
            wire::receive::<Report>(&theirs, &mut buffer, RecvFlags::DONTWAIT).expect("a report");
        assert!(matches!(report, Report::Alert { what } if what.contains("too large")));
    }
}
