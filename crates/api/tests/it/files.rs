//! Files of a server, with OpenSSH's.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::time::Instant;

use bastide_testkit::Sshd;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::servers::{id_of, server};
use crate::world::{Person, Response, World, within};

/// A server with files, and its administrator.
pub(crate) struct Site {
    pub(crate) world: World,
    sshd: Sshd,
    pub(crate) admin: Person,
    pub(crate) server: Value,
    pub(crate) dir: PathBuf,
}

impl Site {
    pub(crate) async fn start() -> Self {
        Self::at(Sshd::start().await).await
    }

    pub(crate) async fn at(sshd: Sshd) -> Self {
        let world = World::start().await;
        let admin = world.log_in().await;
        let key = json!({
            "name": "key", "username": sshd.user(), "kind": "key", "key": sshd.key(),
        });
        let credential = admin.post("/api/v1/credentials", &key.to_string()).send().await;
        assert_eq!(credential.status, 201, "{}", credential.body);
        let body = json!({
            "name": "far", "host": "127.0.0.1", "port": sshd.port(),
            "default_credential_id": credential.json()["id"],
        });
        let server = server(&admin, &body.to_string()).await;
        let keys = format!("/api/v1/servers/{}/host-keys", server["id"]);
        let pinned = admin.post(&keys, &json!({ "key": sshd.host_key() }).to_string()).send().await;
        assert_eq!(pinned.status, 201, "{}", pinned.body);
        let dir = sshd.dir().join("files");
        std::fs::create_dir(&dir).unwrap();
        let dir = std::fs::canonicalize(dir).unwrap();
        Self { world, sshd, admin, server, dir }
    }

    /// Somebody without any right.
    pub(crate) async fn bob(&self) -> Person {
        self.world.user(&self.admin, "bob", "user").await
    }

    pub(crate) async fn user(&self, rights: &[&str]) -> (Person, i64) {
        let user = self.world.user(&self.admin, "bob", "user").await;
        let grant =
            json!({ "user_id": id_of(&user).await, "server_id": self.server["id"], "rights": rights });
        let grant = self.admin.post("/api/v1/grants", &grant.to_string()).send().await;
        assert_eq!(grant.status, 201, "{}", grant.body);
        (user, grant.json()["id"].as_i64().unwrap())
    }

    pub(crate) fn below(&self, rest: &str) -> String {
        format!("/api/v1/servers/{}/files{rest}", self.server["id"])
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.dir.join(name).display().to_string()
    }

    pub(crate) fn query(&self, what: &str, name: &str) -> String {
        self.below(&format!("{what}?path={}", encoded(&self.path(name))))
    }

    pub(crate) async fn get(&self, what: &str, name: &str) -> Response {
        self.admin.get(&self.query(what, name)).send().await
    }

    async fn post(&self, what: &str, body: Value) -> Response {
        self.admin.post(&self.below(what), &body.to_string()).send().await
    }

    pub(crate) async fn begin(&self, name: &str, size: usize, more: Value) -> Response {
        let mut body = json!({ "path": self.path(name), "size": size, "tag": "t" });
        body.as_object_mut().unwrap().extend(more.as_object().cloned().unwrap_or_default());
        self.post("/uploads", body).await
    }

    pub(crate) async fn piece(&self, id: &Value, offset: u64, data: &[u8]) -> Response {
        let path = self.below(&format!("/uploads/{}", id.as_str().unwrap()));
        let request = self.admin.request("PATCH", &path).body("application/octet-stream", data);
        request.header("upload-offset", &offset.to_string()).send().await
    }

    /// The log's entries of this kind, in their order.
    pub(crate) fn logged(&self, kind: &str) -> Vec<Value> {
        self.world.logged(kind)
    }

    pub(crate) async fn end(self) {
        self.world.end().await;
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(
            |byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            },
        )
        .collect()
}

fn sha256(bytes: &[u8]) -> String {
    bastide_app::hex::encode(Sha256::digest(bytes).as_slice())
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from(at * 7 / 3 % 251).unwrap()).collect()
}

