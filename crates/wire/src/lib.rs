//! The words between processes: ptyd frames, WebSocket messages, events. Types and codecs, no I/O.
