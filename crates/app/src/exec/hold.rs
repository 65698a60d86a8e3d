//! A line that waits for a second person: held here, decided by [`crate::reviews`].
//!
//! One way for single commands and for line mode. What waits is approved by its hash, and what runs is what waited.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bastide_policy::Text;
use bastide_store::{Alert, Decision, Review, ReviewState, Server, Step};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use uuid::Uuid;

use crate::context::{About, Action, Ctx};
use crate::error::{Conflict, Forbidden, TooMany};
use crate::rules::{self, Ruling};
use crate::{Error, alerts, hex};

/// As long as a command in a terminal.
pub const REVIEW_LIMIT: Duration = Duration::from_secs(600);
/// A client that waits for an answer does not wait longer.
pub const LONGEST_REVIEW: Duration = Duration::from_secs(3600);
/// Each is a task and a few kilobytes; no group of reviewers looks through more.
const MAX_HELD: usize = 256;
/// One person leaves room for others; a play on sixty servers waits whole.
const MAX_OF_ONE: usize = 64;
/// So much of a line is shown to reviewers; the hash is of all of it, and a longer one is refused.
pub(crate) const MAX_SHOWN: usize = 4096;

/// What somebody said to a line that waits.
#[derive(Debug)]
pub(crate) enum Answer {
    Decided { approve: bool, by: String, reason: String },
    Cancelled { by: String },
}

/// Lines that wait.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    waiting: Mutex<HashMap<Uuid, Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    person: Uuid,
    hash: String,
    answer: oneshot::Sender<Answer>,
}

/// A line that waits. Dropping it, the line waits no more.
struct Entered {
    ctx: Ctx,
    review: Uuid,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.ctx.app().execs().holds().waiting().remove(&self.review);
    }
}

impl Holds {
    fn waiting(&self) -> std::sync::MutexGuard<'_, HashMap<Uuid, Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether there is room for one more.
    fn enter(&self, review: Uuid, new: Waiting) -> Result<(), Error> {
        let mut waiting = self.waiting();
        if waiting.values().filter(|one| one.person == new.person).count() >= MAX_OF_ONE {
            let what = "commands in review";
            return Err(Conflict::from(TooMany::AtOnce { what, most: MAX_OF_ONE }).into());
        }
        if waiting.len() >= MAX_HELD {
            return Err(Error::Limit(format!("{MAX_HELD} commands wait for approval: try later")));
        }
        waiting.insert(review, new);
        Ok(())
    }

    /// False where nothing of this name and this hash waits any more.
    pub(crate) fn answer(&self, review: Uuid, hash: &str, answer: Answer) -> bool {
        let mut waiting = self.waiting();
        if waiting.get(&review).is_none_or(|held| held.hash != hash) {
            return false;
        }
        waiting.remove(&review).is_some_and(|held| held.answer.send(answer).is_ok())
    }
}

/// A line on its way to a server, exactly as it will run.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) server: Arc<Server>,
    pub(crate) account: String,
    pub(crate) text: String,
    /// Where it runs there; none is where a login begins.
    pub(crate) cwd: Option<String>,
    pub(crate) session: Uuid,
    /// Milliseconds into its recording.
    pub(crate) at_ms: Option<i64>,
}

impl Line {
    fn place(&self) -> rules::Place<'_> {
        rules::Place { server: Some(&self.server), account: &self.account }
    }

    /// Of everything that decides what runs, and where. No part can take the place of another: each has its length.
    pub(crate) fn hash(&self) -> String {
        let mut digest = Sha256::new();
        let server = self.server.id.to_string();
        let cwd = self.cwd.as_deref().unwrap_or_default();
        for part in ["bastide line 1", &server, &self.account, cwd, &self.text] {
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part.as_bytes());
        }
        hex::encode(digest.finalize().as_slice())
    }
}

/// A line waits; what whoever typed it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    pub review: Uuid,
    pub rule: Option<String>,
    pub reason: Text,
    pub expires: Timestamp,
}

