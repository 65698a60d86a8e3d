#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::SystemTime;

use super::*;

fn now() -> Timestamp {
    "2026-03-01T12:00:00Z".parse().unwrap()
}

fn names(list: &[&str]) -> Vec<String> {
    list.iter().map(|&name| name.to_owned()).collect()
}

/// A certificate file and a key file, as from somebody who vouches.
struct Files {
    dir: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        let files = Self { dir: tempfile::tempdir().unwrap() };
        files.write(&self_signed::make(&names(&["host.example"]), now()).unwrap());
        files
    }

    fn certificate(&self) -> PathBuf {
        self.dir.path().join("chain.pem")
    }

    fn key(&self) -> PathBuf {
        self.dir.path().join("key.pem")
    }

    fn write(&self, both: &str) {
        let (key, certificate) = both.split_at(both.find("-----BEGIN CERTIFICATE").unwrap());
        fs::write(self.key(), key).unwrap();
        fs::write(self.certificate(), certificate).unwrap();
    }

    /// Makes sure that the change is seen, however coarse the file system's clock is.
    fn written_later(&self, seconds: u64) {
        let file = fs::File::options().write(true).open(self.certificate()).unwrap();
        file.set_modified(SystemTime::now() + Duration::from_secs(seconds)).unwrap();
    }

    fn load(&self) -> Result<Tls, TlsError> {
        Tls::from_files(self.certificate(), self.key())
    }
}

#[test]
fn what_is_wrong_with_the_files_is_said_with_their_names() {
    let files = Files::new();
    files.load().unwrap();
    let said = |files: &Files| files.load().unwrap_err().to_string();
    let key = fs::read_to_string(files.key()).unwrap();

    fs::write(files.key(), "nothing").unwrap();
    assert!(said(&files).ends_with("key.pem holds no private key in PEM form"), "{}", said(&files));
    fs::write(
        files.key(),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n",
    )
    .unwrap();
    assert!(said(&files).contains("passphrase"), "{}", said(&files));
    fs::write(files.key(), "-----BEGIN PRIVATE KEY-----\nsecret!secret\n-----END PRIVATE KEY-----\n")
        .unwrap();
    assert!(
        said(&files).contains("not a private key") && !said(&files).contains("secret"),
        "{}",
        said(&files)
    );
    let other = self_signed::make(&names(&["host.example"]), now()).unwrap();
    fs::write(files.key(), &other).unwrap();
    assert!(said(&files).contains("does not belong to the certificate in"), "{}", said(&files));
    fs::write(files.key(), key).unwrap();

    fs::write(files.certificate(), "").unwrap();
    assert!(said(&files).ends_with("chain.pem holds no certificate in PEM form"), "{}", said(&files));
    fs::write(files.certificate(), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    assert!(said(&files).contains("chain.pem"), "{}", said(&files));
    fs::remove_file(files.certificate()).unwrap();
    assert!(said(&files).contains("cannot read") && said(&files).contains("chain.pem"), "{}", said(&files));
}

#[test]
fn changed_files_are_read_again_and_bad_ones_change_nothing() {
    let files = Files::new();
    let tls = files.load().unwrap();
    let first = tls.fingerprint();
    files.write(&self_signed::make(&names(&["host.example"]), now()).unwrap());
    files.written_later(1);
    tls.certificates.read_if_changed(now());
    let second = tls.fingerprint();
    assert_ne!(first, second);
    fs::write(files.certificate(), "half of a certif").unwrap();
    files.written_later(2);
    tls.certificates.read_if_changed(now());
    assert_eq!(tls.fingerprint(), second);
    fs::remove_file(files.certificate()).unwrap();
    tls.certificates.read_if_changed(now());
    assert_eq!(tls.fingerprint(), second);
}

#[test]
fn people_are_warned_of_an_end_and_of_other_names() {
    let files = Files::new();
    let tls = files.load().unwrap();
    let here = names(&["host.example"]);
    assert_eq!(tls.warnings(&here, now()), Vec::<String>::new());
    let warned = |names: &[String], at: &str| tls.warnings(names, at.parse().unwrap()).join("; ");
    assert!(warned(&here, "2036-02-20T00:00:00Z").contains("expires on 2036-03-01T00:00:00Z"));
    assert!(warned(&here, "2036-03-02T00:00:00Z").contains("has expired"));
    assert!(warned(&here, "2026-02-01T00:00:00Z").contains("not valid before"));
    assert!(warned(&names(&["other.example"]), "2026-03-02T00:00:00Z").contains("not for other.example"));
}

#[test]
fn one_of_our_own_is_made_once_and_again_when_it_has_expired() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("self-signed.pem");
    let here = names(&["localhost", "127.0.0.1", "::1"]);
    let first = Tls::self_signed(&file, &here, now()).unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(first.warnings(&here, now()), Vec::<String>::new());
    let again = Tls::self_signed(&file, &here, now()).unwrap();
    assert_eq!(first.fingerprint(), again.fingerprint());
    assert_eq!(first.fingerprint().len(), 95);
    let later = Tls::self_signed(&file, &here, "2037-01-01T00:00:00Z".parse().unwrap()).unwrap();
    assert_ne!(first.fingerprint(), later.fingerprint());

    fs::write(&file, "half of a k").unwrap();
    assert!(Tls::self_signed(&file, &here, now()).unwrap_err().to_string().contains("self-signed.pem"));
    let nowhere = Tls::self_signed(&dir.path().join("no/such/file.pem"), &here, now());
    assert!(matches!(nowhere, Err(TlsError::Write { .. })));
}

#[test]
fn only_names_of_the_outside_are_told_to_come_by_tls() {
    for local in ["localhost", "127.0.0.1", "[::1]", "10.1.2.3"] {
        assert!(is_local(local), "{local}");
    }
    assert!(!is_local("shell.example.org"));
}
