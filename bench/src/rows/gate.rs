//! What the kernel gate costs: programs started under it beside the same without it, in turns.

mod crowd;
mod keys;
mod waiting;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use bastide_policy::{Bundle, Door, RuleSet, Subject};
use bastide_pty::gate::{Confinement, Control, Label, Profile, Rules, Setup, Supervisor};
use bastide_pty::{Account, Child, Limits, Master, Size, Spawn, environment};

use super::Bench;
use crate::inside;
use crate::report::Row;
use crate::stats::{median, ratio, show};

/// Programs started in one round, and rounds of each kind.
const STARTS: u32 = 400;
const ROUNDS: usize = 15;
/// Rounds of the configure-like script, which takes seconds.
const SCRIPTS: usize = 5;
/// Some 1,800 programs started from a shell, as a configure script does: small ones, in pipelines, each
/// after the other.
const SCRIPT: &str = r#"i=0
while [ $i -lt 300 ]; do
  echo "checking for thing $i" | sed 's/thing/item/' | cat > /dev/null
  expr "$i" : '[0-9]*' > /dev/null
  tr a-z A-Z < /etc/hostname > /dev/null
  grep -q root /etc/passwd
  test -f /etc/passwd && rm -f /tmp/conftest.$$
  i=$((i + 1))
done"#;
/// Nothing a bench starts takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Bare,
    Gated(Profile),
}

const WAYS: [Way; 3] = [Way::Bare, Way::Gated(Profile::Closed), Way::Gated(Profile::Workbench)];

pub(super) fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut rows = runtime.block_on(rows(&bench.binary))?;
    rows.extend(keys::rows(&bench.binary)?);
    Ok(rows)
}

async fn rows(binary: &Path) -> Result<Vec<Row>> {
    // One for all, as a daemon has it.
    let supervisor = &Supervisor::new(binary, vec!["gate".into()]);
    let label = label(supervisor).await?;
    let spawns = inside::command(&["spawns", &STARTS.to_string(), "/bin/true"])?;
    let starts = in_turns(supervisor, &spawns, ROUNDS).await?;
    // The shell itself is one of the programs: the round is one start of it.
    let script = inside::command(&["spawns", "1", "/bin/sh", "-c", SCRIPT])?;
    let scripts = in_turns(supervisor, &script, SCRIPTS).await?;
    let mut rows =
        vec![row(&format!("starting /bin/true under the gate ({label})"), ("≤ 1.6×", 1.6), &starts, STARTS)];
    rows.push(row(
        "a configure-like script of 1,800 programs under the gate",
        ("≤ 1.35×", 1.35),
        &scripts,
        1,
    ));
    rows.push(crowd::row(supervisor).await?);
    rows.push(waiting::memory(supervisor).await?);
    rows.push(waiting::held(supervisor).await?);
    Ok(rows)
}

