//! Showing a server who one is: RFC 4252 and, for questions, RFC 4256.

use std::sync::Arc;

use bastide_wire::ssh::{Hop, Login, PromptKind, Secret};
use russh::MethodKind;
use russh::client::{AuthResult, Handle, KeyboardInteractiveAuthResponse as Reply, Prompt};
use russh::keys::{HashAlg, PrivateKey, PrivateKeyWithHashAlg};

use crate::agent::{Agent, Forwarded};
use crate::ask::Answer;
use crate::callbacks::{Callbacks, Link, NO_MORE_TRIES};
use crate::error::Error;
use crate::keys::{BadKey, certificate, decode, fingerprint};
use crate::patience::{Asking, line};

/// A person may mistype a passphrase or a password so often.
const TRIES: usize = 3;
/// Rounds of questions in one login. A server that asks more often is not going to let anybody in.
const MAX_ROUNDS: usize = 20;
/// Questions in one round.
const MAX_QUESTIONS: usize = 16;

type Connected = Handle<Callbacks>;

/// One login after the other until the server is satisfied.
pub(crate) struct LoggingIn<'a> {
    pub(crate) handle: &'a mut Connected,
    pub(crate) hop: &'a Hop,
    pub(crate) place: &'a str,
    pub(crate) asking: &'a Asking,
    pub(crate) link: &'a Link,
    /// What the server says it would take; unknown before the first answer.
    pub(crate) offered: Option<Vec<MethodKind>>,
    /// What was tried, for the error.
    pub(crate) tried: Vec<String>,
    pub(crate) rounds: usize,
    /// The key that lets in is kept for programs there.
    pub(crate) forward: bool,
}

/// How one way to log in went.
enum Step {
    In,
    /// Refused, or only the first of several factors: the next way is tried.
    Next,
}

