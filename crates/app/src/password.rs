//! Passwords: which may be used, and how they are kept.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, spawn_blocking};
use zeroize::Zeroizing;

use crate::Error;
use crate::error::LoginError;

/// Length in characters (NIST SP 800-63B asks for 8 and recommends 15; no rules about kinds of characters).
const SHORTEST: usize = 12;
/// Longer ones only cost time to hash.
const LONGEST: usize = 256;
/// Each hash takes 19 MiB and some 20 ms of a core (Argon2id with the crate's defaults, which are those
/// of OWASP's cheat sheet); two at once leave the other requests alone.
const AT_ONCE: usize = 2;

/// Whoever is last in line waits about a second; the next is better told to come again.
const IN_LINE: usize = 64;
const COME_AGAIN_SECONDS: u64 = 5;

/// Long enough for the length rule, and the first that anybody tries.
const COMMON: &[&str] = &[
    "123456789012",
    "1234567890123",
    "12345678901234",
    "123456789012345",
    "1234567890123456",
    "passwordpassword",
    "password1234",
    "password12345",
    "password123456",
    "qwertyuiop12",
    "qwertyuiop123",
    "qwertyuiopasdf",
    "adminadminadmin",
    "administrator",
    "administrator1",
    "administrator123",
    "letmeinletmein",
    "changemechangeme",
    "changeme1234",
    "iloveyouiloveyou",
    "abcdefghijkl",
    "abcdefghijklm",
    "bastidebastide",
    "correcthorsebatterystaple",
    "correct horse battery staple",
    "qwerty123456",
    "1q2w3e4r5t6y",
    "1qaz2wsx3edc",
    "zaq12wsxcde3",
    "welcome12345",
    "welcome123456",
    "rootrootroot",
    "toortoortoor",
];

/// Plaintext; wiped when dropped, shown by no `Debug`.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    pub fn new(text: String) -> Self {
        Self(text.into())
    }

    /// Whether it may become `username`'s.
    ///
    /// # Errors
    /// `WeakPassword` with the rule it breaks.
    pub fn check(&self, username: &str) -> Result<(), Error> {
        let length = self.0.chars().count();
        let lower = self.0.to_lowercase();
        let refused = if length < SHORTEST {
            "at least 12 characters are needed; a few words are easy to remember"
        } else if length > LONGEST {
            "at most 256 characters"
        } else if lower.contains(&username.to_lowercase()) && length < username.chars().count() + SHORTEST {
            "it is the user name and little else"
        } else if COMMON.contains(&lower.as_str()) || all_the_same(&lower) {
            "it is among the first that anybody would try"
        } else {
            return Ok(());
        };
        Err(LoginError::WeakPassword(refused).into())
    }
}

fn all_the_same(text: &str) -> bool {
    let mut characters = text.chars();
    let first = characters.next();
    characters.all(|one| Some(one) == first)
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password")
    }
}

/// Hashes and compares, a few at a time.
#[derive(Debug, Clone)]
pub(crate) struct Hasher {
    threads: Arc<Threads>,
    at_once: Arc<Semaphore>,
    in_line: Arc<Semaphore>,
    compared: Arc<AtomicUsize>,
}

impl Default for Hasher {
    fn default() -> Self {
        let places = |count| Arc::new(Semaphore::new(count));
        Self {
            threads: Arc::default(),
            at_once: places(AT_ONCE),
            in_line: places(AT_ONCE + IN_LINE),
            compared: Arc::default(),
        }
    }
}

/// Threads that do nothing else and stay. What a hash has freed the C library keeps for the next one of the same thread,
/// up to three times as much (mallopt(3): the thresholds grow with what is freed): on the threads of everything
/// else, of which there are hundreds, that was most of the process's memory.
#[derive(Debug)]
struct Threads(Option<Runtime>);

impl Default for Threads {
    fn default() -> Self {
        let runtime = Builder::new_current_thread()
            .thread_name("passwords")
            .max_blocking_threads(AT_ONCE)
            .thread_keep_alive(Duration::MAX)
            .build();
        Self(runtime.ok())
    }
}

impl Threads {
    fn run<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> JoinHandle<T> {
        match &self.0 {
            Some(runtime) => runtime.spawn_blocking(work),
            None => spawn_blocking(work),
        }
    }
}

