//! What a server's answers say (section 7), read with bounds of our own.

use bastide_wire::sftp::{Attributes, Fields, answer};
use bytes::Bytes;

use super::{Entry, Handle, SftpError};

/// Of a handle; the draft says 256.
pub(super) const MAX_HANDLE: usize = 256;
/// Of one name; file systems have 255.
pub(super) const MAX_NAME: usize = 1024;
/// Of a path, or of what a link says; systems have 4096.
pub(super) const MAX_PATH: usize = 8 * 1024;
/// Of what a server says, for people.
pub(super) const MAX_WORDS: usize = 200;

pub(super) fn handle((kind, mut fields): (u8, Fields)) -> Result<Handle, SftpError> {
    if kind != answer::HANDLE {
        return Err(said(kind, fields));
    }
    let handle = fields.string()?;
    if handle.len() > MAX_HANDLE {
        return Err(SftpError::Bad);
    }
    Ok(Handle(Bytes::copy_from_slice(&handle)))
}

pub(super) fn one_name((kind, mut fields): (u8, Fields)) -> Result<Bytes, SftpError> {
    if kind != answer::NAME {
        return Err(said(kind, fields));
    }
    match fields.number()? {
        1 => {
            let name = fields.string()?;
            short(&name, MAX_PATH)?;
            Ok(name)
        }
        _ => Err(SftpError::Bad),
    }
}

fn short(name: &[u8], most: usize) -> Result<(), SftpError> {
    if name.len() > most {
        return Err(SftpError::LongName { length: name.len(), most });
    }
    Ok(())
}

/// The names in a piece of a directory. Names that no name can be are left out: a server that sends them means harm.
pub(super) fn entries(mut fields: Fields) -> Result<Vec<Entry>, SftpError> {
    let mut entries = Vec::new();
    for _ in 0..fields.number()? {
        let (name, _long) = (fields.string()?, fields.string()?);
        let attributes = fields.attributes()?;
        short(&name, MAX_NAME)?;
        if !matches!(name.as_ref(), b"" | b"." | b"..") && !name.iter().any(|byte| matches!(byte, 0 | b'/')) {
            // The packet is not kept for the sake of these few bytes.
            entries.push(Entry { name: Bytes::copy_from_slice(&name), attributes });
        }
    }
    Ok(entries)
}

pub(super) fn attributes((kind, mut fields): (u8, Fields)) -> Result<Attributes, SftpError> {
    if kind == answer::ATTRS { Ok(fields.attributes()?) } else { Err(said(kind, fields)) }
}

pub(super) fn done(kind: u8, fields: Fields) -> Result<(), SftpError> {
    match said(kind, fields) {
        SftpError::Said { code: answer::OK, .. } => Ok(()),
        error => Err(error),
    }
}

/// What a status says; anything else is out of place where this is asked.
pub(super) fn said(kind: u8, mut fields: Fields) -> SftpError {
    if kind != answer::STATUS {
        return SftpError::Bad;
    }
    let Ok(code) = fields.number() else { return SftpError::Bad };
    let words = fields.string().unwrap_or_default();
    let words: String = bastide_wire::file_name::shown(&words).chars().take(MAX_WORDS).collect();
    SftpError::Said { code, words: if words.is_empty() { format!("failure {code}") } else { words } }
}
