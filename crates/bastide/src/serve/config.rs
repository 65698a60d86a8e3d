//! Settings of the server: file, environment, flags; checked once.

mod environment;
mod oidc;
mod raw;

use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use bastide_api::{Origin, Proxies};
use bastide_rt::config::{File, Loaded, Sources, load};
use bastide_rt::logging::Logging;

use super::flags::Flags;
use crate::cli::duration;
use crate::cli::exit::Failure;
use bastide_app::store::Role;
use bastide_app::streams::{Forbidden, USUALLY_FORBIDDEN};
use bastide_app::vault::{KeyFile, KeySource};
pub(super) use environment::{ALERT_WEBHOOK, ALERT_WEBHOOK_SECRET};
use environment::{DATA_DIR, ENVIRONMENT, OIDC_CLIENT_SECRET, VAULT_KEY};
pub(super) use oidc::{Oidc, SecretPlace};
use raw::Raw;

const DEFAULT_LISTEN: &str = "127.0.0.1:8722";
const DEFAULT_SSH_LISTEN: &str = "127.0.0.1:2222";
/// For a server without an SSH door.
const OFF: &str = "off";
/// For every role.
const EVERYBODY: &str = "everybody";
/// A browser that is used daily asks again rarely, a forgotten one ends.
const LOGIN_LIFETIME: Duration = Duration::from_secs(7 * 24 * 3600);
/// Shorter ends before it is of use; browsers keep no cookie longer (RFC 6265bis, section 5.5).
const LIFETIMES: RangeInclusive<Duration> =
    Duration::from_secs(5 * 60)..=Duration::from_secs(400 * 24 * 3600);
/// Audits look back over a year.
const HISTORY_KEEP: Duration = Duration::from_secs(366 * 24 * 3600);
const HISTORY_KEEPS: RangeInclusive<Duration> =
    Duration::from_secs(24 * 3600)..=Duration::from_secs(3660 * 24 * 3600);
/// Soon enough for whoever looks at a list; a thousand servers are some three connections a second.
const CHECK_SERVERS_EVERY: Duration = Duration::from_secs(5 * 60);
const CHECKS_EVERY: RangeInclusive<Duration> = Duration::from_secs(30)..=Duration::from_secs(24 * 3600);
/// Fewer are not enough for one browser with a few terminals.
const FEWEST_CONNECTIONS: usize = 16;

/// Checked settings.
#[derive(Debug)]
pub(crate) struct Config {
    pub(super) listen: Listen,
    /// The usual place when `None`.
    pub(super) data_dir: Option<PathBuf>,
    /// Below the daemon's state directory when `None`.
    pub(super) recordings_dir: Option<PathBuf>,
    pub(super) public_url: Option<Origin>,
    pub(super) tls: Option<Certificate>,
    pub(super) trusted: Trusted,
    pub(super) max_connections: usize,
    pub(super) times: Times,
    pub(super) sign_in: SignIn,
    pub(super) vault: VaultKey,
    pub(super) logging: Logging,
    /// To be logged when logging is set up.
    pub(crate) warnings: Vec<String>,
}

/// What is asked of whom who logs in.
#[derive(Debug)]
pub(super) struct SignIn {
    /// Whose role needs a second factor.
    pub(super) second_factor: Vec<Role>,
    /// Single sign-on.
    pub(super) oidc: Option<Oidc>,
}

/// How long, and how often.
#[derive(Debug)]
pub(super) struct Times {
    pub(super) login_lifetime: Duration,
    pub(super) history_keep: Duration,
    /// `None`: servers are looked at when somebody asks.
    pub(super) check_servers_every: Option<Duration>,
}

/// Where it listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listen {
    pub(super) web: SocketAddr,
    pub(super) ssh: SshDoor,
}

/// Where the SSH door is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SshDoor {
    /// `None`: there is none.
    pub(super) listen: Option<SocketAddr>,
    /// It was asked for; where it was not, a port in use is no reason not to start.
    pub(super) wanted: bool,
    /// Where nobody is connected to through a server, as it is written and read.
    pub(super) named: Vec<String>,
    pub(super) forbidden: Forbidden,
}

/// Who is believed: proxies, as they are written and read, and front ends of other origins.
#[derive(Debug)]
pub(super) struct Trusted {
    pub(super) named: Vec<String>,
    pub(super) friends: Vec<Origin>,
    pub(super) proxies: Proxies,
}

/// Where the settings say that the master key is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum VaultKey {
    /// In the data directory.
    Usual,
    File(PathBuf),
    Command(Vec<String>),
}

/// What the listener speaks TLS with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Certificate {
    Files { certificate: PathBuf, key: PathBuf },
    SelfSigned,
}

