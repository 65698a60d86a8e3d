//! What an idle terminal weighs here.

use bastide_ssh::ShellOptions;
use bastide_testkit::{Sshd, SshdOptions, within};

use crate::rig::{nobody, pool, read_to};

/// Bytes per idle terminal on a shared connection. A blank local session has 60 KB more room than this for
/// everything that is added; what is measured here is the part of this crate and its library.
const MAX_EACH: usize = 24 * 1024;
const SHELLS: usize = 200;

fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}

#[tokio::test]
async fn an_idle_terminal_on_a_shared_connection_is_light_and_has_no_thread() {
    let sshd = Sshd::start_with(SshdOptions::default().max_sessions(1000)).await;
    let pool = pool();
    let mut to = sshd.ssh();
    to.command = Some("echo h''ere; exec sleep 1000".into());
    let mut shells = Vec::new();
    let mut open = async |count: usize| {
        for _ in 0..count {
            let shell = within("a shell", pool.shell(&to, ShellOptions::default(), nobody())).await.unwrap();
            read_to(&shell, "here").await;
            shells.push(shell);
        }
    };
    // The first ones bring the connection and the allocator's own pages.
    open(20).await;
    let (before, threads) = (resident(), threads_now());
    open(SHELLS).await;
    let each = resident().saturating_sub(before) / SHELLS;
    assert!(each <= MAX_EACH, "{each} bytes for an idle terminal");
    assert_eq!(threads_now(), threads);
    assert_eq!(pool.connections().len(), 1);
}

fn threads_now() -> usize {
    std::fs::read_dir("/proc/self/task").unwrap().count()
}
