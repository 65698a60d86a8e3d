//! What people in one session do to one another. Whether they may is the caller's to know.

use bastide_wire::capability;
use bastide_wire::together::{EndSoon, EndStop, Keyboard, KeyboardAsk, Say, ViewerEnd};

use crate::{Client, Error};

impl Client {
    /// Gives the keyboard to one viewer alone, or back to all that attached to type.
    ///
    /// # Errors
    /// `Unsupported`; `Reply` with `NOT_FOUND` where the session or the viewer is gone, `INVALID_ARGUMENT`.
    pub async fn keyboard(&self, to: Keyboard) -> Result<(), Error> {
        self.require(capability::TOGETHER)?;
        self.request("keyboard", to).await.map(drop)
    }

    /// A viewer wants the keyboard, or not any more.
    ///
    /// # Errors
    /// As [`Client::keyboard`].
    pub async fn keyboard_ask(&self, ask: KeyboardAsk) -> Result<(), Error> {
        self.require(capability::TOGETHER)?;
        self.request("keyboard_ask", ask).await.map(drop)
    }

    /// Shows a viewer out.
    ///
    /// # Errors
    /// As [`Client::keyboard`], and `Reply` with `LIMIT_REACHED`.
    pub async fn viewer_end(&self, end: ViewerEnd) -> Result<(), Error> {
        self.require(capability::TOGETHER)?;
        self.request("viewer_end", end).await.map(drop)
    }

    /// Tells everybody there something.
    ///
    /// # Errors
    /// As [`Client::keyboard`].
    pub async fn say(&self, said: Say) -> Result<(), Error> {
        self.require(capability::TOGETHER)?;
        self.request("say", said).await.map(drop)
    }

    /// Ends a session after a while, which everybody there is told at once.
    ///
    /// # Errors
    /// As [`Client::keyboard`].
    pub async fn end_soon(&self, end: EndSoon) -> Result<(), Error> {
        self.require(capability::TOGETHER)?;
        self.request("end_soon", end).await.map(drop)
    }

    /// Takes back the end that `by` has announced, or all of them.
    ///
    /// # Errors
    /// As [`Client::keyboard`]; `Refused` with `NOT_FOUND` where none is announced, with `INVALID_ARGUMENT` where
    /// only others have announced one.
    pub async fn end_stop(&self, stop: EndStop) -> Result<(), Error> {
        self.require(capability::TOGETHER)?;
        self.request("end_stop", stop).await.map(drop)
    }
}
