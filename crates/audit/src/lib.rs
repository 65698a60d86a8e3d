//! An append-only, hash-chained log and its verifier.
