//! Other permissions for what lies at a path, and never for what a link leads to.

use bastide_ssh::{Handle, Sftp, SftpError};
use bastide_wire::sftp::request::open;
use bastide_wire::sftp::{Attributes, Kind, answer};

use super::FileError;
use super::failure::Tried;
use super::place::is_same;
use super::shown;
use crate::Error;

/// What is written to meanwhile looks like another file, so it is looked at again.
const LOOKS: usize = 3;

/// A link is refused. One may come there after the look, where somebody else may write to the directory, and `SETSTAT`
/// follows it (section 6.9 of the draft): so it is OpenSSH's request that does not, or else what is there is opened,
/// seen to be the same, and changed by its handle.
///
/// What cannot be opened either is changed by its path, right after the look: on a server without that request a file
/// that the account may neither read nor write, or a pipe, or a directory where directories are not opened as files.
pub(super) async fn chmod(sftp: &mut Sftp, tried: Tried<'_>, mode: u32) -> Result<(), Error> {
    let failed = |error| Error::from(tried.failed(error));
    let to = Attributes { mode: Some(mode), ..Attributes::default() };
    let kind = look(sftp, tried).await?.kind();
    match sftp.set_itself(tried.path, &to).await {
        Err(error) if is_vague(&error) => {}
        done => return done.map_err(failed),
    }
    // To open a pipe waits for its other end.
    if matches!(kind, Kind::File | Kind::Directory)
        && let Some(handle) = open_itself(sftp, tried).await?
    {
        let done = sftp.set_open(&handle, &to).await;
        sftp.close(&handle).await.map_err(failed)?;
        return done.map_err(failed);
    }
    look(sftp, tried).await?;
    sftp.set(tried.path, &to).await.map_err(failed)
}

/// What is there; no link.
async fn look(sftp: &mut Sftp, tried: Tried<'_>) -> Result<Attributes, Error> {
    let seen = sftp.stat_link(tried.path).await.map_err(|error| tried.failed(error))?;
    if seen.kind() == Kind::Link {
        let why = "it is a link, which has no permissions: set those of what it leads to, at its own path";
        return Err(FileError::refused(tried.path, why).into());
    }
    Ok(seen)
}

/// `None` where the account may not open it.
async fn open_itself(sftp: &mut Sftp, tried: Tried<'_>) -> Result<Option<Handle>, Error> {
    let failed = |error| Error::from(tried.failed(error));
    for way in [open::READ, open::WRITE] {
        let handle = match sftp.open(tried.path, way).await {
            Ok(handle) => handle,
            Err(SftpError::Said { .. }) => continue,
            Err(error) => return Err(failed(error)),
        };
        for _ in 0..LOOKS {
            let seen = look(sftp, tried).await?;
            let opened = sftp.stat_open(&handle).await.map_err(failed)?;
            if is_same(&seen, &opened) {
                return Ok(Some(handle));
            }
        }
        return Err(FileError::Changed(shown(tried.path)).into());
    }
    Ok(None)
}

/// The server, or what it runs on, does not know this request, or does not say why not.
fn is_vague(error: &SftpError) -> bool {
    matches!(error, SftpError::Said { code: answer::FAILURE | answer::UNSUPPORTED | answer::BAD_MESSAGE, .. })
}
