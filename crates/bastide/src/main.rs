//! One program between people and their machines: terminals that stay, recorded and shared.
fn main() {}
