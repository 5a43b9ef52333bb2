//! PHP's natural order, in which Magento sorts the parameters of a signature.

use std::cmp::Ordering;

/// PHP's `strnatcmp`: like bytes, but runs of digits compare as numbers.
///
/// Zeros in front of a number at the very start of a text do not count; a run that begins with a zero
/// anywhere else compares digit by digit, like the places after a decimal point. White space does not
/// count. (PHP also stops at a NUL byte; encoded names have neither.)
pub(super) fn compare(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (significant(a.as_bytes()), significant(b.as_bytes()));
    loop {
        (a, b) = (a.trim_ascii_start(), b.trim_ascii_start());
        match (a.first(), b.first()) {
            (None, None) => return Ordering::Equal,
            (None, Some(_)) => return Ordering::Less,
            (Some(_), None) => return Ordering::Greater,
            (Some(x), Some(y)) if x.is_ascii_digit() && y.is_ascii_digit() => {
                let (left, after_left) = digits(a);
                let (right, after_right) = digits(b);
                let order = if *x == b'0' || *y == b'0' {
                    left.cmp(right)
                } else {
                    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
                };
                if order != Ordering::Equal {
                    return order;
                }
                (a, b) = (after_left, after_right);
            }
            (Some(x), Some(y)) if x == y => (a, b) = (&a[1..], &b[1..]),
            (Some(x), Some(y)) => return x.cmp(y),
        }
    }
}

/// The text without the zeros in front of a number that it begins with.
fn significant(mut text: &[u8]) -> &[u8] {
    while let [b'0', next, ..] = text
        && next.is_ascii_digit()
    {
        text = &text[1..];
    }
    text
}

fn digits(text: &[u8]) -> (&[u8], &[u8]) {
    let end = text
        .iter()
        .position(|byte| !byte.is_ascii_digit())
        .unwrap_or(text.len());
    text.split_at(end)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_in_natural_order() {
        let mut names = ["a10", "a2", "a", "b1", "a2b", "a1", "a%5B10%5D", "a%5B2%5D"];
        names.sort_by(|a, b| compare(a, b));
        assert_eq!(
            names,
            ["a", "a%5B2%5D", "a%5B10%5D", "a1", "a2", "a2b", "a10", "b1"]
        );
        assert_eq!(compare("007", "7"), Ordering::Equal);
        assert_eq!(compare("x1.05", "x1.1"), Ordering::Less);
    }

    proptest! {
        #[test]
        fn swapping_the_sides_swaps_the_answer(a in "[a-z0-9%]{0,12}", b in "[a-z0-9%]{0,12}") {
            prop_assert_eq!(compare(&a, &b), compare(&b, &a).reverse());
        }

        #[test]
        fn without_digits_it_is_the_order_of_bytes(a in "[a-zA-Z%_.~-]{0,12}", b in "[a-zA-Z%_.~-]{0,12}") {
            prop_assert_eq!(compare(&a, &b), a.cmp(&b));
        }

        #[test]
        fn an_index_compares_as_a_number(a in 0_u32..100_000, b in 0_u32..100_000) {
            let name = |index: u32| format!("filters%5D%5B{index}%5D%5Bfield");
            prop_assert_eq!(compare(&name(a), &name(b)), a.cmp(&b));
        }
    }
}
