//! Bytes through the terminal, both ways, and its size and modes.

use std::io::ErrorKind;

use bastide_pty::{Size, spawn};

use crate::terminals::{program, read_until, sh, soon, write_all};

#[tokio::test]
async fn a_program_that_does_not_read_blocks_nobody_and_gets_all_when_it_reads() {
    const BYTES: usize = 1 << 20;
    let script = "stty raw -echo; echo ready; read go < \"$GO\"; head -c 1048576 | cksum; read x";
    let dir = tempfile::tempdir().unwrap();
    let go = dir.path().join("go");
    let fifo = rustix::fs::FileType::Fifo;
    rustix::fs::mknodat(rustix::fs::CWD, &go, fifo, rustix::fs::Mode::RWXU, 0).unwrap();
    let mut reader = program("sh", &["-c", script]);
    reader.env.push(("GO".into(), go.clone().into()));
    let child = spawn(reader).await.unwrap();
    read_until(&child.master, "ready").await;

    let data = vec![b'x'; BYTES];
    let mut sent = 0;
    soon(child.master.writable()).await.unwrap();
    loop {
        match child.master.try_write(&data[sent..]) {
            Ok(n) => sent += n,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                break;
            }
        }
    }
    assert!(sent < 512 * 1024, "the terminal took {sent} bytes");

    std::fs::write(&go, "go\n").unwrap();
    write_all(&child.master, &data[sent..]).await;
    // cksum of 1 MiB of 'x', POSIX cksum.
    let expected = std::process::Command::new("sh")
        .args(["-c", "head -c 1048576 /dev/zero | tr '\\0' x | cksum"])
        .output()
        .unwrap();
    let expected = String::from_utf8(expected.stdout).unwrap();
    read_until(&child.master, expected.trim()).await;
}

#[tokio::test]
async fn nothing_to_read_says_so_and_then_wakes() {
    let child = sh("stty -echo; read line; echo got $line; read x").await;
    let error = child.master.try_read(&mut [0; 16]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    write_all(&child.master, b"one\n").await;
    read_until(&child.master, "got one").await;
}

#[tokio::test]
async fn a_resize_is_seen_and_announced() {
    let script = "trap 'stty size' WINCH; stty size; echo ready; sleep 1000 & wait";
    let child = spawn(program("bash", &["-c", script])).await.unwrap();
    let first = read_until(&child.master, "ready").await;
    assert!(first.starts_with("24 80"), "{first}");
    let size = Size { cols: 132, rows: 50 };
    child.master.resize(size).unwrap();
    read_until(&child.master, "50 132").await;
    let none = Size { cols: 0, rows: 50 };
    let error = child.master.resize(none).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[tokio::test]
async fn echo_and_password_prompts_are_told_apart_from_editors() {
    let child = sh("echo a; read x; stty -echo; echo b; read x; stty raw; echo c; read x").await;
    read_until(&child.master, "a").await;
    assert!(child.master.echo() && !child.master.hides_typing());
    write_all(&child.master, b"\n").await;
    read_until(&child.master, "b").await;
    assert!(!child.master.echo() && child.master.hides_typing());
    write_all(&child.master, b"\n").await;
    read_until(&child.master, "c").await;
    assert!(!child.master.echo() && !child.master.hides_typing());
}

#[tokio::test]
async fn an_erase_takes_a_whole_wide_character() {
    let child = sh("stty -echo; echo ready; read line; echo \"[$line]\"; read x").await;
    read_until(&child.master, "ready").await;
    write_all(&child.master, "a漢\x7fb\n".as_bytes()).await;
    read_until(&child.master, "[ab]").await;
}

#[tokio::test]
async fn limits_hold_for_the_program_and_not_for_us() {
    let mut spawn_limited = program("/bin/sh", &["-c", "ulimit -n; ulimit -f; ulimit -t; echo done"]);
    // `ulimit -f` counts in blocks of 512 bytes.
    spawn_limited.limits = bastide_pty::Limits {
        open_files: Some(77),
        file_size: Some(512 * 9),
        cpu_seconds: Some(33),
        ..bastide_pty::Limits::default()
    };
    let child = spawn(spawn_limited).await.unwrap();
    let text = read_until(&child.master, "done").await;
    assert!(text.starts_with("77\r\n9\r\n33\r\n"), "{text}");
    let own = rustix::process::getrlimit(rustix::process::Resource::Cpu);
    assert_ne!(own.current, Some(33));
}
