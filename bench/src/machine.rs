//! What the kernel knows: processor time, memory, wake-ups; and what machine this is.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};
use jiff::Timestamp;
use nix::sys::resource::{UsageWho, getrusage};

/// A clock tick in `/proc` is 10 ms on every Linux we run on (USER_HZ = 100).
const TICK_MS: u64 = 10;

/// Processor time of a process, and of its children that it has waited for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Cpu {
    pub(crate) own: Duration,
    pub(crate) children: Duration,
}

/// From `/proc/PID/stat`, proc_pid_stat(5): utime, stime, cutime, cstime in clock ticks.
pub(crate) fn cpu(pid: i32) -> Result<Cpu> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).with_context(|| format!("process {pid}"))?;
    // The name, in brackets, may hold anything; the state is the first field after it.
    let after = stat.rsplit_once(')').context("stat has no name")?.1;
    let fields: Vec<&str> = after.split_whitespace().collect();
    let ticks =
        |field: usize| -> Result<u64> { Ok(fields.get(field - 3).context("stat is short")?.parse::<u64>()?) };
    let time = |ticks: u64| Duration::from_millis(ticks * TICK_MS);
    Ok(Cpu { own: time(ticks(14)? + ticks(15)?), children: time(ticks(16)? + ticks(17)?) })
}

/// Sum over several processes; one that has gone counts nothing.
pub(crate) fn cpu_of(pids: &[i32]) -> Duration {
    pids.iter().filter_map(|pid| cpu(*pid).ok()).map(|cpu| cpu.own).sum()
}

/// A process with its children, those it has not waited for too.
pub(crate) fn cpu_with_children(pid: i32) -> Result<Duration> {
    let waited = cpu(pid)?;
    Ok(waited.own + waited.children + cpu_of(&children(pid)?))
}

/// This process, all threads.
pub(crate) fn own_cpu() -> Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_SELF)?;
    let time = |value: nix::sys::time::TimeVal| {
        Duration::new(u64::try_from(value.tv_sec()).unwrap_or(0), 0)
            + Duration::from_micros(u64::try_from(value.tv_usec()).unwrap_or(0))
    };
    Ok(time(usage.user_time()) + time(usage.system_time()))
}

/// Proportional set size in KiB, from `/proc/PID/smaps_rollup`.
pub(crate) fn pss_kib(pid: i32) -> Result<u64> {
    field(&format!("/proc/{pid}/smaps_rollup"), "Pss:")
}

/// How often each thread of a process has left the processor, by itself or not.
pub(crate) fn switches(pid: i32) -> Result<HashMap<String, u64>> {
    let mut all = HashMap::new();
    for task in fs::read_dir(format!("/proc/{pid}/task"))? {
        let status = task?.path().join("status").to_string_lossy().into_owned();
        let count =
            field(&status, "voluntary_ctxt_switches:")? + field(&status, "nonvoluntary_ctxt_switches:")?;
        all.insert(status, count);
    }
    Ok(all)
}

/// Switches between two looks; a thread that has begun meanwhile counts whole, one that has ended once.
pub(crate) fn switches_between(before: &HashMap<String, u64>, after: &HashMap<String, u64>) -> u64 {
    let grown = after.iter().map(|(thread, count)| count - before.get(thread).copied().unwrap_or(0));
    let ended = before.keys().filter(|thread| !after.contains_key(*thread)).count();
    grown.sum::<u64>() + ended as u64
}

/// Open descriptors and threads.
pub(crate) fn descriptors_and_threads(pid: i32) -> Result<(usize, usize)> {
    let count = |what: &str| -> Result<usize> { Ok(fs::read_dir(format!("/proc/{pid}/{what}"))?.count()) };
    Ok((count("fd")?, count("task")?))
}

/// The processes a process has started and not waited for.
pub(crate) fn children(pid: i32) -> Result<Vec<i32>> {
    let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"))?;
    Ok(list.split_whitespace().filter_map(|word| word.parse().ok()).collect())
}

/// The number behind a name in a file of `/proc`.
pub(crate) fn field(file: &str, name: &str) -> Result<u64> {
    let text = fs::read_to_string(file).with_context(|| format!("read {file}"))?;
    let line =
        text.lines().find_map(|line| line.strip_prefix(name)).with_context(|| format!("{name} in {file}"))?;
    Ok(line.split_whitespace().next().unwrap_or("0").parse()?)
}

/// Date, processor, memory, kernel and load: what a number means nothing without.
pub(crate) fn describe() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or(": unknown");
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let memory = field("/proc/meminfo", "MemTotal:").unwrap_or(0) / 1024;
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let load = load.split_whitespace().next().unwrap_or("?");
    format!(
        "{} · {} · {cores} cores · {memory} MiB · Linux {} · load before: {load}",
        Timestamp::now().strftime("%Y-%m-%d %H:%M UTC"),
        model.trim_start_matches([' ', '\t', ':']),
        kernel.trim(),
    )
}
