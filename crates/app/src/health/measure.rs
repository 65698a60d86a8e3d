//! What a machine says about itself: the script that asks it, and the reading of its answers. No I/O.
//!
//! Each measure is read alone: a machine without `/proc`, or with a file system that hangs, gives the rest.

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

#[cfg(test)]
mod tests;

/// Longer than any name or reason that is shown.
const MAX_WORDS: usize = 200;
/// More mounts than a page shows; the first are the ones in `/etc/fstab` most of the time.
const MAX_DISKS: usize = 64;

/// Asks for processor, memory and what the machine is. Two readings of the processor's counters, one second
/// apart: one alone is the mean since the machine started. POSIX shell; each part is marked with `@@`.
pub const FACTS_SCRIPT: &str = r#"LC_ALL=C; export LC_ALL
echo @@stat1; head -n 1 /proc/stat
echo @@memory; head -n 60 /proc/meminfo
echo @@uname; uname -s; uname -r; uname -m; uname -n
echo @@release; head -n 40 /etc/os-release
echo @@uptime; head -n 1 /proc/uptime
echo @@cores; getconf _NPROCESSORS_ONLN
echo @@load; head -n 1 /proc/loadavg
sleep 1
echo @@stat2; head -n 1 /proc/stat
echo @@end
"#;

/// Asks every mount of a real file system at once, each with a time-out of its own, so that a file server that
/// does not answer costs its own line only. Each answer is one short line, so that they do not mix.
pub const DISKS_SCRIPT: &str = r#"LC_ALL=C; export LC_ALL
guard=; command -v timeout >/dev/null 2>&1 && guard='timeout -s KILL 3'
one() {
  got=$($guard df -Pk "$1" 2>/dev/null | tail -n 1)
  [ -n "$got" ] || got="@@silent $1"
  printf '%s\n' "$got"
}
if [ -r /proc/mounts ]; then
  n=0
  while read -r device mount kind rest; do
    case $kind in
      ext2|ext3|ext4|xfs|btrfs|zfs|overlay|f2fs|jfs|reiserfs|vfat|exfat|ntfs*|fuseblk|nfs|nfs4|cifs|smb3|ceph|glusterfs|lustre|bcachefs) ;;
      *) [ "$mount" = / ] || continue ;;
    esac
    n=$((n + 1)); [ $n -le 64 ] || break
    one "$(printf '%b' "$mount")" &
  done < /proc/mounts
  wait
else
  df -Pk
fi
"#;

/// What is used of one file system, in bytes.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Disk {
    pub mount: String,
    pub device: String,
    pub total: u64,
    pub used: u64,
    /// For users who are not root.
    pub available: u64,
    /// Percent of what users may fill, as `df` counts it.
    pub percent: f64,
}

/// In bytes.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct Memory {
    pub total: u64,
    /// What programs can have without swapping (`MemAvailable`).
    pub available: u64,
    pub percent: f64,
}

/// What a machine is. What it does not say is absent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct HostFacts {
    pub system: Option<String>,
    pub kernel: Option<String>,
    pub machine: Option<String>,
    pub node: Option<String>,
    /// `PRETTY_NAME` of os-release(5).
    pub release: Option<String>,
    pub uptime_seconds: Option<u64>,
    pub cores: Option<u32>,
    /// Over the last minute.
    pub load: Option<f64>,
}

/// Everything one look has found.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct Resources {
    /// Percent of all cores together, over one second.
    pub cpu: Option<f64>,
    pub memory: Option<Memory>,
    pub disks: Vec<Disk>,
    pub facts: HostFacts,
    /// Why a measure is absent, by its name: `cpu`, `memory`, `disks`, `connection`.
    pub errors: BTreeMap<String, String>,
}

