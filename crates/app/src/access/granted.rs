//! What somebody has of a server now.

use std::collections::BTreeMap;
use std::net::IpAddr;

use bastide_store::{Credentials, Grant, Right, Rights};
use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::network::Network;
use super::policies::{Asker, Policies};
use crate::context::Action;
use crate::error::Closed;
use bastide_policy::{TimeWindow, Windows};

/// When and from where somebody asks.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) now: Timestamp,
    /// None where it is not known: grants with networks give nothing then.
    pub(crate) address: Option<IpAddr>,
    /// Seconds east of UTC, of the zones that grants name.
    offsets: BTreeMap<String, i32>,
}

impl Moment {
    pub(crate) fn new<'a>(
        (now, address): (Timestamp, Option<IpAddr>),
        zones: impl Iterator<Item = &'a String>,
    ) -> Self {
        let known = zones.filter_map(|zone| Some((zone.clone(), TimeZone::get(zone).ok()?)));
        let offsets = known.map(|(zone, found)| (zone, found.to_offset(now).seconds())).collect();
        Self { now, address, offsets }
    }
}

/// A grant, its terms read.
#[derive(Debug, Clone)]
pub(crate) struct Held {
    pub(crate) grant: Grant,
    pub(crate) times: Vec<TimeWindow>,
    pub(crate) networks: Vec<String>,
    terms: Option<(Windows, Vec<Network>)>,
}

impl Held {
    /// A grant whose terms cannot be read gives nothing.
    pub(crate) fn read(grant: Grant) -> Self {
        let times: Option<Vec<TimeWindow>> = serde_json::from_str(&grant.terms.times).ok();
        let networks: Option<Vec<String>> = serde_json::from_str(&grant.terms.networks).ok();
        let windows = times.as_ref().and_then(|times| Windows::read(times).ok());
        let parsed = networks.as_ref().and_then(|all| all.iter().map(|one| one.parse().ok()).collect());
        let terms = windows.zip(parsed);
        if terms.is_none() {
            tracing::error!(grant = grant.id, "the terms of a grant cannot be read: it gives nothing");
        }
        Self { grant, times: times.unwrap_or_default(), networks: networks.unwrap_or_default(), terms }
    }

    pub(crate) fn zones(&self) -> impl Iterator<Item = &str> {
        self.terms.iter().flat_map(|(windows, _)| windows.zones())
    }

    /// Until when it holds without a break from this moment on, or why it does not hold now; `None` within: it has
    /// no end. `Err(None)`: it is over.
    pub(crate) fn holds(&self, moment: &Moment) -> Result<Option<Timestamp>, Option<Closed>> {
        let Some((windows, networks)) = &self.terms else { return Err(None) };
        let expires = self.grant.terms.expires;
        if expires.is_some_and(|at| at <= moment.now) {
            return Err(None);
        }
        let within = |address| networks.iter().any(|network| network.holds(address));
        if !networks.is_empty() && !moment.address.is_some_and(within) {
            return Err(Some(Closed::Network));
        }
        if windows.is_empty() {
            return Ok(expires);
        }
        let second = moment.now.as_second();
        let open = windows.open_for(second, &moment.offsets).ok_or(Some(Closed::Hours))?;
        // Counted from the whole second that was asked for: hours end at one, not a part of one later.
        let closes = Timestamp::from_second(second.saturating_add(open)).unwrap_or(Timestamp::MAX);
        Ok(Some(expires.map_or(closes, |at| at.min(closes))))
    }
}

/// One way of a grant: what it gives, with what, until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) with: Credentials,
    pub(crate) rights: Rights,
    pub(crate) until: Option<Timestamp>,
}

/// What somebody has of one server now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Granted {
    pub(crate) asker: Asker,
    pub(crate) ways: Vec<Way>,
    /// They hold a grant that gives nothing now.
    pub(crate) closed: Option<Closed>,
}

