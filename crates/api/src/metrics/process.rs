//! This process as the kernel sees it (proc(5)), under the names that every Prometheus client uses.

use std::fmt::Write as _;
use std::fs;

/// The unit of times in `/proc/*/stat` is that of user space: 100 a second on every architecture that
/// Linux builds for today.
const TICKS: f64 = 100.0;

/// Appends what can be read; what cannot is left out.
pub(super) fn write(text: &mut String) {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name in parentheses may hold anything.
    let fields: Vec<f64> = stat
        .rsplit(") ")
        .next()
        .unwrap_or_default()
        .split(' ')
        .map(|field| field.trim().parse().unwrap_or_default())
        .collect();
    // Fields 14 and 15, 20, 22 of the whole line, which begins with the third here.
    let field = |number: usize| fields.get(number - 3).copied();
    if let (Some(user), Some(system)) = (field(14), field(15)) {
        put(text, ("process_cpu_seconds_total", "counter"), "CPU time used.", (user + system) / TICKS);
    }
    if let Some(threads) = field(20) {
        put(text, ("process_threads", "gauge"), "Threads.", threads);
    }
    if let (Some(began), Some(boot)) = (field(22), value("/proc/stat", "btime")) {
        let at = boot + began / TICKS;
        put(text, ("process_start_time_seconds", "gauge"), "Start, in seconds since 1970.", at);
    }
    if let Some(kilobytes) = value("/proc/self/status", "VmRSS:") {
        put(text, ("process_resident_memory_bytes", "gauge"), "Memory in use.", kilobytes * 1024.0);
    }
    if let Some(open) = descriptors() {
        put(text, ("process_open_fds", "gauge"), "Open file descriptors.", open);
    }
    if let Some(most) = value("/proc/self/limits", "Max open files") {
        put(text, ("process_max_fds", "gauge"), "Limit of file descriptors.", most);
    }
}

/// The first number after a word at the start of a line.
fn value(file: &str, word: &str) -> Option<f64> {
    let text = fs::read_to_string(file).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix(word))?;
    line.split_whitespace().next()?.parse().ok()
}

fn descriptors() -> Option<f64> {
    let count = fs::read_dir("/proc/self/fd").ok()?.count();
    // One is that of the directory itself.
    u32::try_from(count.saturating_sub(1)).ok().map(f64::from)
}

fn put(text: &mut String, (name, kind): (&str, &str), about: &str, value: f64) {
    // Writing into a string cannot fail.
    let _ = writeln!(text, "# HELP {name} {about}\n# TYPE {name} {kind}\n{name} {value}\n");
}
