//! Directories, sockets, and who else uses them.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;

use crate::daemon::Options;

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_directory_with_other_things_in_it_is_not_closed_to_others() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(directory.path().join("of somebody else"), "").unwrap();
    let socket = directory.path().join("ptyd.sock");
    let token = directory.path().join("ptyd.token");
    let _daemon = Options::default()
        .set("BASTIDE_PTYD_SOCKET", socket.display().to_string())
        .set("BASTIDE_PTYD_TOKEN_FILE", token.display().to_string())
        .start();
    assert_eq!(mode(directory.path()), 0o755, "like /run for a daemon of root");
    assert_eq!((mode(&socket), mode(&token)), (0o600, 0o600));
}

#[test]
fn a_directory_of_its_own_is_closed_to_others() {
    let directory = tempfile::tempdir().unwrap();
    let own = directory.path().join("own");
    std::fs::create_dir(&own).unwrap();
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o755)).unwrap();
    std::fs::write(own.join("ptyd.token"), "old").unwrap();
    let _daemon =
        Options::default().set("BASTIDE_PTYD_SOCKET", own.join("ptyd.sock").display().to_string()).start();
    assert_eq!(mode(&own), 0o700);
}

#[test]
fn a_socket_that_another_program_serves_is_not_taken_from_it() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("ptyd.sock");
    let theirs = UnixListener::bind(&socket).unwrap();
    let said = Options::default().set("BASTIDE_PTYD_SOCKET", socket.display().to_string()).fails();
    assert!(said.contains("another"), "{said}");
    std::os::unix::net::UnixStream::connect(&socket).unwrap();
    drop(theirs);
}

#[test]
fn a_start_that_fails_leaves_no_socket() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("ptyd.sock");
    let token = directory.path().join("token");
    std::fs::create_dir_all(token.join("a directory")).unwrap();
    let said = Options::default()
        .set("BASTIDE_PTYD_SOCKET", socket.display().to_string())
        .set("BASTIDE_PTYD_TOKEN_FILE", token.display().to_string())
        .fails();
    assert!(said.contains(&token.display().to_string()), "{said}");
    assert!(!socket.exists());
}
