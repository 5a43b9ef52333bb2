//! Columns that line up, whatever is in them.

use anstyle::Style;
use unicode_width::UnicodeWidthStr as _;

use super::text::{BOLD, clean_line, paint};

/// One cell: its text and how it is shown.
pub(super) type Cell = (String, Style);

/// The rows under their heading, two blanks between columns; nothing ends in blanks.
pub(super) fn table(heading: &[&str], rows: &[Vec<Cell>]) -> String {
    let heading: Vec<Cell> = heading.iter().map(|h| ((*h).to_owned(), BOLD)).collect();
    let rows: Vec<Vec<Cell>> = std::iter::once(&heading)
        .chain(rows)
        .map(|row| {
            row.iter()
                .map(|(text, style)| (clean_line(text), *style))
                .collect()
        })
        .collect();
    let mut widths = vec![0; heading.len()];
    for row in &rows {
        for (width, (text, _)) in widths.iter_mut().zip(row) {
            *width = text.width().max(*width);
        }
    }
    let mut out = String::new();
    for row in &rows {
        let last = row.iter().rposition(|(text, _)| !text.is_empty());
        for (column, (text, style)) in row.iter().enumerate() {
            if last.is_none_or(|last| column > last) {
                break;
            }
            out.push_str(&paint(*style, text));
            if last != Some(column) {
                let width = widths.get(column).copied().unwrap_or_default();
                out.push_str(&" ".repeat(width.saturating_sub(text.width()) + 2));
            }
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use anstream::adapter::strip_str;

    use super::super::text::{GREEN, PLAIN};
    use super::*;

    #[test]
    fn wide_characters_keep_the_columns() {
        let row = |a: &str, b: &str, c: &str| {
            vec![
                (a.to_owned(), GREEN),
                (b.to_owned(), PLAIN),
                (c.to_owned(), PLAIN),
            ]
        };
        let text = table(
            &["ID", "AUTHOR", "SUBJECT"],
            &[
                row("1", "田中", "first"),
                row("22", "Zoë", ""),
                row("333", "", "two\nlines"),
            ],
        );
        insta::assert_snapshot!(strip_str(&text).to_string(), @r"
        ID   AUTHOR  SUBJECT
        1    田中    first
        22   Zoë
        333          two lines
        ");
    }
}
