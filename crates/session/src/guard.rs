//! What stands between a session's people and its commands: which rules hold, and what waits for a second person.
//!
//! A session here has a *gate*, a supervisor that judges each program start by itself and reports it; one
//! elsewhere is *watched*: the line is read from the screen. Both end in the same verdicts and reviews.

mod claims;
mod link;
mod subject;
pub(crate) mod watched;
pub(crate) mod words;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bastide_policy::{Bundle, Door as Place, Judge, Subject};
use bastide_pty::gate::{Confinement, Gated, Label, Layer, Layers, Profile, Rules, Supervisor};
use bastide_wire::control::{self, ControlInfo, MissingLayer, label};
use bastide_wire::spec::Spec;
use jiff::Timestamp;
use uuid::Uuid;

pub(crate) use claims::Claims;
pub(crate) use link::Link;
#[cfg(test)]
pub(crate) use link::{Ordered, Scripted};
pub(crate) use watched::Watched;

/// How long a held command waits where the spec does not say: a reviewer may be at lunch's end, not at its start.
pub(crate) const REVIEW_LIMIT: Duration = Duration::from_secs(600);
/// Longest that a spec may ask for.
const LONGEST_REVIEW: Duration = Duration::from_secs(24 * 3600);
/// The supervisor refuses by itself this long after we should have: for a daemon that hangs.
pub(crate) const BACKSTOP: Duration = Duration::from_secs(5);
/// Reviews whose verdict is still to come.
const DECIDED: usize = 64;
/// Notices about refused commands in a second; a loop of them would fill every viewer's queue.
const NOTICES: u32 = 10;

/// What a session's commands are judged by.
#[derive(Debug, Clone)]
pub struct Guarding {
    pub rules: Arc<Bundle>,
    pub confinement: Confinement,
    /// Without these it is not opened.
    pub required: Vec<Layer>,
    pub supervisor: Supervisor,
}

/// How verdicts come to be.
pub(crate) enum Door {
    Gate(Link),
    Watched {
        screen: Box<Watched>,
        judge: Box<Judge>,
    },
    /// There was a gate. No program starts any more.
    Shut,
}

/// A command that waits.
#[derive(Debug)]
pub(crate) struct Review {
    pub(crate) id: Uuid,
    /// What the supervisor calls it.
    pub(crate) held: Option<u64>,
    pub(crate) pid: Option<i32>,
    pub(crate) hash: String,
    /// As people read it.
    pub(crate) command: String,
    pub(crate) expires: Instant,
    pub(crate) expires_at: String,
}

pub(crate) struct Guard {
    pub(crate) door: Door,
    /// Whom the rules are asked about; its time is not kept up.
    subject: Subject,
    rules: Arc<Bundle>,
    digest: String,
    info: ControlInfo,
    pub(crate) reviews: Vec<Review>,
    pub(crate) limit: Duration,
    pub(crate) claims: Claims,
    /// As the recording counts.
    started: Instant,
    /// When a zone of the rules changes its offset.
    zones_until: Option<Instant>,
    pub(crate) told: Told,
}

/// What has been told already.
#[derive(Default)]
pub(crate) struct Told {
    /// Processes whose verdict follows a review.
    decided: VecDeque<(i32, Uuid)>,
    /// Notices since then.
    notices: Option<(Instant, u32)>,
    /// The program's end: what follows on the line is of no concern.
    pub(crate) exited: bool,
    /// That verdicts cannot be recorded.
    pub(crate) log_fails: bool,
}

impl Told {
    pub(crate) fn decided(&mut self, pid: i32, review: Uuid) {
        if self.decided.len() == DECIDED {
            self.decided.pop_front();
        }
        self.decided.push_back((pid, review));
    }

    /// The review that this process's verdict comes from.
    pub(crate) fn review_of(&mut self, pid: i32) -> Option<Uuid> {
        let place = self.decided.iter().position(|(decided, _)| *decided == pid)?;
        self.decided.remove(place).map(|(_, review)| review)
    }

