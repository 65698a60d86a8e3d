//! Settings of the server: file, environment, flags; checked once.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use bastide_api::Origin;
use bastide_rt::config::{EnvVar, File, Flag, Means, Sources, load};
use bastide_rt::logging::Logging;
use serde::Deserialize;

use super::Serve;
use crate::cli::exit::Failure;

const DATA_DIR: EnvVar = EnvVar {
    name: "BASTIDE_DATA_DIR",
    aliases: &[],
    means: Means::Setting("data_dir"),
    default: "data directory",
    doc: "Where the server keeps its key, its log and login links.",
};

/// Every environment variable the server reads, besides those that say where the sessions daemon is.
pub(crate) const ENVIRONMENT: &[EnvVar] = &[
    EnvVar {
        name: "BASTIDE_LISTEN",
        aliases: &[],
        means: Means::Setting("listen"),
        default: "127.0.0.1:8722",
        doc: "Address and port of the web server.",
    },
    DATA_DIR,
    EnvVar {
        name: "BASTIDE_PUBLIC_URL",
        aliases: &[],
        means: Means::Setting("public_url"),
        default: "",
        doc: "The address people see when a proxy stands before the server; with https the cookie is Secure.",
    },
];

const DEFAULT_LISTEN: &str = "127.0.0.1:8722";

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Raw {
    listen: Option<String>,
    data_dir: Option<PathBuf>,
    public_url: Option<String>,
    log: Logging,
}

/// Checked settings.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) listen: SocketAddr,
    /// The usual place when `None`.
    pub(super) data_dir: Option<PathBuf>,
    pub(super) public_url: Option<Origin>,
    pub(super) logging: Logging,
    pub(super) ephemeral: bool,
    pub(super) print_login_link: bool,
    /// To be logged when logging is set up.
    pub(super) warnings: Vec<String>,
}

impl Config {
    pub(super) fn load(flags: &Serve) -> Result<Self, Failure> {
        let usual = bastide_rt::paths::config_dir().ok().map(|dir| dir.join("server.toml"));
        let file = match (&flags.config, &usual) {
            (Some(file), _) => File::Required(file),
            (None, Some(file)) => File::IfPresent(file),
            (None, None) => File::None,
        };
        let given = [
            ("--listen", "listen", &flags.listen),
            ("--data-dir", "data_dir", &flags.data_dir),
            ("--public-url", "public_url", &flags.public_url),
        ];
        let given: Vec<Flag> = given
            .into_iter()
            .filter_map(|(name, key, value)| Some(Flag { name, key, value: value.clone()? }))
            .collect();
        let loaded =
            load::<Raw>(&Sources { file, variables: ENVIRONMENT, flags: &given }).context("the settings")?;
        let raw = &loaded.value;

        let text = raw.listen.as_deref().unwrap_or(DEFAULT_LISTEN);
        let listen: SocketAddr = text.parse().map_err(|_| {
            anyhow!(
                "{}: {text:?} is not an address and a port, as in {DEFAULT_LISTEN}",
                loaded.origin("listen")
            )
        })?;
        let public_url = raw.public_url.as_deref().filter(|url| !url.is_empty()).map(|url| {
            Origin::read(url).map_err(|why| anyhow!("{}: {url:?}: {why}", loaded.origin("public_url")))
        });
        let public_url = public_url.transpose()?;
        let mut warnings = loaded.warnings.clone();
        let https = public_url.as_ref().is_some_and(|origin| origin.https);
        if !listen.ip().is_loopback() && !https {
            warnings.push(format!(
                "{listen} can be reached from other machines without TLS: whoever is on the way reads what is \
                 typed; put a proxy with TLS before it and name its address with --public-url"
            ));
        }
        Ok(Self {
            listen,
            data_dir: raw.data_dir.clone(),
            public_url,
            logging: raw.log.clone(),
            ephemeral: flags.ephemeral,
            print_login_link: flags.print_login_link,
            warnings,
        })
    }
}

/// The data directory for a command beside the server: flag, environment, the usual place.
pub(super) fn data_dir(flag: Option<&PathBuf>) -> Result<PathBuf, Failure> {
    match flag.cloned().or_else(|| crate::env::path(&DATA_DIR)) {
        Some(path) => Ok(path),
        None => Ok(bastide_rt::paths::data_dir().context("no directory for the server's data")?),
    }
}
