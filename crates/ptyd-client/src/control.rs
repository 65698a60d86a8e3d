//! Rules for the daemon, and answers to commands that it holds.

use std::borrow::Cow;

use bastide_wire::capability;
use bastide_wire::control::{PutRules, ReviewCancel, ReviewReply, SetRules};
use uuid::Uuid;

use crate::{Client, Error};

impl Client {
    /// Gives the daemon a rule bundle to keep; one that it has changes nothing. `digest` is the SHA-256 of
    /// `bytes` in hex.
    ///
    /// # Errors
    /// `Unsupported`; `Reply` with `INVALID_ARGUMENT` when the bundle is not what the digest says, or no bundle.
    pub async fn put_rules(&self, digest: &str, bytes: &[u8]) -> Result<(), Error> {
        self.require(capability::RULES)?;
        let body = PutRules { digest: digest.to_owned(), bytes: Cow::Borrowed(bytes) };
        self.request("put_rules", body).await.map(drop)
    }

    /// From the next verdict on these rules hold, in one session or in all that have rules. Returns in how many.
    ///
    /// # Errors
    /// `Unsupported`; `Reply` with `RULES_UNKNOWN` or `NOT_FOUND`.
    pub async fn set_rules(&self, uid: Option<Uuid>, digest: &str) -> Result<u32, Error> {
        self.require(capability::RULES)?;
        let body = SetRules { uid, digest: digest.to_owned() };
        Ok(self.request("set_rules", body).await?.count.unwrap_or_default())
    }

    /// Decides about a held command.
    ///
    /// # Errors
    /// `Unsupported`; `Reply` with `NOT_FOUND` when it does not wait any more, and `INVALID_ARGUMENT` when what
    /// waits has another hash.
    pub async fn review_reply(&self, reply: ReviewReply) -> Result<(), Error> {
        self.require(capability::RULES)?;
        self.request("review_reply", reply).await.map(drop)
    }

    /// Gives a held command up.
    ///
    /// # Errors
    /// As [`Client::review_reply`].
    pub async fn review_cancel(&self, uid: Uuid, review: Uuid, by: &str) -> Result<(), Error> {
        self.require(capability::RULES)?;
        let body = ReviewCancel { uid, review, viewer: None, by: by.to_owned() };
        self.request("review_cancel", body).await.map(drop)
    }
}
