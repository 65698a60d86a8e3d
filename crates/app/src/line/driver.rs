//! What a kind of device has to know to have a line mode. Rules, reviews, recordings and sessions are not its affair: what
//! it is given has been judged.

use bastide_ssh::Exit;

use super::Stream;
use crate::Error;

/// Talks to one device.
pub(crate) trait LineDriver: Send + 'static {
    type Running: RunningLine;

    /// Logs in, or finds that somebody has.
    ///
    /// # Errors
    /// `Ssh`.
    fn connect(&mut self) -> impl Future<Output = Result<(), Error>> + Send;

    /// What stands before a line.
    fn prompt(&self) -> String;

    /// Where the next line runs, as far as that decides what it does; it is part of what is approved.
    fn place(&self) -> Option<String>;

    /// Begins a line.
    ///
    /// # Errors
    /// `Ssh`.
    fn start(&mut self, line: &str) -> impl Future<Output = Result<Self::Running, Error>> + Send;

    /// Takes back a line that has written all that it will: how it ended. What it has changed for the next line holds
    /// from now on.
    fn finish(&mut self, line: Self::Running) -> impl Future<Output = Exit> + Send;

    /// Leaves; nothing stays logged in for this session.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// A line that runs.
pub(crate) trait RunningLine: Send {
    /// What it writes next; `None` at its end. While nobody asks, it waits. Cancel-safe.
    fn next(&mut self) -> impl Future<Output = Option<(Stream, Vec<u8>)>> + Send;

    /// Ctrl-C.
    fn interrupt(&mut self) -> impl Future<Output = ()> + Send;

    /// Ends it, whatever it does.
    fn kill(&mut self) -> impl Future<Output = ()> + Send;
}
