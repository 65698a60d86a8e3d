//! The daemon's process, from its flags to its exit code.

use std::fs::OpenOptions;
use std::io::Write;

use anyhow::{Context, anyhow};

use super::{Ptyd, activation};
use crate::cli::daemon::{Place, READY};
use crate::cli::exit::{Failure, Outcome, Status};

pub(super) fn run(ptyd: &Ptyd, place: &Place) -> Outcome {
    if ptyd.own_session {
        // It fails only for who has a session of his own already.
        let _ = rustix::process::setsid();
    }
    let config = super::load(ptyd.settings.config.as_deref(), &ptyd.settings.flags(place))?;
    let _written = bastide_rt::logging::init(&ptyd.settings.logging()).context("the log")?;
    let activated = activation::listener()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|e| Failure::Other(anyhow!("cannot start: {e}")))?;
    let ready_fd = ptyd.ready_fd;
    let code = runtime
        .block_on(bastide_ptyd::run(config, activated, |_| {
            if let Some(fd) = ready_fd
                && let Err(error) = tell(fd)
            {
                tracing::warn!(fd, %error, "nobody was told that the daemon listens");
            }
        }))
        .map_err(|e| Failure::Other(e.into()))?;
    // What is left of it are waits that nobody needs.
    runtime.shutdown_background();
    Ok(Status(u8::try_from(code).unwrap_or(1)))
}

/// Says on descriptor `fd` that the daemon listens. Standard output is let go of after that: its other end
/// is who started us, and has no more to hear.
fn tell(fd: u32) -> std::io::Result<()> {
    let mut pipe = OpenOptions::new().write(true).open(format!("/proc/self/fd/{fd}"))?;
    pipe.write_all(format!("{READY}\n").as_bytes())?;
    if fd == 1 {
        let null = OpenOptions::new().write(true).open("/dev/null")?;
        rustix::stdio::dup2_stdout(null)?;
    }
    Ok(())
}
