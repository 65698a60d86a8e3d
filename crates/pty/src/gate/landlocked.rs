//! Landlock around a session's processes, landlock(7): what they may write and run, whom they may
//! signal. Set in the child before its first program; it cannot be taken off.

use std::io;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, NetPort, Ruleset, RulesetAttr, RulesetCreatedAttr, Scope,
    path_beneath_rules,
};

use super::confine::PROGRAMS;
use super::{Confinement, Profile};

/// The newest version we know how to use; older kernels take the part they know.
const NEWEST: ABI = ABI::V10;

/// Where everybody writes.
const WRITABLE: [&str; 4] = ["/tmp", "/var/tmp", "/run", "/dev/shm"];

/// Devices that are for everybody. Disks are not among them: who writes to one writes to every file.
const DEVICES: [&str; 9] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
    "/dev/tty",
    "/dev/ptmx",
    "/dev/pts",
    "/dev/fd",
];

/// Restricts the calling process and all that it starts. `no_new_privs` where we lack the right to do
/// without.
pub(super) fn restrict(
    profile: Profile,
    confinement: &Confinement,
    home: &Path,
    no_new_privs: bool,
) -> io::Result<()> {
    build(profile, confinement, home, no_new_privs).map_err(io::Error::other)
}

fn build(
    profile: Profile,
    confinement: &Confinement,
    home: &Path,
    no_new_privs: bool,
) -> Result<(), landlock::RulesetError> {
    let all = AccessFs::from_all(NEWEST);
    let look = AccessFs::ReadFile | AccessFs::ReadDir;
    let mut ruleset = Ruleset::default().handle_access(all)?.scope(Scope::from_all(NEWEST))?;
    if confinement.tcp.is_some() {
        ruleset = ruleset.handle_access(AccessNet::BindTcp | AccessNet::ConnectTcp)?;
    }
    let mut write = all & !(AccessFs::MakeChar | AccessFs::MakeBlock | AccessFs::IoctlDev);
    let (mut everywhere, mut at_home) = (look, write);
    match profile {
        Profile::Closed => {
            write &= !BitFlags::from(AccessFs::Execute);
            // A server that listens in the home directory was started outside.
            at_home = write & !BitFlags::from(AccessFs::ResolveUnix);
        }
        Profile::Workbench => everywhere |= AccessFs::Execute,
    }
    let programs = PROGRAMS.iter().map(PathBuf::from).chain(confinement.executable.iter().cloned());
    let (own_devices, own): (Vec<_>, Vec<_>) =
        confinement.writable.iter().cloned().partition(|path| path.starts_with("/dev"));
    let devices = look | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
    let writable = WRITABLE.iter().map(PathBuf::from).chain(own);
    let mut created = ruleset
        .create()?
        .no_new_privs(no_new_privs)
        .add_rules(path_beneath_rules(["/"], everywhere))?
        .add_rules(path_beneath_rules(programs, look | AccessFs::Execute))?
        .add_rules(path_beneath_rules(DEVICES.iter().map(PathBuf::from).chain(own_devices), devices))?
        .add_rules(path_beneath_rules(writable, write))?
        .add_rules(path_beneath_rules([home], at_home))?;
    if let Some(tcp) = &confinement.tcp {
        for port in &tcp.connect {
            created = created.add_rule(NetPort::new(*port, AccessNet::ConnectTcp))?;
        }
        for port in &tcp.listen {
            created = created.add_rule(NetPort::new(*port, AccessNet::BindTcp))?;
        }
    }
    created.restrict_self().map(drop)
}
