//! Files of a server that somebody bad has a hand in: the directory is theirs, or the server is.

use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::{Path, PathBuf};
use std::process::Command;

use bastide_testkit::{Sshd, SshdOptions};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::files::Site;
use crate::world::within;

const NOBODY: u32 = 65_534;

/// A server whose files are somebody's who does harm at one moment of a request.
struct Hostile {
    site: Site,
    secret: PathBuf,
    tools: tempfile::TempDir,
}

impl Hostile {
    async fn start() -> Self {
        let tools = tempfile::tempdir().unwrap();
        let secret = tools.path().join("secret");
        std::fs::write(&secret, "kept").unwrap();
        set_mode(&secret, 0o600);
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/hostile_sftp.py");
        let found =
            Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().unwrap();
        let python = String::from_utf8(found.stdout).unwrap();
        let plan = tools.path().join("plan");
        let line = format!("ForceCommand exec {} {script} {}", python.trim(), plan.display());
        let sshd = Sshd::start_with(SshdOptions::default().line(&line)).await;
        let this = Self { site: Site::at(sshd).await, secret, tools };
        this.plan("nothing");
        this
    }

    fn plan(&self, does: &str) {
        std::fs::write(self.tools.path().join("plan"), json!([does, self.secret]).to_string()).unwrap();
    }

    fn file(&self, name: &str, content: &str, mode: u32) -> PathBuf {
        let path = self.site.dir.join(name);
        std::fs::write(&path, content).unwrap();
        set_mode(&path, mode);
        path
    }

    fn part(&self) -> PathBuf {
        let mut all = std::fs::read_dir(&self.site.dir).unwrap().map(|entry| entry.unwrap().path());
        all.find(|path| path.to_string_lossy().contains(".part-")).unwrap()
    }

    fn assert_kept(&self, owner: u32) {
        let found = std::fs::metadata(&self.secret).unwrap();
        assert_eq!((found.mode() & 0o7777, found.uid()), (0o600, owner));
        assert_eq!(std::fs::read(&self.secret).unwrap(), b"kept");
    }
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o7777
}

#[tokio::test]
async fn a_link_that_is_put_in_the_place_of_a_part_leads_nowhere() {
    let hostile = Hostile::start().await;
    let site = &hostile.site;
    let me = std::fs::metadata(&hostile.secret).unwrap().uid();
    let file = hostile.file("conf", "one", 0o4604);
    // Only root can give it to somebody else.
    let owner = if chown(&file, Some(NOBODY), Some(NOBODY)).is_ok() { NOBODY } else { me };
    set_mode(&file, 0o4604);
    hostile.plan("swap after close");
    let etag = site.get("/text", "conf").await.json()["etag"].clone();
    let body = json!({ "path": site.path("conf"), "text": "two", "etag": etag }).to_string();
    let put = site.admin.request("PUT", &site.below("/text")).json(&body).send().await;
    assert_eq!(put.status, 200, "{}", put.body);
    hostile.assert_kept(me);
    let found = std::fs::symlink_metadata(&file).unwrap();
    assert_eq!((found.mode(), found.uid()), (0o104_604, owner));
    assert_eq!(std::fs::read(&file).unwrap(), b"two");

    let id = site.begin("conf", 9, json!({ "replace": true })).await.json()["id"].clone();
    assert_eq!(site.piece(&id, 0, b"thr").await.status, 200);
    // For the eyes of those who could read what it replaces.
    assert_eq!(mode(&hostile.part()), 0o600);
    hostile.plan("swap at open");
    assert_eq!(site.piece(&id, 3, b"ee-and").await.problem(), "upload_not_found");
    hostile.assert_kept(me);
    hostile.plan("swap after close");
    let id = site.begin("conf", 9, json!({ "replace": true })).await.json()["id"].clone();
    let done = site.piece(&id, 0, b"three-and").await;
    assert_eq!(done.json()["done"], true, "{}", done.body);
    hostile.assert_kept(me);
    let found = std::fs::symlink_metadata(&file).unwrap();
    assert_eq!((found.mode(), found.uid()), (0o104_604, owner));

    // A part that somebody else has put there is not gone on with.
    let id = site.begin("other", 9, json!({})).await.json()["id"].clone();
    assert_eq!(site.piece(&id, 0, b"123456").await.status, 200);
    if chown(hostile.part(), Some(NOBODY), None).is_ok() {
        assert_eq!(site.piece(&id, 6, b"789").await.problem(), "upload_not_found");
        assert_eq!(site.begin("other", 9, json!({})).await.json()["offset"], 0);
        assert_eq!(std::fs::metadata(hostile.part()).unwrap().uid(), me);
    }
    hostile.site.end().await;
}

