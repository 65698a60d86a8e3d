//! Every server, group and grant, in memory: each request and each open terminal asks.
//!
//! A few thousand servers are a few megabytes, and whoever looks has all of one moment.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;
use std::sync::Arc;

use bastide_store::{Grant, GrantTarget, Grantee, Group, Server, ServerStatus, Store, User};
use jiff::Timestamp;
use tokio::sync::{Mutex, MutexGuard, watch};

use super::places::Places;
use crate::Error;
use crate::access::Asker;
use crate::access::granted::{Granted, Held, Moment, Way};

#[derive(Debug, Clone)]
pub(crate) struct Servers {
    known: watch::Sender<Arc<Known>>,
    /// Held from the checks of a change to showing what came of it: two changes never see each other half
    /// done, and what was read first is not shown last.
    changing: Arc<Mutex<()>>,
    places: Places,
}

/// All of one moment.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub(crate) servers: BTreeMap<i64, Arc<Server>>,
    /// Names in lower case.
    by_name: HashMap<String, i64>,
    pub(crate) groups: BTreeMap<i64, Group>,
    pub(crate) grants: Arc<Grants>,
    /// Groups by member.
    groups_of: HashMap<i64, Vec<i64>>,
}

/// Every grant, by whom it is for and what it is on: a question looks at the few that may answer it.
#[derive(Debug, Default)]
pub(crate) struct Grants {
    /// By id.
    all: Vec<Held>,
    /// Places in `all`.
    by: HashMap<Grantee, HashMap<GrantTarget, Vec<usize>>>,
    /// Zones that their hours are in.
    zones: BTreeSet<String>,
}

impl Grants {
    fn new(grants: Vec<Grant>) -> Self {
        let mut found = Self { all: grants.into_iter().map(Held::read).collect(), ..Self::default() };
        for (place, held) in found.all.iter().enumerate() {
            let of = found.by.entry(held.grant.to).or_default();
            of.entry(held.grant.on.clone()).or_default().push(place);
            found.zones.extend(held.zones().map(str::to_owned));
        }
        found
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.all.iter()
    }

    pub(crate) fn get(&self, id: i64) -> Option<&Held> {
        let place = self.all.binary_search_by_key(&id, |held| held.grant.id).ok()?;
        self.all.get(place)
    }
}

impl Servers {
    pub(crate) async fn load(store: &Store) -> Result<Self, Error> {
        let known = watch::Sender::new(Arc::default());
        let servers = Self { known, changing: Arc::default(), places: Places::load(store).await? };
        servers.reload(store).await?;
        Ok(servers)
    }

    /// For the length of a change.
    pub(crate) async fn changing(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().await
    }

    /// After every change.
    pub(crate) async fn reload(&self, store: &Store) -> Result<(), Error> {
        let _changing = self.changing().await;
        self.show(store).await
    }

    /// The same for whoever holds [`Self::changing`].
    pub(crate) async fn show(&self, store: &Store) -> Result<(), Error> {
        let known = Known::new(store.servers().await?, store.groups().await?, store.grants().await?);
        self.known.send_replace(Arc::new(known));
        Ok(())
    }

    /// Where sessions are.
    pub(crate) fn places(&self) -> &Places {
        &self.places
    }

    pub(crate) fn now(&self) -> Arc<Known> {
        Arc::clone(&self.known.borrow())
    }

    pub(crate) fn get(&self, id: i64) -> Option<Arc<Server>> {
        self.known.borrow().servers.get(&id).cloned()
    }

    /// Changes with every server, group and grant.
    pub(crate) fn watch(&self) -> watch::Receiver<Arc<Known>> {
        self.known.subscribe()
    }

    /// Keeps what a look at a server found; true where its status is another one now.
    pub(crate) async fn found(
        &self,
        store: &Store,
        (id, status): (i64, ServerStatus),
        at: Timestamp,
    ) -> Result<bool, Error> {
        let _changing = self.changing().await;
        let Some(old) = self.get(id) else { return Ok(false) };
        if !store.set_server_status(id, status, at).await? {
            return Ok(false);
        }
        let server = Arc::new(Server { status, last_check: Some(at), ..(*old).clone() });
        self.known.send_modify(|known| {
            let known = Arc::make_mut(known);
            known.servers.insert(id, server);
        });
        Ok(old.status != status)
    }
}

