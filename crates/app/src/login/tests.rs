#![allow(clippy::unwrap_used)]

use std::sync::Barrier;
use std::thread;

use jiff::{SignedDuration, Timestamp};

use super::Logins;
use super::link::{LIFETIME, Links};
use crate::Error;
use crate::data_dir::DataDir;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn directory() -> (tempfile::TempDir, DataDir) {
    let temporary = tempfile::tempdir().unwrap();
    let dir = DataDir::open(temporary.path().join("data")).unwrap();
    (temporary, dir)
}

#[test]
fn a_cookie_is_good_after_a_restart_and_until_it_expires() {
    let (_keep, dir) = directory();
    let (login, cookie) = Logins::open(&dir, at(0)).unwrap().begin(at(0));
    let again = Logins::open(&dir, at(10)).unwrap();
    assert_eq!(again.check(&cookie.value, at(10)), Some(login.clone()));
    assert_eq!(again.check(&cookie.value, login.expires()), None);
}

#[test]
fn a_changed_cookie_is_none() {
    let (_keep, dir) = directory();
    let logins = Logins::open(&dir, at(0)).unwrap();
    let (_, cookie) = logins.begin(at(0));
    for place in 0..cookie.value.len() {
        let mut forged = cookie.value.clone().into_bytes();
        forged[place] = if forged[place] == b'0' { b'1' } else { b'0' };
        let forged = String::from_utf8(forged).unwrap();
        assert_eq!(logins.check(&forged, at(1)), None, "changed at {place}");
    }
    for bad in ["", ".", "v1", "v1.a.b.c.d", &cookie.value[..cookie.value.len() - 1]] {
        assert_eq!(logins.check(bad, at(1)), None, "{bad:?}");
    }
}

#[test]
fn another_key_knows_no_cookie_of_ours() {
    let (_keep, dir) = directory();
    let (_other, other) = directory();
    let (_, cookie) = Logins::open(&dir, at(0)).unwrap().begin(at(0));
    let elsewhere = Logins::open(&other, at(0)).unwrap();
    assert_eq!(elsewhere.check(&cookie.value, at(1)), None);
    assert_ne!(elsewhere.cookie_name(), cookie.name);
}

#[test]
fn an_ended_login_stays_ended_after_a_restart() {
    let (_keep, dir) = directory();
    let logins = Logins::open(&dir, at(0)).unwrap();
    let (login, cookie) = logins.begin(at(0));
    let changes = logins.changes();
    logins.end(&login).unwrap();
    assert!(changes.has_changed().unwrap());
    assert!(!logins.holds(&login, at(1)));
    assert_eq!(Logins::open(&dir, at(2)).unwrap().check(&cookie.value, at(2)), None);
}

#[test]
fn a_link_opens_once_even_for_many_at_once() {
    let (_keep, dir) = directory();
    let links = Links::open(&dir).unwrap();
    let token = links.create(at(0)).unwrap();
    assert!(links.is_open(&token, at(1)));
    assert!(links.is_open(&token, at(1)), "looking changes nothing");
    let together = Barrier::new(8);
    let opened = thread::scope(|scope| {
        let tries: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    together.wait();
                    links.consume(&token, at(1)).is_ok()
                })
            })
            .collect();
        tries.into_iter().map(|one| one.join().unwrap()).filter(|ok| *ok).count()
    });
    assert_eq!(opened, 1);
    assert!(matches!(links.consume(&token, at(1)), Err(Error::LinkRefused)));
}

#[test]
fn an_expired_link_is_refused_and_swept() {
    let (_keep, dir) = directory();
    let links = Links::open(&dir).unwrap();
    let token = links.create(at(0)).unwrap();
    let late = at(0) + LIFETIME;
    assert!(!links.is_open(&token, late));
    links.create(late + SignedDuration::from_secs(1)).unwrap();
    let left = std::fs::read_dir(dir.path("login-links")).unwrap().count();
    assert_eq!(left, 1, "the expired one went");
    assert!(matches!(links.consume(&token, at(1)), Err(Error::LinkRefused)));
}

#[test]
fn the_token_is_in_no_file() {
    let (_keep, dir) = directory();
    let token = Links::open(&dir).unwrap().create(at(0)).unwrap();
    for entry in std::fs::read_dir(dir.path("login-links")).unwrap() {
        let entry = entry.unwrap();
        assert!(!entry.file_name().to_string_lossy().contains(&token));
        assert!(!std::fs::read_to_string(entry.path()).unwrap().contains(&token));
    }
}

#[test]
fn a_directory_others_may_enter_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let temporary = tempfile::tempdir().unwrap();
    std::fs::set_permissions(temporary.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let error = DataDir::open(temporary.path()).unwrap_err().to_string();
    assert!(error.contains("chmod 700"), "{error}");
}
