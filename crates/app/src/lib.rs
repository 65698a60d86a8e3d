//! Every use case of the server: authorize, audit, do.
