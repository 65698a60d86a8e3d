//! Files, with OpenSSH's server.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use bastide_ssh::{Entry, Reading, Sftp, SftpError, Writing};
use bastide_testkit::{Sshd, within};
use bastide_wire::sftp::{Attributes, Kind, answer, request::open};
use bytes::Bytes;

use crate::rig::{nobody, pool};

async fn sftp(sshd: &Sshd) -> Sftp {
    within("sftp", pool().sftp(&sshd.ssh(), nobody())).await.unwrap()
}

fn bytes(path: &Path) -> &[u8] {
    path.as_os_str().as_bytes()
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at * 7 / 3 % 251).unwrap()).collect()
}

#[tokio::test]
async fn what_is_written_is_there_and_what_is_read_is_what_is_there() {
    let sshd = Sshd::start().await;
    let mut sftp = sftp(&sshd).await;
    let path = sshd.dir().join("a\nb\\ä");
    let content = pattern(5_000_003);
    let handle = sftp.open(bytes(&path), open::WRITE | open::CREATE | open::EXCLUSIVE).await.unwrap();
    let mut writing = Writing::new(handle.clone(), 0);
    let mut confirmed = Vec::new();
    for block in content.chunks(sftp.block()) {
        within("a block", sftp.write_next(&mut writing, Bytes::copy_from_slice(block))).await.unwrap();
        confirmed.extend(writing.take_confirmed().concat());
    }
    within("the rest", sftp.write_out(&mut writing)).await.unwrap();
    confirmed.extend(writing.take_confirmed().concat());
    assert_eq!((writing.confirmed(), confirmed == content), (content.len() as u64, true));
    sftp.close(&handle).await.unwrap();
    assert!(std::fs::read(&path).unwrap() == content);

    let size = content.len() as u64;
    for (from, end) in
        [(0, size), (1, 2), (100, 4_000_000), (4_999_000, u64::MAX), (size, size), (size + 9, u64::MAX)]
    {
        let handle = sftp.open(bytes(&path), open::READ).await.unwrap();
        let mut reading = Reading::new(handle.clone(), (from, end));
        let mut seen = Vec::new();
        while let Some(block) = within("a block", sftp.read(&mut reading)).await.unwrap() {
            seen.extend_from_slice(&block);
        }
        sftp.close(&handle).await.unwrap();
        let expected =
            &content[usize::try_from(from.min(size)).unwrap()..usize::try_from(end.min(size)).unwrap()];
        assert!(seen == expected, "{from}..{end}: {} bytes", seen.len());
    }
}

#[tokio::test]
async fn a_directory_is_told_and_changed() {
    let sshd = Sshd::start().await;
    let mut sftp = sftp(&sshd).await;
    let dir = sshd.dir().join("d");
    sftp.make_directory(bytes(&dir)).await.unwrap();
    let name = |name: &str| bytes(&dir.join(name)).to_vec();
    let files: Vec<_> = (0..250).map(|at| name(&format!("f{at:03}"))).collect();
    for file in &files {
        std::fs::write(Path::new(std::ffi::OsStr::from_bytes(file)), "x").unwrap();
    }
    std::os::unix::fs::symlink("nowhere", dir.join("link")).unwrap();
    let directory = sftp.open_directory(bytes(&dir)).await.unwrap();
    let mut entries = Vec::new();
    while let Some(more) = sftp.entries(&directory).await.unwrap() {
        entries.extend(more);
    }
    sftp.close(&directory).await.unwrap();
    entries.sort_by(|one: &Entry, other| one.name.cmp(&other.name));
    assert_eq!((entries.len(), entries[0].name.as_ref()), (251, b"f000".as_slice()));
    assert_eq!((entries[0].attributes.size, entries[250].attributes.kind()), (Some(1), Kind::Link));
    assert_eq!(sftp.read_link(&name("link")).await.unwrap(), "nowhere");
    let real = std::fs::canonicalize(&dir).unwrap();
    assert_eq!(sftp.real_path(&name("../d/.")).await.unwrap(), bytes(&real));

    sftp.set(&files[0], &Attributes { mode: Some(0o600), ..Attributes::default() }).await.unwrap();
    assert_eq!(sftp.stat(&files[0]).await.unwrap().permissions(), Some(0o600));
    assert!(matches!(
        sftp.rename(&files[0], &files[1], false).await,
        Err(SftpError::Said { code: answer::FAILURE, .. })
    ));
    assert!(sftp.replaces());
    sftp.rename(&files[0], &files[1], true).await.unwrap();
    let (which, error) = sftp.remove_all(&files).await.unwrap_err();
    assert_eq!(which, files[0]);
    assert!(matches!(error, SftpError::Said { code: answer::NO_SUCH_FILE, .. }));
    assert!(matches!(
        sftp.stat(&name("link")).await,
        Err(SftpError::Said { code: answer::NO_SUCH_FILE, .. })
    ));
    sftp.remove(&name("link")).await.unwrap();
    sftp.remove_directory(bytes(&dir)).await.unwrap();
    let space = sftp.space(bytes(sshd.dir())).await.unwrap().unwrap();
    assert!(space.free > 0 && space.free <= space.total);
}

#[tokio::test]
async fn a_connection_that_is_cut_says_so() {
    let sshd = Sshd::start().await;
    let mut sftp = sftp(&sshd).await;
    sshd.drop_connections();
    let error = within("the end", sftp.stat(b"/")).await.unwrap_err();
    assert!(matches!(error, SftpError::Lost(_)), "{error:?}");
}
