//! What a terminal page and the server say to each other over a WebSocket.
//!
//! Two forms on one path: [`json`], the messages existing front ends speak, and [`binary`], our
//! own page's, negotiated by the subprotocol [`SUBPROTOCOL`]; or by [`SUBPROTOCOL_PACKED`], which
//! is the same with messages to the browser that may be [`packed`].

pub mod binary;
pub mod json;
pub mod packed;

/// The subprotocol of the binary form.
pub const SUBPROTOCOL: &str = "bastide.v1";

/// The subprotocol of the binary form whose messages to the browser may be packed.
pub const SUBPROTOCOL_PACKED: &str = "bastide.v1.zstd";

/// Largest message either form accepts from a browser; pastes are cut into pieces below it.
pub const MAX_MESSAGE: usize = 256 * 1024;

/// Pieces of input a page may have under way without an answer; at 64 KB each half a megabyte.
pub const MAX_PIECES: usize = 8;

/// Largest piece of input the page sends at once. The daemon takes a piece whole or refuses it whole.
pub const MAX_INPUT: usize = 64 * 1024;
