//! Natural keys of several parts, and keys that are paths of names.
//!
//! A key of several parts is one text, its parts divided by `|`: `color|Red`. A path of names is divided
//! by `/`: `Default Category/Sale`. A divider or a backslash within a part is written with a backslash
//! before it, so that every key stands for one list of parts.

/// The shape of a natural key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyShape {
    /// One text, taken as it is.
    Plain,
    /// A path of names from the root, divided by `/`.
    Path,
    /// Parts of these names, divided by `|`.
    Parts(&'static [&'static str]),
}

const PARTS: char = '|';
const NAMES: char = '/';

/// The text of a key of several parts.
pub fn of_parts<'a>(parts: impl IntoIterator<Item = &'a str>) -> String {
    join(parts, PARTS)
}

/// The parts of a key.
pub fn parts(key: &str) -> Vec<String> {
    split(key, PARTS)
}

/// The text of a path of names.
pub fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> String {
    join(names, NAMES)
}

/// The names of a path, from the root.
pub fn names(key: &str) -> Vec<String> {
    split(key, NAMES)
}

fn join<'a>(parts: impl IntoIterator<Item = &'a str>, divider: char) -> String {
    let mut text = String::new();
    for (i, part) in parts.into_iter().enumerate() {
        if i > 0 {
            text.push(divider);
        }
        for c in part.chars() {
            if c == divider || c == '\\' {
                text.push('\\');
            }
            text.push(c);
        }
    }
    text
}

fn split(key: &str, divider: char) -> Vec<String> {
    let mut parts = vec![String::new()];
    let mut chars = key.chars().peekable();
    while let Some(c) = chars.next() {
        let escaped = c == '\\' && chars.peek().is_some_and(|n| *n == divider || *n == '\\');
        let c = if escaped {
            chars.next().unwrap_or(c)
        } else {
            c
        };
        if c == divider && !escaped {
            parts.push(String::new());
        } else if let Some(part) = parts.last_mut() {
            part.push(c);
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_list_of_parts_has_a_key_of_its_own(list in prop::collection::vec("[a/|\\\\ é]{0,4}", 1..4)) {
            let texts = || list.iter().map(String::as_str);
            prop_assert_eq!(parts(&of_parts(texts())), list.clone());
            prop_assert_eq!(names(&of_names(texts())), list.clone());
            let nested = of_parts([of_names(texts()).as_str(), "24-MB01"]);
            let outer = parts(&nested);
            prop_assert_eq!(names(&outer[0]), list.clone());
        }
    }

    #[test]
    fn a_backslash_that_escapes_nothing_is_one() {
        assert_eq!(names(r"a\b/c"), [r"a\b", "c"]);
        assert_eq!(names(r"a\/b/c"), ["a/b", "c"]);
        assert_eq!(parts("color|Red / Blue"), ["color", "Red / Blue"]);
    }
}
