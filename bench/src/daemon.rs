//! A session daemon of our own, with its files in a directory that goes with it.

use std::io::ErrorKind;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use tempfile::TempDir;

use crate::wire::Client;

/// A start takes milliseconds; one that takes this long has failed.
const START_WITHIN: Duration = Duration::from_secs(10);

pub(crate) struct Daemon {
    child: Child,
    directory: TempDir,
}

/// The named binary, or the one that was built beside this one.
pub(crate) fn binary(named: Option<PathBuf>) -> Result<PathBuf> {
    let path = match named {
        Some(path) => path,
        None => std::env::current_exe()?.with_file_name("bastide"),
    };
    if path.is_file() {
        Ok(path)
    } else {
        bail!("{} is not there; build it or name it with --bin", path.display())
    }
}

impl Daemon {
    pub(crate) fn start(binary: &Path) -> Result<Self> {
        let directory = tempfile::Builder::new().prefix("bastide-bench").tempdir()?;
        let notify = directory.path().join("notify");
        // The service manager's protocol, sd_notify(3): it says when clients can connect.
        let readiness = UnixDatagram::bind(&notify)?;
        readiness.set_read_timeout(Some(START_WITHIN))?;
        let child = Command::new(binary)
            .arg("ptyd")
            .arg("--socket")
            .arg(directory.path().join("ptyd.sock"))
            .arg("--state-dir")
            .arg(directory.path().join("state"))
            .env("NOTIFY_SOCKET", &notify)
            .env("BASTIDE_LOG", "warn")
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .spawn()
            .with_context(|| format!("start {}", binary.display()))?;
        let daemon = Self { child, directory };
        let mut message = [0; 4096];
        match readiness.recv(&mut message) {
            Ok(length) if message[..length].starts_with(b"READY=1") => Ok(daemon),
            Ok(_) => bail!("the daemon said something else than that it is ready"),
            Err(e) if e.kind() == ErrorKind::WouldBlock => {
                bail!("the daemon did not start within {START_WITHIN:?}")
            }
            Err(e) => Err(e.into()),
        }
    }

    pub(crate) fn pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or(0)
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.directory.path().join("ptyd.sock")
    }

    pub(crate) fn client(&self) -> Result<Client> {
        Client::connect(&self.socket())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // In order, so that a measured daemon is also one that stops well; killed if it does not.
        let pid = rustix::process::Pid::from_child(&self.child);
        if rustix::process::kill_process(pid, rustix::process::Signal::TERM).is_err()
            || self.child.wait().is_err()
        {
            let _ = self.child.kill();
        }
    }
}
