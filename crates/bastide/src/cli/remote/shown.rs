//! What a server said, as lines for people.

use jiff::Timestamp;
use serde_json::Value;

use crate::cli::list::printable;
use crate::cli::{duration, output};

/// The value at `pointer` (`/owner/username`) as text; `-` when there is none. Control characters do
/// not reach the terminal.
pub(super) fn text(of: &Value, pointer: &str) -> String {
    match of.pointer(pointer) {
        None | Some(Value::Null) => "-".to_owned(),
        Some(Value::String(text)) if text.is_empty() => "-".to_owned(),
        Some(Value::String(text)) => printable(text),
        Some(Value::Array(words)) => {
            let words: Vec<_> = words.iter().map(|word| word.as_str().unwrap_or("?")).collect();
            printable(&words.join(" "))
        }
        Some(Value::Bool(yes)) => if *yes { "yes" } else { "no" }.to_owned(),
        Some(other) => other.to_string(),
    }
}

/// How long ago, or how long from now: `3d 4h ago`, `in 89d`.
pub(super) fn when(of: &Value, pointer: &str, now: Timestamp) -> String {
    let at = of.pointer(pointer).and_then(Value::as_str).and_then(|text| text.parse::<Timestamp>().ok());
    let Some(at) = at else { return "-".to_owned() };
    let seconds = at.as_second() - now.as_second();
    let length = duration::short(seconds.unsigned_abs());
    if seconds > 0 { format!("in {length}") } else { format!("{length} ago") }
}

/// `12m 5s`, from milliseconds.
pub(super) fn length(of: &Value, pointer: &str) -> String {
    let milliseconds = of.pointer(pointer).and_then(Value::as_u64);
    milliseconds.map_or_else(|| "-".to_owned(), |ms| duration::short(ms / 1000))
}

/// `1.4 MB`.
pub(super) fn size(of: &Value, pointer: &str) -> String {
    let Some(bytes) = of.pointer(pointer).and_then(Value::as_u64) else { return "-".to_owned() };
    let mut size = bytes;
    for unit in ["B", "KB", "MB", "GB"] {
        if size < 10_000 {
            return format!("{size} {unit}");
        }
        size /= 1000;
    }
    format!("{size} TB")
}

/// Writes rows under their heads, or says that there are none.
pub(super) fn table(
    head: &[&str],
    rows: Vec<Vec<String>>,
    none: &str,
) -> Result<(), crate::cli::exit::Failure> {
    if rows.is_empty() {
        output::remark(none);
        return Ok(());
    }
    output::print(crate::cli::table::table(head, rows, crate::cli::table::width()).as_bytes())
}

/// The words of a list, or the one word.
pub(super) fn words(value: &Value) -> String {
    match value {
        Value::Array(all) => all.iter().map(words).collect::<Vec<_>>().join(","),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