impl Resources {
    /// Reads the answer to [`FACTS_SCRIPT`].
    pub fn read_facts(&mut self, answer: &[u8]) {
        let text = String::from_utf8_lossy(answer);
        let parts = Parts::of(&text);
        match cpu(parts.first("stat1"), parts.first("stat2")) {
            Ok(percent) => self.cpu = Some(percent),
            Err(why) => self.failed("cpu", why),
        }
        match memory(parts.lines("memory")) {
            Ok(memory) => self.memory = Some(memory),
            Err(why) => self.failed("memory", why),
        }
        self.facts = facts(&parts);
    }

    /// Reads the answer to [`DISKS_SCRIPT`].
    pub fn read_disks(&mut self, answer: &[u8]) {
        let text = String::from_utf8_lossy(answer);
        let mut silent = Vec::new();
        for line in text.lines() {
            match line.strip_prefix("@@silent ") {
                Some(mount) if silent.len() < MAX_DISKS => silent.push(short(mount)),
                Some(_) => {}
                None => self.disks.extend(disk(line)),
            }
        }
        // Bind mounts show the same file system again under the same name.
        self.disks.sort_by(|one, other| one.mount.cmp(&other.mount));
        self.disks.dedup_by(|one, other| one.mount == other.mount);
        self.disks.truncate(MAX_DISKS);
        if !silent.is_empty() {
            self.failed("disks", format!("no answer in time: {}", silent.join(", ")));
        } else if self.disks.is_empty() {
            self.failed("disks", "`df -Pk` says nothing there");
        }
    }

    pub fn failed(&mut self, measure: &str, why: impl Into<String>) {
        self.errors.insert(measure.to_owned(), why.into());
    }

    /// How full the file system of `/` is, in percent; of the fullest where there is no `/`.
    pub fn root_percent(&self) -> Option<f64> {
        let root = self.disks.iter().find(|disk| disk.mount == "/").map(|disk| disk.percent);
        root.or_else(|| self.disks.iter().map(|disk| disk.percent).max_by(f64::total_cmp))
    }
}

/// The marked parts of an answer.
struct Parts<'a>(Vec<(&'a str, Vec<&'a str>)>);

impl<'a> Parts<'a> {
    fn of(text: &'a str) -> Self {
        let mut parts: Vec<(&str, Vec<&str>)> = Vec::new();
        // Whatever a login script prints comes before the first mark.
        for line in text.lines() {
            match (line.strip_prefix("@@"), parts.last_mut()) {
                (Some(name), _) => parts.push((name.trim(), Vec::new())),
                (None, Some((_, lines))) => lines.push(line),
                (None, None) => {}
            }
        }
        Self(parts)
    }

    fn lines(&self, name: &str) -> &[&'a str] {
        self.0.iter().find(|(known, _)| *known == name).map_or(&[], |(_, lines)| lines)
    }

    fn first(&self, name: &str) -> Option<&'a str> {
        self.lines(name).first().copied().map(str::trim).filter(|line| !line.is_empty())
    }
}

/// Busy and all ticks of a `cpu` line of proc_stat(5). Waiting for a disk is no work; guests are counted in
/// `user` and `nice` already.
fn ticks(line: &str) -> Option<(u64, u64)> {
    let mut words = line.split_ascii_whitespace();
    if words.next() != Some("cpu") {
        return None;
    }
    let counts: Vec<u64> = words.take(8).map_while(|word| word.parse().ok()).collect();
    if counts.len() < 4 {
        return None;
    }
    let all = counts.iter().try_fold(0_u64, |sum, count| sum.checked_add(*count))?;
    let idle = counts[3].checked_add(counts.get(4).copied().unwrap_or_default())?;
    Some((all.checked_sub(idle)?, all))
}

fn cpu(first: Option<&str>, second: Option<&str>) -> Result<f64, &'static str> {
    let (first, second) = (first.and_then(ticks), second.and_then(ticks));
    let (Some(first), Some(second)) = (first, second) else { return Err("/proc/stat cannot be read there") };
    let all = second.1.checked_sub(first.1).filter(|all| *all > 0);
    let all = all.ok_or("the processor's counters did not move")?;
    // On some machines the idle counter steps back by a little (proc_stat(5)).
    let busy = second.0.saturating_sub(first.0).min(all);
    Ok(percent(busy, all))
}

