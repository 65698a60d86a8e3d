//! A new file that takes the place of another.

use bastide_ssh::{Handle, Sftp, SftpError};
use bastide_wire::sftp::Attributes;

/// Permissions of what lies beside a file that it is to replace: that one may be for its owner's eyes alone.
pub(super) const PRIVATE: u32 = 0o600;

/// Set-uid and set-gid.
const SET_ID: u32 = 0o6000;

/// Whether both are of one file, as far as a server tells: what was seen at a path, and what was opened there.
pub(super) fn is_same(one: &Attributes, other: &Attributes) -> bool {
    let facts = |of: &Attributes| (of.size, of.owner, of.mode, of.times.map(|(_, changed)| changed));
    facts(one) == facts(other)
}

/// Gives what is open the owner and the permissions of what it takes the place of. By its handle: in a directory that
/// somebody else may write to, a link can lie at its path at any moment, and a server follows links.
///
/// Only root may give files away, and then it has to: it would take the file away from its owner. Before the
/// permissions, which the kernel takes bits from when the owner changes. Where the owner is not kept, the file does not
/// act in the name of another.
pub(super) async fn inherit(sftp: &mut Sftp, handle: &Handle, before: &Attributes) -> Result<(), SftpError> {
    let Some(mode) = before.permissions() else { return Ok(()) };
    let mut owner = sftp.stat_open(handle).await?.owner;
    if before.owner.is_some() && owner != before.owner {
        let given = Attributes { owner: before.owner, ..Attributes::default() };
        // What has come of it is asked for next.
        drop(sftp.set_open(handle, &given).await);
        owner = sftp.stat_open(handle).await?.owner;
    }
    let kept = owner.is_some() && owner == before.owner;
    let mode = Some(if kept { mode } else { mode & !SET_ID });
    sftp.set_open(handle, &Attributes { mode, ..Attributes::default() }).await
}
