//! Passkeys (WebAuthn level 3): making them, and what is asked of an authenticator meanwhile. The only part that knows
//! the library.
//!
//! A passkey is made with the person verified by the authenticator (PIN, finger, face), so it is both factors at once.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use bastide_store as store;
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;
use webauthn_rs::prelude::{
    AuthenticationResult, CredentialID, DiscoverableAuthentication, Passkey, PasskeyAuthentication,
    PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, Url,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

use super::waiting::PATIENCE;
use crate::Error;

/// Some ten kilobytes each at most. Those of strangers are counted apart, so that they forget no others.
const MAX_CHALLENGES: usize = 2048;
const SITE: &str = "Bastide";

/// For which site passkeys are: a browser uses one at its own site and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelyingParty {
    /// The host's name.
    id: String,
    origin: Url,
}

impl RelyingParty {
    /// Of the page at `https://host[:port]`. `None` where browsers have no passkeys: at a bare address, and on a page
    /// without TLS (but on this machine).
    pub fn of(address: &str) -> Option<Self> {
        let origin = Url::parse(address).ok()?;
        let id = origin.domain()?.to_owned();
        let local = id == "localhost" || id.ends_with(".localhost");
        (origin.scheme() == "https" || local).then_some(Self { id, origin })
    }

    fn library(&self) -> Result<Webauthn, Error> {
        let builder =
            WebauthnBuilder::new(&self.id, &self.origin).and_then(|builder| builder.rp_name(SITE).build());
        builder.map_err(|why| Error::Invalid(format!("passkeys cannot be used at {}: {why}", self.origin)))
    }
}

/// What was asked of an authenticator and is not answered yet.
pub(super) enum Asked {
    Register { state: Box<PasskeyRegistration>, name: String },
    Second(Box<PasskeyAuthentication>),
    Alone { state: Box<DiscoverableAuthentication>, address: Option<IpAddr> },
}

#[derive(Default)]
pub(super) struct Challenges {
    asked: Mutex<HashMap<String, (Asked, Timestamp)>>,
}

impl std::fmt::Debug for Challenges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Challenges")
    }
}

impl Challenges {
    pub(super) fn ask(&self, name: String, asked: Asked, now: Timestamp) {
        let mut all = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (_, expires)| *expires > now);
        let stranger = |asked: &Asked| matches!(asked, Asked::Alone { .. });
        let same = |one: &Asked| stranger(one) == stranger(&asked);
        if all.values().filter(|(one, _)| same(one)).count() >= MAX_CHALLENGES {
            let oldest =
                all.iter().filter(|(_, (one, _))| same(one)).min_by_key(|(_, (_, expires))| *expires);
            if let Some(oldest) = oldest.map(|(name, _)| name.clone()) {
                all.remove(&oldest);
            }
        }
        all.insert(name, (asked, now.checked_add(PATIENCE).unwrap_or(Timestamp::MAX)));
    }

    /// Each is answered once.
    pub(super) fn take(&self, name: &str, now: Timestamp) -> Option<Asked> {
        let mut all = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(name).filter(|(_, expires)| *expires > now).map(|(asked, _)| asked)
    }
}

/// What the page gives to the browser's `navigator.credentials`.
pub(super) fn begin_register(
    party: &RelyingParty,
    user: &store::User,
    known: &[store::Passkey],
) -> Result<(Value, PasskeyRegistration), Error> {
    let known: Vec<CredentialID> = known.iter().filter_map(read).map(|key| key.cred_id().clone()).collect();
    let shown = user.display_name.as_deref().unwrap_or(&user.username);
    let (options, state) = party
        .library()?
        .start_passkey_registration(user.uid, &user.username, shown, Some(known))
        .map_err(|why| Error::Invalid(format!("no passkey can be made: {why}")))?;
    let mut options = json(&options);
    // So that it can be found without a user name, where the authenticator has room.
    options["publicKey"]["authenticatorSelection"]["residentKey"] = Value::from("preferred");
    Ok((options, state))
}

/// # Errors
/// `Invalid` with what is wrong with the answer.
pub(super) fn finish_register(
    party: &RelyingParty,
    answer: Value,
    state: &PasskeyRegistration,
) -> Result<(String, String), Error> {
    let answer: RegisterPublicKeyCredential = parse(answer)?;
    let key = party.library()?.finish_passkey_registration(&answer, state);
    let key = key.map_err(|why| Error::Invalid(format!("the passkey cannot be taken: {why}")))?;
    Ok((name_of(key.cred_id()), json(&key).to_string()))
}

pub(super) fn begin_second(
    party: &RelyingParty,
    known: &[store::Passkey],
) -> Result<(Value, PasskeyAuthentication), Error> {
    let known: Vec<Passkey> = known.iter().filter_map(read).collect();
    let asked = party.library()?.start_passkey_authentication(&known);
    let (options, state) =
        asked.map_err(|why| Error::Invalid(format!("no passkey can be asked for: {why}")))?;
    Ok((json(&options), state))
}

