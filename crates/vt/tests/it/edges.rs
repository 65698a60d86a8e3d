//! Single facts: what each rule is for, in one line of output.

use bastide_vt::{
    Config, Effects, MAX_COLS, MAX_ROWS, QueryKind, Rgb, Scrollback, Size, Terminal, fuzz_terminal,
};
use proptest::prelude::*;

fn terminal(cols: u16, rows: u16, output: &str) -> Terminal {
    let mut terminal = Terminal::new(Size { cols, rows }, Config::default());
    terminal.feed(output.as_bytes(), &mut Effects::default());
    terminal
}

fn text(cols: u16, rows: u16, output: &str) -> String {
    terminal(cols, rows, output).text(Scrollback::All)
}

fn replies(output: &str) -> Vec<(QueryKind, String)> {
    let mut terminal = Terminal::new(Size { cols: 80, rows: 24 }, Config::default());
    let mut effects = Effects::default();
    terminal.feed(output.as_bytes(), &mut effects);
    let text = |reply| String::from_utf8(reply).unwrap();
    effects.queries.into_iter().map(|q| (q.kind, text(q.reply))).collect()
}

#[track_caller]
fn answers(query: &str, kind: QueryKind, reply: &str) {
    assert_eq!(replies(query), [(kind, reply.to_owned())], "{query:?}");
}

#[test]
fn every_question_is_answered_once() {
    answers("\x1b[c", QueryKind::PrimaryAttributes, "\x1b[?62;22c");
    answers("\x1bZ", QueryKind::PrimaryAttributes, "\x1b[?62;22c");
    answers("\x1b[>c", QueryKind::SecondaryAttributes, "\x1b[>0;276;0c");
    answers("\x1b[=c", QueryKind::TertiaryAttributes, "\x1bP!|00000000\x1b\\");
    answers("\x1b[5n", QueryKind::Status, "\x1b[0n");
    answers("ab\r\nc\x1b[6n", QueryKind::CursorPosition, "\x1b[2;2R");
    answers("\x1b[?6n", QueryKind::ExtendedCursorPosition, "\x1b[?1;1R");
    answers("\x1b[5;20r\x1b[?6h\x1b[3;4H\x1b[6n", QueryKind::CursorPosition, "\x1b[3;4R");
    answers("\x1b[4$p", QueryKind::Mode, "\x1b[4;2$y");
    answers("\x1b[?7$p", QueryKind::Mode, "\x1b[?7;1$y");
    answers("\x1b[?2004h\x1b[?2004$p", QueryKind::Mode, "\x1b[?2004;1$y");
    answers("\x1b[?1049h\x1b[?1049$p", QueryKind::Mode, "\x1b[?1049;1$y");
    answers("\x1b[?1000h\x1b[?1000$p", QueryKind::Mode, "\x1b[?1000;1$y");
    answers("\x1b[?4711$p", QueryKind::Mode, "\x1b[?4711;0$y");
    answers("\x1b[>q", QueryKind::Version, "\x1bP>|bastide 0.1.0\x1b\\");
    answers("\x1b]4;1;?\x07", QueryKind::Colour, "\x1b]4;1;rgb:cdcd/0000/0000\x07");
    answers("\x1b]11;?\x1b\\", QueryKind::Colour, "\x1b]11;rgb:0000/0000/0000\x1b\\");
    answers("\x1b]12;#102030\x07\x1b]12;?\x07", QueryKind::Colour, "\x1b]12;rgb:1010/2020/3030\x07");
    answers("\x1b[1;31m\x1bP$qm\x1b\\", QueryKind::Setting, "\x1bP1$r0;1;31m\x1b\\");
    answers("\x1b[2;9r\x1bP$qr\x1b\\", QueryKind::Setting, "\x1bP1$r2;9r\x1b\\");
    answers("\x1b[5 q\x1bP$q q\x1b\\", QueryKind::Setting, "\x1bP1$r5 q\x1b\\");
    answers("\x1bP$qz\x1b\\", QueryKind::Setting, "\x1bP0$r\x1b\\");
    answers("\x1bP+q544e\x1b\\", QueryKind::Setting, "\x1bP0+r544e\x1b\\");
    answers("\x1b[18t", QueryKind::TextArea, "\x1b[8;24;80t");
    assert_eq!(replies("\x1b[?u"), [], "no kitty keyboard unless configured");
    let two = replies("\x1b]10;?;?\x07");
    assert_eq!(two.len(), 2);
    assert!(two[1].1.starts_with("\x1b]11;"));
}

