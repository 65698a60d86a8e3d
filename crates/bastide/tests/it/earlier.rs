//! Terminals of the earlier design over its WebSocket, against real servers: an ordinary sshd, one that speaks old
//! algorithms only, one behind another, and servers with bad manners.

use std::collections::HashSet;
use std::process::Command;

use bastide_testkit::{Manners, SshServer, SshServerOptions, Sshd, SshdOptions, within};
use serde_json::json;

use crate::site::{Earlier, Site};

/// SSH could not be had; the client was told why.
const NO_SHELL: Option<u16> = Some(1011);

/// The terminal's own shell, by its process.
async fn shell_of(terminal: &mut Earlier) -> String {
    terminal.types("echo sh''ell=$$.e''nd\r").await;
    terminal.sees(".end").await;
    let shown = &terminal.shown;
    shown.split_once("shell=").unwrap().1.split_once('.').unwrap().0.to_owned()
}

/// Why there is no terminal, as the client is told it.
async fn refused(site: &Site, server: i64, credential: &str) -> String {
    let mut terminal = site.earlier(server, credential, site.token()).await;
    let (code, said) = terminal.ends().await;
    assert_eq!(code, NO_SHELL, "{said}");
    assert_eq!(terminal.said.len(), 1, "nothing else was said: {:?}", terminal.said);
    assert!(said.starts_with("SSH连接失败: "), "{said}");
    said
}

#[tokio::test]
async fn a_password_lets_in_and_a_wrong_one_is_named() {
    let far = SshServer::start(SshServerOptions::default().password("s3cret word")).await;
    let site = Site::start().await;
    let login = |password: &str| json!({ "username": "ann", "password": password });
    let server = site.server("far", far.port(), login("s3cret word")).await;
    site.pin(server, far.host_key()).await;
    let mut terminal = site.earlier(server, "", site.token()).await;
    terminal.connects().await;
    terminal.types("a line\r").await;
    terminal.sees("a line").await;
    terminal.leaves().await;

    let wrong = site.server("wrong", far.port(), login("not the word")).await;
    site.pin(wrong, far.host_key()).await;
    let said = refused(&site, wrong, "").await;
    assert!(said.contains("authentication: ") && said.contains("password"), "{said}");
    assert!(!said.contains("not the word"), "{said}");
    site.end().await;
}

#[tokio::test]
async fn keys_let_in_and_each_wrong_one_is_told_apart() {
    let sshd = Sshd::start_with(SshdOptions::default().line("PubkeyAcceptedAlgorithms ssh-ed25519")).await;
    let site = Site::start().await;
    let server = site.sshd("far", &sshd, json!({})).await;
    let mut terminal = site.earlier(server, "", site.token()).await;
    terminal.connects().await;
    shell_of(&mut terminal).await;
    terminal.leaves().await;

    let made = |name: &str, kind: &str, passphrase: &str| {
        let path = site.dir().join(name);
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-t", kind, "-a", "1", "-C", "", "-N", passphrase, "-f"]).arg(&path);
        assert!(command.status().unwrap().success());
        std::fs::read_to_string(path).unwrap()
    };
    let credential = async |name: &str, key: String, passphrase: Option<&str>| {
        let mut body = json!({ "name": name, "username": sshd.user(), "kind": "key", "key": key });
        if let Some(passphrase) = passphrase {
            body["passphrase"] = json!(passphrase);
        }
        site.make("/api/v1/credentials", body).await["id"].to_string()
    };
    // Of a kind that the server does not take, and of a kind that it takes and nobody has put there.
    let ecdsa = credential("ecdsa", made("ecdsa", "ecdsa", ""), None).await;
    let said = refused(&site, server, &ecdsa).await;
    assert!(said.contains("authentication: ") && said.contains("key"), "{said}");
    let unknown = credential("unknown", made("unknown", "ed25519", ""), None).await;
    let said = refused(&site, server, &unknown).await;
    assert!(said.contains("authentication: "), "{said}");

    // A locked key whose passphrase is kept, and one whose passphrase is asked for in the terminal.
    let locked = made("locked", "ed25519", "open sesame");
    let public = std::fs::read_to_string(site.dir().join("locked.pub")).unwrap();
    let keys = sshd.dir().join("authorized_keys");
    let before = std::fs::read_to_string(&keys).unwrap();
    std::fs::write(&keys, format!("{}\n{public}", before.trim_end())).unwrap();
    let kept = credential("kept", locked.clone(), Some("open sesame")).await;
    let mut terminal = site.earlier(server, &kept, site.token()).await;
    terminal.connects().await;
    terminal.leaves().await;
    let asked = credential("asked", locked, None).await;
    let mut terminal = site.earlier(server, &asked, site.token()).await;
    terminal.sees("assphrase").await;
    terminal.types("\u{3}").await;
    let (code, said) = terminal.ends().await;
    assert_eq!(code, NO_SHELL, "{said}");
    assert!(said.contains("passphrase"), "{said}");
    let mut terminal = site.earlier(server, &asked, site.token()).await;
    terminal.sees("assphrase").await;
    terminal.types("open sesame\r").await;
    shell_of(&mut terminal).await;
    assert!(!terminal.shown.contains("sesame"), "{}", terminal.shown);
    terminal.leaves().await;
    site.end().await;
}

