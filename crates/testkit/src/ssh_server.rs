//! A small SSH server for what OpenSSH cannot be made to do without touching the machine: passwords, one-time
//! codes, bad manners. Its shell echoes, and obeys a few words.

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bastide_wire::ssh::{Hop, Login, Secret, Ssh};
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey, PublicKeyBase64};
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, Response, Session, VerifiedPublicKey};
use russh::{Channel, ChannelId, ChannelOpenFailure, MethodKind, MethodSet, Pty, Sig};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// How it treats whoever connects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manners {
    #[default]
    Proper,
    /// Accepts and says nothing.
    Silent,
    /// Sends lines before its version without end.
    Chatters,
    /// Speaks something else.
    Http,
    /// Accepts and closes, like a server at its `MaxStartups`.
    HangsUp,
}

/// Who is let in, and what is refused.
#[derive(Debug, Clone)]
pub struct SshServerOptions {
    manners: Manners,
    user: String,
    password: Option<String>,
    /// Text, whether it is echoed, and the right answer.
    questions: Vec<(String, bool, String)>,
    key: Option<String>,
    /// The password counts only after this key.
    both: bool,
    banner: Option<String>,
    refuse_terminal: bool,
    refuse_channels: bool,
}

impl Default for SshServerOptions {
    fn default() -> Self {
        Self {
            manners: Manners::Proper,
            user: "ann".to_owned(),
            password: None,
            questions: Vec::new(),
            key: None,
            both: false,
            banner: None,
            refuse_terminal: false,
            refuse_channels: false,
        }
    }
}

impl SshServerOptions {
    #[must_use]
    pub fn manners(mut self, manners: Manners) -> Self {
        self.manners = manners;
        self
    }

    /// The account is `ann`.
    #[must_use]
    pub fn password(mut self, password: &str) -> Self {
        self.password = Some(password.to_owned());
        self
    }

    /// One more question of keyboard-interactive; all must be answered rightly.
    #[must_use]
    pub fn question(mut self, text: &str, echo: bool, answer: &str) -> Self {
        self.questions.push((text.to_owned(), echo, answer.to_owned()));
        self
    }

    /// Lets in with this public key, `algorithm base64`.
    #[must_use]
    pub fn key(mut self, line: &str) -> Self {
        self.key = Some(line.to_owned());
        self
    }

    /// The key first, and then the password or the questions too.
    #[must_use]
    pub fn two_factors(mut self) -> Self {
        self.both = true;
        self
    }

    #[must_use]
    pub fn banner(mut self, text: &str) -> Self {
        self.banner = Some(text.to_owned());
        self
    }

    #[must_use]
    pub fn refuse_terminal(mut self) -> Self {
        self.refuse_terminal = true;
        self
    }

    #[must_use]
    pub fn refuse_channels(mut self) -> Self {
        self.refuse_channels = true;
        self
    }
}

/// It runs until it is dropped.
#[derive(Debug)]
pub struct SshServer {
    port: u16,
    host_key: String,
    shared: Arc<Shared>,
    accept: JoinHandle<()>,
    options: SshServerOptions,
}

#[derive(Debug, Default)]
struct Shared {
    accepted: AtomicUsize,
    logins: AtomicUsize,
    /// Counts up to cut all connections.
    cut: watch::Sender<u64>,
    typed: Mutex<Vec<u8>>,
}

impl SshServer {
    /// # Panics
    /// When there is no port on loopback.
    pub async fn start(options: SshServerOptions) -> Self {
        let key = PrivateKey::random(&mut russh::keys::key::safe_rng(), Algorithm::Ed25519)
            .expect("there is chance");
        Self::start_with_key(options, &key.to_openssh(LineEnding::LF).expect("it has a text")).await
    }

