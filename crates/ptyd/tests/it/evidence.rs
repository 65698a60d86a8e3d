//! The log and recordings on a disk that does not always take them.

use bastide_wire::Spec;
use bastide_wire::request::{Attach, Create, End, Target};
use bastide_wire::spec::{RecordingMode, RecordingSpec};

use crate::daemon::{Daemon, until};

fn unrecorded() -> Create {
    let recording = Some(RecordingSpec { mode: RecordingMode::Off, ..RecordingSpec::default() });
    Create { spec: Some(Spec { recording, ..Spec::default() }), ..Create::default() }
}

#[test]
fn a_log_that_could_not_be_written_says_how_much_is_missing() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let session = client.create("exec sleep 1000", unrecorded()).unwrap().session.unwrap();
    daemon.limit_files(Some(0));
    assert_eq!(client.create("true", unrecorded()).unwrap_err().code, "IO_ERROR");
    // Terminals go on.
    for _ in 0..3000 {
        client.call("attach", Attach { session, viewer: Some(1), ..Attach::default() }).unwrap();
        client.call("detach", Target { session, viewer: Some(1) }).unwrap();
    }
    daemon.limit_files(None);
    client.create("exec sleep 1000", unrecorded()).unwrap();
    client.subscribe();
    client.until("the gap", |client| client.logged("log_gap") > 0);
    client.until("the second session", |client| client.logged("session_created") == 2);
    let seqs: Vec<_> = client.log().map(|entry| entry.seq).collect();
    assert!(seqs.windows(2).all(|pair| pair[1] == pair[0] + 1), "a number is missing");
    let lost: u64 = client.log().filter_map(|entry| entry.fields.get("lost")?.as_u64()).sum();
    let kinds = ["viewer_attached", "viewer_detached", "session_ended"];
    let told: usize = kinds.iter().map(|kind| client.logged(kind)).sum();
    // The refused session has ended too.
    assert_eq!(lost + u64::try_from(told).unwrap(), 6001, "{lost} lost, {told} told");
    assert_eq!(daemon.children().len(), 2, "the refused session runs on");
}

#[test]
fn an_entry_that_is_too_large_holds_up_nothing() {
    let daemon = Daemon::start();
    let mut client = daemon.client();
    let uid = client.create("exec sleep 1000", unrecorded()).unwrap().uid.unwrap();
    client.call("end", End { uid, reason: "x".repeat(1_000_000) }).unwrap();
    until("the end", || client.list().iter().all(|session| !session.is_alive));
    client.create("exec sleep 1000", unrecorded()).unwrap();
    client.subscribe();
    client.until("both", |client| client.logged("session_created") == 2);
    client.until("the end of the first", |client| client.logged("session_ended") == 1);
    assert_eq!(std::fs::read_dir(daemon.dir().join("state/open")).unwrap().count(), 1);
}