#[test]
fn kitty_keyboard_is_answered_if_configured() {
    let config = Config { kitty_keyboard: true, ..Config::default() };
    let mut terminal = Terminal::new(Size { cols: 80, rows: 24 }, config);
    let mut effects = Effects::default();
    terminal.feed(b"\x1b[>5u\x1b[>1u\x1b[<u\x1b[?u", &mut effects);
    assert_eq!(effects.queries[0].reply, b"\x1b[?5u");
}

#[test]
fn effects_say_what_changed() {
    let mut terminal = Terminal::new(Size { cols: 80, rows: 24 }, Config::default());
    let mut effects = Effects::default();
    terminal.feed(b"\x1b]2;shell\x07\x1b]7;file://h/tmp/%C3%A9%20x\x1b\\", &mut effects);
    assert!(effects.title_changed && effects.cwd_changed && !effects.bell);
    assert_eq!((terminal.title(), terminal.cwd()), (Some("shell"), Some("/tmp/é x")));
    effects.clear();
    terminal.feed(b"\x1b]2;shell\x07\x07", &mut effects);
    assert!(!effects.title_changed && effects.bell);
    terminal.feed(b"\x1b]7;file://h/tmp/%07\x1b\\\x1b]7;/tmp\x1b\\", &mut effects);
    assert_eq!(terminal.cwd(), Some("/tmp/é x"), "what is no path that can be shown is ignored");
}

#[test]
fn wide_characters_are_never_half() {
    assert_eq!(text(10, 2, "漢字\x1b[2Gx"), " x字");
    assert_eq!(text(10, 2, "漢字\x1b[3Gx"), "漢x");
    assert_eq!(text(10, 2, "漢字\x1b[2G\x1b[P"), " 字");
    assert_eq!(text(10, 2, "漢字\x1b[2G\x1b[@"), "   字");
    assert_eq!(text(4, 2, "abc漢"), "abc\n漢");
    assert_eq!(text(1, 3, "a漢b"), "a\nb", "no room at all: it is not shown");
}

#[test]
fn line_drawing() {
    assert_eq!(text(10, 1, "\x1b(0lqk\x1b(Bq"), "┌─┐q");
    assert_eq!(text(10, 1, "\x1b)0a\x0ea\x0fa"), "a▒a");
}

#[test]
fn the_alternate_screen_keeps_the_primary_one() {
    let mut terminal = terminal(10, 3, "one\r\ntwo\x1b[?1049hother\x1b[2;2r");
    assert_eq!(terminal.text(Scrollback::All), "\n   other");
    terminal.feed(b"\x1b[?1049l!", &mut Effects::default());
    assert_eq!(terminal.text(Scrollback::All), "one\ntwo!");
}

#[test]
fn resize_wraps_and_unwraps() {
    let mut terminal = terminal(10, 3, "abcdefghijklm\r\nx");
    terminal.resize(Size { cols: 5, rows: 3 });
    assert_eq!(terminal.text(Scrollback::All), "abcde\nfghij\nklm\nx");
    assert_eq!((terminal.cursor().x, terminal.cursor().y), (1, 2));
    assert_eq!(terminal.scrollback_lines(), 1);
    terminal.resize(Size { cols: 20, rows: 3 });
    assert_eq!(terminal.text(Scrollback::All), "abcdefghijklm\nx");
    terminal.resize(Size { cols: 3, rows: 1 });
    terminal.resize(Size { cols: 20, rows: 5 });
    assert_eq!(terminal.text(Scrollback::All), "abcdefghijklm\nx");
}

