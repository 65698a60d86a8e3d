//! Where the master key comes from.

use std::fmt;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;
use zeroize::Zeroizing;

use crate::file::MAX_TEXT;
use crate::{Error, KeyFile, MasterKey};

/// A key service that is slower keeps the server from starting: better to say so.
const COMMAND_WITHIN: Duration = Duration::from_secs(30);

#[derive(Clone, PartialEq, Eq)]
pub enum Source {
    File(KeyFile),
    /// Given as text, by an environment variable of this name.
    Given {
        name: String,
        text: Zeroizing<String>,
    },
    /// Told by a program on its standard output: its path and its arguments, no shell. Its standard error goes
    /// to ours.
    Command(Vec<String>),
}

impl Source {
    /// # Errors
    /// `KeyMissing`, `KeyUnreadable`, `KeyMalformed`, `KeyExposed`, `Command`.
    pub async fn read(&self) -> Result<MasterKey, Error> {
        match self {
            Self::File(file) => file.read(),
            Self::Given { name, text } => MasterKey::from_text(text, name),
            Self::Command(words) => {
                let program = words.first().cloned().unwrap_or_default();
                match told_by(words, MAX_TEXT).await {
                    Ok(text) => MasterKey::from_text(&text, &format!("the answer of {program}")),
                    Err(why) => Err(Error::Command { program, why }),
                }
            }
        }
    }
}

/// What a program prints on its standard output, at most `most` bytes of it: a secret. Its path and its arguments, no
/// shell; its standard error goes to ours.
///
/// # Errors
/// What it has done instead, also when it has not answered within 30 s; without its name.
pub async fn told_by(words: &[String], most: u64) -> Result<Zeroizing<String>, String> {
    match tokio::time::timeout(COMMAND_WITHIN, printed_by(words, most)).await {
        Ok(told) => told,
        Err(_) => Err(format!("has not answered within {} s", COMMAND_WITHIN.as_secs())),
    }
}

async fn printed_by(words: &[String], most: u64) -> Result<Zeroizing<String>, String> {
    let (program, arguments) = words.split_first().ok_or("is not named")?;
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|e| format!("cannot be run: {e}"))?;
    let output = child.stdout.take().ok_or("has no output")?;
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(usize::try_from(most).unwrap_or_default()));
    let read = output.take(most).read_to_string(&mut text).await;
    read.map_err(|_| "has not answered in UTF-8".to_owned())?;
    let status = child.wait().await.map_err(|e| format!("cannot be waited for: {e}"))?;
    match status.success() {
        true => Ok(text),
        false => Err(format!("has failed ({status})")),
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(file) => write!(f, "file {}", file.path().display()),
            Self::Given { name, .. } => write!(f, "environment variable {name}"),
            Self::Command(words) => {
                write!(f, "command {}", words.first().map(String::as_str).unwrap_or_default())
            }
        }
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({self})")
    }
}