#[tokio::test]
async fn permissions_are_never_those_of_what_a_link_leads_to() {
    let hostile = Hostile::start().await;
    let site = &hostile.site;
    let me = std::fs::metadata(&hostile.secret).unwrap().uid();
    let chmod = async |name: &str| {
        let body = json!({ "path": site.path(name), "mode": 0o666 }).to_string();
        site.admin.post(&site.below("/chmod"), &body).send().await
    };
    std::os::unix::fs::symlink(&hostile.secret, site.dir.join("link")).unwrap();
    let refused = chmod("link").await;
    assert_eq!((refused.status, refused.problem().as_str()), (409, "file_refused"));
    assert!(refused.body.contains("it is a link"), "{}", refused.body);
    // Not as a directory that may be there either.
    assert_eq!(chmod("link/").await.problem(), "invalid");
    hostile.assert_kept(me);
    // One that comes there after the look, with and without the request that follows none.
    for (plan, answer) in [("link at lsetstat", "file_refused"), ("link at open", "file_refused")] {
        hostile.file("mine", "x", 0o600);
        hostile.plan(plan);
        assert_eq!(chmod("mine").await.problem(), answer, "{plan}");
        hostile.assert_kept(me);
        std::fs::remove_file(site.dir.join("mine")).unwrap();
    }
    // The same request is missing, and nobody does harm; also of what cannot be read.
    hostile.plan("link nowhere");
    for (name, before) in [("plain", 0o600), ("closed", 0o000)] {
        let file = hostile.file(name, "x", before);
        assert_eq!(chmod(name).await.status, 204, "{name}");
        assert_eq!(mode(&file), 0o666, "{name}");
    }
    std::fs::create_dir(site.dir.join("sub")).unwrap();
    assert_eq!(chmod("sub").await.status, 204);
    assert_eq!(mode(&site.dir.join("sub")), 0o666);
    hostile.site.end().await;
}

#[tokio::test]
async fn a_file_that_is_said_to_be_endless_ends_the_archive() {
    let hostile = Hostile::start().await;
    let site = &hostile.site;
    hostile.file("big", &"x".repeat(4242), 0o600);
    hostile.plan("huge");
    let mut down = TcpStream::connect(site.admin.address).await.unwrap();
    let ask = site.admin.head("GET", &site.query("/archive", "big"), "connection: close\r\n");
    down.write_all(ask.as_bytes()).await.unwrap();
    let mut seen = Vec::new();
    // However it ends, it does.
    drop(within("the end", down.read_to_end(&mut seen)).await);
    assert!(seen.len() < 64 * 1024, "{} bytes", seen.len());
    assert!(!seen.ends_with(b"0\r\n\r\n"), "it must not be taken for whole");
    let log = site.logged("file_download");
    let failed = log.iter().find(|entry| entry["phase"] == "failed").unwrap();
    assert!(failed["why"].as_str().unwrap().contains("could not be read"), "{failed}");
    hostile.site.end().await;
}

#[tokio::test]
async fn names_without_end_are_not_taken() {
    let hostile = Hostile::start().await;
    let site = &hostile.site;
    hostile.plan("long name");
    let refused = site.get("", "").await;
    assert_eq!(refused.problem(), "file_refused", "{}", refused.body);
    assert!(refused.body.contains("2000 bytes"), "{}", refused.body);
    // The server gives up after 40 MiB.
    hostile.plan("many names");
    let listed = site.get("", "").await;
    assert_eq!(listed.status, 200, "{}", listed.body);
    assert_eq!(listed.json()["truncated"], true);
    hostile.site.end().await;
}
