//! Who can reach what, and why: by their role, or by which grants.

use std::sync::Arc;

use bastide_store::{Credentials, Grant, GrantTarget, Grantee, Right, Rights, Server, User};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::access::granted::{Held, Moment};
use crate::access::{Asker, Granted, Policies, Relation};
use crate::context::{Action, Ctx};
use crate::error::{Closed, What};
use crate::servers::{Known, Named};
use crate::{App, Error};

/// Somebody, or a server, and what there is between the two.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Reach)]
pub struct Reach {
    /// The person of a server's list, the server of a person's.
    pub who: Named,
    /// What they have now; a right that holds from some networks only is among them.
    #[schema(value_type = Vec<String>)]
    pub rights: Vec<Right>,
    pub because: Vec<Because>,
}

/// Why: a role, or a grant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ReachBecause)]
pub struct Because {
    /// The role that gives it.
    pub role: Option<String>,
    /// The grant that gives it.
    pub grant_id: Option<i64>,
    /// The group that the grant is to.
    pub group: Option<String>,
    /// What the grant is on: `server`, `tag …`, `group …`, `everywhere`.
    pub on: Option<String>,
    #[schema(value_type = Vec<String>)]
    pub rights: Vec<Right>,
    /// `default`, `any`, or numbers of credentials.
    pub credentials: Option<String>,
    /// `now`, `network` (from its networks only), `hours` (not at this hour) or `over`.
    pub holds: &'static str,
    pub networks: Vec<String>,
    pub expires: Option<Timestamp>,
    /// The access request that the grant answers.
    pub request_id: Option<i64>,
}

/// Who can reach a server: everybody who has something there, by user name.
///
/// # Errors
/// `NotLoggedIn`, `NotFound`, `Forbidden`.
pub fn of_server(ctx: &Ctx, server: i64) -> Result<Vec<Reach>, Error> {
    let (grant, _) = ctx.authorize_server(Action::ServerAccessRead, server)?;
    let known = ctx.app().servers().now();
    let moment = known.moment((ctx.clock().now(), None));
    let everybody = ctx.app().people().all();
    let of = |user: Arc<User>| {
        let who = Named { id: user.id, name: user.username.clone() };
        between(ctx.app(), &known, &user, (grant.target(), &moment)).map(|found| Reach { who, ..found })
    };
    Ok(everybody.into_iter().filter(|user| user.enabled).filter_map(of).collect())
}

/// What somebody can reach: every server where they have something, by name.
///
/// # Errors
/// `NotLoggedIn`, `Forbidden`, `NotFound`.
pub fn of_user(ctx: &Ctx, user: i64) -> Result<Vec<Reach>, Error> {
    ctx.authorize(Action::AccessRead, ())?;
    let user = ctx.app().people().get(user).ok_or(Error::NotFound(What::User(user)))?;
    if !user.enabled {
        return Ok(Vec::new());
    }
    let known = ctx.app().servers().now();
    let moment = known.moment((ctx.clock().now(), None));
    let of = |server: &Arc<Server>| {
        let who = Named { id: server.id, name: server.settings.name.clone() };
        between(ctx.app(), &known, &user, (server, &moment)).map(|found| Reach { who, ..found })
    };
    let mut found: Vec<_> = known.servers.values().filter_map(of).collect();
    found.sort_by_cached_key(|reach| reach.who.name.to_lowercase());
    Ok(found)
}

/// `None` where there is nothing, not even a grant that may hold again. The name is the caller's to fill in.
fn between(app: &App, known: &Known, user: &User, (server, moment): (&Server, &Moment)) -> Option<Reach> {
    let by_role = of_role(app.policies(), Asker::of(user));
    let role = (!by_role.is_empty()).then(|| Because {
        role: Some(user.role.as_str().to_owned()),
        grant_id: None,
        group: None,
        on: None,
        rights: by_role.iter().collect(),
        credentials: None,
        holds: "now",
        networks: Vec::new(),
        expires: None,
        request_id: None,
    });
    let mut rights = by_role;
    let mut because: Vec<_> = role.into_iter().collect();
    for held in known.grants_on(user.id, server) {
        let (holds, counts) = match held.holds(moment) {
            Ok(_) => ("now", true),
            Err(Some(Closed::Network)) => ("network", true),
            Err(Some(Closed::Hours)) => ("hours", false),
            Err(None) => ("over", false),
        };
        if counts {
            rights = rights.and(held.grant.rights);
        }
        because.push(Because { holds, ..of_grant(known, held) });
    }
    // Whatever an auditor is granted gives them nothing.
    let granted = Granted::of(Asker::of(user), rights);
    let rights = rights.iter().filter(|right| by_role.has(*right) || granted.gives(app.policies(), *right));
    let rights: Vec<_> = rights.collect();
    (!because.is_empty()).then(|| Reach { who: Named { id: 0, name: String::new() }, rights, because })
}

fn of_grant(known: &Known, held: &Held) -> Because {
    let Grant { id, to, on, rights, credentials, terms, request, .. } = &held.grant;
    let group = match to {
        Grantee::User(_) => None,
        Grantee::Group(id) => known.groups.get(id).map(|group| group.name.clone()),
    };
    let on = match on {
        GrantTarget::Server(_) => "server".to_owned(),
        GrantTarget::Tag(tag) => format!("tag {tag}"),
        GrantTarget::Group(group) => format!("group {group}"),
        GrantTarget::Everywhere => "everywhere".to_owned(),
    };
    let credentials = match credentials {
        Credentials::Default => "default".to_owned(),
        Credentials::Any => "any".to_owned(),
        Credentials::Listed(ids) => ids.iter().map(i64::to_string).collect::<Vec<_>>().join(", "),
    };
    Because {
        role: None,
        grant_id: Some(*id),
        group,
        on: Some(on),
        rights: rights.iter().collect(),
        credentials: Some(credentials),
        holds: "now",
        networks: held.networks.clone(),
        expires: terms.expires,
        request_id: *request,
    }
}

/// What a role gives on every server.
fn of_role(policies: &Policies, asker: Asker) -> Rights {
    let nothing = Granted::of(asker, Rights::NONE);
    let watches = policies.allow_on_session(asker, Action::SessionWatch, Relation::Stranger);
    let gives = |right: &Right| nothing.gives(policies, *right) || *right == Right::Observe && watches;
    Right::ALL.into_iter().filter(gives).collect()
}
