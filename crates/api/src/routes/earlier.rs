//! The routes of earlier designs, with their own shapes of answers.

use axum::http::Method;
use axum::routing::{MethodFilter, on};
use bastide_app::Action;

use super::{Access, Route};
use crate::openapi::operation::says;
use crate::{checks, page, seed_000, seed_001, seed_002, seed_003, socketio, terminal};

/// For clients of earlier designs.
#[rustfmt::skip]
pub(super) fn of_earlier_designs() -> Vec<Route> {
    vec![
        route!(Login  GET    "/api/servers"                 seed_003::server_list,
            says("Servers that the caller may use, as an array").lists::<seed_003::Server>(200)),
        route!(ServerCreate POST "/api/servers" seed_003::server_create,
            says("Add a server").takes::<seed_003::New>().gives::<seed_003::Created>(201).may(&[409])),
        route!(Login  PUT    "/api/servers/{id}"            seed_003::server_change,
            says("Change a server").id::<i64>("id").takes::<seed_003::Edit>().gives::<seed_003::Message>(200).may(&[409])),
        route!(Login  DELETE "/api/servers/{id}"            seed_003::server_remove,
            says("Take a server off the list").id::<i64>("id").gives::<seed_003::Message>(200).may(&[409])),
        route!(Login  GET    "/api/sessions"                seed_002::session_array,
            says("Every session, as an array").lists::<seed_002::Full>(200).may(&[502])),
        route!(Login  GET    "/api/recordings"              seed_002::recording_array,
            says("The newest recordings, as an array").lists::<seed_002::Recorded>(200)),
        route!(Login  GET    "/api/recordings/{id}"         seed_002::recording_get,
            says("One recording, and where its text is").gives::<seed_002::Recorded>(200)),
        route!(Login  GET    "/api/pty/sessions/{uid}/events" seed_002::session_events,
            says("What happened in a session, oldest first").query::<page::Page>().gives::<seed_002::Events>(200).may(&[400, 422])),
        // The page's own terminals use the same socket.
        route!(Login  GET    "/api/pty/sessions"            seed_002::session_list,
            says("Every session").gives::<seed_002::Sessions>(200).may(&[502])),
        route!(Login  POST   "/api/pty/sessions"            seed_002::session_create,
            says("Open a shell, here or on a server").takes::<seed_002::New>().gives::<seed_002::Short>(201).refuses_users().may(&[404, 409, 502])),
        route!(Login  GET    "/api/pty/sessions/{uid}"      seed_002::session_get,
            says("One session").gives::<seed_002::Full>(200).may(&[502])),
        route!(Login  DELETE "/api/pty/sessions/{uid}"      seed_002::session_end,
            says("End a session").gives_nothing(204).may(&[502])),
        route!(Login  GET    "/api/pty/sessions/{uid}/ws"   terminal::terminal,
            says("A WebSocket of a terminal").named("session_attach").under("sessions").query::<terminal::Wanted>().upgrades(terminal::WORDS)),
    ]
}

/// Terminals and commands on servers, for clients of earlier designs.
#[rustfmt::skip]
pub(super) fn of_earlier_terminals() -> Vec<Route> {
    vec![
        route!(Public POST   "/api/auth/login"              seed_000::login_begin,
            says("Log in with a password; answers with a token").takes::<seed_000::Credentials>().gives::<seed_000::Begun>(200).may(&[401, 429])),
        // Whoever shows a token that is not good is told so over the socket; who shows none is refused as everywhere.
        route!(Public GET    "/api/servers/{id}/ssh/terminal" seed_000::server_terminal,
            says("A WebSocket of a new terminal on a server").id::<i64>("id").query::<seed_000::Query>().upgrades(seed_000::WORDS).may(&[401])),
        route!(Public GET    "/api/servers/{id}/ssh/terminal/asyncssh" seed_000::server_terminal,
            says("The same").named("compat_server_terminal_asyncssh").id::<i64>("id").query::<seed_000::Query>().upgrades(seed_000::WORDS).may(&[401])),
        route!(Login  GET    "/ws/terminal/{id}"            seed_001::device_terminal,
            says("A WebSocket of line mode on a server: each line is judged before it leaves").named("compat_device_terminal").under("compat").id::<i64>("id").query::<seed_001::Query>().upgrades(seed_001::WORDS)),
        route!(Login  POST   "/api/servers/{id}/execute"    seed_000::server_execute,
            says("Run a command on a server to its end").id::<i64>("id").takes::<seed_000::New>().gives::<seed_000::Executed>(200).may(&[502])),
        route!(Login  POST   "/api/servers/{id}/ssh/disconnect" seed_000::server_disconnect,
            says("End the caller's connections to a server and terminals on it").id::<i64>("id").gives::<seed_000::Disconnected>(200).may(&[502])),
        route!(Login  POST   "/api/servers/{id}/check"      checks::compat_check,
            says("Whether a server answers").named("compat_server_check").id::<i64>("id").gives::<checks::Found>(200)),
        route!(Login  POST   "/api/servers/check-all"       checks::compat_check_all,
            says("Whether servers answer").named("compat_server_check_all").gives::<checks::AllFound>(200)),
        route!(Login  GET    "/api/servers/{id}/resources"  checks::compat_resources,
            says("How a server fares").named("compat_server_resources").id::<i64>("id").gives::<checks::Usage>(200).may(&[422])),
        route!(Login  POST   "/api/servers/resources"       checks::compat_resources_all,
            says("How servers fare").named("compat_server_resources_all").lists::<checks::UsageOf>(200)),
        route!(Public GET    "/socket.io/"                  socketio::transport,
            says("Open or poll a connection of Socket.IO, or upgrade it to a WebSocket; who asks is shown by cookie, token or the first packet").named("compat_socketio_poll").under("compat").query::<socketio::Asked>().gives_text(200, "text/plain").may(&[400, 503])),
        route!(Public POST   "/socket.io/"                  socketio::transport,
            says("Send over a connection of Socket.IO").named("compat_socketio_send").under("compat").query::<socketio::Asked>().gives_text(200, "text/html").may(&[400, 413])),
    ]
}
