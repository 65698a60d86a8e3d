//! Several people in one session: who may type, who is told what, who has to go.

use std::time::{Duration, Instant};

use bastide_wire::control::{CommandNotice, Text};
use bastide_wire::session::ViewerInfo;
use bastide_wire::together::{
    EndSoon, EndStop, Keyboard, KeyboardAsk, KeyboardMoved, Say, Together, ViewerEnd, ViewerEnded,
};
use bastide_wire::{Code, Event};
use jiff::Timestamp;

use super::Session;
use crate::command::{Attach, EndReason};
use crate::event::{Happening, Viewing};
use crate::outbox::Responder;
use crate::viewer::Viewer;

/// People shown out of one session: more than were ever let in by mistake.
const BARRED: usize = 256;

/// More people than ever type in one session.
const TYPISTS: usize = 256;

/// Two who type in turns do not fill the log.
const TYPES_AGAIN: Duration = Duration::from_secs(1);

/// More people than ever announce an end of one session at a time.
const ENDS: usize = 16;

/// What is kept about the people, beside the viewers themselves.
#[derive(Default)]
pub(super) struct People {
    last_id: u64,
    /// The viewer that alone may type.
    keyboard: Option<u64>,
    barred: Vec<String>,
    /// Who typed last.
    typist: Option<String>,
    /// Everybody who typed, by name; beyond [`TYPISTS`] nobody is told apart any more.
    typists: Vec<String>,
    types_told: Option<Instant>,
    /// The ends that were announced, at most one of each person; the earliest holds.
    announced: Vec<Announced>,
}

struct Announced {
    by: String,
    end: (Instant, EndReason),
}

impl People {
    pub(super) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Whether this person has typed here, or may have: what waits here may be their own.
    pub(super) fn has_typed(&self, name: &str) -> bool {
        self.typists.len() >= TYPISTS || self.typists.iter().any(|one| one == name)
    }

    pub(super) fn announced_ends(&self) -> impl Iterator<Item = &(Instant, EndReason)> {
        self.announced.iter().map(|announced| &announced.end)
    }

    /// A second one by the same person takes the place of the first. False: there are too many.
    fn announce(&mut self, by: String, end: (Instant, EndReason)) -> bool {
        let own = self.announced.iter().position(|announced| announced.by == by);
        match own {
            Some(own) => self.announced[own].end = end,
            None if self.announced.len() >= ENDS => return false,
            None => self.announced.push(Announced { by, end }),
        }
        true
    }

    /// Who has announced the one that holds.
    fn announcer(&self) -> Option<&str> {
        let holds = self.announced.iter().min_by_key(|announced| announced.end.0);
        holds.map(|announced| announced.by.as_str())
    }

    pub(super) fn barred(&self) -> &[String] {
        &self.barred
    }

    pub(super) fn bars(&self, attach: &Attach) -> bool {
        let person = attach.about.as_ref().and_then(|about| about.user.as_ref());
        person.is_some_and(|person| self.barred.contains(person))
    }
}

fn words(en: String, zh: String) -> Text {
    Text { en, zh }
}

impl Session {
    pub(super) async fn together(&mut self, asked: Together, reply: Responder) {
        let id = self.id();
        if self.life.ended.is_some() {
            return reply.error(Code::SessionTerminating, format!("Session {id} has ended"));
        }
        let done = match asked {
            Together::Keyboard(to) => self.give_keyboard(to).await,
            Together::KeyboardAsk(ask) => self.ask_for_keyboard(ask).await,
            Together::ViewerEnd(end) => self.show_out(end).await,
            Together::Say(said) => {
                self.say(said).await;
                Ok(())
            }
            Together::EndSoon(end) => self.end_soon(end).await,
            Together::EndStop(stop) => self.stop_end(stop).await,
        };
        match done {
            Ok(()) => reply.session(id),
            Err((code, message)) => reply.error(code, message),
        }
    }

