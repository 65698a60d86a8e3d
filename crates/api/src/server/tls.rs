//! TLS on the listener: certificates from files, or one of our own making, and what changes while
//! the server runs.
//!
//! Certificates are renewed by other programs, which replace the files. Nobody has to tell the
//! server: a handshake looks whether they have changed, at most once a minute.

mod self_signed;
mod validity;

use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How often handshakes look at the files.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// Renewal is done weeks before the end; later than this somebody should look why it was not.
const WARN_BEFORE: jiff::SignedDuration = jiff::SignedDuration::from_hours(14 * 24);
/// A handshake is two round trips.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// The first byte of a TLS record that begins a handshake (RFC 8446, section 5.1).
const HANDSHAKE: u8 = 22;

#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("cannot read {}: {cause}", path.display())]
    Read { path: PathBuf, cause: io::Error },
    #[error("{} holds no certificate in PEM form", path.display())]
    NoCertificate { path: PathBuf },
    #[error("{} holds no private key in PEM form", path.display())]
    NoKey { path: PathBuf },
    #[error("the key in {} has a passphrase, which nobody can type here: write it without (openssl pkey)", path.display())]
    Passphrase { path: PathBuf },
    #[error("{}: {cause}", path.display())]
    Pem { path: PathBuf, cause: String },
    #[error("the key in {} does not belong to the certificate in {}", key.display(), certificate.display())]
    Mismatch { certificate: PathBuf, key: PathBuf },
    #[error("cannot use the certificate in {}: {cause}", path.display())]
    Unusable { path: PathBuf, cause: String },
    #[error("cannot make a certificate: {0}")]
    Make(String),
    #[error("cannot write {}: {cause}", path.display())]
    Write { path: PathBuf, cause: io::Error },
}

/// What the listener speaks TLS with. Clones share the certificate.
#[derive(Debug, Clone)]
pub struct Tls {
    acceptor: TlsAcceptorOf,
    certificates: Arc<Certificates>,
}

#[derive(Clone)]
struct TlsAcceptorOf(TlsAcceptor);

impl std::fmt::Debug for TlsAcceptorOf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsAcceptor")
    }
}

/// What came over a new connection.
pub(super) enum Accepted {
    Tls(Box<TlsStream<TcpStream>>),
    /// No handshake: HTTP, most likely.
    Plain(TcpStream),
}

impl Tls {
    /// A chain, the server's own certificate first, and its key; PEM both.
    ///
    /// # Errors
    /// In words for whoever wrote the settings.
    pub fn from_files(certificate: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        Self::new(Source { certificate, key, ours: false })
    }

    /// A certificate for `names` (hosts and addresses) that nobody vouches for, kept with its key
    /// in `file`; made when the file is missing or the certificate is no longer good.
    ///
    /// # Errors
    /// The file cannot be read or written, or holds something else.
    pub fn self_signed(file: &Path, names: &[String], now: Timestamp) -> Result<Self, TlsError> {
        let missing = !file.try_exists().map_err(|cause| TlsError::Read { path: file.to_owned(), cause })?;
        if missing {
            self_signed::write(file, &self_signed::make(names, now)?)?;
        }
        let source = Source { certificate: file.to_owned(), key: file.to_owned(), ours: true };
        let tls = Self::new(source.clone())?;
        if tls.certificates.validity().is_some_and(|validity| validity.until <= now) {
            self_signed::write(file, &self_signed::make(names, now)?)?;
            return Self::new(source);
        }
        Ok(tls)
    }

    fn new(source: Source) -> Result<Self, TlsError> {
        let certificates = Arc::new(Certificates::load(source)?);
        let mut config = rustls::ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for both versions")
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&certificates) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptorOf(TlsAcceptor::from(Arc::new(config))), certificates })
    }

    /// SHA-256 of the certificate, as browsers and openssl show it: `AB:CD:…`.
    pub fn fingerprint(&self) -> String {
        let key = self.certificates.current();
        let digest = Sha256::digest(key.cert.first().map_or(&[][..], |leaf| leaf.as_ref()));
        digest.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":")
    }

    /// What will trouble people who come by one of `names`, in words for the log.
    pub fn warnings(&self, names: &[String], now: Timestamp) -> Vec<String> {
        let file = self.certificates.source.certificate.display();
        let mut warnings = self.certificates.age(now);
        let key = self.certificates.current();
        let leaf = key.cert.first().and_then(|leaf| ParsedCertificate::try_from(leaf).ok());
        for name in names {
            let Ok(wanted) = ServerName::try_from(name.as_str()) else { continue };
            if leaf.as_ref().is_some_and(|leaf| rustls::client::verify_server_name(leaf, &wanted).is_err()) {
                let advice =
                    if self.certificates.source.ours { "; remove the file to have another made" } else { "" };
                warnings.push(format!("the certificate in {file} is not for {name}{advice}"));
            }
        }
        warnings
    }

    /// Whether browsers may be told to come by TLS only from now on: with a certificate of our own
    /// making that would lock out whoever has accepted it by hand.
    pub(super) fn vouched_for(&self) -> bool {
        !self.certificates.source.ours
    }

    /// Takes a new connection's handshake.
    pub(super) async fn accept(&self, stream: TcpStream) -> io::Result<Accepted> {
        self.certificates.look().await;
        let shaken = async {
            let mut first = [0];
            if stream.peek(&mut first).await? == 1 && first != [HANDSHAKE] {
                return Ok(Accepted::Plain(stream));
            }
            Ok(Accepted::Tls(Box::new(self.acceptor.0.accept(stream).await?)))
        };
        tokio::time::timeout(HANDSHAKE_WITHIN, shaken)
            .await
            .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no handshake in time")))
    }
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(aws_lc_rs::default_provider())
}

