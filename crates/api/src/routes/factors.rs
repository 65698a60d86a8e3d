//! Second factors, when logging in and later.

use axum::http::Method;
use axum::routing::{MethodFilter, on};
use bastide_app::Action;

use super::{Access, Route};
use crate::openapi::operation::says;
use crate::{factors, login};

#[rustfmt::skip]
pub(super) fn about_factors() -> Vec<Route> {
    vec![
        route!(Public POST   "/api/v1/login/second-factor"  factors::second_step,
            says("Take the second step of logging in; sets the cookie").under("login").takes::<factors::Step>().gives::<factors::Taken>(200).may(&[401, 429])),
        route!(Public POST   "/api/v1/login/second-factor/enrolment" factors::enrolment,
            says("What an app for codes is set up with, by who has no second factor and needs one").under("login").takes::<factors::Token>().gives::<factors::TotpOffer>(200).may(&[401])),
        route!(Public POST   "/api/v1/login/second-factor/passkey" factors::ask_passkey,
            says("What to ask of a passkey as the second step").under("login").takes::<factors::Token>().gives::<factors::Options>(200).may(&[401])),
        route!(Public POST   "/api/v1/login/passkey"        factors::passkey_login_begin,
            says("What to ask of a passkey, to log in by it alone").under("login").gives::<factors::AloneBegun>(200).may(&[422, 429])),
        route!(Public POST   "/api/v1/login/passkey/answer" factors::passkey_login,
            says("Log in by a passkey alone; sets the cookie").under("login").takes::<factors::Alone>().gives::<login::Begun>(200).may(&[401])),
        route!(Login  GET    "/api/v1/me/factors"           factors::factors_get,
            says("The caller's second factors").gives::<factors::Factors>(200)),
        route!(Login  POST   "/api/v1/me/factors/totp"      factors::totp_offer,
            says("Begin to set up an app for codes").takes::<factors::Again>().gives::<factors::TotpOffer>(200).may(&[429])),
        route!(Login  POST   "/api/v1/me/factors/totp/confirm" factors::totp_confirm,
            says("Set up the app whose code this is").takes::<factors::Confirm>().gives::<factors::Codes>(200).may(&[429])),
        route!(Login  POST   "/api/v1/me/factors/totp/remove" factors::totp_remove,
            says("Take the app for codes away").takes::<factors::Again>().gives_nothing(204).may(&[404, 409, 429])),
        route!(Login  POST   "/api/v1/me/factors/recovery-codes" factors::recovery_codes,
            says("Make new recovery codes, in the place of all before").takes::<factors::Again>().gives::<factors::Codes>(200).may(&[404, 429])),
        route!(Login  POST   "/api/v1/me/factors/passkeys/begin" factors::passkey_begin,
            says("What to ask of the browser, to make a passkey").takes::<factors::PasskeyBegin>().gives::<factors::Options>(200).may(&[429])),
        route!(Login  POST   "/api/v1/me/factors/passkeys"  factors::passkey_create,
            says("Take the passkey that the browser made").takes::<factors::PasskeyMade>().gives::<factors::PasskeyCreated>(201).may(&[409])),
        route!(Login  PATCH  "/api/v1/me/factors/passkeys/{id}" factors::passkey_change,
            says("Rename a passkey").takes::<factors::PasskeyChange>().gives_nothing(204)),
        route!(Login  POST   "/api/v1/me/factors/passkeys/{id}/remove" factors::passkey_remove,
            says("Take a passkey away").takes::<factors::Again>().gives_nothing(204).may(&[409, 429])),
        route!(FactorReset POST "/api/v1/users/{id}/factors/reset" factors::factors_reset,
            says("Take every second factor of a person away, and end their logins").under("users").id::<i64>("id").gives_nothing(204)),
    ]
}
