//! What is refused before any rule is asked.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use super::Profile;
use super::confine::PROGRAMS;
use super::facts::{Decision, Executable, Facts};

/// Rules of the gate itself, as they stand in verdicts.
pub(super) mod rule {
    pub(in crate::gate) const NAMELESS: &str = "gate:nameless";
    pub(in crate::gate) const OWNER: &str = "gate:owner";
    pub(in crate::gate) const SCRIPT: &str = "gate:script";
    pub(in crate::gate) const LOADER: &str = "gate:loader";
    pub(in crate::gate) const ENVIRONMENT: &str = "gate:environment";
    pub(in crate::gate) const UNREADABLE: &str = "gate:unreadable";
    pub(in crate::gate) const TRACED: &str = "gate:traced";
    pub(in crate::gate) const CHANGED: &str = "gate:changed";
    pub(in crate::gate) const NOT_APPROVED: &str = "gate:not-approved";
    pub(in crate::gate) const TOO_MANY: &str = "gate:too-many-held";
    pub(in crate::gate) const APPROVED: &str = "gate:approved";
    pub(in crate::gate) const SESSION: &str = "gate:session";
}

/// Variables that make the loader take code from elsewhere, ld.so(8), iconv(3).
pub(super) fn changes_loading(name: &[u8]) -> bool {
    name.starts_with(b"LD_") || name == b"GCONV_PATH" || name == b"GLIBC_TUNABLES"
}

const PRELOADS: [&[u8]; 2] = [b"LD_PRELOAD", b"LD_AUDIT"];

/// Writable by the group or by everybody.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// What counts as the machine's own.
#[derive(Debug, Clone, Default)]
pub(super) struct Machine {
    /// Owners.
    pub(super) roots: Vec<u32>,
    /// Directories with programs beside the usual ones.
    pub(super) programs: Vec<PathBuf>,
}

impl Machine {
    /// A name that leads to the same file whenever it is looked at: a script's interpreter opens it again.
    /// Nobody in the session can change a directory on the way, nor what a link in one of them leads to.
    fn is_fixed(&self, name: &[u8]) -> bool {
        let path = Path::new(OsStr::from_bytes(name));
        let trees = PROGRAMS.iter().map(Path::new).chain(self.programs.iter().map(PathBuf::as_path));
        !path.components().any(|part| part == Component::ParentDir)
            && trees.into_iter().any(|tree| path.starts_with(tree))
    }
}

/// What the gate refuses by itself.
pub(super) fn refusal(facts: &Facts, profile: Profile, machine: &Machine) -> Option<Decision> {
    let files = || std::iter::once(&facts.exe).chain(&facts.script);
    if files().any(is_nameless) {
        return Some(Decision::deny(rule::NAMELESS));
    }
    if is_loader(&facts.exe) {
        return Some(Decision::deny(rule::LOADER));
    }
    let forbidden = |name: &Vec<u8>| match profile {
        Profile::Closed => true,
        Profile::Workbench => PRELOADS.contains(&name.as_slice()),
    };
    if facts.environment.iter().any(forbidden) {
        return Some(Decision::deny(rule::ENVIRONMENT));
    }
    let foreign =
        |file: &Executable| !machine.roots.contains(&file.owner) || file.mode & WRITABLE_BY_OTHERS != 0;
    if profile == Profile::Closed && files().any(foreign) {
        return Some(Decision::deny(rule::OWNER));
    }
    if profile == Profile::Closed && facts.script.is_some() && !machine.is_fixed(&facts.execfn) {
        return Some(Decision::deny(rule::SCRIPT));
    }
    None
}

fn is_nameless(file: &Executable) -> bool {
    file.links == 0
}

