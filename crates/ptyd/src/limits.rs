//! What sessions may use and see of this machine: limits of each process, of a session's processes together, and of
//! the files that it sees.

use std::path::{Path, PathBuf};

use bastide_pty::View;
use bastide_pty::cgroup::{Cgroups, Controller, Group, GroupLimits, Outcome};
use bastide_session::Bounds;
use bastide_wire::Spec;
use bastide_wire::control::{GateInfo, MissingLayer};
use bastide_wire::session::{LimitsInfo, MissingLimit};
use bastide_wire::spec::{LAYER_CGROUP, MAX_CPU_PERCENT, MAX_READ_ONLY, MAX_UMASK, MIN_GROUP_MEMORY, limit};
use uuid::Uuid;

/// The groups of sessions, where this machine gives them.
pub(crate) struct Limits {
    groups: Result<Cgroups, String>,
}

impl Limits {
    /// Takes possession of the daemon's group, as long as nothing else runs in it. Blocks for what an earlier daemon
    /// of this `node` has left.
    pub(crate) fn open(node: &str) -> Self {
        let groups = Cgroups::claim(node);
        let limits = Self { groups };
        if let Some(cause) = limits.lack() {
            tracing::info!(cause, "sessions cannot be limited as a whole in every way");
        }
        limits
    }

    /// Why not all controllers are there.
    fn lack(&self) -> Option<String> {
        match &self.groups {
            Err(why) => Some(why.clone()),
            Ok(groups) if groups.missing().is_empty() => None,
            Ok(groups) => {
                let missing: Vec<_> = groups.missing().iter().map(|(_, why)| why.as_str()).collect();
                Some(missing.join(", "))
            }
        }
    }

    /// Why this session cannot have the group that it requires.
    pub(crate) fn lacks(&self, spec: &Spec) -> Option<String> {
        if !spec.layers.iter().any(|layer| layer == LAYER_CGROUP) {
            return None;
        }
        if spec.ssh.is_some() {
            return Some("a session on another machine has no cgroup here".to_owned());
        }
        let groups = match &self.groups {
            Ok(groups) => groups,
            Err(why) => return Some(format!("this machine lacks the layer cgroup: {why}")),
        };
        let asked = asked(spec);
        let (_, why) = groups.missing().iter().find(|(missing, _)| asked.contains(missing))?;
        Some(format!("this machine lacks a limit that the session requires: {why}"))
    }

    /// The group of a session that asks for one, and what is to be told of all its limits.
    pub(crate) fn bounds(&self, spec: &Spec, uid: Uuid) -> Result<Bounds, String> {
        let requires = spec.layers.iter().any(|layer| layer == LAYER_CGROUP);
        let mut info = LimitsInfo { in_force: of_itself(spec), missing: Vec::new() };
        let group = if requires || !asked(spec).is_empty() { Some(self.make(spec, uid)) } else { None };
        let group = match group {
            None => None,
            Some(Ok((group, outcome))) => {
                for (controller, set) in outcome {
                    note(&mut info, controller, set);
                }
                Some(group)
            }
            Some(Err(why)) => {
                for controller in asked(spec) {
                    note(&mut info, controller, Err(why.clone()));
                }
                None
            }
        };
        if requires && (group.is_none() || !info.missing.is_empty()) {
            let causes: Vec<_> = info.missing.iter().map(|missing| missing.cause.as_str()).collect();
            return Err(format!("the limits that this session requires do not hold: {}", causes.join(", ")));
        }
        let told = !info.in_force.is_empty() || !info.missing.is_empty();
        Ok(Bounds { info: told.then_some(info), group })
    }

    fn make(&self, spec: &Spec, uid: Uuid) -> Result<(Group, Outcome), String> {
        let groups = self.groups.as_ref().map_err(Clone::clone)?;
        let made = groups.make(&uid.to_string(), &together(spec));
        made.map_err(|error| format!("the group was not made: {error}"))
    }

    /// Adds the layer to what this machine can give.
    pub(crate) fn describe(&self, info: &mut GateInfo) {
        let Some(cause) = self.lack() else {
            info.layers.push(LAYER_CGROUP.to_owned());
            return;
        };
        info.missing.push(MissingLayer { layer: LAYER_CGROUP.to_owned(), cause });
    }
}

