//! What a command line would run, and what the rules say to it: line → facts → verdict.
//!
//! It must not know where a line comes from, who answers a review, or how a verdict is enforced: no
//! I/O, no clock, no session.
#![forbid(unsafe_code)]