/// `ld-linux-x86-64.so.2`, `ld-2.31.so`, `ld.so`, `ld-musl-x86_64.so.1`: a program that runs programs.
fn is_loader(file: &Executable) -> bool {
    let name = file.path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    name == "ld.so" || (name.starts_with("ld-") && name.contains(".so")) || name.starts_with("ld-musl-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> Executable {
        Executable {
            path: path.into(),
            device: 1,
            inode: 2,
            owner: 0,
            group: 0,
            mode: 0o100_755,
            links: 1,
            changed: (1, 2),
        }
    }

    fn facts(path: &str) -> Facts {
        Facts {
            exe: file(path),
            script: None,
            execfn: path.into(),
            argv: vec![path.into()],
            environment: Vec::new(),
            uid: 1000,
            cwd: "/".into(),
            ppid: 1,
            pgid: 1,
        }
    }

    fn refused(facts: &Facts) -> [Option<String>; 2] {
        let machine = Machine { roots: vec![0], programs: vec!["/srv/tools".into()] };
        [Profile::Closed, Profile::Workbench]
            .map(|profile| refusal(facts, profile, &machine).and_then(|decision| decision.rule))
    }

    fn by(rule: &str) -> Option<String> {
        Some(rule.to_owned())
    }

    #[test]
    fn a_program_of_the_machine_is_left_to_the_rules() {
        assert_eq!(refused(&facts("/usr/bin/ls")), [None, None]);
        assert_eq!(refused(&facts("/usr/bin/ld")), [None, None]);
    }

    #[test]
    fn a_file_without_a_name_never_runs() {
        let mut nameless = facts("/memfd:x");
        nameless.exe.links = 0;
        assert_eq!(refused(&nameless), [by(rule::NAMELESS), by(rule::NAMELESS)]);
        let mut script = facts("/bin/sh");
        script.script = Some(Executable { links: 0, ..file("/tmp/x (deleted)") });
        assert_eq!(refused(&script), [by(rule::NAMELESS), by(rule::NAMELESS)]);
    }

    #[test]
    fn the_loader_is_not_a_program() {
        for loader in
            ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-2.31.so", "/lib/ld-musl-x86_64.so.1", "/x/ld.so"]
        {
            assert_eq!(refused(&facts(loader)), [by(rule::LOADER), by(rule::LOADER)], "{loader}");
        }
    }

    #[test]
    fn own_programs_run_on_the_workbench_only() {
        let own = Executable { owner: 1000, ..file("/usr/local/bin/x") };
        let writable = Executable { mode: 0o100_775, ..file("/usr/local/bin/x") };
        for file in [own, writable] {
            let mut as_program = facts("/usr/local/bin/x");
            as_program.exe = file.clone();
            assert_eq!(refused(&as_program), [by(rule::OWNER), None]);
            let mut as_script = facts("/bin/sh");
            as_script.script = Some(file);
            assert_eq!(refused(&as_script), [by(rule::OWNER), None]);
        }
    }

    #[test]
    fn a_script_is_reached_by_a_name_that_nobody_can_change() {
        let table = [
            ("/usr/bin/ldd", None),
            ("/bin/ldd", None),
            ("/srv/tools/deploy", None),
            ("/usr/bin/../../home/ada/link", by(rule::SCRIPT)),
            ("/home/ada/link", by(rule::SCRIPT)),
            ("./ldd", by(rule::SCRIPT)),
            ("/dev/fd/5", by(rule::SCRIPT)),
            ("/usrlocal/x", by(rule::SCRIPT)),
        ];
        for (name, expected) in table {
            let mut started = facts("/usr/bin/bash");
            started.execfn = name.into();
            assert_eq!(refused(&started), [None, None], "{name} as a program");
            started.script = Some(file("/usr/bin/ldd"));
            assert_eq!(refused(&started), [expected, None], "{name}");
        }
    }

    #[test]
    fn variables_of_the_loader() {
        let table: [(&str, [Option<String>; 2]); 3] = [
            ("LD_PRELOAD", [by(rule::ENVIRONMENT), by(rule::ENVIRONMENT)]),
            ("LD_AUDIT", [by(rule::ENVIRONMENT), by(rule::ENVIRONMENT)]),
            ("LD_LIBRARY_PATH", [by(rule::ENVIRONMENT), None]),
        ];
        for (name, expected) in table {
            assert!(changes_loading(name.as_bytes()));
            let mut with = facts("/usr/bin/ls");
            with.environment = vec![name.into()];
            assert_eq!(refused(&with), expected, "{name}");
        }
        assert!(!changes_loading(b"LDFLAGS"));
    }
}
