//! A headless terminal: bytes in, screen and scrollback out; exact snapshots; answers to terminal
//! queries; a filter for answers that viewers' terminals give, too.
//!
//! It must not know where bytes come from or go to: no I/O, no clock, no session, no wire format.
#![forbid(unsafe_code)]

mod cell;
mod config;
mod decode;
mod effects;
mod encode;
mod fuzz;
mod grid;
mod history;
mod intern;
mod line;
mod parser;
mod reply_filter;
mod row;
mod screen;
mod snapshot;
mod state;
mod terminal;
mod width;

pub use config::{Config, MAX_COLS, MAX_ROWS, Palette, Rgb, Size};
pub use effects::{Effects, Query, QueryKind};
pub use fuzz::fuzz_terminal;
pub use line::CursorLine;
pub use reply_filter::ReplyFilter;
pub use snapshot::{SeedSnapshot, Snapshot};
pub use state::State;
pub use terminal::{Cursor, Modes, Scrollback, Terminal};
