//! What a command line would run, and what the rules say to it: line → facts → verdict.
//!
//! It must not know where a line comes from, who answers a review, or how a verdict is enforced: no
//! I/O, no clock, no session. The time is given in seconds, and the zones of time windows as offsets.
#![forbid(unsafe_code)]

mod action;
mod bundle;
mod canonical;
pub mod cases;
mod csv;
mod exec;
mod facts;
mod fault;
pub mod fuzz;
pub mod import;
mod judge;
mod pattern;
mod ready;
mod rules;
mod subject;
mod time;
mod verdict;

pub use action::{Action, Door, Mode};
pub use bundle::{Bundle, MAX_BYTES, hex};
pub use exec::ExecFacts;
pub use facts::{Fact, Facts, Kind, Redirect, Unknown, Word};
pub use fault::{Fault, Faults};
pub use judge::Judge;
pub use ready::groups as ready_made;
pub use rules::{
    ArgumentPattern, CommandGroup, Day, Defaults, DryRun, Match, NamedPattern, Rule, RuleSet, Scope,
    ScopedDefault, Text, TimeWindow,
};
pub use subject::Subject;
pub use time::Windows;
pub use verdict::{Judged, Verdict, Would};
