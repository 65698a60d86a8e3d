//! For tests: a daemon of one's own in a directory of its own, people at terminals, and viewers with a
//! screen. Everything ends with the value that holds it; every wait is for a fact and has a deadline.
//!
//! It looks at the program from outside: it must not know more of its insides than a client does.

mod oidc_provider;
mod person;
mod ptyd;
mod ssh_guest;
mod ssh_server;
mod sshd;
mod viewer;

use std::time::Duration;

pub use bastide_ptyd_client as client;
pub use oidc_provider::{OidcProvider, Signing};
pub use person::Person;
pub use ptyd::{Options, Output, Ptyd};
pub use ssh_guest::{channels_given, guesses_refused};
pub use ssh_server::{Manners, SshServer, SshServerOptions};
pub use sshd::{Sshd, SshdOptions};
pub use viewer::Viewer;

/// No fact that a test waits for takes this long, even on a busy machine.
pub const DEADLINE: Duration = Duration::from_secs(20);

/// Waits for `future`, or fails the test saying for what.
///
/// # Panics
/// When it takes longer than [`DEADLINE`].
pub async fn within<T>(what: &str, future: impl Future<Output = T>) -> T {
    match tokio::time::timeout(DEADLINE, future).await {
        Ok(value) => value,
        Err(_) => panic!("waited {} s for {what}", DEADLINE.as_secs()),
    }
}
