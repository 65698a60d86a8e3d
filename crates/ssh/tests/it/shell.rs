//! Terminals on a real sshd.

use bastide_ssh::{Exit, ShellOptions};
use bastide_testkit::{Sshd, within};

use crate::rig::{nobody, pool, read_out, read_to, shell, type_in};

#[tokio::test]
async fn a_shell_echoes_has_a_size_and_ends_with_its_status() {
    let sshd = Sshd::start().await;
    let pool = pool();
    let how = ShellOptions { cols: 91, rows: 33, ..ShellOptions::default() };
    let shell = within("a shell", pool.shell(&sshd.ssh(), how, nobody())).await.unwrap();
    type_in(&shell, b"stty size; echo term=$TERM\n").await;
    let seen = read_to(&shell, "term=xterm").await;
    assert!(seen.contains("33 91"), "{seen}");
    shell.resize(120, 40);
    type_in(&shell, b"stty size; exit 7\n").await;
    read_to(&shell, "40 120").await;
    read_out(&shell).await;
    assert_eq!(within("the exit", shell.wait()).await, Exit::Status(7));
    pool.close().await;
}

#[tokio::test]
async fn shells_share_one_connection() {
    let sshd = Sshd::start().await;
    let pool = pool();
    let one = shell(&pool, &sshd.ssh()).await;
    let two = shell(&pool, &sshd.ssh()).await;
    assert_eq!(one.connection(), two.connection());
    let info = pool.connections();
    assert_eq!((info.len(), info[0].channels), (1, 2));
    type_in(&two, b"echo o''k\n").await;
    read_to(&two, "ok").await;
    pool.close().await;
    assert!(matches!(within("the end", one.wait()).await, Exit::Lost(_)));
}
