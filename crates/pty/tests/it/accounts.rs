//! Running as another account; needs root, and says so when it is not.

use std::os::unix::fs::PermissionsExt;

use bastide_pty::{Account, Error, Signal, environment, spawn};

use crate::terminals::{program, read_to_end, read_until, soon};

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

#[tokio::test]
async fn root_starts_a_program_as_another_account_with_its_rights_only() {
    if !is_root() {
        return;
    }
    let nobody = Account::named("nobody").unwrap();
    let mut id = program(
        "sh",
        &["-c", "id -u; id -g; id -G; cat /etc/shadow; grep ^Cap /proc/self/status; echo x > $(tty)"],
    );
    id.env = environment(&nobody, &Default::default()).unwrap();
    id.account = nobody.clone();
    let child = spawn(id).await.unwrap();
    let output = String::from_utf8(read_to_end(&child.master).await).unwrap();
    let lines: Vec<_> = output.lines().collect();
    assert_eq!(lines[0], nobody.uid.to_string());
    assert_eq!(lines[1], nobody.gid.to_string());
    let groups: Vec<u32> = lines[2].split(' ').map(|id| id.parse().unwrap()).collect();
    assert_eq!(groups, nobody.groups);
    assert!(lines[3].contains("Permission denied"), "{output}");
    assert!(output.contains("CapEff:\t0000000000000000"), "{output}");
    assert!(output.ends_with("x\r\n"), "its own terminal is writable: {output}");
    assert_eq!(soon(child.wait()).await.unwrap().code, 0);
}

#[tokio::test]
async fn the_rights_of_the_account_count_for_directory_and_program() {
    if !is_root() {
        return;
    }
    let private = tempfile::tempdir().unwrap();
    std::fs::set_permissions(private.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    let mut sh = program("sh", &[]);
    sh.account = Account::named("nobody").unwrap();
    sh.cwd = private.path().to_owned();
    let error = spawn(sh.clone()).await.unwrap_err();
    assert!(matches!(error, Error::Directory { .. }), "{error}");
    sh.cwd = "/".into();
    sh.program = private.path().join("tool").into();
    std::fs::copy("/bin/true", private.path().join("tool")).unwrap();
    let error = spawn(sh.clone()).await.unwrap_err();
    assert!(error.to_string().contains("Permission denied"), "{error}");
    // Looked up by name, a directory that may not be searched holds nothing.
    sh.env = vec![("PATH".into(), private.path().into())];
    sh.program = "tool".into();
    sh.env[0].1.push(":/bin");
    let error = spawn(sh).await.unwrap_err();
    assert!(error.to_string().contains("No such file"), "{error}");
}

#[tokio::test]
async fn a_program_of_another_account_is_signalled_and_ended() {
    if !is_root() {
        return;
    }
    let mut cat = program("sh", &["-c", "echo up; exec cat"]);
    cat.account = Account::named("nobody").unwrap();
    let child = spawn(cat).await.unwrap();
    read_until(&child.master, "up").await;
    child.signal(Signal::Term).unwrap();
    assert_eq!(soon(child.wait()).await.unwrap().signal, Some(15));
}