    /// Whether what this viewer types is taken.
    pub(super) fn may_type(&self, viewer: &Viewer) -> bool {
        match self.viewers.people.keyboard {
            None => viewer.write,
            Some(holder) => viewer.who.id == holder,
        }
    }

    /// Why one that may not type may not.
    pub(super) fn why_not(&self) -> String {
        match self.holder() {
            Some(holder) => format!("{} has the keyboard", holder.who.name()),
            None => "this viewer only watches; it cannot type".to_owned(),
        }
    }

    /// Whether the keyboard was given to one viewer alone.
    pub(super) fn keyboard_is_given(&self) -> bool {
        self.viewers.people.keyboard.is_some()
    }

    fn holder(&self) -> Option<&Viewer> {
        let holder = self.viewers.people.keyboard?;
        self.viewers.all.iter().find(|viewer| viewer.who.id == holder)
    }

    fn find(&self, id: u64) -> Result<usize, (Code, String)> {
        let there = |viewer: &Viewer| viewer.who.id == id && viewer.number().is_some();
        let found = self.viewers.all.iter().position(there);
        found.ok_or_else(|| (Code::NotFound, format!("Not found: viewer {id} of session {}", self.id())))
    }

    async fn give_keyboard(&mut self, to: Keyboard) -> Result<(), (Code, String)> {
        let Keyboard { viewer, by, .. } = to;
        if self.viewers.people.keyboard == viewer {
            return Ok(());
        }
        let name = match viewer {
            Some(id) => {
                let viewer = self.find(id)?;
                let who = &mut self.viewers.all[viewer].who;
                who.asks = false;
                Some(who.name().to_owned())
            }
            None => None,
        };
        self.move_keyboard(viewer);
        let text = match &name {
            Some(name) => words(format!("{name} has the keyboard"), format!("键盘已交给 {name}")),
            None => words("the keyboard is back".to_owned(), "键盘已收回".to_owned()),
        };
        self.keyboard_moved(&text, name, by).await;
        Ok(())
    }

    /// It goes back when who has it is gone.
    pub(super) async fn keyboard_comes_back(&mut self) {
        if !self.keyboard_is_given() || self.holder().is_some() {
            return;
        }
        self.move_keyboard(None);
        let text = words(
            "the keyboard is back: who had it is gone".to_owned(),
            "键盘已收回：持有者已离开".to_owned(),
        );
        self.keyboard_moved(&text, None, None).await;
    }

    fn move_keyboard(&mut self, to: Option<u64>) {
        let before: Vec<bool> = self.viewers.all.iter().map(|viewer| self.may_type(viewer)).collect();
        self.viewers.people.keyboard = to;
        let session = self.id();
        for (viewer, before) in self.viewers.all.iter().zip(before) {
            let write = self.may_type(viewer);
            if let Some(number) = viewer.number().filter(|_| viewer.who.about.is_some() && write != before) {
                let moved = KeyboardMoved { session, viewer: number, write };
                viewer.outbox.event(&Event::KeyboardMoved(moved));
            }
        }
    }

    /// One that attached to type while somebody else has the keyboard.
    pub(super) fn tell_keyboard(&self, index: usize) {
        let viewer = &self.viewers.all[index];
        let write = self.may_type(viewer);
        if let Some(number) = viewer.number().filter(|_| viewer.who.about.is_some() && write != viewer.write)
        {
            let moved = KeyboardMoved { session: self.id(), viewer: number, write };
            viewer.outbox.event(&Event::KeyboardMoved(moved));
        }
    }

    async fn keyboard_moved(&mut self, text: &Text, client: Option<String>, by: Option<String>) {
        self.tell_people("keyboard", text, |_| true);
        self.mark(&text.en);
        self.happened(Viewing::Keyboard { client, by }).await;
    }