    /// Whether another notice is bearable.
    pub(crate) fn may_notify(&mut self, now: Instant) -> bool {
        let fresh = |(since, _): &(Instant, u32)| now.duration_since(*since) < Duration::from_secs(1);
        let (since, count) = self.notices.filter(fresh).unwrap_or((now, 0));
        self.notices = Some((since, count + 1));
        count < NOTICES
    }
}

/// What the spec says about reviews.
fn limit(spec: &Spec) -> Duration {
    let asked = spec.control.as_ref().and_then(|control| control.review_limit);
    asked.map_or(REVIEW_LIMIT, |seconds| Duration::from_secs(seconds).min(LONGEST_REVIEW))
}

/// As the gate knows it.
fn profile(spec: &Spec) -> (control::Profile, Profile) {
    let asked = spec.control.as_ref().map(|control| control.profile).unwrap_or_default();
    match asked {
        control::Profile::Closed => (asked, Profile::Closed),
        control::Profile::Workbench => (asked, Profile::Workbench),
    }
}

/// How a program of this machine is started under the gate.
pub(crate) fn setup(guarding: Guarding, spec: &Spec, spawn: bastide_pty::Spawn) -> bastide_pty::gate::Setup {
    let (subject, _) = subject::now(&guarding.rules, subject::of(spec, &spawn.account.name, Place::Exec));
    bastide_pty::gate::Setup {
        rules: Rules::new(&guarding.rules, subject),
        profile: profile(spec).1,
        confinement: guarding.confinement,
        review_limit: limit(spec) + BACKSTOP,
        // The session itself was allowed; what is typed into it is what the rules are about.
        entry_is_allowed: spawn.login,
        tells_lines: spawn.login,
        required: guarding.required,
        attached: false,
        supervisor: guarding.supervisor,
        spawn,
    }
}

impl Guard {
    fn new(door: Door, subject: Subject, rules: Arc<Bundle>, spec: &Spec, started: Instant) -> Self {
        let digest = rules.digest_hex();
        let zones_until = subject::zones_until(&rules);
        Self {
            door,
            subject,
            rules,
            digest,
            info: ControlInfo::default(),
            reviews: Vec::new(),
            limit: limit(spec),
            claims: Claims::default(),
            started,
            zones_until,
            told: Told::default(),
        }
    }

    /// Of a program here. Returns it with its guard.
    pub(crate) fn gated(
        gated: Gated,
        (spec, account): (&Spec, &str),
        rules: Arc<Bundle>,
        started: Instant,
    ) -> (bastide_pty::Child, Self) {
        let subject = subject::of(spec, account, Place::Exec);
        let Gated { child, control, layers, label } = gated;
        let mut guard = Self::new(Door::Gate(Link::Supervisor(control)), subject, rules, spec, started);
        guard.info = info(&layers, label, profile(spec).0);
        (child, guard)
    }

    /// Of a shell elsewhere.
    pub(crate) fn watched(spec: &Spec, account: &str, rules: Arc<Bundle>, started: Instant) -> Self {
        let subject = subject::of(spec, account, Place::Watched);
        let (now, _) = subject::now(&rules, subject.clone());
        let judge = Box::new(rules.judge(&now));
        let door = Door::Watched { screen: Box::new(Watched::new(started)), judge };
        let mut guard = Self::new(door, subject, rules, spec, started);
        label::WATCHED.clone_into(&mut guard.info.label);
        guard
    }

    /// With reports that a test makes.
    #[cfg(test)]
    pub(crate) fn scripted(scripted: Scripted, spec: &Spec, rules: Arc<Bundle>) -> Self {
        let subject = subject::of(spec, "ada", Place::Exec);
        let mut guard = Self::new(Door::Gate(Link::Scripted(scripted)), subject, rules, spec, Instant::now());
        label::GATED.clone_into(&mut guard.info.label);
        guard
    }

