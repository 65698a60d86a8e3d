//! Every route, on one page: the table is what is served, what `docs/openapi.json` says, and what the
//! tests of access walk.
//!
//! To add a route, add one line:
//!
//! ```text
//! route!(Login POST "/api/v1/things/{id}" things::thing_create,
//!     says("Make a thing").id::<i64>("id").takes::<New>().gives::<Thing>(201).may(&[409])),
//! ```
//!
//! - The access: `Public` (this list may only shrink), `Login`, or the action that the caller's role has to allow;
//!   401 and 403 follow from it.
//! - The handler's name, noun_verb, is the operation id. Under `/api/v1/` the next word is the tag; other paths
//!   under `/api/` are `compat`, and so begin their ids. `.named("…")` and `.under("…")` say otherwise.
//! - `{…}` in the path is a UUID unless `.id::<T>("name")` says otherwise; take it with `ask::Id`, which answers 404.
//!   `.query::<T>()` (derive `utoipa::IntoParams`) goes with `ask::Asked`, `.takes::<T>()` (derive
//!   `utoipa::ToSchema`) with `json::Json`; their 400, 413, 415 and 422 are known.
//! - `.gives::<T>(status)`, `.gives_nothing(204)`, `.lists::<T>(200)` (a bare array), `.gives_text(200, "…/…")`,
//!   `.upgrades("…")` say what comes back; `.may(&[409, 502])` names problems that are this route's own.
//! - `.up_to(bytes)` after the parenthesis where the body may be larger than others.
//! - `.refuses_users()` where the use case lets only administrators, though the route is for whoever has logged in.
//! - Two types of one name: `#[schema(as = ThingList)]` on one. Documentation comments of types and fields go into
//!   the document.
//! - Afterwards `make openapi` writes the generated files again; a test fails until that is done.

mod serving;

use axum::extract::DefaultBodyLimit;
use axum::http::Method;
use axum::routing::{MethodFilter, MethodRouter, on};
use bastide_app::access_requests::Request;
use bastide_app::connections::Connections;
use bastide_app::exec::Executed;
use bastide_app::health::Checked;
use bastide_app::health::measure::Resources;
use bastide_app::import::Outcome;
use bastide_app::recordings::Recording;
use bastide_app::reviews::Review;
use bastide_app::rules::{Diff, Outcome as RulesImported, Tried};
use bastide_app::servers::View;
use bastide_app::session_settings::{Settings as SettingsFields, Written as SessionSettings};
use bastide_app::sessions::Seen;
use bastide_app::store::Role;
use bastide_app::{Action, role_may};

use crate::openapi::access::{self, Answers};
use crate::openapi::operation::{Operation, says};
use crate::server::Site;
use crate::{
    access_requests, authorities, checks, credentials, docs, events, exec, grants, groups, health, host_keys,
    imports, login, me, metrics, openapi, page, recordings, reviews, rules, server, servers,
    session_settings, sessions, shares, single_sign_on, ssh_keys, tokens, users, viewers,
};

pub(crate) use serving::router;

/// Who may ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody. This list may only shrink.
    Public,
    /// Whoever has logged in.
    Login,
    /// Those whose role lets them do this.
    Role(Action),
}

impl Access {
    /// The roles that pass.
    pub fn roles(self) -> Vec<Role> {
        let passes = |role: &Role| match self {
            Self::Public | Self::Login => true,
            Self::Role(action) => role_may(*role, action),
        };
        Role::ALL.into_iter().filter(passes).collect()
    }
}

/// One route as it is listed.
#[derive(Debug, Clone)]
pub struct Listed {
    pub method: Method,
    pub path: &'static str,
    pub access: Access,
    /// The operation id.
    pub id: String,
    pub summary: &'static str,
    /// What it answers to those who may not.
    pub refusals: Answers,
    /// Documented answers that are successes.
    pub answers: Vec<u16>,
    /// Documented answers that are problems.
    pub problems: Vec<u16>,
}

pub(crate) struct Route {
    pub(crate) listed: Listed,
    pub(crate) operation: Operation,
    handler: MethodRouter<Site>,
}

