#![allow(clippy::unwrap_used)]

use std::process::Command;

use super::*;

fn keygen(args: &[&str]) -> (String, String) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("key");
    let done =
        Command::new("ssh-keygen").args(["-q", "-C", "a b", "-f"]).arg(&path).args(args).status().unwrap();
    assert!(done.success());
    let listed = Command::new("ssh-keygen").args(["-l", "-f"]).arg(&path).output().unwrap().stdout;
    let listed = String::from_utf8(listed).unwrap();
    (std::fs::read_to_string(path).unwrap(), listed.split_whitespace().nth(1).unwrap().to_owned())
}

#[test]
fn fingerprints_are_those_of_ssh_keygen_in_every_form() {
    for args in [
        &["-t", "ed25519", "-N", ""][..],
        &["-t", "ecdsa", "-b", "384", "-N", ""],
        &["-t", "ecdsa", "-N", "", "-m", "PEM"],
        &["-t", "ecdsa", "-N", "", "-m", "PKCS8"],
        &["-t", "rsa", "-b", "2048", "-N", "", "-m", "PEM"],
        &["-t", "rsa", "-b", "2048", "-N", "", "-m", "PKCS8"],
    ] {
        let (text, fingerprint) = keygen(args);
        let facts = parse_private_key(&text, None).unwrap_or_else(|why| panic!("{args:?}: {why}"));
        assert_eq!(facts.fingerprint.as_deref(), Some(fingerprint.as_str()), "{args:?}");
        assert!(!facts.encrypted);
        let public = parse_public_key(facts.public.as_deref().unwrap()).unwrap();
        assert_eq!(public.fingerprint, fingerprint);
        // As it comes from a page on Windows.
        assert_eq!(parse_private_key(&text.replace('\n', "\r\n"), None), Ok(facts));
    }
}

#[test]
fn an_encrypted_key_tells_what_it_can_without_its_passphrase() {
    let (text, fingerprint) = keygen(&["-t", "ed25519", "-a", "1", "-N", "sesame"]);
    let facts = parse_private_key(&text, None).unwrap();
    assert_eq!((facts.encrypted, facts.fingerprint.as_deref()), (true, Some(fingerprint.as_str())));
    assert_eq!(parse_private_key(&text, Some("sesame")), Ok(facts.clone()));
    assert_eq!(parse_private_key(&text, Some("")), Ok(facts));
    assert_eq!(parse_private_key(&text, Some("wrong")), Err(BadKey::WrongPassphrase));
    for form in ["PEM", "PKCS8"] {
        let (text, fingerprint) = keygen(&["-t", "rsa", "-b", "2048", "-m", form, "-N", "sesame"]);
        let facts = parse_private_key(&text, None).unwrap();
        assert_eq!((facts.encrypted, facts.public), (true, None), "{form}");
        let facts = parse_private_key(&text, Some("sesame")).unwrap();
        assert_eq!(facts.fingerprint, Some(fingerprint), "{form}");
    }
}

#[test]
fn what_is_no_key_is_said_so() {
    assert_eq!(parse_private_key("", None), Err(BadKey::Unreadable));
    assert_eq!(parse_private_key("hello", None), Err(BadKey::Unreadable));
    assert_eq!(parse_private_key(&"x".repeat(100_000), None), Err(BadKey::TooLong));
    let (text, _) = keygen(&["-t", "ed25519", "-N", ""]);
    let public = parse_private_key(&text, None).unwrap().public.unwrap();
    assert_eq!(parse_private_key(&public, None), Err(BadKey::Public));
    assert_eq!(parse_private_key(&text[..text.len() / 2], None), Err(BadKey::Unreadable));
    let (weak, _) = keygen(&["-t", "rsa", "-b", "1024", "-N", ""]);
    assert_eq!(parse_private_key(&weak, None), Err(BadKey::TooWeak));
    for line in
        ["", "ssh-ed25519", "ssh-ed25519 rubbish", "ssh-rsa AAAA", &public.replace("ssh-ed25519", "ssh-rsa")]
    {
        assert_eq!(parse_public_key(line), Err(BadKey::NotPublic), "{line}");
    }
    assert_eq!(parse_certificate(&public), Err(BadKey::NotCertificate));
}

#[test]
fn certificates_in_certificates_do_not_overflow_the_stack() {
    let string = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
    let name = b"ssh-ed25519-cert-v01@openssh.com";
    let mut blob = Vec::new();
    for _ in 0..300 {
        let fixed = [string(&[]), string(&[7; 32]), vec![0; 8], vec![0, 0, 0, 1]].concat();
        let rest = [string(&[]), string(&[]), vec![0; 16], string(&[]), string(&[]), string(&[])].concat();
        blob = [string(name), fixed, rest, string(&blob), string(&[])].concat();
    }
    let base64 = to_base64(&blob);
    let line = format!("ssh-ed25519-cert-v01@openssh.com {base64}");
    // The public half of an OpenSSH private key is read before anything is decrypted.
    let head =
        [&b"openssh-key-v1\0"[..], &string(b"none"), &string(b"none"), &string(b""), &[0, 0, 0, 1]].concat();
    let whole = to_base64(&[head, string(&blob), string(&[0; 64])].concat());
    let text = format!("-----BEGIN OPENSSH PRIVATE KEY-----\n{whole}\n-----END OPENSSH PRIVATE KEY-----\n");
    // A small stack stands for a deep one that is half used.
    let small = std::thread::Builder::new().stack_size(256 * 1024);
    let read = small.spawn(move || {
        assert_eq!(parse_certificate(&line), Err(BadKey::NotCertificate));
        assert_eq!(parse_public_key(&line), Err(BadKey::NotPublic));
        assert_eq!(parse_public_key(&format!("ssh-ed25519 {base64}")), Err(BadKey::NotPublic));
        assert_eq!(parse_private_key(&text, None), Err(BadKey::Unreadable));
    });
    read.unwrap().join().unwrap();
}

#[test]
fn base64_is_read_as_it_is_written() {
    for length in 0..20 {
        let bytes: Vec<u8> = (0..length).map(|n: u8| n.wrapping_mul(37)).collect();
        assert_eq!(from_base64(&to_base64(&bytes)), bytes);
    }
}

fn to_base64(bytes: &[u8]) -> String {
    let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let value = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for index in 0..4 {
            let digit = digits[(value >> (18 - 6 * index)) as usize & 63] as char;
            text.push(if index > chunk.len() { '=' } else { digit });
        }
    }
    text
}
