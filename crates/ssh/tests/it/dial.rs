//! Servers that cannot be reached, or not be talked to: each says which step failed and how to mend it.

use std::time::Duration;

use bastide_rt::Tasks;
use bastide_ssh::{Config, Error, Pool, ShellOptions};
use bastide_testkit::{Manners, SshServer, SshServerOptions, Sshd, SshdOptions, within};
use bastide_wire::ssh::{Hop, Ssh};

use crate::rig::{nobody, pool, read_to, shell, type_in};

async fn failure(pool: &Pool, to: &Ssh) -> Error {
    within("the failure", pool.shell(to, ShellOptions::default(), nobody())).await.unwrap_err()
}

fn hurried() -> Pool {
    let limit = Duration::from_millis(300);
    Pool::new(Config { connect_timeout: limit, handshake_timeout: limit, ..Config::default() }, Tasks::new())
}

async fn ill_mannered(manners: Manners) -> (SshServer, Ssh) {
    let server = SshServer::start(SshServerOptions::default().manners(manners)).await;
    let to = server.ssh();
    (server, to)
}

#[tokio::test]
async fn a_dead_port_is_refused_at_the_step_connect() {
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let hop = Hop { name: "web1".into(), host: "127.0.0.1".into(), port, ..Hop::default() };
    let error = failure(&pool(), &Ssh { hops: vec![hop], ..Ssh::default() }).await;
    assert_eq!(error.step(), "connect");
    assert!(error.to_string().starts_with(&format!("connect: web1 (127.0.0.1:{port}): refused")), "{error}");
}

#[tokio::test]
async fn an_unknown_name_fails_at_the_step_resolve() {
    let hop = Hop { name: "web1".into(), host: "no-such-host.invalid".into(), port: 22, ..Hop::default() };
    let error = failure(&pool(), &Ssh { hops: vec![hop], ..Ssh::default() }).await;
    assert_eq!(error.step(), "resolve", "{error}");
}

#[tokio::test]
async fn a_host_that_accepts_and_never_speaks_costs_the_time_limit_and_no_more() {
    let (_server, to) = ill_mannered(Manners::Silent).await;
    let error = failure(&hurried(), &to).await;
    assert_eq!(error.step(), "key exchange");
    assert!(error.to_string().contains("accepts connections and did not finish speaking"), "{error}");
}

#[tokio::test]
async fn lines_without_end_before_the_version_are_cut_off() {
    let (_server, to) = ill_mannered(Manners::Chatters).await;
    let error = failure(&pool(), &to).await;
    assert!(error.to_string().contains("does not speak SSH 2"), "{error}");
}

#[tokio::test]
async fn another_protocol_is_named_so() {
    let (_server, to) = ill_mannered(Manners::Http).await;
    let error = failure(&hurried(), &to).await;
    assert_eq!(error.step(), "key exchange", "{error}");
}

#[tokio::test]
async fn a_server_that_hangs_up_is_told_from_one_that_is_not_there() {
    let (_server, to) = ill_mannered(Manners::HangsUp).await;
    let error = failure(&pool(), &to).await;
    assert_eq!(error.step(), "key exchange");
    assert!(
        error.to_string().contains("closed the connection") && error.to_string().contains("MaxStartups"),
        "{error}"
    );
}

#[tokio::test]
async fn max_startups_is_a_clear_error_and_hurts_nobody_who_is_in() {
    let sshd = Sshd::start_with(SshdOptions::default().max_startups(1)).await;
    let pool = pool();
    let inside = shell(&pool, &sshd.ssh()).await;
    // Somebody who connects and does not log in takes the only place. sshd tells when it has the place taken.
    let _idler = tokio::net::TcpStream::connect(("127.0.0.1", sshd.port())).await.unwrap();
    sshd.logged("Connection from").await;
    let mut apart = sshd.ssh();
    apart.isolation = "apart".into();
    let error = failure(&pool, &apart).await;
    assert!(error.to_string().contains("MaxStartups"), "{error}");
    type_in(&inside, b"echo o''k\n").await;
    read_to(&inside, "ok").await;
}

