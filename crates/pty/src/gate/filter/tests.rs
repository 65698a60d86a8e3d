use std::collections::HashMap;

use super::*;

const ENOSYS: u32 = ABSENT;
const EPERM: u32 = REFUSE;
const I386: u32 = 0x4000_0003;

/// What seccomp(2) shows a filter.
#[derive(Clone, Copy)]
struct Asked {
    arch: u32,
    number: u32,
    arguments: [u64; 6],
}

const MACHINES: [Machine; 2] = [Machine::X86_64, Machine::Aarch64];

/// The header that has the numbers of a machine.
fn header(machine: Machine) -> &'static str {
    match machine {
        Machine::X86_64 if cfg!(target_arch = "x86_64") => "/usr/include/x86_64-linux-gnu/asm/unistd_64.h",
        Machine::X86_64 => "/usr/x86_64-linux-gnu/include/asm/unistd_64.h",
        Machine::Aarch64 => "/usr/include/asm-generic/unistd.h",
    }
}

/// `#define __NR_name number`; `__NR3264_` stands for both widths.
fn numbers(machine: Machine) -> HashMap<String, u32> {
    let text = std::fs::read_to_string(header(machine)).unwrap_or_default();
    let pairs = text.lines().filter_map(|line| {
        let mut words = line.strip_prefix("#define ")?.split_ascii_whitespace();
        let name = words.next()?;
        let name = name.strip_prefix("__NR_").or_else(|| name.strip_prefix("__NR3264_"))?;
        Some((name.to_owned(), words.next()?.parse().ok()?))
    });
    pairs.collect()
}

/// By the kernel's own headers; of calls that are newer than those, the number is the same on both.
#[test]
fn numbers_are_those_of_the_kernels_headers() {
    let single = [
        lists::EXECVE,
        lists::EXECVEAT,
        lists::IOCTL,
        lists::CLONE,
        lists::UNSHARE,
        lists::PRCTL,
        lists::PERSONALITY,
        lists::SHMAT,
    ];
    for machine in MACHINES {
        let known = numbers(machine);
        // The headers of another machine are not everywhere.
        assert!(!known.is_empty() || machine != Machine::OWN, "{} is not there", header(machine));
        if known.is_empty() {
            continue;
        }
        let newest = known.values().copied().filter(|number| *number < 1024).max().unwrap_or(0);
        let all = single.iter().chain(&lists::ABSENT).chain(&lists::NAMELESS_CODE).chain(&lists::REFUSED);
        let mut compared = 0;
        for call in all {
            let Some(number) = call.on(machine) else {
                assert_eq!(known.get(call.name), None, "{machine:?} {}", call.name);
                continue;
            };
            if number <= newest {
                assert_eq!(known.get(call.name), Some(&number), "{machine:?} {}", call.name);
                compared += 1;
            } else {
                assert_eq!(call.on(Machine::X86_64), call.on(Machine::Aarch64), "{}", call.name);
            }
        }
        assert!(compared > 45, "{compared}");
    }
}

/// A call on this machine.
fn call(number: i64, arguments: &[u64]) -> Asked {
    let mut all = [0; 6];
    all[..arguments.len()].copy_from_slice(arguments);
    Asked { arch: Machine::OWN.arch(), number: number as u32, arguments: all }
}

/// A classic BPF machine with the instructions that the filter uses; anything else panics, and so
/// does a jump past the end.
fn run(program: &[sock_filter], call: Asked) -> u32 {
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

fn both(call: Asked) -> [u32; 2] {
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
        let other = Asked { arch: I386, ..call(number, &[]) };
        assert_eq!(both(other), [ENOSYS; 2], "{number}");
        let x32 = call(number | 0x4000_0000, &[]);
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
fn side_doors_are_shut_on_either_machine() {
    for machine in MACHINES {
        let on = |call: &Call| {
            let number = call.on(machine)?;
            let asked = Asked { arch: machine.arch(), number, arguments: [0; 6] };
            Some(
                [Profile::Closed, Profile::Workbench].map(|profile| run(&build_for(profile, machine), asked)),
            )
        };
        let table: [(&[Call], [u32; 2]); 4] = [
            (&[lists::EXECVE, lists::EXECVEAT], [ASK; 2]),
            (&lists::REFUSED, [EPERM; 2]),
            (&lists::ABSENT, [ENOSYS; 2]),
            (&lists::NAMELESS_CODE, [ENOSYS, ALLOW]),
        ];
        for (calls, expected) in table {
            for call in calls {
                assert!(on(call).is_none_or(|answers| answers == expected), "{machine:?} {}", call.name);
            }
        }
    }
}

#[test]
fn a_call_that_is_newer_than_this_filter_is_not_there() {
    assert_eq!(both(call(lists::NEWEST.into(), &[])), [ALLOW; 2]);
    for number in lists::NEWEST + 1..lists::NEWEST + 100 {
        assert_eq!(both(call(number.into(), &[])), [ENOSYS; 2], "{number}");
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
