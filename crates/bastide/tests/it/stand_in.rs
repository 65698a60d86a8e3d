//! A server that gives set answers and remembers what it was asked, for what a real one does seldom.

use std::sync::{Arc, Mutex};

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Method and path as asked, status, further headers, body.
pub(crate) type Answer = (&'static str, u16, &'static str, Value);

pub(crate) struct StandIn {
    pub(crate) address: String,
    asked: Arc<Mutex<Vec<String>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl StandIn {
    /// The first answer whose `METHOD /path` the request begins with is given; else 404.
    pub(crate) async fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&asked);
        let serving = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let request = answer(stream, &answers).await;
                heard.lock().unwrap().push(request);
            }
        });
        Self { address, asked, serving }
    }

    /// Every request so far, whole.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }
}

async fn answer(mut stream: TcpStream, answers: &[Answer]) -> String {
    let mut request = Vec::new();
    while !whole(&request) {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0);
    }
    let request = String::from_utf8(request).unwrap();
    let known = answers.iter().find(|(what, ..)| request.starts_with(what));
    let (status, headers, body) =
        known.map_or((404, "", Value::Null), |(_, status, headers, body)| (*status, *headers, body.clone()));
    let body = if status == 204 { String::new() } else { body.to_string() };
    let head =
        format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nconnection: close\r\n{headers}");
    let text = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(text.as_bytes()).await.unwrap();
    stream.shutdown().await.ok();
    request
}

fn whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
    length.is_none_or(|length| body.len() >= length.parse().unwrap())
}
