//! The daemon's connections to other machines.

use std::time::SystemTime;

use bastide_session::Responder;
use bastide_ssh::ConnectionInfo;
use bastide_wire::Code;
use bastide_wire::pool::{ConnectionEnd, PoolInfo, PoolRequest, PooledConnection};
use bastide_wire::reply::OkReply;
use jiff::Timestamp;

use crate::connection::Connection;

pub(super) fn request(connection: &Connection, asked: PoolRequest, reply: Responder) {
    match asked {
        PoolRequest::Connections => describe(connection, reply),
        PoolRequest::End(asked) => end(connection, asked, reply),
    }
}

fn describe(connection: &Connection, reply: Responder) {
    let pool = &connection.daemon.ssh;
    let dials = pool.dials();
    let info = PoolInfo {
        connections: pool.connections().into_iter().map(on_wire).collect(),
        dials: dials.begun,
        failed_dials: dials.failed,
    };
    reply.ok(OkReply { pool: Some(Box::new(info)), ..OkReply::default() });
}

/// Its terminals end by that, and say so as those of any connection that breaks.
fn end(connection: &Connection, asked: ConnectionEnd, reply: Responder) {
    match connection.daemon.ssh.disconnect(|one| one.id == asked.id) {
        0 => reply.error(Code::NotFound, format!("Not found: connection {}", asked.id)),
        _ => reply.ok(OkReply::default()),
    }
}

fn on_wire(info: ConnectionInfo) -> PooledConnection {
    let ConnectionInfo { id, server, host, port, username, via, channels, .. } = info;
    PooledConnection {
        id,
        server,
        host,
        port,
        username,
        via,
        channels: u32::try_from(channels).unwrap_or(u32::MAX),
        since: wall(info.since),
        idle_since: info.idle_since.map(wall),
    }
}

/// A clock before the year -9999 or after 9999 is shown as the epoch.
fn wall(at: SystemTime) -> String {
    Timestamp::try_from(at).unwrap_or(Timestamp::UNIX_EPOCH).to_string()
}
