//! `kill -9` of the server process while people work on other machines.

use bastide_testkit::{SshServer, SshServerOptions, Sshd, within};
use serde_json::json;

use crate::site::Site;

/// What the counter printed, in order. The line editor's last word stands before the first number.
fn counted(shown: &str) -> Vec<u64> {
    let number = |line: &str| line.rsplit('\r').next()?.strip_prefix('n')?.parse().ok();
    shown.lines().filter_map(number).collect()
}

#[tokio::test]
async fn a_shell_elsewhere_its_screen_and_its_output_outlive_the_server() {
    let sshd = Sshd::start().await;
    let mut site = Site::start().await;
    let far = site.sshd("far", &sshd, json!({})).await;
    let uid = site.session(far).await;
    let mut page = site.page(&uid, "client=a&fresh=1").await;
    page.types("cd; PS1='> '; KEPT=kept-$((6*7)); clear; echo sh''ell=$$.e''nd\r").await;
    page.sees(".end").await;
    let text = page.text();
    let shell = text.split_once("shell=").unwrap().1.split_once('.').unwrap().0;
    // It counts until a file is there, and says in another how far it is.
    page.types(
        "i=0; until [ -e stop ]; do i=$((i+1)); echo n$i; echo $i >at; sleep 0.01; done; echo al''l=$i\r",
    )
    .await;
    page.sees("n20").await;
    let daemon = site.daemon_pid();
    let at = || std::fs::read_to_string(sshd.dir().join("at")).ok()?.trim().parse::<u64>().ok();

    site.crash().await;
    page.loses().await;
    let seen = counted(&page.shown()).last().copied().unwrap();
    within("the counter to go on", async {
        while at().is_none_or(|at| at < seen + 50) {
            tokio::task::yield_now().await;
        }
    })
    .await;
    site.start_again().await;
    assert_eq!(site.daemon_pid(), daemon, "it is the same daemon");
    let session = site.get(&format!("/api/v1/sessions/{uid}")).await;
    assert_eq!(
        (&session["state"], &session["server"]["name"]),
        (&json!("running"), &json!("far")),
        "{session}"
    );

    let mut again = site.page(&uid, &format!("client=a&from={}", page.pos)).await;
    assert_eq!(again.hello["resumed"], true, "{}", again.hello);
    again.screen = page.screen;
    std::fs::write(sshd.dir().join("stop"), "").unwrap();
    again.sees("all=").await;
    again.sees("\n>").await;
    let whole = String::from_utf8_lossy(&[page.output, again.output.clone()].concat()).into_owned();
    let numbers = counted(&whole);
    assert!(numbers.len() as u64 > seen + 50);
    assert!(numbers.iter().copied().eq(1..=numbers.len() as u64), "nothing is lost or twice: {numbers:?}");

    let mut other = site.page(&uid, "client=b&watch=1").await;
    other.sees("\n>").await;
    assert_eq!(other.text(), again.text(), "whoever comes anew sees what whoever stayed sees");
    again.types("clear; echo still=$KEPT=$$.\r").await;
    again.sees(&format!("still=kept-42={shell}.")).await;
    assert_eq!(sshd.connections(), 1);
    site.end().await;
}

#[tokio::test]
async fn a_question_that_was_open_is_asked_again_and_its_answer_is_kept() {
    let far = SshServer::start(SshServerOptions::default().password("s3cret")).await;
    let mut site = Site::start().await;
    let server = site.server("far", far.port(), json!({ "username": "ann", "password": "s3cret" })).await;
    let uid = site.session(server).await;
    let mut page = site.page(&uid, "client=a&fresh=1").await;
    let question = page.hear("prompt").await;
    site.crash().await;
    site.start_again().await;

    let mut page = site.page(&uid, "client=a&fresh=1").await;
    let again = page.hear("prompt").await;
    assert_eq!((&again["prompt_id"], &again["key"]), (&question["prompt_id"], &question["key"]));
    page.say(json!({ "type": "prompt_reply", "prompt_id": again["prompt_id"], "accept": true })).await;
    page.sees("ready>").await;
    let keys = site.get(&format!("/api/v1/servers/{server}/host-keys")).await;
    assert_eq!(keys["items"][0]["key"], far.host_key(), "{keys}");
    site.end().await;
}