    async fn ask_for_keyboard(&mut self, ask: KeyboardAsk) -> Result<(), (Code, String)> {
        let KeyboardAsk { viewer: id, asks, by, .. } = ask;
        let at = self.find(id)?;
        if asks && self.may_type(&self.viewers.all[at]) {
            return Ok(());
        }
        let who = &mut self.viewers.all[at].who;
        if std::mem::replace(&mut who.asks, asks) == asks {
            return Ok(());
        }
        let (client, name) = (who.client.clone(), who.name().to_owned());
        if asks {
            let text = words(format!("{name} asks for the keyboard"), format!("{name} 请求使用键盘"));
            self.tell_people("keyboard", &text, |viewer| viewer.who.id != id);
        } else if let Some(by) = &by {
            let text = words(format!("{by} does not give you the keyboard"), format!("{by} 未同意交出键盘"));
            self.tell_people("keyboard", &text, |viewer| viewer.who.id == id);
        }
        self.happened(Viewing::Asked { client, asks, by }).await;
        Ok(())
    }

    async fn show_out(&mut self, end: ViewerEnd) -> Result<(), (Code, String)> {
        let ViewerEnd { viewer: id, by, bar, .. } = end;
        let at = self.find(id)?;
        let person = self.viewers.all[at].who.person().filter(|_| bar).map(str::to_owned);
        let client = self.viewers.all[at].who.client.clone();
        if let Some(person) = &person
            && !self.viewers.people.barred.contains(person)
        {
            if self.viewers.people.barred.len() >= BARRED {
                let message = format!("Limit reached: {BARRED} people were shown out of this session");
                return Err((Code::LimitReached, message));
            }
            self.viewers.people.barred.push(person.clone());
        }
        let goes = |viewer: &Viewer| {
            viewer.who.id == id || (person.is_some() && viewer.who.person() == person.as_deref())
        };
        let session = self.id();
        for viewer in self.viewers.all.iter().filter(|viewer| goes(viewer)) {
            if let Some(number) = viewer.number().filter(|_| viewer.who.about.is_some()) {
                let ended = ViewerEnded { session, viewer: number, by: by.clone() };
                viewer.outbox.event(&Event::ViewerEnded(ended));
            }
        }
        self.happened(Viewing::Removed { client, by, barred: person.is_some() }).await;
        self.detach(goes).await;
        Ok(())
    }

    async fn say(&mut self, Say { by, text, .. }: Say) {
        let characters = text.chars().count();
        let told = words(format!("message from {by}: {text}"), format!("{by} 的消息：{text}"));
        self.tell_people("message", &told, |_| true);
        self.happened(Viewing::Said { by, characters }).await;
    }

    async fn end_soon(&mut self, EndSoon { by, text, after, .. }: EndSoon) -> Result<(), (Code, String)> {
        let why = if text.is_empty() { format!("by {by}") } else { format!("{text} ({by})") };
        let reason = EndReason::Ended(why);
        if after > 0 {
            let at = self.config.clock.now() + Duration::from_secs(after);
            if !self.viewers.people.announce(by.clone(), (at, reason.clone())) {
                let message = format!("Limit reached: {ENDS} people have announced an end of this session");
                return Err((Code::LimitReached, message));
            }
        }
        self.happened(Viewing::EndAnnounced { by, text, after }).await;
        match after {
            0 => self.begin_end(reason, false).await,
            _ => self.tell_latest_end(),
        }
        Ok(())
    }

    /// Takes away what `by` has announced, or all of them; the earliest that is left holds.
    async fn stop_end(&mut self, EndStop { by, any, .. }: EndStop) -> Result<(), (Code, String)> {
        let id = self.id();
        if self.life.ending.is_some() || !self.runs() {
            return Err((Code::SessionTerminating, format!("Session {id} ends already")));
        }
        let people = &mut self.viewers.people;
        let Some(announcer) = people.announcer() else {
            return Err((Code::NotFound, format!("Not found: announced end of session {id}")));
        };
        if !any && people.announced.iter().all(|announced| announced.by != by) {
            return Err((Code::InvalidArgument, format!("the end was announced by {announcer}")));
        }
        people.announced.retain(|announced| !any && announced.by != by);
        if people.announced.is_empty() {
            let text = words(
                format!("this session goes on: {by} has stopped its end"),
                format!("会话继续：{by} 已取消结束"),
            );
            self.take_end_back(&text);
        } else {
            self.tell_latest_end();
        }
        self.happened(Viewing::EndStopped { by }).await;
        Ok(())
    }