#[test]
fn a_prompt_survives_a_resize_under_the_alternate_screen() {
    let mut terminal = terminal(10, 4, "0123456789abc\r\n$ vi\x1b[?1049h");
    terminal.resize(Size { cols: 6, rows: 4 });
    terminal.feed(b"\x1b[?1049l!", &mut Effects::default());
    assert_eq!(terminal.text(Scrollback::All), "012345\n6789ab\nc\n$ vi!");
}

#[test]
fn sizes_are_clamped() {
    let tiny = Terminal::new(Size { cols: 0, rows: 0 }, Config::default());
    assert_eq!(tiny.size(), Size { cols: 1, rows: 1 });
    let mut terminal = terminal(80, 24, "x");
    terminal.resize(Size { cols: u16::MAX, rows: u16::MAX });
    assert_eq!(terminal.size(), Size { cols: MAX_COLS, rows: MAX_ROWS });
}

#[test]
fn scrollback_is_bounded_and_can_be_dropped() {
    let config = Config { scrollback_lines: 100, ..Config::default() };
    let mut terminal = Terminal::new(Size { cols: 80, rows: 2 }, config);
    for n in 0..5000 {
        terminal.feed(format!("line {n} {}\r\n", "x".repeat(60)).as_bytes(), &mut Effects::default());
    }
    assert_eq!(terminal.scrollback_lines(), 100);
    let full = terminal.scrollback_bytes();
    assert!(full < 200_000, "{full}");
    assert_eq!(terminal.drop_scrollback(10), 90);
    assert!(terminal.scrollback_bytes() < full / 4, "memory is given back");
    assert!(terminal.text(Scrollback::All).starts_with("line 4989 "));
    assert_eq!(terminal.snapshot(Scrollback::Lines(3)).scrollback_lines, 3);
    terminal.clear_scrollback();
    assert_eq!((terminal.scrollback_lines(), terminal.drop_scrollback(0)), (0, 0));
}

#[test]
fn no_scrollback_if_none_is_wanted() {
    let config = Config { scrollback_lines: 0, ..Config::default() };
    let mut terminal = Terminal::new(Size { cols: 9, rows: 2 }, config);
    terminal.feed(b"1\r\n2\r\n3", &mut Effects::default());
    terminal.resize(Size { cols: 3, rows: 5 });
    assert_eq!(terminal.text(Scrollback::All), "2\n3");
}

#[test]
fn an_unused_terminal_is_small() {
    let terminal = terminal(80, 24, "");
    let held = terminal.screen_bytes() + terminal.scrollback_bytes() + size_of::<Terminal>();
    assert!(held < 8192, "{held}");
}

#[test]
fn hostile_strings_hold_no_memory_and_hide_nothing() {
    let mut terminal = terminal(20, 2, "");
    let mut effects = Effects::default();
    for start in ["\x1b]0;", "\x1b]8;;", "\x1bPq", "\x1b_", "\x1b["] {
        terminal.feed(start.as_bytes(), &mut effects);
        for _ in 0..100 {
            terminal.feed(&[b'1'; 10_000], &mut effects);
        }
        assert!(terminal.snapshot(Scrollback::All).restore.len() < 10_000, "{start:?}");
        terminal.feed(b"\x1b\\", &mut effects);
    }
    terminal.feed(b"seen", &mut effects);
    assert_eq!(terminal.text(Scrollback::All), "seen");
    // Thousands of accents, tens of thousands of links, huge repeats.
    terminal.feed("e".as_bytes(), &mut effects);
    terminal.feed("\u{301}".repeat(100_000).as_bytes(), &mut effects);
    for n in 0..20_000 {
        terminal.feed(format!("\x1b]8;;http://x/{n}\x1b\\y\x1b[58;5;{}m", n % 256).as_bytes(), &mut effects);
    }
    terminal.feed("x\x1b[65535b".repeat(100).as_bytes(), &mut effects);
    terminal.feed("\x1b[65535S\x1b[65535L\x1b[65535@\x1b[65535T".repeat(1000).as_bytes(), &mut effects);
    assert!(terminal.snapshot(Scrollback::All).restore.len() < 40_000_000);
}

