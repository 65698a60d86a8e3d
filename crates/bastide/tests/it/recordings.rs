//! Playing, exporting, and the log's proof.

use bastide_testkit::Person;

use crate::{logged, new, ptyd};

const SCRIPT: &str = r"stty -echo; printf 'one\ntwo \033[32mgreen\033[m\n'; exit 5";

#[tokio::test]
async fn a_recording_is_played_and_exported() {
    let ptyd = ptyd().await;
    let info = new(&ptyd, "rec", SCRIPT).await;
    logged(&ptyd.client().await, "session_ended", &info).await;
    assert_eq!(ptyd.ok(&["export", "--format", "text", "rec"]).await, "one\ntwo green\n");
    let v3 = ptyd.ok(&["export", "rec"]).await;
    assert!(v3.starts_with("{\"version\":3"), "{v3}");
    assert!(v3.contains("\"x\",\"5\"") || v3.contains("\"x\", \"5\""), "{v3}");
    let file = ptyd.dir().join("rec.cast");
    let path = file.to_str().unwrap();
    ptyd.ok(&["export", "--format", "v2", "-o", path, "rec"]).await;
    let v2 = std::fs::read_to_string(&file).unwrap();
    assert!(v2.starts_with("{\"version\":2"), "{v2}");
    assert_eq!(ptyd.run(&["export", "-o", path, "rec"]).await.code, 1, "it exists already");
    let raw = "one\r\ntwo \x1b[32mgreen\x1b[m\r\n";
    assert_eq!(ptyd.ok(&["play", "--no-wait", path]).await, raw);
    let uid = info.uid.unwrap().to_string();
    assert_eq!(ptyd.ok(&["play", "--no-wait", &uid[28..]]).await, raw);
    let none = ptyd.run(&["play", "nothing"]).await;
    assert_eq!(none.code, 3, "{}", none.stderr);
}

#[tokio::test]
async fn it_is_played_on_a_terminal_of_any_size() {
    let ptyd = ptyd().await;
    let info = new(&ptyd, "rec", SCRIPT).await;
    logged(&ptyd.client().await, "session_ended", &info).await;
    for size in [(80, 24), (100, 30), (6, 3)] {
        let script = "stty -a >before; \"$BASTIDE\" play --speed 100 rec; stty -a >after";
        let mut person = Person::at_size(&ptyd, script, size).await;
        person.until("the end", |p| p.history().contains("[end]")).await;
        person.leaves().await;
        assert!(person.history().contains("one\ntwo"), "{size:?}: {}", person.history());
        let settings = |name: &str| std::fs::read_to_string(ptyd.dir().join(name)).unwrap();
        assert_eq!(settings("before"), settings("after"));
    }
}

#[tokio::test]
async fn a_recording_that_changes_its_size_keeps_what_stands_on_the_screen() {
    let ptyd = ptyd().await;
    let file = ptyd.dir().join("resized.cast");
    let cast = r#"{"version":2,"width":80,"height":24}
[0.0,"o","first\r\n"]
[0.1,"r","40x10"]
[0.2,"o","second\r\n"]
[0.3,"r","80x24"]
[0.4,"o","third"]
"#;
    std::fs::write(&file, cast).unwrap();
    let mut person = Person::at(&ptyd, "\"$BASTIDE\" play resized.cast").await;
    person.until("the end", |p| p.history().contains("[end]")).await;
    assert!(person.history().contains("first\nsecond\nthird"), "{}", person.history());
    assert!(String::from_utf8_lossy(&person.output).contains("[a session of 40x10]"));
}

#[tokio::test]
async fn the_log_is_proven_and_a_changed_entry_named() {
    let mut ptyd = ptyd().await;
    new(&ptyd, "logged", "exec cat").await;
    ptyd.stop().await;
    let log = ptyd.state_dir().join("log");
    let proven = ptyd.ok(&["verify", log.to_str().unwrap()]).await;
    assert!(proven.contains("whole and in order"), "{proven}");
    let file = std::fs::read_dir(&log)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "jsonl"))
        .unwrap();
    let changed = std::fs::read_to_string(&file).unwrap().replace("\"logged\"", "\"forged\"");
    std::fs::write(&file, changed).unwrap();
    let found = ptyd.run(&["verify", log.to_str().unwrap()]).await;
    assert_eq!(found.code, 1);
    assert!(found.stderr.contains("(entry 2)") && found.stderr.contains("changed"), "{}", found.stderr);
}