impl Drop for Threads {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Hasher {
    /// An Argon2id PHC string.
    pub(crate) async fn hash(&self, password: Password) -> Result<String, Error> {
        self.work(move || {
            let hash: PasswordHash = Argon2::default()
                .hash_password(password.0.as_bytes())
                .expect("the parameters are the crate's own and a salt can be had");
            hash.to_string()
        })
        .await
    }

    /// Whether `password` has this hash. Without a hash the same time is spent, so that the answer's
    /// delay does not tell whether there is such a person.
    pub(crate) async fn verify(&self, password: Password, hash: Option<String>) -> Result<bool, Error> {
        let compared = Arc::clone(&self.compared);
        self.work(move || {
            compared.fetch_add(1, Ordering::Relaxed);
            let known = hash.is_some();
            let hash = hash.unwrap_or_else(|| nobodys().to_owned());
            let same = PasswordHash::new(&hash)
                .is_ok_and(|hash| Argon2::default().verify_password(password.0.as_bytes(), &hash).is_ok());
            same && known
        })
        .await
    }

    /// How many passwords were compared with a hash.
    #[cfg(test)]
    pub(crate) fn compared(&self) -> usize {
        self.compared.load(Ordering::Relaxed)
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Error> {
        let in_line = Arc::clone(&self.in_line).try_acquire_owned();
        let in_line = in_line.map_err(|_| LoginError::TooManyAttempts { seconds: COME_AGAIN_SECONDS })?;
        let place = Arc::clone(&self.at_once).acquire_owned().await.expect("the semaphore is never closed");
        let done = self.threads.run(move || {
            let _places = (in_line, place);
            work()
        });
        done.await.map_err(|_| Error::Stopping)
    }
}

/// A hash that no password is compared with in earnest.
fn nobodys() -> &'static str {
    static HASH: OnceLock<String> = OnceLock::new();
    HASH.get_or_init(|| {
        let hash: PasswordHash =
            Argon2::default().hash_password(&rand::random::<[u8; 32]>()).expect("as for any password");
        hash.to_string()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn check(password: &str) -> Result<(), Error> {
        Password::new(password.to_owned()).check("ada")
    }

    #[test]
    fn rules_are_few_and_said() {
        for good in [
            "a few plain words",
            "ada and eleven more characters",
            "密码密码密码口令口令口令",
            &"x y".repeat(80),
        ] {
            check(good).unwrap();
        }
        for bad in [
            "",
            "short",
            "aaaaaaaaaaaaaaaa",
            "Administrator",
            "123456789012",
            "ada-12345678",
            &"xy".repeat(129),
        ] {
            let refused = check(bad).unwrap_err();
            assert!(matches!(refused, Error::Login(LoginError::WeakPassword(_))), "{bad}: {refused}");
        }
    }

    #[tokio::test]
    async fn the_line_is_bounded_and_whoever_leaves_it_makes_room() {
        let hasher = Hasher::default();
        let verify = || hasher.verify(Password::new("x".to_owned()), None);
        let mut waiting: Vec<_> = (0..AT_ONCE + IN_LINE).map(|_| Box::pin(verify())).collect();
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        for one in &mut waiting {
            assert!(one.as_mut().poll(&mut context).is_pending());
        }
        let refused = verify().await.unwrap_err();
        assert!(matches!(refused, Error::Login(LoginError::TooManyAttempts { .. })), "{refused}");
        drop(waiting);
        assert!(!verify().await.unwrap());
    }

    #[tokio::test]
    async fn only_the_same_password_fits() {
        let hasher = Hasher::default();
        let password = |text: &str| Password::new(text.to_owned());
        let hash = hasher.hash(password("one of the good ones")).await.unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        assert_ne!(hash, hasher.hash(password("one of the good ones")).await.unwrap(), "salted");
        assert!(hasher.verify(password("one of the good ones"), Some(hash.clone())).await.unwrap());
        assert!(!hasher.verify(password("one of the good ones "), Some(hash)).await.unwrap());
        assert!(!hasher.verify(password(""), None).await.unwrap());
        assert!(!hasher.verify(password("x"), Some("no hash".to_owned())).await.unwrap());
    }
}
