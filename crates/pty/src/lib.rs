//! PTY children: spawn, resize, signal, reap. The only crate with unsafe code.
