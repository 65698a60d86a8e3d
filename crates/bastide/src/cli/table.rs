//! Aligned columns.

use unicode_width::UnicodeWidthStr;

/// Between two columns.
const GAP: &str = "  ";

/// Columns of the terminal that is written to; without one, lines are as long as they are.
pub(crate) fn width() -> usize {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).map(|size| usize::from(size.ws_col));
    size.ok().filter(|cols| *cols > 0).unwrap_or(usize::MAX)
}

/// Rows under their heads, each line cut at `most` columns.
pub(crate) fn table(head: &[&str], rows: Vec<Vec<String>>, most: usize) -> String {
    let mut all = vec![head.iter().map(|&word| word.to_owned()).collect::<Vec<_>>()];
    all.extend(rows);
    let widest = |column: usize| all.iter().filter_map(|row| row.get(column)).map(|cell| cell.width()).max();
    let widths: Vec<usize> = (0..head.len()).map(|column| widest(column).unwrap_or_default()).collect();
    let mut text = String::new();
    for row in &all {
        let cells = row.iter().zip(&widths);
        let line: Vec<_> = cells
            .map(|(cell, width)| format!("{cell}{}", " ".repeat(width.saturating_sub(cell.width()))))
            .collect();
        text.push_str(cut(&line.join(GAP), most).trim_end());
        text.push('\n');
    }
    text
}

/// The beginning of `line` that takes at most `most` columns.
fn cut(line: &str, most: usize) -> &str {
    let mut columns = 0;
    for (at, c) in line.char_indices() {
        columns += unicode_width::UnicodeWidthChar::width(c).unwrap_or_default();
        if columns > most {
            return &line[..at];
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_also_where_characters_are_wide() {
        let rows = vec![vec!["构建".to_owned(), "1".to_owned()], vec!["a".to_owned(), "2".to_owned()]];
        assert_eq!(table(&["NAME", "N"], rows.clone(), usize::MAX), "NAME  N\n构建  1\na     2\n");
        assert_eq!(table(&["NAME", "N"], rows, 3), "NAM\n构\na\n");
    }
}
