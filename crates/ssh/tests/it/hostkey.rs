//! Whether it is the right server: pinned keys, unknown ones, changed ones, certificates.

use bastide_ssh::{Answer, Error, Exec, Exit, ShellOptions};
use bastide_testkit::{SshServer, SshServerOptions, Sshd, SshdOptions, within};
use bastide_wire::ssh::{PromptKind, Ssh};

use crate::rig::{Scripted, nobody, pool, shell};

async fn server() -> SshServer {
    SshServer::start(SshServerOptions::default().password("secret")).await
}

fn unpinned(to: &Ssh, ask: bool) -> Ssh {
    let mut to = to.clone();
    to.hops[0].host_keys.clear();
    to.hops[0].ask_host_key = ask;
    to
}

#[tokio::test]
async fn an_unknown_key_is_asked_about_with_its_fingerprint() {
    let server = server().await;
    let ask = Scripted::new([Answer::Accept]);
    let pool = pool();
    within("a shell", pool.shell(&unpinned(&server.ssh(), true), ShellOptions::default(), ask.clone()))
        .await
        .unwrap();
    let asked = ask.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].kind, PromptKind::HostKey);
    let key = asked[0].key.clone().unwrap();
    assert_eq!(key.key, server.host_key());
    assert!(key.fingerprint.starts_with("SHA256:"));
    assert_eq!((key.host.as_str(), key.port), ("127.0.0.1", server.port()));
}

#[tokio::test]
async fn an_unknown_key_that_is_refused_unanswered_or_not_to_be_asked_about_fails_with_the_key() {
    let server = server().await;
    let pool = pool();
    for answer in [Answer::Refused, Answer::Expired, Answer::Nobody] {
        let ask = Scripted::new([answer]);
        let to = unpinned(&server.ssh(), true);
        let error = within("the failure", pool.shell(&to, ShellOptions::default(), ask)).await.unwrap_err();
        assert_eq!(error.presented_key().unwrap().key, server.host_key());
    }
    let to = unpinned(&server.ssh(), false);
    let ask = Scripted::new([Answer::Accept]);
    let error =
        within("the failure", pool.shell(&to, ShellOptions::default(), ask.clone())).await.unwrap_err();
    assert!(matches!(error, Error::HostKeyUnknown { .. }), "{error}");
    assert!(ask.asked().is_empty());
    assert_eq!(server.logins(), 0, "a password went to a server that was not accepted");
}

#[tokio::test]
async fn a_changed_key_fails_without_a_question_and_before_any_secret() {
    let (old, new) = (server().await, server().await);
    let mut to = new.ssh();
    to.hops[0].host_keys = vec![old.host_key().to_owned()];
    to.hops[0].ask_host_key = true;
    let ask = Scripted::new([Answer::Accept]);
    let error =
        within("the failure", pool().shell(&to, ShellOptions::default(), ask.clone())).await.unwrap_err();
    assert!(matches!(error, Error::HostKeyChanged { .. }), "{error}");
    assert_eq!(error.step(), "host key");
    assert!(error.to_string().starts_with("host key: "), "{error}");
    assert_eq!(error.presented_key().unwrap().key, new.host_key());
    assert!(ask.asked().is_empty());
    assert_eq!(new.logins(), 0);
}

#[tokio::test]
async fn the_pinned_key_of_several_is_the_one_that_is_shown() {
    let rsa = tempfile::tempdir().unwrap();
    let path = rsa.path().join("rsa");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-N", "", "-t", "rsa", "-f"])
        .arg(&path)
        .status();
    assert!(made.unwrap().success());
    let sshd = Sshd::start_with(SshdOptions::default().line(&format!("HostKey {}", path.display()))).await;
    let pinned = std::fs::read_to_string(path.with_extension("pub")).unwrap();
    let mut to = sshd.ssh();
    to.hops[0].host_keys = vec![pinned];
    shell(&pool(), &to).await;
}

