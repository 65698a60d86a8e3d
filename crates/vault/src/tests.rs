#![allow(clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;

use proptest::prelude::*;
use zeroize::Zeroizing;

use super::*;

const HERE: Place<'static> = Place { table: "credentials", id: "7", field: "password" };

fn vault() -> Vault {
    Vault::new(MasterKey::generate())
}

proptest! {
    #[test]
    fn what_was_sealed_opens_and_two_seals_are_never_the_same(secret in "\\PC{0,300}") {
        let vault = vault();
        let (one, other) = (vault.seal(&HERE, &secret).unwrap(), vault.seal(&HERE, &secret).unwrap());
        let opened = vault.open(&HERE, &one).unwrap();
        prop_assert_eq!(opened.as_str(), &secret);
        prop_assert_ne!(one, other);
    }

    #[test]
    fn what_was_wrapped_again_opens_under_the_new_key_only(secret in "\\PC{0,100}") {
        let (old, new) = (vault(), vault());
        let sealed = old.seal(&HERE, &secret).unwrap();
        let again = old.rewrap(&new, &HERE, &sealed).unwrap();
        let opened = new.open(&HERE, &again).unwrap();
        prop_assert_eq!(opened.as_str(), &secret);
        let refused = old.open(&HERE, &again);
        let ids = match refused { Err(Error::OtherKey { needed, given }) => Some((needed, given)), _ => None };
        prop_assert_eq!(ids, Some((new.key_id(), old.key_id())));
        prop_assert!(new.open(&HERE, &sealed).is_err());
    }

    #[test]
    fn whatever_bytes_are_read_back_nothing_panics(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        fuzz_sealed(&bytes);
    }
}

#[test]
fn every_byte_counts() {
    let vault = vault();
    let sealed = vault.seal(&HERE, "hunter2").unwrap();
    for at in 0..sealed.len() {
        for flip in [0x01, 0x80] {
            let mut changed = sealed.clone();
            changed[at] ^= flip;
            assert!(vault.open(&HERE, &changed).is_err(), "byte {at}");
        }
    }
    // The wrapping, too, is checked without opening the secret.
    for at in 0..sealed.len() - 100 {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        let found = vault.rewrap(&vault, &HERE, &changed);
        assert!(at > 80 || found.is_err(), "byte {at}");
    }
    for end in 0..sealed.len() {
        assert!(vault.open(&HERE, &sealed[..end]).is_err(), "{end} bytes");
    }
    let longer = [&sealed[..], &[0]].concat();
    assert!(vault.open(&HERE, &longer).is_err());
}

#[test]
fn a_secret_opens_in_its_own_place_only() {
    let vault = vault();
    let sealed = vault.seal(&HERE, "hunter2").unwrap();
    for elsewhere in [
        Place { table: "servers", ..HERE },
        Place { id: "8", ..HERE },
        Place { field: "passphrase", ..HERE },
        // The same letters, cut elsewhere.
        Place { table: "credentials7", id: "", ..HERE },
    ] {
        assert!(matches!(vault.open(&elsewhere, &sealed), Err(Error::Damaged(_))), "{elsewhere}");
        assert!(vault.rewrap(&vault, &elsewhere, &sealed).is_err(), "{elsewhere}");
    }
}

#[test]
fn the_length_of_a_password_does_not_show() {
    let vault = vault();
    let length = |secret: &str| vault.seal(&HERE, secret).unwrap().len();
    assert_eq!(length(""), length(&"x".repeat(60)));
    assert!(length(&"x".repeat(61)) > length("x"));
    assert!(matches!(vault.seal(&HERE, &"x".repeat(MAX_SECRET + 1)), Err(Error::TooLong(_))));
    let most = "x".repeat(MAX_SECRET);
    assert_eq!(vault.open(&HERE, &vault.seal(&HERE, &most).unwrap()).unwrap().as_str(), most);
}

#[test]
fn a_proof_tells_the_key() {
    let (vault, other) = (vault(), vault());
    let proof = vault.proof();
    assert!(vault.prove(&proof).is_ok());
    assert!(matches!(other.prove(&proof), Err(Error::OtherKey { .. })));
    assert!(vault.prove(b"").is_err());
}

