//! What is shared, what is not, and what happens to what is broken.

use std::time::Duration;

use bastide_rt::Tasks;
use bastide_ssh::{Answer, Config, Error, Exec, Exit, Pool, Shell, ShellOptions};
use bastide_testkit::{SshServer, SshServerOptions, Sshd, SshdOptions, within};
use bastide_wire::ssh::{Login, Secret};

use crate::rig::{Scripted, nobody, pool, read_bytes, read_out, read_to, shell, text, type_in};

async fn server() -> SshServer {
    SshServer::start(SshServerOptions::default().password("secret")).await
}

#[tokio::test]
async fn of_many_who_ask_at_once_nobody_is_refused_for_good() {
    let sshd = Sshd::start_with(SshdOptions::default().max_sessions(3).max_startups(100).terse()).await;
    for _ in 0..8 {
        let pool = pool();
        let ssh = sshd.ssh();
        let (a, b, c, d, e, f, g) = tokio::join!(
            shell(&pool, &ssh),
            shell(&pool, &ssh),
            shell(&pool, &ssh),
            shell(&pool, &ssh),
            shell(&pool, &ssh),
            shell(&pool, &ssh),
            shell(&pool, &ssh),
        );
        let used: std::collections::HashSet<u64> =
            [a, b, c, d, e, f, g].iter().map(Shell::connection).collect();
        assert!(used.len() >= 3, "{used:?}");
        pool.close().await;
    }
}

#[tokio::test]
async fn very_many_at_once_on_a_server_with_one_session_for_each_connection_all_get_one() {
    let sshd = Sshd::start_with(SshdOptions::default().max_sessions(1).max_startups(100).terse()).await;
    let pool = pool();
    let mut opening = Vec::new();
    for _ in 0..15 {
        let (pool, to) = (pool.clone(), sshd.ssh());
        opening.push(tokio::spawn(async move { pool.shell(&to, ShellOptions::default(), nobody()).await }));
    }
    let mut shells = Vec::new();
    for opened in opening {
        shells.push(within("a shell", opened).await.unwrap().unwrap());
    }
    let used: std::collections::HashSet<u64> = shells.iter().map(Shell::connection).collect();
    assert_eq!(used.len(), 15);
    // What the first has learned the others know: no connection was made for nothing.
    assert_eq!(pool.dials().begun, 15);
    assert_eq!(pool.dials().failed, 0);
}

