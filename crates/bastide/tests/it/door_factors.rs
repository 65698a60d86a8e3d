//! The SSH door, for somebody whose password is not enough.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

use bastide_testkit::Sshd;
use reqwest::Client;
use reqwest::header::{COOKIE, SET_COOKIE};
use serde_json::{Value, json};

use crate::door::{Door, ended};
use crate::people_live::PASSWORD;

/// Says the password, and the code of an app (RFC 6238) where it is asked for one: each step later than the one before,
/// or the same code again.
const APP: &str = r#"#!/usr/bin/env python3
import base64, hashlib, hmac, os, struct, sys, time
secret, state, password = "SECRET", "STATE", "PASSWORD"
if "Code: " not in sys.argv[-1]:
    print(password)
    sys.exit()
last = int(open(state).read()) if os.path.exists(state) else 0
step = last if os.path.exists(state + ".again") else max(last + 1, int(time.time()) // 30)
open(state, "w").write(str(step))
digest = hmac.new(base64.b32decode(secret + "=" * (-len(secret) % 8)), struct.pack(">Q", step), hashlib.sha1).digest()
number = struct.unpack(">I", digest[digest[19] & 15:][:4])[0] & 0x7FFFFFFF
print(f"{number % 1000000:06}")
"#;

struct App<'a> {
    door: &'a Door,
    program: std::path::PathBuf,
}

impl App<'_> {
    async fn code(&self) -> String {
        let mut command = tokio::process::Command::new(&self.program);
        ended({
            command.arg("Code: ").stdout(Stdio::piped()).stderr(Stdio::piped());
            command
        })
        .await
        .1
        .trim()
        .to_owned()
    }

    /// ssh(1) without a key; it asks this program.
    async fn logs_in(&self, more: &[&str]) -> (i32, String, String) {
        let mut ssh = self.door.ssh(&["-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1"]);
        ssh.args(more).env("SSH_ASKPASS", &self.program).env("SSH_ASKPASS_REQUIRE", "force");
        ssh.arg("admin+web1@127.0.0.1").arg("echo in");
        ended(ssh).await
    }
}

/// As the page of one's settings does it.
async fn enrolled(door: &Door) -> App<'_> {
    let (http, url) = (Client::new(), door.site.url());
    let login = json!({ "username": "admin", "password": PASSWORD });
    let login = http.post(format!("{url}/api/v1/login")).json(&login).send().await.unwrap();
    let cookie = login.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let ask = async |path: &str, body: Value| {
        let request = http.post(format!("{url}/api/v1/me/factors/{path}")).header(COOKIE, &cookie);
        let answer = request.header("origin", &url).json(&body).send().await.unwrap();
        assert_eq!(answer.status().as_u16(), 200);
        answer.json::<Value>().await.unwrap()
    };
    let offer = ask("totp", json!({ "password": PASSWORD })).await;
    let dir = door.site.dir();
    let program = dir.join("app");
    let text = APP.replace("SECRET", offer["secret"].as_str().unwrap()).replace("PASSWORD", PASSWORD);
    std::fs::write(&program, text.replace("STATE", dir.join("step").to_str().unwrap())).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).unwrap();
    let app = App { door, program };
    ask("totp/confirm", json!({ "code": app.code().await })).await;
    app
}

#[tokio::test]
async fn a_code_is_asked_for_after_the_password() {
    let (door, sshd) = (Door::start().await, Sshd::start().await);
    door.site.sshd("web1", &sshd, json!({})).await;
    let door = Door { batch: false, ..door };
    let app = enrolled(&door).await;
    let (status, out, err) = app.logs_in(&[]).await;
    assert_eq!((status, out.as_str()), (0, "in\n"), "{err}");
    std::fs::write(door.site.dir().join("step.again"), "").unwrap();
    let (status, out, err) = app.logs_in(&["-o", "PreferredAuthentications=keyboard-interactive"]).await;
    assert!(status == 255 && out.is_empty() && err.contains("Permission denied"), "{status} {out} {err}");
    // A key is enough by itself.
    assert_eq!(door.run(&["admin+web1@127.0.0.1", "echo in"]).await.1, "in\n");
    door.site.end().await;
}