fn note(info: &mut LimitsInfo, controller: Controller, set: Result<(), String>) {
    let limit = match controller {
        Controller::Processes => limit::GROUP_PROCESSES,
        Controller::Memory => limit::GROUP_MEMORY,
        Controller::Cpu => limit::GROUP_CPU,
    };
    match set {
        Ok(()) => info.in_force.push(limit.to_owned()),
        Err(cause) => info.missing.push(MissingLimit { limit: limit.to_owned(), cause }),
    }
}

fn together(spec: &Spec) -> GroupLimits {
    let group = spec.limits.as_ref().and_then(|limits| limits.group.clone()).unwrap_or_default();
    GroupLimits { processes: group.processes, memory: group.memory, cpu_percent: group.cpu_percent }
}

fn asked(spec: &Spec) -> Vec<Controller> {
    let limits = together(spec);
    let asked = [limits.processes, limits.memory, limits.cpu_percent];
    Controller::ALL.into_iter().zip(asked).filter(|(_, limit)| limit.is_some()).map(|(one, _)| one).collect()
}

/// Limits that hold wherever the session starts at all.
fn of_itself(spec: &Spec) -> Vec<String> {
    let limits = spec.limits.clone().unwrap_or_default();
    let named = [
        ("open_files", limits.open_files.is_some()),
        ("processes", limits.processes.is_some()),
        ("memory", limits.memory.is_some()),
        ("file_size", limits.file_size.is_some()),
        ("cpu_seconds", limits.cpu_seconds.is_some()),
        ("umask", limits.umask.is_some()),
        (limit::PRIVATE_TMP, limits.private_tmp),
        (limit::READ_ONLY, !limits.read_only.is_empty()),
    ];
    named.into_iter().filter(|(_, asked)| *asked).map(|(name, _)| name.to_owned()).collect()
}

/// Limits that make no sense.
pub(crate) fn check(spec: &Spec) -> Result<(), String> {
    let limits = spec.limits.clone().unwrap_or_default();
    let group = limits.group.unwrap_or_default();
    let wrong = [
        ("umask", limits.umask.is_some_and(|umask| umask > MAX_UMASK)),
        (limit::GROUP_PROCESSES, group.processes == Some(0)),
        (limit::GROUP_MEMORY, group.memory.is_some_and(|bytes| bytes < MIN_GROUP_MEMORY)),
        (
            limit::GROUP_CPU,
            group.cpu_percent.is_some_and(|percent| !(1..=MAX_CPU_PERCENT).contains(&percent)),
        ),
        (limit::READ_ONLY, limits.read_only.len() > MAX_READ_ONLY),
    ];
    match wrong.iter().find(|(_, wrong)| *wrong) {
        Some((what, _)) => Err(format!("Invalid argument: {what} is out of bounds")),
        None => Ok(()),
    }
}

/// Of each process.
pub(crate) fn of_processes(spec: &Spec) -> bastide_pty::Limits {
    let asked = spec.limits.clone().unwrap_or_default();
    bastide_pty::Limits {
        open_files: asked.open_files,
        processes: asked.processes,
        memory: asked.memory,
        file_size: asked.file_size,
        cpu_seconds: asked.cpu_seconds,
        umask: asked.umask,
    }
}

/// What the session sees of the machine's files. Asks the file system.
pub(crate) fn view(spec: &Spec, cwd: &Path) -> Result<View, String> {
    let limits = spec.limits.clone().unwrap_or_default();
    let view = View {
        private_tmp: limits.private_tmp,
        read_only: limits.read_only.iter().map(|path| read_only(path)).collect::<Result<_, _>>()?,
    };
    // Under the gate the session has a namespace in any case; where it cannot, it is refused there.
    if spec.rules.is_some() || view.is_plain() {
        return Ok(view);
    }
    if !nix::unistd::geteuid().is_root() {
        let what = if view.private_tmp { limit::PRIVATE_TMP } else { limit::READ_ONLY };
        return Err(format!("Invalid argument: {what} needs a daemon of root, or rules for the session"));
    }
    if view.private_tmp
        && ["/tmp", "/var/tmp"].iter().any(|tmp| cwd.starts_with(tmp) && cwd != Path::new(tmp))
    {
        return Err(format!("Invalid argument: {} is not there when /tmp is private", cwd.display()));
    }
    Ok(view)
}

