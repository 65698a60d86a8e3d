//! Job control under the gate is what it is without.

use bastide_pty::gate::Profile;
use bastide_pty::{Master, spawn};

use super::desk::{Desk, NO_RULES, at_prompt, setup};
use crate::terminals::{read_until, write_all};

/// What bash writes before it reads a line.
const PROMPT: &str = "\r\n\u{1b}[?2004h$ ";

/// What is typed, and what has to be seen before the next: for all but the programs in front, a prompt.
const DIALOGUE: [(&str, &str, bool); 9] = [
    ("sleep 100\r", "sleep 100\r\n", false),
    ("\u{1a}", "sleep 100", true),
    ("bg\r", "sleep 100 &", true),
    ("jobs | cat; echo listed=$?\r", "listed=0", true),
    ("fg\r", "sleep 100\r\n", false),
    ("\u{3}", "", true),
    ("echo status=$?; false | true | sh -c 'exit 3'; echo pipe=${PIPESTATUS[*]}\r", "pipe=1 0 3", true),
    ("(sleep 0.1; exit 5) & wait $!; echo waited=$?\r", "waited=5", true),
    (
        "sh -c 'kill -STOP $$; exit 4' ; jobs | wc -l; kill -CONT %1; wait %1; echo woken=$?\r",
        "woken=4",
        true,
    ),
];

/// Only when `sleep` itself is in front does a key mean anything to it: before its exec the shell's
/// child still ignores it.
async fn sleep_in_front(master: &Master) {
    let is_sleep = |group: i32| {
        std::fs::read_to_string(format!("/proc/{group}/comm")).is_ok_and(|name| name == "sleep\n")
    };
    crate::terminals::soon(async {
        while !master.foreground_group().is_some_and(is_sleep) {
            tokio::task::yield_now().await;
        }
    })
    .await;
}

async fn converse(master: &Master, mut see: impl AsyncFnMut(&str) -> String) -> String {
    let mut all = see("$ ").await;
    for (typed, expected, at_prompt) in DIALOGUE {
        if matches!(typed, "\u{1a}" | "\u{3}") {
            sleep_in_front(master).await;
        }
        write_all(master, typed.as_bytes()).await;
        all += &see(&format!("{expected}{}", if at_prompt { PROMPT } else { "" })).await;
    }
    plain(&all)
}

/// Numbers of processes differ from one run to the next.
fn plain(text: &str) -> String {
    let numbers = regex::Regex::new(r"\x1b\[[0-9;?]*[A-Za-z]|\r|\[1\] [0-9]+").unwrap();
    numbers.replace_all(text, "").into_owned()
}

#[tokio::test]
async fn job_control_is_the_same_as_without() {
    let shell = at_prompt();
    let free = spawn(shell.clone()).await.unwrap();
    let without = converse(&free.master, async |text| read_until(&free.master, text).await).await;
    for (profile, attached) in
        [(Profile::Closed, false), (Profile::Workbench, false), (Profile::Workbench, true)]
    {
        let mut asked = setup(shell.clone(), profile, NO_RULES);
        asked.attached = attached;
        let Desk { gated, .. } = Desk::open(asked).await;
        let bastide_pty::gate::Gated { child, mut control, .. } = gated;
        let reading = tokio::spawn(async move { while let Ok(Some(_)) = control.next().await {} });
        let with = converse(&child.master, async |text| read_until(&child.master, text).await).await;
        assert_eq!(with, without, "{profile:?}, attached: {attached}");
        drop(child);
        reading.await.unwrap();
    }
}
