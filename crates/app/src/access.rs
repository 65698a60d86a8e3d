//! Who may do what. The one place where that is decided.

use std::sync::Arc;

use bastide_store::{Role, Scope, Server, User};
use jiff::Timestamp;
use uuid::Uuid;

use crate::app::App;
use crate::context::{Action, Authorized, Caller, Ctx, Person, Proof};
use crate::error::{Forbidden, Thing, What};
use crate::servers;
use crate::shares::Stay;
use crate::{Error, sessions::Access};

/// What an action asks of its caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Need {
    Login,
    /// A reviewer or an administrator.
    Reviewer,
    Administrator,
    /// At least this much of one session.
    Session(Access),
    /// At least this much of one server.
    Server(Reach),
}

/// What somebody may do with a server, least first. Administrators manage; others use what is granted to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    Use,
    Manage,
}

impl Action {
    fn need(self) -> Need {
        match self {
            Self::SessionList
            | Self::RecordingList
            | Self::ShareUse
            | Self::Logout
            | Self::LoginList
            | Self::LoginEnd
            | Self::PasswordChange
            | Self::TokenList
            | Self::TokenCreate
            | Self::TokenRemove
            | Self::SshKeyList
            | Self::SshKeyCreate
            | Self::SshKeyRemove
            | Self::ServerList
            | Self::ServerCheckAll
            | Self::ReviewList
            | Self::ReviewCancel => Need::Login,
            Self::RulesRead | Self::RulesTry | Self::ReviewDecide | Self::AlertList => Need::Reviewer,
            Self::SessionCreate
            | Self::UserList
            | Self::UserRead
            | Self::UserCreate
            | Self::UserChange
            | Self::UserRemove
            | Self::UserLink
            | Self::MetricsRead
            | Self::ServerCreate
            | Self::ServerImport
            | Self::ServerExport
            | Self::CredentialList
            | Self::CredentialRead
            | Self::CredentialCreate
            | Self::CredentialChange
            | Self::CredentialRemove
            | Self::CredentialUse
            | Self::GroupList
            | Self::GroupCreate
            | Self::GroupChange
            | Self::GroupRemove
            | Self::GrantList
            | Self::GrantCreate
            | Self::GrantRemove
            | Self::HostAuthorityList
            | Self::HostAuthorityCreate
            | Self::HostAuthorityRemove
            | Self::UserAuthorityList
            | Self::UserAuthorityCreate
            | Self::UserAuthorityRemove
            | Self::ConnectionList
            | Self::ConnectionEnd
            | Self::RulesChange
            | Self::SessionSettingsRead
            | Self::SessionSettingsChange => Need::Administrator,
            Self::ServerRead
            | Self::ServerUse
            | Self::ServerExecute
            | Self::ServerForward
            | Self::FileUpload
            | Self::FileDownload
            | Self::ServerCheck
            | Self::HostKeyList
            | Self::HostKeyScan
            | Self::HostKeyAccept => Need::Server(Reach::Use),
            Self::ServerChange | Self::ServerRemove | Self::HostKeyAdd | Self::HostKeyRemove => {
                Need::Server(Reach::Manage)
            }
            Self::SessionRead | Self::SessionWatch => Need::Session(Access::Watch),
            Self::SessionWrite => Need::Session(Access::Write),
            Self::SessionEnd
            | Self::SessionEvents
            | Self::VerdictList
            | Self::RecordingRead
            | Self::ShareList
            | Self::ShareCreate
            | Self::ShareRemove => Need::Session(Access::Own),
        }
    }

    /// Whether a token that may only read is enough.
    fn only_looks(self) -> bool {
        matches!(
            self,
            Self::SessionList
                | Self::SessionRead
                | Self::SessionWatch
                | Self::SessionEvents
                | Self::RecordingList
                | Self::RecordingRead
                | Self::ShareList
                | Self::LoginList
                | Self::TokenList
                | Self::SshKeyList
                | Self::UserAuthorityList
                | Self::UserList
                | Self::UserRead
                | Self::MetricsRead
                | Self::ServerList
                | Self::ServerRead
                | Self::ServerExport
                | Self::CredentialList
                | Self::CredentialRead
                | Self::GroupList
                | Self::GrantList
                | Self::HostKeyList
                | Self::HostAuthorityList
                | Self::ConnectionList
                | Self::RulesRead
                | Self::ReviewList
                | Self::AlertList
                | Self::VerdictList
                | Self::SessionSettingsRead
        )
    }

