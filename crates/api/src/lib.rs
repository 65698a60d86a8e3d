//! HTTP, WebSocket and the embedded browser client: translates, decides nothing.
