//! Logging in at the SSH door: by a key, by a certificate, by the password.
//!
//! There is no cookie: who logged in so is who holds that connection, until it ends or what they showed is no longer
//! good.

use std::sync::Arc;
use std::time::Duration;

use bastide_ssh::parse_public_key;
use bastide_store::{Certifies, User, UserKey};
use jiff::Timestamp;
use serde_json::json;
use tokio::time::timeout;
use uuid::Uuid;

use super::factors::First;
use super::{Entrance, fields};
use crate::access::Network;
use crate::app::App;
use crate::context::{Caller, Ctx, Origin, Person, Proof};
use crate::error::LoginError;
use crate::password::Password;
use crate::{Error, secret};

/// Another process that holds the database holds up every writer for seconds.
const NOTE_WITHIN: Duration = Duration::from_millis(250);
/// A program that connects every second writes once a minute.
const NOTE_USE_EVERY: jiff::SignedDuration = jiff::SignedDuration::from_mins(1);

/// What somebody showed at the SSH door.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SshProof {
    /// Its name in the log.
    pub id: String,
    pub expires: Option<Timestamp>,
    by: By,
}

#[derive(Clone, PartialEq, Eq)]
enum By {
    Key(Uuid),
    Password {
        /// That it was compared with: another one means another password.
        hash: String,
        /// There was a second factor, too: when all are taken away, so is this.
        factors: bool,
    },
    /// The authority that signed it.
    Certificate(i64),
}

impl std::fmt::Debug for By {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Key(_) => "key",
            Self::Password { .. } => "password",
            Self::Certificate(_) => "certificate",
        })
    }
}

/// A user certificate (OpenSSH PROTOCOL.certkeys) whose signature is good and whose key the client has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownCertificate {
    /// Of the key that signed it, `algorithm base64`.
    pub authority: String,
    /// For users, not for hosts.
    pub of_user: bool,
    pub key_id: String,
    pub serial: u64,
    pub principals: Vec<String>,
    /// Unix seconds; `None`: for ever.
    pub valid_before: Option<u64>,
    pub valid_after: Option<u64>,
    /// Names and values of critical options.
    pub critical: Vec<(String, String)>,
}

impl App {
    /// Whether it is of use to show that one has this key: it is theirs, or an authority may vouch for it. Says the
    /// same of people that are not there.
    ///
    /// # Errors
    /// `Storage`.
    pub async fn knows_key(&self, username: &str, key: &str) -> Result<bool, Error> {
        let known = self.key_of(username, key).await?.is_some();
        Ok(known || !self.store().authorities(Certifies::People).await?.is_empty())
    }

    async fn key_of(&self, username: &str, key: &str) -> Result<Option<(Arc<User>, UserKey)>, Error> {
        let Ok(facts) = parse_public_key(key) else { return Ok(None) };
        let user = self.people().named(username).filter(|user| user.enabled);
        // The same query for somebody who is not there.
        let keys = self.store().user_keys(user.as_ref().map_or(0, |user| user.id)).await?;
        let found = keys.into_iter().find(|known| known.key == facts.line);
        Ok(user.zip(found))
    }

    /// Lets in whoever has shown that the key is theirs.
    ///
    /// # Errors
    /// `Login` with `BadCredentials`; `Storage`.
    pub async fn enter_by_key(&self, username: &str, key: &str, origin: Origin) -> Result<Ctx, Error> {
        let Some((user, known)) = self.key_of(username, key).await? else {
            return self.turn_away(username, &origin, "the key is nobody's").await;
        };
        let now = self.clock().now();
        if !self.is_vouched_for(&user) {
            let why = "too long ago that they signed in at the provider (oidc.recheck_after)";
            return self.turn_away(username, &origin, why).await;
        }
        let until = self.vouched_until(&user);
        if known.last_used.is_none_or(|last| now.duration_since(last) >= NOTE_USE_EVERY) {
            // Whether it can be noted changes nothing for who comes.
            let noted = timeout(NOTE_WITHIN, self.store().user_key_used(known.id, now)).await;
            if !matches!(noted, Ok(Ok(()))) {
                tracing::warn!("when a key was used is not noted: the database is busy");
            }
        }
        let how = format!("ssh key {}", known.fingerprint);
        self.let_in(user, (By::Key(known.id), until), &how, origin).await
    }