    /// Whether only a person at a browser may: a stolen token must not outlive its removal.
    fn needs_browser(self) -> bool {
        matches!(self, Self::Logout | Self::PasswordChange)
    }
}

/// Who decides on commands of others, and is told of alerts.
pub(crate) fn decides(user: &User) -> bool {
    matches!(user.role, Role::Admin | Role::Reviewer)
}

/// What somebody has of one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) reach: Reach,
    /// With which credentials, and until when: none is the server's default one. Empty for those who manage,
    /// who take any.
    pub(crate) ways: Vec<(Option<i64>, Option<Timestamp>)>,
}

impl Granted {
    /// Until when they have it with this credential (none is the server's default one); `None`: they have not.
    pub(crate) fn until(&self, credential: Option<i64>) -> Option<Option<Timestamp>> {
        if self.reach == Reach::Manage {
            return Some(None);
        }
        let ways = self.ways.iter().filter(|(with, _)| *with == credential);
        // The longest; one without an end is longer than any.
        ways.map(|(_, until)| *until).max_by_key(|until| until.unwrap_or(Timestamp::MAX))
    }
}

/// What a person has of a server: administrators all, others what is granted to them, the disabled nothing.
/// A grant of a server covers the servers on the way to it, and only as the way.
pub(crate) fn of_server(app: &App, user: &User, server: &Server) -> Option<Granted> {
    match user.role {
        _ if !user.enabled => None,
        Role::Admin => Some(Granted { reach: Reach::Manage, ways: Vec::new() }),
        Role::User | Role::Reviewer => app.servers().now().granted(user.id, server, app.clock().now()),
    }
}

/// What the caller has of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) access: Access,
    /// A guest's stay ends.
    pub(crate) until: Option<Timestamp>,
}

impl Ctx {
    /// Asks whether the caller may do this to that, where it is about no session.
    ///
    /// # Errors
    /// `NotLoggedIn`, `Forbidden`.
    pub fn authorize<T>(&self, action: Action, target: T) -> Result<Authorized<T>, Error> {
        let person = self.may(action)?;
        match action.need() {
            Need::Login => {}
            Need::Reviewer if decides(&person.user) => {}
            Need::Reviewer => return Err(Forbidden::NotReviewer.into()),
            Need::Administrator if person.user.role == Role::Admin => {}
            Need::Administrator if action == Action::SessionCreate => {
                return Err(Forbidden::NoLocalShells.into());
            }
            Need::Administrator => return Err(Forbidden::NotAdministrator.into()),
            // To be asked by `authorize_session` and `authorize_server`: without their target nobody but
            // administrators.
            Need::Session(_) | Need::Server(_) if person.user.role == Role::Admin => {}
            Need::Session(_) | Need::Server(_) => return Err(Forbidden::NotAdministrator.into()),
        }
        Ok(Authorized::new(target, person))
    }

    /// Asks whether the caller may do this to a session of this owner. Whoever may not even know of
    /// it is told that there is none.
    ///
    /// # Errors
    /// `NotLoggedIn`, `NotFound`, `Forbidden`.
    pub(crate) fn authorize_session(
        &self,
        action: Action,
        session: Uuid,
        owner: Option<Uuid>,
    ) -> Result<(Authorized<Uuid>, Held), Error> {
        // What is hidden stays hidden whatever the token.
        let person = self.person()?;
        let held = self.access(session, owner).ok_or_else(|| Error::session(session))?;
        self.may(action)?;
        match action.need() {
            Need::Session(needed) if held.access >= needed => Ok((Authorized::new(session, person), held)),
            Need::Session(Access::Write) => Err(Forbidden::WatchOnly.into()),
            _ => Err(Forbidden::NotOwner.into()),
        }
    }