    /// With a host key of the test's own: the same server at another port, or another at the same.
    ///
    /// # Panics
    /// When the key cannot be read.
    pub async fn start_with_key(options: SshServerOptions, key: &str) -> Self {
        let key = PrivateKey::from_openssh(key).expect("it is a private key");
        let host_key = format!("{} {}", key.algorithm(), key.public_key_base64());
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("there are ports");
        let port = listener.local_addr().expect("it is bound").port();
        let shared = Arc::new(Shared::default());
        let accept = tokio::spawn(accept(listener, key, options.clone(), Arc::clone(&shared)));
        Self { port, host_key, shared, accept, options }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// `algorithm base64`.
    pub fn host_key(&self) -> &str {
        &self.host_key
    }

    /// How many connections were accepted so far.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    /// How often somebody was let in so far.
    pub fn logins(&self) -> usize {
        self.shared.logins.load(Ordering::Relaxed)
    }

    /// All that was typed into all its shells so far.
    pub fn typed(&self) -> Vec<u8> {
        self.shared.typed.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Closes all connections without a word.
    pub fn drop_connections(&self) {
        self.shared.cut.send_modify(|count| *count += 1);
    }

    /// How to reach it: its key is pinned, the login is the password, if it has one.
    pub fn hop(&self) -> Hop {
        let login = |password: &String| Login::Password { password: Secret::new(password.as_str()) };
        Hop {
            name: format!("ssh{}", self.port),
            host: "127.0.0.1".to_owned(),
            port: self.port,
            username: self.options.user.clone(),
            credential: "test".to_owned(),
            logins: self.options.password.iter().map(login).collect(),
            host_keys: vec![self.host_key.clone()],
            ..Hop::default()
        }
    }

    /// [`Self::hop`] alone.
    pub fn ssh(&self) -> Ssh {
        Ssh { hops: vec![self.hop()], ..Ssh::default() }
    }
}

impl Drop for SshServer {
    fn drop(&mut self) {
        self.accept.abort();
        self.drop_connections();
    }
}

/// What is offered before anything was accepted.
fn methods(options: &SshServerOptions) -> MethodSet {
    let mut methods = MethodSet::empty();
    if options.key.is_some() {
        methods.push(MethodKind::PublicKey);
    }
    if options.password.is_some() && !options.both {
        methods.push(MethodKind::Password);
    }
    if !options.questions.is_empty() && !options.both {
        methods.push(MethodKind::KeyboardInteractive);
    }
    methods
}

async fn accept(listener: TcpListener, key: PrivateKey, options: SshServerOptions, shared: Arc<Shared>) {
    let config = Arc::new(Config {
        keys: vec![key],
        methods: methods(&options),
        // A test does not wait for a wrong password.
        auth_rejection_time: std::time::Duration::ZERO,
        nodelay: true,
        ..Config::default()
    });
    while let Ok((stream, _)) = listener.accept().await {
        shared.accepted.fetch_add(1, Ordering::Relaxed);
        let (config, options, shared) = (Arc::clone(&config), options.clone(), Arc::clone(&shared));
        tokio::spawn(async move {
            let mut cut = shared.cut.subscribe();
            tokio::select! {
                () = serve(stream, config, options, &shared) => {}
                _ = cut.changed() => {}
            }
        });
    }
}

async fn serve(mut stream: TcpStream, config: Arc<Config>, options: SshServerOptions, shared: &Arc<Shared>) {
    match options.manners {
        Manners::Proper => {}
        Manners::Silent => std::future::pending().await,
        Manners::Chatters => while stream.write_all(b"please wait\r\n").await.is_ok() {},
        Manners::Http => {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
            return;
        }
        Manners::HangsUp => return,
    }
    // Between the socket and the server, so that the socket can be cut at once.
    let (near, mut far) = tokio::io::duplex(64 * 1024);
    let guest = Guest { options, shared: Arc::clone(shared), key_seen: false, line: Vec::new() };
    let running = async {
        if let Ok(session) = russh::server::run_stream(config, near, guest).await {
            let _ = session.await;
        }
    };
    tokio::join!(running, async {
        let _ = tokio::io::copy_bidirectional(&mut stream, &mut far).await;
    });
}

/// One connection.
struct Guest {
    options: SshServerOptions,
    shared: Arc<Shared>,
    key_seen: bool,
    line: Vec<u8>,
}

impl Guest {
    fn second_factor(&self) -> bool {
        !self.options.both || self.key_seen
    }

    fn let_in(&self, right: bool) -> Auth {
        if !right {
            // Said anew each time: the library takes back a method that failed.
            return Auth::Reject {
                proceed_with_methods: Some(methods(&self.options)),
                partial_success: false,
            };
        }
        self.shared.logins.fetch_add(1, Ordering::Relaxed);
        Auth::Accept
    }

    fn ask(&self) -> Auth {
        let prompts =
            self.options.questions.iter().map(|(text, echo, _)| (Cow::Owned(text.clone()), *echo)).collect();
        Auth::Partial { name: "login".into(), instructions: "".into(), prompts: Cow::Owned(prompts) }
    }

    /// What the shell does at the end of a line, and a command as a whole.
    fn obey(&self, line: &str, id: ChannelId, session: &mut Session) -> Result<bool, russh::Error> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "exit" => session.exit_status_request(id, rest.parse().unwrap_or(0))?,
            "signal" => session.exit_signal_request(id, Sig::TERM, false, "", "")?,
            // Devices end so: without a status.
            "bye" => {}
            "die" => {
                self.shared.cut.send_modify(|count| *count += 1);
                return Ok(false);
            }
            "flood" => {
                session.data(id, vec![b'x'; rest.parse().unwrap_or(0)])?;
                return Ok(false);
            }
            "bytes" => {
                session.data(id, &b"caf\xe9 \xff\xfe\r\n"[..])?;
                return Ok(false);
            }
            _ => return Ok(false),
        }
        session.eof(id)?;
        session.close(id)?;
        Ok(true)
    }
}

