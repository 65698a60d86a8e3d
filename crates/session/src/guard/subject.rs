//! Whom the rules are asked about, and what time it is there.

use std::time::{Duration, Instant};

use bastide_policy::{Bundle, Door, Subject};
use bastide_wire::spec::Spec;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// What never changes in a session.
pub(crate) fn of(spec: &Spec, account: &str, door: Door) -> Subject {
    let person = spec.subject.clone().unwrap_or_default();
    let control = spec.control.clone().unwrap_or_default();
    let mut subject = Subject::at(door);
    subject.user = person.user;
    subject.groups = person.groups;
    subject.roles = person.roles;
    subject.server = control.server;
    subject.tags = control.tags;
    account.clone_into(&mut subject.account);
    subject
}

/// With the time and the offsets of the rules' zones, of which the names that mean nothing are returned: rules
/// that allow do not hold in such a zone.
pub(crate) fn now(rules: &Bundle, mut subject: Subject) -> (Subject, Vec<String>) {
    let now = Timestamp::now();
    let mut unknown = Vec::new();
    subject.now = now.as_second();
    subject.offsets.clear();
    for zone in rules.zones() {
        match TimeZone::get(zone) {
            Ok(found) => {
                subject.offsets.insert(zone.to_owned(), found.to_offset(now).seconds());
            }
            Err(_) => unknown.push(zone.to_owned()),
        }
    }
    (subject, unknown)
}

/// When the first of the rules' zones changes its offset.
pub(crate) fn zones_until(rules: &Bundle) -> Option<Instant> {
    let now = Timestamp::now();
    let next = |zone: &str| TimeZone::get(zone).ok()?.following(now).next().map(|change| change.timestamp());
    let first = rules.zones().into_iter().filter_map(next).min()?;
    let left = Duration::try_from(first.duration_since(now)).unwrap_or_default();
    Instant::now().checked_add(left + Duration::from_secs(1))
}
