//! What strangers and guests do to the SSH door.

use std::net::Ipv4Addr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use bastide_testkit::{Sshd, channels_given, guesses_refused, within};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::door::{Door, ended, keygen};

#[tokio::test]
async fn a_key_that_is_taken_away_lets_nobody_in_and_ends_what_it_opened() {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    door.site.sshd("web1", &sshd, json!({})).await;
    let mut sleeper = door.ssh(&["admin+web1@127.0.0.1", "echo there; sleep 600"]).spawn().unwrap();
    let mut output = sleeper.stdout.take().unwrap();
    let mut there = [0; 6];
    within("the command", output.read_exact(&mut there)).await.unwrap();
    let keys = door.site.get("/api/v1/me/ssh-keys").await;
    assert_eq!(keys["items"][0]["name"], "ann at home", "{keys}");
    let id = keys["items"][0]["id"].as_str().unwrap().to_owned();
    let began = Instant::now();
    door.site.remove(&format!("/api/v1/me/ssh-keys/{id}")).await;
    within("the end of the connection", sleeper.wait()).await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(5), "{:?}", began.elapsed());
    let (status, _, said) = door.run(&["admin+web1@127.0.0.1", "true"]).await;
    assert!(status == 255 && said.contains("Permission denied"), "{said}");
    door.site.end().await;
}

#[tokio::test]
async fn whoever_may_not_use_a_server_is_told_no_more_than_that_it_is_not_there() {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    let server = door.site.sshd("web1", &sshd, json!({})).await;
    let (bob, token) = door.site.user("bob").await;
    let key = door.site.dir().join("bobs_key");
    let public = keygen(&key);
    door.site.make_as(&token, "/api/v1/me/ssh-keys", json!({ "key": public })).await;
    let door = Door { key, ..door };
    let there = door.run(&["bob+web1@127.0.0.1", "true"]).await;
    let nowhere = door.run(&["bob+web2@127.0.0.1", "true"]).await;
    assert_eq!(there.2.replace("web1", "web2"), nowhere.2);
    assert!(there.2.contains("or it is not for you"), "{}", there.2);
    // With a grant it is, and another's key is of no use.
    door.site.make("/api/v1/grants", json!({ "user_id": bob, "server_id": server })).await;
    assert_eq!(door.run(&["bob+web1@127.0.0.1", "echo in"]).await.1, "in\n");
    assert_eq!(door.run(&["admin+web1@127.0.0.1", "true"]).await.0, 255);
    let (status, _, said) = door.run(&["-t", "bob+local@127.0.0.1"]).await;
    assert_eq!(status, 255, "{said}");
    door.site.end().await;
}

/// The connection ends, whatever is sent before anybody has said who they are; others are not disturbed.
#[tokio::test]
async fn rubbish_before_login_ends_its_own_connection_only() {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    door.site.sshd("web1", &sshd, json!({})).await;
    let mut long = b"SSH-2.0-x\r\n".to_vec();
    long.extend(0x7fff_ffff_u32.to_be_bytes());
    long.extend([0; 1000]);
    let mut zero = b"SSH-2.0-x\r\n".to_vec();
    zero.extend([0; 64]);
    let mut odd = b"SSH-2.0-x\r\n".to_vec();
    odd.extend((0..4000_u32).map(|n| (n * 7919 % 251).to_le_bytes()[0]));
    for bytes in [b"GET / HTTP/1.1\r\n\r\n".to_vec(), vec![0xff; 70_000], vec![b'x'; 10_000], long, zero, odd]
    {
        let mut stream = TcpStream::connect(("127.0.0.1", door.port)).await.unwrap();
        // It may have hung up before all was sent.
        let _ = stream.write_all(&bytes).await;
        let _ = stream.shutdown().await;
        let mut said = Vec::new();
        let _ = within("its end", stream.read_to_end(&mut said)).await;
        assert!(said.len() < 8192, "{}", said.len());
    }
    assert_eq!(door.run(&["admin+web1@127.0.0.1", "echo still here"]).await.1, "still here\n");
    door.site.end().await;
}

/// As many as one address may have wait for their login; the next is refused at once, and room comes back.
#[tokio::test]
async fn strangers_who_only_stand_there_do_not_fill_the_door() {
    let door = Door::start().await;
    let mut strangers = Vec::new();
    for _ in 0..40 {
        strangers.push(TcpStream::connect(("127.0.0.1", door.port)).await.unwrap());
    }
    let mut let_in = 0;
    for stranger in &mut strangers {
        let mut greeting = [0; 8];
        let_in +=
            usize::from(within("a greeting or an end", stranger.read_exact(&mut greeting)).await.is_ok());
    }
    assert_eq!(let_in, 32);
    drop(strangers);
    within("room", async {
        loop {
            let mut next = TcpStream::connect(("127.0.0.1", door.port)).await.unwrap();
            let mut greeting = [0; 8];
            if next.read_exact(&mut greeting).await.is_ok() {
                return;
            }
        }
    })
    .await;
    door.site.end().await;
}

