//! How a server is reached: everything that a dial has to know, decided here.

use std::sync::Arc;

use bastide_store::{HostAuthority, Server};
use bastide_wire::ssh::{Hop, MAX_HOPS, Ssh};
use jiff::Timestamp;

use crate::access::{Granted, Reach};
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
/// default one, else the only one that is granted to them.
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
    let (named, credential, until) = pick(&granted, default, credential)?;
    Ok(Chosen { grant, credential, named, until })
}

type Picked = (Option<i64>, i64, Option<Timestamp>);

fn pick(granted: &Granted, default: Option<i64>, wanted: Option<i64>) -> Result<Picked, Error> {
    let by_default = default.and_then(|id| Some((None, id, granted.until(None)?)));
    let Some(wanted) = wanted else {
        let mut named: Vec<_> = granted.ways.iter().filter_map(|(way, _)| *way).collect();
        named.sort_unstable();
        named.dedup();
        return match (by_default, named.as_slice()) {
            (Some(picked), _) => Ok(picked),
            (None, [only]) => Ok((Some(*only), *only, granted.until(Some(*only)).flatten())),
            (None, []) => Err(Error::Invalid(
                "credential_id: this server has no default credential: name one".to_owned(),
            )),
            (None, _) => {
                Err(Error::Invalid("credential_id: you have several for this server: name one".to_owned()))
            }
        };
    };
    if let Some(picked) = by_default.filter(|(_, id, _)| *id == wanted) {
        // A grant of this very credential may last longer.
        let longer = granted.until(Some(wanted)).filter(|_| granted.reach == Reach::Use);
        return Ok(match longer {
            Some(until) if picked.2.is_some_and(|soon| until.is_none_or(|late| late > soon)) => {
                (Some(wanted), wanted, until)
            }
            _ => picked,
        });
    }
    match granted.until(Some(wanted)) {
        Some(until) => Ok((Some(wanted), wanted, until)),
        None => Err(Error::NotFound(What::Thing(Thing::Credential, wanted))),
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
    let authorities = app.store().host_authorities().await?;
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
    let authorities = app.store().host_authorities().await?;
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
async fn stations(app: &App, server: &Server, authorities: &[HostAuthority]) -> Result<Vec<Hop>, Error> {
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

async fn hop(
    app: &App,
    server: &Server,
    credential: i64,
    authorities: &[HostAuthority],
) -> Result<Hop, Error> {
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
    use super::*;

    fn at(second: i64) -> Option<Timestamp> {
        Some(Timestamp::from_second(second).unwrap())
    }

    fn user(ways: &[(Option<i64>, Option<Timestamp>)]) -> Granted {
        Granted { reach: Reach::Use, ways: ways.to_vec() }
    }

    #[test]
    fn administrators_take_any_credential_and_others_what_is_granted() {
        let admin = Granted { reach: Reach::Manage, ways: Vec::new() };
        assert_eq!(pick(&admin, Some(1), None).unwrap(), (None, 1, None));
        assert_eq!(pick(&admin, Some(1), Some(1)).unwrap(), (None, 1, None));
        assert_eq!(pick(&admin, None, Some(2)).unwrap(), (Some(2), 2, None));
        assert!(matches!(pick(&admin, None, None), Err(Error::Invalid(_))));

        let default = user(&[(None, at(5))]);
        assert_eq!(pick(&default, Some(1), None).unwrap(), (None, 1, at(5)));
        assert_eq!(pick(&default, Some(1), Some(1)).unwrap(), (None, 1, at(5)));
        assert!(matches!(pick(&default, Some(1), Some(2)), Err(Error::NotFound(_))));
        assert!(matches!(pick(&default, None, None), Err(Error::Invalid(_))));

        let named = user(&[(Some(2), at(5)), (Some(2), at(9))]);
        assert_eq!(pick(&named, Some(1), None).unwrap(), (Some(2), 2, at(9)));
        assert!(matches!(pick(&named, Some(1), Some(1)), Err(Error::NotFound(_))));
        let several = user(&[(Some(2), None), (Some(3), None)]);
        assert!(matches!(pick(&several, None, None), Err(Error::Invalid(_))));

        let both = user(&[(None, at(5)), (Some(1), None)]);
        assert_eq!(pick(&both, Some(1), Some(1)).unwrap(), (Some(1), 1, None));
    }
}
