//! Command groups that come with the product, as data.

use crate::rules::CommandGroup;

const FILES: [&str; 1] = [include_str!("ready/machines.json")];

/// The ready-made command groups. A rule names one by its id; a group of the same id in the set replaces it.
pub fn groups() -> Vec<CommandGroup> {
    FILES
        .iter()
        .flat_map(|text| {
            serde_json::from_str::<Vec<CommandGroup>>(text).expect("shipped data; a test reads each file")
        })
        .collect()
}