#[tokio::test]
async fn a_legacy_server_needs_the_setting_and_works_with_it() {
    let sshd = Sshd::start_with(SshdOptions::default().legacy_only()).await;
    let pool = pool();
    let mut to = sshd.ssh();
    let error = failure(&pool, &to).await;
    let text = error.to_string();
    assert!(matches!(error, Error::NoCommonAlgorithm { kind: "key exchange", .. }), "{text}");
    assert!(text.contains("diffie-hellman-group14-sha1") && text.contains("curve25519-sha256"), "{text}");
    assert!(text.contains("setting for legacy algorithms"), "{text}");
    to.hops[0].legacy_algorithms = true;
    let shell = shell(&pool, &to).await;
    type_in(&shell, b"echo o''ld\n").await;
    read_to(&shell, "old").await;
}

#[tokio::test]
async fn a_server_behind_two_others_is_reached_through_both() {
    let (one, two, last) = (Sshd::start().await, Sshd::start().await, Sshd::start().await);
    let pool = pool();
    let to = Ssh { hops: vec![one.hop(), two.hop(), last.hop()], ..Ssh::default() };
    let shell = shell(&pool, &to).await;
    type_in(&shell, b"echo via=$SSH_CONNECTION.\n").await;
    let seen = read_to(&shell, &format!(" {}.", last.port())).await;
    assert!(seen.contains("via=127.0.0.1"), "{seen}");
    assert_eq!(pool.connections()[0].via, [one.hop().name, two.hop().name]);
    pool.close().await;
}

#[tokio::test]
async fn a_dead_end_behind_a_jump_names_both() {
    let jump = Sshd::start().await;
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap().port();
    let hop = Hop { name: "inner".into(), host: "127.0.0.1".into(), port, ..Hop::default() };
    let error = failure(&pool(), &Ssh { hops: vec![jump.hop(), hop], ..Ssh::default() }).await;
    let text = error.to_string();
    assert!(text.starts_with("connect: inner") && text.contains(&jump.hop().name), "{text}");
}

#[tokio::test]
async fn a_jump_that_does_not_forward_says_so() {
    let jump = Sshd::start_with(SshdOptions::default().line("AllowTcpForwarding no")).await;
    let last = Sshd::start().await;
    let error = failure(&pool(), &Ssh { hops: vec![jump.hop(), last.hop()], ..Ssh::default() }).await;
    assert!(error.to_string().contains("AllowTcpForwarding"), "{error}");
}

#[tokio::test]
async fn what_cannot_be_dialled_is_said_before_anybody_is_called() {
    assert_eq!(failure(&pool(), &Ssh::default()).await.step(), "request");
    let hop = Hop { name: "web1".into(), host: "127.0.0.1".into(), port: 22, ..Hop::default() };
    let mut bad = hop.clone();
    bad.host_keys = vec!["ssh-ed25519 rubbish".into()];
    assert_eq!(failure(&pool(), &Ssh { hops: vec![bad], ..Ssh::default() }).await.step(), "request");
    assert_eq!(failure(&pool(), &Ssh { hops: vec![hop; 9], ..Ssh::default() }).await.step(), "request");
}

#[tokio::test]
async fn a_dial_that_nobody_waits_for_is_given_up() {
    let (server, to) = ill_mannered(Manners::Silent).await;
    let tasks = Tasks::new();
    let pool = Pool::new(Config::default(), tasks.clone());
    let waiting = tokio::spawn({
        let (pool, to) = (pool.clone(), to.clone());
        async move { pool.shell(&to, ShellOptions::default(), nobody()).await.map(drop) }
    });
    within("the connection", async {
        while server.accepted() == 0 {
            tokio::task::yield_now().await;
        }
    })
    .await;
    waiting.abort();
    within("all its tasks to end", tasks.ended()).await;
}
