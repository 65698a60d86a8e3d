//! Which system calls a gated session does not have, whatever their arguments.

use libc::*;

/// Absent from libc for some targets; one number for every architecture since Linux 5.1.
const SYS_OPEN_TREE_ATTR: i64 = 467;

/// Answered with ENOSYS. The C library falls back from clone3(2), whose flags lie in memory where a
/// filter cannot read them, to clone(2). Programs do without io_uring(7), which would open files
/// and (once it can) start programs without a system call that the filter sees.
pub(super) const ABSENT: [i64; 4] =
    [SYS_clone3, SYS_io_uring_setup, SYS_io_uring_enter, SYS_io_uring_register];

/// Files without a name, which could be mapped executable. Answered with ENOSYS in *closed*.
pub(super) const NAMELESS_CODE: [i64; 2] = [SYS_memfd_create, SYS_memfd_secret];

const EVERYWHERE: [i64; 36] = [
    // Another process' memory, descriptors and page faults: whoever reaches them changes what was judged.
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_pidfd_getfd,
    SYS_kcmp,
    SYS_userfaultfd,
    // Code in the kernel, and another kernel.
    SYS_bpf,
    SYS_perf_event_open,
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_kexec_file_load,
    // Files past their names, and other names for files.
    SYS_open_by_handle_at,
    SYS_mount,
    SYS_umount2,
    SYS_pivot_root,
    SYS_chroot,
    SYS_move_mount,
    SYS_open_tree,
    SYS_OPEN_TREE_ATTR,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_mount_setattr,
    // Events that stall or see what others open.
    SYS_fanotify_init,
    SYS_setns,
    // Keys, accounting, the machine itself.
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    SYS_acct,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_nfsservctl,
];

/// Only on x86: ports of the machine, and a library loader of the seventies.
#[cfg(target_arch = "x86_64")]
const MACHINE: [i64; 3] = [SYS_iopl, SYS_ioperm, SYS_uselib];
#[cfg(target_arch = "aarch64")]
const MACHINE: [i64; 0] = [];

/// Answered with EPERM.
pub(super) const REFUSED: [i64; EVERYWHERE.len() + MACHINE.len()] = {
    let mut all = [0; EVERYWHERE.len() + MACHINE.len()];
    let mut index = 0;
    while index < all.len() {
        all[index] =
            if index < EVERYWHERE.len() { EVERYWHERE[index] } else { MACHINE[index - EVERYWHERE.len()] };
        index += 1;
    }
    all
};