#[tokio::test]
async fn what_is_typed_arrives_the_size_follows_and_a_line_that_breaks_is_told() {
    let sshd = Sshd::start().await;
    let site = Site::start().await;
    let server = site.sshd("far", &sshd, json!({})).await;
    let mut terminal = site.earlier(server, "", site.token()).await;
    terminal.connects().await;
    let shell = shell_of(&mut terminal).await;
    terminal.say(json!({ "type": "resize", "rows": 33, "cols": 111 })).await;
    terminal.types("stty size\r").await;
    terminal.sees("33 111").await;
    terminal.leaves().await;
    let process = format!("/proc/{shell}");
    within("the shell's end", async {
        while std::path::Path::new(&process).exists() {
            tokio::task::yield_now().await;
        }
    })
    .await;

    let mut terminal = site.earlier(server, "", site.token()).await;
    terminal.connects().await;
    shell_of(&mut terminal).await;
    sshd.drop_connections();
    let (code, said) = terminal.ends().await;
    assert_eq!(code, NO_SHELL, "{said}");
    assert!(said.contains("was lost"), "{said}");
    site.end().await;
}

#[tokio::test]
async fn servers_that_cannot_be_spoken_with_are_told_apart() {
    let silent = SshServer::start(SshServerOptions::default().manners(Manners::Silent)).await;
    let (old, new) = (Sshd::start().await, Sshd::start().await);
    let site = Site::start().await;
    let ann = json!({ "username": "ann", "password": "x" });
    let silent = site.server("silent", silent.port(), ann.clone()).await;
    let dead = site.server("dead", 1, ann.clone()).await;
    let nowhere = site.server("nowhere", 22, ann).await;
    let unresolved = json!({ "host": "no-such-host.invalid" });
    site.change(&format!("/api/v1/servers/{nowhere}"), unresolved).await;
    let changed = site.server("changed", new.port(), json!({})).await;
    site.pin(changed, old.host_key()).await;
    let key = site.key("key", &new).await.to_string();
    let (silent, dead, nowhere, changed) = tokio::join!(
        refused(&site, silent, ""),
        refused(&site, dead, ""),
        refused(&site, nowhere, ""),
        refused(&site, changed, &key),
    );
    assert!(silent.contains("key exchange: ") && silent.contains(" s"), "{silent}");
    assert!(dead.contains("connect: ") && dead.contains("refused"), "{dead}");
    assert!(nowhere.contains("resolve: "), "{nowhere}");
    assert!(changed.contains("host key: ") && changed.contains("SHA256:"), "{changed}");
    assert_eq!(new.connections(), 0, "nothing is left on a server whose key was refused");
    site.end().await;
}

#[tokio::test]
async fn an_old_server_needs_its_setting() {
    let sshd = Sshd::start_with(SshdOptions::default().legacy_only()).await;
    let site = Site::start().await;
    let server = site.sshd("old", &sshd, json!({})).await;
    let said = refused(&site, server, "").await;
    assert!(said.contains("legacy") && said.contains("diffie-hellman-group14-sha1"), "{said}");
    let setting = json!({ "legacy_algorithms": true });
    site.change(&format!("/api/v1/servers/{server}"), setting).await;
    let mut terminal = site.earlier(server, "", site.token()).await;
    terminal.connects().await;
    shell_of(&mut terminal).await;
    terminal.leaves().await;
    site.end().await;
}

#[tokio::test]
async fn a_server_behind_another_is_reached_through_it_and_the_way_is_named_where_it_fails() {
    let (gate, inner) = (Sshd::start().await, Sshd::start().await);
    let site = Site::start().await;
    let way = site.sshd("gate", &gate, json!({})).await;
    let server = site.sshd("inner", &inner, json!({ "jump_id": way })).await;
    let mut terminal = site.earlier(server, "", site.token()).await;
    terminal.connects().await;
    terminal.types("echo via=\"${SSH_CONNECTION##* }\".\r").await;
    terminal.sees(&format!("via={}.", inner.port())).await;
    assert_eq!((gate.connections(), inner.connections()), (1, 1));
    terminal.leaves().await;

    let dead = site.server("dead gate", 1, json!({ "username": "ann", "password": "x" })).await;
    site.change(&format!("/api/v1/servers/{server}"), json!({ "jump_id": dead })).await;
    let said = refused(&site, server, "").await;
    assert!(said.contains("dead gate") && said.contains("refused"), "{said}");
    site.end().await;
}