    /// Lets in whoever a trusted authority vouches for.
    ///
    /// # Errors
    /// `Login` with `BadCredentials`; `Storage`.
    pub async fn enter_by_certificate(
        &self,
        username: &str,
        shown: &ShownCertificate,
        origin: Origin,
    ) -> Result<Ctx, Error> {
        let authorities = self.store().authorities(Certifies::People).await?;
        let trusted = authorities.into_iter().find(|one| one.key == shown.authority);
        let user = self.people().named(username).filter(|user| user.enabled);
        let (trusted, user) = match (trusted, user, shown.fault(username, &origin, self.clock().now())) {
            (Some(trusted), Some(user), None) => (trusted, user),
            (None, ..) => return self.turn_away(username, &origin, "nobody trusts the authority").await,
            (_, None, _) => return self.turn_away(username, &origin, "the key is nobody's").await,
            (.., Some(why)) => return self.turn_away(username, &origin, why).await,
        };
        let expires = shown.valid_before.and_then(|at| Timestamp::from_second(i64::try_from(at).ok()?).ok());
        let id: String = shown.key_id.chars().filter(|c| !c.is_control()).take(100).collect();
        let how = format!("ssh certificate {id:?} number {} of {}", shown.serial, trusted.name);
        self.let_in(user, (By::Certificate(trusted.id), expires), &how, origin).await
    }

    /// Lets in whoever knows the password; as slow for people who are not there.
    ///
    /// # Errors
    /// `Login` with `BadCredentials`, `TooManyAttempts`, or with `SecondFactor` and what
    /// [`App::enter_by_second_factor`] takes; `Storage`.
    pub async fn enter_by_password(
        &self,
        username: &str,
        password: Password,
        origin: Origin,
    ) -> Result<Ctx, Error> {
        let (user, hash) = self.verified(username, password, &origin).await?;
        let first = First {
            entrance: Entrance::Ssh,
            how: "ssh password",
            password: Some(hash.clone()),
            chosen: None,
        };
        self.one_step_is_enough(&user, &origin, first).await?;
        self.let_in_by_password(user, Some(hash), "ssh password", origin).await
    }

    pub(super) async fn let_in_by_password(
        &self,
        user: Arc<User>,
        hash: Option<String>,
        how: &str,
        origin: Origin,
    ) -> Result<Ctx, Error> {
        let hash = hash.ok_or(LoginError::StepOver)?;
        if self.store().password(user.id).await?.as_ref() != Some(&hash) {
            return Err(LoginError::StepOver.into());
        }
        let factors = self.store().factors_held(user.id).await?.any();
        self.let_in(user, (By::Password { hash, factors }, None), how, origin).await
    }

    async fn let_in(
        &self,
        user: Arc<User>,
        (by, expires): (By, Option<Timestamp>),
        how: &str,
        origin: Origin,
    ) -> Result<Ctx, Error> {
        let changes = self.changes();
        let proof = SshProof { id: secret::name(), expires, by };
        let about = [
            ("request_id", json!(&*origin.request_id)),
            ("by", json!(user.username)),
            ("by_uid", json!(user.uid)),
            ("how", json!(how)),
            ("ssh", json!(proof.id)),
            ("address", json!(origin.address.map(|address| address.to_string()))),
        ];
        self.journal().append("login", None, fields(about)).await?;
        let person = Person { user, proof: Proof::Ssh(Arc::new(proof)) };
        Ok(Ctx::new(self.clone(), Caller::Person(person), origin, changes))
    }

    /// The same person now, if what they showed is still good.
    pub(super) async fn still_by_ssh(
        &self,
        user: i64,
        proof: &Arc<SshProof>,
    ) -> Result<Option<Person>, Error> {
        let Some(user) = self.people().get(user).filter(|user| user.enabled) else { return Ok(None) };
        let good = match &proof.by {
            By::Key(id) => self.store().user_key(*id).await?.is_some(),
            By::Password { hash, factors } => {
                self.store().password(user.id).await?.as_ref() == Some(hash)
                    && (!factors || self.store().factors_held(user.id).await?.any())
            }
            By::Certificate(id) => {
                self.store().authorities(Certifies::People).await?.iter().any(|one| one.id == *id)
            }
        };
        let in_time = proof.expires.is_none_or(|expires| expires > self.clock().now());
        Ok((good && in_time).then(|| Person { user, proof: Proof::Ssh(Arc::clone(proof)) }))
    }
}

