//! A real OpenSSH server of one's own: a free port on loopback, its own host key, one account (whoever runs the
//! test) with one key.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command as Blocking, Stdio};

use bastide_wire::ssh::{Hop, Login, Secret, Ssh};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, User, getuid};
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStderr, Command};
use tokio::sync::Mutex;

use crate::within;

const SSHD: &str = "/usr/sbin/sshd";

/// Somebody else may take a free port between looking and using it.
const PORT_TRIES: usize = 5;

/// How the server is set up.
#[derive(Debug, Clone, Default)]
pub struct SshdOptions {
    max_sessions: Option<u32>,
    max_startups: Option<u32>,
    legacy_only: bool,
    host_certificate: Option<(String, &'static str)>,
    user_certificates: bool,
    port: Option<u16>,
    lines: Vec<String>,
    terse: bool,
}

impl SshdOptions {
    /// Channels in one connection.
    #[must_use]
    pub fn max_sessions(mut self, count: u32) -> Self {
        self.max_sessions = Some(count);
        self
    }

    /// Connections that have not logged in; further ones are dropped.
    #[must_use]
    pub fn max_startups(mut self, count: u32) -> Self {
        self.max_startups = Some(count);
        self
    }

    /// Only what servers of 2010 spoke: SHA-1, CBC, `ssh-rsa`.
    #[must_use]
    pub fn legacy_only(mut self) -> Self {
        self.legacy_only = true;
        self
    }

    /// The host key is signed by an authority of its own, for `principal`.
    #[must_use]
    pub fn host_certificate(mut self, principal: &str) -> Self {
        self.host_certificate = Some((principal.to_owned(), "-1h:+1h"));
        self
    }

    /// The same, and its time is over.
    #[must_use]
    pub fn host_certificate_over(mut self, principal: &str) -> Self {
        self.host_certificate = Some((principal.to_owned(), "-2h:-1h"));
        self
    }

    /// Users log in with certificates only: [`Sshd::certificate`].
    #[must_use]
    pub fn user_certificates(mut self) -> Self {
        self.user_certificates = true;
        self
    }

    /// A port that is known to be free: a server that comes again in the place of another.
    #[must_use]
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Logs a line a connection and no more: for who makes hundreds and reads no log, which would fill its pipe.
    #[must_use]
    pub fn terse(mut self) -> Self {
        self.terse = true;
        self
    }

    /// One more line of `sshd_config`.
    #[must_use]
    pub fn line(mut self, line: &str) -> Self {
        self.lines.push(line.to_owned());
        self
    }
}

/// A running sshd. Dropping it ends it and everything that was started through it.
#[derive(Debug)]
pub struct Sshd {
    child: Child,
    log: Mutex<Lines<BufReader<ChildStderr>>>,
    dir: TempDir,
    port: u16,
    user: String,
    host_key: String,
}

impl Sshd {
    /// # Panics
    /// When OpenSSH's server is not installed or does not start.
    pub async fn start() -> Self {
        Self::start_with(SshdOptions::default()).await
    }