#[tokio::test]
async fn max_sessions_opens_another_connection() {
    let sshd = Sshd::start_with(SshdOptions::default().max_sessions(1)).await;
    let pool = pool();
    let one = shell(&pool, &sshd.ssh()).await;
    let two = shell(&pool, &sshd.ssh()).await;
    assert_ne!(one.connection(), two.connection());
    type_in(&two, b"echo o''k\n").await;
    read_to(&two, "ok").await;
    // A place that is free again is used again.
    type_in(&one, b"exit\n").await;
    read_out(&one).await;
    sshd.logged("Close session").await;
    let freed = one.connection();
    drop(one);
    within("its place", async {
        while pool.connections().iter().any(|info| info.id == freed && info.channels > 0) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(shell(&pool, &sshd.ssh()).await.connection(), freed);
    assert_eq!(pool.connections().len(), 2);
}

#[tokio::test]
async fn a_server_that_gives_no_session_or_no_terminal_says_so() {
    let refusing = SshServer::start(SshServerOptions::default().password("x").refuse_channels()).await;
    let error = within("the failure", pool().shell(&refusing.ssh(), ShellOptions::default(), nobody()))
        .await
        .unwrap_err();
    assert!(
        error.to_string().starts_with("channel: ") && error.to_string().contains("refuses a session"),
        "{error}"
    );
    assert_eq!(refusing.accepted(), 1, "one connection is enough to be told");
    let bare = SshServer::start(SshServerOptions::default().password("x").refuse_terminal()).await;
    let error = within("the failure", pool().shell(&bare.ssh(), ShellOptions::default(), nobody()))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("refuses a terminal"), "{error}");
}

#[tokio::test]
async fn many_at_once_share_one_dial_and_one_question() {
    let server = server().await;
    let pool = pool();
    let mut to = server.ssh();
    to.hops[0].logins = vec![Login::AskPassword];
    to.hops[0].host_keys.clear();
    to.hops[0].ask_host_key = true;
    let ask = Scripted::new([Answer::Accept, text("secret")]);
    let mut opening = Vec::new();
    for _ in 0..20 {
        let (pool, to, ask) = (pool.clone(), to.clone(), ask.clone());
        opening.push(tokio::spawn(async move { pool.shell(&to, ShellOptions::default(), ask).await }));
    }
    let mut shells = Vec::new();
    for opened in opening {
        shells.push(within("a shell", opened).await.unwrap().unwrap());
    }
    assert_eq!(ask.asked().len(), 2);
    assert_eq!(server.accepted(), 1);
    assert!(shells.iter().all(|shell| shell.connection() == shells[0].connection()));
}

#[tokio::test]
async fn credentials_and_isolation_part_connections() {
    let server = server().await;
    let pool = pool();
    let one = shell(&pool, &server.ssh()).await;
    let mut apart = server.ssh();
    apart.isolation = "run 7".into();
    let two = shell(&pool, &apart).await;
    let mut wrong = server.ssh();
    wrong.hops[0].logins = vec![Login::Password { password: Secret::new("other") }];
    let error =
        within("the failure", pool.shell(&wrong, ShellOptions::default(), nobody())).await.unwrap_err();
    assert_eq!(error.step(), "authentication", "a wrong password got somebody else's connection");
    assert_ne!(one.connection(), two.connection());
}

#[tokio::test]
async fn a_server_that_drops_everything_is_seen_at_once_and_dialled_anew() {
    let server = server().await;
    let pool = pool();
    let one = shell(&pool, &server.ssh()).await;
    read_to(&one, "ready").await;
    server.drop_connections();
    let exit = within("the end", one.wait()).await;
    assert!(matches!(&exit, Exit::Lost(why) if why.contains("closed the connection")), "{exit:?}");
    assert_eq!(read_out(&one).await, 0);
    assert_eq!(one.try_write(b"x").unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    let two = shell(&pool, &server.ssh()).await;
    assert_ne!(one.connection(), two.connection());
    assert_eq!(pool.connections().len(), 1);
}

#[tokio::test]
async fn a_server_that_falls_silent_is_given_up_by_the_timer() {
    let sshd = Sshd::start().await;
    let keepalive = Duration::from_millis(150);
    let pool = Pool::new(Config { keepalive, keepalive_misses: 2, ..Config::default() }, Tasks::new());
    let shell = shell(&pool, &sshd.ssh()).await;
    sshd.freeze_connections();
    let exit = within("the end", shell.wait()).await;
    assert_eq!(exit, Exit::Lost("the server does not answer any more".into()));
    assert!(pool.connections().is_empty());
}

#[tokio::test]
async fn a_quiet_server_that_answers_stays() {
    let sshd = Sshd::start().await;
    let keepalive = Duration::from_millis(50);
    let pool = Pool::new(Config { keepalive, keepalive_misses: 2, ..Config::default() }, Tasks::new());
    let shell = shell(&pool, &sshd.ssh()).await;
    // 20 ticks pass here, in the clock of the server.
    type_in(&shell, b"sleep 1; echo sti''ll; read x; exit 5\n").await;
    read_to(&shell, "still").await;
    type_in(&shell, b"\n").await;
    assert_eq!(within("the end", shell.wait()).await, Exit::Status(5));
}

#[tokio::test]
async fn a_connection_without_channels_is_closed_after_a_while_and_the_timer_ends() {
    let server = server().await;
    let tasks = Tasks::new();
    let tick = Duration::from_millis(50);
    let pool = Pool::new(Config { keepalive: tick, idle: tick, ..Config::default() }, tasks.clone());
    drop(shell(&pool, &server.ssh()).await);
    within("all tasks to end", tasks.ended()).await;
    assert!(pool.connections().is_empty());
}

#[tokio::test]
async fn disconnecting_ends_the_shells_and_closing_takes_no_more() {
    let server = server().await;
    let tasks = Tasks::new();
    let pool = Pool::new(Config::default(), tasks.clone());
    let one = shell(&pool, &server.ssh()).await;
    assert_eq!(pool.disconnect(|info| info.username == "nobody"), 0);
    assert_eq!(pool.disconnect(|info| info.username == "ann"), 1);
    assert_eq!(within("the end", one.wait()).await, Exit::Lost("it was disconnected".into()));
    let two = shell(&pool, &server.ssh()).await;
    within("the pool", pool.close()).await;
    assert!(matches!(within("the end", two.wait()).await, Exit::Lost(_)));
    let error = within("the failure", pool.shell(&server.ssh(), ShellOptions::default(), nobody()))
        .await
        .unwrap_err();
    assert_eq!(error, Error::Closed);
    drop((one, two));
    within("all tasks to end", tasks.ended()).await;
}

#[tokio::test]
async fn a_shell_that_is_not_read_stops_the_server_and_loses_nothing() {
    let sshd = Sshd::start().await;
    let pool = pool();
    let mut apart = sshd.ssh();
    apart.isolation = "flood".into();
    // It stays until everything is read: at the end of a terminal's first program the kernel of the server throws
    // away what nobody has taken.
    apart.command = Some("stty -echo -onlcr; head -c 20000000 /dev/zero | tr '\\0' x; read x; exit 4".into());
    let flooding = shell(&pool, &apart).await;
    // The others go on while it waits for its reader.
    assert_eq!(
        within("a command", pool.exec(&sshd.ssh(), Exec::new("true"), nobody())).await.unwrap().exit,
        Exit::Status(0)
    );
    assert_eq!(read_bytes(&flooding, 20_000_000).await, 0, "there is more than was sent");
    type_in(&flooding, b"\n").await;
    assert_eq!(within("the end", flooding.wait()).await, Exit::Status(4));
}

#[tokio::test]
async fn closing_a_shell_that_floods_frees_its_connection() {
    let sshd = Sshd::start().await;
    let pool = pool();
    let mut endless = sshd.ssh();
    endless.command = Some("yes".into());
    let flooding = shell(&pool, &endless).await;
    within("output", flooding.readable()).await.unwrap();
    drop(flooding);
    let output = within("a command", pool.exec(&sshd.ssh(), Exec::new("echo ok"), nobody())).await.unwrap();
    assert_eq!(output.stdout, b"ok\n");
    assert_eq!(pool.connections().len(), 1, "the same connection serves it");
}

#[tokio::test]
async fn a_new_shell_does_not_wait_for_somebody_elses_reader() {
    let sshd = Sshd::start().await;
    let pool = pool();
    let mut endless = sshd.ssh();
    endless.command = Some("yes".into());
    let flooding = shell(&pool, &endless).await;
    // Nobody reads it: sooner or later the connection stands still, and then another one is opened.
    let other = within("another connection", async {
        loop {
            let other = pool.shell(&sshd.ssh(), ShellOptions::default(), nobody()).await.unwrap();
            if other.connection() != flooding.connection() {
                return other;
            }
        }
    })
    .await;
    type_in(&other, b"echo o''k\n").await;
    read_to(&other, "ok").await;
}
