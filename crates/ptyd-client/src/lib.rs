//! The client of the session daemon.
