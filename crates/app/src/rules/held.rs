//! The rule set that holds, in memory: each command that the server runs asks it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use bastide_policy as policy;
use bastide_store::{RuleVersion, Server, Store, User};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use policy::{Bundle, Door, Fault, Faults, RuleSet, Subject};
use tokio::sync::watch;
use uuid::Uuid;

use crate::{App, Error};

use super::control::{Control, has_something_to_say};

/// A rule set that can be judged by.
#[derive(Debug)]
pub struct Loaded {
    /// As it was written.
    pub set: RuleSet,
    pub control: Control,
    pub(crate) bundle: Bundle,
}

impl Loaded {
    /// # Errors
    /// Everything that is wrong, with places.
    pub(crate) fn new(set: RuleSet, control: Control) -> Result<Self, Faults> {
        let bundle = Bundle::new(&set)?;
        control.check()?;
        let strange = bundle.zones().into_iter().filter(|zone| TimeZone::get(zone).is_err());
        let strange: Vec<_> = strange
            .map(|zone| Fault { place: String::new(), what: format!("there is no time zone `{zone}`") })
            .collect();
        if !strange.is_empty() {
            return Err(Faults(strange));
        }
        Ok(Self { set, control, bundle })
    }

    /// In hexadecimal.
    pub(crate) fn digest(&self) -> String {
        self.bundle.digest_hex()
    }

    /// Whether it says anything but that everything may run.
    pub(crate) fn has_something_to_say(&self) -> bool {
        has_something_to_say(&self.set)
    }

    /// Seconds east of UTC at `now`, of each zone that a rule names.
    pub(crate) fn offsets(&self, now: Timestamp) -> BTreeMap<String, i32> {
        let zones = self.bundle.zones().into_iter();
        let known = zones.filter_map(|zone| Some((zone.to_owned(), TimeZone::get(zone).ok()?)));
        known.map(|(zone, found)| (zone, found.to_offset(now).seconds())).collect()
    }
}

/// The newest version.
#[derive(Debug)]
pub struct Held {
    /// Its documents are those that are stored.
    pub version: RuleVersion,
    /// Why it cannot be judged by, where it cannot: then nothing may run that needs a verdict.
    pub loaded: Result<Loaded, String>,
}

impl Held {
    pub(crate) fn of(version: RuleVersion) -> Self {
        let loaded = read(&version).map_err(|faults| faults.to_string());
        Self { version, loaded }
    }
}

fn read(version: &RuleVersion) -> Result<Loaded, Faults> {
    let set = RuleSet::parse(version.document.as_bytes())?;
    let control = serde_json::from_str(&version.control)
        .map_err(|error| Faults(vec![Fault { place: "control".to_owned(), what: error.to_string() }]))?;
    Loaded::new(set, control)
}

/// Where a command is to run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Place<'a> {
    /// None is this machine.
    pub(crate) server: Option<&'a Server>,
    pub(crate) account: &'a str,
}

/// The rules of this server.
#[derive(Debug)]
pub(crate) struct Rules {
    held: watch::Sender<Arc<Held>>,
    /// The last that a daemon has taken.
    delivered: Mutex<Option<Delivered>>,
}

/// To which start of the daemon, and the digest.
pub(super) type Delivered = (Option<Uuid>, String);

impl Rules {
    /// Reads the newest version; writes the first one where there is none.
    pub(crate) async fn load(store: &Store, now: Timestamp) -> Result<Self, Error> {
        let version = match store.rules().await? {
            Some(version) => version,
            None => {
                let first = first(now);
                let number = store.add_rules(0, &first).await?;
                RuleVersion { version: number, ..first }
            }
        };
        let held = Held::of(version);
        if let Err(why) = &held.loaded {
            tracing::error!(why, "the rules cannot be read: commands that need a verdict are refused");
        }
        Ok(Self { held: watch::Sender::new(Arc::new(held)), delivered: Mutex::default() })
    }

    pub(crate) fn now(&self) -> Arc<Held> {
        Arc::clone(&self.held.borrow())
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Arc<Held>> {
        self.held.subscribe()
    }

    pub(super) fn is_delivered(&self, what: &Delivered) -> bool {
        self.delivered.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(what)
    }

    pub(super) fn set_delivered(&self, what: Delivered) {
        *self.delivered.lock().unwrap_or_else(PoisonError::into_inner) = Some(what);
    }

    /// What was saved holds, unless something newer does already.
    pub(crate) fn hold(&self, held: Held) -> Arc<Held> {
        let held = Arc::new(held);
        self.held.send_if_modified(|now| {
            let newer = held.version.version > now.version.version;
            if newer {
                *now = Arc::clone(&held);
            }
            newer
        });
        held
    }
}

/// Everything is allowed; sessions are gated as soon as a rule is there.
fn first(now: Timestamp) -> RuleVersion {
    let loaded =
        Loaded::new(RuleSet::default(), Control::default()).expect("a set without rules has no faults");
    RuleVersion {
        version: 0,
        created: now,
        author: None,
        note: "the first start".to_owned(),
        document: text(&loaded.set),
        control: text(&loaded.control),
        digest: loaded.digest(),
    }
}

pub(super) fn text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).expect("rules are JSON")
}

/// Whom a rule sees.
pub(crate) fn subject(app: &App, user: &User, place: Place<'_>, (door, loaded): (Door, &Loaded)) -> Subject {
    let now = app.clock().now();
    Subject {
        user: user.username.clone(),
        groups: app.servers().now().groups_of(user.id),
        roles: vec![user.role.as_str().to_owned()],
        server: place.server.map(|server| server.settings.name.clone()),
        tags: place.server.map(|server| server.settings.tags.clone()).unwrap_or_default(),
        account: place.account.to_owned(),
        door,
        now: now.as_second(),
        offsets: loaded.offsets(now),
    }
}
