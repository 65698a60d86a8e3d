//! Screens as shells make them, and what is read from them.

#![allow(clippy::unwrap_used)]

use std::time::{Duration, Instant};

use bastide_vt::{Config, Effects, Size, Terminal};
use uuid::Uuid;

use super::{Line, Next, Watched};

/// A shell's screen, somebody's keys, and a clock.
struct Desk {
    watched: Watched,
    terminal: Terminal,
    now: Instant,
}

impl Desk {
    fn new(screen: &str) -> Self {
        let now = Instant::now();
        let mut desk = Self {
            watched: Watched::new(now),
            terminal: Terminal::new(Size { cols: 40, rows: 6 }, Config::default()),
            now,
        };
        desk.prints(screen);
        desk
    }

    fn prints(&mut self, text: &str) {
        self.terminal.feed(text.as_bytes(), &mut Effects::default());
        self.watched.on_output(self.now);
    }

    fn passes(&mut self, time: Duration) {
        self.now += time;
    }

    /// Keys that a shell echoes, one after the other.
    fn types(&mut self, text: &str) {
        for key in text.chars() {
            self.watched.on_input(key.to_string().as_bytes());
            assert_eq!(self.sent(), key.to_string());
            self.passes(Duration::from_millis(5));
            self.prints(&key.to_string());
        }
    }

    fn next(&mut self) -> Next {
        self.watched.next(self.now, &self.terminal)
    }

