//! Ways to log in, and ways to fail at it.

use std::pin::Pin;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use bastide_rt::Tasks;
use bastide_ssh::{Answer, Ask, Config, Error, Exec, Exit, Pool, Question, ShellOptions};
use bastide_testkit::{SshServer, SshServerOptions, Sshd, SshdOptions, within};
use bastide_wire::ssh::{Login, PromptKind, Secret, Ssh};

use crate::rig::{Scripted, nobody, pool, text};

async fn try_with(pool: &Pool, to: &Ssh, ask: Arc<dyn Ask>) -> Result<(), Error> {
    within("a shell or an error", pool.shell(to, ShellOptions::default(), ask)).await.map(drop)
}

fn with(to: &Ssh, logins: impl IntoIterator<Item = Login>) -> Ssh {
    let mut to = to.clone();
    to.hops[0].logins = logins.into_iter().collect();
    to
}

fn password(text: &str) -> Login {
    Login::Password { password: Secret::new(text) }
}

fn key(text: &str, passphrase: Option<&str>) -> Login {
    Login::Key { key: Secret::new(text), passphrase: passphrase.map(Secret::new), certificate: None }
}

/// Makes a key pair with OpenSSH's own program: (private text, `algorithm base64`).
fn keygen(args: &[&str]) -> (String, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    let done = Command::new("ssh-keygen").arg("-q").args(args).arg("-f").arg(&path).status().unwrap();
    assert!(done.success());
    let public = std::fs::read_to_string(path.with_extension("pub")).unwrap();
    let line = public.split_whitespace().take(2).collect::<Vec<_>>().join(" ");
    (std::fs::read_to_string(path).unwrap(), line)
}

#[tokio::test]
async fn a_wrong_password_is_refused_and_is_not_in_the_error() {
    let server = SshServer::start(SshServerOptions::default().password("right")).await;
    let pool = pool();
    let error = try_with(&pool, &with(&server.ssh(), [password("hunter2")]), nobody()).await.unwrap_err();
    let shown = format!("{error} {error:?}");
    assert_eq!(error.step(), "authentication");
    assert!(shown.contains("ann is not let in") && shown.contains("password refused"), "{shown}");
    assert!(!shown.contains("hunter2"));
    try_with(&pool, &server.ssh(), nobody()).await.unwrap();
}

#[tokio::test]
async fn the_errors_names_what_the_server_offers_and_what_it_says() {
    let options = SshServerOptions::default()
        .question("Code: ", true, "42")
        .banner("Ask\x1b[31m the desk\n for access");
    let server = SshServer::start(options).await;
    let (text, _) = keygen(&["-t", "ed25519", "-N", ""]);
    let error = try_with(&pool(), &with(&server.ssh(), [key(&text, None)]), nobody()).await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("publickey (ssh-ed25519 SHA256:"), "{text}");
    assert!(text.contains("the server offers: keyboard-interactive"), "{text}");
    assert!(text.contains("it says: Ask[31m the desk for access"), "{text}");
}

#[tokio::test]
async fn a_password_is_asked_for_and_asked_again() {
    let server = SshServer::start(SshServerOptions::default().password("right")).await;
    let ask = Scripted::new([text("wrong"), text("right")]);
    try_with(&pool(), &with(&server.ssh(), [Login::AskPassword]), ask.clone()).await.unwrap();
    let asked = ask.asked();
    assert_eq!(asked.len(), 2);
    assert!(asked.iter().all(|asked| asked.kind == PromptKind::Password && !asked.echo));
    assert!(asked[0].text.contains("ann"), "{}", asked[0].text);
}

#[tokio::test]
async fn nobody_to_ask_and_no_answer_are_told_apart() {
    let server = SshServer::start(SshServerOptions::default().password("right")).await;
    let to = with(&server.ssh(), [Login::AskPassword]);
    let error = try_with(&pool(), &to, nobody()).await.unwrap_err().to_string();
    assert!(error.contains("nobody is there to be asked for the password"), "{error}");
    let error = try_with(&pool(), &to, Scripted::new([Answer::Expired])).await.unwrap_err().to_string();
    assert!(error.contains("nobody answered the password in time"), "{error}");
}

