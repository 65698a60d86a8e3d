//! Shells elsewhere that do not come to be, and the questions on the way. What comes after the dial is tested with
//! a real server, where the program is.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bastide_ssh::{Answer, Ask, Error, Question, ShellOptions};
use bastide_wire::event::{Event, Prompt};
use bastide_wire::ssh::{PresentedKey, PromptKind, Secret, Ssh};
use bastide_wire::{Code, Reply};
use uuid::Uuid;

use super::live::{Client, Live, Setup, WATCHER, Wish};
use crate::{Command, Dial, Dialler, EndReason, Happening, Look, PromptAnswer, PromptReply};

/// What a dial does: asks these one after the other, then fails with what was answered.
#[derive(Debug)]
struct Script {
    questions: Vec<PromptKind>,
    /// Then it waits for ever instead.
    hangs: bool,
    answers: Arc<Mutex<Vec<Answer>>>,
}

impl Dialler for Script {
    fn dial(&self, _: Box<Ssh>, _: ShellOptions, ask: Arc<dyn Ask>) -> Dial {
        let (questions, hangs, answers) = (self.questions.clone(), self.hangs, Arc::clone(&self.answers));
        Box::pin(async move {
            for kind in questions {
                let answer = ask.ask(question(kind)).await;
                answers.lock().unwrap().push(answer);
            }
            if hangs {
                std::future::pending::<()>().await;
            }
            Err(Error::Authentication { place: "db1".into(), why: "no".into() })
        })
    }
}

fn question(kind: PromptKind) -> Question {
    let key = PresentedKey {
        host: "10.0.0.5".into(),
        port: 22,
        algorithm: "ssh-ed25519".into(),
        fingerprint: "SHA256:abc".into(),
        key: "ssh-ed25519 AAAA".into(),
    };
    Question {
        kind,
        server: "db1".into(),
        text: "One-time\u{1b}[2J code\u{202e}:".into(),
        echo: true,
        key: (kind == PromptKind::HostKey).then_some(key),
    }
}

struct Dialled {
    live: Live,
    answers: Arc<Mutex<Vec<Answer>>>,
}

async fn dial(questions: &[PromptKind], hangs: bool) -> Dialled {
    let answers = Arc::default();
    let script = Script { questions: questions.to_vec(), hangs, answers: Arc::clone(&answers) };
    Dialled { live: Setup::new().dial(Arc::new(script)).await, answers }
}

const WRITER: Wish = Wish { viewer: Some(1), write: true, credit: 100_000_000 };

fn prompts(client: &Client) -> Vec<Prompt> {
    let prompt = |event: &Event| match event {
        Event::Prompt(prompt) => Some((**prompt).clone()),
        _ => None,
    };
    client.events.iter().filter_map(prompt).collect()
}

fn closed(client: &Client) -> usize {
    client.events.iter().filter(|event| matches!(event, Event::PromptClosed(_))).count()
}

async fn asked(client: &mut Client) -> Prompt {
    client.until("a question", |client| !prompts(client).is_empty()).await;
    prompts(client).pop().unwrap()
}

async fn says(live: &Live, client: &mut Client, prompt_id: Uuid, answer: PromptAnswer) -> Reply {
    let (key, reply) = (client.key(Some(1)), client.responder(9));
    live.send(Command::PromptReply(Box::new(PromptReply { key, prompt_id, answer, reply }))).await;
    client.reply().await
}

fn text(text: &str) -> PromptAnswer {
    PromptAnswer { text: Some(Secret::new(text)), accept: false }
}

#[tokio::test]
async fn a_dial_that_fails_ends_the_session_and_says_why_also_to_who_comes_later() {
    let Dialled { mut live, .. } = dial(&[], false).await;
    let ended = live.happens("the end", |h| matches!(h, Happening::Ended { .. })).await;
    let Happening::Ended { reason, status, .. } = ended else { unreachable!() };
    assert_eq!(reason.word(), "ssh_failed");
    assert_eq!(reason.words(), Some("authentication: db1: no"));
    assert_eq!(status.unwrap().code, 255);
    let mut late = Client::new(1);
    live.attach(&mut late, WATCHER).await;
    late.until("the exit", |client| client.exits() == 1).await;
    let says_why = |event: &Event| matches!(event, Event::Notice(notice) if notice.kind == "ssh" && notice.text.contains("authentication"));
    assert!(late.events.iter().any(says_why), "{:?}", late.events);
}

#[tokio::test]
async fn a_session_that_dials_is_there_and_says_where_it_goes() {
    let Dialled { live, .. } = dial(&[], true).await;
    let info = live.describe().await;
    assert!(info.is_alive);
    assert_eq!((info.pid, info.pts.as_str()), (0, ""));
    let detail = info.detail.unwrap();
    assert_eq!(detail.command, ["ssh", "root@10.0.0.5"]);
    let remote = detail.remote.unwrap();
    assert!(remote.connecting);
    assert_eq!((remote.target.as_str(), remote.username.as_str(), remote.port), ("db1", "root", 22));
    let mut client = Client::new(1);
    live.attach(&mut client, WRITER).await;
    client.until("the notice", |client| client.notices() == 1).await;
    // What is typed waits for the shell.
    live.send(client.input(3, b"ls\r".to_vec())).await;
    assert!(matches!(client.reply().await, Reply::Ok(_)));
    live.send(client.resize(100, 30)).await;
    assert!(matches!(client.reply().await, Reply::Ok(_)));
    assert_eq!(live.describe().await.detail.unwrap().cols, 100);
    live.send(Command::Signal(bastide_pty::Signal::Int, client.responder(5))).await;
    assert!(matches!(client.reply().await, Reply::Error(_)), "there is nobody to signal");
}