    /// Asks whether the caller may do this to a server. Whoever may not even know of it is told that there
    /// is none.
    ///
    /// # Errors
    /// `NotLoggedIn`, `NotFound`, `Forbidden`.
    pub(crate) fn authorize_server(
        &self,
        action: Action,
        id: i64,
    ) -> Result<(Authorized<Arc<Server>>, Granted), Error> {
        let person = self.person()?;
        let server = self.app().servers().get(id);
        let granted = server.as_ref().and_then(|server| of_server(self.app(), &person.user, server));
        let (Some(server), Some(granted)) = (server, granted) else {
            return Err(Error::NotFound(What::Thing(Thing::Server, id)));
        };
        self.may(action)?;
        match action.need() {
            Need::Server(needed) if granted.reach >= needed => Ok((Authorized::new(server, person), granted)),
            _ => Err(Forbidden::NotAdministrator.into()),
        }
    }

    /// What the caller has of a session, if anything.
    pub(crate) fn access(&self, session: Uuid, owner: Option<Uuid>) -> Option<Held> {
        let Caller::Person(person) = self.caller() else { return None };
        let whole = |access| Some(Held { access, until: None });
        if owner == Some(person.user.uid) {
            // The end of a session takes a moment; whoever lost the right to its server is out at once.
            let revoked = servers::is_revoked(self.app(), session, person.user.uid);
            return if revoked { None } else { whole(Access::Own) };
        }
        if person.user.role == Role::Admin {
            return whole(Access::Admin);
        }
        // Who decides on a command sees where it would run.
        if person.user.role == Role::Reviewer && self.app().news().waits_in(session) {
            return whole(Access::Watch);
        }
        // A share is worth what its maker may do: nothing when they are disabled, or were an administrator.
        let may_share = |by| {
            let maker = self.app().people().get(by).filter(|maker| maker.enabled);
            maker.is_some_and(|maker| maker.role == Role::Admin || owner == Some(maker.uid))
        };
        let whose = (session, person.user.id);
        let stay: Option<Stay> = self.app().guests().stay(whose, self.clock().now(), may_share);
        stay.map(|stay| Held { access: stay.access.into(), until: Some(stay.until) })
    }

    /// Logged in, and with a proof that is enough for this.
    fn may(&self, action: Action) -> Result<Person, Error> {
        let person = self.person()?;
        if let Proof::Token(token) = &person.proof {
            if token.scope == Scope::Read && !action.only_looks() {
                return Err(Forbidden::ReadOnlyToken.into());
            }
            if action.needs_browser() {
                return Err(Forbidden::NeedsBrowser.into());
            }
        }
        Ok(person)
    }

    /// Whether the caller administers, whatever it is about.
    ///
    /// # Errors
    /// `NotLoggedIn`, `Forbidden`.
    pub fn administrator(&self) -> Result<(), Error> {
        match self.person()?.user.role {
            Role::Admin => Ok(()),
            Role::User | Role::Reviewer => Err(Forbidden::NotAdministrator.into()),
        }
    }

    /// Whether the caller decides on commands of others.
    ///
    /// # Errors
    /// `NotLoggedIn`, `Forbidden`.
    pub fn reviewer(&self) -> Result<(), Error> {
        match decides(&self.person()?.user) {
            true => Ok(()),
            false => Err(Forbidden::NotReviewer.into()),
        }
    }

    /// # Errors
    /// `NotLoggedIn`.
    pub fn person(&self) -> Result<Person, Error> {
        match self.caller() {
            Caller::Anonymous => Err(Error::NotLoggedIn),
            Caller::Person(person) => Ok(person.clone()),
        }
    }

    /// Every action the caller may do whatever it is done to: what a page offers.
    pub fn rights(&self) -> Vec<Action> {
        let may = |action: &Action| {
            !matches!(action.need(), Need::Session(_) | Need::Server(_))
                && self.authorize(*action, ()).is_ok()
        };
        Action::ALL.into_iter().filter(may).collect()
    }
}
