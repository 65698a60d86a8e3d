//! What really executes, as the kernel has it.

/// One program start. Bytes, not text: nobody promises UTF-8.
///
/// At PRE they are what is asked for, at POST what has been loaded; both are judged by the same function.
#[derive(Debug, Clone, Copy)]
pub struct ExecFacts<'a> {
    /// Real path of the file that is loaded; for a script its interpreter.
    pub exe: &'a [u8],
    pub dev: u64,
    pub inode: u64,
    /// Of the file.
    pub owner: u32,
    /// Of the file.
    pub group: u32,
    /// Of the file, as `stat` has it.
    pub mode: u32,
    /// The path as the caller gave it (`AT_EXECFN`).
    pub execfn: &'a [u8],
    pub argv: &'a [&'a [u8]],
    /// Names of variables that are present; those that change what runs are enough (`LD_*`, `GCONV_PATH`).
    pub environment: &'a [&'a [u8]],
    pub uid: u32,
    pub cwd: &'a [u8],
    /// The `#!` script that `exe` interprets.
    pub script: Option<&'a [u8]>,
}

/// Programs that are many: the name they are started by says which.
const MULTI_CALL: [&[u8]; 5] = [b"busybox", b"busybox.static", b"toybox", b"coreutils", b"uutils"];

/// What follows the last `/`.
pub(crate) fn basename(path: &[u8]) -> &[u8] {
    path.rsplit(|byte| *byte == b'/').next().unwrap_or(path)
}

/// `ld-linux-x86-64.so.2`, `ld-musl-x86_64.so.1`, `ld.so`: starts the program in its arguments.
pub(crate) fn is_loader(name: &[u8]) -> bool {
    name == b"ld.so" || (name.starts_with(b"ld-") && name.windows(3).any(|part| part == b".so"))
}

/// The names under which one exec may be refused, and the one under which it may be allowed.
#[derive(Debug)]
pub(crate) struct Names<'a> {
    pub(crate) names: [Option<&'a [u8]>; 6],
    pub(crate) paths: [Option<&'a [u8]>; 4],
    /// The true one.
    pub(crate) own: &'a [u8],
    /// Where the arguments of the program begin in argv.
    pub(crate) first: usize,
}

impl<'a> Names<'a> {
    pub(crate) fn of(facts: &ExecFacts<'a>) -> Self {
        let exe = basename(facts.exe);
        let called = facts.argv.first().map(|name| basename(name.strip_prefix(b"-").unwrap_or(name)));
        let (applet, first) = match called {
            Some(name) if MULTI_CALL.contains(&exe) && MULTI_CALL.contains(&name) => {
                (facts.argv.get(1).copied().map(basename), 2)
            }
            Some(name) if MULTI_CALL.contains(&exe) => (Some(name), 1),
            _ => (None, 1),
        };
        let loaded = is_loader(exe).then(|| facts.argv.iter().skip(1).find(|word| !word.starts_with(b"-")));
        let loaded = loaded.flatten().copied();
        Self {
            names: [
                Some(exe),
                Some(basename(facts.execfn)),
                called,
                facts.script.map(basename),
                applet,
                loaded.map(basename),
            ],
            paths: [Some(facts.exe), Some(facts.execfn), facts.script, loaded],
            own: applet.unwrap_or(exe),
            first,
        }
    }
}
