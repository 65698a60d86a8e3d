//! A Bastide server from the command line: who is logged in where, and the commands that ask it.

mod accounts;
pub(super) mod alerts;
mod at;
pub(super) mod cast;
mod client;
pub(super) mod credentials;
pub(super) mod grants;
pub(super) mod groups;
pub(super) mod import;
pub(super) mod login;
pub(super) mod logout;
mod person;
pub(crate) mod prompt;
pub(super) mod reach;
pub(super) mod recordings;
pub(super) mod requests;
pub(super) mod reviews;
pub(super) mod rules;
pub(super) mod servers;
pub(super) mod sessions;
pub(super) mod settings;
mod shown;
pub(super) mod ssh_authorities;
pub(super) mod ssh_keys;
pub(super) mod tokens;
mod trust;
pub(super) mod users;
pub(super) mod whoami;

pub(super) use at::At;
