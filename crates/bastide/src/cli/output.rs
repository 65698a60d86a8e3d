//! Words for the person: results to standard output, remarks to standard error.

use std::io::{ErrorKind, Write};

use anyhow::Context;

use super::exit::Failure;

/// Writes a result. A reader that has gone (`bastide ls | head -1`) is no error.
pub(crate) fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(e) if e.kind() == ErrorKind::BrokenPipe => Err(Failure::Unread),
        Err(e) => Err(Failure::Other(anyhow::Error::new(e).context("cannot write to standard output"))),
    }
}

/// As [`print`], with a line end.
pub(crate) fn line(text: &str) -> Result<(), Failure> {
    print(format!("{text}\n").as_bytes())
}

/// Writes `value` as indented JSON.
pub(crate) fn json(value: &impl serde::Serialize) -> Result<(), Failure> {
    line(&serde_json::to_string_pretty(value).context("cannot write JSON")?)
}

/// Says something beside the result.
pub(crate) fn remark(text: &str) {
    // Without a reader there is nobody to tell.
    let _ = writeln!(std::io::stderr(), "{text}");
}
