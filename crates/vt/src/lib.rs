//! A headless terminal: bytes in, screen and scrollback out. No I/O.