fn memory(lines: &[&str]) -> Result<Memory, &'static str> {
    let field = |name: &str| {
        let rest = lines.iter().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        rest.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
    };
    let total = field("MemTotal").filter(|total| *total > 0).ok_or("/proc/meminfo cannot be read there")?;
    // Kernels before 3.14 do not say it; this is what they would have come close to.
    let guess = || Some(field("MemFree")?.saturating_add(field("Buffers")?).saturating_add(field("Cached")?));
    let available = field("MemAvailable").or_else(guess).ok_or("MemAvailable is missing there")?.min(total);
    Ok(Memory { total, available, percent: percent(total - available, total) })
}

fn facts(parts: &Parts<'_>) -> HostFacts {
    let uname = |line: usize| {
        let line = parts.lines("uname").get(line)?.trim();
        (!line.is_empty()).then(|| short(line))
    };
    HostFacts {
        system: uname(0),
        kernel: uname(1),
        machine: uname(2),
        node: uname(3),
        release: parts.lines("release").iter().find_map(|line| line.strip_prefix("PRETTY_NAME=")).map(plain),
        uptime_seconds: parts.first("uptime").and_then(|line| line.split(['.', ' ']).next()?.parse().ok()),
        cores: parts.first("cores").and_then(|line| line.parse().ok()).filter(|cores| *cores > 0),
        load: parts
            .first("load")
            .and_then(|line| line.split(' ').next()?.parse().ok())
            .filter(|load: &f64| load.is_finite() && *load >= 0.0),
    }
}

/// What must hold whatever a machine answers.
///
/// # Panics
/// When it does not.
pub fn fuzz_measure(answer: &[u8]) {
    let mut seen = Resources::default();
    seen.read_facts(answer);
    seen.read_disks(answer);
    let percents = seen.disks.iter().map(|disk| disk.percent);
    let percents = percents.chain(seen.cpu).chain(seen.memory.map(|memory| memory.percent));
    for percent in percents {
        assert!((0.0..=100.0).contains(&percent), "{percent} of a hundred");
    }
    assert!(seen.disks.len() <= MAX_DISKS);
}

/// A value of os-release(5), without its quotes.
fn plain(value: &str) -> String {
    let value = value.trim();
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    let inner = inner.or_else(|| value.strip_prefix('\'').and_then(|rest| rest.strip_suffix('\'')));
    short(inner.unwrap_or(value))
}

/// A line of `df -Pk` (POSIX.1-2024, df): device, blocks, used, available, percent, mount. A device's name may hold
/// spaces, a mount's too.
fn disk(line: &str) -> Option<Disk> {
    let words: Vec<&str> = line.split_ascii_whitespace().take(64).collect();
    let at = words.iter().position(|word| word.strip_suffix('%').is_some_and(is_number))?;
    if at < 4 || words.len() == at + 1 {
        return None;
    }
    let kib = |word: &str| word.parse::<u64>().ok()?.checked_mul(1024);
    let (total, used) = (kib(words[at - 3])?, kib(words[at - 2])?);
    // Less than nothing where root has used the reserve.
    let available = if words[at - 1].starts_with('-') { 0 } else { kib(words[at - 1])? };
    let fillable = used.checked_add(available).filter(|all| *all > 0)?;
    // As it stands there: a mount's name may hold more than one space in a row.
    let (_, mount) = line.split_once(words[at])?;
    Some(Disk {
        mount: short(mount.trim()),
        device: short(&words[..at - 3].join(" ")),
        total,
        used,
        available,
        percent: percent(used, fillable),
    })
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// With one decimal, which is what anybody shows.
#[expect(clippy::cast_precision_loss, reason = "a percentage")]
fn percent(part: u64, whole: u64) -> f64 {
    (part as f64 * 1000.0 / whole as f64).round() / 10.0
}

/// Words of another machine, as they may be shown.
fn short(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect()
}
