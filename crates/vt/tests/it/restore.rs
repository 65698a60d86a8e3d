//! The promise of snapshots: `state(restore(prefix) + rest) == state(all)`, cut at every byte.

use bastide_vt::{Config, Effects, Scrollback, Size, Terminal};
use proptest::prelude::*;

use crate::{grammar, streams};

fn config() -> Config {
    Config { scrollback_lines: 20, ..Config::default() }
}

/// What a snapshot of `terminal` gives in a new terminal.
fn restored(terminal: &mut Terminal, scrollback: Scrollback) -> Terminal {
    let snapshot = terminal.snapshot(scrollback);
    let mut effects = Effects::default();
    let mut copy = Terminal::new(snapshot.size, config());
    copy.feed(&snapshot.restore, &mut effects);
    assert!(effects.queries.is_empty(), "a restore asks nothing: {:?}", snapshot.restore);
    assert!(!effects.bell, "a restore rings no bell: {:?}", snapshot.restore);
    copy
}

#[track_caller]
fn assert_restores(terminal: &mut Terminal, seen: &[u8]) {
    let copy = restored(terminal, Scrollback::All);
    if copy.state() != terminal.state() {
        let restore = terminal.snapshot(Scrollback::All).restore;
        panic!(
            "after {:?}\nrestore {:?}\nleft: {:#?}\nright: {:#?}",
            String::from_utf8_lossy(seen),
            String::from_utf8_lossy(&restore),
            terminal.state(),
            copy.state()
        );
    }
    let short = restored(terminal, Scrollback::Lines(2));
    assert_eq!(short.state().without_scrollback(), terminal.state().without_scrollback());
}

/// One step of a session.
#[derive(Clone, Debug)]
enum Step {
    Output(Vec<u8>),
    Resize(Size),
}

fn size() -> impl Strategy<Value = Size> {
    (1u16..24, 1u16..9).prop_map(|(cols, rows)| Size { cols, rows })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        12 => grammar::stream(12).prop_map(Step::Output),
        2 => size().prop_map(Step::Resize),
    ];
    prop::collection::vec(step, 1..8)
}

fn run(terminal: &mut Terminal, steps: &[Step]) {
    let mut effects = Effects::default();
    for step in steps {
        match step {
            Step::Output(bytes) => terminal.feed(bytes, &mut effects),
            Step::Resize(size) => terminal.resize(*size),
        }
    }
}

/// The recorded programs, cut at every byte. The copy goes on instead of the original, so that what
/// one restore loses is missed by all that follow.
#[test]
fn recorded_programs_restore_at_every_byte() {
    for stream in streams::all() {
        let mut original = Terminal::new(stream.size, config());
        let mut copy = Terminal::new(stream.size, config());
        let mut effects = Effects::default();
        for (at, byte) in stream.bytes.iter().enumerate() {
            if at % 1999 == 1000 {
                let cols = 20 + (at % 61) as u16;
                for terminal in [&mut original, &mut copy] {
                    terminal.resize(Size { cols, ..stream.size });
                }
            }
            original.feed(&[*byte], &mut effects);
            copy.feed(&[*byte], &mut effects);
            copy = restored(&mut copy, Scrollback::All);
            if at % 64 == 0 || at + 1 == stream.bytes.len() {
                assert_eq!(original.state(), copy.state(), "{} at byte {at}", stream.name);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Restoring at every byte gives the state at that byte; by going on with the copy, whatever
    /// the restore missed would show later.
    #[test]
    fn restores_at_every_byte(start in size(), steps in steps()) {
        let mut original = Terminal::new(start, config());
        let mut effects = Effects::default();
        let mut seen = Vec::new();
        for step in &steps {
            match step {
                Step::Output(bytes) => for byte in bytes {
                    seen.push(*byte);
                    original.feed(&[*byte], &mut effects);
                    assert_restores(&mut original, &seen);
                },
                Step::Resize(size) => {
                    seen.extend_from_slice(format!("<{}x{}>", size.cols, size.rows).as_bytes());
                    original.resize(*size);
                    assert_restores(&mut original, &seen);
                }
            }
        }
    }

    /// A copy taken once and fed the rest ends like the original.
    #[test]
    fn goes_on_like_the_original(start in size(), before in steps(), after in steps()) {
        let mut original = Terminal::new(start, config());
        run(&mut original, &before);
        let mut copy = restored(&mut original, Scrollback::All);
        run(&mut original, &after);
        run(&mut copy, &after);
        prop_assert_eq!(original.state(), copy.state());
    }

    /// Cutting the output into pieces makes no difference.
    #[test]
    fn pieces_make_no_difference(start in size(), output in grammar::stream(60), piece in 1usize..9) {
        let (mut whole, mut cut) = (Terminal::new(start, config()), Terminal::new(start, config()));
        let (mut effects, mut cut_effects) = (Effects::default(), Effects::default());
        whole.feed(&output, &mut effects);
        for piece in output.chunks(piece) {
            cut.feed(piece, &mut cut_effects);
        }
        prop_assert_eq!(whole.state(), cut.state());
        prop_assert_eq!(effects, cut_effects);
    }
}
