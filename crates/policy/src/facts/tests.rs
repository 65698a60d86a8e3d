//! Limits: what would end the process, or never end.
#![allow(clippy::unwrap_used)]

use super::*;

/// Ways to nest, each with what closes it.
const NESTINGS: [(&str, &str); 22] = [
    ("{ ", "; }"),
    ("( ", " )"),
    ("$(", ")"),
    ("\"$(", ")\""),
    ("\"a$(", ")\""),
    ("${x:-", "}"),
    ("\"${x:-", "}\""),
    ("$((", "))"),
    ("<(", ")"),
    ("if a; then ", "; fi"),
    ("while a; do ", "; done"),
    ("for i in a; do ", "; done"),
    ("case a in a) ", "; esac"),
    ("f() { ", "; }"),
    ("coproc { ", "; }"),
    ("[[ ( ", " ) ]]"),
    ("[[ ! ", " ]]"),
    ("((", "))"),
    ("a[$(", ")]=1"),
    ("a[\"x$(", ")\"]=1"),
    ("{a,", "}"),
    ("?(", ")"),
];

fn nested(open: &str, close: &str, depth: usize, closed: bool) -> String {
    let tail = if closed { close.repeat(depth) } else { String::new() };
    format!("{}a{tail}", open.repeat(depth))
}

/// The worst line of a class must be over long before anybody notices, also without optimisation.
const LONGEST: std::time::Duration = std::time::Duration::from_secs(3);

#[test]
fn no_nesting_overflows_a_small_stack_or_takes_for_ever() {
    // The smallest stack that runs this: that of a worker thread.
    let worker = std::thread::Builder::new().stack_size(2 * 1024 * 1024).spawn(|| {
        for (open, close) in NESTINGS {
            for depth in [1, 7, 8, 9, 15, 16, 17, 23, 24, 25, 60, 99, 100, 101, 200, 399, 400, 401, 3000] {
                for closed in [true, false] {
                    let line = nested(open, close, depth, closed);
                    let began = std::time::Instant::now();
                    of_line(&line);
                    assert!(began.elapsed() < LONGEST, "{open} {depth} {closed}: {:?}", began.elapsed());
                }
            }
        }
    });
    worker.unwrap().join().unwrap();
}

#[test]
fn two_ways_of_nesting_together_do_not_take_for_ever_either() {
    for (first, first_close) in NESTINGS {
        for (second, second_close) in NESTINGS {
            for depth in [8, 40] {
                let open = format!("{first}{second}");
                let close = format!("{second_close}{first_close}");
                for line in [
                    nested(&open, &close, depth, true),
                    nested(&open, &close, depth, false),
                    format!("{};{}", nested(&open, &close, depth, false), "b ".repeat(500)),
                ] {
                    let began = std::time::Instant::now();
                    of_line(&line);
                    assert!(began.elapsed() < LONGEST, "{open} {depth}: {:?}", began.elapsed());
                }
            }
        }
    }
}

#[test]
fn what_makes_the_parser_panic_is_unreadable() {
    for line in ["99999999999999999999>x", "a 99999999999999999999<x", "~99999999999999999999/x"] {
        assert!(!of_line(line).facts.is_empty());
    }
    assert_eq!(of_line("99999999999>x").facts[0].unknown, Some(Unknown::Unreadable));
}

#[test]
fn a_line_of_a_megabyte_is_not_parsed() {
    let facts = of_line(&"a ".repeat(500_000)).facts;
    assert_eq!(facts.len(), 1);
    assert_eq!(facts[0].unknown, Some(Unknown::TooLong));
    assert!(facts[0].program.text().len() < 1000, "and not kept");
}

#[test]
fn ten_thousand_arguments_that_fit_are_one_fact() {
    let line = format!("rm{}", " a".repeat(8000));
    let facts = of_line(&line).facts;
    assert_eq!((facts.len(), facts[0].arguments.len()), (1, 8000));
    assert_eq!(of_line(&format!("rm{}", " a".repeat(10_000))).facts[0].unknown, Some(Unknown::TooLong));
}

#[test]
fn text_that_grows_when_it_is_read_again_stays_bounded() {
    let line = format!("eval {}", "eval ".repeat(3000));
    assert!(of_line(&line).facts.len() <= 200);
    let many = "a;".repeat(8000);
    assert!(of_line(&many).facts.len() <= 2001);
    let braces = "{a,b}".repeat(20);
    let facts = of_line(&format!("eval {braces}")).facts;
    assert!(facts.iter().any(|fact| fact.unknown.is_some()));
}

/// Counts what would be logged, at every level.
struct Ears(std::sync::Arc<std::sync::atomic::AtomicUsize>);

impl tracing::Subscriber for Ears {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }
    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}
    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}
    fn event(&self, _: &tracing::Event<'_>) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
    fn enter(&self, _: &tracing::span::Id) {}
    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn what_is_typed_reaches_no_log() {
    let heard = std::sync::Arc::default();
    tracing::subscriber::with_default(Ears(std::sync::Arc::clone(&heard)), || {
        tracing::debug!("it listens");
        of_line("mysql -psecret; echo ${x:-$(y)} ((");
        of_line("mysql -psecret");
    });
    assert_eq!(heard.load(std::sync::atomic::Ordering::Relaxed), 1);
}