impl Known {
    #[cfg(test)]
    pub(crate) fn of(grants: Vec<Grant>) -> Self {
        Self::new(Vec::new(), Vec::new(), grants)
    }

    fn new(servers: Vec<Server>, groups: Vec<Group>, grants: Vec<Grant>) -> Self {
        let mut groups_of: HashMap<i64, Vec<i64>> = HashMap::new();
        for group in &groups {
            for member in &group.members {
                groups_of.entry(*member).or_default().push(group.id);
            }
        }
        let by_name = servers.iter().map(|server| (server.settings.name.to_lowercase(), server.id)).collect();
        let servers = servers.into_iter().map(|server| (server.id, Arc::new(server))).collect();
        let groups = groups.into_iter().map(|group| (group.id, group)).collect();
        Self { servers, by_name, groups, grants: Arc::new(Grants::new(grants)), groups_of }
    }

    pub(crate) fn named(&self, name: &str) -> Option<&Arc<Server>> {
        self.by_name.get(&name.to_lowercase()).and_then(|id| self.servers.get(id))
    }

    /// Names of the groups that somebody is in.
    pub(crate) fn groups_of(&self, user: i64) -> Vec<String> {
        let ids = self.groups_of.get(&user).map(Vec::as_slice).unwrap_or_default();
        ids.iter().filter_map(|id| self.groups.get(id)).map(|group| group.name.clone()).collect()
    }

    /// A moment to ask at, and from where.
    pub(crate) fn moment(&self, at: (Timestamp, Option<IpAddr>)) -> Moment {
        Moment::new(at, self.grants.zones.iter())
    }

    /// The grants to this person, or to a group that they are in, which are on this server.
    pub(crate) fn grants_on(&self, user: i64, server: &Server) -> impl Iterator<Item = &Held> {
        let groups = self.groups_of.get(&user).map(Vec::as_slice).unwrap_or_default();
        let to = std::iter::once(Grantee::User(user)).chain(groups.iter().copied().map(Grantee::Group));
        let of = to.filter_map(|to| self.grants.by.get(&to));
        let mut places = Vec::new();
        for on in of {
            let mut add = |target: &GrantTarget| places.extend(on.get(target).into_iter().flatten().copied());
            add(&GrantTarget::Server(server.id));
            add(&GrantTarget::Everywhere);
            for tag in &server.settings.tags {
                add(&GrantTarget::Tag(tag.clone()));
            }
            if let Some(group) = &server.settings.group {
                add(&GrantTarget::Group(group.clone()));
            }
        }
        places.into_iter().filter_map(|place| self.grants.all.get(place))
    }

    /// What this person has of a server at a moment: nothing at all where no grant holds.
    pub(crate) fn granted(&self, user: &User, server: &Server, moment: &Moment) -> Granted {
        let mut granted = Granted { asker: Asker::of(user), ways: Vec::new(), closed: None };
        for held in self.grants_on(user.id, server) {
            match held.holds(moment) {
                Ok(until) => {
                    let Grant { rights, credentials, .. } = &held.grant;
                    granted.ways.push(Way { with: credentials.clone(), rights: *rights, until });
                }
                Err(Some(why)) => granted.closed = Some(why),
                Err(None) => {}
            }
        }
        granted
    }

    /// The servers on the way to this one, first of all the one that is dialled first; without it itself.
    /// `None` when they lead in a circle.
    pub(crate) fn way(&self, jump: Option<i64>) -> Option<Vec<Arc<Server>>> {
        let mut way = Vec::new();
        let mut next = jump;
        while let Some(server) = next.and_then(|id| self.servers.get(&id)) {
            if way.len() > self.servers.len() || way.iter().any(|one: &Arc<Server>| one.id == server.id) {
                return None;
            }
            way.push(Arc::clone(server));
            next = server.settings.jump;
        }
        way.reverse();
        Some(way)
    }
}
