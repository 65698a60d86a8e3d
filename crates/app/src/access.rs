//! Who may do what. The one place where that is decided: by the policies, on what grants give.
//!
//! A grant of a server covers the servers on the way to it, and only as the way.

pub(crate) mod granted;
mod network;
pub(crate) mod page;
mod policies;

use std::net::IpAddr;
use std::sync::Arc;

use bastide_store::{Right, Rights, Role, Scope, Server, User};
use jiff::Timestamp;
use uuid::Uuid;

use crate::app::App;
use crate::context::{Action, Authorized, Caller, Ctx, Person, Proof};
use crate::error::{Forbidden, NoShellHere, Thing, What};
use crate::servers;
use crate::shares::Stay;
use crate::{Error, sessions::Access};

pub(crate) use granted::Granted;
pub use network::Network;
pub(crate) use policies::{Asker, On, Policies, Relation};

impl Action {
    /// Whether a token that may only read is enough.
    fn only_looks(self) -> bool {
        matches!(
            self,
            Self::SessionList
                | Self::SessionRead
                | Self::SessionWatch
                | Self::SessionEvents
                | Self::ViewerList
                | Self::RecordingList
                | Self::RecordingRead
                | Self::ShareList
                | Self::LoginList
                | Self::FactorList
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
                | Self::AccessRequestList
                | Self::AccessRead
                | Self::SessionSettingsRead
                | Self::ServerAccessRead
                | Self::FileList
                | Self::FileDownload
                | Self::SessionObserve
        )
    }

    /// Whether only a person at a browser may: a stolen token must not outlive its removal.
    fn needs_browser(self) -> bool {
        matches!(self, Self::Logout | Self::PasswordChange | Self::FactorChange)
    }
}

/// Who decides on commands of others.
pub(crate) fn decides(app: &App, user: &User) -> bool {
    app.policies().allow(Asker::of(user), Action::ReviewDecide)
}

/// Who sees commands of others that wait.
pub(crate) fn oversees(app: &App, user: &User) -> bool {
    app.policies().allow(Asker::of(user), Action::AlertList)
}

/// What the caller has of one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) access: Access,
    relation: Relation,
    /// A guest's stay ends, and so does a right that lets watch.
    pub(crate) until: Option<Timestamp>,
}

impl Ctx {
    /// Asks whether the caller may do this to that, where it is about no session and no server.
    ///
    /// # Errors
    /// `NotLoggedIn`, `Forbidden`.
    pub fn authorize<T>(&self, action: Action, target: T) -> Result<Authorized<T>, Error> {
        let person = self.may(action)?;
        match self.policies().allow(Asker::of(&person.user), action) {
            true => Ok(Authorized::new(target, person)),
            false if action == Action::SessionCreate => Err(Forbidden::NoShellHere(NoShellHere::Role).into()),
            false => Err(Forbidden::Role(self.who_may(action)).into()),
        }
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
        let asker = Asker::of(&person.user);
        match self.policies().allow_on_session(asker, action, held.relation) {
            true => Ok((Authorized::new(session, person), held)),
            false if action == Action::SessionWrite => Err(Forbidden::WatchOnly.into()),
            false => Err(Forbidden::NotOwner.into()),
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
        let none = || Error::NotFound(What::Thing(Thing::Server, id));
        let known = self.app().servers().now();
        let server = known.servers.get(&id).ok_or_else(none)?;
        let granted = known.granted(&person.user, server, &self.moment(&known));
        if !granted.allows(self.policies(), Action::ServerRead) {
            // Whoever holds a grant knows of the server at any hour and from anywhere.
            return Err(granted.closed.map_or_else(none, |why| Forbidden::Closed(why).into()));
        }
        self.may(action)?;
        match granted.allows(self.policies(), action) {
            true => Ok((Authorized::new(Arc::clone(server), person), granted)),
            false => Err(self.lacks(&granted, action).into()),
        }
    }

    /// What the caller has of these servers, of those that they may do this to.
    pub(crate) fn granted_of<'a>(
        &self,
        action: Action,
        servers: impl Iterator<Item = &'a Arc<Server>>,
    ) -> Vec<(Arc<Server>, Granted)> {
        let Ok(person) = self.person() else { return Vec::new() };
        let known = self.app().servers().now();
        let moment = self.moment(&known);
        let granted = |server: &Arc<Server>| {
            let granted = known.granted(&person.user, server, &moment);
            granted.allows(self.policies(), action).then(|| (Arc::clone(server), granted))
        };
        servers.filter_map(granted).collect()
    }

    /// Now, from where the caller asks.
    pub(crate) fn moment(&self, known: &servers::Known) -> granted::Moment {
        known.moment((self.clock().now(), self.origin().address))
    }

    pub(crate) fn policies(&self) -> &Policies {
        self.app().policies()
    }

    /// What is missing to whoever may not do this to a server that they know of.
    fn lacks(&self, granted: &Granted, action: Action) -> Forbidden {
        let policies = self.policies();
        let enough = |right: &Right| {
            let rights = granted.rights().with(*right);
            policies.allow_on_server(granted.asker, action, rights)
        };
        match Right::ALL.into_iter().find(enough) {
            Some(right) => Forbidden::NoRight(right),
            // A terminal takes two.
            None if policies.allow_on_server(granted.asker, action, Rights::usual()) => {
                Forbidden::NoRight(Right::Connect)
            }
            None => Forbidden::Role(self.who_may(action)),
        }
    }

