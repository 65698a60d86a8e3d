//! The secrets of a credential in clear, for a moment: between what was typed and what is stored, and between
//! what is stored and a dial.

use bastide_ssh::{BadKey, parse_certificate, parse_private_key};
use bastide_store::vault::{CREDENTIALS, PASSPHRASE, PASSWORD, PRIVATE_KEY};
use bastide_store::{CredentialKind, NewCredential, Secrets};
use bastide_vault::{Place, Vault};
use bastide_wire::ssh::{Login, Secret};
use uuid::Uuid;

use super::Given;
use crate::Error;

/// Longer than any password, shorter than a file that was taken for one.
const MAX_PASSWORD: usize = 4096;
/// A private key of 16384 bits is 13 KB.
const MAX_KEY: usize = 32 * 1024;

#[derive(Debug, Default)]
pub(crate) struct Plain {
    password: Option<Secret>,
    key: Option<Secret>,
    passphrase: Option<Secret>,
    pub(super) certificate: Option<String>,
}

/// What a private key says of itself.
#[derive(Debug, Default)]
pub(super) struct KeyFacts {
    pub(super) public_key: Option<String>,
    pub(super) fingerprint: Option<String>,
}

impl Plain {
    pub(super) fn open(vault: &Vault, about: &NewCredential, sealed: &Secrets) -> Result<Self, Error> {
        let id = about.uid.to_string();
        let open = |field: &str, sealed: &Option<Vec<u8>>| -> Result<Option<Secret>, Error> {
            let place = Place { table: CREDENTIALS, id: &id, field };
            let Some(sealed) = sealed else { return Ok(None) };
            Ok(Some(Secret::new(vault.open(&place, sealed)?.as_str())))
        };
        Ok(Self {
            password: open(PASSWORD, &sealed.password)?,
            key: open(PRIVATE_KEY, &sealed.private_key)?,
            passphrase: open(PASSPHRASE, &sealed.passphrase)?,
            certificate: about.certificate.clone(),
        })
    }

    pub(super) fn seal(&self, vault: &Vault, uid: Uuid) -> Result<Secrets, Error> {
        let id = uid.to_string();
        let seal = |field: &str, secret: &Option<Secret>| -> Result<Option<Vec<u8>>, Error> {
            let place = Place { table: CREDENTIALS, id: &id, field };
            let sealed = secret.as_ref().map(|secret| vault.seal(&place, secret.expose()));
            Ok(sealed.transpose()?)
        };
        Ok(Secrets {
            password: seal(PASSWORD, &self.password)?,
            private_key: seal(PRIVATE_KEY, &self.key)?,
            passphrase: seal(PASSPHRASE, &self.passphrase)?,
        })
    }

    /// These with what is given, for that kind.
    pub(super) fn with(self, given: Given, kind: CredentialKind) -> Result<Self, Error> {
        let Given { password, key, passphrase, certificate } = given;
        let (may_password, may_key) = match kind {
            CredentialKind::Password | CredentialKind::KeyboardInteractive => (true, false),
            CredentialKind::Key => (false, true),
            CredentialKind::Ask => (false, false),
        };
        let is_given = |given: &Option<Option<Secret>>| matches!(given, Some(Some(_)));
        let misfit = [
            ("password", is_given(&password) && !may_password),
            ("key", is_given(&key) && !may_key),
            ("passphrase", is_given(&passphrase) && !may_key),
            ("certificate", matches!(certificate, Some(Some(_))) && !may_key),
        ];
        if let Some((name, _)) = misfit.into_iter().find(|(_, misfit)| *misfit) {
            return Err(Error::Invalid(format!("{name}: a credential of kind {} has none", kind.as_str())));
        }
        // What belongs to the key before does not belong to this one.
        let of_old_key = may_key && key.is_none();
        Ok(Self {
            password: password.unwrap_or(self.password).filter(|_| may_password),
            passphrase: passphrase.unwrap_or(self.passphrase.filter(|_| of_old_key)).filter(|_| may_key),
            certificate: certificate.unwrap_or(self.certificate.filter(|_| of_old_key)).filter(|_| may_key),
            key: key.unwrap_or(self.key).filter(|_| may_key),
        })
    }

    /// Whether they are what this kind needs. Blocks for a while where a key has a passphrase.
    pub(super) fn check(&self, kind: CredentialKind) -> Result<KeyFacts, Error> {
        let invalid = |why: String| Err(Error::Invalid(why));
        match (kind, &self.password, &self.key) {
            (CredentialKind::Password, None, _) => return invalid("password: there is none".to_owned()),
            (CredentialKind::Key, _, None) => return invalid("key: there is none".to_owned()),
            _ => {}
        }
        for (name, secret) in [("password", &self.password), ("passphrase", &self.passphrase)] {
            let fits = |secret: &Secret| {
                !secret.expose().is_empty()
                    && secret.expose().len() <= MAX_PASSWORD
                    && !secret.expose().contains('\0')
            };
            if !secret.as_ref().is_none_or(fits) {
                return invalid(format!("{name}: 1 to {MAX_PASSWORD} bytes"));
            }
        }
        let Some(key) = &self.key else { return Ok(KeyFacts::default()) };
        if key.expose().len() > MAX_KEY {
            return invalid(format!("key: at most {MAX_KEY} bytes"));
        }
        key_facts(key, self.passphrase.as_ref(), self.certificate.as_deref())
    }

    /// In the order in which they are tried.
    pub(super) fn logins(self, kind: CredentialKind) -> Vec<Login> {
        match (kind, self.password, self.key) {
            (CredentialKind::Password, Some(password), _) => {
                // Many servers take a password only as the answer to a question.
                let again = Login::KeyboardInteractive { password: Some(password.clone()) };
                vec![Login::Password { password }, again]
            }
            (CredentialKind::Key, _, Some(key)) => {
                let (passphrase, certificate) = (self.passphrase, self.certificate);
                vec![Login::Key { key, passphrase, certificate }]
            }
            (CredentialKind::KeyboardInteractive, password, _) => {
                vec![Login::KeyboardInteractive { password }]
            }
            // The server's own questions first: it may want more than a password.
            _ => vec![Login::KeyboardInteractive { password: None }, Login::AskPassword],
        }
    }
}

fn key_facts(
    key: &Secret,
    passphrase: Option<&Secret>,
    certificate: Option<&str>,
) -> Result<KeyFacts, Error> {
    let wrong = |field: &str, why: BadKey| Error::Invalid(format!("{field}: {why}"));
    let facts = parse_private_key(key.expose(), passphrase.map(Secret::expose)).map_err(|why| match why {
        BadKey::WrongPassphrase => wrong("passphrase", why),
        _ => wrong("key", why),
    })?;
    if passphrase.is_some() && !facts.encrypted {
        return Err(Error::Invalid("passphrase: this private key has none".to_owned()));
    }
    if let Some(certificate) = certificate {
        let about = parse_certificate(certificate).map_err(|why| wrong("certificate", why))?;
        if facts.fingerprint.as_ref().is_some_and(|own| *own != about.fingerprint) {
            return Err(Error::Invalid("certificate: it is for another key".to_owned()));
        }
    }
    Ok(KeyFacts { public_key: facts.public, fingerprint: facts.fingerprint })
}
