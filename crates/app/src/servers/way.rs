//! How a server is reached: everything that a dial has to know, decided here.

use std::sync::Arc;

use bastide_store::{Authority, Certifies, Credentials, Server};
use bastide_wire::ssh::{Hop, MAX_HOPS, Ssh};
use jiff::Timestamp;

use crate::access::{Granted, Policies};
use crate::app::App;
use crate::context::{Action, Authorized, Ctx};
use crate::error::{Thing, What};
use crate::{Error, credentials};

/// A server that the caller may log in to, and with what.
#[derive(Debug)]
pub(crate) struct Chosen {
    pub(crate) grant: Authorized<Arc<Server>>,
    pub(crate) credential: i64,
    /// The right is one to this credential; `None`: to the server's default one, whichever that is.
    pub(crate) named: Option<i64>,
    /// When the right ends.
    pub(crate) until: Option<Timestamp>,
}

/// Asks whether the caller may do this to a server, and with which credential: the one they name, else the
/// default one, else the only one that is granted to them for it.
///
/// # Errors
/// `NotLoggedIn`, `NotFound` also for a credential that is not theirs to use; `Forbidden`, `Invalid`.
pub(crate) fn choose(
    ctx: &Ctx,
    action: Action,
    server: i64,
    credential: Option<i64>,
) -> Result<Chosen, Error> {
    let (grant, granted) = ctx.authorize_server(action, server)?;
    let default = grant.target().settings.default_credential;
    let wanted = Wanted { policies: ctx.policies(), action, default };
    let (named, credential, until) = wanted.pick(&granted, credential)?;
    Ok(Chosen { grant, credential, named, until })
}

type Picked = (Option<i64>, i64, Option<Timestamp>);

/// What a credential is looked for, for.
struct Wanted<'a> {
    policies: &'a Policies,
    action: Action,
    default: Option<i64>,
}

impl Wanted<'_> {
    fn until(&self, granted: &Granted, counts: impl Fn(&Credentials) -> bool) -> Option<Option<Timestamp>> {
        granted.until(self.policies, self.action, counts)
    }

    /// With this credential: by a right to the server's default one, or to this very one, whichever lasts longer;
    /// else by both together.
    fn with(&self, granted: &Granted, credential: i64) -> Option<Picked> {
        let is_default = self.default == Some(credential);
        let any = |with: &Credentials| matches!(with, Credentials::Any);
        let listed =
            |with: &Credentials| matches!(with, Credentials::Listed(ids) if ids.contains(&credential));
        let by_default = |with: &Credentials| any(with) || matches!(with, Credentials::Default);
        let by_name = |with: &Credentials| any(with) || listed(with);
        let lasts = |until: Option<Timestamp>| until.unwrap_or(Timestamp::MAX);
        let default = self.until(granted, by_default).filter(|_| is_default);
        let name = self.until(granted, by_name);
        match (default, name) {
            (Some(until), name) if name.is_none_or(|name| lasts(until) >= lasts(name)) => {
                Some((None, credential, until))
            }
            (_, Some(until)) => Some((Some(credential), credential, until)),
            _ => {
                let both = |with: &Credentials| by_name(with) || is_default && by_default(with);
                self.until(granted, both).map(|until| (Some(credential), credential, until))
            }
        }
    }

    fn pick(&self, granted: &Granted, wanted: Option<i64>) -> Result<Picked, Error> {
        if let Some(wanted) = wanted {
            let picked = self.with(granted, wanted);
            return picked.ok_or(Error::NotFound(What::Thing(Thing::Credential, wanted)));
        }
        if let Some(picked) = self.default.and_then(|id| self.with(granted, id)) {
            return Ok(picked);
        }
        let listed = granted.ways.iter().filter_map(|way| match &way.with {
            Credentials::Listed(ids) => Some(ids.as_slice()),
            _ => None,
        });
        let mut ids: Vec<i64> = listed.flatten().copied().collect();
        ids.sort_unstable();
        ids.dedup();
        let mut named: Vec<_> = ids.into_iter().filter_map(|id| self.with(granted, id)).collect();
        let any = self.until(granted, |with| matches!(with, Credentials::Any)).is_some();
        match (named.pop(), named.is_empty() && !any) {
            (Some(only), true) => Ok(only),
            (None, _) => Err(Error::Invalid(
                "credential_id: this server has no default credential: name one".to_owned(),
            )),
            (Some(_), false) => {
                Err(Error::Invalid("credential_id: you have several for this server: name one".to_owned()))
            }
        }
    }
}

/// What a dial needs: the way to a server, and what to log in with at each of its stations: at the last one the
/// credential, at the others their default one. Connections are shared within `isolation` only.
///
/// # Errors
/// `Invalid` where the way is no way; `NotFound` for a credential that is gone; `Storage`.
pub(crate) async fn dial(
    app: &App,
    server: &Server,
    credential: i64,
    isolation: String,
) -> Result<Ssh, Error> {
    let authorities = app.store().authorities(Certifies::Hosts).await?;
    let mut hops = stations(app, server, &authorities).await?;
    hops.push(hop(app, server, credential, &authorities).await?);
    let agent_forwarding = server.settings.ssh.agent_forwarding;
    Ok(Ssh { hops, isolation, command: None, agent_forwarding })
}

/// What it takes to see which key a server shows: the way to it, and no login at its end.
///
/// # Errors
/// As [`dial`].
pub(crate) async fn look(app: &App, server: &Server, isolation: String) -> Result<Ssh, Error> {
    let authorities = app.store().authorities(Certifies::Hosts).await?;
    let mut hops = stations(app, server, &authorities).await?;
    hops.push(Hop {
        name: server.settings.name.clone(),
        host: server.settings.host.clone(),
        port: server.settings.port,
        legacy_algorithms: server.settings.ssh.legacy_algorithms,
        ..Hop::default()
    });
    Ok(Ssh { hops, isolation, command: None, agent_forwarding: false })
}