/// The passkey that answered, with its counter moved; or why not, for the log.
pub(super) fn finish_second(
    party: &RelyingParty,
    answer: Value,
    state: &PasskeyAuthentication,
    known: &[store::Passkey],
) -> Result<(Uuid, String), String> {
    let answer: PublicKeyCredential = parse(answer).map_err(|why| why.to_string())?;
    let library = party.library().map_err(|why| why.to_string())?;
    let result = library.finish_passkey_authentication(&answer, state).map_err(|why| why.to_string())?;
    used(known, &result)
}

pub(super) fn begin_alone(party: &RelyingParty) -> Result<(Value, DiscoverableAuthentication), Error> {
    let asked = party.library()?.start_discoverable_authentication();
    let (options, state) =
        asked.map_err(|why| Error::Invalid(format!("no passkey can be asked for: {why}")))?;
    let mut options = json(&options);
    // A button asks for it, not a field that is filled in.
    if let Some(options) = options.as_object_mut() {
        options.remove("mediation");
    }
    Ok((options, state))
}

/// Whose passkey an answer says that it is: `users.uid`. Not yet that it is true.
pub(super) fn claimed(party: &RelyingParty, answer: &Value) -> Option<Uuid> {
    let answer: PublicKeyCredential = parse(answer.clone()).ok()?;
    party.library().ok()?.identify_discoverable_authentication(&answer).ok().map(|(user, _)| user)
}

pub(super) fn finish_alone(
    party: &RelyingParty,
    answer: Value,
    state: DiscoverableAuthentication,
    known: &[store::Passkey],
) -> Result<(Uuid, String), String> {
    let answer: PublicKeyCredential = parse(answer).map_err(|why| why.to_string())?;
    let library = party.library().map_err(|why| why.to_string())?;
    let mut keys = known.iter().filter_map(read);
    let key = keys.find(|key| key.cred_id().as_slice() == answer.get_credential_id());
    let key = key.ok_or("the passkey is not theirs")?;
    let result =
        library.finish_discoverable_authentication_v2(&answer, state, &key).map_err(|why| why.to_string())?;
    if !result.user_verified() {
        return Err("the authenticator did not verify the person".to_owned());
    }
    used(known, &result)
}

fn used(known: &[store::Passkey], result: &AuthenticationResult) -> Result<(Uuid, String), String> {
    let name = name_of(result.cred_id());
    let row = known.iter().find(|row| row.credential_id == name).ok_or("the passkey is not theirs")?;
    let mut key = read(row).ok_or("the passkey that is stored cannot be read")?;
    key.update_credential(result);
    Ok((row.id, json(&key).to_string()))
}

fn read(row: &store::Passkey) -> Option<Passkey> {
    let read = serde_json::from_str(&row.material);
    read.inspect_err(|error| tracing::error!(%error, passkey = %row.id, "a stored passkey cannot be read"))
        .ok()
}

fn name_of(id: &CredentialID) -> String {
    json(id).as_str().unwrap_or_default().to_owned()
}

fn json(what: &impl serde::Serialize) -> Value {
    serde_json::to_value(what).expect("the library's own types are JSON")
}

fn parse<T: serde::de::DeserializeOwned>(answer: Value) -> Result<T, Error> {
    serde_json::from_value(answer).map_err(|why| Error::Invalid(format!("credential: {why}")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn passkeys_are_for_names_that_browsers_take() {
        for (address, id) in [
            ("https://gate.example", Some("gate.example")),
            ("https://gate.example:8722", Some("gate.example")),
            ("http://localhost:8722", Some("localhost")),
            ("http://gate.example", None),
            ("https://192.0.2.1", None),
            ("https://[2001:db8::1]:8722", None),
            ("gate.example", None),
        ] {
            assert_eq!(RelyingParty::of(address).map(|party| party.id).as_deref(), id, "{address}");
        }
    }

    #[test]
    fn what_strangers_ask_is_bounded_and_good_once() {
        let party = RelyingParty::of("http://localhost:1").unwrap();
        let challenges = Challenges::default();
        let at = |second| Timestamp::from_second(1_800_000_000 + second).unwrap();
        let ask = |name: &str, second| {
            let (options, state) = begin_alone(&party).unwrap();
            assert!(options.get("mediation").is_none() && options["publicKey"]["challenge"].is_string());
            assert_eq!(options["publicKey"]["userVerification"], "required");
            challenges.ask(
                name.to_owned(),
                Asked::Alone { state: Box::new(state), address: None },
                at(second),
            );
        };
        for n in 0..=MAX_CHALLENGES {
            ask(&n.to_string(), i64::try_from(n).unwrap() / 100);
        }
        assert_eq!(challenges.asked.lock().unwrap().len(), MAX_CHALLENGES);
        assert!(challenges.take("2048", at(21)).is_some());
        assert!(challenges.take("2048", at(21)).is_none());
        assert!(challenges.take("2047", at(400)).is_none());
    }
}