impl ShownCertificate {
    /// Why it does not let this person in, if so.
    fn fault(&self, username: &str, origin: &Origin, now: Timestamp) -> Option<&'static str> {
        let now = u64::try_from(now.as_second()).unwrap_or_default();
        if !self.of_user {
            return Some("it is a certificate of a host");
        }
        if self.valid_after.is_some_and(|after| now < after) || self.valid_before.is_some_and(|at| now >= at)
        {
            return Some("the certificate's time is over, or has not come");
        }
        // One without principals is good for anybody in OpenSSH's own words; not here.
        if !self.principals.iter().any(|name| name == username) {
            return Some("the certificate is for somebody else");
        }
        for (name, value) in &self.critical {
            match name.as_str() {
                "source-address" if comes_from(value, origin) => {}
                "source-address" => return Some("the certificate is not for this address"),
                // What is not understood must refuse.
                _ => return Some("the certificate has a condition that is not understood"),
            }
        }
        None
    }
}

/// Whether one of the networks (`address/bits`, with commas between) has the caller.
fn comes_from(networks: &str, origin: &Origin) -> bool {
    let Some(address) = origin.address.map(|address| address.to_canonical()) else { return false };
    networks
        .split(',')
        .any(|network| network.trim().parse::<Network>().is_ok_and(|network| network.holds(address)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn from(address: &str) -> Origin {
        Origin { request_id: "r".into(), address: Some(address.parse().unwrap()), agent: None }
    }

    fn certificate() -> ShownCertificate {
        ShownCertificate {
            authority: String::new(),
            of_user: true,
            key_id: "id".into(),
            serial: 1,
            principals: vec!["ann".into()],
            valid_before: Some(200),
            valid_after: Some(100),
            critical: Vec::new(),
        }
    }

    #[test]
    fn a_certificate_lets_in_whom_it_names_in_its_time_and_under_its_conditions() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let here = from("10.1.2.3");
        let good = certificate();
        assert_eq!(good.fault("ann", &here, at(150)), None);
        assert!(good.fault("bob", &here, at(150)).is_some());
        assert!(good.fault("ann", &here, at(99)).is_some());
        assert!(good.fault("ann", &here, at(200)).is_some());
        assert!(ShownCertificate { of_user: false, ..certificate() }.fault("ann", &here, at(150)).is_some());
        let nobody = ShownCertificate { principals: Vec::new(), ..certificate() };
        assert!(nobody.fault("ann", &here, at(150)).is_some());
        let with = |name: &str, value: &str| ShownCertificate {
            critical: vec![(name.into(), value.into())],
            ..certificate()
        };
        assert_eq!(with("source-address", "::1,10.0.0.0/8").fault("ann", &here, at(150)), None);
        assert!(with("source-address", "10.2.0.0/16").fault("ann", &here, at(150)).is_some());
        assert!(with("source-address", "rubbish").fault("ann", &here, at(150)).is_some());
        assert!(with("force-command", "true").fault("ann", &here, at(150)).is_some());
    }

    #[test]
    fn networks_hold_their_addresses_and_no_others() {
        for (network, address, inside) in [
            ("0.0.0.0/0", "9.9.9.9", true),
            ("10.0.0.1", "10.0.0.1", true),
            ("10.0.0.1", "10.0.0.2", false),
            ("10.0.0.0/33", "10.0.0.0", false),
            ("10.0.0.0/+8", "10.0.0.0", false),
            ("fd00::/8", "fd12::1", true),
            ("fd00::/8", "10.0.0.1", false),
            ("::/0", "::1", true),
            ("10.0.0.0/8", "::ffff:10.1.1.1", true),
        ] {
            assert_eq!(comes_from(network, &from(address)), inside, "{network} {address}");
        }
    }
}
