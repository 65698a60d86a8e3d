//! The line to a supervisor.

use std::io;

use bastide_pty::gate::{Control, Report, Rules};
#[cfg(test)]
use tokio::sync::mpsc;

#[derive(Debug)]
pub(crate) enum Link {
    Supervisor(Control),
    /// A test's, so that what follows from reports is tested without a kernel that makes them.
    #[cfg(test)]
    Scripted(Scripted),
}

/// What a test says and hears in a supervisor's place.
#[cfg(test)]
#[derive(Debug)]
pub(crate) struct Scripted {
    pub(crate) reports: mpsc::Receiver<Report>,
    pub(crate) orders: mpsc::Sender<Ordered>,
}

#[cfg(test)]
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Ordered {
    Answer(u64, String, bool),
    Rules(Rules),
    Log(bool),
    End,
}

#[cfg(test)]
impl Scripted {
    fn order(&self, order: Ordered) -> io::Result<()> {
        self.orders.try_send(order).map_err(io::Error::other)
    }
}

impl Link {
    /// The next report; `None`: the supervisor is gone. Cancel-safe.
    pub(crate) async fn next(&mut self) -> io::Result<Option<Report>> {
        match self {
            Self::Supervisor(control) => control.next().await,
            #[cfg(test)]
            Self::Scripted(scripted) => Ok(scripted.reports.recv().await),
        }
    }

    pub(crate) fn answer(&self, id: u64, hash: &str, approve: bool) -> io::Result<()> {
        match self {
            Self::Supervisor(control) => control.answer(id, hash, approve),
            #[cfg(test)]
            Self::Scripted(scripted) => scripted.order(Ordered::Answer(id, hash.to_owned(), approve)),
        }
    }

    pub(crate) fn set_rules(&self, rules: &Rules) -> io::Result<()> {
        match self {
            Self::Supervisor(control) => control.set_rules(rules),
            #[cfg(test)]
            Self::Scripted(scripted) => scripted.order(Ordered::Rules(rules.clone())),
        }
    }

    /// Whether what it decides can be recorded.
    pub(crate) fn set_log(&self, takes: bool) -> io::Result<()> {
        match self {
            Self::Supervisor(control) => control.set_log(takes),
            #[cfg(test)]
            Self::Scripted(scripted) => scripted.order(Ordered::Log(takes)),
        }
    }

    /// Kills everything under it.
    pub(crate) fn end(&self) -> io::Result<()> {
        match self {
            Self::Supervisor(control) => control.end(),
            #[cfg(test)]
            Self::Scripted(scripted) => scripted.order(Ordered::End),
        }
    }
}