#[tokio::test]
async fn a_directory_is_listed_and_changed_whatever_its_names_are() {
    let site = Site::start().await;
    let odd = site.dir.join(OsStr::from_bytes(b"a\nb\xff\\"));
    std::fs::write(&odd, "12345").unwrap();
    symlink("nowhere", site.dir.join("broken")).unwrap();
    symlink("..", site.dir.join("up")).unwrap();
    assert_eq!(site.post("/mkdir", json!({ "path": site.path("sub") })).await.status, 204);
    assert_eq!(site.post("/mkdir", json!({ "path": site.path("sub") })).await.problem(), "file_exists");

    let listed = site.get("", "").await.json();
    assert_eq!(listed["path"], site.dir.display().to_string());
    let files = listed["files"].as_array().unwrap();
    let names: Vec<_> = files.iter().map(|file| file["name"].as_str().unwrap()).collect();
    assert_eq!(names, [r"a\x0ab\xff\\", "broken", "sub", "up"]);
    assert_eq!((&files[0]["size"], &files[0]["kind"]), (&json!(5), &json!("file")));
    assert_eq!((&files[1]["leads_to"], &files[3]["leads_to"]), (&Value::Null, &json!("directory")));
    assert!(listed["free"].as_u64().unwrap() > 0 && files[2]["modified"].is_string());
    // In pieces.
    let mut seen = Vec::new();
    let mut cursor = String::new();
    loop {
        let page = site.admin.get(&format!("{}&limit=3{cursor}", site.query("", ""))).send().await.json();
        seen.extend(
            page["files"].as_array().unwrap().iter().map(|file| file["name"].as_str().unwrap().to_owned()),
        );
        let Some(next) = page["next"].as_str() else { break };
        cursor = format!("&cursor={}", encoded(next));
    }
    assert_eq!(seen, names);

    let name = format!("{}/{}", site.dir.display(), names[0]);
    assert_eq!(site.post("/rename", json!({ "path": name, "to": site.path("sub/plain") })).await.status, 204);
    assert_eq!(
        site.post("/chmod", json!({ "path": site.path("sub/plain"), "mode": 0o640 })).await.status,
        204
    );
    let plain = site.dir.join("sub/plain");
    assert_eq!(std::fs::metadata(&plain).unwrap().permissions().mode() & 0o777, 0o640);
    assert_eq!(site.get("/stat", "sub/plain").await.json()["mode"], 0o640);
    let bad =
        site.post("/rename", json!({ "path": site.path("sub/plain"), "to": site.path("broken") })).await;
    assert_eq!(bad.problem(), "file_exists");
    assert_eq!(site.post("/remove", json!({ "path": site.path("sub") })).await.problem(), "file_refused");
    assert_eq!(site.post("/remove", json!({ "path": site.path("gone") })).await.problem(), "file_not_found");
    assert_eq!(site.get("", "sub/plain").await.problem(), "no_directory");
    assert_eq!(site.post("/remove", json!({ "path": r"\q" })).await.problem(), "invalid");
    let done = site.logged("file_upload");
    let renamed = done.iter().find(|entry| entry["does"] == "rename" && entry["phase"] == "done").unwrap();
    assert_eq!((&renamed["path"], &renamed["account"]), (&json!(name), &json!(site.sshd.user())));
    site.end().await;
}

#[tokio::test]
async fn what_is_removed_with_all_that_is_in_it_does_not_take_what_links_lead_to() {
    let site = Site::start().await;
    let outside = site.sshd.dir().join("outside");
    std::fs::create_dir(&outside).unwrap();
    std::fs::write(outside.join("kept"), "x").unwrap();
    let tree = site.dir.join("tree/deep/deeper");
    std::fs::create_dir_all(&tree).unwrap();
    for at in 0..300 {
        std::fs::write(tree.join(format!("f{at}")), "x").unwrap();
    }
    symlink(&outside, site.dir.join("tree/out")).unwrap();
    symlink(site.dir.join("tree"), tree.join("circle")).unwrap();
    symlink("loop", site.dir.join("loop")).unwrap();
    let archive = site.get("/archive", "tree").await;
    assert_eq!(archive.status, 200);
    assert!(archive.bytes.len() < 100_000, "links are not followed");

    assert_eq!(site.post("/remove", json!({ "path": site.path("tree"), "all": true })).await.status, 204);
    assert!(!site.dir.join("tree").exists() && outside.join("kept").exists());
    assert_eq!(site.get("", "loop").await.problem(), "file_refused");
    assert_eq!(site.get("/content", "loop").await.status, 404);
    for path in ["/", "/..", "", ".", &site.path("..")] {
        let answer = site.post("/remove", json!({ "path": path, "all": true })).await;
        assert_eq!(answer.problem(), "invalid", "{path}");
    }
    site.end().await;
}

