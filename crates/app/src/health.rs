//! Whether a machine answers, and how it fares.

pub mod measure;
pub mod reach;
