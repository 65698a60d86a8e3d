//! The system calls of a gated session, as a classic BPF program for seccomp(2).
//!
//! Every program start asks the supervisor. System calls that would let a session change a decision
//! after it was made, run code on behalf of somebody else, or leave the namespaces, are refused. The
//! rest is as ever. [`build`] is a pure function: the tests run its result, for both machines, in a small interpreter.

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
compile_error!("the gate knows the system calls of x86-64 and of 64-bit ARM");

mod lists;

use libc::{
    BPF_ABS, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W, sock_filter,
};

use self::lists::{Call, Machine};
use super::Profile;

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

/// The program for `profile` on this machine.
pub(super) fn build(profile: Profile) -> Vec<sock_filter> {
    build_for(profile, Machine::OWN)
}

/// The checks by argument come first: the kernel remembers which calls are always allowed and does not run
/// the program for them, but it cannot for these.
fn build_for(profile: Profile, machine: Machine) -> Vec<sock_filter> {
    let mut program = Program { machine, instructions: Vec::new() };
    program.instructions.extend([
        load(ARCH),
        skip_if(BPF_JEQ, machine.arch(), 1, 0),
        give(ABSENT),
        load(NR),
        // Among these are all of x32, which have a high bit set.
        skip_if(BPF_JGE, lists::NEWEST + 1, 0, 1),
        give(ABSENT),
    ]);
    program.on_argument(
        lists::IOCTL,
        1,
        &[(BPF_JEQ, libc::TIOCSTI as u32, REFUSE), (BPF_JEQ, libc::TIOCLINUX as u32, REFUSE)],
    );
    program.on_argument(lists::CLONE, 0, &[(BPF_JSET, NAMESPACES | CLONE_PTRACE, REFUSE)]);
    program.any_of(&[lists::EXECVE, lists::EXECVEAT], ASK);
    program.on_argument(lists::UNSHARE, 0, &[(BPF_JSET, NAMESPACES | NEW_TIME, REFUSE)]);
    program.on_argument(lists::PRCTL, 0, &[(BPF_JEQ, libc::PR_SET_MM as u32, REFUSE)]);
    program.on_argument(
        lists::PERSONALITY,
        0,
        &[(BPF_JEQ, ASK_PERSONALITY, ALLOW), (BPF_JSET, READ_IMPLIES_EXEC, REFUSE)],
    );
    if profile == Profile::Closed {
        program.on_argument(lists::SHMAT, 2, &[(BPF_JSET, SHM_EXEC, REFUSE)]);
        program.any_of(&lists::NAMELESS_CODE, ABSENT);
    }
    program.any_of(&lists::ABSENT, ABSENT);
    program.any_of(&lists::REFUSED, REFUSE);
    program.instructions.push(give(ALLOW));
    program.instructions
}

struct Program {
    machine: Machine,
    instructions: Vec<sock_filter>,
}

impl Program {
    /// For this call: the first check of the low half of its argument that holds gives the answer, none of
    /// them allows.
    fn on_argument(&mut self, call: Call, index: u32, checks: &[(u32, u32, u32)]) {
        let Some(number) = call.on(self.machine) else { return };
        let body = 2 + 2 * checks.len();
        self.instructions.push(skip_if(BPF_JEQ, number, 0, jump(body)));
        self.instructions.push(load(low_half_of_argument(index)));
        for (how, value, answer) in checks {
            self.instructions.push(skip_if(*how, *value, 0, 1));
            self.instructions.push(give(*answer));
        }
        self.instructions.push(give(ALLOW));
    }

    fn any_of(&mut self, calls: &[Call], answer: u32) {
        let numbers: Vec<u32> = calls.iter().filter_map(|call| call.on(self.machine)).collect();
        for (index, number) in numbers.iter().enumerate() {
            self.instructions.push(skip_if(BPF_JEQ, *number, jump(numbers.len() - index), 0));
        }
        self.instructions.push(statement(BPF_JMP | BPF_JA, 1));
        self.instructions.push(give(answer));
    }
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
