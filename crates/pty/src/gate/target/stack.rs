//! What a program was started with, from its stack as the kernel has made it: one read instead of three
//! files of proc(5). The process stands before its first instruction, so nobody has written there since.
//!
//! From the stack's pointer upwards (System V ABI, "Process Initialization"; `fs/binfmt_elf.c`): argc, the
//! pointers of argv and a null, those of the environment and a null, pairs of the auxiliary vector, and above
//! them the texts that all of these lead to.

use super::super::refusals::changes_loading;

/// Read at once. Arguments and environment nearly always end before that; where they do not, the files of
/// proc(5) are read.
pub(super) const STACK_BYTES: usize = 16 * 1024;

/// Words of the stack.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stack {
    pub(super) argv: Vec<Vec<u8>>,
    /// Names of those variables only that change how programs are loaded.
    pub(super) environment: Vec<Vec<u8>>,
    pub(super) execfn: Vec<u8>,
    pub(super) euid: u32,
}

/// `bytes` begin where the stack's pointer points to, at `base`. `None`: not all of it is in them.
pub(super) fn read(base: u64, bytes: &[u8]) -> Option<Stack> {
    let mut words = bytes.chunks_exact(8).map(|word| u64::from_ne_bytes(word.try_into().unwrap_or_default()));
    let text = |at: u64| {
        let rest = bytes.get(usize::try_from(at.checked_sub(base)?).ok()?..)?;
        Some(&rest[..rest.iter().position(|byte| *byte == 0)?])
    };
    let count = usize::try_from(words.next()?).ok().filter(|count| *count <= STACK_BYTES / 8)?;
    let mut argv = Vec::with_capacity(count.max(1));
    for _ in 0..count {
        argv.push(text(words.next()?)?.to_vec());
    }
    if words.next()? != 0 {
        return None;
    }
    if argv.is_empty() {
        argv.push(Vec::new());
    }
    let mut environment = Vec::new();
    loop {
        let at = words.next()?;
        if at == 0 {
            break;
        }
        let pair = text(at)?;
        let name = &pair[..pair.iter().position(|byte| *byte == b'=').unwrap_or(pair.len())];
        if changes_loading(name) {
            environment.push(name.to_vec());
        }
    }
    let (mut execfn, mut euid) = (None, None);
    loop {
        let (kind, value) = (words.next()?, words.next()?);
        match kind {
            libc::AT_NULL => break,
            libc::AT_EXECFN => execfn = Some(text(value)?.to_vec()),
            libc::AT_EUID => euid = Some(u32::try_from(value).ok()?),
            _ => {}
        }
    }
    Some(Stack { argv, environment, execfn: execfn?, euid: euid? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BASE: u64 = 0x7fff_0000_1000;

    /// A stack as the kernel makes it.
    fn stack(argv: &[&str], environment: &[&str], execfn: &str) -> Vec<u8> {
        let words = 1 + argv.len() + 1 + environment.len() + 1 + 6;
        let mut texts: Vec<u8> = Vec::new();
        let mut place = |text: &str| {
            let at = BASE + (words * 8 + texts.len()) as u64;
            texts.extend(text.as_bytes());
            texts.push(0);
            at
        };
        let mut all = vec![argv.len() as u64];
        all.extend(argv.iter().map(|text| place(text)));
        all.push(0);
        all.extend(environment.iter().map(|text| place(text)));
        all.push(0);
        all.extend([libc::AT_EXECFN, place(execfn), libc::AT_EUID, 1000, libc::AT_NULL, 0]);
        let mut bytes: Vec<u8> = all.iter().flat_map(|word| word.to_ne_bytes()).collect();
        bytes.extend(texts);
        bytes
    }

    #[test]
    fn all_that_a_program_was_started_with_is_found() {
        let bytes = stack(&["ls", "", "-l"], &["A=1", "LD_PRELOAD=/x", "LD_AUDIT"], "/bin/ls");
        let expected = Stack {
            argv: vec![b"ls".to_vec(), Vec::new(), b"-l".to_vec()],
            environment: vec![b"LD_PRELOAD".to_vec(), b"LD_AUDIT".to_vec()],
            execfn: b"/bin/ls".to_vec(),
            euid: 1000,
        };
        assert_eq!(read(BASE, &bytes), Some(expected));
        let empty = read(BASE, &stack(&[], &[], "/bin/ls")).expect("a stack");
        assert_eq!(empty.argv, [Vec::<u8>::new()]);
    }

    /// Wherever the read ended, the answer is all or nothing.
    #[test]
    fn a_part_of_a_stack_is_none() {
        let bytes = stack(&["ls", "-l"], &["A=1", "LD_PRELOAD=/x"], "/bin/ls");
        for end in 0..bytes.len() {
            assert_eq!(read(BASE, &bytes[..end]), None, "{end}");
        }
        assert_eq!(read(u64::MAX - 8, &bytes), None);
    }

    #[test]
    fn words_that_lead_elsewhere_are_none() {
        let mut bytes = stack(&["ls"], &[], "/bin/ls");
        bytes[8..16].copy_from_slice(&1_u64.to_ne_bytes());
        assert_eq!(read(BASE, &bytes), None);
        bytes[..8].copy_from_slice(&u64::MAX.to_ne_bytes());
        assert_eq!(read(BASE, &bytes), None);
    }
}
