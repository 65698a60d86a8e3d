//! Comma-separated values (RFC 4180), no more of it than imports need.

/// Rows of fields. A quoted field may hold commas, line ends and `""`.
///
/// # Errors
/// The number of the row, from 1, in which a quote is not closed or something follows one.
pub(crate) fn rows(text: &str) -> Result<Vec<Vec<String>>, usize> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut rows = Vec::new();
    let mut row = Vec::new();
    let mut field = String::new();
    let mut chars = text.chars().peekable();
    let mut begun = false;
    while let Some(c) = chars.next() {
        begun = true;
        match c {
            '"' if field.is_empty() => {
                quoted(&mut chars, &mut field).ok_or(rows.len() + 1)?;
                if !matches!(chars.peek(), None | Some(',' | '\n' | '\r')) {
                    return Err(rows.len() + 1);
                }
            }
            ',' => row.push(std::mem::take(&mut field)),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' => {
                row.push(std::mem::take(&mut field));
                rows.push(std::mem::take(&mut row));
                begun = false;
            }
            other => field.push(other),
        }
    }
    if begun {
        row.push(field);
        rows.push(row);
    }
    Ok(rows)
}

fn quoted(chars: &mut std::iter::Peekable<std::str::Chars<'_>>, field: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '"' if chars.next_if_eq(&'"').is_some() => field.push('"'),
            '"' => return Some(()),
            other => field.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::rows;

    #[test]
    fn quotes_commas_and_line_ends() {
        let read = rows("\u{feff}a,b\r\n\"x,\"\"y\"\"\n\",\n").unwrap();
        assert_eq!(read, [vec!["a", "b"], vec!["x,\"y\"\n", ""]]);
        assert_eq!(rows("a\nb").unwrap(), [["a"], ["b"]]);
        assert!(rows("").unwrap().is_empty());
    }

    #[test]
    fn the_row_at_fault_is_told() {
        assert_eq!(rows("a\n\"b\n"), Err(2));
        assert_eq!(rows("\"a\"b\n"), Err(1));
    }
}
