//! The crate from outside.
#![allow(clippy::unwrap_used)]

mod it {
    mod faults;
    mod golden;
    mod laws;
    mod texts;
}