impl Route {
    fn new(
        (access, method, path): (Access, Method, &'static str),
        name: &'static str,
        handler: MethodRouter<Site>,
        operation: Operation,
    ) -> Self {
        let id = operation.operation_id(path, name);
        let summary = operation.summary();
        let listed = Listed {
            method,
            path,
            access,
            id,
            summary,
            answers: Vec::new(),
            problems: Vec::new(),
            refusals: Answers::default(),
        };
        let mut route = Self { listed, operation, handler };
        route.listed.refusals = access::answers(&route);
        (route.listed.answers, route.listed.problems) = route.operation.statuses(&openapi::by_access(&route));
        route
    }
}

impl Route {
    /// Its body may be larger than what other routes take, in bytes.
    fn up_to(mut self, limit: usize) -> Self {
        self.handler = self.handler.layer(DefaultBodyLimit::max(limit));
        self
    }
}

macro_rules! access {
    (Public) => {
        Access::Public
    };
    (Login) => {
        Access::Login
    };
    ($action:ident) => {
        Access::Role(Action::$action)
    };
}

macro_rules! route {
    ($access:ident $method:ident $path:literal $handler:path, $operation:expr) => {
        Route::new(
            (access!($access), Method::$method, $path),
            stringify!($handler),
            on(MethodFilter::$method, $handler),
            $operation,
        )
    };
}

mod earlier;
mod factors;
mod files;

pub(crate) fn routes() -> Vec<Route> {
    [
        about_the_server(),
        factors::about_factors(),
        about_the_caller(),
        about_people(),
        about_servers(),
        files::about_files(),
        about_access(),
        about_credentials(),
        about_sessions(),
        about_session_settings(),
        about_connections(),
        about_rules(),
        about_reviews(),
        earlier::of_earlier_designs(),
        earlier::of_earlier_terminals(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// The process itself, and getting in.
#[rustfmt::skip]
fn about_the_server() -> Vec<Route> {
    vec![
        route!(Public GET    "/healthz"                     health::live,
            says("Whether the process answers").named("health_live").gives_text(200, "text/plain")),
        route!(Public GET    "/readyz"                      health::ready,
            says("Whether it can do its work").named("health_ready").gives_text(200, "text/plain")),
        route!(MetricsRead GET "/metrics" metrics::metrics_get,
            says("Counts and durations, in the text format of Prometheus").gives_text(200, "text/plain")),
        route!(Public POST   "/api/v1/login"                login::login_begin,
            says("Log in with a password; sets the cookie").takes::<login::Credentials>().gives::<login::Begun>(200).may(&[401, 429])),
        route!(Public POST   "/api/v1/login-links/look"     login::link_look,
            says("For whom a login link is; looking changes nothing").under("login").takes::<login::LinkToken>().gives::<login::Look>(200).may(&[403, 429])),
        route!(Public POST   "/api/v1/login-links/use"      login::link_use,
            says("Use a login link, set a password, log in; sets the cookie").under("login").takes::<login::LinkUse>().gives::<login::Begun>(200).may(&[403, 429])),
        route!(Public GET    "/api/v1/login"                single_sign_on::login_ways,
            says("How one can log in").gives::<single_sign_on::Ways>(200)),
        route!(Public GET    "/api/v1/login/oidc/start"     single_sign_on::oidc_start,
            says("For browsers: go to the provider of single sign-on").under("login").query::<single_sign_on::Start>().gives_nothing(303)),
        route!(Public GET    "/api/v1/login/oidc/callback"  single_sign_on::oidc_callback,
            says("For browsers: come back from there; sets the cookie, or goes to the login page with a reason").under("login").query::<single_sign_on::Callback>().gives_nothing(303)),
        route!(Login  POST   "/api/v1/logout"               login::logout,
            says("Log out; takes the cookie away").gives_nothing(204)),

        route!(Login  GET    "/api/openapi.json"            openapi::openapi_get,
            says("This document").under("server").gives::<serde_json::Value>(200)),

        route!(Login  GET    "/api/docs"                    docs::docs_page,
            says("This document as a page").under("server").gives_text(200, "text/html")),
        route!(Login  GET    "/api/docs/{file}"             docs::docs_file,
            says("What the page loads").under("server").id::<String>("file").gives_text(200, "text/javascript").gives_text(200, "text/css")),
    ]
}

/// What everybody does for themselves.
#[rustfmt::skip]
fn about_the_caller() -> Vec<Route> {
    vec![
        route!(Login  GET    "/api/v1/me"                   me::me_get,
            says("Who the caller is and what they may do").gives::<me::Me>(200)),
        route!(Login  PUT    "/api/v1/me/password"          me::password_change,
            says("Set another password; every other login of the caller ends").takes::<me::PasswordChange>().gives_nothing(204).may(&[429])),
        route!(Login  GET    "/api/v1/me/logins"            me::login_list,
            says("Where the caller is logged in").gives::<me::Logins>(200)),
        route!(Login  DELETE "/api/v1/me/logins/{id}"       me::login_end,
            says("End a login of the caller").id::<String>("id").gives_nothing(204)),
        route!(Login  GET    "/api/v1/me/ssh-keys"          ssh_keys::ssh_key_list,
            says("Keys that the caller logs in with at the SSH door, newest first").query::<ssh_keys::Whose>().gives::<ssh_keys::List>(200).may(&[404])),
        route!(Login  POST   "/api/v1/me/ssh-keys"          ssh_keys::ssh_key_create,
            says("Add such a key").takes::<ssh_keys::New>().gives::<ssh_keys::SshKey>(201).may(&[409])),
        route!(Login  DELETE "/api/v1/me/ssh-keys/{id}"     ssh_keys::ssh_key_remove,
            says("Take such a key away; connections that came by it end").gives_nothing(204)),

        route!(Login  GET    "/api/v1/tokens"               tokens::token_list,
            says("API tokens, newest first").query::<tokens::Whose>().gives::<tokens::List>(200).may(&[404])),
        route!(Login  POST   "/api/v1/tokens"               tokens::token_create,
            says("Make an API token; its secret is shown this once").takes::<tokens::New>().gives::<tokens::Created>(201)),
        route!(Login  DELETE "/api/v1/tokens/{id}"          tokens::token_remove,
            says("Take an API token away").gives_nothing(204)),
    ]
}

/// What administrators do about people.
#[rustfmt::skip]
fn about_people() -> Vec<Route> {
    vec![
        route!(UserList GET "/api/v1/users" users::user_list,
            says("People, by name").query::<page::Page>().gives::<users::List>(200).may(&[422])),
        route!(UserCreate POST "/api/v1/users" users::user_create,
            says("Add a person, who gets in by a login link first").takes::<users::New>().gives::<users::User>(201).may(&[409])),
        route!(UserRead GET "/api/v1/users/{id}" users::user_get,
            says("One person").id::<i64>("id").gives::<users::User>(200)),
        route!(UserChange PATCH "/api/v1/users/{id}" users::user_change,
            says("Change a person; who is disabled is logged out").id::<i64>("id").takes::<users::Edit>().gives::<users::User>(200).may(&[409])),
        route!(UserRemove DELETE "/api/v1/users/{id}" users::user_remove,
            says("Remove a person; their sessions and recordings stay").id::<i64>("id").gives_nothing(204).may(&[409])),
        route!(UserLink POST "/api/v1/users/{id}/login-link" users::user_link,
            says("Make a login link for a person").id::<i64>("id").gives::<users::Link>(201)),
        route!(UserRead GET "/api/v1/users/{id}/identities" single_sign_on::identity_list,
            says("Who a person is at providers of single sign-on").id::<i64>("id").gives::<single_sign_on::Identities>(200)),
        route!(IdentityAdd POST "/api/v1/users/{id}/identities" single_sign_on::identity_add,
            says("Let a subject of the provider in as this person").id::<i64>("id").takes::<single_sign_on::New>().gives::<single_sign_on::Identity>(201).may(&[409])),
        route!(IdentityRemove DELETE "/api/v1/users/{id}/identities/{identity}" single_sign_on::identity_remove,
            says("Take an identity from a person, who is logged out, and disabled where they had nothing else").id::<i64>("id").id::<i64>("identity").gives_nothing(204).may(&[409])),
        route!(UserAuthorityList GET "/api/v1/user-authorities" authorities::people::list,
            says("Keys whose user certificates are good at the SSH door").named("user_authority_list").under("users").gives::<authorities::people::List>(200)),
        route!(UserAuthorityCreate POST "/api/v1/user-authorities" authorities::people::create,
            says("Trust a key to say who people are").named("user_authority_create").under("users").takes::<authorities::people::New>().gives::<authorities::people::Authority>(201).may(&[409])),
        route!(UserAuthorityRemove DELETE "/api/v1/user-authorities/{id}" authorities::people::remove,
            says("Trust a key no longer; connections that came by its certificates end").named("user_authority_remove").under("users").id::<i64>("id").gives_nothing(204)),
    ]
}

/// Servers, and who may use them.
#[rustfmt::skip]
fn about_servers() -> Vec<Route> {
    vec![
        route!(Login  GET    "/api/v1/servers"              servers::server_list,
            says("Servers that the caller may use, by name").query::<servers::Wanted>().gives::<servers::List>(200).may(&[400, 422])),
        route!(ServerCreate POST "/api/v1/servers" servers::server_create,
            says("Add a server").takes::<servers::New>().gives::<View>(201).may(&[409])),
        route!(ServerImport POST "/api/v1/servers/import" imports::server_import,
            says("Add and change the servers of a list; harmless twice").takes::<imports::New>().gives::<Outcome>(200)).up_to(server::MAX_LIST),
        route!(ServerExport GET "/api/v1/servers/export" imports::server_export,
            says("Every server as a list, without secrets").query::<imports::Wanted>().gives_text(200, "text/plain")),
        route!(ServerImport POST "/api/v1/servers/known-hosts" imports::known_hosts_import,
            says("Accept the keys that a known_hosts file has for servers that are there").takes::<imports::KnownHosts>().gives::<Outcome>(200)).up_to(server::MAX_LIST),
        route!(Login  GET    "/api/v1/servers/{id}"         servers::server_get,
            says("One server").id::<i64>("id").gives::<View>(200)),
        route!(Login  PATCH  "/api/v1/servers/{id}"         servers::server_change,
            says("Change a server").id::<i64>("id").takes::<servers::Edit>().gives::<View>(200).may(&[409])),
        route!(Login  DELETE "/api/v1/servers/{id}"         servers::server_remove,
            says("Take a server off the list; sessions that run on it go on").id::<i64>("id").gives_nothing(204).may(&[409])),
        route!(Login  GET    "/api/v1/servers/{id}/host-keys" host_keys::host_key_list,
            says("Accepted host keys of a server").id::<i64>("id").gives::<host_keys::List>(200)),
        route!(Login  POST   "/api/v1/servers/{id}/host-keys" host_keys::host_key_add,
            says("Accept a host key of a server before it is met").id::<i64>("id").takes::<host_keys::New>().gives::<host_keys::HostKey>(201)),
        route!(Login  POST   "/api/v1/servers/{id}/host-keys/scan" host_keys::host_key_scan,
            says("The host key that a server shows now; nothing is accepted by it").id::<i64>("id").gives::<host_keys::Presented>(200).may(&[502])),
        route!(Login  DELETE "/api/v1/host-keys/{id}"       host_keys::host_key_remove,
            says("Accept a host key no longer; the next connection asks again").under("servers").id::<i64>("id").gives_nothing(204)),
        route!(HostAuthorityList GET "/api/v1/host-authorities" authorities::hosts::list,
            says("Keys whose host certificates are accepted").named("host_authority_list").under("servers").gives::<authorities::hosts::List>(200)),
        route!(HostAuthorityCreate POST "/api/v1/host-authorities" authorities::hosts::create,
            says("Accept every host key that a key has signed").named("host_authority_create").under("servers").takes::<authorities::hosts::New>().gives::<authorities::hosts::Authority>(201).may(&[409])),
        route!(HostAuthorityRemove DELETE "/api/v1/host-authorities/{id}" authorities::hosts::remove,
            says("Accept the host certificates of a key no longer").named("host_authority_remove").under("servers").id::<i64>("id").gives_nothing(204)),
        route!(GroupList GET "/api/v1/groups" groups::group_list,
            says("Groups of people, by name").query::<page::Page>().gives::<groups::List>(200).may(&[422])),
        route!(GroupCreate POST "/api/v1/groups" groups::group_create,
            says("Make a group of people").takes::<groups::New>().gives::<groups::Group>(201).may(&[409])),
        route!(GroupChange PATCH "/api/v1/groups/{id}" groups::group_change,
            says("Change a group; who leaves it loses at once what it was granted").id::<i64>("id").takes::<groups::Edit>().gives::<groups::Group>(200).may(&[409])),
        route!(GroupRemove DELETE "/api/v1/groups/{id}" groups::group_remove,
            says("Remove a group and what was granted to it").id::<i64>("id").gives_nothing(204)),
        route!(GrantList GET "/api/v1/grants" grants::grant_list,
            says("Who may use which servers").query::<page::Page>().gives::<grants::List>(200).may(&[422])),
        route!(GrantCreate POST "/api/v1/grants" grants::grant_create,
            says("Let somebody use a server, or all with a tag").takes::<grants::New>().gives::<grants::Grant>(201)),
        route!(GrantRemove DELETE "/api/v1/grants/{id}" grants::grant_remove,
            says("Take a grant away; terminals that are open by it end").id::<i64>("id").gives_nothing(204)),
    ]
}

/// Rights that are asked for, and who can reach what.
#[rustfmt::skip]
fn about_access() -> Vec<Route> {
    vec![
        route!(Login GET "/api/v1/access-requests" access_requests::access_request_list,
            says("Requests for rights, newest first: the caller's own, and those that they may see or decide on").query::<access_requests::Which>().gives::<access_requests::List>(200)),
        route!(Login POST "/api/v1/access-requests" access_requests::access_request_create,
            says("Ask for rights on a server").takes::<access_requests::New>().gives::<Request>(201)),
        route!(Login GET "/api/v1/access-requests/{id}" access_requests::access_request_get,
            says("One request for rights").id::<i64>("id").gives::<Request>(200)),
        route!(Login POST "/api/v1/access-requests/{id}/approve" access_requests::access_request_approve,
            says("Grant what is asked for, or less").id::<i64>("id").takes::<access_requests::Approval>().gives::<Request>(200).may(&[409])),
        route!(Login POST "/api/v1/access-requests/{id}/refuse" access_requests::access_request_refuse,
            says("Refuse what is asked for").id::<i64>("id").takes::<access_requests::Refusal>().gives::<Request>(200).may(&[409])),
        route!(Login POST "/api/v1/access-requests/{id}/cancel" access_requests::access_request_cancel,
            says("Take back a request of one's own").id::<i64>("id").gives::<Request>(200).may(&[409])),
        route!(Login GET "/api/v1/servers/{id}/access" access_requests::server_access_list,
            says("Who can reach a server, and why").id::<i64>("id").query::<page::Page>().gives::<access_requests::Reached>(200)),
        route!(AccessRead GET "/api/v1/users/{id}/access" access_requests::user_access_list,
            says("What a person can reach, and why").id::<i64>("id").query::<page::Page>().gives::<access_requests::Reached>(200)),
    ]
}

/// How servers are logged in to.
#[rustfmt::skip]
fn about_credentials() -> Vec<Route> {
    vec![
        route!(CredentialList GET "/api/v1/credentials" credentials::credential_list,
            says("Credentials, by name, without their secrets").query::<page::Page>().gives::<credentials::List>(200).may(&[422])),
        route!(CredentialCreate POST "/api/v1/credentials" credentials::credential_create,
            says("Add a credential; its secrets are never given out").takes::<credentials::New>().gives::<credentials::Credential>(201).may(&[409])),
        route!(CredentialRead GET "/api/v1/credentials/{id}" credentials::credential_get,
            says("One credential, without its secrets").id::<i64>("id").gives::<credentials::Credential>(200)),
        route!(CredentialChange PATCH "/api/v1/credentials/{id}" credentials::credential_change,
            says("Change a credential").id::<i64>("id").takes::<credentials::Edit>().gives::<credentials::Credential>(200).may(&[409])),
        route!(CredentialRemove DELETE "/api/v1/credentials/{id}" credentials::credential_remove,
            says("Remove a credential that nothing uses").id::<i64>("id").gives_nothing(204).may(&[409])),
    ]
}

/// Terminals and what they leave.
#[rustfmt::skip]
fn about_sessions() -> Vec<Route> {
    vec![
        route!(Login  GET    "/api/v1/sessions"             sessions::session_list,
            says("Sessions, newest first, also those that have ended").query::<sessions::Wanted>().gives::<sessions::List>(200).may(&[400, 422, 502])),
        route!(Login  POST   "/api/v1/sessions"             sessions::session_create,
            says("Open a shell, here or on a server").takes::<sessions::New>().gives::<Seen>(201).refuses_users().may(&[404, 409, 502])),
        route!(Login  GET    "/api/v1/sessions/{uid}"       sessions::session_get,
            says("One session").gives::<Seen>(200).may(&[502])),
        route!(Login  DELETE "/api/v1/sessions/{uid}"       sessions::session_end,
            says("End a session; its viewers are told").gives_nothing(204).may(&[502])),
        route!(Login  POST   "/api/v1/sessions/{uid}/end"   sessions::session_end_soon,
            says("End a session after a while, with a notice to everybody there").takes::<sessions::EndSoon>().gives_nothing(202).may(&[409, 502])),
        route!(Login  DELETE "/api/v1/sessions/{uid}/end"   sessions::session_end_stop,
            says("Stop an announced end of a session").gives_nothing(204).may(&[409, 502])),
        route!(Login  GET    "/api/v1/sessions/{uid}/viewers" viewers::viewer_list,
            says("Who is in a session, and who may type").gives::<viewers::List>(200).may(&[409, 502])),
        route!(Login  DELETE "/api/v1/sessions/{uid}/viewers/{id}" viewers::viewer_remove,
            says("Show somebody out of a session, for as long as it is there").id::<u64>("id").gives_nothing(204).may(&[409, 502])),
        route!(Login  PUT    "/api/v1/sessions/{uid}/viewers/{id}/ask" viewers::keyboard_ask,
            says("Ask for the keyboard, for a viewer of one's own").id::<u64>("id").gives_nothing(204).may(&[409, 502])),
        route!(Login  DELETE "/api/v1/sessions/{uid}/viewers/{id}/ask" viewers::keyboard_refuse,
            says("Take that back, or say no to somebody").id::<u64>("id").gives_nothing(204).may(&[409, 502])),
        route!(Login  PUT    "/api/v1/sessions/{uid}/keyboard" viewers::keyboard_give,
            says("Give the keyboard to one viewer alone, or take it back").takes::<viewers::Keyboard>().gives_nothing(204).may(&[409, 502])),
        route!(Login  POST   "/api/v1/sessions/{uid}/message" viewers::session_message,
            says("Tell everybody in a session something").takes::<viewers::Message>().gives_nothing(204).may(&[409, 502])),
        route!(Login  GET    "/api/v1/sessions/{uid}/shares" shares::share_list,
            says("Links that let others into a session").under("shares").gives::<shares::List>(200).may(&[502])),
        route!(Login  POST   "/api/v1/sessions/{uid}/shares" shares::share_create,
            says("Make a link that lets signed-in people into a session").under("shares").takes::<shares::New>().gives::<shares::Created>(201).may(&[502])),
        route!(Login  DELETE "/api/v1/sessions/{uid}/shares/{id}" shares::share_remove,
            says("End a share; its guests lose the session at once").under("shares").gives_nothing(204).may(&[502])),
        route!(Login  POST   "/api/v1/shares/use"           shares::share_use,
            says("Enter a session by its link").takes::<shares::Use>().gives::<shares::Used>(200).may(&[404, 429])),
        route!(Login  GET    "/api/v1/sessions/{uid}/events" sessions::session_events,
            says("What happened in a session, oldest first").query::<page::Page>().gives::<sessions::EventList>(200).may(&[400, 422])),
        route!(Login  GET    "/api/v1/recordings"           recordings::recording_list,
            says("Recordings, newest first").query::<recordings::Wanted>().gives::<recordings::List>(200).may(&[400, 422])),
        route!(Login  GET    "/api/v1/recordings/{id}"      recordings::recording_get,
            says("One recording").gives::<Recording>(200)),
        route!(Login  GET    "/api/v1/recordings/{id}/cast" recordings::recording_cast,
            says("The text of a recording (asciicast), whole or a range of it; of one that is still written, what is there now").query::<recordings::Form>().gives_text(200, recordings::CAST).gives_text(206, recordings::CAST).gives_nothing(304).may(&[400, 416])),
        route!(Login  GET    "/api/v1/events"               events::events,
            says("A WebSocket of what changes").named("event_stream").upgrades(events::WORDS)),
    ]
}

/// What holds for sessions that are opened.
#[rustfmt::skip]
fn about_session_settings() -> Vec<Route> {
    vec![
        route!(Login  GET    "/api/v1/session-settings/effective" session_settings::session_settings_effective,
            says("What holds for the caller's sessions, and which scope says it; for administrators anybody's").query::<session_settings::Whose>().gives::<session_settings::Effective>(200).may(&[400, 403, 404])),
        route!(SessionSettingsRead GET "/api/v1/session-settings/global" session_settings::session_settings_global_get,
            says("Settings for everybody's sessions").gives::<SessionSettings>(200)),
        route!(SessionSettingsChange PUT "/api/v1/session-settings/global" session_settings::session_settings_global_put,
            says("Write settings for everybody's sessions, when `If-Match` names the version that was seen (0: none)").takes::<SettingsFields>().gives::<SessionSettings>(200).may(&[412, 428])),
        route!(SessionSettingsRead GET "/api/v1/session-settings/servers/{id}" session_settings::session_settings_server_get,
            says("Settings for sessions on a server").id::<i64>("id").gives::<SessionSettings>(200)),
        route!(SessionSettingsChange PUT "/api/v1/session-settings/servers/{id}" session_settings::session_settings_server_put,
            says("Write settings for sessions on a server, likewise").id::<i64>("id").takes::<SettingsFields>().gives::<SessionSettings>(200).may(&[412, 428])),
        route!(SessionSettingsRead GET "/api/v1/session-settings/users/{id}" session_settings::session_settings_user_get,
            says("Settings for a person's sessions").id::<i64>("id").gives::<SessionSettings>(200)),
        route!(SessionSettingsChange PUT "/api/v1/session-settings/users/{id}" session_settings::session_settings_user_put,
            says("Write settings for a person's sessions, likewise").id::<i64>("id").takes::<SettingsFields>().gives::<SessionSettings>(200).may(&[412, 428])),
    ]
}

/// Which commands may run.
#[rustfmt::skip]
fn about_rules() -> Vec<Route> {
    vec![
        route!(RulesRead GET "/api/v1/rules" rules::rules_get,
            says("The rules on commands that hold").gives::<rules::Current>(200)),
        route!(RulesChange PUT "/api/v1/rules" rules::rules_put,
            says("Save rules, when `If-Match` names the version that holds; they hold at once").takes::<rules::New>().gives::<rules::Current>(200).may(&[412, 428])).up_to(server::MAX_RULES_BODY),
        route!(RulesRead GET "/api/v1/rules/groups" rules::rules_groups,
            says("Command groups that come with the product").gives::<rules::Groups>(200)),
        route!(RulesRead GET "/api/v1/rules/versions" rules::rule_version_list,
            says("Versions of the rules, newest first").query::<page::Page>().gives::<rules::List>(200).may(&[400, 422])),
        route!(RulesRead GET "/api/v1/rules/versions/{id}" rules::rule_version_get,
            says("The rules as they were").id::<i64>("id").gives::<rules::Version>(200)),
        route!(RulesRead GET "/api/v1/rules/versions/{id}/diff" rules::rule_version_diff,
            says("What has changed since a version").id::<i64>("id").query::<rules::With>().gives::<Diff>(200)),
        route!(RulesChange POST "/api/v1/rules/versions/{id}/restore" rules::rule_version_restore,
            says("Save an earlier version as a new one").id::<i64>("id").gives::<rules::Current>(200).may(&[409, 422])),
        route!(RulesTry POST "/api/v1/rules/try" rules::rules_try,
            says("What the rules would say to a command, which does not run").takes::<rules::Try>().gives::<Tried>(200)).up_to(server::MAX_RULES_BODY),
        route!(RulesChange POST "/api/v1/rules/import" rules::rules_import,
            says("Take rules out of a list, each by itself").takes::<rules::Import>().gives::<RulesImported>(200).may(&[409])).up_to(server::MAX_RULES_BODY),
    ]
}

/// What was judged, and what a second person says.
#[rustfmt::skip]
fn about_reviews() -> Vec<Route> {
    vec![
        route!(Login  GET    "/api/v1/reviews"              reviews::review_list,
            says("Commands that wait or waited for a second person, newest first: everybody's for reviewers, one's own for others").query::<reviews::Wanted>().gives::<reviews::List>(200)),
        route!(Login  GET    "/api/v1/reviews/{id}"         reviews::review_get,
            says("One of them").gives::<Review>(200)),
        route!(Login  POST   "/api/v1/reviews/{id}/approve" reviews::review_approve,
            says("Let a command of somebody else run").takes::<reviews::Reply>().gives::<Review>(200).may(&[409, 502])),
        route!(Login  POST   "/api/v1/reviews/{id}/refuse"  reviews::review_refuse,
            says("Refuse a command of somebody else").takes::<reviews::Reply>().gives::<Review>(200).may(&[409, 502])),
        route!(Login  POST   "/api/v1/reviews/{id}/cancel"  reviews::review_cancel,
            says("Give up a command of one's own that waits").gives::<Review>(200).may(&[409, 502])),
        route!(Login  GET    "/api/v1/sessions/{uid}/verdicts" reviews::session_verdicts,
            says("What was judged in a session, oldest first").query::<reviews::WantedVerdicts>().gives::<reviews::Verdicts>(200)),
        route!(AlertList GET "/api/v1/alerts" reviews::alert_list,
            says("What somebody has to know, newest first").query::<page::Page>().gives::<reviews::Alerts>(200).may(&[422])),
    ]
}

/// What is done on servers without a terminal, and over which connections.
#[rustfmt::skip]
fn about_connections() -> Vec<Route> {
    vec![
        route!(Login  POST   "/api/v1/servers/{id}/execute" exec::server_execute,
            says("Run a command on a server to its end").id::<i64>("id").takes::<exec::New>().gives::<Executed>(200).may(&[502])),
        route!(Login  POST   "/api/v1/servers/{id}/disconnect" exec::server_disconnect,
            says("End the caller's connections to a server and terminals on it").id::<i64>("id").gives::<exec::Disconnected>(200).may(&[502])),
        route!(Login  POST   "/api/v1/servers/{id}/check"   checks::server_check,
            says("Look whether a server answers, and keep it").id::<i64>("id").gives::<Checked>(200)),
        route!(Login  POST   "/api/v1/servers/check"        checks::server_check_all,
            says("Look whether all servers answer that the caller may use").gives::<checks::Statuses>(200)),
        route!(Login  GET    "/api/v1/servers/{id}/resources" checks::server_resources,
            says("Processor, memory and disks of a server, and what it is").id::<i64>("id").gives::<Resources>(200).may(&[422])),
        route!(ConnectionList GET "/api/v1/connections" exec::connection_list,
            says("Connections to servers that terminals and commands share").gives::<Connections>(200)),
        route!(ConnectionEnd DELETE "/api/v1/connections/{id}" exec::connection_end,
            says("End a connection and what runs in it").id::<u64>("id").query::<exec::OfPool>().gives_nothing(204).may(&[400, 502, 503])),
    ]
}

/// Every route but the files of the page, which are for anybody and hold nothing of anybody.
pub fn table() -> Vec<Listed> {
    routes().into_iter().map(|route| route.listed).collect()
}