#[tokio::test]
async fn a_one_time_code_is_asked_for_and_the_stored_password_is_given() {
    let options =
        SshServerOptions::default().question("Password: ", false, "right").question("Code: ", true, "424242");
    let server = SshServer::start(options).await;
    let to = with(&server.ssh(), [Login::KeyboardInteractive { password: Some(Secret::new("right")) }]);
    let ask = Scripted::new([text("424242")]);
    try_with(&pool(), &to, ask.clone()).await.unwrap();
    let asked = ask.asked();
    assert_eq!(asked.len(), 1, "the stored password was asked for");
    assert_eq!((asked[0].kind, asked[0].echo), (PromptKind::Question, true));
    assert!(asked[0].text.ends_with("Code:"), "{:?}", asked[0].text);
}

#[tokio::test]
async fn a_password_serves_a_server_that_asks_for_it_as_a_question() {
    let server = SshServer::start(SshServerOptions::default().question("Password: ", false, "right")).await;
    try_with(&pool(), &with(&server.ssh(), [password("right")]), nobody()).await.unwrap();
}

#[tokio::test]
async fn a_key_and_then_a_password() {
    let (text, line) = keygen(&["-t", "ed25519", "-N", ""]);
    let options = SshServerOptions::default().key(&line).password("right").two_factors();
    let server = SshServer::start(options).await;
    try_with(&pool(), &with(&server.ssh(), [key(&text, None), password("right")]), nobody()).await.unwrap();
    let error =
        try_with(&pool(), &with(&server.ssh(), [key(&text, None)]), nobody()).await.unwrap_err().to_string();
    assert!(
        error.contains("accepted, more wanted") && error.contains("the server offers: password"),
        "{error}"
    );
}

#[tokio::test]
async fn keys_of_all_kinds_and_forms_let_in() {
    let kinds: [&[&str]; 5] = [
        &["-t", "ed25519", "-N", ""],
        &["-t", "ecdsa", "-b", "256", "-N", ""],
        &["-t", "ecdsa", "-b", "521", "-N", ""],
        &["-t", "rsa", "-b", "2048", "-N", ""],
        &["-t", "rsa", "-b", "2048", "-m", "PEM", "-N", ""],
    ];
    for kind in kinds {
        let (text, line) = keygen(kind);
        let server = SshServer::start(SshServerOptions::default().key(&line)).await;
        try_with(&pool(), &with(&server.ssh(), [key(&text, None)]), nobody()).await.unwrap();
    }
}

#[tokio::test]
async fn rsa_keys_and_certificates_let_into_a_real_sshd() {
    let sshd = Sshd::start().await;
    let (text, line) = keygen(&["-t", "rsa", "-b", "2048", "-N", ""]);
    std::fs::write(sshd.dir().join("authorized_keys"), line).unwrap();
    try_with(&pool(), &with(&sshd.ssh(), [key(&text, None)]), nobody()).await.unwrap();

    let sshd = Sshd::start_with(SshdOptions::default().user_certificates()).await;
    let certified =
        Login::Key { key: Secret::new(sshd.key()), passphrase: None, certificate: Some(sshd.certificate()) };
    try_with(&pool(), &with(&sshd.ssh(), [certified]), nobody()).await.unwrap();
    assert!(try_with(&pool(), &sshd.ssh(), nobody()).await.is_err(), "the bare key is not enough there");
}

#[tokio::test]
async fn an_encrypted_key_asks_for_its_passphrase() {
    let (text_of_key, line) = keygen(&["-t", "ed25519", "-a", "1", "-N", "open sesame"]);
    let server = SshServer::start(SshServerOptions::default().key(&line)).await;
    let to = |passphrase| with(&server.ssh(), [key(&text_of_key, passphrase)]);
    try_with(&pool(), &to(Some("open sesame")), nobody()).await.unwrap();
    let ask = Scripted::new([text("wrong"), text("open sesame")]);
    try_with(&pool(), &to(None), ask.clone()).await.unwrap();
    assert!(ask.asked().iter().all(|asked| asked.kind == PromptKind::Passphrase && !asked.echo));
    let error = try_with(&pool(), &to(None), nobody()).await.unwrap_err().to_string();
    assert!(error.contains("nobody is there to be asked for the passphrase"), "{error}");
    let error = try_with(&pool(), &to(Some("wrong")), nobody()).await.unwrap_err().to_string();
    assert!(error.contains("the stored passphrase does not open the private key"), "{error}");
}

