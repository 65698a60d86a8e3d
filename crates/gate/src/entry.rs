//! Who comes: what a client shows is handed to the use case, and its answer back.

use std::borrow::Cow;

use bastide_app::login::ShownCertificate;
use bastide_app::login::factors::Way;
use bastide_app::password::Password;
use bastide_app::{App, Ctx, Error, LoginError, Origin};
use russh::keys::Certificate;
use russh::keys::ssh_key::certificate::CertType;
use russh::keys::{PublicKey, PublicKeyBase64};
use russh::server::Auth;

use crate::listener::methods;
use crate::name::{Name, Target};

/// More than any password; argon2 reads all of it.
const MAX_PASSWORD: usize = 1024;

pub(crate) struct Entry {
    app: App,
    origin: Origin,
    /// Why the last try failed, where the person may know.
    said: Option<String>,
    /// Somebody whose password was right, and who has to show a code.
    half: Option<Half>,
}

/// The first of two steps, taken.
struct Half {
    /// As the client names it: another name begins again.
    user: String,
    /// A secret.
    token: String,
}

/// What a password or a code comes to.
pub(crate) enum Step {
    In(Box<(Ctx, Target)>),
    /// A code is to be asked for.
    Code,
    No,
}

impl From<Entered> for Step {
    fn from(entered: Entered) -> Self {
        entered.map_or(Self::No, |entered| Self::In(Box::new(entered)))
    }
}

/// The same for everybody and every reason. All methods again: the library takes back one that failed.
pub(crate) fn refuse() -> Auth {
    Auth::Reject { proceed_with_methods: Some(methods()), partial_success: false }
}

type Entered = Option<(Ctx, Target)>;

impl Entry {
    pub(crate) fn new(app: App, origin: Origin) -> Self {
        Self { app, origin, said: None, half: None }
    }

    /// Whether it is of use to sign with this key.
    pub(crate) async fn knows(&self, user: &str, key: &str) -> bool {
        let Some(name) = Name::read(user) else { return false };
        match self.app.knows_key(&name.person, key).await {
            Ok(knows) => knows,
            Err(error) => {
                tracing::warn!(%error, "keys cannot be read");
                false
            }
        }
    }

    pub(crate) async fn key(&mut self, user: &str, key: &str) -> Entered {
        let name = Name::read(user)?;
        let entered = self.app.enter_by_key(&name.person, key, self.origin.clone()).await;
        self.entered(entered, name.target)
    }

    pub(crate) async fn certificate(&mut self, user: &str, shown: &Certificate) -> Entered {
        let name = Name::read(user)?;
        let shown = facts(shown);
        let entered = self.app.enter_by_certificate(&name.person, &shown, self.origin.clone()).await;
        self.entered(entered, name.target)
    }

    pub(crate) async fn password(&mut self, user: &str, password: String) -> Step {
        self.half = None;
        // What names nobody takes the same way as somebody who is not there.
        let name = Name::read(user).unwrap_or(Name { person: String::new(), target: Target::Menu });
        let password = if password.len() > MAX_PASSWORD { String::new() } else { password };
        let password = Password::new(password);
        let entered = self.app.enter_by_password(&name.person, password, self.origin.clone()).await;
        match entered {
            Err(Error::Login(LoginError::SecondFactor(needed))) if takes_codes(&needed.ways) => {
                self.half = Some(Half { user: user.to_owned(), token: needed.token });
                Step::Code
            }
            entered => self.entered(entered, name.target).into(),
        }
    }

    /// An answer to what [`Entry::ask`] asked.
    pub(crate) async fn answer(&mut self, user: &str, answer: String) -> Step {
        let half = self.half.take().filter(|half| half.user == user);
        let (Some(half), Some(name)) = (half, Name::read(user)) else {
            return self.password(user, answer).await;
        };
        let code = if answer.len() > MAX_PASSWORD { String::new() } else { answer };
        let entered = self.app.enter_by_second_factor(&half.token, code, self.origin.clone()).await;
        match entered {
            Err(Error::Login(why @ LoginError::BadCode)) => {
                self.said = Some(why.to_string());
                self.half = Some(half);
                Step::Code
            }
            entered => self.entered(entered, name.target).into(),
        }
    }

    /// What is asked of a person: the password, and then a code where one is needed.
    pub(crate) fn ask(&mut self, user: &str) -> Auth {
        let second = self.half.as_ref().is_some_and(|half| half.user == user);
        let prompt = (Cow::Borrowed(if second { "Code: " } else { "Password: " }), false);
        Auth::Partial {
            name: Cow::Borrowed("Bastide"),
            instructions: self.said.take().map(Cow::Owned).unwrap_or_default(),
            prompts: Cow::Owned(vec![prompt]),
        }
    }

    fn entered(&mut self, entered: Result<Ctx, Error>, target: Target) -> Entered {
        match entered {
            Ok(ctx) => Some((ctx, target)),
            Err(Error::Login(why)) => {
                use LoginError::{CodesLocked, SecondFactor, StepOver, TooManyAttempts};
                let told = matches!(why, TooManyAttempts { .. } | SecondFactor(_) | StepOver | CodesLocked);
                self.said = told.then(|| why.to_string());
                None
            }
            Err(error) => {
                tracing::warn!(%error, "nobody can log in at the ssh door");
                self.said = Some("the server cannot let anybody in now; its log says why".to_owned());
                None
            }
        }
    }
}

/// Whether they have something that can be typed. A passkey cannot be shown here, and an app is set up at the page.
fn takes_codes(ways: &[Way]) -> bool {
    ways.iter().any(|way| matches!(way, Way::Totp | Way::Recovery))
}

fn facts(shown: &Certificate) -> ShownCertificate {
    let authority = PublicKey::new(shown.signature_key().clone(), "");
    // OpenSSH PROTOCOL.certkeys: all bits set is for ever.
    let bound = |at: u64| (at != u64::MAX).then_some(at);
    ShownCertificate {
        authority: format!("{} {}", authority.algorithm(), authority.public_key_base64()),
        of_user: shown.cert_type() == CertType::User,
        key_id: shown.key_id().to_owned(),
        serial: shown.serial(),
        principals: shown.valid_principals().to_vec(),
        valid_before: bound(shown.valid_before()),
        valid_after: bound(shown.valid_after()),
        critical: shown
            .critical_options()
            .iter()
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
    }
}
