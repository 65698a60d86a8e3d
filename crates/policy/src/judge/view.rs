//! The one shape in which patterns see a command, whatever door it came from.

use crate::exec::{ExecFacts, Names, basename};
use crate::facts::{Fact, Redirect, Word};

/// Directories in which a typed path is the program of that name.
const SYSTEM: [&[u8]; 6] =
    [b"/bin", b"/sbin", b"/usr/bin", b"/usr/sbin", b"/usr/local/bin", b"/usr/local/sbin"];

/// What patterns look at.
#[derive(Debug)]
pub(crate) struct View<'a> {
    /// Any of them is enough to refuse.
    names: [Option<&'a [u8]>; 6],
    pub(crate) paths: [Option<&'a [u8]>; 4],
    /// The name under which it may be allowed.
    pub(crate) own_name: Option<&'a [u8]>,
    pub(crate) own_path: Option<&'a [u8]>,
    /// Whether the program is known at all.
    pub(crate) known: bool,
    pub(crate) arguments: Arguments<'a>,
    pub(crate) environment: Environment<'a>,
    pub(crate) redirects: &'a [Redirect],
    /// The whole line, at a door of text.
    pub(crate) line: Option<&'a str>,
    /// Words of a command for a device.
    pub(crate) device: Option<&'a [Vec<u8>]>,
    pub(crate) non_ascii: bool,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Arguments<'a> {
    Bytes(&'a [&'a [u8]]),
    Words(&'a [Word]),
    Device(&'a [Vec<u8>]),
}

/// One argument.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen<'a> {
    /// As typed, when it is not known.
    pub(crate) bytes: &'a [u8],
    pub(crate) known: bool,
}

impl<'a> Arguments<'a> {
    pub(crate) fn iter(self) -> impl Iterator<Item = Seen<'a>> {
        let (bytes, words, device) = match self {
            Self::Bytes(bytes) => (bytes, &[][..], &[][..]),
            Self::Words(words) => (&[][..], words, &[][..]),
            Self::Device(words) => (&[][..], &[][..], words),
        };
        let known = |bytes| Seen { bytes, known: true };
        let words = words.iter().map(move |word| match word {
            Word::Known(bytes) => known(bytes),
            Word::Unknown(raw) => Seen { bytes: raw.as_bytes(), known: false },
        });
        bytes.iter().copied().map(known).chain(words).chain(device.iter().map(move |word| known(word)))
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Environment<'a> {
    Bytes(&'a [&'a [u8]]),
    Assignments(&'a [(String, Word)]),
}

impl<'a> Environment<'a> {
    pub(crate) fn names(self) -> impl Iterator<Item = &'a [u8]> {
        let (bytes, assignments) = match self {
            Self::Bytes(bytes) => (bytes, &[][..]),
            Self::Assignments(assignments) => (&[][..], assignments),
        };
        bytes.iter().copied().chain(assignments.iter().map(|(name, _)| name.as_bytes()))
    }
}

impl<'a> View<'a> {
    pub(crate) fn of_fact(fact: &'a Fact, line: &'a str) -> Self {
        let typed = fact.program.known();
        let name = typed.map(basename);
        let absolute = typed.filter(|path| path.starts_with(b"/"));
        let own_name = match typed {
            Some(path) if !path.contains(&b'/') => name,
            Some(path) => name.filter(|name| {
                let directory = &path[..path.len() - name.len()];
                SYSTEM.contains(&directory.strip_suffix(b"/").unwrap_or(directory))
            }),
            None => None,
        };
        Self {
            names: [name, None, None, None, None, None],
            paths: [typed, None, None, None],
            own_name,
            own_path: absolute,
            known: typed.is_some(),
            arguments: Arguments::Words(&fact.arguments),
            environment: Environment::Assignments(&fact.assignments),
            redirects: &fact.redirects,
            line: Some(line),
            device: None,
            non_ascii: fact.non_ascii,
        }
    }

    pub(crate) fn of_exec(facts: &ExecFacts<'a>) -> Self {
        let names = Names::of(facts);
        Self {
            non_ascii: names.names.iter().flatten().any(|name| !name.is_ascii()),
            names: names.names,
            paths: names.paths,
            own_name: Some(names.own),
            own_path: Some(facts.exe),
            known: true,
            arguments: Arguments::Bytes(facts.argv.get(names.first..).unwrap_or_default()),
            environment: Environment::Bytes(facts.environment),
            redirects: &[],
            line: None,
            device: None,
        }
    }

    pub(crate) fn of_device(words: &'a [Vec<u8>], line: &'a str) -> Self {
        let name = words.first().map(Vec::as_slice);
        Self {
            names: [name, None, None, None, None, None],
            paths: [None; 4],
            own_name: name,
            own_path: None,
            known: true,
            arguments: Arguments::Device(words.get(1..).unwrap_or_default()),
            environment: Environment::Bytes(&[]),
            redirects: &[],
            line: Some(line),
            device: Some(words),
            non_ascii: name.is_some_and(|name| !name.is_ascii()),
        }
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = &'a [u8]> {
        self.names.into_iter().flatten()
    }
}