/// Five people with seven terminals each, on a server with three to a connection.
#[tokio::test]
async fn many_people_at_once_have_a_shell_each_and_share_what_may_be_shared() {
    const PEOPLE: usize = 5;
    const EACH: usize = 7;
    const TO_A_CONNECTION: u32 = 3;
    let options = SshdOptions::default().max_sessions(TO_A_CONNECTION).max_startups(100).terse();
    let sshd = Sshd::start_with(options).await;
    let site = Site::start().await;
    let server = site.sshd("far", &sshd, json!({})).await;
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        let (id, token) = site.user(&format!("user{number}")).await;
        site.make("/api/v1/grants", json!({ "user_id": id, "server_id": server })).await;
        people.push(token);
    }
    let terminals = people.iter().flat_map(|token| std::iter::repeat_n(token, EACH));
    let open = terminals.map(async |token| {
        let mut terminal = site.earlier(server, "", token).await;
        terminal.connects().await;
        let shell = shell_of(&mut terminal).await;
        (terminal, shell)
    });
    let opened = futures_util::future::join_all(open).await;
    let shells: HashSet<_> = opened.iter().map(|(_, shell)| shell.clone()).collect();
    assert_eq!(shells.len(), PEOPLE * EACH, "each has its own");
    let connections = sshd.connections();
    // Seven in threes are three connections for each person: nobody uses another one's.
    let fewest = PEOPLE * EACH.div_ceil(TO_A_CONNECTION as usize);
    assert!((fewest..PEOPLE * EACH).contains(&connections), "{connections} connections, {fewest} would do");
    for (mut terminal, shell) in opened {
        // All of them still answer, and as themselves.
        terminal.shown.clear();
        terminal.types("echo ag''ain=$$.\r").await;
        terminal.sees(&format!("again={shell}.")).await;
        terminal.leaves().await;
    }
    site.end().await;
}

#[tokio::test]
async fn one_connection_carries_several_terminals_and_the_next_one_too() {
    let sshd = Sshd::start().await;
    let site = Site::start().await;
    let server = site.sshd("far", &sshd, json!({})).await;
    let mut terminals = Vec::new();
    for _ in 0..4 {
        let mut terminal = site.earlier(server, "", site.token()).await;
        terminal.connects().await;
        shell_of(&mut terminal).await;
        terminals.push(terminal);
    }
    assert_eq!(sshd.connections(), 1);
    for terminal in terminals {
        terminal.leaves().await;
    }
    let mut later = site.earlier(server, "", site.token()).await;
    later.connects().await;
    shell_of(&mut later).await;
    assert_eq!(sshd.connections(), 1, "it was kept for who comes next");
    later.leaves().await;
    site.end().await;
}

#[tokio::test]
async fn a_server_with_one_session_to_a_connection_gets_a_connection_for_each() {
    let sshd = Sshd::start_with(SshdOptions::default().max_sessions(1)).await;
    let site = Site::start().await;
    let server = site.sshd("far", &sshd, json!({})).await;
    let mut one = site.earlier(server, "", site.token()).await;
    one.connects().await;
    let first = shell_of(&mut one).await;
    let mut two = site.earlier(server, "", site.token()).await;
    two.connects().await;
    assert_ne!(shell_of(&mut two).await, first);
    assert_eq!(sshd.connections(), 2);
    site.end().await;
}

#[tokio::test]
async fn a_server_that_has_too_many_logins_waiting_says_so_and_hurts_nobody_who_is_in() {
    let sshd = Sshd::start_with(SshdOptions::default().max_startups(1)).await;
    let site = Site::start().await;
    let server = site.sshd("far", &sshd, json!({})).await;
    let mut inside = site.earlier(server, "", site.token()).await;
    inside.connects().await;
    shell_of(&mut inside).await;
    // Somebody else's connection would be shared: this one is another person's.
    let (id, token) = site.user("bob").await;
    site.make("/api/v1/grants", json!({ "user_id": id, "server_id": server })).await;
    let idler = tokio::net::TcpStream::connect(("127.0.0.1", sshd.port())).await.unwrap();
    let near = idler.local_addr().unwrap().port();
    sshd.logged(&format!("Connection from 127.0.0.1 port {near} ")).await;
    let (code, said) = site.earlier(server, "", &token).await.ends().await;
    assert_eq!(code, NO_SHELL, "{said}");
    assert!(said.contains("MaxStartups"), "{said}");
    inside.types("echo st''ill\r").await;
    inside.sees("still\r\n").await;
    // The place is free again when the idler is gone.
    drop(idler);
    sshd.logged(&format!("127.0.0.1 port {near}")).await;
    let mut bob = site.earlier(server, "", &token).await;
    bob.connects().await;
    shell_of(&mut bob).await;
    site.end().await;
}

/// What one does must not be felt by the others: bad messages, a flood, leaving in the middle of it.
#[tokio::test]
async fn nobody_is_disturbed_by_somebody_else() {
    let sshd = Sshd::start().await;
    let site = Site::start().await;
    let server = site.sshd("far", &sshd, json!({})).await;
    let mut quiet = site.earlier(server, "", site.token()).await;
    quiet.connects().await;
    let mut loud = site.earlier(server, "", site.token()).await;
    loud.connects().await;
    loud.types("yes\r").await;
    loud.sees("y\r\ny\r\n").await;
    // It is not read any more from here on.
    quiet.types("echo un''moved\r").await;
    quiet.sees("unmoved").await;
    loud.leaves().await;
    quiet.types("echo un''hurt\r").await;
    quiet.sees("unhurt").await;
    site.end().await;
}