/// The servers on the way to one.
async fn stations(app: &App, server: &Server, authorities: &[Authority]) -> Result<Vec<Hop>, Error> {
    let known = app.servers().now();
    let way = known.way(server.settings.jump);
    let way = way.ok_or_else(|| Error::Invalid("the way to this server leads in a circle".to_owned()))?;
    if way.len() >= MAX_HOPS {
        return Err(Error::Invalid(format!("at most {} servers on the way to one", MAX_HOPS - 1)));
    }
    let mut hops = Vec::with_capacity(way.len() + 1);
    for station in &way {
        let credential = station.settings.default_credential.ok_or_else(|| {
            let name = &station.settings.name;
            Error::Invalid(format!("the server {name}, which is on the way, has no default credential"))
        })?;
        hops.push(hop(app, station, credential, authorities).await?);
    }
    Ok(hops)
}

async fn hop(app: &App, server: &Server, credential: i64, authorities: &[Authority]) -> Result<Hop, Error> {
    let login = credentials::login(app, credential).await?;
    let keys = app.store().host_keys(server.id).await?;
    Ok(Hop {
        name: server.settings.name.clone(),
        host: server.settings.host.clone(),
        port: server.settings.port,
        username: login.username,
        credential: login.name,
        logins: login.logins,
        host_keys: keys.into_iter().map(|key| key.key).collect(),
        host_authorities: authorities.iter().map(|one| one.key.clone()).collect(),
        ask_host_key: server.settings.ssh.ask_host_key,
        legacy_algorithms: server.settings.ssh.legacy_algorithms,
        connect_timeout: None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use bastide_store::{Right, Rights, Role};

    use super::*;
    use crate::access::Asker;
    use crate::access::granted::Way;

    fn at(second: i64) -> Option<Timestamp> {
        Some(Timestamp::from_second(second).unwrap())
    }

    fn way(with: Credentials, until: Option<Timestamp>) -> Way {
        Way { with, rights: Rights::usual(), until }
    }

    fn holder(role: Role, ways: &[Way]) -> Granted {
        Granted { asker: Asker::with(role), ways: ways.to_vec(), closed: None }
    }

    fn listed(id: i64) -> Credentials {
        Credentials::Listed(vec![id])
    }

    fn pick(granted: &Granted, default: Option<i64>, wanted: Option<i64>) -> Result<Picked, Error> {
        let policies = Policies::load().unwrap();
        Wanted { policies: &policies, action: Action::ServerConnect, default }.pick(granted, wanted)
    }

    #[test]
    fn administrators_take_any_credential_and_others_what_is_granted() {
        for role in [Role::Admin, Role::Operator] {
            let all = holder(role, &[]);
            assert_eq!(pick(&all, Some(1), None).unwrap(), (None, 1, None));
            assert_eq!(pick(&all, Some(1), Some(1)).unwrap(), (None, 1, None));
            assert_eq!(pick(&all, None, Some(2)).unwrap(), (Some(2), 2, None));
            assert!(matches!(pick(&all, None, None), Err(Error::Invalid(_))));
        }
        let user = |ways: &[Way]| holder(Role::User, ways);
        let default = user(&[way(Credentials::Default, at(5))]);
        assert_eq!(pick(&default, Some(1), None).unwrap(), (None, 1, at(5)));
        assert_eq!(pick(&default, Some(1), Some(1)).unwrap(), (None, 1, at(5)));
        assert!(matches!(pick(&default, Some(1), Some(2)), Err(Error::NotFound(_))));
        assert!(matches!(pick(&default, None, None), Err(Error::Invalid(_))));

        let named = user(&[way(listed(2), at(5)), way(listed(2), at(9))]);
        assert_eq!(pick(&named, Some(1), None).unwrap(), (Some(2), 2, at(9)));
        assert!(matches!(pick(&named, Some(1), Some(1)), Err(Error::NotFound(_))));
        let several = user(&[way(Credentials::Listed(vec![2, 3]), None)]);
        assert!(matches!(pick(&several, None, None), Err(Error::Invalid(_))));
        assert_eq!(pick(&several, None, Some(3)).unwrap(), (Some(3), 3, None));

        let both = user(&[way(Credentials::Default, at(5)), way(listed(1), None)]);
        assert_eq!(pick(&both, Some(1), Some(1)).unwrap(), (Some(1), 1, None));
        let any = user(&[way(Credentials::Any, at(5))]);
        assert_eq!(pick(&any, Some(1), Some(7)).unwrap(), (Some(7), 7, at(5)));
        assert_eq!(pick(&any, Some(1), None).unwrap(), (None, 1, at(5)));
    }

    /// Two grants may give together what neither gives, as long as both hold, and only with one credential.
    #[test]
    fn rights_of_several_grants_are_added_for_each_credential() {
        let one = |with: Credentials, right: Right, until| Way {
            rights: Rights::NONE.with(right),
            ..way(with, until)
        };
        let ways = [
            one(Credentials::Default, Right::Connect, at(5)),
            one(listed(1), Right::Write, at(9)),
            one(listed(2), Right::Write, at(9)),
        ];
        let granted = holder(Role::User, &ways);
        assert_eq!(pick(&granted, Some(1), None).unwrap(), (Some(1), 1, at(5)));
        assert!(matches!(pick(&granted, Some(1), Some(2)), Err(Error::NotFound(_))));
        assert!(matches!(pick(&holder(Role::Auditor, &ways), Some(1), Some(1)), Err(Error::NotFound(_))));
    }
}