impl Config {
    pub(crate) fn load(flags: &Flags) -> Result<Self, Failure> {
        let usual = bastide_rt::paths::config_dir().ok().map(|dir| dir.join("server.toml"));
        let file = match (&flags.config, &usual) {
            (Some(file), _) => File::Required(file),
            (None, Some(file)) => File::IfPresent(file),
            (None, None) => File::None,
        };
        let sources = Sources { file, variables: ENVIRONMENT, flags: &flags.given() };
        let loaded = load::<Raw>(&sources).context("the server's settings")?;
        Ok(Self::check(&loaded).context("the server's settings")?)
    }

    fn check(loaded: &Loaded<Raw>) -> anyhow::Result<Self> {
        let raw = &loaded.value;
        let wrong = |key: &str, why: String| anyhow!("{}: {why}", loaded.origin(key));
        let text = raw.listen.as_deref().unwrap_or(DEFAULT_LISTEN);
        let listen: SocketAddr = text.parse().map_err(|_| {
            wrong("listen", format!("{text:?} is not an address and a port, as in {DEFAULT_LISTEN}"))
        })?;
        let ssh = ssh_door(loaded)?;
        let public_url = raw
            .public_url
            .as_deref()
            .filter(|url| !url.is_empty())
            .map(|url| Origin::read(url).map_err(|why| wrong("public_url", format!("{url:?}: {why}"))));
        let networks = raw
            .trusted_proxies
            .0
            .iter()
            .map(|one| one.parse().map_err(|why| wrong("trusted_proxies", format!("{one:?}: {why}"))));
        let friends = raw
            .cors_origins
            .0
            .iter()
            .map(|one| Origin::read(one).map_err(|why| wrong("cors_origins", format!("{one:?}: {why}"))));
        let max_connections = raw.max_connections.unwrap_or(bastide_api::MAX_CONNECTIONS);
        if max_connections < FEWEST_CONNECTIONS {
            let why = format!("{max_connections} is too few; at least {FEWEST_CONNECTIONS}");
            return Err(wrong("max_connections", why));
        }
        let mut config = Self {
            listen: Listen { web: listen, ssh },
            data_dir: raw.data_dir.clone(),
            recordings_dir: raw.recordings_dir.clone(),
            public_url: public_url.transpose()?,
            tls: certificate(loaded)?,
            trusted: Trusted {
                named: raw.trusted_proxies.0.clone(),
                friends: friends.collect::<Result<_, _>>()?,
                proxies: Proxies::new(networks.collect::<Result<_, _>>()?),
            },
            max_connections,
            times: times(loaded)?,
            sign_in: SignIn { second_factor: second_factor(loaded)?, oidc: Oidc::check(loaded)? },
            vault: vault_key(loaded)?,
            logging: raw.log.clone(),
            warnings: loaded.warnings.clone(),
        };
        if config.sign_in.oidc.is_some() && config.public_url.is_none() && !listen.ip().is_loopback() {
            config.warnings.push(
                "single sign-on sends people back to the address that they came by, and the provider knows one: name \
                 it with --public-url"
                    .to_owned(),
            );
        }
        let https = config.tls.is_some() || config.public_url.as_ref().is_some_and(|origin| origin.https);
        if !listen.ip().is_loopback() && !https {
            config.warnings.push(format!(
                "{listen} can be reached from other machines without TLS: whoever is on the way reads what is \
                 typed; use --tls-cert and --tls-key, or --tls-self-signed, or put a proxy with TLS before it \
                 and name its address with --public-url"
            ));
        }
        Ok(config)
    }

