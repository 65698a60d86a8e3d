//! What whoever started the server is told.

use std::io::{IsTerminal, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;

use anyhow::Context;
use bastide_app::{App, DataDir};

use super::config::Config;
use super::link::{ADDRESS_FILE, url};
use crate::cli::exit::Failure;
use crate::cli::output;

const LINK_FILE: &str = "first-login-link";

/// What is known about this start.
pub(super) struct Start<'a> {
    pub(super) listening: SocketAddr,
    /// Nobody has been here before.
    pub(super) first: bool,
    /// Of a certificate that nobody vouches for.
    pub(super) fingerprint: Option<String>,
    pub(super) options: &'a super::Options,
}

pub(super) async fn say(app: &App, config: &Config, dir: &DataDir, start: Start<'_>) -> Result<(), Failure> {
    let Start { listening, first, fingerprint, options } = start;
    let address = address(config, listening);
    write_private(dir, ADDRESS_FILE, &address)?;
    tracing::info!(%listening, address, "serving");

    let mut lines = vec![format!("Bastide {} serves at {address}", env!("CARGO_PKG_VERSION"))];
    if let Some(fingerprint) = fingerprint {
        tracing::info!(fingerprint, "the certificate is of our own making");
        lines.push(format!(
            "The browser will warn of its certificate. Its SHA-256 fingerprint is\n  {fingerprint}\nCompare them before you go on."
        ));
    }
    if nix::unistd::geteuid().is_root() {
        lines.push(
            "Shells opened on the page run as root: the administrator is mapped to the user who started the server."
                .to_owned(),
        );
    }
    if first {
        let link = url(&address, &app.login_link().await.map_err(anyhow::Error::from)?.token);
        if options.print_login_link || std::io::stderr().is_terminal() {
            lines.push(format!("Log in (once, within 15 minutes): {link}"));
        } else {
            // A log may be read by others; the file is for the server's user only.
            let path = write_private(dir, LINK_FILE, &link)?;
            lines.push(format!("A login link (once, within 15 minutes) is in {path}"));
        }
    } else {
        lines.push(format!("`{}` makes a login link", link_command(config)));
    }
    output::remark(&lines.join("\n"));
    Ok(())
}

/// As a person would type it to come here.
fn address(config: &Config, listening: SocketAddr) -> String {
    if let Some(origin) = &config.public_url {
        let scheme = if origin.https { "https" } else { "http" };
        return format!("{scheme}://{}", origin.authority);
    }
    let mut shown = listening;
    match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => shown.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => shown.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    let scheme = if config.tls.is_some() { "https" } else { "http" };
    format!("{scheme}://{shown}")
}

fn link_command(config: &Config) -> String {
    match &config.data_dir {
        Some(dir) => format!("bastide login-link --data-dir {}", dir.display()),
        None => "bastide login-link".to_owned(),
    }
}

fn write_private(dir: &DataDir, name: &str, text: &str) -> Result<String, Failure> {
    let path = dir.path(name);
    let shown = path.display().to_string();
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    let written = options.open(&path).and_then(|mut file| writeln!(file, "{text}"));
    written.with_context(|| format!("cannot write {shown}"))?;
    Ok(shown)
}
