//! Whether a server is the one that is meant.

use bastide_wire::ssh::{Hop, PresentedKey};
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{Certificate, HashAlg, PublicKey, PublicKeyOrCertificate};

use crate::ask::Answer;
use crate::error::Error;
use crate::keys::{fingerprint, presented, public_key};
use crate::patience::{Asking, line};

/// What is accepted from one hop, and then what was.
#[derive(Debug)]
pub(crate) struct HostGate {
    hop: Expected,
    place: String,
    asking: Asking,
    /// Set by the first check; later ones (a key exchange in the middle of a connection) must show the same.
    accepted: Option<PublicKey>,
    /// A probe accepts everything and goes no further.
    probe: bool,
}

/// The part of a hop that decides about keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Expected {
    host: String,
    port: u16,
    pub(crate) pinned: Vec<PublicKey>,
    pub(crate) authorities: Vec<PublicKey>,
    ask: bool,
}

impl Expected {
    /// # Errors
    /// A pinned key that cannot be read: nothing could be compared with it.
    pub(crate) fn of(hop: &Hop) -> Result<Self, Error> {
        let read = |lines: &[String], what: &str| -> Result<Vec<PublicKey>, Error> {
            let bad = |why| Error::Request(format!("{} of {}: {why}", what, hop.name));
            lines.iter().map(|line| public_key(line).map_err(bad)).collect()
        };
        Ok(Self {
            host: hop.host.clone(),
            port: hop.port,
            pinned: read(&hop.host_keys, "an accepted host key")?,
            authorities: read(&hop.host_authorities, "an authority for host keys")?,
            ask: hop.ask_host_key,
        })
    }

    /// Whether a connection that was made to `shown` may be used by whoever expects this.
    pub(crate) fn covers(&self, shown: &Shown) -> bool {
        match &shown.authority {
            Some(authority) => self.authorities.iter().any(|known| known.key_data() == authority.key_data()),
            None if self.pinned.is_empty() => self.ask,
            None => self.pinned.iter().any(|known| known.key_data() == shown.key.key_data()),
        }
    }
}

/// What a connected server has shown and was accepted with.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    pub(crate) key: PublicKey,
    /// Who vouched for it, when that is why it was accepted.
    pub(crate) authority: Option<PublicKey>,
}

impl HostGate {
    pub(crate) fn new(hop: Expected, place: String, asking: Asking, probe: bool) -> Self {
        Self { hop, place, asking, accepted: None, probe }
    }

    pub(crate) async fn check(&mut self, shown: &PublicKeyOrCertificate) -> Result<Shown, Error> {
        let key = shown.public_key();
        if let Some(accepted) = &self.accepted {
            let same = accepted.key_data() == key.key_data();
            return if same { Ok(Shown { key, authority: None }) } else { Err(self.changed(&key)) };
        }
        let authority = match shown.certificate() {
            Some(certificate) => self.vouched(certificate, &key)?,
            None => None,
        };
        if authority.is_none() && !self.probe {
            self.known(&key).await?;
        }
        self.accepted = Some(key.clone());
        Ok(Shown { key, authority })
    }

    /// The authority that signed, when it is an accepted one. A certificate of another authority says nothing, and
    /// the key in it is looked at as if it were bare, as OpenSSH does.
    fn vouched(&self, certificate: &Certificate, key: &PublicKey) -> Result<Option<PublicKey>, Error> {
        let signed_by = |authority: &&PublicKey| authority.key_data() == certificate.signature_key();
        let Some(authority) = self.hop.authorities.iter().find(signed_by) else { return Ok(None) };
        match unfit(certificate, authority, &self.hop.host) {
            None => Ok(Some(authority.clone())),
            Some(why) => Err(Error::HostCertificate {
                place: self.place.clone(),
                key: Box::new(self.presented(key)),
                why,
            }),
        }
    }

    async fn known(&self, key: &PublicKey) -> Result<(), Error> {
        if self.hop.pinned.iter().any(|pinned| pinned.key_data() == key.key_data()) {
            return Ok(());
        }
        if !self.hop.pinned.is_empty() {
            return Err(self.changed(key));
        }
        let unknown = |why: &str| Error::HostKeyUnknown {
            place: self.place.clone(),
            key: Box::new(self.presented(key)),
            why: why.to_owned(),
        };
        if !self.hop.ask {
            return Err(unknown("compare the fingerprint with the server's own and accept it first"));
        }
        let text = format!(
            "The host key of {} is not known yet. Compare its fingerprint with the server's own before you accept it.",
            self.place
        );
        match self.asking.host_key(&text, self.presented(key)).await {
            Answer::Accept => Ok(()),
            Answer::Refused | Answer::Text(_) => Err(unknown("it was refused")),
            Answer::Expired => Err(unknown("nobody answered whether it is the right one")),
            Answer::Nobody => Err(unknown("nobody is there who could accept it")),
        }
    }

    fn changed(&self, key: &PublicKey) -> Error {
        Error::HostKeyChanged {
            place: self.place.clone(),
            key: Box::new(self.presented(key)),
            accepted: self.hop.pinned.iter().map(fingerprint).collect(),
        }
    }

    fn presented(&self, key: &PublicKey) -> PresentedKey {
        presented(&self.hop.host, self.hop.port, key)
    }
}

/// Why a certificate that an accepted authority has signed is not good for `host` now (PROTOCOL.certkeys of
/// OpenSSH).
fn unfit(certificate: &Certificate, authority: &PublicKey, host: &str) -> Option<String> {
    if certificate.cert_type() != CertType::Host {
        return Some("it is a user's, not a host's".to_owned());
    }
    if let Some((option, _)) = certificate.critical_options().iter().next() {
        return Some(format!("it has the critical option {}, which hosts have not", line(option)));
    }
    let named = certificate.valid_principals();
    if !named.iter().any(|name| name.eq_ignore_ascii_case(host)) {
        let names: Vec<_> = named.iter().map(|name| line(name)).collect();
        return Some(format!(
            "it is for {}, not for {host}",
            if names.is_empty() { "no host".to_owned() } else { names.join(", ") }
        ));
    }
    certificate.validate([&authority.fingerprint(HashAlg::Sha256)]).err().map(|_| {
        "its time has not come or is over, or its signature is wrong; check the clocks, then have it signed anew"
            .to_owned()
    })
}
