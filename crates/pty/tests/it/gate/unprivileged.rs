//! The gate of a daemon that is not root.

use std::os::unix::process::CommandExt;
use std::process::Command;

use bastide_pty::gate::{Layer, Profile};

use super::desk::{Desk, set};

const MARK: &str = "GATE_TEST_AS_SOMEBODY";
/// In no list of accounts.
const SOMEBODY: u32 = 61_235;

/// Runs the calling test again as an ordinary account when this one is root. `false`: that was done.
pub(crate) fn as_somebody(test: &str) -> bool {
    if !rustix::process::geteuid().is_root() || std::env::var_os(MARK).is_some() {
        return true;
    }
    let home = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(home.path(), Some(SOMEBODY), Some(SOMEBODY)).unwrap();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(MARK, "1")
        .env("HOME", home.path())
        .env("TMPDIR", home.path())
        .uid(SOMEBODY)
        .gid(SOMEBODY)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    false
}

#[tokio::test]
async fn an_ordinary_account_gates_its_own_sessions() {
    if !as_somebody("gate::unprivileged::an_ordinary_account_gates_its_own_sessions") {
        return;
    }
    for profile in [Profile::Closed, Profile::Workbench] {
        let script = "id; echo refused=$?; ls -d /usr; grep NoNewPrivs /proc/self/status; cp /bin/ls mine; ./mine -d /usr; echo own=$?";
        let mut spawn = crate::terminals::program("/bin/bash", &["-c", script]);
        spawn.cwd = std::env::var_os("HOME").unwrap().into();
        let mut desk = Desk::open(super::desk::setup(spawn, profile, &set("deny", &["id"]))).await;
        assert!(!desk.gated.layers.has(Layer::Setuid));
        let (output, exit) = desk.finish().await;
        assert_eq!(exit.code, 0, "{output}");
        assert!(output.contains("refused=126\n") && output.contains("\n/usr\n"), "{output}");
        assert!(output.contains("NoNewPrivs:\t1"), "{output}");
        let own = if profile == Profile::Closed { "own=126\n" } else { "own=0\n" };
        assert!(output.ends_with(own), "{output}");
    }
}
