//! The first page, and the way to a prompt, in Chromium.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde::Deserialize;

use super::Bench;
use crate::daemon::Daemon;
use crate::report::Row;
use crate::server::Server;
use crate::stats::median;

const SCRIPT: &str = "bench/first-page.mjs";
const ROUNDS: &str = "10";

#[derive(Deserialize)]
struct Measured {
    pages: Pages,
    /// Milliseconds.
    prompts: Vec<f64>,
    drawn: Vec<f64>,
}

#[derive(Deserialize)]
struct Pages {
    login: Weight,
    home: Weight,
}

/// Bytes.
#[derive(Deserialize)]
struct Weight {
    first: f64,
    later: f64,
}

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let daemon = Daemon::start(&bench.binary)?;
    let server = Server::start(&bench.binary, &daemon)?;
    let measured = Command::new("node")
        .args([SCRIPT, &format!("http://{}", server.address), &server.cookie, ROUNDS])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .context("start node")?;
    if !measured.status.success() {
        bail!("{SCRIPT} failed; run it from the top of the repository, after scripts/setup-test-deps.sh");
    }
    let Measured { pages, prompts, drawn } = serde_json::from_slice(&measured.stdout)?;
    let largest = pages.login.first.max(pages.home.first) / 1000.0;
    let prompt = median(prompts);
    Ok(vec![
        Row::new(
            "first page without the terminal, packed, with headers",
            format!(
                "{largest:.0} KB (login {:.0} KB, home {:.0} KB; the terminal, fetched beside, {:.0} KB)",
                pages.login.first / 1000.0,
                pages.home.first / 1000.0,
                pages.home.later / 1000.0
            ),
        )
        .target("≤ 250 KB", largest <= 250.0),
        Row::new(
            "Chromium, nothing cached, from asking for a session to its prompt, p50 of 10",
            format!("{prompt:.0} ms"),
        )
        .target("≤ 500 ms", prompt <= 500.0)
        .why(
            "the page's scripts are compiled and run on the cores that the browser, server and daemon share",
        ),
        Row::new("Chromium, from a key to its letter drawn, p50", format!("{:.1} ms", median(drawn))),
    ])
}
