use std::io;
use std::path::PathBuf;

/// Why a terminal could not be made. The message says what failed and on what; none holds a value
/// from an environment.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot open a pseudo-terminal: {cause}")]
    Terminal { cause: io::Error },
    #[error("terminal size must have cols > 0 and rows > 0, got {cols}x{rows}")]
    Size { cols: u16, rows: u16 },
    #[error("a NUL byte in the {what}")]
    Nul { what: &'static str },
    #[error("invalid environment variable name {name:?}")]
    Variable { name: String },
    #[error("cannot start a process: {cause}")]
    Start { cause: io::Error },
    #[error("cannot prepare the new process ({step}): {cause}")]
    Setup { step: &'static str, cause: io::Error },
    #[error("cannot enter the directory {}: {cause}", path.display())]
    Directory { path: PathBuf, cause: io::Error },
    #[error("cannot run {}: {cause}", program.display())]
    Program { program: PathBuf, cause: io::Error },
    #[error("cannot become the account {account}: {cause}")]
    Identity { account: String, cause: io::Error },
    #[error("no account named {name:?} on this machine")]
    UnknownAccount { name: String },
    #[error("cannot read the accounts of this machine: {cause}")]
    Accounts { cause: io::Error },
    #[error("this process may not run programs as the account {account}")]
    Forbidden { account: String },
}

/// Who has to change something before a retry can succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The request is wrong: a size, a directory, a program, an account.
    Caller,
    /// This machine or this process: out of terminals, processes or rights.
    Us,
}

impl Error {
    /// Whose fault it is; all that a caller should branch on.
    pub fn fault(&self) -> Fault {
        match self {
            Self::Size { .. }
            | Self::Nul { .. }
            | Self::Variable { .. }
            | Self::Directory { .. }
            | Self::Program { .. }
            | Self::UnknownAccount { .. }
            | Self::Forbidden { .. } => Fault::Caller,
            Self::Terminal { .. }
            | Self::Start { .. }
            | Self::Setup { .. }
            | Self::Identity { .. }
            | Self::Accounts { .. } => Fault::Us,
        }
    }
}
