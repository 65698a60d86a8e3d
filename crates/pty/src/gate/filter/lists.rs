//! The system calls that the filter knows, for each machine, and which of them a gated session does not have
//! whatever their arguments. Numbers are data: both machines' filters are built and tested on either.

/// A machine that we run on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Machine {
    X86_64,
    Aarch64,
}

impl Machine {
    pub(super) const OWN: Self = if cfg!(target_arch = "x86_64") { Self::X86_64 } else { Self::Aarch64 };

    /// `AUDIT_ARCH_…`, linux/audit.h.
    pub(super) const fn arch(self) -> u32 {
        match self {
            Self::X86_64 => 0xc000_003e,
            Self::Aarch64 => 0xc000_00b7,
        }
    }
}

/// A system call's numbers, from the kernel's `asm/unistd_64.h` and `asm-generic/unistd.h`.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    /// As the headers have it; the tests look there.
    #[cfg_attr(not(test), expect(dead_code, reason = "what the tests compare by"))]
    pub(super) name: &'static str,
    x86_64: Option<u32>,
    aarch64: Option<u32>,
}

impl Call {
    /// `None`: this machine does not have it.
    pub(super) const fn on(&self, machine: Machine) -> Option<u32> {
        match machine {
            Machine::X86_64 => self.x86_64,
            Machine::Aarch64 => self.aarch64,
        }
    }
}

const fn call(name: &'static str, x86_64: u32, aarch64: u32) -> Call {
    Call { name, x86_64: Some(x86_64), aarch64: Some(aarch64) }
}

/// Since Linux 5.1 a new call has the same number everywhere.
const fn new(name: &'static str, number: u32) -> Call {
    call(name, number, number)
}

const fn only_on_x86(name: &'static str, number: u32) -> Call {
    Call { name, x86_64: Some(number), aarch64: None }
}

/// The newest call of the kernel that this was written for (file_setattr(2), Linux 6.17). What later ones do
/// is not known here, so a session does not have them; programs do without, as on an older kernel.
pub(super) const NEWEST: u32 = 469;

pub(super) const EXECVE: Call = call("execve", 59, 221);
pub(super) const EXECVEAT: Call = call("execveat", 322, 281);
pub(super) const IOCTL: Call = call("ioctl", 16, 29);
pub(super) const CLONE: Call = call("clone", 56, 220);
pub(super) const UNSHARE: Call = call("unshare", 272, 97);
pub(super) const PRCTL: Call = call("prctl", 157, 167);
pub(super) const PERSONALITY: Call = call("personality", 135, 92);
pub(super) const SHMAT: Call = call("shmat", 30, 196);

/// Answered with ENOSYS. The C library falls back from clone3(2), whose flags lie in memory where a
/// filter cannot read them, to clone(2). Programs do without io_uring(7), which would open files
/// and (once it can) start programs without a system call that the filter sees.
pub(super) const ABSENT: [Call; 4] = [
    new("clone3", 435),
    new("io_uring_setup", 425),
    new("io_uring_enter", 426),
    new("io_uring_register", 427),
];

/// Files without a name, which could be mapped executable. Answered with ENOSYS in *closed*.
pub(super) const NAMELESS_CODE: [Call; 2] = [call("memfd_create", 319, 279), new("memfd_secret", 447)];

/// Answered with EPERM.
pub(super) const REFUSED: [Call; 43] = [
    // Another process' memory, descriptors and page faults: whoever reaches them changes what was judged.
    call("ptrace", 101, 117),
    call("process_vm_readv", 310, 270),
    call("process_vm_writev", 311, 271),
    new("pidfd_getfd", 438),
    call("kcmp", 312, 272),
    call("userfaultfd", 323, 282),
    // Code in the kernel, and another kernel.
    call("bpf", 321, 280),
    call("perf_event_open", 298, 241),
    call("init_module", 175, 105),
    call("finit_module", 313, 273),
    call("delete_module", 176, 106),
    call("kexec_load", 246, 104),
    call("kexec_file_load", 320, 294),
    // Files past their names, and other names for files.
    call("open_by_handle_at", 304, 265),
    call("mount", 165, 40),
    call("umount2", 166, 39),
    call("pivot_root", 155, 41),
    call("chroot", 161, 51),
    new("move_mount", 429),
    new("open_tree", 428),
    new("open_tree_attr", 467),
    new("fsopen", 430),
    new("fsconfig", 431),
    new("fsmount", 432),
    new("fspick", 433),
    new("mount_setattr", 442),
    // Events that stall or see what others open.
    call("fanotify_init", 300, 262),
    call("setns", 308, 268),
    // Keys, accounting, the machine itself.
    call("keyctl", 250, 219),
    call("add_key", 248, 217),
    call("request_key", 249, 218),
    call("acct", 163, 89),
    call("reboot", 169, 142),
    call("swapon", 167, 224),
    call("swapoff", 168, 225),
    call("nfsservctl", 180, 42),
    // The clock: rules have hours.
    call("settimeofday", 164, 170),
    call("clock_settime", 227, 112),
    call("adjtimex", 159, 171),
    call("clock_adjtime", 305, 266),
    // Ports of the machine, and a library loader of the seventies.
    only_on_x86("iopl", 172),
    only_on_x86("ioperm", 173),
    only_on_x86("uselib", 134),
];
