//! What a program starts with, and why it does not.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use bastide_pty::{Error, Fault, Size, Spawn, cwd_of, raise_open_file_limit, spawn};

use crate::terminals::{alone, output_of, program, read_to_end, read_until, sh, write_all};

async fn refused(program: Spawn) -> Error {
    let error = spawn(program).await.expect_err("it cannot start");
    assert_eq!(error.fault(), Fault::Caller, "{error}");
    error
}

#[tokio::test]
async fn a_program_has_three_descriptors_whatever_else_is_open() {
    if !alone("starts::a_program_has_three_descriptors_whatever_else_is_open") {
        return;
    }
    let _other = sh("sleep 1000").await;
    let file = std::fs::File::open("/dev/null").unwrap();
    // One that is not close-on-exec, as a library might leave it.
    std::mem::forget(rustix::io::dup(&file).unwrap());
    let listed = output_of("exec ls -1 /proc/self/fd").await;
    // The fourth is the directory that ls itself reads.
    assert_eq!(listed, ["0", "1", "2", "3"]);
}

#[tokio::test]
async fn a_program_leads_a_session_on_its_own_terminal() {
    let child = sh("ps -o pid=,sid=,pgid=,tty= -p $$; tty; cat /proc/$$/cwd 2>&- ; read x").await;
    let text = read_until(&child.master, "/dev/pts/").await;
    let fields: Vec<_> = text.split_whitespace().collect();
    let pid = child.pid().to_string();
    assert_eq!(fields[..3], [pid.as_str(); 3]);
    let pts = child.pts().to_str().unwrap();
    assert!(Path::new(pts).exists());
    assert_eq!(format!("/dev/{}", fields[3]), pts);
    assert_eq!(fields[4], pts);
    assert_eq!(cwd_of(child.pid()).as_deref(), Some(Path::new("/")));
}

#[tokio::test]
async fn signal_handling_umask_and_limits_are_those_of_a_login() {
    if !alone("starts::signal_handling_umask_and_limits_are_those_of_a_login") {
        return;
    }
    raise_open_file_limit().unwrap();
    let listed = output_of("umask; ulimit -Sn; exec cat /proc/self/status").await;
    for mask in ["SigBlk", "SigIgn", "SigCgt"] {
        let none = format!("{mask}:\t0000000000000000");
        assert!(listed.contains(&none), "{listed:?}");
    }
    assert_eq!(listed[0], "0022");
    assert!(listed[1].parse::<u64>().unwrap() <= 1024);
}

#[tokio::test]
async fn the_environment_is_exactly_what_was_given() {
    let mut env = program("/usr/bin/env", &[]);
    env.env = vec![("A".into(), "1=2".into()), ("PATH".into(), "/bin".into())];
    let child = spawn(env).await.unwrap();
    let output = read_to_end(&child.master).await;
    assert_eq!(String::from_utf8(output).unwrap(), "A=1=2\r\nPATH=/bin\r\n");
}

#[tokio::test]
async fn a_name_is_looked_up_in_the_given_path_and_a_login_shell_knows_it_is_one() {
    let dir = tempfile::tempdir().unwrap();
    let tool = dir.path().join("own-tool");
    std::fs::write(&tool, "#!/bin/sh\necho found $1 in $PWD\n").unwrap();
    std::fs::set_permissions(&tool, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut named = program("own-tool", &["it"]);
    let path = format!("/nowhere:{}:/bin", dir.path().display());
    named.env = vec![("PATH".into(), path.into())];
    named.cwd = dir.path().to_owned();
    let child = spawn(named).await.unwrap();
    let output = String::from_utf8(read_to_end(&child.master).await).unwrap();
    assert_eq!(output, format!("found it in {}\r\n", dir.path().display()));

    let mut login = program("bash", &["--noprofile"]);
    login.login = true;
    let child = spawn(login).await.unwrap();
    write_all(&child.master, b"echo \"$0\"; shopt login_shell; exit\n").await;
    let output = String::from_utf8(read_to_end(&child.master).await).unwrap();
    assert!(output.contains("\r-bash\r\n"), "{output:?}");
    let words: Vec<_> = output.split_whitespace().collect();
    assert!(words.windows(2).any(|pair| pair == ["login_shell", "on"]), "{output}");
}

#[tokio::test]
async fn a_program_that_cannot_run_is_an_error_that_names_it() {
    let dir = tempfile::tempdir().unwrap();
    let text = dir.path().join("text");
    std::fs::write(&text, "hello").unwrap();
    let text = text.to_str().unwrap();

    let error = refused(program("/no/such/shell", &[])).await;
    let expected = "cannot run /no/such/shell: No such file or directory (os error 2)";
    assert_eq!(error.to_string(), expected);
    let error = refused(program("no-such-shell", &[])).await;
    assert!(error.to_string().contains("no-such-shell: No such file"));
    let error = refused(program(text, &[])).await;
    assert!(error.to_string().contains("Permission denied"), "{error}");
    std::fs::set_permissions(text, std::fs::Permissions::from_mode(0o755)).unwrap();
    let error = refused(program(text, &[])).await;
    assert!(error.to_string().contains("Exec format error"), "{error}");
    refused(program("/tmp", &[])).await;
    refused(program("", &[])).await;
    refused(program("a\0b", &[])).await;
    refused(program("sh", &["a\0b"])).await;
}

#[tokio::test]
async fn a_directory_that_cannot_be_entered_is_an_error_that_names_it() {
    for (cwd, says) in [("/no/such/directory", "No such file"), ("/dev/null", "Not a directory")] {
        let mut sh = program("sh", &[]);
        sh.cwd = cwd.into();
        let error = refused(sh).await.to_string();
        let expected = format!("cannot enter the directory {cwd}: {says}");
        assert!(error.starts_with(&expected), "{error}");
    }
}

#[tokio::test]
async fn a_failed_start_leaves_neither_process_nor_descriptor() {
    if !alone("starts::a_failed_start_leaves_neither_process_nor_descriptor") {
        return;
    }
    let fds = || std::fs::read_dir("/proc/self/fd").unwrap().count();
    refused(program("/no/such/shell", &[])).await;
    let before = fds();
    for _ in 0..100 {
        refused(program("/no/such/shell", &[])).await;
    }
    assert!(fds() < before + 20, "{before} before, {} after", fds());
    let own = std::process::id().to_string();
    for entry in std::fs::read_dir("/proc").unwrap() {
        let stat = entry.unwrap().path().join("stat");
        let stat = std::fs::read_to_string(stat).unwrap_or_default();
        let after = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        assert!(!after.starts_with(&format!("Z {own} ")), "zombie: {stat}");
    }
}

#[tokio::test]
async fn a_size_without_cells_is_refused_and_others_are_seen_by_the_program() {
    let mut sh = program("stty", &["size"]);
    for (cols, rows) in [(0, 24), (80, 0), (0, 0)] {
        sh.size = Size { cols, rows };
        refused(sh.clone()).await;
    }
    sh.size = Size { cols: 65535, rows: 1 };
    let child = spawn(sh).await.unwrap();
    assert_eq!(read_to_end(&child.master).await, b"1 65535\r\n");
}