    /// Whose role would be enough, in words; the least one first.
    fn who_may(&self, action: Action) -> &'static str {
        let may = |role| self.policies().allow(Asker::with(role), action);
        match () {
            () if may(Role::Reviewer) => "a reviewer or an administrator",
            () if may(Role::Operator) => "an operator or an administrator",
            () if may(Role::Auditor) => "an auditor or an administrator",
            () => "an administrator",
        }
    }

    /// What the caller has of a session, if anything.
    pub(crate) fn access(&self, session: Uuid, owner: Option<Uuid>) -> Option<Held> {
        let Caller::Person(person) = self.caller() else { return None };
        let (asker, own) = (Asker::of(&person.user), owner == Some(person.user.uid));
        let may = |action, relation| self.policies().allow_on_session(asker, action, relation);
        // The end of a session takes a moment; whoever lost the right to its server is out at once.
        if own && servers::is_revoked(self.app(), session, person.user.uid, self.origin().address) {
            return None;
        }
        let (relation, until) = match own {
            true => (Relation::Owner, None),
            false => self.relation(person, session, owner),
        };
        let access = match () {
            () if !may(Action::SessionRead, relation) => return None,
            () if own && may(Action::SessionWrite, relation) => Access::Own,
            () if may(Action::SessionEnd, Relation::Stranger) => Access::Admin,
            () if may(Action::SessionWrite, relation) => Access::Write,
            () => Access::Watch,
        };
        // What the role alone gives has no end.
        let until = until.filter(|_| !may(Action::SessionRead, Relation::Stranger));
        Some(Held { access, relation, until })
    }

    /// What the links of a session give somebody who came by one.
    pub(crate) fn stays(&self, user: &User, session: Uuid, owner: Option<Uuid>) -> Option<Stay> {
        let app = self.app();
        // A share is worth what its maker may do: nothing when they are disabled, or were an administrator.
        let may_share = |by| {
            let maker = app.people().get(by).filter(|maker| maker.enabled);
            maker.is_some_and(|maker| maker.role == Role::Admin || owner == Some(maker.uid))
        };
        app.guests().stay((session, user.id), self.clock().now(), may_share)
    }

    /// What the caller is to somebody else's session, and until when.
    fn relation(&self, person: &Person, session: Uuid, owner: Option<Uuid>) -> (Relation, Option<Timestamp>) {
        let app = self.app();
        let guest = self.stays(&person.user, session, owner).map(|stay| match Access::from(stay.access) {
            Access::Watch => (Relation::Watcher, Some(stay.until)),
            _ => (Relation::Writer, Some(stay.until)),
        });
        if let Some((Relation::Writer, until)) = guest {
            return (Relation::Writer, until);
        }
        // Who decides on a command sees where it would run.
        if oversees(app, &person.user) && app.news().waits_in(session) {
            return (Relation::Watcher, None);
        }
        let observed = self.there((&person.user, self.origin().address), session, Action::SessionObserve);
        let observed = observed.map(|until| (Relation::Watcher, until));
        let lasts = |(_, until): &(Relation, Option<Timestamp>)| until.unwrap_or(Timestamp::MAX);
        guest.into_iter().chain(observed).max_by_key(lasts).unwrap_or_default()
    }

    /// Whether somebody who comes from an address may do this on a session's server, and until when.
    pub(crate) fn there(
        &self,
        (user, address): (&User, Option<IpAddr>),
        session: Uuid,
        action: Action,
    ) -> Option<Option<Timestamp>> {
        let known = self.app().servers().now();
        let place = self.app().servers().places().get(session)?;
        let server = known.servers.get(&place.server_id)?;
        let granted = known.granted(user, server, &known.moment((self.clock().now(), address)));
        granted.until(self.policies(), action, |_| true)
    }

    /// Whether somebody's role alone shows them every session.
    pub(crate) fn oversees_sessions(&self, user: &User) -> bool {
        self.policies().allow_on_session(Asker::of(user), Action::SessionRead, Relation::Stranger)
    }

    /// Whether the caller's role shows them every session and recording.
    pub(crate) fn sees_all_sessions(&self) -> bool {
        let asker = self.person().map(|person| Asker::of(&person.user));
        asker.is_ok_and(|asker| self.policies().allow(asker, Action::RecordingRead))
    }

    /// Logged in, and with a proof that is enough for this.
    pub(crate) fn may(&self, action: Action) -> Result<Person, Error> {
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

    /// Whether the caller's role lets them do this to the gateway, whatever they show.
    ///
    /// # Errors
    /// `NotLoggedIn`, `Forbidden`.
    pub fn role_allows(&self, action: Action) -> Result<(), Error> {
        match self.policies().allow(Asker::of(&self.person()?.user), action) {
            true => Ok(()),
            false => Err(Forbidden::Role(self.who_may(action)).into()),
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

    /// Every action the caller may do to the gateway itself: what a page offers.
    pub fn rights(&self) -> Vec<Action> {
        let may = |action: &Action| {
            self.policies().on(*action) == On::System && self.authorize(*action, ()).is_ok()
        };
        Action::ALL.into_iter().filter(may).collect()
    }
}
