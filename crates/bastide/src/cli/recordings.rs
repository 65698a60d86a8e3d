//! Which recording a word on the command line means.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bastide_record::{Reader, SUFFIX};
use uuid::Uuid;

use super::daemon::Place;
use super::exit::Failure;
use super::remote::{At, cast};
use super::sessions;
use crate::env;

/// An open recording and where it lies.
pub(crate) struct Recording {
    pub(crate) reader: Reader<BufReader<File>>,
    pub(crate) path: PathBuf,
}

/// The recording that `word` names: a file, a session of the daemon, or a session that is gone, by the
/// beginning or end of its uid.
pub(crate) async fn open(word: &str, place: &Place) -> Result<Recording, Failure> {
    let path = find(word, place).await?;
    let reader = Reader::open(&path).with_context(|| path.display().to_string())?;
    Ok(Recording { reader, path })
}

/// As [`open`]; what is not here is looked for on the server that this account is logged in to.
pub(crate) async fn open_or_fetch(word: &str, place: &Place, at: &At) -> Result<Recording, Failure> {
    let here = if at.is_named() { None } else { Some(open(word, place).await) };
    let missing = match here {
        Some(Err(missing @ Failure::NotFound(_))) => Some(missing),
        Some(done) => return done,
        None => None,
    };
    let file = match (cast::fetched(at, word).await, missing) {
        (Ok(Some(file)), _) => file,
        // Nobody has logged in anywhere, or the server has not got it either.
        (Ok(None) | Err(Failure::NotFound(_)), Some(missing)) => return Err(missing),
        (Ok(None), None) => {
            return Err(Failure::Refused(
                "you are not logged in to any server: `bastide login URL`".to_owned(),
            ));
        }
        (Err(failure), _) => return Err(failure),
    };
    let path = PathBuf::from(word);
    let reader = Reader::new(BufReader::new(file)).with_context(|| format!("the recording {word}"))?;
    Ok(Recording { reader, path })
}

async fn find(word: &str, place: &Place) -> Result<PathBuf, Failure> {
    let file = Path::new(word);
    if file.is_file() || word.contains('/') {
        return Ok(file.to_owned());
    }
    if let Ok(client) = place.connect().await {
        let all = client.list().await?;
        match sessions::find(&all, word) {
            Ok(info) => {
                let file = info.detail.as_ref().and_then(|detail| detail.recording.file.as_ref());
                let file =
                    file.ok_or_else(|| Failure::NotFound(format!("session {word:?} is not recorded")))?;
                // The daemon names it within its directory.
                return Ok(directory()?.join(file));
            }
            Err(Failure::NotFound(_)) => {}
            Err(e) => return Err(e),
        }
    }
    let dir = directory()?;
    let mut found = named(&dir, word);
    match (found.pop(), found.is_empty()) {
        (Some(path), true) => Ok(path),
        (Some(_), false) => {
            Err(Failure::text(format!("{word:?} names several recordings in {}", dir.display())))
        }
        (None, _) => Err(Failure::NotFound(format!(
            "no recording {word:?}: no such file, no such session, and none of that id in {}",
            dir.display()
        ))),
    }
}

/// Where the daemon of this account keeps them.
pub(crate) fn directory() -> Result<PathBuf, Failure> {
    let state = match env::path(&env::STATE_DIR) {
        Some(dir) => dir,
        None => bastide_rt::paths::state_dir().context("no directory of recordings")?.join("ptyd"),
    };
    Ok(state.join("recordings"))
}

fn named(dir: &Path, word: &str) -> Vec<PathBuf> {
    // A directory that cannot be read holds nothing that can be played.
    let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
    let matches = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.strip_suffix(SUFFIX)
            .and_then(|uid| uid.parse::<Uuid>().ok())
            .is_some_and(|uid| sessions::is_part_of(word, uid))
    };
    entries.map(|entry| entry.path()).filter(matches).collect()
}
