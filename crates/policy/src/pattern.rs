//! Globs and regular expressions over bytes.

use regex::bytes::{Regex, RegexBuilder};

/// Longest pattern, in bytes: nobody writes a longer one by hand.
pub(crate) const MAX_PATTERN: usize = 1024;
/// Compiled size of one expression, in bytes: a thousand of them stay within what a process can spare.
const MAX_COMPILED: usize = 256 * 1024;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub(crate) enum Pattern {
    Exact(Box<[u8]>),
    ExactIgnoringCase(Box<[u8]>),
    Prefix(Box<[u8]>),
    Suffix(Box<[u8]>),
    Regex(Regex),
    /// One that was accepted once and cannot be compiled now. It counts as what is safe.
    Broken,
}

/// Where `*` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Star {
    /// Nowhere: names, arguments.
    Anything,
    /// At `/`; `**` does not: paths.
    Component,
}

impl Pattern {
    pub(crate) fn glob(glob: &str, star: Star, ignore_case: bool) -> Result<Self, String> {
        if glob.len() > MAX_PATTERN {
            return Err(format!("longer than {MAX_PATTERN} bytes"));
        }
        if glob.is_empty() {
            return Err("empty pattern".to_owned());
        }
        if !has_meta(glob) {
            return Ok(match (ignore_case, glob.is_ascii()) {
                (false, _) => Self::Exact(glob.as_bytes().into()),
                (true, true) => Self::ExactIgnoringCase(glob.as_bytes().into()),
                (true, false) => Self::compile(&format!("^{}$", regex::escape(glob)), true)?,
            });
        }
        if star == Star::Anything && !ignore_case {
            if let Some(prefix) = glob.strip_suffix('*').filter(|prefix| !has_meta(prefix)) {
                return Ok(Self::Prefix(prefix.as_bytes().into()));
            }
            if let Some(suffix) = glob.strip_prefix('*').filter(|suffix| !has_meta(suffix)) {
                return Ok(Self::Suffix(suffix.as_bytes().into()));
            }
        }
        Self::compile(&translate(glob, star)?, ignore_case)
    }

    pub(crate) fn regex(expression: &str, ignore_case: bool) -> Result<Self, String> {
        if expression.len() > MAX_PATTERN {
            return Err(format!("longer than {MAX_PATTERN} bytes"));
        }
        if expression.is_empty() {
            return Err("empty expression".to_owned());
        }
        Self::compile(expression, ignore_case)
    }

    fn compile(expression: &str, ignore_case: bool) -> Result<Self, String> {
        RegexBuilder::new(expression)
            .case_insensitive(ignore_case)
            .size_limit(MAX_COMPILED)
            .dfa_size_limit(MAX_COMPILED)
            .dot_matches_new_line(true)
            .nest_limit(50)
            .build()
            .map(Self::Regex)
            .map_err(|error| one_line(&error.to_string()))
    }

    /// Whether it matches; `broken` is the answer of one that cannot be compiled any more.
    pub(crate) fn matches(&self, bytes: &[u8], broken: bool) -> bool {
        match self {
            Self::Exact(exact) => **exact == *bytes,
            Self::ExactIgnoringCase(exact) => exact.eq_ignore_ascii_case(bytes),
            Self::Prefix(prefix) => bytes.starts_with(prefix),
            Self::Suffix(suffix) => bytes.ends_with(suffix),
            Self::Regex(regex) => regex.is_match(bytes),
            Self::Broken => broken,
        }
    }

    /// The one name that it matches, if it is so.
    pub(crate) fn exact(&self) -> Option<&[u8]> {
        match self {
            Self::Exact(exact) => Some(exact),
            _ => None,
        }
    }
}

/// The caret drawings of the library's messages need several lines; the last one says what it is.
fn one_line(message: &str) -> String {
    let last = message.lines().next_back().unwrap_or(message).trim();
    last.strip_prefix("error: ").unwrap_or(last).to_owned()
}

pub(crate) fn has_meta(glob: &str) -> bool {
    glob.contains(['*', '?', '[', '\\'])
}

fn translate(glob: &str, star: Star) -> Result<String, String> {
    let mut expression = String::from("^");
    let mut rest = glob.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '*' if rest.peek() == Some(&'*') => {
                while rest.peek() == Some(&'*') {
                    rest.next();
                }
                expression.push_str(".*");
            }
            '*' if star == Star::Component => expression.push_str("[^/]*"),
            '*' => expression.push_str(".*"),
            '?' if star == Star::Component => expression.push_str("[^/]"),
            '?' => expression.push('.'),
            '\\' => {
                let escaped = rest.next().ok_or("ends with a backslash")?;
                expression.push_str(&regex::escape(escaped.encode_utf8(&mut [0; 4])));
            }
            '[' => expression.push_str(&set(&mut rest)?),
            other => expression.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
        }
    }
    expression.push('$');
    Ok(expression)
}

/// `[abc]`, `[a-z]`, `[!a]`; the opening bracket has been read.
fn set(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<String, String> {
    let mut set = String::from("[");
    if rest.peek().is_some_and(|c| matches!(c, '!' | '^')) {
        rest.next();
        set.push('^');
    }
    let mut first = true;
    for c in rest.by_ref() {
        match c {
            ']' if !first => {
                set.push(']');
                return Ok(set);
            }
            '-' => set.push('-'),
            '[' | ']' | '\\' | '^' | '&' | '~' => {
                set.push('\\');
                set.push(c);
            }
            other => set.push(other),
        }
        first = false;
    }
    Err("`[` without `]`".to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn glob(glob: &str, star: Star) -> impl Fn(&str) -> bool {
        let pattern = Pattern::glob(glob, star, false).unwrap();
        move |text| pattern.matches(text.as_bytes(), false)
    }

    #[test]
    fn a_star_in_a_path_stays_inside_a_directory() {
        let one = glob("/usr/*/rm", Star::Component);
        assert!(one("/usr/bin/rm") && !one("/usr/a/b/rm"));
        let deep = glob("/usr/**/rm", Star::Component);
        assert!(deep("/usr/a/b/rm"));
        assert!(glob("git-*", Star::Anything)("git-a/b"));
    }

    #[test]
    fn sets_and_escapes() {
        let set = glob("mk[!a-c]*", Star::Anything);
        assert!(set("mkfs") && !set("mkb"));
        assert!(glob("a\\*b", Star::Anything)("a*b"));
        assert!(glob("a.b?", Star::Anything)("a.bc") && !glob("a.b?", Star::Anything)("axbc"));
    }

    #[test]
    fn what_cannot_be_read_says_why() {
        assert!(Pattern::glob("a[b", Star::Anything, false).unwrap_err().contains("without"));
        assert!(!Pattern::regex("(", false).unwrap_err().contains('\n'));
        assert!(Pattern::regex("(((a{1,100}){1,100}){1,100})", false).is_err());
        assert!(Pattern::glob("", Star::Anything, false).is_err());
    }

    #[test]
    fn case_is_ignored_where_asked() {
        let pattern = Pattern::glob("Reload", Star::Anything, true).unwrap();
        assert!(pattern.matches(b"RELOAD", false));
        assert!(Pattern::glob("ÉTÉ", Star::Anything, true).unwrap().matches("été".as_bytes(), false));
    }
}
