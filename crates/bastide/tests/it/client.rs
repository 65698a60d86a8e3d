//! The client crate against the real daemon: what its scripted tests cannot show.

use bastide_testkit::client::{AttachOptions, Error, ViewerEvent};
use bastide_testkit::{Viewer, within};

use crate::{new, ptyd};

#[tokio::test]
async fn a_viewer_that_comes_back_goes_on_at_the_very_byte() {
    let ptyd = ptyd().await;
    let info = new(&ptyd, "one", "exec cat").await;
    let client = ptyd.client().await;
    let mut first = Viewer::attach(&client, info.id, AttachOptions::writer()).await;
    first.types("before\r").await;
    first.sees("before\nbefore").await;
    let pos = first.pos;
    first.attachment.detach().await.unwrap();
    client.input(info.id, b"meanwhile\r").await.unwrap();
    let mut again = client.attach(info.id, AttachOptions::writer().from(Some(pos))).await.unwrap();
    assert!(again.resumed && again.snapshot.is_none());
    assert_eq!(again.pos, pos);
    let mut bytes = Vec::new();
    while bytes != b"meanwhile\r\nmeanwhile\r\n" {
        match within("output", again.next()).await {
            Some(ViewerEvent::Output { pos: at, data }) => {
                assert_eq!(at, pos + bytes.len() as u64);
                bytes.extend_from_slice(&data);
            }
            Some(_) => {}
            None => panic!("the connection is gone after {:?}", String::from_utf8_lossy(&bytes)),
        }
        assert!(b"meanwhile\r\nmeanwhile\r\n".starts_with(&bytes), "{:?}", String::from_utf8_lossy(&bytes));
    }
}

#[tokio::test]
async fn a_viewer_without_progress_lags_and_gets_the_screen_when_it_reads() {
    let ptyd = ptyd().await;
    let info = new(&ptyd, "flood", "read go; seq 1 400000; echo THE END; exec cat").await;
    let client = ptyd.client().await;
    let mut stands = client.attach(info.id, AttachOptions::writer()).await.unwrap();
    let mut reads = Viewer::attach(&client, info.id, AttachOptions::writer()).await;
    reads.types("\r").await;
    // One of them reads all of it; the other has taken nothing so far.
    reads.sees("400000\nTHE END").await;
    let mut got = 0;
    loop {
        match within("the re-sync", stands.next()).await.unwrap() {
            ViewerEvent::Output { data, .. } => {
                got += data.len();
                assert!(got <= 256 * 1024, "no more than the credit");
            }
            ViewerEvent::Lagged { pos } => stands.ack(pos),
            ViewerEvent::Resync(snapshot) => {
                assert_eq!(snapshot.pos, Some(reads.pos));
                break;
            }
            _ => {}
        }
    }
}

#[tokio::test]
async fn refusals_are_told_apart() {
    let ptyd = ptyd().await;
    let info = new(&ptyd, "one", "exec cat").await;
    let client = ptyd.client().await;
    let reader = client.attach(info.id, AttachOptions::reader()).await.unwrap();
    let refused = reader.input("typed").await.unwrap_err();
    assert_eq!(refused.code(), Some("READ_ONLY"));
    assert_eq!(reader.resize(90, 30).await.unwrap_err().code(), Some("READ_ONLY"));
    assert_eq!(client.signal(info.id, "FOO").await.unwrap_err().code(), Some("INVALID_SIGNAL"));
    assert_eq!(client.resize(info.id, 0, 5).await.unwrap_err().code(), Some("INVALID_ARGUMENT"));
    assert_eq!(client.kill(999).await.unwrap_err().code(), Some("NOT_FOUND"));
    let wrong = bastide_testkit::client::Config {
        token: bastide_testkit::client::TokenSource::Value("0".repeat(64)),
        ..bastide_testkit::client::Config::new(ptyd.socket())
    };
    let refused = bastide_testkit::client::Client::connect(wrong).await.unwrap_err();
    assert!(matches!(refused, Error::Refused { .. }) && refused.code() == Some("AUTH_FAILED"), "{refused}");
}