/// Somebody approved a line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Approval)]
pub struct Approval {
    pub review: Uuid,
    /// A user name.
    pub by: String,
    pub reason: String,
}

/// Why a line that waited did not run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotApproved {
    pub review: Uuid,
    /// `refused`, `expired` or `cancelled`.
    pub state: ReviewState,
    /// A user name.
    pub by: Option<String>,
    pub reason: Option<String>,
}

impl NotApproved {
    /// For people who read English.
    pub fn en(&self) -> String {
        let by = self.by.as_deref().unwrap_or("nobody");
        let what = match self.state {
            ReviewState::Refused => format!("{by} refused it"),
            ReviewState::Expired => "nobody approved it in time".to_owned(),
            _ => "it was given up".to_owned(),
        };
        format!("the command was refused: {what}{}", self.why(": "))
    }

    /// For people who read Chinese.
    pub fn zh(&self) -> String {
        let what = match (self.state, self.by.as_deref()) {
            (ReviewState::Refused, Some(by)) => format!("{by} 拒绝了它"),
            (ReviewState::Refused, None) => "审批被拒绝".to_owned(),
            (ReviewState::Expired, _) => "没有人及时批准".to_owned(),
            _ => "已取消".to_owned(),
        };
        format!("命令被拦截: {what}{}", self.why(": "))
    }

    fn why(&self, before: &str) -> String {
        self.reason.as_ref().map(|reason| format!("{before}{reason}")).unwrap_or_default()
    }
}

/// How long a line may wait, who is told that it does, and who may give it up.
pub(crate) struct Patience<'a, F: FnOnce(&Held)> {
    /// None: nobody waits, it is refused at once.
    pub(crate) limit: Option<Duration>,
    pub(crate) told: F,
    pub(crate) given_up: &'a CancellationToken,
}

/// Lets a line through that was judged: its verdict is written down, and where a second person has to approve it, it
/// waits here. What comes back may run, now and as it is.
///
/// # Errors
/// `Forbidden` for a denied line, and for one that was not approved; `Conflict` for one that nobody wants to wait for;
/// `Limit`; `Storage`.
pub(crate) async fn pass<F: FnOnce(&Held)>(
    ctx: &Ctx,
    (action, line): (Action, &Line),
    ruling: &Ruling,
    patience: Patience<'_, F>,
) -> Result<Option<Approval>, Error> {
    let reviewed = ruling.verdict.action == bastide_policy::Action::Review;
    let review = reviewed.then(Uuid::now_v7);
    let judged = rules::Judged {
        action,
        place: line.place(),
        command: &line.text,
        session: Some(line.session),
        offset_ms: line.at_ms,
        review: review.filter(|_| patience.limit.is_some()),
    };
    rules::write_down(ctx, judged, ruling).await?;
    if let Some(denied) = ruling.denied() {
        return Err(denied);
    }
    let Some(review) = review else { return Ok(None) };
    let Some(limit) = patience.limit else {
        return Err(Conflict::NeedsReview { rule: ruling.verdict.rule.clone().unwrap_or_default() }.into());
    };
    if line.text.chars().count() > MAX_SHOWN {
        // Nobody approves what they are not shown.
        return Err(Error::Invalid(format!(
            "command: at most {MAX_SHOWN} characters where a second person has to read it"
        )));
    }
    let expires = ctx.clock().now().saturating_add(SignedDuration::try_from(limit).unwrap_or_default());
    let expires = expires.unwrap_or(Timestamp::MAX);
    let verdict = &ruling.verdict;
    let held = Held {
        review,
        rule: verdict.rule.clone(),
        reason: verdict.reason.clone().unwrap_or_default(),
        expires,
    };
    let decision = wait(ctx, (action, line.clone()), (&held, limit), patience).await?;
    if decision.state != ReviewState::Approved {
        let Decision { state, by, reason, .. } = decision;
        return Err(Forbidden::NotApproved(Box::new(NotApproved { review, state, by, reason })).into());
    }
    again(ctx, (action, line)).await?;
    let (by, reason) = (decision.by.unwrap_or_default(), decision.reason.unwrap_or_default());
    Ok(Some(Approval { review, by, reason }))
}

