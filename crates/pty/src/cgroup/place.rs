//! Where in the hierarchy this process is, and whether a part of it is ours.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::fs::Access;

/// How the groups of daemons are named that were given none; units of systemd end in `.service`.
const BESIDE: &str = "bastide-ptyd-";

/// Whether a base was made by us.
pub(super) fn is_beside(base: &Path) -> bool {
    let name = base.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with(BESIDE) && !name.ends_with(".service")
}

#[derive(Debug)]
pub(super) struct Place {
    /// Where the second hierarchy is mounted.
    mount: PathBuf,
    /// This process's group in it.
    pub(super) own: PathBuf,
}

impl Place {
    pub(super) fn find() -> Result<Self, String> {
        let read = |file: &str| fs::read_to_string(file).map_err(|error| format!("{file}: {error}"));
        let (mounts, own) = (read("/proc/self/mountinfo")?, read("/proc/self/cgroup")?);
        locate(&mounts, &own)
    }

    /// The group to divide; it may still have to be made. `node` tells daemons apart that share what is above.
    pub(super) fn base(&self, node: &str) -> Result<PathBuf, String> {
        let is_root = rustix::process::geteuid().is_root();
        // The root of the whole hierarchy has no such file, cgroups(7): it may hold processes and be divided.
        let is_top = |group: &Path| !group.join("cgroup.events").exists();
        let beside = |top: &Path| top.join(format!("{BESIDE}{node}"));
        if is_top(&self.own) {
            return if is_root { Ok(beside(&self.own)) } else { Err(not_given(&self.own)) };
        }
        if is_delegated(&self.own) || (self.own == self.mount && is_writable(&self.own)) {
            return Ok(self.own.clone());
        }
        if is_root && is_top(&self.mount) && is_writable(&self.mount) {
            return Ok(beside(&self.mount));
        }
        if !is_root && is_writable(&self.own) {
            return Ok(self.own.clone());
        }
        Err(not_given(&self.own))
    }
}

impl Place {
    /// A group with processes is given no controllers, and others are not ours to move.
    pub(super) fn is_for_us_alone(&self) -> Result<(), String> {
        let own = std::process::id().to_string();
        let inside = super::words(&self.own.join("cgroup.procs"));
        if inside.iter().all(|pid| *pid == own) {
            return Ok(());
        }
        Err(format!("other processes are in the cgroup {}", self.own.display()))
    }
}

fn not_given(own: &Path) -> String {
    format!("the cgroup {} was not delegated to the daemon", own.display())
}

/// systemd marks what it has delegated, systemd.resource-control(5).
fn is_delegated(group: &Path) -> bool {
    ["user.delegate", "trusted.delegate"].iter().any(|name| {
        let mut value = [0; 8];
        rustix::fs::getxattr(group, *name, &mut value[..]).is_ok_and(|length| value[..length] == *b"1")
    })
}

fn is_writable(group: &Path) -> bool {
    let may_write = |path: &Path| rustix::fs::access(path, Access::WRITE_OK).is_ok();
    may_write(group)
        && may_write(&group.join("cgroup.procs"))
        && may_write(&group.join("cgroup.subtree_control"))
}

/// From `mountinfo` and `cgroup` of proc(5).
fn locate(mounts: &str, groups: &str) -> Result<Place, String> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::"));
    let own = own.ok_or("this process is in no cgroup of the second version")?;
    let mut mounted = mounts.lines().filter_map(|line| {
        let (mount, file_system) = line.split_once(" - ")?;
        (file_system.split(' ').next()? == "cgroup2").then_some(())?;
        let mut fields = mount.split(' ').skip(3);
        Some((fields.next()?, fields.next()?))
    });
    let (root, mount) = mounted.next().ok_or("no hierarchy of the second version of cgroups is mounted")?;
    let below = Path::new(own).strip_prefix(root).ok();
    let below = below.filter(|below| below.components().all(|part| part.as_os_str() != ".."));
    let below = below.ok_or_else(|| format!("the cgroup {own} is not below {mount}"))?;
    let mount = PathBuf::from(mount);
    // Without a slash at its end where nothing is below.
    let own = mount.join(below).components().collect();
    Ok(Place { mount, own })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTS: &str = "22 1 0:20 / /sys rw shared:2 - sysfs sysfs rw\n\
        30 22 0:26 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate\n";

    fn own(mounts: &str, groups: &str) -> Result<PathBuf, String> {
        locate(mounts, groups).map(|place| place.own)
    }

    #[test]
    fn the_own_group_is_found_below_its_mount() {
        let unit = "0::/system.slice/bastide-ptyd.service\n";
        let there = Path::new("/sys/fs/cgroup/system.slice/bastide-ptyd.service");
        assert_eq!(own(MOUNTS, unit).as_deref(), Ok(there));
        // Both versions are mounted.
        let mixed = MOUNTS.replace("/sys/fs/cgroup ", "/sys/fs/cgroup/unified ");
        let groups = "4:memory:/a\n0::/\n";
        assert_eq!(own(&mixed, groups).as_deref(), Ok(Path::new("/sys/fs/cgroup/unified")));
        // Of a container, whose part alone is mounted.
        let bound = MOUNTS.replace(" / /sys/fs/cgroup ", " /docker/1 /sys/fs/cgroup ");
        assert_eq!(own(&bound, "0::/docker/1/x\n").as_deref(), Ok(Path::new("/sys/fs/cgroup/x")));
    }

    #[test]
    fn what_is_not_there_or_out_of_reach_is_told() {
        assert!(own(MOUNTS, "4:memory:/a\n").is_err());
        assert!(own("22 1 0:20 / /sys rw - sysfs sysfs rw\n", "0::/\n").is_err());
        assert!(own(MOUNTS, "0::/../outside\n").is_err());
    }
}