    /// # Panics
    /// When it does not start.
    pub async fn start_with(options: SshdOptions) -> Self {
        assert!(Path::new(SSHD).exists(), "{SSHD} is missing: run scripts/setup-test-deps.sh");
        let dir = tempfile::tempdir().expect("a directory can be made");
        if getuid().is_root() {
            // Debian's service makes it; it is empty, and sshd wants it.
            std::fs::create_dir_all("/run/sshd").expect("root can make it");
        }
        let kind = if options.legacy_only { "rsa" } else { "ed25519" };
        let host_key = keygen(dir.path(), "host", kind);
        keygen(dir.path(), "user", "ed25519");
        std::fs::copy(dir.path().join("user.pub"), dir.path().join("authorized_keys")).expect("it was made");
        certificates(dir.path(), &options);
        let user = User::from_uid(getuid()).ok().flatten().expect("whoever runs this has an account").name;
        for _ in 0..PORT_TRIES {
            let port = options.port.unwrap_or_else(free_port);
            let config = config(dir.path(), port, &options);
            std::fs::write(dir.path().join("sshd_config"), config).expect("it can be written");
            let mut child = Command::new(SSHD)
                .arg("-D")
                .arg("-e")
                .arg("-f")
                .arg(dir.path().join("sshd_config"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::piped())
                .kill_on_drop(true)
                .spawn()
                .expect("sshd can be started");
            let mut log = BufReader::new(child.stderr.take().expect("it was asked for")).lines();
            if within("sshd to listen", listens(&mut log)).await {
                let log = Mutex::new(log);
                return Self { child, log, dir, port, user, host_key };
            }
        }
        panic!("sshd did not start: `{SSHD} -D -e -f …/sshd_config` tells why");
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// The one account.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// `algorithm base64`.
    pub fn host_key(&self) -> &str {
        &self.host_key
    }

    /// The private key that lets in, as text.
    pub fn key(&self) -> String {
        read(self.dir.path(), "user")
    }

    /// The certificate of that key; with [`SshdOptions::user_certificates`].
    pub fn certificate(&self) -> String {
        read(self.dir.path(), "user-cert.pub")
    }

    /// The authority that signed the host's certificate, `algorithm base64`.
    pub fn host_authority(&self) -> String {
        bare(&read(self.dir.path(), "authority.pub"))
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// How to reach it: its key is pinned, the login is the key.
    pub fn hop(&self) -> Hop {
        let login = Login::Key { key: Secret::new(self.key()), passphrase: None, certificate: None };
        Hop {
            name: format!("sshd{}", self.port),
            host: "127.0.0.1".to_owned(),
            port: self.port,
            username: self.user.clone(),
            credential: "test".to_owned(),
            logins: vec![login],
            host_keys: vec![self.host_key.clone()],
            ..Hop::default()
        }
    }

    /// [`Self::hop`] alone.
    pub fn ssh(&self) -> Ssh {
        Ssh { hops: vec![self.hop()], ..Ssh::default() }
    }

    /// Reads the server's log up to the first line with this in it, and returns it.
    ///
    /// # Panics
    /// When it does not come.
    pub async fn logged(&self, text: &str) -> String {
        let mut log = self.log.lock().await;
        let find = async {
            loop {
                let line = log.next_line().await.expect("its log can be read").expect("it runs");
                if line.contains(text) {
                    return line;
                }
            }
        };
        within(&format!("{text:?} in sshd's log"), find).await
    }

    /// How many connections it has now.
    pub fn connections(&self) -> usize {
        self.pid().map_or(0, |pid| children(pid).len())
    }

    /// Ends all connections at once, without a word to the clients; it goes on listening.
    pub fn drop_connections(&self) {
        for pid in self.pid().map(descendants).unwrap_or_default() {
            end(pid);
        }
    }

    /// Stops the connections where they are: the clients see silence. [`Self::drop`] ends them all the same.
    pub fn freeze_connections(&self) {
        for pid in self.pid().map(descendants).unwrap_or_default() {
            let _ = kill(Pid::from_raw(pid), Signal::SIGSTOP);
        }
    }

    fn pid(&self) -> Option<i32> {
        self.child.id().and_then(|pid| i32::try_from(pid).ok())
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        self.drop_connections();
    }
}

async fn listens(log: &mut Lines<BufReader<ChildStderr>>) -> bool {
    while let Ok(Some(line)) = log.next_line().await {
        if line.contains("Server listening") {
            return true;
        }
    }
    false
}

fn config(dir: &Path, port: u16, options: &SshdOptions) -> String {
    let dir = dir.display();
    let keys = if options.user_certificates { "none".to_owned() } else { format!("{dir}/authorized_keys") };
    let level = if options.terse { "INFO" } else { "VERBOSE" };
    let mut text = format!(
        "ListenAddress 127.0.0.1\nPort {port}\nHostKey {dir}/host\nPidFile none\nAuthorizedKeysFile {keys}\n\
         StrictModes no\nUsePAM no\nPermitRootLogin yes\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
         PrintMotd no\nPrintLastLog no\nUseDNS no\nAcceptEnv LANG LC_* BASTIDE_*\nLogLevel {level}\n\
         Subsystem sftp internal-sftp\n"
    );
    // Whatever the account's own start files do, they do it to no test.
    writeln!(text, "SetEnv HOME={dir}").expect("a String takes all");
    let mut add = |line: String| writeln!(text, "{line}").expect("a String takes all");
    if let Some(count) = options.max_sessions {
        add(format!("MaxSessions {count}"));
    }
    if let Some(count) = options.max_startups {
        add(format!("MaxStartups {count}"));
    }
    if options.legacy_only {
        add("KexAlgorithms diffie-hellman-group14-sha1,diffie-hellman-group1-sha1".to_owned());
        add("Ciphers aes128-cbc,3des-cbc".to_owned());
        add("MACs hmac-sha1".to_owned());
        add("HostKeyAlgorithms ssh-rsa".to_owned());
    }
    if options.host_certificate.is_some() {
        add(format!("HostCertificate {dir}/host-cert.pub"));
    }
    if options.user_certificates {
        add(format!("TrustedUserCAKeys {dir}/authority.pub"));
    }
    for line in &options.lines {
        add(line.clone());
    }
    text
}

fn certificates(dir: &Path, options: &SshdOptions) {
    if options.host_certificate.is_none() && !options.user_certificates {
        return;
    }
    keygen(dir, "authority", "ed25519");
    if let Some((principal, valid)) = &options.host_certificate {
        sign(dir, &["-h", "-n", principal, "-V", valid], "host.pub");
    }
    if options.user_certificates {
        let user = User::from_uid(getuid()).ok().flatten().expect("whoever runs this has an account").name;
        sign(dir, &["-n", &user, "-V", "-1h:+1h"], "user.pub");
    }
}

fn sign(dir: &Path, args: &[&str], key: &str) {
    let mut command = Blocking::new("ssh-keygen");
    command.arg("-q").arg("-s").arg(dir.join("authority")).args(["-I", "test"]);
    let done = command.args(args).arg(dir.join(key)).status().expect("ssh-keygen can be started");
    assert!(done.success(), "ssh-keygen signs");
}

/// Makes a key pair in files; returns `algorithm base64`.
fn keygen(dir: &Path, name: &str, kind: &str) -> String {
    let path: PathBuf = dir.join(name);
    if kind == "ed25519" {
        // Many times faster than starting a program.
        let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519)
            .expect("there is chance");
        key.write_openssh_file(&path, LineEnding::LF).expect("it can be written");
        let line = key.public_key().to_openssh().expect("it has a line");
        std::fs::write(path.with_extension("pub"), &line).expect("it can be written");
        return bare(&line);
    }
    let done = Blocking::new("ssh-keygen").args(["-q", "-N", "", "-t", kind, "-f"]).arg(&path).status();
    assert!(done.expect("ssh-keygen can be started").success(), "ssh-keygen makes a key");
    bare(&read(dir, &format!("{name}.pub")))
}

fn bare(line: &str) -> String {
    line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
}

fn read(dir: &Path, name: &str) -> String {
    std::fs::read_to_string(dir.join(name)).expect("it was made")
}

fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("there are ports");
    listener.local_addr().expect("it is bound").port()
}

fn children(pid: i32) -> Vec<i32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().filter_map(|word| word.parse().ok()).collect()
}

/// From the top down.
fn descendants(pid: i32) -> Vec<i32> {
    let mut all = children(pid);
    let mut next = 0;
    while next < all.len() {
        all.extend(children(all[next]));
        next += 1;
    }
    all
}

fn end(pid: i32) {
    // It may have ended by itself.
    let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
}