    /// A viewer typed; said where it is another person than before.
    pub(super) async fn note_typist(&mut self, index: usize) {
        let name = self.viewers.all[index].who.client.clone();
        if self.viewers.people.typist == name {
            return;
        }
        if let Some(name) = &name
            && !self.viewers.people.has_typed(name)
        {
            self.viewers.people.typists.push(name.clone());
        }
        let before = std::mem::replace(&mut self.viewers.people.typist, name.clone());
        let Some(before) = before else { return };
        let now = self.viewers.all[index].who.name();
        let text = format!("{now} types, after {before}");
        self.mark(&text);
        let told = &mut self.viewers.people.types_told;
        if told.is_none_or(|told| told.elapsed() >= TYPES_AGAIN) {
            *told = Some(Instant::now());
            self.happened(Viewing::Types { client: name }).await;
        }
    }

    /// Somebody is there who was not: the others are told.
    pub(super) fn tell_arrival(&self, index: usize) {
        let viewer = &self.viewers.all[index];
        let Some(person) = viewer.who.person() else { return };
        let here = self.viewers.all.iter().filter(|other| other.who.person() == Some(person)).count();
        if here > 1 {
            return;
        }
        let name = viewer.who.name();
        let text = match self.may_type(viewer) {
            true => words(format!("{name} is here and may type"), format!("{name} 已加入，可输入")),
            false => words(format!("{name} watches"), format!("{name} 正在观看")),
        };
        self.tell_people("viewers", &text, |other| other.who.person() != Some(person));
    }

    /// These have left; those of their person that are still there say nothing.
    pub(super) fn tell_departures(&self, gone: &[Viewer]) {
        let mut told: Vec<&str> = Vec::new();
        for viewer in gone {
            let Some(person) = viewer.who.person() else { continue };
            let stays = self.viewers.all.iter().any(|other| other.who.person() == Some(person));
            if stays || told.contains(&person) {
                continue;
            }
            told.push(person);
            let name = viewer.who.name();
            let text = words(format!("{name} has left"), format!("{name} 已离开"));
            self.tell_people("viewers", &text, |_| true);
        }
    }

    fn tell_people(&self, kind: &str, text: &Text, to: impl Fn(&Viewer) -> bool) {
        let command =
            CommandNotice { level: "info".to_owned(), zh: text.zh.clone(), ..CommandNotice::default() };
        for viewer in self.viewers.all.iter().filter(|viewer| viewer.who.about.is_some() && to(viewer)) {
            viewer.notify_about(self.id(), (kind, &text.en), Some(Box::new(command.clone())));
        }
    }

    pub(super) async fn happened(&mut self, what: Viewing) {
        let uid = self.identity().uid;
        self.happenings.tell(Happening::Viewer { uid, what: Box::new(what) }).await;
    }

    pub(super) fn viewer_info(&self, viewer: &Viewer) -> ViewerInfo {
        let who = &viewer.who;
        let about = who.about.clone().unwrap_or_default();
        ViewerInfo {
            write: self.may_type(viewer),
            lagged: viewer.lagged,
            client: who.client.clone(),
            // What is not numbered cannot be spoken of.
            id: viewer.number().map(|_| who.id),
            since: Some(who.since.to_string()),
            user: about.user,
            role: about.role,
            via: about.via,
            address: about.address,
            asks: who.asks,
            keyboard: self.viewers.people.keyboard == Some(who.id),
        }
    }
}

/// So long after now, as the notice says it.
pub(super) fn wall(after: Duration) -> Option<String> {
    Timestamp::now().checked_add(after).ok().map(|at| at.to_string())
}
