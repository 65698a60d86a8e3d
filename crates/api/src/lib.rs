//! HTTP, WebSockets and the embedded web client.
//!
//! Translates and decides nothing: a handler turns a request into a call of `bastide_app` and the
//! answer into a response. It must not know the session daemon, the data directory or the log.

#![forbid(unsafe_code)]

mod access_requests;
mod ask;
mod authorities;
mod checks;
mod cors;
mod credentials;
mod docs;
mod error;
mod events;
mod exec;
mod factors;
mod files;
mod frame;
mod grants;
mod groups;
mod health;
mod host_keys;
mod imports;
mod json;
mod login;
mod me;
mod metrics;
pub mod openapi;
mod page;
mod pages;
mod range;
mod recordings;
mod reviews;
mod routes;
mod rules;
mod seed_000;
mod seed_001;
mod seed_002;
mod seed_003;
mod server;
mod servers;
mod session_settings;
mod sessions;
mod shares;
mod shell;
mod single_sign_on;
mod socketio;
mod ssh_keys;
mod terminal;
mod tokens;
mod typed;
mod users;
mod versioned;
mod viewers;
mod websocket;

pub use routes::{Access, Listed, table};
pub use server::{Config, MAX_CONNECTIONS, Network, Origin, Proxies, Tls, TlsError, serve};
