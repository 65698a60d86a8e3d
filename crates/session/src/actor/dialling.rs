//! A shell on another machine on its way: progress, questions to whoever may type, and how it comes out.

use std::time::Instant;

use bastide_ssh::{Answer, Error, Shell};
use bastide_wire::event::PromptClosed;
use bastide_wire::session::{ExitStatus, RemoteInfo};
use bastide_wire::{Code, Event};

use super::{Ending, Exited, Session};
use crate::backend::{Backend, FAILED};
use crate::command::{EndReason, PromptReply};
use crate::dial::{OpenQuestion, Step, answer_of};
use crate::event::Happening;
use crate::viewer::Viewer;

/// The kind of what is said about the connection.
const KIND: &str = "ssh";

impl Session {
    pub(super) async fn dial_went_on(&mut self, step: Step) {
        match step {
            Step::Asked => self.ask(),
            Step::TakenBack(question) => {
                self.close_question(&question);
                self.tell_answered(&question, "taken_back", None).await;
            }
            Step::Done(Ok(shell)) => self.connected(shell).await,
            Step::Done(Err(error)) => self.dial_failed(&error).await,
        }
    }

    /// Asks the newest question of everybody who may answer it.
    fn ask(&self) {
        let Some(question) = self.dialling.as_ref().and_then(|dialling| dialling.open.last()) else { return };
        for viewer in self.viewers.all.iter().filter(|viewer| viewer.may_answer()) {
            self.ask_one(viewer, question);
        }
    }

    fn ask_one(&self, viewer: &Viewer, question: &OpenQuestion) {
        if let Some(number) = viewer.number() {
            let prompt = question.prompt(self.id(), self.identity().uid, number);
            viewer.outbox.event(&Event::Prompt(Box::new(prompt)));
        }
    }

    /// What somebody who comes now has to know about the connection.
    pub(super) fn tell_newcomer_of_dial(&self, viewer: &Viewer) {
        if let Some(why) = self.life.ended.as_ref().and_then(|ended| ended.why.as_ref()) {
            viewer.notify(self.id(), KIND, why);
        }
        let (Some(dialling), Some(remote)) = (&self.dialling, &self.identity().remote) else { return };
        viewer.notify(self.id(), KIND, &format!("connecting to {}", place(remote)));
        if viewer.may_answer() {
            for question in &dialling.open {
                self.ask_one(viewer, question);
            }
        }
    }

    /// The first answer counts.
    pub(super) async fn prompt_reply(&mut self, reply: PromptReply) {
        let PromptReply { key, prompt_id, answer, reply } = reply;
        let viewer = self.viewers.all.iter().find(|viewer| viewer.key == key);
        let client = match viewer {
            Some(viewer) if viewer.may_answer() => viewer.who.client.clone(),
            Some(_) => return reply.error(Code::ReadOnly, "this viewer only watches; it cannot answer"),
            None => {
                let message = format!("Not found: viewer of session {}", self.id());
                return reply.error(Code::NotFound, message);
            }
        };
        let Some(question) = self.dialling.as_mut().and_then(|dialling| dialling.take(prompt_id)) else {
            return reply.error(Code::NotFound, "Not found: this question is not open any more");
        };
        let answer = answer_of(question.question.kind, answer);
        let outcome = match &answer {
            Answer::Accept => "accepted",
            Answer::Text(_) => "answered",
            _ => "refused",
        };
        self.close_question(&question);
        self.tell_answered(&question, outcome, client).await;
        question.answer(answer);
        self.touch();
        reply.session(self.id());
    }

    /// Questions whose time is over: the dial learns whether anybody could have answered.
    pub(super) async fn expire_questions(&mut self, now: Instant) {
        let Some(dialling) = &mut self.dialling else { return };
        let expired = dialling.take_expired(now);
        let somebody = self.viewers.all.iter().any(Viewer::may_answer);
        for question in expired {
            self.close_question(&question);
            self.tell_answered(&question, "expired", None).await;
            question.answer(if somebody { Answer::Expired } else { Answer::Nobody });
        }
    }

    fn close_question(&self, question: &OpenQuestion) {
        let (session, prompt_id) = (self.id(), question.id);
        for viewer in self.viewers.all.iter().filter(|viewer| viewer.may_answer()) {
            if let Some(number) = viewer.number() {
                let closed = PromptClosed { session, viewer: number, prompt_id };
                viewer.outbox.event(&Event::PromptClosed(closed));
            }
        }
    }

    async fn tell_answered(
        &mut self,
        question: &OpenQuestion,
        outcome: &'static str,
        client: Option<String>,
    ) {
        let asked = &question.question;
        let (uid, kind, server) = (self.identity().uid, asked.kind, asked.server.clone());
        let fingerprint = asked.key.as_ref().map(|key| key.fingerprint.clone());
        self.happenings.tell(Happening::Prompted { uid, kind, server, fingerprint, outcome, client }).await;
    }

    async fn connected(&mut self, shell: Shell) {
        let Some(dialling) = self.dialling.take() else { return };
        for question in &dialling.open {
            self.close_question(question);
        }
        let size = self.screen.terminal.size();
        if size != dialling.size {
            shell.resize(size.cols, size.rows);
        }
        self.backend = Some(Backend::Ssh(shell));
        if let Some(remote) = &self.identity().remote {
            self.notify(KIND, &format!("connected to {}", place(remote)));
        }
        let uid = self.identity().uid;
        self.happenings.tell(Happening::Connected { uid }).await;
        self.write(Ok(()));
        self.touch();
    }

    async fn dial_failed(&mut self, error: &Error) {
        let uid = self.identity().uid;
        let message = error.to_string();
        self.happenings
            .tell(Happening::ConnectFailed { uid, step: error.step(), message: message.clone() })
            .await;
        self.connection_over(EndReason::ConnectFailed(message)).await;
    }

    pub(super) async fn connection_lost(&mut self, why: String) {
        let message = match &self.identity().remote {
            Some(remote) => format!("the connection to {} was lost: {why}", place(remote)),
            None => why,
        };
        self.connection_over(EndReason::ConnectionLost(message)).await;
    }

    /// There will be no shell, or there is none any more.
    async fn connection_over(&mut self, reason: EndReason) {
        if let EndReason::ConnectFailed(why) | EndReason::ConnectionLost(why) = &reason {
            self.notify(KIND, why);
            self.mark(why);
        }
        self.life.ending.get_or_insert(Ending { reason, kill_at: None });
        self.cut_off(FAILED).await;
    }

    /// A marker in the recording.
    pub(super) fn mark(&mut self, text: &str) {
        if let Some(recorder) = &mut self.recording.recorder {
            recorder.marker(Instant::now(), text);
        }
    }

    /// Ends a backend on another machine without waiting for it: it may not be there to answer.
    pub(super) async fn cut_off(&mut self, status: ExitStatus) {
        if let Some(dialling) = self.dialling.take() {
            for question in &dialling.open {
                self.close_question(question);
            }
        }
        if let Some(Backend::Ssh(shell)) = &self.backend {
            shell.close();
        }
        self.refuse_all_input();
        self.life.exited = Some(Exited { status, drained: 0 });
        self.drain_and_finish().await;
    }
}

/// `db1 (root@10.0.0.5:2222)`.
fn place(remote: &RemoteInfo) -> String {
    let RemoteInfo { target, username, host, port, .. } = remote;
    match port {
        22 => format!("{target} ({username}@{host})"),
        port => format!("{target} ({username}@{host}:{port})"),
    }
}