#[test]
fn a_key_as_text() {
    let key = MasterKey::generate();
    let text = key.to_text();
    assert_eq!(text.len(), 44);
    let read = |text: &str| MasterKey::from_text(text, "here");
    assert_eq!(read(&text).unwrap().id(), key.id());
    assert_eq!(read(&format!("# words\n\n  {} \r\n", *text)).unwrap().id(), key.id());
    assert_eq!(read(text.trim_end_matches('=')).unwrap().id(), key.id());
    assert_eq!(key.id().to_string().parse(), Ok(key.id()));
    // `printf '\001\002…\040' | base64`.
    let counted = read("AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=").unwrap();
    assert_eq!(counted.bytes().to_vec(), (1..=32).collect::<Vec<u8>>());
    assert!(matches!(read("# nothing\n"), Err(Error::KeyMissing { .. })));
    let zeros = format!("{}=", "A".repeat(43));
    for bad in ["secret", &zeros, &text[1..], &format!("{0}\n{0}", *text), &format!("{}!!!=", &text[..40])] {
        let why = read(bad).unwrap_err();
        assert!(matches!(why, Error::KeyMalformed { .. }), "{bad}");
        assert!(!why.to_string().contains(bad), "{why}");
    }
    assert!(!format!("{key:?} {:?}", Vault::new(key.clone())).contains(&text[..10]));
}

#[test]
fn a_key_file_is_private_whole_and_made_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = KeyFile::new(dir.path().join("vault.key"));
    assert!(matches!(file.read(), Err(Error::KeyMissing { .. })));
    let key = file.create().unwrap();
    assert_eq!(file.read().unwrap().id(), key.id());
    assert_eq!(fs::metadata(file.path()).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(matches!(file.create(), Err(Error::KeyNotWritten { .. })), "a key is never written over");
    assert_eq!(file.read().unwrap().id(), key.id());
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o620)).unwrap();
    assert!(file.read().unwrap_err().to_string().contains("chmod 600"));
}

#[test]
fn the_next_key_takes_the_place_of_the_last_which_stays_beside_it() {
    let dir = tempfile::tempdir().unwrap();
    let file = KeyFile::new(dir.path().join("vault.key"));
    let old = file.create().unwrap();
    let new = file.next().create().unwrap();
    let kept = file.adopt_next(Some(old.id())).unwrap().unwrap();
    assert_eq!(file.read().unwrap().id(), new.id());
    assert_eq!(KeyFile::new(kept).read().unwrap().id(), old.id());
    assert!(!file.next().path().exists());
    file.remove_next().unwrap();
}

#[tokio::test]
async fn a_command_tells_the_key_or_why_not() {
    let key = MasterKey::generate();
    let run = |script: String| Source::Command(vec!["/bin/sh".to_owned(), "-c".to_owned(), script]);
    let told = run(format!("echo {}", *key.to_text())).read().await.unwrap();
    assert_eq!(told.id(), key.id());
    let failed = run(format!("echo {}; exit 3", *key.to_text())).read().await.unwrap_err().to_string();
    assert!(failed.contains("exit status: 3") && !failed.contains(key.to_text().as_str()), "{failed}");
    assert!(matches!(run("true".to_owned()).read().await, Err(Error::KeyMissing { .. })));
    let flood = run("yes".to_owned()).read().await.unwrap_err();
    assert!(matches!(flood, Error::KeyMalformed { .. } | Error::Command { .. }), "{flood}");
    let missing = Source::Command(vec!["/nonexistent/key".to_owned()]).read().await.unwrap_err().to_string();
    assert!(missing.contains("/nonexistent/key") && missing.contains("cannot be run"), "{missing}");
    let given = Source::Given { name: "BASTIDE_VAULT_KEY".to_owned(), text: key.to_text() };
    assert_eq!(given.read().await.unwrap().id(), key.id());
    assert!(!format!("{given:?} {given}").contains(key.to_text().as_str()));
    let empty = Source::Given { name: "BASTIDE_VAULT_KEY".to_owned(), text: Zeroizing::default() };
    assert!(empty.read().await.unwrap_err().to_string().contains("BASTIDE_VAULT_KEY"));
}
