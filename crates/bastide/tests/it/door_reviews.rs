//! Commands through the SSH door that a second person has to look at first.

use bastide_testkit::{Sshd, within};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, BufReader};
use tokio::process::{Child, ChildStderr};

use crate::door::{AtTerminal, Door};

const RULES: &str =
    r#"{"version":1,"rules":[{"id":"ask","priority":20,"action":"review","match":{"programs":["touch"]}}]}"#;

/// A door whose server has a command to be approved, and the token of somebody who may.
async fn door() -> (Door, Sshd, String) {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    door.site.sshd("web1", &sshd, json!({})).await;
    door.site.rules(RULES).await;
    let rob = door.site.reviewer("rob").await;
    (door, sshd, rob)
}

/// A client that waits: itself, what it says further, and the review.
async fn waits(door: &Door, command: &str) -> (Child, BufReader<ChildStderr>, String) {
    let mut ssh = door.ssh(&["admin+web1@127.0.0.1", command]).spawn().unwrap();
    let mut errors = BufReader::new(ssh.stderr.take().unwrap());
    let mut said = String::new();
    within("the client's being told", errors.read_line(&mut said)).await.unwrap();
    assert!(
        said.contains("waits until") && said.contains("reviewer") && said.contains("(rule ask)"),
        "{said}"
    );
    let review = said.trim().rsplit(' ').next().unwrap().to_owned();
    (ssh, errors, review)
}

async fn decide(door: &Door, who: &str, review: &str, does: &str) {
    let path = format!("/api/v1/reviews/{review}/{does}");
    door.site.ask_as(who, Method::POST, &path, Some(json!({ "reason": "seen" })), 200).await;
}

async fn open(door: &Door) -> Value {
    door.site.get("/api/v1/reviews?state=open").await["reviews"].clone()
}

#[tokio::test]
async fn a_command_waits_for_a_second_person_and_then_runs_or_does_not() {
    let (door, sshd, rob) = door().await;
    let mark = sshd.dir().join("mark");
    let command = format!("touch {}; echo ran", mark.display());
    let (ssh, mut errors, review) = waits(&door, &command).await;
    assert!(!mark.exists());
    decide(&door, &rob, &review, "approve").await;
    let output = within("the command", ssh.wait_with_output()).await.unwrap();
    let mut said = String::new();
    errors.read_to_string(&mut said).await.unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(0), b"ran\n".as_slice()), "{said}");
    assert!(said.contains("approved by rob: seen"), "{said}");
    assert!(mark.exists());
    let done = door.until_logged("server_execute", |entry| entry["approved_by"] == "rob").await;
    let verdicts =
        door.site.get(&format!("/api/v1/sessions/{}/verdicts", done["recording"].as_str().unwrap())).await;
    assert_eq!(verdicts["verdicts"][0]["review"], "approved", "{verdicts}");

    std::fs::remove_file(&mark).unwrap();
    let (ssh, mut errors, review) = waits(&door, &command).await;
    decide(&door, &rob, &review, "refuse").await;
    let output = within("the command", ssh.wait_with_output()).await.unwrap();
    let mut said = String::new();
    errors.read_to_string(&mut said).await.unwrap();
    assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(255), b"".as_slice()));
    assert!(said.contains("rob refused it: seen"), "{said}");
    assert!(!mark.exists());
    door.site.end().await;
}

#[tokio::test]
async fn a_command_is_given_up_when_its_client_goes() {
    let (door, sshd, _) = door().await;
    let mark = sshd.dir().join("mark");
    let (mut ssh, _errors, review) = waits(&door, &format!("touch {}", mark.display())).await;
    assert_eq!(open(&door).await[0]["id"], json!(review));
    ssh.kill().await.unwrap();
    within("the end of the review", async { while open(&door).await != json!([]) {} }).await;
    let seen = door.site.get(&format!("/api/v1/reviews/{review}")).await;
    assert_eq!(seen["state"], "cancelled", "{seen}");
    assert!(!mark.exists());
    door.site.end().await;
}

/// At a terminal: the client, and the review that it waits for.
async fn waits_at_terminal(door: &Door, command: &str) -> (AtTerminal, String) {
    let mut ssh = AtTerminal::start(door.ssh(&["-t", "admin+web1@127.0.0.1", command]));
    ssh.sees("the command waits until").await;
    ssh.sees("reviewer or an administrator").await;
    ssh.sees("Ctrl-C gives it up").await;
    let review = open(door).await[0]["id"].as_str().unwrap().to_owned();
    (ssh, review)
}

#[tokio::test]
async fn a_command_in_a_terminal_waits_and_then_runs_in_it() {
    let (door, sshd, rob) = door().await;
    let mark = sshd.dir().join("mark");
    let sized = "until [ \"$(stty size)\" = '30 100' ]; do sleep 0.05; done; echo sized";
    let command = format!("touch {}; {sized}; read -r word; echo \"got $word\"; exit 5", mark.display());
    let (mut ssh, review) = waits_at_terminal(&door, &command).await;
    assert!(!mark.exists());
    // What is typed meanwhile is for the command, and the terminal has the size that it has by then.
    ssh.types("ahead\r").await;
    ssh.resize(100, 30);
    decide(&door, &rob, &review, "approve").await;
    ssh.sees("approved by rob: seen").await;
    ssh.sees("sized").await;
    ssh.sees("got ahead").await;
    assert_eq!(ssh.ends().await, 5);
    assert!(mark.exists());
    let seen = door.site.get(&format!("/api/v1/reviews/{review}")).await;
    let session = door.site.until_ended(seen["session"].as_str().unwrap()).await;
    assert_eq!(session["server"]["name"], "web1", "{session}");
    assert_eq!((&session["recording"]["state"], &session["exit"]["code"]), (&json!("closed"), &json!(5)));

    let (mut ssh, review) = waits_at_terminal(&door, &command).await;
    decide(&door, &rob, &review, "refuse").await;
    ssh.sees("rob refused it: seen").await;
    assert_eq!(ssh.ends().await, 255);
    door.site.end().await;
}

#[tokio::test]
async fn a_command_in_a_terminal_is_given_up_with_ctrl_c_and_by_leaving() {
    let (door, sshd, _) = door().await;
    let mark = sshd.dir().join("mark");
    let command = format!("touch {}", mark.display());
    let cancelled = async |review: &str| {
        within("the end of the review", async { while open(&door).await != json!([]) {} }).await;
        let seen = door.site.get(&format!("/api/v1/reviews/{review}")).await;
        assert_eq!(seen["state"], "cancelled", "{seen}");
    };
    let (mut ssh, review) = waits_at_terminal(&door, &command).await;
    ssh.types("\x03").await;
    ssh.sees("the command was given up").await;
    assert_eq!(ssh.ends().await, 255);
    cancelled(&review).await;
    let (ssh, review) = waits_at_terminal(&door, &command).await;
    ssh.killed().await;
    cancelled(&review).await;
    assert!(!mark.exists());
    assert_eq!(door.site.get("/api/v1/sessions?state=running").await["sessions"], json!([]));
    door.site.end().await;
}
