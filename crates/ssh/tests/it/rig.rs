//! What all tests need.

use std::future::ready;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use bastide_rt::Tasks;
use bastide_ssh::{Answer, Ask, Config, NobodyToAsk, Pool, Question, Shell, ShellOptions};
use bastide_testkit::within;
use bastide_wire::ssh::{Secret, Ssh};

pub(crate) fn pool() -> Pool {
    Pool::new(Config::default(), Tasks::new())
}

pub(crate) fn nobody() -> Arc<dyn Ask> {
    Arc::new(NobodyToAsk)
}

/// Gives one answer after the other, and keeps the questions.
#[derive(Debug, Default)]
pub(crate) struct Scripted {
    answers: Mutex<Vec<Answer>>,
    asked: Mutex<Vec<Question>>,
}

impl Scripted {
    pub(crate) fn new(answers: impl IntoIterator<Item = Answer>) -> Arc<Self> {
        let mut answers: Vec<_> = answers.into_iter().collect();
        answers.reverse();
        Arc::new(Self { answers: Mutex::new(answers), asked: Mutex::default() })
    }

    pub(crate) fn asked(&self) -> Vec<Question> {
        self.asked.lock().unwrap().clone()
    }
}

impl Ask for Scripted {
    fn ask(&self, question: Question) -> Pin<Box<dyn Future<Output = Answer> + Send>> {
        self.asked.lock().unwrap().push(question);
        Box::pin(ready(self.answers.lock().unwrap().pop().unwrap_or(Answer::Nobody)))
    }
}

pub(crate) fn text(answer: &str) -> Answer {
    Answer::Text(Secret::new(answer))
}

pub(crate) async fn shell(pool: &Pool, to: &Ssh) -> Shell {
    within("a shell", pool.shell(to, ShellOptions::default(), nobody())).await.unwrap()
}

/// Types all of it, waiting for room.
pub(crate) async fn type_in(shell: &Shell, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match shell.try_write(bytes) {
            Ok(n) => bytes = &bytes[n..],
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                within("room to type", shell.writable()).await.unwrap();
            }
            Err(error) => panic!("typing: {error}"),
        }
    }
}

/// Reads until `text` has come; everything up to then.
pub(crate) async fn read_to(shell: &Shell, text: &str) -> String {
    let mut seen = Vec::new();
    within(&format!("{text:?} on the screen"), async {
        let mut buf = [0; 4096];
        loop {
            shell.readable().await.unwrap();
            match shell.try_read(&mut buf) {
                Ok(0) => panic!("it ended after {:?}", String::from_utf8_lossy(&seen)),
                Ok(n) => seen.extend_from_slice(&buf[..n]),
                Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock),
            }
            if String::from_utf8_lossy(&seen).contains(text) {
                return String::from_utf8_lossy(&seen).into_owned();
            }
        }
    })
    .await
}

/// Reads to the end; how many bytes it was.
pub(crate) async fn read_out(shell: &Shell) -> usize {
    let mut total = 0;
    within("the end", async {
        let mut buf = vec![0; 65536];
        loop {
            shell.readable().await.unwrap();
            match shell.try_read(&mut buf) {
                Ok(0) => return total,
                Ok(n) => total += n,
                Err(_) => {}
            }
        }
    })
    .await
}

/// Reads so many bytes; how many more have come with the last of them.
pub(crate) async fn read_bytes(shell: &Shell, count: usize) -> usize {
    let mut total = 0;
    within("all bytes", async {
        let mut buf = vec![0; 65536];
        while total < count {
            shell.readable().await.unwrap();
            match shell.try_read(&mut buf) {
                Ok(0) => panic!("it ended after {total} bytes"),
                Ok(n) => total += n,
                Err(_) => {}
            }
        }
    })
    .await;
    total - count
}