/// Without symbolic links: what is bound must be what is named.
fn read_only(path: &str) -> Result<PathBuf, String> {
    let wrong = |why: &str| format!("Invalid argument: read-only path {}: {why}", path.escape_default());
    if !path.starts_with('/') {
        return Err(wrong("it is not absolute"));
    }
    std::fs::canonicalize(path).map_err(|error| wrong(&error.to_string()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use bastide_wire::spec::{GroupLimits, Limits as Asked};

    use super::*;

    fn nothing() -> Limits {
        Limits { groups: Err("nobody gave one".to_owned()) }
    }

    fn spec(layers: &[&str]) -> Spec {
        let group = Some(GroupLimits { memory: Some(1 << 30), ..GroupLimits::default() });
        Spec {
            limits: Some(Asked { umask: Some(0o27), group, ..Asked::default() }),
            layers: layers.iter().map(|name| (*name).to_owned()).collect(),
            ..Spec::default()
        }
    }

    #[test]
    fn without_groups_a_session_is_told_and_goes_on_unless_it_requires_them() {
        let bounds = nothing().bounds(&spec(&[]), Uuid::nil()).unwrap();
        let info = bounds.info.unwrap();
        assert_eq!(info.in_force, ["umask"]);
        assert_eq!(
            (info.missing[0].limit.as_str(), info.missing[0].cause.as_str()),
            ("group.memory", "nobody gave one")
        );
        assert!(bounds.group.is_none());
        let required = spec(&["cgroup"]);
        assert!(nothing().lacks(&required).unwrap().contains("nobody gave one"));
        assert!(nothing().bounds(&required, Uuid::nil()).is_err());
        assert_eq!(nothing().lacks(&spec(&["notifier"])), None);
        let mut gate = GateInfo::default();
        nothing().describe(&mut gate);
        assert_eq!((gate.layers.len(), gate.missing[0].layer.as_str()), (0, "cgroup"));
    }

    #[test]
    fn who_asks_for_no_limits_is_told_of_none() {
        let bounds = nothing().bounds(&Spec::default(), Uuid::nil()).unwrap();
        assert!(bounds.info.is_none() && bounds.group.is_none());
    }

    #[test]
    fn limits_out_of_bounds_are_refused() {
        let with = |change: fn(&mut Spec)| {
            let mut spec = spec(&[]);
            change(&mut spec);
            check(&spec)
        };
        assert!(check(&spec(&[])).is_ok());
        assert!(with(|s| s.limits.as_mut().unwrap().umask = Some(0o1000)).unwrap_err().contains("umask"));
        let group = |group| {
            let limits = Some(Asked { group: Some(group), ..Asked::default() });
            check(&Spec { limits, ..Spec::default() })
        };
        assert!(group(GroupLimits { processes: Some(0), ..GroupLimits::default() }).is_err());
        assert!(group(GroupLimits { memory: Some(4096), ..GroupLimits::default() }).is_err());
        assert!(group(GroupLimits { cpu_percent: Some(0), ..GroupLimits::default() }).is_err());
        assert!(
            with(|s| s.limits.as_mut().unwrap().read_only = vec!["/".into(); MAX_READ_ONLY + 1]).is_err()
        );
    }

    #[test]
    fn read_only_paths_are_there_and_named_by_their_own_name() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/etc", &link).unwrap();
        let path = |path: &str| {
            let limits = Some(Asked { read_only: vec![path.into()], ..Asked::default() });
            Spec { limits, rules: Some("x".into()), ..Spec::default() }
        };
        let seen = view(&path(link.to_str().unwrap()), Path::new("/")).unwrap();
        assert_eq!(seen.read_only, [Path::new("/etc")]);
        assert!(view(&path("etc"), Path::new("/")).unwrap_err().contains("absolute"));
        assert!(view(&path("/no/such/place"), Path::new("/")).unwrap_err().contains("No such file"));
    }
}
