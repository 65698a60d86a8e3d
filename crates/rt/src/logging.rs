//! Log entries to standard error, with RFC 3339 UTC times.
//!
//! Entries hold counts, ids and causes; never terminal bytes or secrets. That is why a panic's
//! message is logged only when it is fixed text: one that was put together may quote what it was
//! working on (slicing a string inside a character does).

use std::io::IsTerminal;
use std::panic::PanicHookInfo;

use serde::Deserialize;
use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::format::FmtSpan;

/// The variable whose filter outranks the settings.
pub const FILTER_VARIABLE: &str = "BASTIDE_LOG";
const DEFAULT_FILTER: &str = "info";

/// Libraries whose entries quote packets at the finer levels, so that secrets and terminal bytes could get into a
/// log: they are not heard whatever the filter says. What they fail at is told by the errors they return.
const QUIET: [&str; 1] = ["russh=off"];

/// What is logged, and how.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Logging {
    /// A level (`warn`), or levels by part (`info,bastide_ptyd=debug`); `info` if absent.
    pub filter: Option<String>,
    pub format: Format,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// A line for people.
    #[default]
    Text,
    /// A JSON object per line.
    Json,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("invalid log filter {filter:?} from {origin}: {cause}")]
    Filter { filter: String, origin: &'static str, cause: String },
    #[error("logging is set up already")]
    Twice,
}

/// Entries that wait for standard error to take them: a few megabytes at most. Past it entries are left out,
/// for whoever does not read our log must not make us stand still.
const MAX_WAITING: usize = 10_000;

/// Writes what waits when dropped, for a second at most; to be held until the process ends.
#[derive(Debug)]
#[must_use]
pub struct Written(#[expect(dead_code, reason = "held for its drop")] WorkerGuard);

/// Sets logging and the panic hook for the whole process; once, before any thread that may panic. Entries are
/// written by a thread of their own.
pub fn init(logging: &Logging) -> Result<Written, Error> {
    let filter = filter(logging, std::env::var(FILTER_VARIABLE).ok())?;
    let color = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let (writer, written) = NonBlockingBuilder::default()
        .lossy(true)
        .buffered_lines_limit(MAX_WAITING)
        .thread_name("log")
        .finish(std::io::stderr());
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(writer)
        .with_ansi(color)
        .with_span_events(FmtSpan::NONE)
        // It would report a failed write by eprintln!, which panics when standard error is gone:
        // a daemon outlives the terminal it was started from.
        .log_internal_errors(false);
    match logging.format {
        Format::Text => subscriber.try_init(),
        Format::Json => subscriber.json().flatten_event(true).try_init(),
    }
    .map_err(|_| Error::Twice)?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(Written(written))
}

fn filter(logging: &Logging, variable: Option<String>) -> Result<EnvFilter, Error> {
    let variable = variable.filter(|filter| !filter.trim().is_empty());
    let (filter, origin) = match (variable, &logging.filter) {
        (Some(filter), _) => (filter, FILTER_VARIABLE),
        (None, Some(filter)) => (filter.clone(), "the settings"),
        (None, None) => (DEFAULT_FILTER.to_owned(), "the default"),
    };
    let parsed = EnvFilter::try_new(&filter);
    let parsed = parsed.map_err(|cause| Error::Filter { filter, origin, cause: cause.to_string() })?;
    Ok(QUIET.iter().fold(parsed, |parsed, quiet| match quiet.parse() {
        Ok(directive) => parsed.add_directive(directive),
        Err(_) => parsed,
    }))
}

fn log_panic(info: &PanicHookInfo<'_>) {
    let message =
        info.payload().downcast_ref::<&'static str>().unwrap_or(&"(message withheld: it may quote data)");
    let location = info.location().map(ToString::to_string);
    let thread = std::thread::current();
    // Only with RUST_BACKTRACE set; it holds names of functions, no values.
    let backtrace = std::backtrace::Backtrace::capture();
    let backtrace = match backtrace.status() {
        std::backtrace::BacktraceStatus::Captured => Some(backtrace.to_string()),
        _ => None,
    };
    tracing::error!(location, thread = thread.name(), backtrace, "panic: {message}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(setting: Option<&str>, variable: Option<&str>) -> Result<String, Error> {
        let logging = Logging { filter: setting.map(str::to_owned), format: Format::Text };
        filter(&logging, variable.map(str::to_owned)).map(|filter| filter.to_string())
    }

    #[test]
    fn the_variable_outranks_the_setting_and_empty_is_absent() {
        assert_eq!(of(None, None).ok().as_deref(), Some("russh=off,info"));
        assert_eq!(of(Some("warn"), Some(" ")).ok().as_deref(), Some("russh=off,warn"));
        let debug = of(Some("warn"), Some("bastide_pty=debug"));
        assert_eq!(debug.ok().as_deref(), Some("bastide_pty=debug,russh=off"));
    }

    #[test]
    fn what_quotes_packets_is_not_heard_even_when_asked_for() {
        assert_eq!(of(Some("trace,russh=trace"), None).ok().as_deref(), Some("russh=off,trace"));
    }

    #[test]
    fn a_wrong_filter_is_an_error_that_says_where_it_came_from() {
        let error = of(None, Some("a=b=c")).expect_err("it is no filter");
        assert!(error.to_string().contains("from BASTIDE_LOG"), "{error}");
        let error = of(Some("a=b=c"), None).expect_err("it is no filter");
        assert!(error.to_string().contains("from the settings"), "{error}");
    }
}
