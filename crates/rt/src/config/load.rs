use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::environment::{EnvVar, Means};

/// Where settings come from, weakest first.
#[derive(Debug, Clone, Copy)]
pub struct Sources<'a> {
    pub file: File<'a>,
    pub variables: &'a [EnvVar],
    pub flags: &'a [Flag],
}

#[derive(Debug, Clone, Copy)]
pub enum File<'a> {
    None,
    /// The usual place: it may be missing.
    IfPresent(&'a Path),
    /// Asked for by name: it must be there.
    Required(&'a Path),
}

/// A flag that was given on the command line.
#[derive(Debug, Clone)]
pub struct Flag {
    /// As the user wrote it: `--socket`.
    pub name: &'static str,
    /// The setting it stands for: `socket`.
    pub key: &'static str,
    pub value: String,
}

/// Settings, and where each came from.
#[derive(Debug)]
pub struct Loaded<T> {
    pub value: T,
    /// One clause each, to be logged when logging is set up.
    pub warnings: Vec<String>,
    origins: BTreeMap<String, String>,
}

impl<T> Loaded<T> {
    /// Who set `key`, for messages: a variable's name, a flag, `FILE (key)`, or `default (key)`.
    pub fn origin(&self, key: &str) -> String {
        self.origins.get(key).cloned().unwrap_or_else(|| format!("default ({key})"))
    }
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("cannot read {}: {cause}", path.display())]
    Read { path: PathBuf, cause: io::Error },
    #[error("{}:{line}: {message}", path.display())]
    File { path: PathBuf, line: usize, message: String },
    #[error("{name}: {message}")]
    Variable { name: &'static str, message: String },
    #[error("{name}: {message}")]
    Flag { name: &'static str, message: String },
    #[error("the settings do not fit together: {message}")]
    Together { message: String },
}

/// Reads the settings of this process.
pub fn load<T: DeserializeOwned>(sources: &Sources<'_>) -> Result<Loaded<T>, Error> {
    load_with(sources, |name| std::env::var_os(name))
}

/// The same with another environment.
pub fn load_with<T: DeserializeOwned>(
    sources: &Sources<'_>,
    lookup: impl Fn(&str) -> Option<OsString>,
) -> Result<Loaded<T>, Error> {
    let mut merged = Merged::default();
    merged.file::<T>(sources.file)?;
    for variable in sources.variables {
        merged.variable::<T>(variable, &lookup)?;
    }
    for flag in sources.flags {
        let value =
            typed::<T>(flag.key, &flag.value).map_err(|message| Error::Flag { name: flag.name, message })?;
        merged.set(flag.key, value, flag.name.to_owned());
    }
    let value =
        merged.table.try_into().map_err(|error| Error::Together { message: error.message().to_owned() })?;
    Ok(Loaded { value, warnings: merged.warnings, origins: merged.origins })
}

#[derive(Default)]
struct Merged {
    table: Table,
    origins: BTreeMap<String, String>,
    warnings: Vec<String>,
}

impl Merged {
    fn file<T: DeserializeOwned>(&mut self, file: File<'_>) -> Result<(), Error> {
        let (path, optional) = match file {
            File::None => return Ok(()),
            File::IfPresent(path) => (path, true),
            File::Required(path) => (path, false),
        };
        let text = match std::fs::read_to_string(path) {
            Err(error) if optional && error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(cause) => {
                return Err(Error::Read { path: path.to_owned(), cause });
            }
            Ok(text) => text,
        };
        let wrong = |error: toml::de::Error| Error::File {
            path: path.to_owned(),
            line: line_of(&text, error.span().map_or(0, |span| span.start)),
            message: error.message().to_owned(),
        };
        // The text itself, not the table: only the text knows its lines.
        toml::from_str::<T>(&text).map_err(wrong)?;
        self.table = toml::from_str(&text).map_err(wrong)?;
        let (table, origins) = (&self.table, &mut self.origins);
        note_origins(table, "", path, origins);
        Ok(())
    }

    fn variable<T: DeserializeOwned>(
        &mut self,
        variable: &EnvVar,
        lookup: &impl Fn(&str) -> Option<OsString>,
    ) -> Result<(), Error> {
        // An empty value is how a unit file or a shell unsets a variable.
        let given = variable.names().filter_map(|name| {
            let text = lookup(name).filter(|text| !text.is_empty())?;
            Some((name, text))
        });
        let given: Vec<_> = given.collect();
        let [(name, text), others @ ..] = given.as_slice() else {
            return Ok(());
        };
        for (other, _) in others {
            let warning = format!("{other} is ignored because {name} is set");
            self.warnings.push(warning);
        }
        let key = match variable.means {
            Means::Setting(key) => key,
            Means::Elsewhere => return Ok(()),
            Means::Nothing => {
                let doc = variable.doc;
                self.warnings.push(format!("{name} has no effect: {doc}"));
                return Ok(());
            }
        };
        let wrong = |message| Error::Variable { name, message };
        let text = text.to_str().ok_or_else(|| wrong("the value is not UTF-8".to_owned()))?;
        let value = typed::<T>(key, text).map_err(wrong)?;
        self.set(key, value, (*name).to_owned());
        Ok(())
    }

    fn set(&mut self, key: &str, value: Value, origin: String) {
        put(&mut self.table, key, value);
        self.origins.insert(key.to_owned(), origin);
    }
}

/// The value that `text` means at `key` of a `T`: a number, a truth value, a list as TOML writes
/// them where `T` takes that, else the text as it is.
fn typed<T: DeserializeOwned>(key: &str, text: &str) -> Result<Value, String> {
    let as_text = Value::String(text.to_owned());
    let Some(as_toml) = toml_value(text) else {
        return fits::<T>(key, as_text);
    };
    fits::<T>(key, as_toml).or_else(|message| fits::<T>(key, as_text).map_err(|_| message))
}

fn toml_value(text: &str) -> Option<Value> {
    let mut table: Table = toml::from_str(&format!("value = {text}")).ok()?;
    let value = table.remove("value")?;
    // Text that holds a line break could smuggle in a second key; quoted text stays as it is.
    (table.is_empty() && !value.is_str()).then_some(value)
}

/// Whether a `T` takes `value` at `key`, alone.
fn fits<T: DeserializeOwned>(key: &str, value: Value) -> Result<Value, String> {
    let mut probe = Table::new();
    put(&mut probe, key, value.clone());
    match probe.try_into::<T>() {
        Ok(_) => Ok(value),
        Err(error) => Err(error.message().to_owned()),
    }
}

/// Sets `a.b.c`, making the tables on the way.
fn put(table: &mut Table, key: &str, value: Value) {
    match key.split_once('.') {
        None => {
            table.insert(key.to_owned(), value);
        }
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| Value::Table(Table::new()));
            // A value in the place of a table has been refused when its source was checked.
            if let Value::Table(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn note_origins(table: &Table, prefix: &str, path: &Path, origins: &mut BTreeMap<String, String>) {
    for (name, value) in table {
        let key = format!("{prefix}{name}");
        if let Value::Table(inner) = value {
            note_origins(inner, &format!("{key}."), path, origins);
        }
        let origin = format!("{} ({key})", path.display());
        origins.insert(key, origin);
    }
}

/// The number, from 1, of the line that the byte at `offset` lies in.
fn line_of(text: &str, offset: usize) -> usize {
    let before = &text.as_bytes()[..offset.min(text.len())];
    1 + before.iter().filter(|byte| **byte == b'\n').count()
}

#[cfg(test)]
mod tests;
