//! The daemon's life, as the command line sees it.

use bastide_testkit::client::{Client, Config};
use bastide_testkit::{Options, Person, Ptyd, within};

use crate::{BASTIDE, logged, new, ptyd, session};

/// Ends a daemon that the test has not started itself, whatever becomes of the test.
struct Ends(std::path::PathBuf);

impl Drop for Ends {
    fn drop(&mut self) {
        let pid = std::fs::read_to_string(&self.0).ok().and_then(|text| text.trim().parse().ok());
        if let Some(pid) = pid {
            let _ =
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGKILL);
        }
    }
}

#[tokio::test]
async fn new_starts_a_daemon_where_none_runs_and_says_so() {
    let mut ptyd = ptyd().await;
    ptyd.stop().await;
    let none = ptyd.run(&["ls"]).await;
    assert_eq!(none.code, 4, "{}", none.stderr);
    let _ends = Ends(ptyd.socket().with_extension("pid"));
    let made = ptyd.run(&["new", "-d", "-n", "first", "--", "cat"]).await;
    assert_eq!((made.code, made.stdout.as_str()), (0, "first\n"), "{}", made.stderr);
    assert!(made.stderr.contains("started the sessions daemon (pid "), "{}", made.stderr);
    let second = ptyd.run(&["new", "-d", "-n", "second", "--", "cat"]).await;
    assert_eq!(second.stderr, "", "one is enough");
    let stopped = ptyd.run(&["ptyd", "stop"]).await;
    assert_eq!(stopped.code, 0, "{}", stopped.stderr);
    assert_eq!(ptyd.run(&["ls"]).await.code, 4);
}

#[tokio::test]
async fn many_at_once_start_one_daemon() {
    let mut ptyd = ptyd().await;
    ptyd.stop().await;
    let _ends = Ends(ptyd.socket().with_extension("pid"));
    let args = |name| ["new", "-d", "-n", name, "--", "cat"];
    let (a, b, c, d) = (args("a"), args("b"), args("c"), args("d"));
    let made = tokio::join!(ptyd.run(&a), ptyd.run(&b), ptyd.run(&c), ptyd.run(&d));
    let made = [made.0, made.1, made.2, made.3];
    assert!(made.iter().all(|output| output.code == 0), "{made:?}");
    assert_eq!(made.iter().filter(|output| output.stderr.contains("started")).count(), 1, "{made:?}");
    assert_eq!(ptyd.ok(&["ls", "-q"]).await.lines().count(), 4);
    ptyd.ok(&["ptyd", "stop"]).await;
}

#[tokio::test]
async fn the_daemon_it_starts_outlives_the_terminal() {
    let mut ptyd = ptyd().await;
    ptyd.stop().await;
    let _ends = Ends(ptyd.socket().with_extension("pid"));
    let mut person = Person::at(&ptyd, "\"$BASTIDE\" new -n kept -- sh -c 'echo here; exec cat'").await;
    person.sees("here").await;
    // The terminal is gone, and with it everything that hangs on it.
    drop(person);
    let client = Client::connect(Config::new(ptyd.socket())).await.unwrap();
    assert!(client.list().await.unwrap()[0].is_alive);
}

#[tokio::test]
async fn a_daemon_that_does_not_start_says_why() {
    let mut ptyd = ptyd().await;
    ptyd.stop().await;
    let socket = ptyd.dir().join("file");
    std::fs::write(&socket, "").unwrap();
    let _ends = Ends(socket.with_extension("pid"));
    let failed = ptyd.run(&["--socket", socket.to_str().unwrap(), "new", "-d", "--", "cat"]).await;
    assert_eq!(failed.code, 1);
    assert!(failed.stderr.contains("is no socket"), "{}", failed.stderr);
    assert!(failed.stderr.contains("did not start"), "{}", failed.stderr);
    let mut command = ptyd.command();
    command.args(["ptyd", "--daemonize"]).env("RUST_PTY_MAX_SESSIONS", "many");
    let output = within("it to fail", command.output()).await.unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("RUST_PTY_MAX_SESSIONS"), "{said}");
}

#[tokio::test]
async fn daemonize_returns_when_it_listens() {
    let mut ptyd = ptyd().await;
    ptyd.stop().await;
    let _ends = Ends(ptyd.socket().with_extension("pid"));
    ptyd.ok(&["ptyd", "--daemonize"]).await;
    assert_eq!(ptyd.ok(&["ls", "--json"]).await, "[]\n");
    ptyd.ok(&["ptyd", "stop"]).await;
}

#[tokio::test]
async fn killed_and_started_again_it_tells_which_sessions_were_lost() {
    let mut ptyd = ptyd().await;
    let info = new(&ptyd, "lost", "echo something; exec cat").await;
    let node = ptyd.client().await.daemon().node;
    ptyd.kill9().await;
    ptyd.start_again().await;
    let client = ptyd.client().await;
    assert_eq!(client.daemon().node, node);
    logged(&client, "session_lost", &info).await;
    assert_eq!(ptyd.ok(&["ls", "-q"]).await, "");
    assert_eq!(ptyd.run(&["attach", "lost"]).await.code, 1);
}

#[tokio::test]
async fn draining_takes_no_new_sessions_and_ends_with_the_last() {
    let ptyd = ptyd().await;
    new(&ptyd, "last", "exec cat").await;
    ptyd.ok(&["ptyd", "drain"]).await;
    let refused = ptyd.run(&["new", "-d", "--", "cat"]).await;
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains("DRAINING"), "{}", refused.stderr);
    assert!(session(&ptyd, "last").await.is_alive);
    let client = ptyd.client().await;
    ptyd.ok(&["kill", "last"]).await;
    within("the daemon to end", client.closed()).await;
}

#[tokio::test]
async fn the_earlier_names_of_its_variables_work_for_the_client_too() {
    let ptyd = Ptyd::start_with(Options::new(BASTIDE)).await;
    let mut command = ptyd.command();
    command.env_remove("BASTIDE_PTYD_SOCKET").env("RUST_PTY_SOCKET_PATH", ptyd.socket());
    command.env("RUST_PTY_TOKEN_PATH", ptyd.token_file()).args(["ls", "--json"]);
    let output = within("ls", command.output()).await.unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "[]\n");
}

#[tokio::test]
async fn settings_are_checked_and_shown_without_a_daemon() {
    let mut ptyd = ptyd().await;
    ptyd.stop().await;
    let file = ptyd.dir().join("ptyd.toml");
    std::fs::write(&file, "max_sessions = 7\n").unwrap();
    let path = file.to_str().unwrap();
    let shown = ptyd.ok(&["config", "print", "ptyd", "--file", path]).await;
    assert!(
        shown.contains("max_sessions = 7\n") && shown.contains("recording = \"best_effort\"\n"),
        "{shown}"
    );
    // What is shown can be read again.
    std::fs::write(&file, &shown).unwrap();
    assert_eq!(ptyd.ok(&["config", "print", "ptyd", "--file", path]).await, shown);
    std::fs::write(&file, "max_sessions = 7\nmax_sesions = 8\n").unwrap();
    let checked = ptyd.run(&["config", "check", "ptyd", "--file", path]).await;
    assert_eq!(checked.code, 1);
    assert!(checked.stderr.contains("ptyd.toml:2"), "{}", checked.stderr);
}
