//! The server's database: the only crate that writes SQL.