#[tokio::test]
async fn ten_thousand_channels_are_a_few_and_the_connection_goes_on() {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    door.site.sshd("web1", &sshd, json!({})).await;
    let key = std::fs::read_to_string(&door.key).unwrap();
    let opening = channels_given(door.port, "admin+web1", &key, 10_000);
    let given = tokio::time::timeout(Duration::from_secs(120), opening).await.unwrap();
    assert_eq!(given, 64);
    assert_eq!(door.run(&["admin+web1@127.0.0.1", "echo still here"]).await.1, "still here\n");
    door.site.end().await;
}

/// A person's password, asked for by ssh itself through a program, as at a terminal.
async fn with_password(door: &Door, user: &str, password: &str) -> (i32, String, String) {
    let program = door.site.dir().join("askpass");
    std::fs::write(&program, format!("#!/bin/sh\necho '{password}'\n")).unwrap();
    std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let mut ssh = door.ssh(&[]);
    ssh.args(["-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1"]);
    ssh.env("SSH_ASKPASS", &program).env("SSH_ASKPASS_REQUIRE", "force").stdin(Stdio::null());
    ssh.arg(format!("{user}@127.0.0.1")).arg("echo in");
    ended(ssh).await
}

#[tokio::test]
async fn a_password_lets_in_and_guesses_are_counted_with_those_of_the_page() {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    door.site.sshd("web1", &sshd, json!({})).await;
    let door = Door { batch: false, ..door };
    assert_eq!(with_password(&door, "admin+web1", crate::people_live::PASSWORD).await.1, "in\n");
    for user in ["admin+web1", "nobody+web1"] {
        let (status, _, said) = with_password(&door, user, "wrong password 1").await;
        assert!(status == 255 && said.contains("Permission denied"), "{said}");
    }
    // Another guess is allowed every six seconds, which on a busy machine the right one may be: not each time.
    let mut held = false;
    for round in 0..10 {
        let guesses = (0..8).map(|number| {
            let passwords = (0..2).map(move |half| format!("guess {round} {number} {half}"));
            tokio::spawn(guesses_refused((Ipv4Addr::LOCALHOST, door.port), "nobody+web1", passwords))
        });
        futures_util::future::join_all(guesses).await;
        held = with_password(&door, "admin+web1", crate::people_live::PASSWORD).await.0 == 255;
        if held {
            break;
        }
    }
    assert!(held, "this address has guessed too often, the right one counts no more");
    let refused = door.logged("login_failed");
    assert!(refused.iter().any(|entry| entry.to_string().contains("too many attempts")), "{refused:#?}");
    door.site.end().await;
}

/// A thousand within a few seconds, for a name that is there and for one that is not, from several addresses: as many
/// connections at once as each may have.
#[tokio::test]
async fn a_thousand_guesses_are_refused_and_keep_nobody_else_out() {
    const FROM: u8 = 4;
    const EACH: u8 = 28;
    const GUESSES: usize = 9;
    // As long as a stranger may take; a machine that does nothing else needs a tenth.
    const GRACE: Duration = Duration::from_secs(120);
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    door.site.sshd("web1", &sshd, json!({})).await;
    let before = door.site.memory("VmRSS");
    let guests: Vec<_> = (0..FROM * EACH)
        .map(|guest| {
            let user = if guest % 2 == 0 { "admin+web1" } else { "nobody+web1" };
            let passwords = (0..GUESSES).map(move |number| format!("guess {guest} {number}"));
            let from = (Ipv4Addr::new(127, 0, 0, 2 + guest % FROM), door.port);
            tokio::spawn(guesses_refused(from, user, passwords))
        })
        .collect();
    assert_eq!(door.run(&["admin+web1@127.0.0.1", "echo in"]).await.1, "in\n", "in the middle of it");
    // With a password, which is no guess.
    door.site.user("bob").await;
    let mut refused = 0;
    for guest in guests {
        refused += tokio::time::timeout(GRACE, guest).await.unwrap().unwrap();
    }
    assert!(refused >= 1000, "{refused} refused");
    // A few stand in the log, and how many do not.
    let entries = door.logged("login_failed");
    assert!((1..=100).contains(&entries.len()), "{}", entries.len());
    let grown = door.site.memory("VmHWM").saturating_sub(before);
    assert!(grown < 512 * 1024, "{grown} kB more at its most");
    assert_eq!(door.run(&["admin+web1@127.0.0.1", "echo in"]).await.1, "in\n", "after it");
    door.site.end().await;
}

fn runs(pid: &str) -> bool {
    // One that has ended and was not waited for yet runs no more (proc_pid_stat(5)).
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[tokio::test]
async fn a_command_ends_on_its_server_when_its_client_goes() {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    door.site.sshd("web1", &sshd, json!({})).await;
    // Its input stays open as long as its client does. (One that neither reads nor writes gets a signal, which not every
    // sshd passes on.)
    let mut sleeper = door.ssh(&["admin+web1@127.0.0.1", "echo $$; exec cat"]);
    let mut sleeper = sleeper.stdin(Stdio::piped()).spawn().unwrap();
    let mut pid = String::new();
    let mut output = tokio::io::BufReader::new(sleeper.stdout.take().unwrap());
    within("the command", tokio::io::AsyncBufReadExt::read_line(&mut output, &mut pid)).await.unwrap();
    assert!(runs(pid.trim()));
    sleeper.kill().await.unwrap();
    within("its end there", async {
        while runs(pid.trim()) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    door.until_logged("server_execute", |entry| entry["phase"] == "done").await;
    door.site.end().await;
}
