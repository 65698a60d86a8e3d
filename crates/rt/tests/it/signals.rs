use std::time::Duration;

use bastide_rt::{Hangup, Phase, Received, Shutdown, Signals};
use rustix::process::{Signal, getpid, kill_process};
use tokio::time::timeout;

/// Far above what any step here takes.
const PATIENCE: Duration = Duration::from_secs(30);

fn send(signal: Signal) {
    kill_process(getpid(), signal).unwrap();
}

#[tokio::test]
async fn the_first_signal_drains_and_the_second_ends_at_once() {
    let shutdown = Shutdown::new();
    shutdown.advance(Phase::Serving);
    let signals = Signals::listen(Hangup::Drain).unwrap();
    let watched = shutdown.clone();
    let ending = tokio::spawn(async move { signals.drain(&watched).await });

    send(Signal::TERM);
    timeout(PATIENCE, shutdown.draining()).await.unwrap();
    assert!(!ending.is_finished());
    send(Signal::INT);
    let code = timeout(PATIENCE, ending).await.unwrap().unwrap();
    assert_eq!(code, 130);

    // In the same test, because both would see the other's signals in one process.
    let mut draining = Signals::listen(Hangup::Drain).unwrap();
    let mut ignoring = Signals::listen(Hangup::Ignore).unwrap();
    send(Signal::HUP);
    assert_eq!(timeout(PATIENCE, draining.next()).await, Ok(Received::Hangup));
    // Both have it now.
    assert!(timeout(Duration::ZERO, ignoring.next()).await.is_err());
    send(Signal::TERM);
    assert_eq!(timeout(PATIENCE, ignoring.next()).await, Ok(Received::Terminate));
}
