//! Files of servers, over SFTP: looked at, moved both ways, and changed.
//!
//! Each request has a channel of its own in the server's pool, which ends with it, and with the right to it. Names are
//! bytes; [`bastide_wire::file_name`] says how they are written.

mod archive;
mod change;
mod download;
mod failure;
mod far;
mod list;
mod permissions;
mod place;
mod text;
mod upload;

use crate::Error;
use crate::sessions::OnServer;

pub use archive::{Format, archive};
pub use bastide_wire::file_name::shown;
pub use change::{Change, change};
pub use download::{Chunks, Content, open};
pub use failure::FileError;
pub use list::{File, Kind, List, list, stat};
pub use text::{MAX_TEXT, Text, read_text, write_text};
pub use upload::{Appended, Appending, Begun, New, abandon, append, begin, state};

pub(crate) use upload::Uploads;

/// A file or directory of a server, reached with a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct At {
    pub on: OnServer,
    /// One that does not begin with `/` is below the account's directory.
    pub path: Vec<u8>,
}

impl At {
    /// With the path in its written form.
    ///
    /// # Errors
    /// `Invalid`.
    pub fn new(on: OnServer, path: &str) -> Result<Self, Error> {
        Ok(Self { on, path: read(path)? })
    }
}

/// A name or path out of its written form.
///
/// # Errors
/// `Invalid`.
pub fn read(path: &str) -> Result<Vec<u8>, Error> {
    bastide_wire::file_name::read(path).map_err(|error| Error::Invalid(format!("path: {error}")))
}

/// The directory that a path is in, and its last name; `None` where there is no such name.
fn split(path: &[u8]) -> Option<(&[u8], &[u8])> {
    let (parent, name) = match path.iter().rposition(|byte| *byte == b'/') {
        Some(0) => (b"/".as_slice(), &path[1..]),
        Some(at) => (&path[..at], &path[at + 1..]),
        None => (b".".as_slice(), path),
    };
    (!matches!(name, b"" | b"." | b"..")).then_some((parent, name))
}

/// The same, of what is to be changed.
fn named(path: &[u8]) -> Result<(&[u8], &[u8]), Error> {
    split(path).ok_or_else(|| Error::Invalid("path: it must end with a name".to_owned()))
}

fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let slash: &[u8] = if directory.ends_with(b"/") { b"" } else { b"/" };
    [directory, slash, name].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_a_directory_and_a_name() {
        for (path, parts) in [
            ("/a/b", Some(("/a", "b"))),
            ("/a", Some(("/", "a"))),
            ("a", Some((".", "a"))),
            ("a/b/c", Some(("a/b", "c"))),
            ("/", None),
            ("/a/", None),
            ("/a/..", None),
            (".", None),
            ("", None),
        ] {
            let parts = parts.map(|(parent, name)| (parent.as_bytes(), name.as_bytes()));
            assert_eq!(split(path.as_bytes()), parts, "{path}");
        }
        assert_eq!((join(b"/", b"a"), join(b"/b", b"a")), (b"/a".to_vec(), b"/b/a".to_vec()));
    }
}