fn row(what: &str, (target, limit): (&'static str, f64), times: &[Vec<Duration>; 3], each: u32) -> Row {
    let [bare, closed, workbench] = times;
    // Each round beside the bare one of the same turn: what both suffered falls out.
    let of = |gated: &[Duration]| median(gated.iter().zip(bare).map(|(gated, bare)| ratio(*gated, *bare)));
    let middle = Duration::from_secs_f64(median(bare.iter().map(Duration::as_secs_f64)) / f64::from(each));
    let (closed, workbench) = (of(closed), of(workbench));
    Row::new(what, format!("closed {closed:.2}×, workbench {workbench:.2}× (without {})", show(middle)))
        .target(target, closed.max(workbench) <= limit)
        .why("two decisions per program, each a switch to the supervisor and back, and a stop after the exec")
}

async fn in_turns(supervisor: &Supervisor, program: &[String], rounds: usize) -> Result<[Vec<Duration>; 3]> {
    let mut times = [const { Vec::new() }; 3];
    for round in 0..=rounds {
        for (times, way) in times.iter_mut().zip(WAYS) {
            let took = run(supervisor, program, way).await?;
            // The first turn warms up.
            if round > 0 {
                times.push(took);
            }
        }
    }
    Ok(times)
}

fn spawn(program: &[String]) -> Result<Spawn> {
    let (name, args) = program.split_first().context("no program")?;
    let account = Account::current()?;
    Ok(Spawn {
        program: name.into(),
        args: args.iter().map(Into::into).collect(),
        login: false,
        env: environment(&account, &BTreeMap::new())?,
        cwd: "/".into(),
        size: Size { cols: 80, rows: 24 },
        account,
        limits: Limits::default(),
        view: bastide_pty::View::default(),
        group: None,
    })
}

fn setup(supervisor: &Supervisor, program: &[String], profile: Profile) -> Result<Setup> {
    setup_with(supervisor, program, profile, br#"{"version":1}"#)
}

fn bundle(rules: &[u8]) -> Result<Bundle> {
    let set = RuleSet::parse(rules).map_err(|faults| anyhow::anyhow!("{faults}"))?;
    Bundle::new(&set).map_err(|faults| anyhow::anyhow!("{faults}"))
}

fn setup_with(supervisor: &Supervisor, program: &[String], profile: Profile, rules: &[u8]) -> Result<Setup> {
    let bundle = bundle(rules)?;
    let own = std::env::current_exe()?.parent().context("no directory")?.to_path_buf();
    Ok(Setup {
        spawn: spawn(program)?,
        profile,
        confinement: Confinement { executable: vec![own], ..Confinement::default() },
        rules: Rules::new(&bundle, Subject::at(Door::Exec)),
        review_limit: PATIENCE,
        entry_is_allowed: true,
        tells_lines: false,
        required: Vec::new(),
        attached: false,
        supervisor: supervisor.clone(),
    })
}

/// A program, under the gate or not.
struct Running {
    child: Child,
    control: Option<Control>,
}

async fn begin(supervisor: &Supervisor, program: &[String], way: Way) -> Result<Running> {
    Ok(match way {
        Way::Bare => Running { child: bastide_pty::spawn(spawn(program)?).await?, control: None },
        Way::Gated(profile) => {
            let gated = bastide_pty::gate::spawn(setup(supervisor, program, profile)?).await?;
            Running { child: gated.child, control: Some(gated.control) }
        }
    })
}

impl Running {
    /// All that it prints, to its end.
    async fn finish(self) -> Result<String> {
        let Self { child, mut control } = self;
        // A session whose reports are not read stops.
        let reports = async {
            while let Some(control) = &mut control {
                if !matches!(control.next().await, Ok(Some(_))) {
                    break;
                }
            }
            std::future::pending::<Result<String>>().await
        };
        let text = tokio::select! {
            text = read(&child.master) => text?,
            never = reports => never?,
        };
        child.wait().await?;
        Ok(text)
    }
}

async fn run(supervisor: &Supervisor, program: &[String], way: Way) -> Result<Duration> {
    let text = begin(supervisor, program, way).await?.finish().await?;
    let took = text.split_once(inside::TOOK).and_then(|(_, rest)| rest.split_once(';'));
    let (nanos, _) = took.with_context(|| format!("no time was printed: {text}"))?;
    Ok(Duration::from_nanos(nanos.trim().parse()?))
}

/// Up to the end of the terminal.
async fn read(master: &Master) -> Result<String> {
    let mut text = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        tokio::time::timeout(PATIENCE, master.readable()).await.context("nothing comes any more")??;
        match master.try_read(&mut buffer) {
            Ok(0) => return Ok(String::from_utf8_lossy(&text).into_owned()),
            Ok(read) => text.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
    }
}

async fn label(supervisor: &Supervisor) -> Result<&'static str> {
    let gated =
        bastide_pty::gate::spawn(setup(supervisor, &["/bin/true".to_owned()], Profile::Closed)?).await?;
    Ok(match gated.label {
        Label::Enforced => "enforced",
        _ => "gated",
    })
}