#[derive(Debug, Clone)]
struct Source {
    certificate: PathBuf,
    key: PathBuf,
    /// Made by [`self_signed`]: both in one file.
    ours: bool,
}

/// When the files were written, as far as it can be seen.
type Stamp = [Option<SystemTime>; 2];

#[derive(Debug)]
struct Certificates {
    source: Source,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    current: Arc<CertifiedKey>,
    /// Of the files that were read last, good or bad.
    stamp: Stamp,
    looked: Instant,
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }
}

impl Certificates {
    fn load(source: Source) -> Result<Self, TlsError> {
        let stamp = source.stamp();
        let current = Arc::new(source.read()?);
        Ok(Self { source, state: Mutex::new(State { current, stamp, looked: Instant::now() }) })
    }

    fn current(&self) -> Arc<CertifiedKey> {
        Arc::clone(&self.state().current)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads changed files again, if nobody has looked for a while.
    async fn look(self: &Arc<Self>) {
        let due = {
            let mut state = self.state();
            let due = state.looked.elapsed() >= LOOK_EVERY;
            if due {
                state.looked = Instant::now();
            }
            due
        };
        if due {
            let this = Arc::clone(self);
            // Fails only while the runtime ends, and then nobody needs a certificate.
            tokio::task::spawn_blocking(move || this.read_if_changed(Timestamp::now())).await.ok();
        }
    }

    /// Files that cannot be used change nothing: the certificate that there is stays.
    fn read_if_changed(&self, now: Timestamp) {
        let stamp = self.source.stamp();
        if self.state().stamp == stamp {
            return;
        }
        let read = self.source.read();
        let mut state = self.state();
        state.stamp = stamp;
        match read {
            Ok(key) => {
                state.current = Arc::new(key);
                drop(state);
                tracing::info!(file = %self.source.certificate.display(), "the certificate was read again");
                for warning in self.age(now) {
                    tracing::warn!("{warning}");
                }
            }
            Err(error) => {
                tracing::error!(%error, "the changed certificate cannot be used; the old one stays");
            }
        }
    }

    fn validity(&self) -> Option<validity::Validity> {
        self.current().cert.first().and_then(|leaf| validity::of(leaf))
    }

    fn age(&self, now: Timestamp) -> Vec<String> {
        let file = self.source.certificate.display();
        let Some(validity) = self.validity() else { return Vec::new() };
        let (from, until) = (validity.from, validity.until);
        if now >= until {
            vec![format!("the certificate in {file} has expired on {until}: browsers refuse it")]
        } else if now < from {
            vec![format!("the certificate in {file} is not valid before {from}")]
        } else if until.duration_since(now) < WARN_BEFORE {
            vec![format!("the certificate in {file} expires on {until}")]
        } else {
            Vec::new()
        }
    }
}

impl Source {
    fn stamp(&self) -> Stamp {
        [&self.certificate, &self.key]
            .map(|path| std::fs::metadata(path).and_then(|meta| meta.modified()).ok())
    }

    fn read(&self) -> Result<CertifiedKey, TlsError> {
        let chain = chain(&self.certificate)?;
        let key = private_key(&self.key)?;
        CertifiedKey::from_der(chain, key, &provider()).map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => {
                TlsError::Mismatch { certificate: self.certificate.clone(), key: self.key.clone() }
            }
            other => TlsError::Unusable { path: self.certificate.clone(), cause: other.to_string() },
        })
    }
}

fn contents(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|cause| TlsError::Read { path: path.to_owned(), cause })
}

fn chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = contents(path)?;
    let chain: Result<Vec<_>, pem::Error> = CertificateDer::pem_slice_iter(&text).collect();
    let chain = chain.map_err(|cause| TlsError::Pem { path: path.to_owned(), cause: cause.to_string() })?;
    if chain.is_empty() { Err(TlsError::NoCertificate { path: path.to_owned() }) } else { Ok(chain) }
}

fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = contents(path)?;
    PrivateKeyDer::from_pem_slice(&text).map_err(|cause| match cause {
        pem::Error::NoItemsFound if String::from_utf8_lossy(&text).contains("ENCRYPTED PRIVATE KEY") => {
            TlsError::Passphrase { path: path.to_owned() }
        }
        pem::Error::NoItemsFound => TlsError::NoKey { path: path.to_owned() },
        // The kind alone: details quote the text.
        _ => TlsError::Pem { path: path.to_owned(), cause: "not a private key in PEM form".to_owned() },
    })
}

/// Hosts and addresses without brackets, as certificates name them.
pub(super) fn is_local(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests;
