//! The body of the fuzz target for the terminal.

use crate::config::{Config, Size};
use crate::effects::Effects;
use crate::terminal::{Scrollback, Terminal};

/// Reads `data` as a small program, runs it, and panics if the terminal breaks its promises: it
/// never panics, cutting the bytes makes no difference, and a snapshot at any byte, restored in a
/// new terminal, goes on like the original.
///
/// Bytes 0 and 1 are the first size (columns and rows modulo 100, from 0), byte 2 how many bytes
/// lie between snapshots. Then, over and over: a length byte n below 250, followed by n bytes of
/// output; or 250 to 255, followed by two bytes of a new size.
pub fn fuzz_terminal(data: &[u8]) {
    let [cols, rows, every, steps @ ..] = data else { return };
    let size = |cols: u8, rows: u8| Size { cols: (cols % 100).into(), rows: (rows % 100).into() };
    let config = Config { scrollback_lines: 50, ..Config::default() };
    let mut whole = Terminal::new(size(*cols, *rows), config.clone());
    let mut restored = Terminal::new(size(*cols, *rows), config.clone());
    let mut effects = Effects::default();
    let mut rest = steps;
    while let [step, tail @ ..] = rest {
        if *step >= 250 {
            let [cols, rows, tail @ ..] = tail else { return };
            whole.resize(size(*cols, *rows));
            restored.resize(size(*cols, *rows));
            rest = tail;
        } else {
            let (output, tail) = tail.split_at(tail.len().min(usize::from(*step)));
            whole.feed(output, &mut effects);
            for piece in output.chunks(usize::from(*every).max(1)) {
                restored.feed(piece, &mut effects);
                let snapshot = restored.snapshot(Scrollback::All);
                restored = Terminal::new(snapshot.size, config.clone());
                let mut restoring = Effects::default();
                restored.feed(&snapshot.restore, &mut restoring);
                assert!(restoring.queries.is_empty() && !restoring.bell, "a restore asks nothing");
            }
            rest = tail;
        }
        effects.clear();
        assert_eq!(whole.state(), restored.state(), "a restored terminal goes on like the original");
    }
}
