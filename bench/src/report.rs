//! The table, as it is printed and as it is kept.

use std::fmt::Write as _;

/// One line of the table.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub(crate) what: String,
    /// Empty for a number that is only printed.
    pub(crate) target: &'static str,
    pub(crate) ours: String,
    pub(crate) peers: String,
    /// Whether the target is met; `None` where there is none.
    pub(crate) holds: Option<bool>,
    /// Said under the table when it is not met.
    pub(crate) why: &'static str,
}

impl Row {
    pub(crate) fn new(what: impl Into<String>, ours: impl Into<String>) -> Self {
        Self { what: what.into(), target: "", ours: ours.into(), peers: String::new(), holds: None, why: "" }
    }

    pub(crate) fn target(mut self, target: &'static str, holds: bool) -> Self {
        (self.target, self.holds) = (target, Some(holds));
        self
    }

    pub(crate) fn peers(mut self, peers: impl Into<String>) -> Self {
        self.peers = peers.into();
        self
    }

    /// Why it may fall short.
    pub(crate) fn why(mut self, why: &'static str) -> Self {
        self.why = why;
        self
    }
}

pub(crate) fn table(rows: &[Row]) -> String {
    let mut out =
        String::from("| what | ours | target | | peers, in the same run |\n|---|---|---|---|---|\n");
    for row in rows {
        let verdict = match row.holds {
            None => "",
            Some(true) => "holds",
            Some(false) => "**short**",
        };
        let Row { what, ours, target, peers, .. } = row;
        // Writing into a string cannot fail.
        let _ = writeln!(out, "| {what} | {ours} | {target} | {verdict} | {peers} |");
    }
    let short: Vec<&Row> = rows.iter().filter(|row| row.holds == Some(false)).collect();
    if !short.is_empty() {
        out.push_str("\nFalls short:\n");
        for row in short {
            let why = if row.why.is_empty() { "not explained yet" } else { row.why };
            let _ = writeln!(out, "- {} ({}, target {}): {why}", row.what, row.ours, row.target);
        }
    }
    out
}

/// The whole page of `bench/RESULTS.md`.
pub(crate) fn page(machine: &str, table: &str) -> String {
    format!(
        "# Speed and memory, measured\n\n\
         `make bench` measures this table in one run and writes this file.\n\n\
         {machine}\n\n\
         Ratios are medians of pairs: every round runs each candidate once, so that what else the machine\n\
         does hits all of them. `raw` is the same program on a bare terminal that is read with nothing in\n\
         between. `bench/README.md` says how each row is measured.\n\n{table}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_falls_short_is_explained() {
        let rows = [
            Row::new("a", "1×").target("≥ 0.8×", true).why("never said"),
            Row::new("b", "9×").target("≤ 3×", false).why("it does more"),
        ];
        let table = table(&rows);
        assert!(table.contains("| b | 9× | ≤ 3× | **short** |"));
        assert!(table.contains("- b (9×, target ≤ 3×): it does more"));
        assert!(!table.contains("never said"));
    }
}
