//! The system calls of a gated session, as a classic BPF program for seccomp(2).
//!
//! Every program start asks the supervisor. System calls that would let a session change a decision
//! after it was made, run code on behalf of somebody else, or leave the namespaces, are refused. The
//! rest is as ever. [`build`] is a pure function: the tests run its result in a small interpreter.

mod lists;

use libc::{
    BPF_ABS, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter,
};

use super::Profile;

/// `AUDIT_ARCH_…` of this machine, linux/audit.h.
#[cfg(target_arch = "x86_64")]
pub(super) const OWN_ARCH: u32 = 0xc000_003e;
#[cfg(target_arch = "aarch64")]
pub(super) const OWN_ARCH: u32 = 0xc000_00b7;

/// Set in the number of every x32 call. The other architectures have no call as high.
const X32_BIT: u32 = 0x4000_0000;

const NR: u32 = 0;
const ARCH: u32 = 4;
const fn low_half_of_argument(index: u32) -> u32 {
    // Both supported architectures are little-endian.
    16 + 8 * index
}

/// Flags that make a namespace, for clone(2) and unshare(2). `CLONE_NEWTIME` lies in the byte that
/// clone(2) reads as a signal, so it is asked of unshare(2) only.
const NAMESPACES: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32;
const NEW_TIME: u32 = 0x80;
/// Would attach the child to the supervisor while its parent is in the middle of an exec.
const CLONE_PTRACE: u32 = libc::CLONE_PTRACE as u32;

/// Makes every readable mapping executable, personality(2).
const READ_IMPLIES_EXEC: u32 = 0x0040_0000;
const ASK_PERSONALITY: u32 = 0xffff_ffff;

/// Attaches a System V segment executable, shmat(2).
const SHM_EXEC: u32 = 0o100_000;

const ALLOW: u32 = libc::SECCOMP_RET_ALLOW;
const ASK: u32 = libc::SECCOMP_RET_USER_NOTIF;
const REFUSE: u32 = libc::SECCOMP_RET_ERRNO | libc::EPERM as u32;
/// For calls with a fallback in the C library, and for what this machine might as well not have.
const ABSENT: u32 = libc::SECCOMP_RET_ERRNO | libc::ENOSYS as u32;

/// The program for `profile`. The checks by argument come first: the kernel remembers which calls are
/// always allowed and does not run the program for them, but it cannot for these.
pub(super) fn build(profile: Profile) -> Vec<sock_filter> {
    let mut program = vec![
        load(ARCH),
        skip_if(BPF_JEQ, OWN_ARCH, 1, 0),
        give(ABSENT),
        load(NR),
        skip_if(BPF_JGE, X32_BIT, 0, 1),
        give(ABSENT),
    ];
    on_argument(
        &mut program,
        libc::SYS_ioctl,
        1,
        &[(BPF_JEQ, libc::TIOCSTI as u32, REFUSE), (BPF_JEQ, libc::TIOCLINUX as u32, REFUSE)],
    );
    on_argument(&mut program, libc::SYS_clone, 0, &[(BPF_JSET, NAMESPACES | CLONE_PTRACE, REFUSE)]);
    any_of(&mut program, &[libc::SYS_execve, libc::SYS_execveat], ASK);
    on_argument(&mut program, libc::SYS_unshare, 0, &[(BPF_JSET, NAMESPACES | NEW_TIME, REFUSE)]);
    on_argument(&mut program, libc::SYS_prctl, 0, &[(BPF_JEQ, libc::PR_SET_MM as u32, REFUSE)]);
    on_argument(
        &mut program,
        libc::SYS_personality,
        0,
        &[(BPF_JEQ, ASK_PERSONALITY, ALLOW), (BPF_JSET, READ_IMPLIES_EXEC, REFUSE)],
    );
    if profile == Profile::Closed {
        on_argument(&mut program, libc::SYS_shmat, 2, &[(BPF_JSET, SHM_EXEC, REFUSE)]);
        any_of(&mut program, &lists::NAMELESS_CODE, ABSENT);
    }
    any_of(&mut program, &lists::ABSENT, ABSENT);
    any_of(&mut program, &lists::REFUSED, REFUSE);
    program.push(give(ALLOW));
    program
}

/// For the call `number`: the first check of the low half of its argument that holds gives the
/// answer, none of them allows.
fn on_argument(program: &mut Vec<sock_filter>, number: i64, index: u32, checks: &[(u32, u32, u32)]) {
    let body = 2 + 2 * checks.len();
    program.push(skip_if(BPF_JEQ, number as u32, 0, jump(body)));
    program.push(load(low_half_of_argument(index)));
    for (how, value, answer) in checks {
        program.push(skip_if(*how, *value, 0, 1));
        program.push(give(*answer));
    }
    program.push(give(ALLOW));
}

fn any_of(program: &mut Vec<sock_filter>, numbers: &[i64], answer: u32) {
    for (index, number) in numbers.iter().enumerate() {
        program.push(skip_if(BPF_JEQ, *number as u32, jump(numbers.len() - index), 0));
    }
    program.push(statement(BPF_JMP | BPF_JA, 1));
    program.push(give(answer));
}

fn jump(distance: usize) -> u8 {
    u8::try_from(distance).expect("no list is longer than a jump can be")
}

fn load(offset: u32) -> sock_filter {
    statement(BPF_LD | BPF_W | BPF_ABS, offset)
}

fn give(answer: u32) -> sock_filter {
    statement(BPF_RET | BPF_K, answer)
}

fn statement(code: u32, k: u32) -> sock_filter {
    sock_filter { code: code as u16, jt: 0, jf: 0, k }
}

/// Skips `met` instructions when the comparison holds, else `unmet`.
fn skip_if(how: u32, k: u32, met: u8, unmet: u8) -> sock_filter {
    sock_filter { code: (BPF_JMP | how | BPF_K) as u16, jt: met, jf: unmet, k }
}

#[cfg(test)]
mod tests;
