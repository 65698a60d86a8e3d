//! The task behind one page's view: attached, or waiting to be again.

use bastide_ptyd_client::{Attachment, ViewerEvent};
use bastide_wire::control::CommandNotice;
use bastide_wire::together::Keyboard;
use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use super::answers::{Answers, Question};
use super::typing::Typing;
use super::{Attached, Event, Open, There, attach};
use crate::context::{Action, Ctx};
use crate::daemon::State;
use crate::error::{Forbidden, Together};
use crate::live::Live;
use crate::sessions::Access;
use crate::{DaemonError, Error, together};

pub(super) struct Actor {
    ctx: Ctx,
    open: Open,
    events: mpsc::Sender<Event>,
    acks: watch::Receiver<u64>,
    typing: Typing,
    answers: Answers,
    link: watch::Receiver<State>,
    live: Live,
    /// Counts up when rights may have been taken away.
    rights: watch::Receiver<u64>,
    held: Held,
    /// The last that the page was told.
    there: There,
}

/// What the caller has of the session now.
struct Held {
    /// When a guest's stay ends.
    until: Option<Instant>,
    /// Whose the session is.
    owner: Option<Uuid>,
    access: Access,
    /// The page types because it was given the keyboard, and not because it was opened to.
    given: bool,
}

/// Why an attachment is over.
enum Over {
    /// For good: the page is gone, or has been told everything.
    Done,
    /// The daemon is gone, or asked us to attach again.
    Detached,
}

impl Actor {
    pub(super) fn new(
        ctx: Ctx,
        open: Open,
        (events, acks): (mpsc::Sender<Event>, watch::Receiver<u64>),
        typing: Typing,
        answers: Answers,
    ) -> Self {
        let (link, live, rights) = (ctx.app().daemon().watch(), ctx.app().live(), ctx.changes());
        Self {
            ctx,
            open,
            events,
            acks,
            typing,
            answers,
            link,
            live,
            rights,
            held: Held { until: None, owner: None, access: Access::Watch, given: false },
            there: There::default(),
        }
    }

    pub(super) async fn run(mut self, first: Attached) {
        let mut attached = first;
        loop {
            let Attached { attachment, owner, access, until } = attached;
            let until = until.map(|until| self.instant(until));
            self.held = Held { until, owner, access, given: false };
            match self.follow(attachment).await {
                Over::Done => return,
                Over::Detached => match self.attach_again().await {
                    Some(next) => attached = next,
                    None => return,
                },
            }
        }
    }

    fn instant(&self, time: Timestamp) -> Instant {
        let left = time.duration_since(self.ctx.clock().now()).try_into();
        Instant::now() + left.unwrap_or_default()
    }

    async fn follow(&mut self, mut attachment: Attachment) -> Over {
        if self.greet(&mut attachment).await.is_err() {
            return Over::Done;
        }
        loop {
            let event = tokio::select! {
                event = attachment.next() => match event {
                    Some(event) => event,
                    None => return Over::Detached,
                },
                Ok(()) = self.acks.changed() => {
                    attachment.ack(*self.acks.borrow_and_update());
                    continue;
                }
                Ok(()) = self.live.changed() => {
                    if self.tell_viewers().await.is_err() {
                        return Over::Done;
                    }
                    continue;
                }
                Ok(()) = self.rights.changed() => {
                    if self.lost_right().await {
                        return Over::Done;
                    }
                    continue;
                }
                () = stay_ends(self.held.until) => {
                    self.held.until = None;
                    if self.lost_right().await {
                        return Over::Done;
                    }
                    continue;
                }
                said = self.answers.next() => {
                    let told = self.answers.pass_on(&self.ctx, self.open.session, said).await;
                    for event in told {
                        if self.tell(event).await.is_err() {
                            return Over::Done;
                        }
                    }
                    continue;
                }
                () = self.events.closed() => return Over::Done,
            };
            if let ViewerEvent::Keyboard { write } = event {
                self.typing.keyboard(attachment.writer());
                self.held.given = write && !self.open.write;
                if self.keyboard_lost().await || self.tell_there(write).await.is_err() {
                    return Over::Done;
                }
                continue;
            }
            let exit = matches!(event, ViewerEvent::Exit { .. } | ViewerEvent::Removed { .. });
            if self.forward(event).await.is_err() || exit {
                return Over::Done;
            }
        }
    }

    /// Looks again whether this page may still have the session; says so when not.
    async fn lost_right(&mut self) -> bool {
        let again = match self.ctx.again().await {
            Ok(Some(ctx)) => ctx,
            Ok(None) => {
                // The page is gone or is told; either way it is over.
                let _ = self.tell(Event::Gone(Error::NotLoggedIn)).await;
                return true;
            }
            Err(error) => {
                let _ = self.tell(Event::Gone(error)).await;
                return true;
            }
        };
        self.ctx = again;
        // Whose a session is never changes, so the daemon need not be asked, however many look.
        match self.ctx.authorize_session(self.open.action(), self.open.session, self.held.owner) {
            Ok((_, held)) => {
                self.held.access = held.access;
                self.held.until = held.until.map(|until| self.instant(until));
                self.keyboard_lost().await
            }
            Err(error) => {
                let _ = self.tell(right_has_ended()).await;
                let _ = self.tell(Event::Gone(error)).await;
                true
            }
        }
    }