#[tokio::test]
async fn what_is_no_private_key_is_said_so() {
    let server = SshServer::start(SshServerOptions::default().password("right")).await;
    let (_, line) = keygen(&["-t", "ed25519", "-N", ""]);
    for (bad, why) in [("rubbish", "no private key"), (line.as_str(), "public half")] {
        let error = try_with(&pool(), &with(&server.ssh(), [key(bad, None)]), nobody())
            .await
            .unwrap_err()
            .to_string();
        assert!(error.contains(why), "{error}");
    }
    let (text, _) = keygen(&["-t", "ed25519", "-N", ""]);
    let certificate = Some("ssh-ed25519-cert-v01@openssh.com AAAA".to_owned());
    let login = Login::Key { key: Secret::new(text), passphrase: None, certificate };
    let error = try_with(&pool(), &with(&server.ssh(), [login]), nobody()).await.unwrap_err().to_string();
    assert!(error.contains("no OpenSSH certificate"), "{error}");
}

#[tokio::test]
async fn a_large_banner_is_cut_and_a_server_without_login_is_entered() {
    let server = SshServer::start(SshServerOptions::default().banner(&"welcome ".repeat(4000))).await;
    try_with(&pool(), &with(&server.ssh(), []), nobody()).await.unwrap();
    let server =
        SshServer::start(SshServerOptions::default().password("x").banner(&"no ".repeat(9000))).await;
    let error = try_with(&pool(), &with(&server.ssh(), [password("y")]), nobody()).await.unwrap_err();
    assert!(error.to_string().len() < 1000, "{}", error.to_string().len());
}

#[tokio::test]
async fn a_forwarded_agent_signs_there_and_only_where_it_was_asked_for() {
    let sshd = Sshd::start().await;
    let pool = pool();
    let mut to = sshd.ssh();
    let listed = Exec::new("ssh-add -L");
    let output = within("the command", pool.exec(&to, listed.clone(), nobody())).await.unwrap();
    assert_ne!(output.exit, Exit::Status(0), "an agent without being asked for");
    to.agent_forwarding = true;
    // From there to itself, with no key but the forwarded one.
    let again = format!(
        "ssh -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o IdentityFile=none -p {} \
         {}@127.0.0.1 echo in''side",
        sshd.port(),
        sshd.user()
    );
    to.command = Some(format!("ssh-add -L; {again}; read x"));
    let shell = within("a shell", pool.shell(&to, ShellOptions::default(), nobody())).await.unwrap();
    let seen = crate::rig::read_to(&shell, "inside").await;
    assert!(seen.contains("ssh-ed25519 AAAA"), "{seen}");
}

/// A person who takes longer than the time limits of the dial.
#[derive(Debug)]
struct Slow;

const LIMIT: Duration = Duration::from_secs(2);

impl Ask for Slow {
    fn ask(&self, question: Question) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        Box::pin(async move {
            tokio::time::sleep(LIMIT + LIMIT / 4).await;
            if question.kind == PromptKind::HostKey { Answer::Accept } else { text("right") }
        })
    }
}

#[tokio::test]
async fn the_time_that_a_person_takes_is_not_counted() {
    let server = SshServer::start(SshServerOptions::default().password("right")).await;
    let mut to = with(&server.ssh(), [Login::AskPassword]);
    to.hops[0].host_keys.clear();
    to.hops[0].ask_host_key = true;
    let config = Config { handshake_timeout: LIMIT, login_timeout: LIMIT, ..Config::default() };
    try_with(&Pool::new(config, Tasks::new()), &to, Arc::new(Slow)).await.unwrap();
}
