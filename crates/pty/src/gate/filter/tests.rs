use super::*;

const ENOSYS: u32 = ABSENT;
const EPERM: u32 = REFUSE;
const I386: u32 = 0x4000_0003;

/// What seccomp(2) shows a filter.
#[derive(Clone, Copy)]
struct Call {
    arch: u32,
    number: u32,
    arguments: [u64; 6],
}

fn call(number: i64, arguments: &[u64]) -> Call {
    let mut all = [0; 6];
    all[..arguments.len()].copy_from_slice(arguments);
    Call { arch: OWN_ARCH, number: number as u32, arguments: all }
}

/// A classic BPF machine with the instructions that the filter uses; anything else panics, and so
/// does a jump past the end.
fn run(program: &[sock_filter], call: Call) -> u32 {
    let mut bytes = Vec::new();
    bytes.extend(call.number.to_le_bytes());
    bytes.extend(call.arch.to_le_bytes());
    bytes.extend(0_u64.to_le_bytes());
    call.arguments.iter().for_each(|argument| bytes.extend(argument.to_le_bytes()));
    let (mut at, mut accumulator) = (0, 0);
    loop {
        let now = program[at];
        at += 1;
        let code = u32::from(now.code);
        if code == BPF_LD | BPF_W | BPF_ABS {
            let from = now.k as usize;
            accumulator = u32::from_le_bytes(bytes[from..from + 4].try_into().expect("four bytes"));
        } else if code == BPF_RET | BPF_K {
            return now.k;
        } else if code == BPF_JMP | BPF_JA {
            at += now.k as usize;
        } else {
            let holds = match code & !(BPF_JMP | BPF_K) {
                BPF_JEQ => accumulator == now.k,
                BPF_JGE => accumulator >= now.k,
                BPF_JSET => accumulator & now.k != 0,
                other => panic!("instruction {other:#x}"),
            };
            at += usize::from(if holds { now.jt } else { now.jf });
        }
    }
}

fn both(call: Call) -> [u32; 2] {
    [Profile::Closed, Profile::Workbench].map(|profile| run(&build(profile), call))
}

#[test]
fn every_program_start_asks_the_supervisor() {
    for number in [libc::SYS_execve, libc::SYS_execveat] {
        assert_eq!(both(call(number, &[1, 2, 3, 4, 5])), [ASK; 2]);
    }
}

#[test]
fn another_architecture_and_x32_have_no_system_call_at_all() {
    for number in 0..600 {
        let other = Call { arch: I386, ..call(number, &[]) };
        assert_eq!(both(other), [ENOSYS; 2], "{number}");
        let x32 = call(number | i64::from(X32_BIT), &[]);
        assert_eq!(both(x32), [ENOSYS; 2], "{number}");
    }
}

#[test]
fn ordinary_calls_are_allowed() {
    use libc::*;
    let ordinary = [
        SYS_read,
        SYS_write,
        SYS_openat,
        SYS_close,
        SYS_mmap,
        SYS_mprotect,
        SYS_wait4,
        SYS_kill,
        SYS_socket,
        SYS_connect,
        SYS_futex,
        SYS_exit_group,
        SYS_setuid,
        SYS_getppid,
        SYS_seccomp,
        SYS_pidfd_open,
        SYS_pidfd_send_signal,
        SYS_name_to_handle_at,
        SYS_rt_sigaction,
        SYS_prlimit64,
        SYS_landlock_restrict_self,
        SYS_statx,
        SYS_close_range,
    ];
    for number in ordinary {
        assert_eq!(both(call(number, &[])), [ALLOW; 2], "{number}");
    }
}

#[test]
fn side_doors_are_shut() {
    for number in lists::REFUSED {
        assert_eq!(both(call(number, &[])), [EPERM; 2], "{number}");
    }
    for number in lists::ABSENT {
        assert_eq!(both(call(number, &[])), [ENOSYS; 2], "{number}");
    }
    for number in lists::NAMELESS_CODE {
        assert_eq!(both(call(number, &[])), [ENOSYS, ALLOW], "{number}");
    }
}

/// High halves are set where the kernel does not read them: a filter that compared 64 bits would
/// let these through.
#[test]
fn arguments_decide_where_a_call_is_good_and_bad() {
    const HIGH: u64 = 0xdead_beef_0000_0000;
    let user = libc::CLONE_NEWUSER as u64;
    let table = [
        (libc::SYS_ioctl, vec![0, 0x5412], [EPERM; 2]),
        (libc::SYS_ioctl, vec![0, 0x5412 | HIGH], [EPERM; 2]),
        (libc::SYS_ioctl, vec![0, 0x541c], [EPERM; 2]),
        (libc::SYS_ioctl, vec![0, 0x5401], [ALLOW; 2]),
        (libc::SYS_ioctl, vec![0x5412, 0], [ALLOW; 2]),
        (libc::SYS_clone, vec![0x11], [ALLOW; 2]),
        (libc::SYS_clone, vec![(libc::CLONE_VM | libc::CLONE_VFORK | libc::SIGCHLD) as u64], [ALLOW; 2]),
        (
            libc::SYS_clone,
            vec![(libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND) as u64],
            [ALLOW; 2],
        ),
        (libc::SYS_clone, vec![user | 17], [EPERM; 2]),
        (libc::SYS_clone, vec![user | 17 | HIGH], [EPERM; 2]),
        (libc::SYS_clone, vec![libc::CLONE_NEWNS as u64], [EPERM; 2]),
        (libc::SYS_clone, vec![libc::CLONE_PTRACE as u64 | 17], [EPERM; 2]),
        (libc::SYS_unshare, vec![libc::CLONE_FILES as u64], [ALLOW; 2]),
        (libc::SYS_unshare, vec![user], [EPERM; 2]),
        (libc::SYS_unshare, vec![u64::from(NEW_TIME)], [EPERM; 2]),
        (libc::SYS_unshare, vec![libc::CLONE_NEWNET as u64], [EPERM; 2]),
        (libc::SYS_prctl, vec![35], [EPERM; 2]),
        (libc::SYS_prctl, vec![22, 2], [ALLOW; 2]),
        (libc::SYS_personality, vec![0xffff_ffff], [ALLOW; 2]),
        (libc::SYS_personality, vec![0x0040_0000], [EPERM; 2]),
        (libc::SYS_personality, vec![0x0004_0000], [ALLOW; 2]),
        (libc::SYS_shmat, vec![1, 0, 0o100_000], [EPERM, ALLOW]),
        (libc::SYS_shmat, vec![1, 0, 0], [ALLOW; 2]),
    ];
    for (number, arguments, expected) in table {
        assert_eq!(both(call(number, &arguments)), expected, "{number} {arguments:x?}");
    }
}

/// The kernel takes 4096 instructions; every jump must land inside (run would panic otherwise).
#[test]
fn the_program_is_small_and_every_call_ends_in_an_answer() {
    for profile in [Profile::Closed, Profile::Workbench] {
        let program = build(profile);
        assert!(program.len() < 120, "{}", program.len());
        for number in 0..1024 {
            run(&program, call(number, &[u64::MAX; 6]));
        }
    }
}
