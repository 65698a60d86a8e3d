//! Two sockets for one client: requests on its control socket, events on its stream socket.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bastide_session::Requester;

/// The live stream sockets by client id, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Streams(Mutex<HashMap<String, Vec<Requester>>>);

impl Streams {
    fn table(&self) -> MutexGuard<'_, HashMap<String, Vec<Requester>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn add(&self, client: &str, stream: Requester) {
        self.table().entry(client.to_owned()).or_default().push(stream);
    }

    pub(crate) fn remove(&self, client: &str, connection: u64) {
        let mut table = self.table();
        if let Some(streams) = table.get_mut(client) {
            streams.retain(|stream| stream.connection != connection);
            if streams.is_empty() {
                table.remove(client);
            }
        }
    }

    /// The first live stream of a client.
    pub(crate) fn first(&self, client: &str) -> Option<Requester> {
        self.table().get(client)?.first().cloned()
    }
}
