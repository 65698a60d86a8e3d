//! The process that supervisors come from.
//!
//! A program's start costs a megabyte that nobody shares: the loader writes addresses all over the pages of
//! tables that it has just mapped. So one process is started from the program, and each supervisor is a copy
//! of it that shares those pages. It never has more than one thread, holds nothing of any session, and its
//! copies are the daemon's children as if the daemon had started them (clone(2), `CLONE_PARENT`): when it is
//! gone they stay, and the next session gets a new one.

use std::ffi::CStr;
use std::io;
use std::os::fd::OwnedFd;
use std::process::ExitCode;

use rustix::net::RecvFlags;

use super::kernel;
use super::wire::{self, Born, Wanted};

/// The argument that makes `bastide gate` one.
pub(super) const ARGUMENT: &str = "--cradle";

/// As ps(1) shows them; the command line is the same.
const NAME: &CStr = c"bastide-cradle";
const SUPERVISOR_NAME: &CStr = c"bastide-gate";

/// Bytes of a request, which are a few.
const REQUEST_BYTES: usize = 256;

/// Makes copies as they are asked for on descriptor 0. `Err` is the end; `Ok` is a copy, which has its line
/// as descriptor 0 and its job as descriptor 1.
pub(super) fn serve() -> Result<(), ExitCode> {
    let Ok(line) = begin() else { return Err(ExitCode::FAILURE) };
    kernel::forget_clean_pages();
    let mut buffer = [0; REQUEST_BYTES];
    loop {
        match wire::receive::<Wanted>(&line, &mut buffer, RecvFlags::empty()) {
            Ok((Wanted {}, descriptors)) => {
                let Ok([theirs, job]) = <[OwnedFd; 2]>::try_from(descriptors) else {
                    return Err(ExitCode::FAILURE);
                };
                match kernel::fork_beside() {
                    Ok(None) => return become_supervisor(&theirs, &job).map_err(|_| ExitCode::FAILURE),
                    born => {
                        let errno = |error: io::Error| error.raw_os_error().unwrap_or(libc::EIO);
                        let born = Born { pid: born.map(Option::unwrap_or_default).map_err(errno) };
                        // Nobody who asked: the end is the next thing that is read.
                        let _ = wire::send(&line, &born, &[]);
                    }
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Err(ExitCode::SUCCESS),
            Err(_) => return Err(ExitCode::FAILURE),
        }
    }
}

fn begin() -> io::Result<OwnedFd> {
    let line = kernel::inherited(0)?;
    kernel::set_name(NAME)?;
    kernel::set(libc::PR_SET_DUMPABLE, 0)?;
    // Ctrl-C at the daemon's terminal is not meant for us. Fails for a group leader, which is away already.
    let _ = rustix::process::setsid();
    Ok(line)
}

fn become_supervisor(line: &OwnedFd, job: &OwnedFd) -> io::Result<()> {
    kernel::set_name(SUPERVISOR_NAME)?;
    // Until it has made its namespaces: the files of proc(5) that it writes then are its own.
    kernel::set(libc::PR_SET_DUMPABLE, 1)?;
    rustix::stdio::dup2_stdin(line)?;
    rustix::stdio::dup2_stdout(job)?;
    Ok(())
}
