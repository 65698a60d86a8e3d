//! Speed and memory beside peers.
fn main() {}
