//! Who may share a connection.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};

use bastide_wire::ssh::{Hop, Login, Ssh};

/// Requests with the same key may share a connection, if they also accept the same host keys.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Key {
    hops: Vec<HopKey>,
    isolation: String,
    /// A forwarded agent is there for whoever asked for it only.
    agent_forwarding: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct HopKey {
    host: String,
    port: u16,
    username: String,
    credential: String,
    legacy: bool,
    /// Of the secrets, with a key that never leaves this process: they are compared without being kept.
    secrets: [u64; 2],
}

/// Makes keys; each has its own random state.
#[derive(Debug, Default)]
pub(super) struct Keys {
    random: [RandomState; 2],
}

impl Keys {
    pub(super) fn of(&self, to: &Ssh) -> Key {
        let hop = |hop: &Hop| HopKey {
            host: hop.host.to_ascii_lowercase(),
            port: hop.port,
            username: hop.username.clone(),
            credential: hop.credential.clone(),
            legacy: hop.legacy_algorithms,
            secrets: [0, 1].map(|index: usize| digest(&self.random[index], &hop.logins)),
        };
        Key {
            hops: to.hops.iter().map(hop).collect(),
            isolation: to.isolation.clone(),
            agent_forwarding: to.agent_forwarding,
        }
    }
}

fn digest(random: &RandomState, logins: &[Login]) -> u64 {
    let mut hasher = random.build_hasher();
    for login in logins {
        match login {
            Login::Password { password } => (0, password.expose()).hash(&mut hasher),
            Login::Key { key, passphrase, certificate } => {
                (1, key.expose(), passphrase.as_ref().map(|text| text.expose()), certificate)
                    .hash(&mut hasher);
            }
            Login::KeyboardInteractive { password } => {
                (2, password.as_ref().map(|text| text.expose())).hash(&mut hasher);
            }
            Login::AskPassword => 3.hash(&mut hasher),
        }
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use bastide_wire::ssh::Secret;

    use super::*;

    fn to(password: &str) -> Ssh {
        let logins = vec![Login::Password { password: Secret::new(password) }];
        let hop = Hop { host: "Web1".into(), port: 22, username: "ann".into(), logins, ..Hop::default() };
        Ssh { hops: vec![hop], ..Ssh::default() }
    }

    #[test]
    fn another_secret_is_another_connection() {
        let keys = Keys::default();
        assert_eq!(keys.of(&to("one")), keys.of(&to("one")));
        assert_ne!(keys.of(&to("one")), keys.of(&to("two")));
    }

    #[test]
    fn accepted_host_keys_and_the_program_do_not_part_connections() {
        let keys = Keys::default();
        let mut pinned = to("one");
        pinned.hops[0].host_keys = vec!["ssh-ed25519 AAAA".into()];
        pinned.command = Some("top".into());
        assert_eq!(keys.of(&pinned), keys.of(&to("one")));
    }

    #[test]
    fn isolation_account_and_the_way_part_connections() {
        let keys = Keys::default();
        let base = keys.of(&to("one"));
        let mut other = to("one");
        other.isolation = "task 7".into();
        assert_ne!(keys.of(&other), base);
        let mut other = to("one");
        other.hops[0].username = "bob".into();
        assert_ne!(keys.of(&other), base);
        let mut other = to("one");
        other.hops.insert(0, Hop { host: "jump".into(), port: 22, ..Hop::default() });
        assert_ne!(keys.of(&other), base);
    }

    #[test]
    fn nothing_secret_is_shown() {
        let shown = format!("{:?}", Keys::default().of(&to("hunter2")));
        assert!(!shown.contains("hunter2"));
    }
}