#[tokio::test]
async fn who_may_type_is_asked_and_the_first_answer_counts() {
    let Dialled { mut live, answers } = dial(&[PromptKind::Password], true).await;
    let (mut first, mut second, mut watcher) = (Client::new(1), Client::new(2), Client::new(3));
    live.attach(&mut first, WRITER).await;
    live.attach(&mut watcher, WATCHER).await;
    let prompt = asked(&mut first).await;
    assert_eq!(prompt.text, "One-time[2J code:");
    // Who comes later is asked too.
    live.attach(&mut second, WRITER).await;
    assert_eq!(asked(&mut second).await.prompt_id, prompt.prompt_id);

    let answer = says(&live, &mut watcher, prompt.prompt_id, text("x")).await;
    assert!(matches!(answer, Reply::Error(e) if e.code == Code::ReadOnly.as_str()));
    assert!(matches!(says(&live, &mut second, prompt.prompt_id, text("hunter2")).await, Reply::Ok(_)));
    first.until("the question's end", |client| closed(client) == 1).await;
    let late = says(&live, &mut first, prompt.prompt_id, text("other")).await;
    assert!(matches!(late, Reply::Error(e) if e.code == Code::NotFound.as_str()));
    assert_eq!(*answers.lock().unwrap(), [Answer::Text(Secret::new("hunter2"))]);
    let told = live.happens("the log's entry", |h| matches!(h, Happening::Prompted { .. })).await;
    assert!(!format!("{told:?}").contains("hunter2"), "{told:?}");
    assert!(matches!(told, Happening::Prompted { outcome: "answered", .. }));
    assert_eq!(prompts(&watcher).len() + closed(&watcher), 0, "who only looks is not asked");
}

#[tokio::test]
async fn a_host_key_is_accepted_or_refused_and_nothing_else() {
    for (answer, expected) in [
        (PromptAnswer { text: None, accept: true }, Answer::Accept),
        (PromptAnswer { text: None, accept: false }, Answer::Refused),
        (text("yes"), Answer::Refused),
    ] {
        let Dialled { live, answers } = dial(&[PromptKind::HostKey], true).await;
        let mut client = Client::new(1);
        live.attach(&mut client, WRITER).await;
        let prompt = asked(&mut client).await;
        assert_eq!(prompt.key.as_ref().unwrap().fingerprint, "SHA256:abc");
        assert!(matches!(says(&live, &mut client, prompt.prompt_id, answer).await, Reply::Ok(_)));
        assert_eq!(*answers.lock().unwrap(), [expected]);
    }
}

#[tokio::test]
async fn consent_is_no_password() {
    let Dialled { live, answers } = dial(&[PromptKind::Password], true).await;
    let mut client = Client::new(1);
    live.attach(&mut client, WRITER).await;
    let prompt = asked(&mut client).await;
    let accept = PromptAnswer { text: None, accept: true };
    assert!(matches!(says(&live, &mut client, prompt.prompt_id, accept).await, Reply::Ok(_)));
    assert_eq!(*answers.lock().unwrap(), [Answer::Refused]);
}

#[tokio::test]
async fn an_unanswered_question_expires() {
    for (present, expected) in [(true, Answer::Expired), (false, Answer::Nobody)] {
        let answers = Arc::default();
        let script =
            Script { questions: vec![PromptKind::Question], hangs: false, answers: Arc::clone(&answers) };
        let mut setup = Setup::new();
        setup.config.answer_within = Duration::from_millis(300);
        let mut live = setup.dial(Arc::new(script)).await;
        let mut client = Client::new(1);
        if present {
            live.attach(&mut client, WRITER).await;
            asked(&mut client).await;
            client.until("the question's end", |client| closed(client) == 1).await;
        }
        let told = live.happens("the log's entry", |h| matches!(h, Happening::Prompted { .. })).await;
        assert!(matches!(told, Happening::Prompted { outcome: "expired", .. }));
        live.happens("the end", |h| matches!(h, Happening::Ended { .. })).await;
        assert_eq!(*answers.lock().unwrap(), [expected]);
    }
}

#[tokio::test]
async fn ending_takes_the_dial_and_its_questions_back() {
    for (reason, code) in
        [(EndReason::Ended("enough".into()), 255), (EndReason::Killed, 137), (EndReason::Shutdown, 255)]
    {
        let Dialled { mut live, answers } = dial(&[PromptKind::Password], true).await;
        let mut client = Client::new(1);
        live.attach(&mut client, WRITER).await;
        asked(&mut client).await;
        live.end(reason.clone()).await;
        let ended = live.happens("the end", |h| matches!(h, Happening::Ended { .. })).await;
        assert!(
            matches!(&ended, Happening::Ended { reason: why, status: Some(status), .. } if *why == reason && status.code == code),
            "{ended:?}"
        );
        client.until("the question's end", |client| closed(client) == 1).await;
        client.until("the exit", |client| client.exits() == 1).await;
        assert!(answers.lock().unwrap().is_empty());
    }
}

#[tokio::test]
async fn a_client_that_knows_no_questions_is_not_asked() {
    let Dialled { live, .. } = dial(&[PromptKind::Password], true).await;
    let mut client = Client::new(1);
    live.attach(&mut client, super::live::SEED).await;
    live.send(Command::Look(Look::Snapshot(0, client.responder(3)))).await;
    client.reply().await;
    assert!(prompts(&client).is_empty());
}
