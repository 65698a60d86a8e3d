//! `bastide policy`, from files alone.

use std::path::Path;
use std::process::{Command, Output};

use crate::BASTIDE;

const RULES: &str = r#"{"version": 1, "rules": [
    {"id": "no-trees", "priority": 1, "action": "deny", "match": {"groups": ["std-delete-trees"]}}]}"#;

fn policy(dir: &Path, words: &[&str]) -> Output {
    Command::new(BASTIDE).arg("policy").args(words).current_dir(dir).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn a_line_is_tried_and_its_verdict_is_the_status() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("rules.json"), RULES).unwrap();
    let refused = policy(dir.path(), &["try", "ls; sudo rm -fr x", "--rules", "rules.json"]);
    assert_eq!(refused.status.code(), Some(5));
    assert!(text(&refused.stdout).contains("=> deny by rule no-trees"), "{}", text(&refused.stdout));
    let runs = policy(dir.path(), &["try", "rm x", "--rules", "rules.json", "--json"]);
    assert_eq!(runs.status.code(), Some(0));
    let shown: serde_json::Value = serde_json::from_slice(&runs.stdout).unwrap();
    assert_eq!(shown["verdict"]["action"], "allow");
    assert_eq!(shown["facts"][0]["program"], "rm");
}

#[test]
fn faults_and_failed_cases_end_with_one() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("rules.json"), RULES).unwrap();
    std::fs::write(dir.path().join("bad.json"), RULES.replace("std-delete-trees", "nothing")).unwrap();
    assert_eq!(policy(dir.path(), &["check", "rules.json"]).status.code(), Some(0));
    let bad = policy(dir.path(), &["check", "bad.json"]);
    assert_eq!(bad.status.code(), Some(1));
    assert!(text(&bad.stdout).starts_with("rules[0].match.groups[0]:"), "{}", text(&bad.stdout));
    std::fs::write(dir.path().join("cases.txt"), "deny no-trees $ rm -r x\nallow % /bin/ls\n").unwrap();
    let run = |file| policy(dir.path(), &["test", file, "--rules", "rules.json"]);
    assert_eq!(run("cases.txt").status.code(), Some(0));
    std::fs::write(dir.path().join("wrong.txt"), "deny $ rm -r x\ndeny $ ls\n").unwrap();
    let wrong = run("wrong.txt");
    assert_eq!(wrong.status.code(), Some(1));
    assert!(text(&wrong.stdout).contains("line 2: ls"), "{}", text(&wrong.stdout));
}

#[test]
fn an_import_leaves_out_what_is_wrong_and_says_so() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("old.csv"), "id,action,programs\na,deny,rm\nb,perhaps,ls\n").unwrap();
    let imported = policy(dir.path(), &["import", "old.csv"]);
    assert_eq!(imported.status.code(), Some(1));
    let set: serde_json::Value = serde_json::from_slice(&imported.stdout).unwrap();
    assert_eq!(set["rules"].as_array().unwrap().len(), 1);
    assert!(text(&imported.stderr).contains("1 of 2 rules taken"));
}
