#![allow(clippy::unwrap_used)]

use super::*;

const ALL: GroupLimits = GroupLimits { processes: Some(20), memory: Some(64 << 20), cpu_percent: Some(150) };

#[test]
fn limits_are_written_as_the_kernel_reads_them() {
    let files: Vec<_> = ALL.files().into_iter().flat_map(|(_, files)| files).collect();
    let expected = [
        ("pids.max", "20"),
        ("memory.max", "67108864"),
        ("memory.swap.max", "0"),
        ("cpu.max", "150000 100000"),
    ];
    let files: Vec<_> = files.iter().map(|(file, value)| (*file, value.as_str())).collect();
    assert_eq!(files, expected);
    assert!(GroupLimits::default().files().is_empty());
}

#[test]
fn what_cannot_be_limited_is_told_and_the_rest_goes_on() {
    let base = tempfile::tempdir().unwrap();
    let mut groups = Cgroups::at(base.path(), &[Controller::Processes]);
    groups.missing.push((Controller::Memory, "not here".to_owned()));
    let (group, outcome) = groups.make("x", &ALL).unwrap();
    let of = |controller| &outcome.iter().find(|(other, _)| *other == controller).unwrap().1;
    assert_eq!(*of(Controller::Memory), Err("not here".to_owned()));
    // A plain directory has none of the kernel's files.
    assert!(of(Controller::Processes).is_err() && of(Controller::Cpu).is_err());
    assert!(groups.make("x", &ALL).is_err(), "there is one already");
    assert!(group.end());
    assert_eq!(fs::read_dir(base.path()).unwrap().count(), 0);
}
