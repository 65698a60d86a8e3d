//! Which of the connections that are there will do for a request.

use bastide_wire::ssh::{Login, Ssh};

use crate::connection::Connection;
use crate::hostkey::Expected;

/// Which connections will do.
#[derive(Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) expected: &'a [Expected],
    /// A new one would ask a person; then one that stands still for somebody's reader is better than none. Otherwise
    /// a new one is opened beside it.
    pub(super) asks: bool,
}

pub(super) fn asks_a_person_of(to: &Ssh) -> bool {
    to.hops.iter().flat_map(|hop| &hop.logins).any(asks_a_person)
}

fn asks_a_person(login: &Login) -> bool {
    match login {
        Login::AskPassword | Login::KeyboardInteractive { .. } => true,
        Login::Password { .. } | Login::Key { .. } => false,
    }
}

pub(super) fn covers(expected: &[Expected], connection: &Connection) -> bool {
    let shown = connection.shown();
    expected.len() == shown.len()
        && expected
            .iter()
            .zip(&shown)
            .all(|(expected, shown)| shown.as_ref().is_some_and(|shown| expected.covers(shown)))
}