/// What held when the line began to wait may not hold any more.
async fn again(ctx: &Ctx, (action, line): (Action, &Line)) -> Result<(), Error> {
    let ctx = ctx.fresh().await?;
    ctx.authorize_server(action, line.server.id)?;
    rules::judge(&ctx, line.place(), &line.text)?.denied().map_or(Ok(()), Err)
}

async fn wait<F: FnOnce(&Held)>(
    ctx: &Ctx,
    (action, line): (Action, Line),
    (held, limit): (&Held, Duration),
    patience: Patience<'_, F>,
) -> Result<Decision, Error> {
    let holds = ctx.app().execs().holds();
    let hash = line.hash();
    let (answer, answered) = oneshot::channel();
    // Before anybody is told of it.
    holds.enter(held.review, Waiting { person: ctx.person()?.user.uid, hash: hash.clone(), answer })?;
    let entered = Entered { ctx: ctx.clone(), review: held.review };
    let given_up = patience.given_up.child_token();
    open(ctx, (action, &line), (held, &hash)).await?;
    (patience.told)(held);
    let _leaves = given_up.clone().drop_guard();
    let (ctx, review) = (ctx.clone(), held.review);
    // A task of its own: whoever waits may leave, and then it has to be closed all the same.
    let task = ctx.app().tasks().clone().spawn("command in review", async move {
        let mine = ctx.person().map(|person| person.user.username.clone()).ok();
        let (state, by, reason) = tokio::select! {
            answer = answered => match answer {
                Ok(Answer::Decided { approve: true, by, reason }) => (ReviewState::Approved, Some(by), Some(reason)),
                Ok(Answer::Decided { approve: false, by, reason }) => (ReviewState::Refused, Some(by), Some(reason)),
                Ok(Answer::Cancelled { by }) => (ReviewState::Cancelled, Some(by), None),
                Err(_) => (ReviewState::Cancelled, None, None),
            },
            () = tokio::time::sleep(limit) => (ReviewState::Expired, None, None),
            () = given_up.cancelled() => (ReviewState::Cancelled, mine, None),
            () = ctx.app().shutdown().draining() => {
                (ReviewState::Cancelled, None, Some("the server stops".to_owned()))
            }
        };
        drop(entered);
        let reason = reason.filter(|reason| !reason.is_empty());
        let decision = Decision { state, closed: Some(ctx.clock().now()), by, reason };
        let closed = close(&ctx, (action, &line), (review, &hash, &decision)).await;
        closed.map(|()| decision)
    });
    task.await.unwrap_or(Err(Error::Stopping))
}

async fn open(ctx: &Ctx, (action, line): (Action, &Line), (held, hash): (&Held, &str)) -> Result<(), Error> {
    ctx.note(action, &about(line, held.review, hash), "review_opened", None).await?;
    let mut data = Map::new();
    for (name, value) in [
        ("door", json!("line")),
        ("label", json!(rules::LABEL)),
        ("line", json!(line.text)),
        ("cwd", json!(line.cwd)),
        ("rule", json!(held.rule)),
        ("reason", json!(held.reason)),
        ("review", json!(held.review)),
        ("facts_hash", json!(hash)),
        ("at_ms", json!(line.at_ms)),
        ("expires", json!(held.expires)),
    ] {
        if !value.is_null() {
            data.insert(name.to_owned(), value);
        }
    }
    let (at, session) = (ctx.clock().now(), line.session);
    let kind = bastide_wire::control::kind::REVIEW_OPENED.to_owned();
    let review = Review {
        uid: held.review,
        session,
        hash: hash.to_owned(),
        opened: at,
        expires: Some(held.expires),
        opener: Some(ctx.person()?.user.uid),
        data: data.clone(),
        decision: Decision::open(),
    };
    let severity = alerts::severity(&kind);
    let alert = Alert { id: 0, at, kind: kind.clone(), severity, session: Some(session), data: data.clone() };
    let store = ctx.app().store();
    let event = Step::Event { session, kind, data, at };
    store.apply_own(&[Step::ReviewOpened(Box::new(review)), Step::Alert(alert), event]).await?;
    ctx.app().news().tell(store).await;
    Ok(())
}

