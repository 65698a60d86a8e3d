//! What people who come by single sign-on have beside their logins: tokens and keys. The provider is not asked about
//! those, so they hold for a time after it has vouched for the person, and end when it turns them away.

use bastide_oidc::Claims;
use bastide_store::{Change, Severity, User};
use jiff::Timestamp;
use serde_json::json;

use super::{RECHECK_AFTER, Refusal};
use crate::Error;
use crate::alerts::raise;
use crate::app::App;
use crate::context::Origin;
use crate::login::fields;

impl App {
    /// Until when tokens and keys of somebody hold without another sign-in; `None`: they do not depend on one.
    pub(crate) fn vouched_until(&self, user: &User) -> Option<Timestamp> {
        let signed_on = user.signed_on.filter(|_| user.only_by_provider())?;
        // Who came by a provider does not hold for ever because it is not asked any more.
        let after = self.single_sign_on().map_or(RECHECK_AFTER, |sign_on| sign_on.settings.recheck_after);
        Some(signed_on.checked_add(after).unwrap_or(Timestamp::MAX))
    }

    pub(crate) fn is_vouched_for(&self, user: &User) -> bool {
        self.vouched_until(user).is_none_or(|until| until > self.clock().now())
    }

    /// Disables somebody whom the provider turned away, where nobody but it can say that they may come.
    pub(super) async fn put_out(
        &self,
        id: i64,
        refusal: Refusal,
        (claims, origin): (&Claims, &Origin),
    ) -> Result<(), Error> {
        let user = self.people().get(id).filter(|user| user.enabled && user.only_by_provider());
        let Some(user) = user else { return Ok(()) };
        let why = format!("single sign-on: {refusal}");
        let about = [("username", json!(user.username)), ("why", json!(why))];
        self.note_sign_on(PUT_OUT, about, (claims, origin)).await?;
        let change = Change { enabled: Some(false), ..Change::default() };
        match self.store().change_user(user.id, change).await {
            Ok(_) => {}
            Err(bastide_store::Error::LastAdministrator) => {
                return self.stays((&user, &why), (claims, origin)).await;
            }
            Err(other) => return Err(other.into()),
        }
        self.people().reload(self.store()).await?;
        self.changed();
        let message = format!("{} was disabled, with their tokens and keys: {why}", user.username);
        let data = fields([("user", json!(user.username)), ("message", json!(message))]);
        raise(self, (PUT_OUT, Severity::Warning), data).await;
        Ok(())
    }

    /// Says that somebody was not disabled after all: without them nobody could let anybody in again.
    async fn stays(
        &self,
        (user, why): (&User, &str),
        (claims, origin): (&Claims, &Origin),
    ) -> Result<(), Error> {
        let message = format!(
            "{} was not disabled, for nobody else administers: their tokens and keys hold ({why})",
            user.username
        );
        let data = fields([("user", json!(user.username)), ("message", json!(message))]);
        raise(self, (STAYS, Severity::Critical), data).await;
        let about = [
            ("username", json!(user.username)),
            ("why", json!("nobody else administers")),
            ("after", json!(why)),
        ];
        self.note_sign_on(STAYS, about, (claims, origin)).await
    }
}

/// In the log, and among alerts.
const PUT_OUT: &str = "user_disabled_by_sign_on";
const STAYS: &str = "user_not_disabled_by_sign_on";