#[tokio::test]
async fn a_connection_is_not_shared_with_who_expects_another_key() {
    let (server, other) = (server().await, server().await);
    let pool = pool();
    let first = shell(&pool, &server.ssh()).await;
    let mut to = server.ssh();
    to.hops[0].host_keys = vec![other.host_key().to_owned()];
    let error = within("the failure", pool.shell(&to, ShellOptions::default(), nobody())).await.unwrap_err();
    assert!(matches!(error, Error::HostKeyChanged { .. }), "{error}");
    let strict = unpinned(&server.ssh(), false);
    let error =
        within("the failure", pool.shell(&strict, ShellOptions::default(), nobody())).await.unwrap_err();
    assert!(matches!(error, Error::HostKeyUnknown { .. }), "{error}");
    // Whoever would have been asked finds that a person has answered.
    let open = unpinned(&server.ssh(), true);
    let second = shell(&pool, &open).await;
    assert_eq!(first.connection(), second.connection());
}

#[tokio::test]
async fn a_host_certificate_of_an_accepted_authority_needs_no_pinned_key() {
    let sshd = Sshd::start_with(SshdOptions::default().host_certificate("127.0.0.1")).await;
    let mut to = sshd.ssh();
    to.hops[0].host_keys.clear();
    to.hops[0].host_authorities = vec![sshd.host_authority()];
    shell(&pool(), &to).await;
}

#[tokio::test]
async fn a_host_certificate_for_another_host_or_of_another_authority_is_none() {
    let sshd = Sshd::start_with(SshdOptions::default().host_certificate("elsewhere")).await;
    let mut to = sshd.ssh();
    to.hops[0].host_keys.clear();
    to.hops[0].host_authorities = vec![sshd.host_authority()];
    let error =
        within("the failure", pool().shell(&to, ShellOptions::default(), nobody())).await.unwrap_err();
    assert!(matches!(error, Error::HostCertificate { .. }), "{error}");
    assert!(error.to_string().contains("it is for elsewhere, not for 127.0.0.1"), "{error}");
    to.hops[0].host_authorities = vec![sshd.host_key().to_owned()];
    let error =
        within("the failure", pool().shell(&to, ShellOptions::default(), nobody())).await.unwrap_err();
    assert!(matches!(error, Error::HostKeyUnknown { .. }), "{error}");
    // The bare key in it is pinned: good, whoever signed it.
    to.hops[0].host_keys = vec![sshd.host_key().to_owned()];
    shell(&pool(), &to).await;
}

#[tokio::test]
async fn a_host_certificate_whose_time_is_over_is_refused() {
    let sshd = Sshd::start_with(SshdOptions::default().host_certificate_over("127.0.0.1")).await;
    let mut to = sshd.ssh();
    to.hops[0].host_keys.clear();
    to.hops[0].host_authorities = vec![sshd.host_authority()];
    let error =
        within("the failure", pool().shell(&to, ShellOptions::default(), nobody())).await.unwrap_err();
    assert!(matches!(error, Error::HostCertificate { .. }), "{error}");
}

#[tokio::test]
async fn a_probe_shows_the_key_and_logs_in_nowhere() {
    let server = server().await;
    let shown = within("the key", pool().probe(&unpinned(&server.ssh(), false), nobody())).await.unwrap();
    assert_eq!(shown.key, server.host_key());
    assert_eq!(server.logins(), 0);
}

#[tokio::test]
async fn keys_are_agreed_anew_in_the_middle_of_a_connection() {
    let options = SshdOptions::default().host_certificate("127.0.0.1").line("RekeyLimit 1M");
    let sshd = Sshd::start_with(options).await;
    let mut to = sshd.ssh();
    to.hops[0].host_keys.clear();
    to.hops[0].host_authorities = vec![sshd.host_authority()];
    let exec = Exec::new("head -c 8000000 /dev/zero");
    let output = within("the command", pool().exec(&to, exec, nobody())).await.unwrap();
    assert_eq!((output.stdout_bytes, output.exit), (8_000_000, Exit::Status(0)));
}