async fn close(
    ctx: &Ctx,
    (action, line): (Action, &Line),
    (review, hash, decision): (Uuid, &str, &Decision),
) -> Result<(), Error> {
    let outcome = decision.state.as_str();
    let (by, reason) = (decision.by.as_deref(), decision.reason.as_deref());
    let said =
        about(line, review, hash).with("outcome", outcome).with("decided_by", by).with("reason", reason);
    // What is not in the log is no approval.
    let noted = ctx.note(action, &said, "review_closed", None).await;
    let decision = match &noted {
        Ok(()) => decision.clone(),
        Err(_) => Decision { state: ReviewState::Cancelled, ..decision.clone() },
    };
    let data = json!({ "review": review, "outcome": decision.state.as_str(), "by": by, "reason": reason });
    let Value::Object(mut data) = data else { return noted };
    data.retain(|_, value| !value.is_null());
    let store = ctx.app().store();
    let (kind, at) = (bastide_wire::control::kind::REVIEW_CLOSED.to_owned(), ctx.clock().now());
    let event = Step::Event { session: line.session, kind, data, at };
    let kept = store.apply_own(&[Step::ReviewClosed { review, decision }, event]).await;
    ctx.app().news().tell(store).await;
    noted.and(kept.map_err(Error::from))
}

fn about(line: &Line, review: Uuid, hash: &str) -> About {
    About::session(line.session)
        .with("server", line.server.id)
        .with("review", review.to_string())
        .with("facts_hash", hash)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_refusal_names_who_and_why() {
        let told = |state, by: Option<&str>, reason: Option<&str>| NotApproved {
            review: Uuid::nil(),
            state,
            by: by.map(str::to_owned),
            reason: reason.map(str::to_owned),
        };
        let refused = told(ReviewState::Refused, Some("rob"), Some("not today"));
        assert_eq!(refused.en(), "the command was refused: rob refused it: not today");
        assert_eq!(refused.zh(), "命令被拦截: rob 拒绝了它: not today");
        let late = told(ReviewState::Expired, None, None);
        assert_eq!(late.en(), "the command was refused: nobody approved it in time");
        assert_eq!(late.zh(), "命令被拦截: 没有人及时批准");
    }

    #[test]
    fn an_answer_to_another_hash_is_none() {
        let holds = Holds::default();
        let (answer, _answered) = oneshot::channel();
        let review = Uuid::from_u128(1);
        holds.enter(review, Waiting { person: Uuid::nil(), hash: "h".to_owned(), answer }).unwrap();
        let yes = || Answer::Decided { approve: true, by: "rob".to_owned(), reason: String::new() };
        assert!(!holds.answer(review, "other", yes()));
        assert!(holds.answer(review, "h", yes()));
        assert!(!holds.answer(review, "h", yes()), "only once");
    }

    #[test]
    fn what_one_person_has_waiting_leaves_room_for_others() {
        let holds = Holds::default();
        let enter = |person: u128, review: usize| {
            let waiting = Waiting {
                person: Uuid::from_u128(person),
                hash: "h".to_owned(),
                answer: oneshot::channel().0,
            };
            holds.enter(Uuid::from_u128(review as u128), waiting)
        };
        for person in 1..=4 {
            for number in 0..MAX_OF_ONE {
                enter(person, person as usize * 1000 + number).unwrap();
            }
            let more = enter(person, person as usize * 1000 + 999);
            assert!(matches!(more, Err(Error::Conflict(_) | Error::Limit(_))), "{more:?}");
        }
        assert!(matches!(enter(9, 9), Err(Error::Limit(_))), "{MAX_HELD} in all");
        // Nobody hears it here.
        holds.answer(Uuid::from_u128(1000), "h", Answer::Cancelled { by: "rob".to_owned() });
        assert!(enter(9, 9).is_ok(), "one that was answered makes room");
    }
}