    /// The supervisor, while there is one.
    pub(crate) fn gate(&mut self) -> Option<&mut Link> {
        match &mut self.door {
            Door::Gate(link) => Some(link),
            Door::Watched { .. } | Door::Shut => None,
        }
    }

    pub(crate) fn on_output(&mut self, now: Instant) {
        if let Door::Watched { screen, .. } = &mut self.door {
            screen.on_output(now);
        }
    }

    pub(crate) fn label(&self) -> &str {
        &self.info.label
    }

    pub(crate) fn digest(&self) -> &str {
        &self.digest
    }

    /// Milliseconds since the recording began.
    pub(crate) fn at_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    pub(crate) fn describe(&self) -> ControlInfo {
        ControlInfo {
            rules: Some(self.digest.clone()),
            reviews: self.reviews.iter().map(|review| review.id).collect(),
            ..self.info.clone()
        }
    }

    /// The gate is gone: nothing starts any more, and the session says so.
    pub(crate) fn shut(&mut self, why: &str) {
        self.door = Door::Shut;
        self.info.failure = Some(why.to_owned());
    }

    /// Why nothing starts for the time being.
    pub(crate) fn log_fails(&mut self, why: Option<&str>) {
        self.info.failure = why.map(str::to_owned);
    }

    /// Other rules from the next verdict on.
    ///
    /// # Errors
    /// Why they do not hold.
    pub(crate) fn set_rules(&mut self, rules: Arc<Bundle>) -> Result<(), String> {
        let (subject, _) = subject::now(&rules, self.subject.clone());
        match &mut self.door {
            Door::Gate(link) => {
                link.set_rules(&Rules::new(&rules, subject)).map_err(|error| error.to_string())?;
            }
            Door::Watched { judge, .. } => **judge = rules.judge(&subject),
            Door::Shut => return Err("its gate is gone".to_owned()),
        }
        self.digest = rules.digest_hex();
        self.zones_until = subject::zones_until(&rules);
        self.rules = rules;
        Ok(())
    }

    /// When something is due: a review, a clock change, a line that waits for the screen.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let review = self.reviews.iter().map(|review| review.expires).min();
        let screen = match &self.door {
            Door::Watched { screen, .. } => screen.wakes_at(),
            Door::Gate(_) | Door::Shut => None,
        };
        [review, self.zones_until, screen].into_iter().flatten().min()
    }

    /// Zones have changed their offsets.
    pub(crate) fn follow_zones(&mut self, now: Instant) -> Result<(), String> {
        if self.zones_until.is_some_and(|until| until <= now) {
            return self.set_rules(Arc::clone(&self.rules));
        }
        Ok(())
    }

    pub(crate) fn take_review(&mut self, id: Uuid) -> Option<Review> {
        let place = self.reviews.iter().position(|review| review.id == id)?;
        Some(self.reviews.remove(place))
    }

    /// A command begins to wait.
    pub(crate) fn open_review(&mut self, hash: String, command: String, held: Option<(u64, i32)>) -> &Review {
        let (expires, expires_at) = (Instant::now() + self.limit, Timestamp::now() + self.limit);
        self.reviews.push(Review {
            id: Uuid::now_v7(),
            held: held.map(|(id, _)| id),
            pid: held.map(|(_, pid)| pid),
            hash,
            command,
            expires,
            expires_at: expires_at.to_string(),
        });
        self.reviews.last().expect("one was put there")
    }
}

fn info(layers: &Layers, labelled: Label, profile: control::Profile) -> ControlInfo {
    let label = match labelled {
        Label::Enforced => label::ENFORCED,
        Label::Gated => label::GATED,
    };
    let missing = layers
        .missing
        .iter()
        .map(|missing| MissingLayer { layer: missing.layer.name().to_owned(), cause: missing.cause.clone() });
    ControlInfo {
        label: label.to_owned(),
        layers: layers.present.iter().map(|layer| layer.name().to_owned()).collect(),
        missing: missing.collect(),
        profile: Some(profile),
        ..ControlInfo::default()
    }
}