    /// Looks again whether who was given the keyboard may keep it, and gives it back when not. True when the page is
    /// to go, because that could not be done.
    async fn keyboard_lost(&mut self) -> bool {
        if !self.held.given {
            return false;
        }
        let Ok(person) = self.ctx.person() else { return true };
        let who = (&*person.user, self.ctx.origin().address);
        let session = (self.open.session, self.held.owner);
        // A token that may only read types nowhere, whatever its owner may.
        let may = self.ctx.may(Action::SessionWrite);
        let Err(error) = may.and_then(|_| together::may_hold(&self.ctx, who, session)).map(|until| {
            let until = until.map(|until| self.instant(until));
            self.held.until = [self.held.until, until].into_iter().flatten().min();
        }) else {
            return false;
        };
        self.held.given = false;
        let back = Keyboard { uid: self.open.session, viewer: None, by: None };
        let given_back = match self.ctx.app().daemon().client() {
            Ok(client) => client.keyboard(back).await.is_ok(),
            Err(_) => false,
        };
        if !given_back {
            let _ = self.tell(Event::Gone(error)).await;
        }
        !given_back
    }

    async fn greet(&mut self, attachment: &mut Attachment) -> Result<(), Left> {
        self.answers.attached(attachment.writer());
        let input = self.typing.attached(attachment.writer()).await;
        self.open.from = Some(attachment.pos);
        self.tell(Event::Hello { pos: attachment.pos, resumed: attachment.resumed, input }).await?;
        if let Some(snapshot) = attachment.snapshot.take() {
            self.tell(Event::Snapshot(Box::new(snapshot))).await?;
        }
        self.there = There { viewers: Vec::new(), write: self.open.write, you: attachment.id };
        self.tell_viewers().await
    }

    async fn tell_there(&mut self, write: bool) -> Result<(), Left> {
        self.there.write = write;
        self.tell(Event::Viewers(self.there.clone())).await
    }

    async fn forward(&mut self, event: ViewerEvent) -> Result<(), Left> {
        let event = match event {
            ViewerEvent::Output { pos, data } => {
                self.open.from = Some(pos + data.len() as u64);
                Event::Output { pos, data }
            }
            ViewerEvent::Resync(snapshot) => {
                self.open.from = snapshot.pos;
                Event::Snapshot(snapshot)
            }
            ViewerEvent::Lagged { pos } => Event::Lagged { pos },
            ViewerEvent::Resized { pos, cols, rows } => Event::Resized { pos, cols, rows },
            ViewerEvent::Notice { kind, text, command } => Event::Notice { kind, text, command },
            ViewerEvent::Prompt(prompt) => {
                self.answers.asked(&prompt);
                Event::Question(Question::Asked(prompt))
            }
            ViewerEvent::PromptClosed(prompt_id) => {
                self.answers.closed(prompt_id);
                Event::Question(Question::Closed(prompt_id))
            }
            ViewerEvent::Removed { by } => Event::Gone(Forbidden::Together(Together::ShownOut { by }).into()),
            ViewerEvent::Keyboard { write } => return self.tell_there(write).await,
            ViewerEvent::Exit { status, .. } => Event::Exit(status),
        };
        self.tell(event).await
    }

    async fn tell_viewers(&mut self) -> Result<(), Left> {
        let viewers = {
            let table = self.live.borrow_and_update();
            table.sessions.get(&self.open.session).map(|session| session.viewers.clone())
        };
        match viewers {
            Some(viewers) => {
                let viewers = together::shown(viewers, self.held.access);
                if viewers == self.there.viewers {
                    return Ok(());
                }
                self.there.viewers = viewers;
                self.tell(Event::Viewers(self.there.clone())).await
            }
            None => Ok(()),
        }
    }

    /// `None` when there is nothing more to attach to, or nobody for whom.
    async fn attach_again(&mut self) -> Option<Attached> {
        loop {
            // Much may have changed while there was no daemon.
            match self.attach_as_of_now().await {
                Ok(attached) => return Some(attached),
                Err(Error::Daemon(DaemonError::Unreachable(reason))) => {
                    self.tell(Event::Waiting { reason }).await.ok()?;
                    self.link_changed().await?;
                }
                Err(error) => {
                    self.tell(Event::Gone(error)).await.ok()?;
                    return None;
                }
            }
        }
    }

    async fn attach_as_of_now(&mut self) -> Result<Attached, Error> {
        self.ctx = self.ctx.fresh().await?;
        attach(&self.ctx, &self.open).await
    }

    /// Waits until there is another connection to the daemon.
    async fn link_changed(&mut self) -> Option<()> {
        let ready = self.link.wait_for(|state| match state {
            State::Ready(client) => !client.is_closed(),
            State::Waiting { .. } => false,
        });
        tokio::select! {
            ready = ready => ready.is_ok().then_some(()),
            () = self.events.closed() => None,
        }
    }

    async fn tell(&self, event: Event) -> Result<(), Left> {
        self.events.send(event).await.map_err(|_| Left)
    }
}

/// Whoever may not even know of the session any more is told why they are out, beside that there is none.
fn right_has_ended() -> Event {
    let zh = "您对此终端的权限已结束".to_owned();
    let command = CommandNotice { level: "warning".to_owned(), zh, ..CommandNotice::default() };
    let text = "your right to this terminal has ended".to_owned();
    Event::Notice { kind: "ending".to_owned(), text, command: Some(Box::new(command)) }
}

/// Never, where no end is set.
async fn stay_ends(until: Option<Instant>) {
    match until {
        Some(until) => sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// The page is gone.
struct Left;