    /// As lines of a settings file.
    pub(crate) fn shown(&self) -> String {
        let text = |text: &str| format!("{text:?}");
        let path = |path: &Path| format!("{:?}", path.to_string_lossy());
        let mut lines = vec![("listen", text(&self.listen.web.to_string()))];
        let ssh = self.listen.ssh.listen.map_or_else(|| OFF.to_owned(), |address| address.to_string());
        lines.push(("ssh.listen", text(&ssh)));
        lines.push(("ssh.forbidden_destinations", format!("{:?}", self.listen.ssh.named)));
        if let Ok(dir) = data_dir(self.data_dir.as_deref()) {
            lines.push(("data_dir", path(&dir)));
        }
        if let Ok(dir) = self.recordings() {
            lines.push(("recordings_dir", path(&dir)));
        }
        if let Some(Origin { https, authority }) = &self.public_url {
            let scheme = if *https { "https" } else { "http" };
            lines.push(("public_url", text(&format!("{scheme}://{authority}"))));
        }
        lines.push(("trusted_proxies", format!("{:?}", self.trusted.named)));
        let friends: Vec<_> = self.trusted.friends.iter().map(Origin::written).collect();
        lines.push(("cors_origins", format!("{friends:?}")));
        lines.push(("max_connections", self.max_connections.to_string()));
        let Times { login_lifetime, history_keep, check_servers_every } = &self.times;
        let every = check_servers_every.map_or("0".to_owned(), |every| duration::exact(every.as_secs()));
        lines.push(("check_servers_every", text(&every)));
        lines.push(("login.lifetime", text(&duration::exact(login_lifetime.as_secs()))));
        lines.push(("login.second_factor", format!("{:?}", roles(&self.sign_in.second_factor))));
        lines.push(("history.keep", text(&duration::exact(history_keep.as_secs()))));
        match &self.vault {
            VaultKey::Usual => {}
            VaultKey::File(file) => lines.push(("vault.key_file", path(file))),
            VaultKey::Command(words) => lines.push(("vault.key_command", format!("{words:?}"))),
        }
        lines.extend(self.sign_in.oidc.iter().flat_map(Oidc::shown));
        match &self.tls {
            Some(Certificate::Files { certificate, key }) => {
                lines.extend([("tls.certificate", path(certificate)), ("tls.key", path(key))]);
            }
            other => lines.push(("tls.self_signed", other.is_some().to_string())),
        }
        if let Some(filter) = &self.logging.filter {
            lines.push(("log.filter", text(filter)));
        }
        let format = match self.logging.format {
            bastide_rt::logging::Format::Text => "text",
            bastide_rt::logging::Format::Json => "json",
        };
        lines.push(("log.format", text(format)));
        lines.iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
    }

    /// Where the master key is. The variable that holds it wins over the settings, which are then not there.
    pub(super) fn key_source(&self, data_dir: &Path) -> Result<KeySource, Failure> {
        if let Some(text) = crate::env::value(&VAULT_KEY) {
            if self.vault != VaultKey::Usual {
                let name = VAULT_KEY.name;
                return Err(Failure::text(format!(
                    "{name} is set, and the settings name another place of the master key: take one away"
                )));
            }
            let text =
                text.into_string().map_err(|_| Failure::text(format!("{} is not text", VAULT_KEY.name)))?;
            return Ok(KeySource::Given { name: VAULT_KEY.name.to_owned(), text: text.into() });
        }
        Ok(match &self.vault {
            VaultKey::Usual => KeySource::File(KeyFile::new(data_dir.join(bastide_app::vault::KEY_FILE))),
            VaultKey::File(path) => KeySource::File(KeyFile::new(path)),
            VaultKey::Command(words) => KeySource::Command(words.clone()),
        })
    }

    /// The client's secret that a variable holds.
    pub(super) fn given_client_secret(&self) -> Result<Option<String>, Failure> {
        let Some(text) = crate::env::value(&OIDC_CLIENT_SECRET) else { return Ok(None) };
        let name = OIDC_CLIENT_SECRET.name;
        if self.sign_in.oidc.as_ref().is_some_and(|oidc| oidc.secret != SecretPlace::Nowhere) {
            let why =
                format!("{name} is set, and the settings name another place of the secret: take one away");
            return Err(Failure::text(why));
        }
        text.into_string().map(Some).map_err(|_| Failure::text(format!("{name} is not text")))
    }

    /// Where the daemon keeps recordings, as far as can be known from here.
    pub(super) fn recordings(&self) -> Result<PathBuf, Failure> {
        match &self.recordings_dir {
            Some(dir) => Ok(dir.clone()),
            None => crate::cli::recordings::directory(),
        }
    }
}

fn times(loaded: &Loaded<Raw>) -> anyhow::Result<Times> {
    let raw = &loaded.value;
    let read = |key: &str, text: &Option<String>, range: &RangeInclusive<Duration>, usual: Duration| {
        let Some(text) = text.as_deref() else { return Ok(usual) };
        let known = duration::parse(text).ok().filter(|time| range.contains(time));
        let (from, to) = (range.start().as_secs(), range.end().as_secs());
        known.ok_or_else(|| {
            let (from, to) = (duration::exact(from), duration::exact(to));
            anyhow!("{}: {text:?} is not a time from {from} to {to}, as in 12h or 7d", loaded.origin(key))
        })
    };
    let every = &raw.check_servers_every;
    let never = every.as_deref().is_some_and(|every| every.trim() == "0");
    let check_servers_every = match never {
        true => None,
        false => Some(read("check_servers_every", every, &CHECKS_EVERY, CHECK_SERVERS_EVERY)?),
    };
    Ok(Times {
        login_lifetime: read("login.lifetime", &raw.login.lifetime, &LIFETIMES, LOGIN_LIFETIME)?,
        history_keep: read("history.keep", &raw.history.keep, &HISTORY_KEEPS, HISTORY_KEEP)?,
        check_servers_every,
    })
}

