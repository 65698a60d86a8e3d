//! Checks of the repository itself: budgets, layers, documents.
fn main() {}
