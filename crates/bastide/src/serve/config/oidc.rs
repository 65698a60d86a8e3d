//! Settings of single sign-on.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::anyhow;
use bastide_app::login::single_sign_on::{ClientSecret, Mapping, Provider, RECHECK_AFTER, Settings};
use bastide_app::store::Role;
use bastide_rt::config::Loaded;
use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::raw::{Arguments, Raw, Words};
use crate::cli::duration;

/// Whoever leaves an organization in the evening is out in the morning.
const LIFETIME: Duration = Duration::from_secs(12 * 3600);
const LIFETIMES: RangeInclusive<Duration> = Duration::from_secs(5 * 60)..=Duration::from_secs(30 * 24 * 3600);
const RECHECK: Duration = RECHECK_AFTER.unsigned_abs();
const RECHECKS: RangeInclusive<Duration> = Duration::from_secs(3600)..=Duration::from_secs(366 * 24 * 3600);
const SCOPES: [&str; 3] = ["openid", "profile", "email"];
const NAME: &str = "single sign-on";
const USERNAME: &str = "preferred_username";
const GROUPS: &str = "groups";
/// A button takes no more.
const MAX_NAME: usize = 40;

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct RawOidc {
    issuer: Option<String>,
    client_id: Option<String>,
    client_secret_file: Option<PathBuf>,
    client_secret_command: Option<Arguments>,
    scopes: Option<Words>,
    name: Option<String>,
    lifetime: Option<String>,
    recheck_after: Option<String>,
    people: RawPeople,
}

/// What somebody is here by what the provider says.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct RawPeople {
    username_claim: Option<String>,
    groups_claim: Option<String>,
    roles_claim: Option<String>,
    group_map: Pairs,
    role_map: Pairs,
    create_users: Option<bool>,
    email_domains: Words,
}

/// A table of texts; in a variable, `claim=group` with commas between.
#[derive(Debug, Default)]
struct Pairs(BTreeMap<String, String>);

impl<'de> Deserialize<'de> for Pairs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of texts, or one text such as claim=name,other=name")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Pairs, E> {
        let words = text.split(',').map(str::trim).filter(|word| !word.is_empty());
        // The last sign: claims hold it (`cn=ops`), names seldom.
        let pair = |word: &str| {
            let (claim, name) =
                word.rsplit_once('=').ok_or_else(|| E::custom(format!("{word:?} has no =")))?;
            Ok((claim.trim().to_owned(), name.trim().to_owned()))
        };
        Ok(Pairs(words.map(pair).collect::<Result<_, E>>()?))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Pairs, A::Error> {
        let mut pairs = BTreeMap::new();
        while let Some((claim, name)) = map.next_entry()? {
            pairs.insert(claim, name);
        }
        Ok(Pairs(pairs))
    }
}

/// Checked settings, and where the secret is.
#[derive(Debug)]
pub(in crate::serve) struct Oidc {
    pub(in crate::serve) settings: Settings,
    pub(in crate::serve) secret: SecretPlace,
}

/// Where the client's secret is; a variable that holds it wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::serve) enum SecretPlace {
    /// The provider knows a public client.
    Nowhere,
    File(PathBuf),
    Command(Vec<String>),
}

impl Oidc {
    /// `None` where no issuer is named.
    pub(super) fn check(loaded: &Loaded<Raw>) -> anyhow::Result<Option<Self>> {
        let raw = &loaded.value.oidc;
        let wrong = |key: &str, why: String| anyhow!("{}: {why}", loaded.origin(&format!("oidc.{key}")));
        let given = |text: &Option<String>| text.clone().filter(|text| !text.trim().is_empty());
        let (issuer, client_id) = match (given(&raw.issuer), given(&raw.client_id)) {
            (Some(issuer), Some(client_id)) => (issuer, client_id),
            (None, None) => return Ok(None),
            (Some(_), None) => return Err(wrong("issuer", "it needs oidc.client_id beside it".to_owned())),
            (None, Some(_)) => return Err(wrong("client_id", "it needs oidc.issuer beside it".to_owned())),
        };
        let name = given(&raw.name).unwrap_or_else(|| NAME.to_owned());
        if name.chars().count() > MAX_NAME || name.chars().any(char::is_control) {
            return Err(wrong("name", format!("at most {MAX_NAME} visible characters")));
        }
        let time = |key, given: &Option<String>, usual, among: &RangeInclusive<Duration>, words| {
            let Some(text) = given.as_deref() else { return Ok(usual) };
            let known = duration::parse(text).ok().filter(|time| among.contains(time));
            known.ok_or_else(|| wrong(key, format!("{text:?} is not a time from {words}")))
        };
        let lifetime = time("lifetime", &raw.lifetime, LIFETIME, &LIFETIMES, "5m to 30d, as in 12h")?;
        let recheck = time("recheck_after", &raw.recheck_after, RECHECK, &RECHECKS, "1h to 366d, as in 30d")?;
        let scopes = raw.scopes.as_ref().map(|words| words.0.clone());
        let settings = Settings {
            provider: Provider {
                issuer,
                client_id,
                client_secret: None,
                scopes: scopes.unwrap_or_else(|| SCOPES.map(str::to_owned).to_vec()),
            },
            name,
            mapping: mapping(&raw.people, |key, why| wrong(&format!("people.{key}"), why))?,
            lifetime: jiff::SignedDuration::try_from(lifetime).unwrap_or_default(),
            recheck_after: jiff::SignedDuration::try_from(recheck).unwrap_or_default(),
        };
        bastide_app::login::single_sign_on::check(&settings).map_err(|why| wrong("issuer", why))?;
        let secret = match (&raw.client_secret_file, raw.client_secret_command.as_ref().map(Arguments::words))
        {
            (Some(_), Some(_)) => {
                let why = "there is a file already (oidc.client_secret_file); take one or the other";
                return Err(wrong("client_secret_command", why.to_owned()));
            }
            (Some(file), None) => SecretPlace::File(file.clone()),
            (None, Some(words)) if words.is_empty() => {
                return Err(wrong("client_secret_command", "it names no program".to_owned()));
            }
            (None, Some(words)) => SecretPlace::Command(words),
            (None, None) => SecretPlace::Nowhere,
        };
        Ok(Some(Self { settings, secret }))
    }

