//! MySQL's `utf8_general_ci`: one weight a character, case and accents do not count.

use std::cmp::Ordering;

use crate::domain::text::{folded, weight};

/// `=`, `<` and `>`: spaces at the end do not count.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    weights(a.trim_end_matches(' ')).cmp(weights(b.trim_end_matches(' ')))
}

pub(super) fn equal(a: &str, b: &str) -> bool {
    compare(a, b).is_eq()
}

/// A text that is the same for all texts that are equal: a key for maps.
pub(super) fn key(text: &str) -> String {
    folded(text)
}

/// `LIKE`: `%` is any text, `_` any character, `\` takes their meaning away. Spaces count.
pub(super) fn like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = weights(text).collect();
    let mut parts = Vec::new();
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        parts.push(match c {
            '%' => Part::Any,
            '_' => Part::One,
            '\\' => Part::This(weight(chars.next().unwrap_or('\\'))),
            c => Part::This(weight(c)),
        });
    }
    matches(&text, &parts)
}

enum Part {
    Any,
    One,
    This(char),
}

/// Greedy, going back to the last `%` only: linear in practice, and never exponential.
fn matches(text: &[char], parts: &[Part]) -> bool {
    let (mut at, mut part) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while at < text.len() {
        let hit = match parts.get(part) {
            Some(Part::Any) => {
                retry = Some((part + 1, at));
                part += 1;
                continue;
            }
            Some(Part::One) => true,
            Some(Part::This(c)) => *c == text[at],
            None => false,
        };
        if hit {
            at += 1;
            part += 1;
        } else if let Some((after, from)) = retry {
            retry = Some((after, from + 1));
            part = after;
            at = from + 1;
        } else {
            return false;
        }
    }
    parts[part..].iter().all(|part| matches!(part, Part::Any))
}

fn weights(text: &str) -> impl Iterator<Item = char> {
    text.chars().map(weight)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_accents_and_spaces_at_the_end_do_not_count() {
        assert!(equal("Müller ", "MULLER"));
        assert!(equal("ß", "s"));
        assert!(!equal("ø", "o"));
        assert!(!equal("a", " a"));
        // Weights are those of upper case: `_` comes after all letters.
        assert_eq!(compare("a_b", "axb"), Ordering::Greater);
    }

    #[test]
    fn patterns() {
        for (text, pattern, hit) in [
            ("home-hero", "home%", true),
            ("HOME-hero", "%HERO", true),
            ("home", "h_me", true),
            ("home", "h_e", false),
            ("50%", "50\\%", true),
            ("500", "50\\%", false),
            ("abcabd", "%abd", true),
            ("", "%", true),
            ("", "", true),
            ("a", "", false),
            ("a ", "a", false),
        ] {
            assert_eq!(like(text, pattern), hit, "{text:?} like {pattern:?}");
        }
    }
}