    /// Everything that goes out before the next question.
    fn sent(&mut self) -> String {
        match self.next() {
            Next::Send(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
            other => panic!("nothing goes out: {other:?}"),
        }
    }

    fn asked(&mut self) -> Line {
        match self.next() {
            Next::Ask(line) => line,
            other => panic!("nothing is asked: {other:?}"),
        }
    }

    /// After Enter: what the rules are asked about.
    fn enters(&mut self) -> Vec<String> {
        self.watched.on_input(b"\r");
        self.asked().readings().map(str::to_owned).collect()
    }
}

#[test]
fn a_typed_line_is_asked_about_at_once_without_its_prompt() {
    let mut desk = Desk::new("welcome\r\nada@db1:~$ ");
    desk.types("rm -rf x");
    assert_eq!(desk.enters(), ["rm -rf x"]);
}

#[test]
fn enter_goes_out_when_it_may_and_an_interrupt_when_not() {
    let mut desk = Desk::new("$ ");
    desk.types("ls");
    desk.watched.on_input(b"\r");
    let line = desk.asked();
    assert_eq!(desk.next(), Next::Wait, "nothing goes before the answer");
    assert_eq!(desk.watched.pass(desk.now, &line).as_ref(), b"\r");
    desk.prints("\r\nfile\r\n$ ");
    desk.types("rm");
    desk.watched.on_input(b"\rls\r");
    desk.asked();
    let (clear, dropped) = desk.watched.refuse(desk.now, &desk.terminal);
    assert_eq!((clear.as_ref(), dropped), (b"\x03".as_slice(), 3), "what was pasted after it is not sent");
    assert_eq!(desk.next(), Next::Wait);
    // What is typed now is not added to it.
    desk.watched.on_input(b"l");
    assert_eq!(desk.next(), Next::Wait);
    desk.passes(Duration::from_millis(500));
    assert_eq!(desk.sent(), "\x03", "it is still there");
    desk.prints("^C\r\n$ ");
    desk.passes(Duration::from_millis(60));
    assert_eq!(desk.sent(), "l");
}

#[test]
fn a_recalled_or_completed_line_in_one_packet_waits_until_the_screen_shows_it() {
    for key in ["\x1b[A", "\t", "\x12"] {
        let mut desk = Desk::new("$ ");
        desk.watched.on_input(format!("{key}\r").as_bytes());
        assert_eq!(desk.sent(), key);
        assert_eq!(desk.next(), Next::Wait);
        assert!(desk.watched.wakes_at().is_some());
        desk.passes(Duration::from_millis(20));
        desk.prints("rm -rf x");
        assert_eq!(desk.next(), Next::Wait, "more may come");
        desk.passes(Duration::from_millis(60));
        assert_eq!(desk.asked().text, "rm -rf x");
    }
}

#[test]
fn every_end_of_a_line_is_one() {
    for end in ["\r", "\n", "\x0f", "\x1bOM"] {
        let mut desk = Desk::new("$ ");
        desk.types("id");
        desk.watched.on_input(end.as_bytes());
        let line = desk.asked();
        assert_eq!(line.text, "id");
        assert_eq!(desk.watched.pass(desk.now, &line).as_ref(), end.as_bytes());
    }
}

#[test]
fn a_wrapped_line_is_read_whole_and_an_edited_one_as_it_stands() {
    let mut desk = Desk::new("$ ");
    let long = "echo 0123456789012345678901234567890123456789 tail";
    desk.types(long);
    assert_eq!(desk.enters(), [long]);

    let mut desk = Desk::new("$ ");
    desk.types("lsx");
    desk.watched.on_input(b"\x7f");
    desk.sent();
    desk.prints("\x08 \x08");
    assert_eq!(desk.enters(), ["ls"]);
}

#[test]
fn a_history_search_shows_its_line_after_the_search() {
    let mut desk = Desk::new("ada@db1:~$ ");
    desk.watched.on_input(b"\x12");
    desk.sent();
    desk.prints("\r(reverse-i-search)`re': reboot now\x1b[K");
    desk.passes(Duration::from_millis(200));
    assert_eq!(desk.enters()[0], "reboot now");
}

#[test]
fn nothing_is_read_where_nothing_is_echoed_or_an_editor_or_a_pager_runs() {
    let mut desk = Desk::new("Password: ");
    desk.watched.on_input(b"swordfish\r");
    assert_eq!(desk.sent(), "swordfish");
    assert_eq!(desk.next(), Next::Wait);
    desk.passes(Duration::from_millis(500));
    assert_eq!(desk.sent(), "\r");

    let mut desk = Desk::new("\x1b[?1049h~\r\n:!rm");
    desk.watched.on_input(b"\rx\r");
    assert_eq!(desk.sent(), "\rx\r");

    let mut desk = Desk::new("interface 1\r\n  ---- More ----");
    desk.watched.on_input(b"\r");
    assert_eq!(desk.sent(), "\r");
}

#[test]
fn a_prompt_that_only_says_password_hides_no_command() {
    let mut desk = Desk::new("password: ");
    desk.types("rm -rf x");
    assert_eq!(desk.enters(), ["rm -rf x"]);
}

#[test]
fn lines_of_a_paste_go_one_at_a_time() {
    let mut desk = Desk::new("$ ");
    desk.watched.on_input(b"ls\rid\r");
    assert_eq!(desk.sent(), "ls");
    desk.prints("ls");
    let line = desk.asked();
    assert_eq!(line.text, "ls");
    desk.watched.pass(desk.now, &line);
    assert_eq!(desk.next(), Next::Wait, "the next one waits for its prompt");
    desk.passes(Duration::from_millis(10));
    desk.prints("\r\nfile\r\n$ ");
    desk.passes(Duration::from_millis(60));
    assert_eq!(desk.sent(), "id");
    desk.prints("id");
    assert_eq!(desk.asked().text, "id");
}

#[test]
fn a_bracketed_paste_is_asked_about_as_a_whole() {
    let mut desk = Desk::new("\x1b[?2004h$ ");
    desk.watched.on_input(b"\x1b[200~rm x\nls\x1b[201~");
    assert_eq!(desk.sent(), "\x1b[200~rm x\nls\x1b[201~");
    desk.prints("rm x\r\nls");
    assert!(desk.enters().contains(&"rm x\nls".to_owned()));
}

#[test]
fn a_command_that_goes_on_is_asked_about_with_its_beginning() {
    let mut desk = Desk::new("$ ");
    desk.types("rm \\");
    desk.watched.on_input(b"\r");
    let line = desk.asked();
    desk.watched.pass(desk.now, &line);
    desk.prints("\r\n> ");
    desk.passes(Duration::from_millis(60));
    assert_eq!(desk.next(), Next::Wait);
    desk.types("-rf x");
    assert_eq!(desk.enters(), ["-rf x", "rm -rf x"]);
}

#[test]
fn ctrl_c_gives_up_what_waits() {
    let mut desk = Desk::new("$ ");
    desk.types("rm");
    desk.watched.on_input(b"\r");
    let line = desk.asked();
    let review = Uuid::now_v7();
    desk.watched.hold(review, line);
    assert_eq!(desk.watched.on_input(b"ls\r"), None);
    assert_eq!(desk.next(), Next::Wait);
    assert_eq!(desk.watched.on_input(b"\x03"), Some(review));
    assert_eq!(desk.sent(), "\x03");
    assert_eq!(desk.next(), Next::Wait, "what was typed while it waited is given up too");
}
