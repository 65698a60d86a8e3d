//! The edge against the real daemon, in one process: what a browser, an older client and somebody
//! with bad intentions would send.

#![allow(clippy::unwrap_used)]

#[path = "it/access.rs"]
mod access;
#[path = "it/access_requests.rs"]
mod access_requests;
#[path = "it/bad_input.rs"]
mod bad_input;
#[path = "it/binary.rs"]
mod binary;
#[path = "it/connections.rs"]
mod connections;
#[path = "it/credentials.rs"]
mod credentials;
#[path = "it/evidence.rs"]
mod evidence;
#[path = "it/factors.rs"]
mod factors;
#[path = "it/files.rs"]
mod files;
#[path = "it/files_hostile.rs"]
mod files_hostile;
#[path = "it/first_keys.rs"]
mod first_keys;
#[path = "it/imports.rs"]
mod imports;
#[path = "it/json_form.rs"]
mod json_form;
#[path = "it/live.rs"]
mod live;
#[path = "it/login.rs"]
mod login;
#[path = "it/metrics.rs"]
mod metrics;
#[path = "it/older.rs"]
mod older;
#[path = "it/openapi.rs"]
mod openapi;
#[path = "it/people.rs"]
mod people;
#[path = "it/refusals.rs"]
mod refusals;
#[path = "it/requests.rs"]
mod requests;
#[path = "it/rights.rs"]
mod rights;
#[path = "it/rights_end.rs"]
mod rights_end;
#[path = "it/rules.rs"]
mod rules;
#[path = "it/servers.rs"]
mod servers;
#[path = "it/session_settings.rs"]
mod session_settings;
#[path = "it/single_sign_on.rs"]
mod single_sign_on;
#[path = "it/socket.rs"]
mod socket;
#[path = "it/ssh.rs"]
mod ssh;
#[path = "it/stopping.rs"]
mod stopping;
#[path = "it/together.rs"]
mod together;
#[path = "it/world.rs"]
mod world;