#[tokio::test]
async fn a_file_goes_up_in_pieces_and_on_where_it_was_after_a_cut() {
    let mut site = Site::start().await;
    let content = pattern(7_000_001);
    let begun = site.begin("big", content.len(), json!({})).await;
    assert_eq!(begun.status, 201, "{}", begun.body);
    let id = begun.json()["id"].clone();
    let path = site.below(&format!("/uploads/{}", id.as_str().unwrap()));
    let first = site.piece(&id, 0, &content[..3_000_000]).await;
    assert_eq!((first.status, first.header("upload-offset")), (200, Some("3000000")));
    assert_eq!(first.json()["done"], false);
    assert!(!site.dir.join("big").exists());
    let wrong = site.piece(&id, 5, b"x").await;
    assert_eq!((wrong.status, wrong.problem().as_str()), (409, "upload_offset"));

    // Cut in the middle of a piece: what the server has confirmed stays.
    let head = format!("upload-offset: 3000000\r\ncontent-length: {}\r\n", content.len() - 3_000_000);
    let mut cut = TcpStream::connect(site.admin.address).await.unwrap();
    cut.write_all(site.admin.head("PATCH", &path, &head).as_bytes()).await.unwrap();
    cut.write_all(&content[3_000_000..4_000_000]).await.unwrap();
    // Somebody else takes over, also while the first has not noticed.
    let there = within("the first megabyte", async {
        loop {
            let part = std::fs::read_dir(&site.dir).unwrap().find_map(|entry| {
                let entry = entry.unwrap();
                entry
                    .file_name()
                    .to_string_lossy()
                    .starts_with(".big.part-")
                    .then(|| entry.metadata().unwrap().len())
            });
            if part == Some(4_000_000) {
                return part;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
    assert_eq!(there, Some(4_000_000));
    let state = site.admin.get(&path).send().await;
    assert_eq!(state.header("upload-offset"), Some("4000000"), "{}", state.body);
    drop(cut);
    let more = site.piece(&id, 4_000_000, &content[4_000_000..6_000_000]).await;
    assert_eq!(more.json()["offset"], 6_000_000);

    // Nor does it matter that the server was started anew.
    site.world.restart_server().await;
    site.admin.address = site.world.address;
    assert_eq!(site.admin.get(&path).send().await.problem(), "upload_not_found");
    let again = site.begin("big", content.len(), json!({})).await.json();
    assert_eq!(again["id"], id);
    let offset = again["offset"].as_u64().unwrap();
    assert!((4_000_000..=6_000_000).contains(&offset), "{offset}");
    let last = site.piece(&id, offset, &content[usize::try_from(offset).unwrap()..]).await;
    assert_eq!((last.status, &last.json()["done"]), (200, &json!(true)), "{}", last.body);
    assert!(std::fs::read(site.dir.join("big")).unwrap() == content);
    assert_eq!(std::fs::read_dir(&site.dir).unwrap().count(), 1, "nothing is left beside it");

    let taken = site.begin("big", 1, json!({})).await;
    assert_eq!((taken.status, taken.problem().as_str()), (409, "file_exists"));
    site.end().await;
}

#[tokio::test]
async fn an_upload_is_in_the_log_with_its_digest_and_takes_the_place_of_a_file_at_once() {
    let site = Site::start().await;
    std::fs::write(site.dir.join("a"), "before").unwrap();
    std::fs::set_permissions(site.dir.join("a"), PermissionsExt::from_mode(0o640)).unwrap();
    let secret = site.sshd.dir().join("secret");
    std::fs::write(&secret, "kept").unwrap();
    symlink(&secret, site.dir.join("link")).unwrap();
    let content = pattern(300_000);
    for name in ["a", "link"] {
        let id = site.begin(name, content.len(), json!({ "replace": true })).await.json()["id"].clone();
        assert_eq!(site.piece(&id, 0, &content[..100]).await.status, 200);
        let done = site.piece(&id, 100, &content[100..]).await;
        assert_eq!(done.json()["done"], true, "{}", done.body);
        assert!(std::fs::read(site.dir.join(name)).unwrap() == content);
    }
    // Not through the link that was there.
    assert_eq!(std::fs::read(&secret).unwrap(), b"kept");
    assert_eq!(std::fs::metadata(site.dir.join("a")).unwrap().permissions().mode() & 0o777, 0o640);
    // An empty file has a piece without bytes.
    let id = site.begin("empty", 0, json!({})).await.json()["id"].clone();
    assert_eq!(site.piece(&id, 0, b"").await.json()["done"], true);
    assert_eq!(std::fs::read(site.dir.join("empty")).unwrap(), b"");
    // What somebody takes away in between is begun anew, and no file with a hole in it.
    let id = site.begin("hole", 10, json!({})).await.json()["id"].clone();
    assert_eq!(site.piece(&id, 0, b"01234").await.json()["offset"], 5);
    let part = std::fs::read_dir(&site.dir).unwrap().map(|entry| entry.unwrap().path());
    let part = part.filter(|path| path.to_string_lossy().contains(".hole.part-")).last().unwrap();
    std::fs::remove_file(&part).unwrap();
    assert_eq!(site.piece(&id, 5, b"56789").await.problem(), "upload_not_found");
    assert_eq!(site.begin("hole", 10, json!({})).await.json()["offset"], 0);
    std::fs::write(&part, "").unwrap();
    assert_eq!(site.piece(&id, 0, b"0123456789").await.json()["done"], true);
    std::fs::remove_file(site.dir.join("hole")).unwrap();
    // More than was said is refused, and given up it leaves nothing.
    let id = site.begin("more", 3, json!({})).await.json()["id"].clone();
    assert_eq!(site.piece(&id, 0, b"1234").await.problem(), "invalid");
    let path = site.below(&format!("/uploads/{}", id.as_str().unwrap()));
    assert_eq!(site.admin.request("DELETE", &path).send().await.status, 204);
    assert_eq!(std::fs::read_dir(&site.dir).unwrap().count(), 3);

    let log = site.logged("file_upload");
    let path = json!(site.path("a"));
    let done: Vec<_> =
        log.iter().filter(|entry| entry["path"] == path && entry["does"] == "upload").collect();
    let phases: Vec<_> = done.iter().map(|entry| entry["phase"].as_str().unwrap()).collect();
    assert_eq!(phases, ["begin", "failed", "begin", "done"]);
    assert!(done[1]["why"].as_str().unwrap().contains("100 of 300000"));
    let last = done[3];
    assert_eq!((&last["bytes"], &last["sha256"]), (&json!(300_000), &json!(sha256(&content))));
    assert_eq!((&last["by"], &last["account"]), (&json!("admin"), &json!(site.sshd.user())));
    assert!(last["duration_ms"].is_u64());
    site.end().await;
}

#[tokio::test]
async fn a_file_comes_down_whole_or_in_parts_and_is_never_shown() {
    let site = Site::start().await;
    let content = pattern(2_500_001);
    let name = "page \u{7528}\n.html";
    std::fs::write(site.dir.join(name), &content).unwrap();
    let whole = site.get("/content", name).await;
    assert!(whole.status == 200 && whole.bytes == content);
    assert_eq!(whole.header("content-type"), Some("application/octet-stream"));
    assert_eq!(whole.header("x-content-type-options"), Some("nosniff"));
    let disposition = "attachment; filename=\"page __x0a.html\"; filename*=UTF-8''page%20%E7%94%A8_x0a.html";
    assert_eq!(whole.header("content-disposition"), Some(disposition));
    let tag = whole.header("etag").unwrap().to_owned();
    let path = site.query("/content", name);
    let ask = |header: &'static str, value: &str| site.admin.get(&path).header(header, value).send();
    let part = ask("range", "bytes=1000000-1999999").await;
    assert!(part.status == 206 && part.bytes == content[1_000_000..2_000_000]);
    assert_eq!(part.header("content-range"), Some("bytes 1000000-1999999/2500001"));
    let rest = site.admin.get(&path).header("range", "bytes=2500000-").header("if-range", &tag).send().await;
    assert!(rest.status == 206 && rest.bytes == content[2_500_000..]);
    let other = site.admin.get(&path).header("range", "bytes=1-2").header("if-range", "\"x\"").send().await;
    assert_eq!((other.status, other.bytes.len()), (200, content.len()));
    assert_eq!(ask("if-none-match", &tag).await.status, 304);
    let beyond = ask("range", "bytes=2500001-").await;
    assert_eq!((beyond.status, beyond.header("content-range")), (416, Some("bytes */2500001")));
    let head = site.admin.request("HEAD", &path).send().await;
    assert_eq!((head.status, head.header("content-length"), head.bytes.len()), (200, Some("2500001"), 0));
    assert_eq!(site.get("/content", "").await.problem(), "is_directory");
    assert_eq!(site.get("/content", "gone").await.problem(), "file_not_found");

    let log = site.logged("file_download");
    let whole = log.iter().find(|entry| entry["phase"] == "done" && entry["bytes"] == 2_500_001).unwrap();
    assert_eq!(whole["sha256"], sha256(&content));
    assert!(!whole["path"].as_str().unwrap().contains('\n'));
    site.end().await;
}

#[tokio::test]
async fn a_text_is_changed_by_whoever_has_seen_it() {
    let site = Site::start().await;
    let file = site.dir.join("conf");
    std::fs::write(&file, "one\n").unwrap();
    std::fs::set_permissions(&file, PermissionsExt::from_mode(0o604)).unwrap();
    symlink("conf", site.dir.join("link")).unwrap();
    let seen = site.get("/text", "link").await.json();
    assert_eq!((&seen["text"], &seen["path"]), (&json!("one\n"), &json!(site.path("conf"))));
    let put = async |name: &str, text: &str, etag: Option<&Value>| {
        let body = json!({ "path": site.path(name), "text": text, "etag": etag });
        site.admin.request("PUT", &site.below("/text")).json(&body.to_string()).send().await
    };
    let written = put("link", "two\n", Some(&seen["etag"])).await;
    assert_eq!(written.status, 200, "{}", written.body);
    assert_eq!(written.json()["path"], site.path("conf"));
    let log = site.logged("file_upload");
    let done = log.iter().find(|entry| entry["does"] == "write" && entry["phase"] == "done").unwrap();
    assert_eq!((&done["path"], &done["to"]), (&json!(site.path("link")), &json!(site.path("conf"))));
    assert!(site.dir.join("link").is_symlink());
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "two\n");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o604);
    let late = put("conf", "three\n", Some(&seen["etag"])).await;
    assert_eq!((late.status, late.problem().as_str()), (412, "file_changed"));
    assert_eq!(put("conf", "three\n", None).await.problem(), "file_exists");
    assert_eq!(put("new", "new", None).await.status, 200);
    assert_eq!(put("gone", "x", Some(&seen["etag"])).await.problem(), "file_not_found");
    std::fs::write(&file, [0xff, 0xfe]).unwrap();
    assert_eq!(site.get("/text", "conf").await.problem(), "not_text");
    std::fs::write(&file, vec![b'x'; 1024 * 1024 + 1]).unwrap();
    assert_eq!(site.get("/text", "conf").await.problem(), "file_too_large");
    assert_eq!(std::fs::read_dir(&site.dir).unwrap().count(), 3);
    site.end().await;
}

#[tokio::test]
async fn rights_up_and_down_are_apart() {
    let site = Site::start().await;
    std::fs::write(site.dir.join("a"), "x").unwrap();
    let (user, grant) = site.user(&["download"]).await;
    assert_eq!(user.get(&site.query("", "")).send().await.status, 200);
    assert_eq!(user.get(&site.query("/content", "a")).send().await.bytes, b"x");
    let begin = json!({ "path": site.path("b"), "size": 1 }).to_string();
    for (what, body) in [
        ("/uploads", begin.as_str()),
        ("/mkdir", &json!({ "path": site.path("d") }).to_string()),
        ("/remove", &json!({ "path": site.path("a") }).to_string()),
        ("/rename", &json!({ "path": site.path("a"), "to": site.path("b") }).to_string()),
        ("/chmod", &json!({ "path": site.path("a"), "mode": 0 }).to_string()),
    ] {
        let refused = user.post(&site.below(what), body).send().await;
        assert_eq!((refused.status, refused.problem().as_str()), (403, "forbidden"), "{what}");
    }
    // What somebody else has begun is theirs.
    let id = site.begin("c", 1, json!({})).await.json()["id"].clone();
    site.admin.request("DELETE", &format!("/api/v1/grants/{grant}")).send().await;
    let grant =
        json!({ "user_id": id_of(&user).await, "server_id": site.server["id"], "rights": ["upload"] });
    assert_eq!(site.admin.post("/api/v1/grants", &grant.to_string()).send().await.status, 201);
    let path = site.below(&format!("/uploads/{}", id.as_str().unwrap()));
    assert_eq!(user.get(&path).send().await.problem(), "upload_not_found");
    for what in ["/content", "/archive", "/text"] {
        let refused = user.get(&site.query(what, "a")).send().await;
        assert_eq!((refused.status, refused.problem().as_str()), (403, "forbidden"), "{what}");
    }
    assert_eq!(user.post(&site.below("/uploads"), &begin).send().await.status, 201);
    site.end().await;
}

/// A file of a gigabyte that takes no room.
fn sparse(path: &Path) {
    std::fs::File::create(path).unwrap().set_len(1 << 30).unwrap();
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[tokio::test]
async fn a_transfer_ends_when_the_right_to_it_does_and_holds_little_while_nobody_takes_it() {
    let site = Site::start().await;
    sparse(&site.dir.join("big"));
    let (user, grant) = site.user(&["download", "upload"]).await;
    let before = resident();
    let mut down = TcpStream::connect(user.address).await.unwrap();
    down.write_all(user.head("GET", &site.query("/content", "big"), "").as_bytes()).await.unwrap();
    let mut buffer = vec![0; 1 << 20];
    within("some of it", down.read_exact(&mut buffer)).await.unwrap();
    let body = json!({ "path": site.path("up"), "size": 1 << 30 }).to_string();
    let id = user.post(&site.below("/uploads"), &body).send().await.json()["id"].clone();
    let mut up = TcpStream::connect(user.address).await.unwrap();
    let path = site.below(&format!("/uploads/{}", id.as_str().unwrap()));
    let head = format!("upload-offset: 0\r\ncontent-length: {}\r\n", 1 << 30);
    up.write_all(user.head("PATCH", &path, &head).as_bytes()).await.unwrap();
    for _ in 0..32 {
        within("some of it", up.write_all(&buffer)).await.unwrap();
        within("some of it", down.read_exact(&mut buffer)).await.unwrap();
    }
    let held = resident().saturating_sub(before);
    assert!(held < 48, "{held} MB are held");

    let began = Instant::now();
    let path = format!("/api/v1/grants/{grant}");
    assert_eq!(site.admin.request("DELETE", &path).send().await.status, 204);
    let over = |kind: &'static str| {
        let site = &site;
        async move {
            within("its end in the log", async {
                loop {
                    let mut entries = site.logged(kind).into_iter();
                    if let Some(entry) =
                        entries.find(|entry| entry["phase"] == "failed" && entry["by"] == "bob")
                    {
                        return entry;
                    }
                    tokio::task::yield_now().await;
                }
            })
            .await
        }
    };
    let (downloaded, uploaded) = (over("file_download").await, over("file_upload").await);
    let took = began.elapsed();
    assert!(took.as_secs() < 5, "{took:?}");
    for entry in [&downloaded, &uploaded] {
        assert_eq!(entry["why"], "no server 1", "{entry}");
        assert!((1 << 20..1 << 28).contains(&entry["bytes"].as_u64().unwrap()));
    }
    // Nobody takes a part for the whole.
    let mut rest = Vec::new();
    let ended = within("the end", down.read_to_end(&mut rest)).await;
    assert!(ended.is_err() || rest.len() < 1 << 28);
    let mut answer = String::new();
    drop(within("the answer", up.read_to_string(&mut answer)).await);
    assert!(answer.is_empty() || answer.contains("404"), "{answer}");
    site.end().await;
}

#[tokio::test]
async fn a_full_disk_is_called_one() {
    let site = Site::start().await;
    let mount = |args: &[&str]| std::process::Command::new(args[0]).args(&args[1..]).arg(&site.dir).status();
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs"]).is_ok_and(|done| done.success()) {
        // Needs root with all its rights.
        site.end().await;
        return;
    }
    let large = site.begin("large", 5_000_000, json!({})).await;
    assert_eq!((large.status, large.problem().as_str()), (507, "disk_full"));
    assert_eq!(std::fs::read_dir(&site.dir).unwrap().count(), 0);
    let id = site.begin("fits", 900_000, json!({})).await.json()["id"].clone();
    std::fs::write(site.dir.join("other"), vec![0; 500_000]).unwrap();
    let full = site.piece(&id, 0, &pattern(900_000)).await;
    let left = std::fs::remove_file(site.dir.join("other"));
    // Nothing is lost: with room again it goes on.
    let state = site.admin.get(&site.below(&format!("/uploads/{}", id.as_str().unwrap()))).send().await;
    let offset = state.json()["offset"].as_u64().unwrap();
    let rest = site.piece(&id, offset, &pattern(900_000)[usize::try_from(offset).unwrap()..]).await;
    let same = std::fs::read(site.dir.join("fits")).is_ok_and(|content| content == pattern(900_000));
    assert!(mount(&["umount"]).unwrap().success());
    assert!(left.is_ok());
    assert_eq!((full.status, full.problem().as_str()), (507, "disk_full"));
    assert_eq!((rest.status, same), (200, true), "{}", rest.body);
    site.end().await;
}