impl Granted {
    /// Of somebody who holds these rights.
    pub(crate) fn of(asker: Asker, rights: Rights) -> Self {
        let way = Way { with: Credentials::Default, rights, until: None };
        Self { asker, ways: vec![way], closed: None }
    }

    /// Whether they can do what a right is for.
    pub(crate) fn gives(&self, policies: &Policies, right: Right) -> bool {
        let action = match right {
            Right::Connect | Right::Write => Action::ServerConnect,
            Right::Observe => Action::SessionObserve,
            Right::Upload => Action::FileUpload,
            Right::Download => Action::FileDownload,
            Right::Forward => Action::ServerForward,
            Right::Execute => Action::ServerExecute,
            Right::Manage => Action::ServerChange,
        };
        self.allows(policies, action)
    }

    /// All that they hold, whatever it is logged in with.
    pub(crate) fn rights(&self) -> Rights {
        self.ways.iter().fold(Rights::NONE, |all, way| all.and(way.rights))
    }

    pub(crate) fn allows(&self, policies: &Policies, action: Action) -> bool {
        policies.allow_on_server(self.asker, action, self.rights())
    }

    /// Whether their role alone is enough: then with any credential, and without an end.
    pub(crate) fn by_role(&self, policies: &Policies, action: Action) -> bool {
        policies.allow(self.asker, action)
    }

    /// Until when the ways that `counts` picks allow an action; `None`: they do not.
    pub(crate) fn until(
        &self,
        policies: &Policies,
        action: Action,
        counts: impl Fn(&Credentials) -> bool,
    ) -> Option<Option<Timestamp>> {
        if self.by_role(policies, action) {
            return Some(None);
        }
        let mut ways: Vec<_> = self.ways.iter().filter(|way| counts(&way.with)).collect();
        // What lasts longest first; what has no end lasts longer than anything.
        ways.sort_by_key(|way| std::cmp::Reverse(way.until.unwrap_or(Timestamp::MAX)));
        let mut rights = Rights::NONE;
        ways.into_iter().find_map(|way| {
            rights = rights.and(way.rights);
            policies.allow_on_server(self.asker, action, rights).then_some(way.until)
        })
    }
}

/// Whether a way is one to this credential where it is the server's `default` one or named.
pub(crate) fn fits(with: &Credentials, credential: Option<i64>, default: Option<i64>) -> bool {
    match (with, credential) {
        (Credentials::Any, _) | (Credentials::Default, None) => true,
        (Credentials::Default, Some(id)) => default == Some(id),
        (Credentials::Listed(listed), Some(id)) => listed.contains(&id),
        (Credentials::Listed(listed), None) => default.is_some_and(|id| listed.contains(&id)),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bastide_store::{GrantTarget, Grantee, Terms};

    use super::*;

    #[test]
    fn hours_end_at_their_second_whenever_it_is_asked() {
        // Wednesday, 2025-10-15.
        let times = r#"[{"days":["wed"],"from":"09:00","to":"17:00","zone":"UTC"}]"#;
        let terms = Terms { times: times.to_owned(), networks: "[]".to_owned(), expires: None };
        let held = Held::read(Grant {
            id: 1,
            to: Grantee::User(1),
            on: GrantTarget::Everywhere,
            rights: Rights::usual(),
            credentials: Credentials::Any,
            terms,
            request: None,
            created: Timestamp::UNIX_EPOCH,
            created_by: String::new(),
        });
        let zones = ["UTC".to_owned()];
        let ends: Timestamp = "2025-10-15T17:00:00Z".parse().unwrap();
        for asked in ["09:00:00Z", "12:00:00.000000001Z", "12:00:00.999Z", "16:59:59.999999999Z"] {
            let now: Timestamp = format!("2025-10-15T{asked}").parse().unwrap();
            let moment = Moment::new((now, None), zones.iter());
            assert_eq!(held.holds(&moment), Ok(Some(ends)), "{asked}");
        }
        let moment = Moment::new((ends, None), zones.iter());
        assert_eq!(held.holds(&moment), Err(Some(Closed::Hours)));
    }
}