impl LoggingIn<'_> {
    pub(crate) async fn run(mut self) -> Result<(), Error> {
        for login in &self.hop.logins {
            let step = match login {
                Login::Password { password } => self.password(Some(password)).await?,
                Login::AskPassword => self.password(None).await?,
                Login::KeyboardInteractive { password } => self.interactive(password.as_ref()).await?,
                Login::Key { key, passphrase, certificate } => {
                    self.key(key, passphrase.as_ref(), certificate.as_deref()).await?
                }
            };
            if matches!(step, Step::In) {
                return Ok(());
            }
        }
        // Some devices ask nothing at this level.
        if self.hop.logins.is_empty() && matches!(self.none().await?, Step::In) {
            return Ok(());
        }
        Err(self.refused())
    }

    async fn password(&mut self, stored: Option<&Secret>) -> Result<Step, Error> {
        if self.offered.is_none() && stored.is_none() && matches!(self.none().await?, Step::In) {
            // Nobody is asked for a password that the server does not want.
            return Ok(Step::In);
        }
        if !self.takes(MethodKind::Password) {
            // Most servers that refuse `password` ask for it as a question.
            return match self.takes(MethodKind::KeyboardInteractive) {
                true => self.interactive(stored).await,
                false => Ok(self.skipped("password")),
            };
        }
        for _ in 0..TRIES {
            let password = match stored {
                Some(password) => password.clone(),
                None => {
                    self.ask(
                        PromptKind::Password,
                        &format!("Password of {} on {}", self.hop.username, self.place),
                        false,
                    )
                    .await?
                }
            };
            let user = self.hop.username.clone();
            let result = self.handle.authenticate_password(user, password.expose()).await;
            let step = self.judge("password", result)?;
            let again = stored.is_none() && matches!(step, Step::Next) && self.takes(MethodKind::Password);
            if !again {
                return match step {
                    // It is refused as a password, and may be the answer to the server's question all the same.
                    Step::Next
                        if !self.takes(MethodKind::Password)
                            && self.takes(MethodKind::KeyboardInteractive) =>
                    {
                        self.interactive(stored).await
                    }
                    step => Ok(step),
                };
            }
        }
        Ok(Step::Next)
    }

    async fn interactive(&mut self, stored: Option<&Secret>) -> Result<Step, Error> {
        if !self.takes(MethodKind::KeyboardInteractive) {
            return Ok(self.skipped("keyboard-interactive"));
        }
        let user = self.hop.username.clone();
        let mut stored = stored;
        let mut reply = self
            .handle
            .authenticate_keyboard_interactive_start(user, None)
            .await
            .map_err(|e| self.lost(&e))?;
        loop {
            match reply {
                Reply::Success => return Ok(Step::In),
                Reply::Failure { remaining_methods, partial_success } => {
                    let failed = AuthResult::Failure { remaining_methods, partial_success };
                    return self.judge("keyboard-interactive", Ok(failed));
                }
                Reply::InfoRequest { name, instructions, prompts } => {
                    self.rounds += 1;
                    if self.rounds > MAX_ROUNDS || prompts.len() > MAX_QUESTIONS {
                        return Err(self.failed("the server asks question after question"));
                    }
                    let about = [line(&name), line(&instructions)].join("\n");
                    let mut answers = Vec::with_capacity(prompts.len());
                    for prompt in &prompts {
                        let answer = match stored.take_if(|_| wants_password(prompt)) {
                            Some(password) => password.clone(),
                            None => {
                                self.ask(
                                    PromptKind::Question,
                                    &format!("{about}\n{}", prompt.prompt),
                                    prompt.echo,
                                )
                                .await?
                            }
                        };
                        answers.push(answer.expose().to_owned());
                    }
                    let answered = self.handle.authenticate_keyboard_interactive_respond(answers).await;
                    reply = answered.map_err(|e| self.lost(&e))?;
                }
            }
        }
    }

    async fn key(
        &mut self,
        text: &Secret,
        passphrase: Option<&Secret>,
        line: Option<&str>,
    ) -> Result<Step, Error> {
        let key = Arc::new(self.read_key(text, passphrase).await?);
        let what = format!("publickey ({} {})", key.algorithm(), fingerprint(key.public_key()));
        if !self.takes(MethodKind::PublicKey) {
            return Ok(self.skipped(&what));
        }
        let user = self.hop.username.clone();
        if let Some(line) = line {
            let certificate = certificate(line).map_err(|why| self.failed(&why.to_string()))?;
            if certificate.public_key() != key.public_key().key_data() {
                return Err(self.failed("the certificate belongs to another key than the stored one"));
            }
            let agent = self.forward.then(|| Agent::new(Arc::clone(&key), Some(&certificate)));
            let what = format!("certificate ({})", fingerprint(key.public_key()));
            let result = self.handle.authenticate_openssh_cert(user, key, certificate).await;
            return self.judge_key(&what, result, agent);
        }
        if !key.algorithm().is_rsa() {
            let agent = self.forward.then(|| Agent::new(Arc::clone(&key), None));
            let result =
                self.handle.authenticate_publickey(user, PrivateKeyWithHashAlg::new(key, None)).await;
            return self.judge_key(&what, result, agent);
        }
        for hash in self.rsa_hashes().await? {
            let signer = PrivateKeyWithHashAlg::new(Arc::clone(&key), hash);
            let result = self.handle.authenticate_publickey(user.clone(), signer).await;
            let agent = self.forward.then(|| Agent::new(Arc::clone(&key), None));
            if let Step::In = self.judge_key(&what, result, agent)? {
                return Ok(Step::In);
            }
        }
        Ok(Step::Next)
    }

    /// RFC 8332: SHA-2 where the server says so or says nothing; SHA-1 on old servers that are allowed to be old.
    async fn rsa_hashes(&mut self) -> Result<Vec<Option<HashAlg>>, Error> {
        let legacy = self.hop.legacy_algorithms;
        match self.handle.best_supported_rsa_hash().await.map_err(|error| self.lost(&error))? {
            Some(Some(hash)) => Ok(vec![Some(hash)]),
            Some(None) if legacy => Ok(vec![None]),
            Some(None) => Err(self.failed(
                "the server takes RSA signatures with SHA-1 only; use an ed25519 key, or the setting for legacy algorithms",
            )),
            None if legacy => Ok(vec![Some(HashAlg::Sha256), None]),
            None => Ok(vec![Some(HashAlg::Sha256)]),
        }
    }

    async fn read_key(&mut self, text: &Secret, stored: Option<&Secret>) -> Result<PrivateKey, Error> {
        let mut passphrase = stored.cloned();
        for _ in 0..=TRIES {
            let (text, with) = (text.clone(), passphrase.clone());
            // Deriving a key from a passphrase is slow on purpose: not on the threads that move bytes.
            let decoded =
                tokio::task::spawn_blocking(move || decode(text.expose(), with.as_ref().map(Secret::expose)));
            let decoded = decoded.await.map_err(|_| self.failed("reading the private key failed"))?;
            match decoded {
                Ok((key, _)) => return Ok(key),
                Err(BadKey::WrongPassphrase) if stored.is_some() => {
                    return Err(self.failed("the stored passphrase does not open the private key"));
                }
                Err(BadKey::NeedsPassphrase | BadKey::WrongPassphrase) => {
                    let text =
                        format!("Passphrase of the private key for {} on {}", self.hop.username, self.place);
                    passphrase = Some(self.ask(PromptKind::Passphrase, &text, false).await?);
                }
                Err(why) => return Err(self.failed(&format!("the private key cannot be used: {why}"))),
            }
        }
        Err(self.failed("the passphrase was wrong each time"))
    }

    async fn none(&mut self) -> Result<Step, Error> {
        let user = self.hop.username.clone();
        let result = self.handle.authenticate_none(user).await;
        let step = self.judge("none", result);
        // It is a question for the list of methods, not a try.
        self.tried.pop();
        step
    }

    async fn ask(&self, kind: PromptKind, text: &str, echo: bool) -> Result<Secret, Error> {
        let what = match kind {
            PromptKind::Passphrase => "the passphrase",
            PromptKind::Password => "the password",
            PromptKind::Question | PromptKind::HostKey => "the server's question",
        };
        match self.asking.text(kind, text, echo).await {
            Answer::Text(secret) => Ok(secret),
            Answer::Refused | Answer::Accept => Err(self.failed(&format!("{what} was not given"))),
            Answer::Expired => Err(self.failed(&format!("nobody answered {what} in time"))),
            Answer::Nobody => Err(self.failed(&format!("nobody is there to be asked for {what}"))),
        }
    }

    fn takes(&self, method: MethodKind) -> bool {
        self.offered.as_ref().is_none_or(|offered| offered.contains(&method))
    }

    fn skipped(&mut self, what: &str) -> Step {
        self.tried.push(format!("{what} not offered"));
        Step::Next
    }

    fn judge(&mut self, what: &str, result: Result<AuthResult, russh::Error>) -> Result<Step, Error> {
        match result.map_err(|error| self.lost(&error))? {
            AuthResult::Success => Ok(Step::In),
            AuthResult::Failure { remaining_methods, partial_success } => {
                let offered: Vec<MethodKind> = remaining_methods.iter().copied().collect();
                let ended = self.link.ended();
                if offered.is_empty() && ended.is_some_and(|why| why != NO_MORE_TRIES) {
                    return Err(self.lost(&russh::Error::Disconnect));
                }
                self.tried.push(format!(
                    "{what} {}",
                    if partial_success { "accepted, more wanted" } else { "refused" }
                ));
                if offered.is_empty() {
                    // The library ends the connection then.
                    return Err(self.refused());
                }
                self.offered = Some(offered);
                Ok(Step::Next)
            }
        }
    }

    /// A key that was accepted, be it as the first of two factors, is the one to forward.
    fn judge_key(
        &mut self,
        what: &str,
        result: Result<AuthResult, russh::Error>,
        agent: Option<Agent>,
    ) -> Result<Step, Error> {
        let accepted =
            matches!(result, Ok(AuthResult::Success | AuthResult::Failure { partial_success: true, .. }));
        if let Some(agent) = agent.filter(|_| accepted) {
            self.link.forward(Forwarded::key(agent));
        }
        self.judge(what, result)
    }

    fn failed(&self, why: &str) -> Error {
        Error::Authentication { place: self.place.to_owned(), why: why.to_owned() }
    }

    fn lost(&self, error: &russh::Error) -> Error {
        let why = self.link.ended().unwrap_or_else(|| match error {
            russh::Error::Disconnect | russh::Error::SendError | russh::Error::RecvError => {
                "the server closed the connection".to_owned()
            }
            error => line(&error.to_string()),
        });
        self.failed(&format!("{why}{}", self.so_far()))
    }

    fn refused(&self) -> Error {
        let user = line(&self.hop.username);
        if self.hop.logins.is_empty() {
            return self.failed(&format!("no credential is set for {user}{}", self.so_far()));
        }
        self.failed(&format!("{user} is not let in; check user name and credential{}", self.so_far()))
    }

    /// `; tried …; the server offers …; it says …`.
    fn so_far(&self) -> String {
        let mut text = String::new();
        if !self.tried.is_empty() {
            text.push_str("; tried: ");
            text.push_str(&self.tried.join(", "));
        }
        if let Some(offered) = self.offered.as_ref().filter(|offered| !offered.is_empty()) {
            let names: Vec<&str> = offered.iter().map(<&str>::from).collect();
            text.push_str("; the server offers: ");
            text.push_str(&names.join(", "));
        }
        let banner = self.link.banner();
        if !banner.is_empty() {
            text.push_str("; it says: ");
            text.push_str(&banner);
        }
        text
    }
}

/// Whether a hidden question is the one for the account's password. Only the first such question of a login gets
/// the stored one: the second is a new password or a code.
fn wants_password(prompt: &Prompt) -> bool {
    let text = prompt.prompt.to_lowercase();
    let asks = ["password", "passwort", "mot de passe", "contraseña", "密码", "口令", "パスワード"];
    let other = ["new password", "one-time", "otp", "verification", "token"];
    !prompt.echo
        && asks.iter().any(|word| text.contains(word))
        && !other.iter().any(|word| text.contains(word))
}
