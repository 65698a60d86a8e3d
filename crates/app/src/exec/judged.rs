//! A command becomes a session as soon as it is not denied: its verdict, its review and its recording stand with it.

use bastide_store::{End, Opened, Place, RecordingState};

use super::hold::{self, Approval, Held, Line, Patience};
use super::own::{Beginning, OwnSession};
use super::record;
use crate::Error;
use crate::context::{Action, Ctx};
use crate::rules;

/// How a command is to run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct How {
    /// None: the server's usual one.
    pub(crate) credential: Option<i64>,
    /// As its terminal has it, or its recording.
    pub(crate) size: (u16, u16),
}

impl How {
    /// Without a terminal.
    pub(crate) fn plain(credential: Option<i64>) -> Self {
        Self { credential, size: record::SIZE }
    }
}

/// Judges a line that is about to run, and waits where a second person has to approve it. What comes back may run.
///
/// # Errors
/// As [`hold::pass`]; `Conflict` when the rules cannot be read.
pub(crate) async fn begin<F: FnOnce(&Held)>(
    ctx: &Ctx,
    (action, line): (Action, &Line),
    how: How,
    patience: Patience<'_, F>,
) -> Result<(OwnSession, Option<Approval>), Error> {
    let place = rules::Place { server: Some(&line.server), account: &line.account };
    let ruling = rules::judge(ctx, place, &line.text)?;
    if let Some(denied) = ruling.denied() {
        let command = line.text.as_str();
        let none = rules::Judged { action, place, command, session: None, offset_ms: None, review: None };
        rules::write_down(ctx, none, &ruling).await?;
        return Err(denied);
    }
    let now = ctx.clock().now();
    let opened = Opened {
        uid: line.session,
        node: None,
        name: Some(record::title(&line.server)),
        owner: Some(ctx.person()?.user.uid),
        account: Some(line.account.clone()),
        command: vec![line.text.clone()],
        size: Some(how.size),
        created: now,
        recording: RecordingState::Off,
    };
    let place = Place {
        session: line.session,
        server_id: line.server.id,
        server_name: line.server.settings.name.clone(),
        credential_id: how.credential,
        address: ctx.origin().address,
        created: now,
    };
    let new = Beginning { opened, place, shown: None, ending: patience.given_up.clone() };
    let session = ctx.app().execs().own().begin(ctx.app(), new).await?;
    match hold::pass(ctx, (action, line), &ruling, patience).await {
        Ok(approval) => Ok((session, approval)),
        Err(error) => {
            session.end(end(ctx, "refused", None)).await;
            Err(error)
        }
    }
}

/// How a command ended, for its session.
pub(crate) fn end(ctx: &Ctx, reason: &str, status: Option<u32>) -> End {
    let code = status.and_then(|status| i32::try_from(status).ok());
    let exit = code.map(|code| bastide_store::Exit { code, signal: None });
    End { at: ctx.clock().now(), exit, reason: reason.to_owned(), bytes: None }
}
