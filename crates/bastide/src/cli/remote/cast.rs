//! The contents of a recording from a server.

use std::fs::File;
use std::io::{self, ErrorKind, Seek, Write};

use anyhow::Context;
use reqwest::Method;
use uuid::Uuid;

use super::client::Client;
use super::{At, recordings};
use crate::cli::exit::Failure;

/// Writes all of it to `out`, as it comes.
pub(super) async fn fetch(
    client: &Client,
    uid: Uuid,
    format: &str,
    out: &mut impl Write,
) -> Result<(), Failure> {
    let path = format!("/api/v1/recordings/{uid}/cast");
    let mut response = client.send(client.request(Method::GET, &path).query(&[("format", format)])).await?;
    while let Some(bytes) = response.chunk().await.map_err(|error| client.unreachable(&error))? {
        match out.write_all(&bytes) {
            Err(e) if e.kind() == ErrorKind::BrokenPipe => return Err(Failure::Unread),
            written => written.context("cannot write the recording")?,
        }
    }
    Ok(())
}

/// The recording that `word` names on the server, in a file that has no name.
pub(crate) async fn fetched(at: &At, word: &str) -> Result<Option<File>, Failure> {
    let Some(client) = at.known()? else { return Ok(None) };
    let recording = recordings::find(&client, word).await?;
    let uid = recording["id"].as_str().and_then(|id| id.parse().ok());
    let uid = uid.context("the server has named a recording that has no id")?;
    let mut file = nameless().context("cannot make a file for the recording")?;
    fetch(&client, uid, "v3", &mut file).await?;
    file.rewind().context("cannot read the recording")?;
    Ok(Some(file))
}

fn nameless() -> io::Result<File> {
    let path = std::env::temp_dir().join(format!("bastide-{}", Uuid::new_v4().simple()));
    let mut options = File::options();
    options.read(true).write(true).create_new(true);
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(&path)?;
    std::fs::remove_file(&path)?;
    Ok(file)
}
