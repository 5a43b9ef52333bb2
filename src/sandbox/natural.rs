//! PHP's `strnatcmp`, in whose order Magento sorts the parameters of a signature.

use std::cmp::Ordering;

/// Compares two texts in natural order: runs of digits by value, all else bytewise.
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.is_empty() || b.is_empty() {
        return a.len().cmp(&b.len());
    }
    let (mut i, mut j) = (0, 0);
    loop {
        i = skip(a, i);
        j = skip(b, j);
        let (digit_a, digit_b) = (is_digit(a, i), is_digit(b, j));
        if digit_a && digit_b {
            let fractional = a[i] == b'0' || b[j] == b'0';
            let result = digits(a, &mut i, b, &mut j, fractional);
            if result != Ordering::Equal {
                return result;
            }
            if i == a.len() || j == b.len() {
                return (i < a.len()).cmp(&(j < b.len()));
            }
        }
        match byte(a, i).cmp(&byte(b, j)) {
            Ordering::Equal => {}
            unequal => return unequal,
        }
        i += 1;
        j += 1;
        if i >= a.len() || j >= b.len() {
            return (i < a.len()).cmp(&(j < b.len()));
        }
    }
}

/// Sorts stably. An insertion sort, because natural order is not transitive for all texts and the
/// standard library may panic on an order that is none; the lists are short.
pub(super) fn sort(pairs: &mut [(String, String)]) {
    for end in 1..pairs.len() {
        let mut at = end;
        while at > 0 && compare(&pairs[at - 1].0, &pairs[at].0) == Ordering::Greater {
            pairs.swap(at - 1, at);
            at -= 1;
        }
    }
}

/// Past leading zeros of a number, then past white space.
fn skip(text: &[u8], mut at: usize) -> usize {
    while byte(text, at) == b'0' && is_digit(text, at + 1) {
        at += 1;
    }
    while matches!(byte(text, at), b' ' | b'\t'..=b'\r') {
        at += 1;
    }
    at
}

fn byte(text: &[u8], at: usize) -> u8 {
    text.get(at).copied().unwrap_or(0)
}

fn is_digit(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(u8::is_ascii_digit)
}

/// Two runs of digits. As fractions the first difference decides, else the longer run, then the
/// first difference.
fn digits(a: &[u8], i: &mut usize, b: &[u8], j: &mut usize, fractional: bool) -> Ordering {
    let mut bias = Ordering::Equal;
    loop {
        match (is_digit(a, *i), is_digit(b, *j)) {
            (false, false) => return bias,
            (false, true) => return Ordering::Less,
            (true, false) => return Ordering::Greater,
            (true, true) => {}
        }
        let order = a[*i].cmp(&b[*j]);
        if fractional && order != Ordering::Equal {
            return order;
        }
        bias = bias.then(order);
        *i += 1;
        *j += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sorted(names: &[&str]) -> Vec<String> {
        let mut pairs: Vec<_> = names
            .iter()
            .map(|n| ((*n).to_owned(), String::new()))
            .collect();
        sort(&mut pairs);
        pairs.into_iter().map(|(name, _)| name).collect()
    }

    #[test]
    fn numbers_go_by_value() {
        assert_eq!(
            sorted(&["a10", "a2", "a1", "b1", "a"]),
            ["a", "a1", "a2", "a10", "b1"]
        );
    }

    #[test]
    fn encoded_brackets_hold_numbers_of_their_own() {
        // `%5B10%5D` is the digits 5, B, 10, %, 5, D.
        assert_eq!(
            sorted(&["g%5B10%5D", "g%5B9%5D", "g%5B1%5D"]),
            ["g%5B1%5D", "g%5B9%5D", "g%5B10%5D"]
        );
    }

    #[test]
    fn leading_zeros_do_not_count() {
        assert_eq!(compare("x002", "x2"), Ordering::Equal);
        assert_eq!(compare("x002", "x10"), Ordering::Less);
    }

    #[test]
    fn the_empty_text_is_first() {
        assert_eq!(compare("", "a"), Ordering::Less);
        assert_eq!(compare("", ""), Ordering::Equal);
        assert_eq!(compare("a", ""), Ordering::Greater);
    }
}