impl Handler for Guest {
    type Error = russh::Error;

    async fn auth_none(&mut self, user: &str) -> Result<Auth, Self::Error> {
        let open = self.options.password.is_none()
            && self.options.questions.is_empty()
            && self.options.key.is_none();
        Ok(self.let_in(open && user == self.options.user))
    }

    async fn auth_password(&mut self, user: &str, password: &str) -> Result<Auth, Self::Error> {
        let right = self.options.password.as_deref() == Some(password) && user == self.options.user;
        Ok(self.let_in(right && self.second_factor()))
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let line = format!("{} {}", key.public_key.algorithm(), key.public_key.public_key_base64());
        if self.options.key.as_deref() != Some(line.as_str()) || user != self.options.user {
            return Ok(self.let_in(false));
        }
        if !self.options.both {
            return Ok(self.let_in(true));
        }
        self.key_seen = true;
        let second = if self.options.questions.is_empty() {
            MethodKind::Password
        } else {
            MethodKind::KeyboardInteractive
        };
        Ok(Auth::Reject { proceed_with_methods: Some(MethodSet::from(&[second][..])), partial_success: true })
    }

    async fn auth_keyboard_interactive<'a>(
        &'a mut self,
        user: &str,
        _: &str,
        response: Option<Response<'a>>,
    ) -> Result<Auth, Self::Error> {
        let Some(response) = response else { return Ok(self.ask()) };
        let answers: Vec<_> = response.collect();
        let right = answers.len() == self.options.questions.len()
            && answers
                .iter()
                .zip(&self.options.questions)
                .all(|(got, (_, _, right))| got == right.as_bytes());
        Ok(self.let_in(right && user == self.options.user && self.second_factor()))
    }

    async fn authentication_banner(&mut self) -> Result<Option<String>, Self::Error> {
        Ok(self.options.banner.clone())
    }

    async fn channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.options.refuse_channels {
            reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
        } else {
            reply.accept().await;
        }
        Ok(())
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        _: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.options.refuse_terminal { session.channel_failure(id) } else { session.channel_success(id) }
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_success(id)?;
        session.data(id, &b"ready> "[..])
    }

    async fn signal(&mut self, id: ChannelId, signal: Sig, session: &mut Session) -> Result<(), Self::Error> {
        let name = match signal {
            Sig::Custom(name) => name,
            known => format!("{known:?}"),
        };
        session.data(id, format!("[signal {name}]").into_bytes())
    }

    async fn exec_request(
        &mut self,
        id: ChannelId,
        command: &[u8],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(id)?;
        for line in String::from_utf8_lossy(command).split(';') {
            if self.obey(line.trim(), id, session)? {
                return Ok(());
            }
        }
        self.obey("exit 0", id, session)?;
        Ok(())
    }

    async fn data(&mut self, id: ChannelId, data: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        self.shared.typed.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(data);
        session.data(id, data.to_vec())?;
        for byte in data {
            if !matches!(byte, b'\r' | b'\n') {
                self.line.push(*byte);
                continue;
            }
            let line = std::mem::take(&mut self.line);
            if self.obey(&String::from_utf8_lossy(&line), id, session)? {
                break;
            }
        }
        Ok(())
    }
}
