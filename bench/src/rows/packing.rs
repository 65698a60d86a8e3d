//! What packing a flood for a browser far away costs, and saves.

use std::time::Duration;

use anyhow::{Context, Result};
use bastide_wire::terminal::binary::{Downstream, MAX_BODY};
use bastide_wire::terminal::packed::{Packer, unpack};

use super::Bench;
use crate::machine;
use crate::report::Row;

/// Of the corpus; enough for a second of work.
const BYTES: usize = 20_000_000;

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let corpus = std::fs::read(&bench.corpus.path)?;
    let corpus = &corpus[..BYTES.min(corpus.len())];
    let mut packer = Packer::new();
    let began = machine::own_cpu()?;
    let mut packed = Vec::new();
    for data in corpus.chunks(MAX_BODY) {
        let message = Downstream::Output { pos: 0, data };
        packed.push(packer.pack(&message, usize::MAX).context("text can be packed")?);
    }
    let packing = machine::own_cpu()?.saturating_sub(began);
    let size: usize = packed.iter().map(Vec::len).sum();
    let began = machine::own_cpu()?;
    for message in packed {
        unpack(message)?;
    }
    let unpacking = machine::own_cpu()?.saturating_sub(began);
    let speed = |time: Duration| corpus.len() as f64 / 1e6 / time.as_secs_f64().max(1e-6);
    Ok(vec![Row::new(
        "a flood packed for a browser far away, in messages of 64 KB",
        format!(
            "{:.2} of its size; {:.0} MB packed in a second of processor time, {:.0} MB unpacked",
            size as f64 / corpus.len() as f64,
            speed(packing),
            speed(unpacking)
        ),
    )])
}