#[test]
fn links_survive_more_of_them_than_are_kept() {
    let mut terminal = terminal(20, 2, "");
    for n in 0..50_000 {
        let line = format!("\x1b]8;;http://x/{n}\x1b\\link\x1b]8;;\x1b\\\r\n");
        terminal.feed(line.as_bytes(), &mut Effects::default());
    }
    let restore = terminal.snapshot(Scrollback::All).restore;
    let restore = String::from_utf8(restore).unwrap();
    assert!(restore.contains("http://x/49999\x1b"), "old ones are freed, new ones kept");
    assert!(restore.contains("http://x/45000\x1b"), "the scrollback keeps its own");
}

#[test]
fn seed_snapshot_is_what_the_first_protocol_says() {
    let mut terminal = terminal(
        20,
        3,
        "old\r\n\x1b[1;31mred\x1b[m  \r\n\x1b[4;38;5;200;48;2;1;2;3mx\x1b[m\r\n漢\x1b[?1h\x1b[?2004h\x1b[?1002h\x1b[?1006h\x1b[?25l",
    );
    let seed = terminal.seed_snapshot(500);
    let expected = "\x1b[0m\x1b[H\x1b[2J\x1b[0mold\r\n\x1b[0m\x1b[0;1;31mred\r\n\
                    \x1b[0m\x1b[0;4;38;5;200;48;2;1;2;3mx\r\n\x1b[0m漢\x1b[0m";
    assert_eq!(seed.content, expected);
    assert_eq!(seed.rehydrate, "\x1b[?1h\x1b[?2004h\x1b[?1000h\x1b[?1006h\x1b[?25l");
    let short = terminal.seed_snapshot(0).content;
    assert!(!short.contains("old"));
}

#[test]
fn changed_colours_are_in_the_state_and_restored() {
    let mut terminal = terminal(20, 3, "\x1b]4;7;rgb:f/80/1234\x1b\\\x1b]10;#fff\x07\x1b]111\x07");
    let state = terminal.state();
    assert_eq!(state.changed_colours().get(&7), Some(&Rgb { r: 255, g: 128, b: 18 }));
    assert_eq!(state.changed_colours().get(&256), Some(&Rgb { r: 0xf0, g: 0xf0, b: 0xf0 }));
    let restore = String::from_utf8(terminal.snapshot(Scrollback::None).restore).unwrap();
    assert!(restore.contains("\x1b]4;7;rgb:ff/80/12\x1b\\"), "{restore:?}");
}

#[test]
fn state_tells_terminals_apart() {
    let plain = terminal(9, 2, "a").state();
    for output in ["b", "a\x1b[1m", "a\x1b7", "a\x1b[?1h", "a\x1b[2;2H", "a\x1b", "\x1b[1ma\x1b[m", "a\x0e"] {
        assert_ne!(terminal(9, 2, output).state(), plain, "{output:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// The fuzz target's body over random programs; garbage must not break it either.
    #[test]
    fn fuzz_body_holds(data in prop::collection::vec(any::<u8>(), 0..400)) {
        fuzz_terminal(&data);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever sizes a window passes through, the text is the same when it is back, and all of it
    /// is there in between.
    #[test]
    fn resizing_loses_no_text(
        lines in prop::collection::vec("[a-z漢字]([a-z 漢字]{0,40}[a-z漢字])?", 1..12),
        sizes in prop::collection::vec((2u16..50, 1u16..12), 1..6),
    ) {
        let start = Size { cols: 30, rows: 6 };
        let mut terminal = terminal(start.cols, start.rows, &lines.join("\r\n"));
        let before = terminal.text(Scrollback::All);
        let all: String = lines.concat().replace(' ', "");
        for (cols, rows) in sizes {
            terminal.resize(Size { cols, rows });
            let now = terminal.text(Scrollback::All).replace([' ', '\n'], "");
            prop_assert_eq!(&now, &all, "at {}x{}", cols, rows);
            let cursor = terminal.cursor();
            prop_assert!(cursor.x < cols && cursor.y < rows);
        }
        terminal.resize(start);
        prop_assert_eq!(terminal.text(Scrollback::All), before);
    }
}
