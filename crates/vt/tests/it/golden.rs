//! Screens of the recorded programs, kept in `tests/ref` to be looked at. After an intended change
//! write them anew with `BASTIDE_UPDATE_REF=1 cargo test -p bastide-vt golden`, and read the diff.

use std::path::Path;

use bastide_vt::{Config, Effects, Scrollback, Terminal};
use serde_json::{Value, json};

use crate::streams;

fn check(name: &str, content: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ref").join(name);
    if std::env::var_os("BASTIDE_UPDATE_REF").is_some() {
        std::fs::write(&path, content).unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(content, expected, "{}", path.display());
}

/// The order of its fields is no part of it: it depends on what else is built.
fn check_state(name: &str, state: &Value) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/ref").join(name);
    if std::env::var_os("BASTIDE_UPDATE_REF").is_some() {
        std::fs::write(&path, serde_json::to_string_pretty(state).unwrap() + "\n").unwrap();
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    let expected: Value = serde_json::from_str(&expected).unwrap_or_default();
    assert_eq!(*state, expected, "{}", path.display());
}

#[test]
fn golden_screens() {
    for stream in streams::all() {
        // Full-screen programs clear up at the end: look at them half way.
        for (part, cut) in [("middle", stream.bytes.len() / 2), ("end", stream.bytes.len())] {
            let mut terminal = Terminal::new(stream.size, Config::default());
            let mut effects = Effects::default();
            terminal.feed(&stream.bytes[..cut], &mut effects);
            let name = format!("{}-{part}", stream.name);
            check(&format!("{name}.txt"), &(terminal.text(Scrollback::All) + "\n"));
            let modes = terminal.modes();
            let queries: Vec<String> = effects.queries.iter().map(|q| format!("{:?}", q.kind)).collect();
            let state = json!({
                "size": [terminal.size().cols, terminal.size().rows],
                "cursor": [terminal.cursor().x, terminal.cursor().y],
                "title": terminal.title(),
                "cwd": terminal.cwd(),
                "scrollback_lines": terminal.scrollback_lines(),
                "modes": {
                    "application_cursor": modes.application_cursor,
                    "application_keypad": modes.application_keypad,
                    "bracketed_paste": modes.bracketed_paste,
                    "mouse_tracking": modes.mouse_tracking,
                    "mouse_sgr": modes.mouse_sgr,
                    "focus_reporting": modes.focus_reporting,
                    "alternate_screen": modes.alternate_screen,
                    "cursor_visible": modes.cursor_visible,
                    "auto_wrap": modes.auto_wrap,
                },
                "queries": queries,
                "restore": String::from_utf8_lossy(
                    &terminal.snapshot(Scrollback::None).restore
                ),
            });
            check_state(&format!("{name}.json"), &state);
        }
    }
}
