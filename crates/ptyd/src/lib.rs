//! The session daemon: listener, connections, dispatch.
