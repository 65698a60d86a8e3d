//! Servers as one caller sees them.

use std::collections::{BTreeSet, HashMap};

use bastide_store::{self as store, Credentials, Right, Server};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Error;
use crate::access::{Granted, Policies};
use crate::context::{Action, Ctx};

/// A server as one caller sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Server)]
pub struct View {
    pub id: i64,
    pub name: String,
    /// A name to resolve or an address.
    pub host: String,
    pub port: u16,
    #[serde(flatten)]
    pub described: Described,
    #[serde(flatten)]
    pub dialled: Dialled,
    pub status: Status,
    pub last_check: Option<Timestamp>,
    pub created: Timestamp,
    pub may: May,
    /// Those that the caller may log in with there, the default one first. Empty for administrators and
    /// operators, who take any.
    pub credentials: Vec<Named>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ServerDescription)]
pub struct Described {
    /// `linux`, or the name of a network system such as `cisco_ios`.
    pub platform: String,
    pub tags: Vec<String>,
    /// Where it stands in lists.
    pub group: Option<String>,
    pub notes: Option<String>,
    pub agent_port: Option<u16>,
    pub brand_id: Option<i64>,
    pub accelerator_id: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ServerDialling)]
pub struct Dialled {
    /// The server on the way to it.
    pub jump: Option<Named>,
    pub default_credential: Option<Named>,
    /// Of the default credential.
    pub username: Option<String>,
    /// Old algorithms are offered too.
    pub legacy_algorithms: bool,
    /// Programs there may use an agent: in terminals one with the key of the login, in commands by `ssh -A` through the
    /// SSH door the client's own.
    pub agent_forwarding: bool,
    /// People are asked about its first host key; else an administrator has to add one.
    pub ask_host_key: bool,
}

/// Something with a number and a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Named {
    pub id: i64,
    pub name: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ServerStatus)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Unknown,
    Online,
    Offline,
}

impl From<store::ServerStatus> for Status {
    fn from(status: store::ServerStatus) -> Self {
        match status {
            store::ServerStatus::Unknown => Self::Unknown,
            store::ServerStatus::Online => Self::Online,
            store::ServerStatus::Offline => Self::Offline,
        }
    }
}

/// What the caller may do with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = ServerRights)]
pub struct May {
    /// Open terminals on it.
    #[serde(rename = "use")]
    #[schema(rename = "use")]
    pub use_it: bool,
    /// Change its name, its notes and its host keys.
    pub manage: bool,
    /// Change the rest, and take it off the list.
    pub redirect: bool,
    /// What else they may: `connect`, `write`, `observe`, `upload`, `download`, `forward`, `execute`, `manage`.
    #[schema(value_type = Vec<String>)]
    pub rights: Vec<Right>,
}

impl May {
    fn of(policies: &Policies, granted: &Granted) -> Self {
        let may = |action| granted.allows(policies, action);
        Self {
            use_it: may(Action::ServerConnect),
            manage: may(Action::ServerChange),
            redirect: may(Action::ServerRedirect),
            rights: Right::ALL.into_iter().filter(|right| granted.gives(policies, *right)).collect(),
        }
    }
}

/// What views are made with: looked up once for a whole list.
#[derive(Debug, Default)]
pub(crate) struct Names {
    /// Name and user name.
    credentials: HashMap<i64, (String, String)>,
}

impl Names {
    pub(crate) async fn read(ctx: &Ctx) -> Result<Self, Error> {
        let all = ctx.app().store().credentials().await?;
        Ok(Self {
            credentials: all.into_iter().map(|one| (one.id, (one.about.name, one.about.username))).collect(),
        })
    }

    fn credential(&self, id: i64) -> Named {
        Named { id, name: self.credentials.get(&id).map(|(name, _)| name.clone()).unwrap_or_default() }
    }

    /// Those of grants, the default one first.
    fn of(&self, granted: &Granted, default: Option<i64>) -> Vec<i64> {
        let mut ids = BTreeSet::new();
        for way in &granted.ways {
            match &way.with {
                Credentials::Any => ids.extend(self.credentials.keys().copied()),
                Credentials::Listed(listed) => ids.extend(listed),
                Credentials::Default => ids.extend(default),
            }
        }
        let mut ids: Vec<i64> = ids.into_iter().collect();
        ids.sort_by_key(|id| default != Some(*id));
        ids
    }

    fn username(&self, id: i64) -> Option<String> {
        self.credentials.get(&id).map(|(_, username)| username.clone())
    }
}

pub(super) fn view(ctx: &Ctx, names: &Names, (server, granted): (&Server, &Granted)) -> View {
    let store::ServerSettings { name, host, port, platform, tags, group, notes, node, ssh, .. } =
        server.settings.clone();
    let jump = server.settings.jump.and_then(|id| ctx.app().servers().get(id));
    let default = server.settings.default_credential;
    let credentials = match granted.by_role(ctx.policies(), Action::ServerConnect) {
        true => Vec::new(),
        false => names.of(granted, default),
    };
    View {
        id: server.id,
        name,
        host,
        port,
        described: Described {
            platform,
            tags,
            group,
            notes,
            agent_port: node.agent_port,
            brand_id: node.brand_id,
            accelerator_id: node.accelerator_id,
        },
        dialled: Dialled {
            jump: jump.map(|jump| Named { id: jump.id, name: jump.settings.name.clone() }),
            default_credential: default.map(|id| names.credential(id)),
            username: default.and_then(|id| names.username(id)),
            legacy_algorithms: ssh.legacy_algorithms,
            agent_forwarding: ssh.agent_forwarding,
            ask_host_key: ssh.ask_host_key,
        },
        status: server.status.into(),
        last_check: server.last_check,
        created: server.created,
        may: May::of(ctx.policies(), granted),
        credentials: credentials.into_iter().map(|id| names.credential(id)).collect(),
    }
}
