//! The settings as flags of `bastide serve`.

use std::path::{Path, PathBuf};

use bastide_rt::config::Flag;
use clap::Args;

#[derive(Debug, Default, Args)]
pub(crate) struct Flags {
    /// Address and port [env: BASTIDE_LISTEN] [default: 127.0.0.1:8722]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Address and port of the SSH door, or `off` [env: BASTIDE_SSH_LISTEN] [default: 127.0.0.1:2222]
    #[arg(long, value_name = "ADDR")]
    ssh_listen: Option<String>,
    /// Where the server keeps people, its key and its log [env: BASTIDE_DATA_DIR] [default:
    /// $XDG_DATA_HOME/bastide]
    #[arg(long, value_name = "DIR")]
    data_dir: Option<String>,
    /// Where the sessions daemon keeps recordings [env: BASTIDE_RECORDINGS_DIR] [default:
    /// `recordings` in the daemon's state directory]
    #[arg(long, value_name = "DIR")]
    recordings_dir: Option<String>,
    /// The address people see, when it is not the one listened on [env: BASTIDE_PUBLIC_URL]
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,
    /// Certificate chain in PEM form; with it the server speaks TLS [env: BASTIDE_TLS_CERTIFICATE]
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    tls_cert: Option<String>,
    /// The certificate's private key in PEM form [env: BASTIDE_TLS_KEY]
    #[arg(long, value_name = "FILE", help_heading = "TLS")]
    tls_key: Option<String>,
    /// Speak TLS with a certificate of the server's own making [env: BASTIDE_TLS_SELF_SIGNED]
    #[arg(long, help_heading = "TLS")]
    tls_self_signed: bool,
    /// Proxies whose X-Forwarded-For is believed: addresses or networks with commas between [env:
    /// BASTIDE_TRUSTED_PROXIES]
    #[arg(long, value_name = "LIST")]
    trusted_proxies: Option<String>,
    /// Connections at once [env: BASTIDE_MAX_CONNECTIONS] [default: 8192]
    #[arg(long, value_name = "N")]
    max_connections: Option<usize>,
    /// How long a browser stays logged in [env: BASTIDE_LOGIN_LIFETIME] [default: 7d]
    #[arg(long, value_name = "TIME")]
    login_lifetime: Option<String>,
    /// How long what happened in an ended session is remembered [env: BASTIDE_HISTORY_KEEP] [default:
    /// 366d]
    #[arg(long, value_name = "TIME")]
    history_keep: Option<String>,
    /// File with settings [default: server.toml in $XDG_CONFIG_HOME/bastide, if there is one]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

impl Flags {
    /// Those of a file alone.
    pub(crate) fn file(config: Option<PathBuf>) -> Self {
        Self { config, ..Self::default() }
    }

    /// Those of a command beside the server.
    pub(super) fn beside(config: Option<PathBuf>, data_dir: Option<&Path>) -> Self {
        let data_dir = data_dir.map(|dir| dir.to_string_lossy().into_owned());
        Self { config, data_dir, ..Self::default() }
    }

    /// Those that were given.
    pub(super) fn given(&self) -> Vec<Flag> {
        let self_signed = self.tls_self_signed.then(|| "true".to_owned());
        let given = [
            ("--listen", "listen", self.listen.clone()),
            ("--ssh-listen", "ssh.listen", self.ssh_listen.clone()),
            ("--data-dir", "data_dir", self.data_dir.clone()),
            ("--recordings-dir", "recordings_dir", self.recordings_dir.clone()),
            ("--public-url", "public_url", self.public_url.clone()),
            ("--tls-cert", "tls.certificate", self.tls_cert.clone()),
            ("--tls-key", "tls.key", self.tls_key.clone()),
            ("--tls-self-signed", "tls.self_signed", self_signed),
            ("--trusted-proxies", "trusted_proxies", self.trusted_proxies.clone()),
            ("--max-connections", "max_connections", self.max_connections.map(|n| n.to_string())),
            ("--login-lifetime", "login.lifetime", self.login_lifetime.clone()),
            ("--history-keep", "history.keep", self.history_keep.clone()),
        ];
        given.into_iter().filter_map(|(name, key, value)| Some(Flag { name, key, value: value? })).collect()
    }
}
