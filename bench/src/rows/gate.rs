//! What the kernel gate costs: programs started under it beside the same without it, in turns.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use bastide_policy::{Bundle, Door, RuleSet, Subject};
use bastide_pty::gate::{Confinement, Label, Profile, Rules, Setup, Supervisor};
use bastide_pty::{Account, Limits, Master, Size, Spawn, environment};

use super::Bench;
use crate::report::Row;
use crate::stats::{median, ratio, show};
use crate::{inside, machine};

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
    runtime.block_on(rows(&bench.binary))
}

async fn rows(binary: &Path) -> Result<Vec<Row>> {
    let label = label(binary).await?;
    let spawns = inside::command(&["spawns", &STARTS.to_string(), "/bin/true"])?;
    let starts = in_turns(binary, &spawns, ROUNDS).await?;
    // The shell itself is one of the programs: the round is one start of it.
    let script = inside::command(&["spawns", "1", "/bin/sh", "-c", SCRIPT])?;
    let scripts = in_turns(binary, &script, SCRIPTS).await?;
    let mut rows =
        vec![row(&format!("starting /bin/true under the gate ({label})"), ("≤ 1.6×", 1.6), &starts, STARTS)];
    rows.push(row(
        "a configure-like script of 1,800 programs under the gate",
        ("≤ 1.35×", 1.35),
        &scripts,
        1,
    ));
    rows.push(memory(binary).await?);
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

async fn in_turns(binary: &Path, program: &[String], rounds: usize) -> Result<[Vec<Duration>; 3]> {
    let mut times = [const { Vec::new() }; 3];
    for round in 0..=rounds {
        for (times, way) in times.iter_mut().zip(WAYS) {
            let took = run(binary, program, way).await?;
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

fn setup(binary: &Path, program: &[String], profile: Profile) -> Result<Setup> {
    let set = RuleSet::parse(br#"{"version":1}"#).map_err(|faults| anyhow::anyhow!("{faults}"))?;
    let bundle = Bundle::new(&set).map_err(|faults| anyhow::anyhow!("{faults}"))?;
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
        supervisor: Supervisor::new(binary, vec!["gate".into()]),
    })
}

async fn run(binary: &Path, program: &[String], way: Way) -> Result<Duration> {
    let text = match way {
        Way::Bare => {
            let child = bastide_pty::spawn(spawn(program)?).await?;
            let text = read(&child.master).await?;
            child.wait().await?;
            text
        }
        Way::Gated(profile) => {
            let mut gated = bastide_pty::gate::spawn(setup(binary, program, profile)?).await?;
            let (child, control) = (&gated.child, &mut gated.control);
            let reports = async {
                while let Ok(Some(_)) = control.next().await {}
                std::future::pending::<Result<String>>().await
            };
            let text = tokio::select! {
                text = read(&child.master) => text?,
                never = reports => never?,
            };
            child.wait().await?;
            text
        }
    };
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

async fn label(binary: &Path) -> Result<&'static str> {
    let gated = bastide_pty::gate::spawn(setup(binary, &["/bin/true".to_owned()], Profile::Closed)?).await?;
    Ok(match gated.label {
        Label::Enforced => "enforced",
        _ => "gated",
    })
}

/// Of a supervisor whose session waits.
async fn memory(binary: &Path) -> Result<Row> {
    let program = ["/bin/sleep".to_owned(), "600".to_owned()];
    let gated = bastide_pty::gate::spawn(setup(binary, &program, Profile::Workbench)?).await?;
    let supervisor = machine::field(&format!("/proc/{}/status", gated.child.pid()), "PPid:")?;
    let supervisor = i32::try_from(supervisor)?;
    if supervisor <= 1 {
        bail!("the session has no supervisor");
    }
    let rollup = format!("/proc/{supervisor}/smaps_rollup");
    let rss = machine::field(&rollup, "Rss:")?;
    let private = machine::field(&rollup, "Private_Clean:")? + machine::field(&rollup, "Private_Dirty:")?;
    let before = machine::switches(supervisor)?;
    tokio::time::sleep(Duration::from_secs(2)).await;
    let woken = machine::switches_between(&before, &machine::switches(supervisor)?);
    gated.control.end()?;
    gated.child.wait().await?;
    Ok(Row::new(
        "a supervisor whose session waits: memory, of it private; wake-ups in 2 s",
        format!("{rss} KB, {private} KB; {woken}"),
    )
    .target("≤ 2,500 KB, ≤ 500 KB; 0", rss <= 2500 && private <= 500 && woken == 0))
}