fn second_factor(loaded: &Loaded<Raw>) -> anyhow::Result<Vec<Role>> {
    let words = &loaded.value.login.second_factor.0;
    if words.iter().any(|word| word == EVERYBODY) {
        return Ok(Role::ALL.to_vec());
    }
    let role = |word: &String| Role::ALL.into_iter().find(|role| role.as_str() == word);
    let unknown = |word: &String| {
        let roles = Role::ALL.map(Role::as_str).join(", ");
        anyhow!("{}: {word:?} is no role: {roles}, or {EVERYBODY}", loaded.origin("login.second_factor"))
    };
    words.iter().map(|word| role(word).ok_or_else(|| unknown(word))).collect()
}

/// As they are written.
fn roles(roles: &[Role]) -> Vec<&'static str> {
    match Role::ALL.iter().all(|role| roles.contains(role)) {
        true => vec![EVERYBODY],
        false => roles.iter().map(|role| role.as_str()).collect(),
    }
}

fn ssh_door(loaded: &Loaded<Raw>) -> anyhow::Result<SshDoor> {
    let given = loaded.value.ssh.listen.as_deref();
    let text = given.unwrap_or(DEFAULT_SSH_LISTEN);
    let listen = match text {
        OFF => None,
        text => Some(text.parse().map_err(|_| {
            let origin = loaded.origin("ssh.listen");
            anyhow!(
                "{origin}: {text:?} is not an address and a port, as in {DEFAULT_SSH_LISTEN}, nor {OFF:?}"
            )
        })?),
    };
    let named = match &loaded.value.ssh.forbidden_destinations {
        Some(words) => words.0.clone(),
        None => USUALLY_FORBIDDEN.map(str::to_owned).to_vec(),
    };
    let forbidden = Forbidden::read(named.iter().map(String::as_str))
        .map_err(|why| anyhow!("{}: {why}", loaded.origin("ssh.forbidden_destinations")))?;
    Ok(SshDoor { listen, wanted: given.is_some(), named, forbidden })
}

fn certificate(loaded: &Loaded<Raw>) -> anyhow::Result<Option<Certificate>> {
    let tls = &loaded.value.tls;
    let self_signed = tls.self_signed.unwrap_or_default();
    let alone = |there: &str, missing: &str| {
        anyhow!("{}: the {there} needs tls.{missing} beside it", loaded.origin(&format!("tls.{there}")))
    };
    match (&tls.certificate, &tls.key) {
        (Some(_), Some(_)) if self_signed => Err(anyhow!(
            "{}: there are certificate files already ({}); take one or the other",
            loaded.origin("tls.self_signed"),
            loaded.origin("tls.certificate"),
        )),
        (Some(certificate), Some(key)) => {
            Ok(Some(Certificate::Files { certificate: certificate.clone(), key: key.clone() }))
        }
        (Some(_), None) => Err(alone("certificate", "key")),
        (None, Some(_)) => Err(alone("key", "certificate")),
        (None, None) => Ok(self_signed.then_some(Certificate::SelfSigned)),
    }
}

fn vault_key(loaded: &Loaded<Raw>) -> anyhow::Result<VaultKey> {
    let vault = &loaded.value.vault;
    let words = vault.key_command.as_ref().map(raw::Arguments::words);
    match (&vault.key_file, words) {
        (Some(_), Some(_)) => Err(anyhow!(
            "{}: there is a key file already ({}); take one or the other",
            loaded.origin("vault.key_command"),
            loaded.origin("vault.key_file"),
        )),
        (Some(file), None) => Ok(VaultKey::File(file.clone())),
        (None, Some(words)) if words.is_empty() => {
            Err(anyhow!("{}: it names no program", loaded.origin("vault.key_command")))
        }
        (None, Some(words)) => Ok(VaultKey::Command(words)),
        (None, None) => Ok(VaultKey::Usual),
    }
}

/// The data directory for a command beside the server: flag, environment, the usual place.
pub(super) fn data_dir(flag: Option<&Path>) -> Result<PathBuf, Failure> {
    match flag.map(Path::to_owned).or_else(|| crate::env::path(&DATA_DIR)) {
        Some(path) => Ok(path),
        None => Ok(bastide_rt::paths::data_dir().context("no directory for the server's data")?),
    }
}

#[cfg(test)]
mod tests;
