//! Terminals on a real sshd.

use bastide_ssh::{Exit, ShellOptions};
use bastide_testkit::{SshServer, SshServerOptions, Sshd, SshdOptions, within};

use crate::rig::{nobody, pool, read_out, read_to, shell, type_in};

#[tokio::test]
async fn a_shell_echoes_has_a_size_and_ends_with_its_status() {
    let sshd = Sshd::start().await;
    let pool = pool();
    let how = ShellOptions { cols: 91, rows: 33, ..ShellOptions::default() };
    let shell = within("a shell", pool.shell(&sshd.ssh(), how, nobody())).await.unwrap();
    type_in(&shell, b"stty size; echo term=$TERM\n").await;
    let seen = read_to(&shell, "term=xterm").await;
    assert!(seen.contains("33 91"), "{seen}");
    shell.resize(120, 40);
    type_in(&shell, b"stty size\n").await;
    read_to(&shell, "40 120").await;
    type_in(&shell, b"exit 7\n").await;
    read_out(&shell).await;
    assert_eq!(within("the exit", shell.wait()).await, Exit::Status(7));
    pool.close().await;
}

#[tokio::test]
async fn shells_share_one_connection() {
    let sshd = Sshd::start().await;
    let pool = pool();
    let one = shell(&pool, &sshd.ssh()).await;
    let two = shell(&pool, &sshd.ssh()).await;
    assert_eq!(one.connection(), two.connection());
    let info = pool.connections();
    assert_eq!((info.len(), info[0].channels), (1, 2));
    type_in(&two, b"echo o''k\n").await;
    read_to(&two, "ok").await;
    pool.close().await;
    assert!(matches!(within("the end", one.wait()).await, Exit::Lost(_)));
}

#[tokio::test]
async fn typing_into_a_program_that_does_not_read_is_bounded_and_ends_with_the_shell() {
    let sshd = Sshd::start().await;
    let pool = pool();
    let mut to = sshd.ssh();
    to.command = Some("stty raw -echo; echo here; exec sleep 1000".into());
    let deaf = shell(&pool, &to).await;
    read_to(&deaf, "here").await;
    let line = [b'x'; 65536];
    let mut taken = 0;
    // What is on the way is bounded by windows; then nothing is taken any more.
    let blocked = loop {
        match deaf.try_write(&line) {
            Ok(n) => taken += n,
            Err(error) => {
                let room = tokio::time::timeout(std::time::Duration::from_millis(500), deaf.writable()).await;
                if room.is_err() {
                    break error;
                }
            }
        }
        assert!(taken < 64 * 1024 * 1024, "typing is not bounded");
    };
    assert_eq!(blocked.kind(), std::io::ErrorKind::WouldBlock);
    // Another shell on the same connection does not notice.
    let other = shell(&pool, &sshd.ssh()).await;
    assert_eq!(other.connection(), deaf.connection());
    type_in(&other, b"echo o''k\n").await;
    read_to(&other, "ok").await;
    deaf.close();
    assert_eq!(within("the end", deaf.wait()).await, Exit::Lost("closed from this side".into()));
}

/// Else it would run on, and keep its place, as long as others use the connection.
#[tokio::test]
async fn a_shell_that_is_closed_from_this_side_ends_there_too() {
    let sshd = Sshd::start_with(SshdOptions::default().max_sessions(2)).await;
    let pool = pool();
    let stays = shell(&pool, &sshd.ssh()).await;
    for _ in 0..3 {
        let closed = shell(&pool, &sshd.ssh()).await;
        assert_eq!(closed.connection(), stays.connection(), "there is a place in the connection");
        type_in(&closed, b"echo p''id=$$.e''nd\n").await;
        let seen = read_to(&closed, ".end").await;
        let pid = seen.split_once("pid=").unwrap().1.split_once('.').unwrap().0;
        let process = std::path::PathBuf::from(format!("/proc/{pid}"));
        assert!(process.exists());
        closed.close();
        within("its end there", async {
            while process.exists() {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    type_in(&stays, b"echo o''k\n").await;
    read_to(&stays, "ok").await;
}

#[tokio::test]
async fn variables_are_passed() {
    let sshd = Sshd::start().await;
    let pool = pool();
    let env = vec![("BASTIDE_X".to_owned(), "été".to_owned())];
    let how = ShellOptions { env, ..ShellOptions::default() };
    let shell = within("a shell", pool.shell(&sshd.ssh(), how, nobody())).await.unwrap();
    type_in(&shell, b"echo $BASTIDE_X-\n").await;
    read_to(&shell, "été-").await;
}

#[tokio::test]
async fn signals_are_sent_by_their_names() {
    let server = SshServer::start(SshServerOptions::default().password("x")).await;
    let shell = shell(&pool(), &server.ssh()).await;
    assert!(shell.signal("SIGINT") && shell.signal("winch"));
    read_to(&shell, "[signal INT][signal WINCH]").await;
}

#[tokio::test]
async fn a_shell_killed_by_a_signal_says_which() {
    let sshd = Sshd::start().await;
    let pool = pool();
    let shell = shell(&pool, &sshd.ssh()).await;
    type_in(&shell, b"kill -KILL $$\n").await;
    assert_eq!(within("the exit", shell.wait()).await, Exit::Signal("KILL".into()));
}

/// The server's close gives the channel back at once; what nobody has read by then is not lost.
#[tokio::test]
async fn the_last_output_is_there_for_who_reads_it_after_the_end() {
    let sshd = Sshd::start().await;
    let pool = pool();
    let mut to = sshd.ssh();
    to.command = Some("echo last words; exit 5".into());
    let shell = shell(&pool, &to).await;
    assert_eq!(within("the exit", shell.wait()).await, Exit::Status(5));
    within("the end of the channel", async {
        while pool.connections()[0].channels > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    read_to(&shell, "last words").await;
    pool.close().await;
}
