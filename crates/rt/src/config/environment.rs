use std::fmt::Write;

/// An environment variable that a process reads. Each process has one table of them, from which
/// its reference page is made.
#[derive(Debug, Clone, Copy)]
pub struct EnvVar {
    pub name: &'static str,
    /// Older names of the same; `name` wins over them.
    pub aliases: &'static [&'static str],
    pub means: Means,
    /// The value when it is not set, for the reference page.
    pub default: &'static str,
    /// One or two sentences for the reference page.
    pub doc: &'static str,
}

/// What a variable does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Means {
    /// It sets this key of the settings (`flow.threshold`).
    Setting(&'static str),
    /// It is read elsewhere; listed for the reference page only.
    Elsewhere,
    /// It no longer does anything: a warning says so when it is set.
    Nothing,
}

impl EnvVar {
    /// Its name, then its aliases.
    pub(super) fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

/// The reference of `variables` as a Markdown table.
pub fn reference(variables: &[EnvVar]) -> String {
    let mut page = String::from("| variable | setting | default | meaning |\n|---|---|---|---|\n");
    for variable in variables {
        let setting = match variable.means {
            Means::Setting(key) => format!("`{key}`"),
            Means::Elsewhere => "—".to_owned(),
            Means::Nothing => "removed".to_owned(),
        };
        let mut doc = variable.doc.replace('|', "\\|");
        if !variable.aliases.is_empty() {
            let aliases = variable.aliases.join("`, `");
            write!(doc, " Also read as `{aliases}`.").expect("a String takes any text");
        }
        let default = match variable.default {
            "" => "—".to_owned(),
            default => format!("`{default}`"),
        };
        let name = variable.name;
        writeln!(page, "| `{name}` | {setting} | {default} | {doc} |").expect("a String takes any text");
    }
    page
}