    /// As lines of a settings file.
    pub(super) fn shown(&self) -> Vec<(&'static str, String)> {
        let Settings { provider, name, mapping, lifetime, recheck_after } = &self.settings;
        let text = |text: &str| format!("{text:?}");
        let time = |time: &jiff::SignedDuration| text(&duration::exact(time.unsigned_abs().as_secs()));
        let pairs = |pairs: &mut dyn Iterator<Item = (&String, &str)>| {
            let pairs: Vec<_> = pairs.map(|(from, to)| format!("{from:?} = {to:?}")).collect();
            format!("{{ {} }}", pairs.join(", "))
        };
        let mut lines = vec![
            ("oidc.issuer", text(&provider.issuer)),
            ("oidc.client_id", text(&provider.client_id)),
            ("oidc.scopes", format!("{:?}", provider.scopes)),
            ("oidc.name", text(name)),
            ("oidc.lifetime", time(lifetime)),
            ("oidc.recheck_after", time(recheck_after)),
            ("oidc.people.username_claim", text(&mapping.username_claim)),
            ("oidc.people.groups_claim", text(&mapping.groups_claim)),
            ("oidc.people.roles_claim", text(&mapping.roles_claim)),
            (
                "oidc.people.group_map",
                pairs(&mut mapping.groups.iter().map(|(from, to)| (from, to.as_str()))),
            ),
            ("oidc.people.role_map", pairs(&mut mapping.roles.iter().map(|(from, to)| (from, to.as_str())))),
            ("oidc.people.create_users", mapping.create_users.to_string()),
            ("oidc.people.email_domains", format!("{:?}", mapping.email_domains)),
        ];
        match &self.secret {
            SecretPlace::Nowhere => {}
            SecretPlace::File(path) => {
                lines.push(("oidc.client_secret_file", format!("{:?}", path.to_string_lossy())));
            }
            SecretPlace::Command(words) => lines.push(("oidc.client_secret_command", format!("{words:?}"))),
        }
        lines
    }

    /// With what only a start needs.
    pub(in crate::serve) fn with_secret(&self, secret: Option<ClientSecret>) -> Settings {
        let mut settings = self.settings.clone();
        settings.provider.client_secret = secret;
        settings
    }
}

fn mapping(raw: &RawPeople, wrong: impl Fn(&str, String) -> anyhow::Error) -> anyhow::Result<Mapping> {
    let mut roles = BTreeMap::new();
    for (claim, name) in &raw.role_map.0 {
        let role = Role::ALL.into_iter().find(|role| role.as_str() == name);
        let known = || Role::ALL.map(Role::as_str).join(", ");
        let role =
            role.ok_or_else(|| wrong("role_map", format!("{name:?} is no role; there are {}", known())))?;
        roles.insert(claim.clone(), role);
    }
    if raw.group_map.0.values().any(|name| name.trim().is_empty()) {
        return Err(wrong("group_map", "a group without a name".to_owned()));
    }
    let domain = |domain: &&String| domain.is_empty() || domain.contains(['@', ' ', '*', '/']);
    if let Some(bad) = raw.email_domains.0.iter().find(domain) {
        return Err(wrong("email_domains", format!("{bad:?} is no domain, as in example.org")));
    }
    let claim = |name: &Option<String>, usual: &str| name.clone().unwrap_or_else(|| usual.to_owned());
    let groups_claim = claim(&raw.groups_claim, GROUPS);
    Ok(Mapping {
        username_claim: claim(&raw.username_claim, USERNAME),
        roles_claim: claim(&raw.roles_claim, &groups_claim),
        groups_claim,
        groups: raw.group_map.0.clone(),
        roles,
        create_users: raw.create_users.unwrap_or(true),
        email_domains: raw.email_domains.0.clone(),
    })
}
