//! The stable driver: stored inputs, their beginnings, and random ones.
#![allow(clippy::unwrap_used)]

use std::path::PathBuf;

use bastide_fuzz::{TARGETS, run};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

/// Inputs made at random for each body; coverage-guided ones are `make fuzz`'s.
const CASES: u32 = 200;

fn corpus(name: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let directory = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
    let mut files: Vec<_> =
        std::fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

#[test]
fn every_stored_input_and_every_beginning_of_a_small_one() {
    for (name, _) in TARGETS {
        let files = corpus(name);
        assert!(!files.is_empty(), "the corpus of {name} is empty");
        for (path, data) in files {
            let cuts = if data.len() <= 512 { 0..=data.len() } else { data.len()..=data.len() };
            for end in cuts {
                let result = std::panic::catch_unwind(|| run(name, &data[..end]));
                assert!(result.is_ok(), "{name} fails on the first {end} bytes of {}", path.display());
            }
        }
    }
}

#[test]
fn the_driver_that_is_guided_by_coverage_has_every_body() {
    let driver = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("libfuzzer");
    let targets = std::fs::read_dir(driver.join("fuzz_targets")).unwrap();
    let mut there: Vec<_> =
        targets.map(|file| file.unwrap().path().file_stem().unwrap().to_owned()).collect();
    let manifest = std::fs::read_to_string(driver.join("Cargo.toml")).unwrap();
    let mut wanted: Vec<_> = TARGETS.iter().map(|(name, _)| std::ffi::OsString::from(name)).collect();
    there.sort();
    wanted.sort();
    assert_eq!(there, wanted);
    for (name, _) in TARGETS {
        assert!(manifest.contains(&format!("\nname = \"{name}\"\n")), "{name} is in no manifest");
    }
}

#[test]
fn random_inputs_and_stored_ones_with_changes() {
    for (name, body) in TARGETS {
        let seeds: Vec<Vec<u8>> = corpus(name).into_iter().map(|(_, data)| data).collect();
        let changed =
            (prop::sample::select(seeds), prop::collection::vec((any::<usize>(), any::<u8>()), 0..12));
        let mut runner =
            TestRunner::new(Config { cases: CASES, failure_persistence: None, ..Config::default() });
        let strategy = prop_oneof![
            prop::collection::vec(any::<u8>(), 0..2000),
            changed.prop_map(|(mut data, changes)| {
                for (at, value) in changes {
                    if !data.is_empty() {
                        let at = at % data.len();
                        data[at] = value;
                    }
                }
                data
            }),
        ];
        let outcome = runner.run(&strategy, |data| {
            body(&data);
            Ok(())
        });
        assert!(outcome.is_ok(), "{name}: {outcome:?}");
    }
}
