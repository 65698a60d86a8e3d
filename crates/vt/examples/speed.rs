//! How fast the terminal reads output and takes snapshots, and what it holds in memory. Run with
//! `cargo run --release -p bastide-vt --example speed`.
#![allow(clippy::print_stdout, clippy::unwrap_used)]

use std::time::{Duration, Instant};

use alacritty_terminal::event::VoidListener;
use alacritty_terminal::term::test::TermSize;
use alacritty_terminal::term::{Config as OtherConfig, Term};
use alacritty_terminal::vte::ansi::Processor;
use bastide_vt::{Config, Effects, Scrollback, Size, Terminal};

const SIZE: Size = Size { cols: 80, rows: 24 };
/// Bytes of each corpus.
const BYTES: usize = 32 << 20;
/// What a session feeds at once.
const PIECE: usize = 64 << 10;

fn corpus(line: impl Fn(usize) -> String) -> Vec<u8> {
    let mut out = Vec::with_capacity(BYTES + 4096);
    let mut n = 0;
    while out.len() < BYTES {
        out.extend_from_slice(line(n).as_bytes());
        n += 1;
    }
    out
}

fn log(n: usize) -> String {
    let id = n * 7919 % 65536;
    format!(
        "2026-11-22T13:34:{:02}.{:03}Z INFO  worker{}: request {id:x} took {} ms\r\n",
        n % 60,
        n % 1000,
        n % 8,
        n % 97
    )
}

fn colour(n: usize) -> String {
    let cell = |i: usize| {
        let c = (n * 31 + i * 17) % 256;
        format!("\x1b[38;5;{c};48;2;{};{};{}m{:02x}\x1b[1m#\x1b[0m ", i * 7 % 256, c, n % 256, c)
    };
    (0..16).map(cell).collect::<String>() + "\r\n"
}

fn wide(n: usize) -> String {
    let text: String =
        (0..36).map(|i| char::from_u32(0x4e00 + ((n * 37 + i * 101) % 20_000) as u32).unwrap()).collect();
    format!("{text}{n}\r\n")
}

fn redraw(n: usize) -> String {
    format!(
        "\x1b[{};{}H\x1b[K\x1b[32mpid {n:6}\x1b[m cpu {:3}%\x1b[7m mem \x1b[27m",
        n % 24 + 1,
        n % 40 + 1,
        n % 100
    )
}

fn rate(bytes: usize, time: Duration) -> f64 {
    bytes as f64 / 1e6 / time.as_secs_f64()
}

fn measure(name: &str, bytes: &[u8]) {
    let mut terminal = Terminal::new(SIZE, Config::default());
    let mut effects = Effects::default();
    let start = cpu();
    for piece in bytes.chunks(PIECE) {
        terminal.feed(piece, &mut effects);
        effects.clear();
    }
    let ours = cpu() - start;

    let mut term = Term::new(OtherConfig::default(), &TermSize::new(80, 24), VoidListener);
    let mut processor: Processor = Processor::new();
    let start = cpu();
    for piece in bytes.chunks(PIECE) {
        processor.advance(&mut term, piece);
    }
    let other = cpu() - start;
    println!(
        "{name:8} {:6.0} MB/s   (alacritty_terminal {:4.0} MB/s)   scrollback {} lines, {} KB",
        rate(bytes.len(), ours),
        rate(bytes.len(), other),
        terminal.scrollback_lines(),
        terminal.scrollback_bytes() / 1024,
    );
    for (what, scrollback) in [("whole", Scrollback::All), ("screen", Scrollback::None)] {
        let mut times: Vec<Duration> = (0..51)
            .map(|_| {
                let start = Instant::now();
                std::hint::black_box(terminal.snapshot(scrollback));
                start.elapsed()
            })
            .collect();
        times.sort();
        println!("         snapshot {what}: {:?}", times[times.len() / 2]);
    }
    let start = cpu();
    terminal.resize(Size { cols: 60, rows: 30 });
    let narrow = cpu() - start;
    let start = cpu();
    terminal.resize(SIZE);
    println!("         resize to 60 columns: {narrow:?}, back: {:?}", (cpu() - start));
}

/// CPU time of this thread: other work on the machine does not count (proc(5), schedstat).
fn cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}

/// Makes line n of a corpus.
type Line = fn(usize) -> String;

/// Resident memory in KB (proc_pid_statm(5), pages of 4 KB).
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4
}

fn memory() {
    let before = resident();
    let blank: Vec<Terminal> = (0..1000).map(|_| Terminal::new(SIZE, Config::default())).collect();
    println!("blank terminal: {} KB", (resident() - before) as f64 / 1000.0);
    drop(blank);
    let text: String = (0..100).map(log).collect();
    let before = resident();
    let mut effects = Effects::default();
    let used: Vec<Terminal> = (0..100)
        .map(|_| {
            let mut terminal = Terminal::new(SIZE, Config::default());
            terminal.feed(text.as_bytes(), &mut effects);
            terminal
        })
        .collect();
    println!("after 100 lines of a log: {} KB", (resident() - before) as f64 / 100.0);
    drop(used);
}

fn main() {
    memory();
    let only = std::env::args().nth(1);
    let corpora: [(&str, Line); 4] = [("log", log), ("colour", colour), ("wide", wide), ("redraw", redraw)];
    for (name, line) in corpora {
        if only.as_deref().is_none_or(|only| only == name) {
            measure(name, &corpus(line));
        }
    }
}
