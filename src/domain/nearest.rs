//! The search for the valid name that somebody may have meant.

/// The nearest valid name, if one is near enough to be meant.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.is_empty() || name.len() > 200 {
        return None;
    }
    let folded = fold_name(name);
    candidates
        .into_iter()
        .filter_map(|candidate| {
            let longest = name.len().max(candidate.len());
            let bearable = (longest / 3).max(1).min(longest.saturating_sub(1));
            // The distance is no less than that of the lengths, which costs nothing.
            let other = fold_name(candidate);
            if folded.len().abs_diff(other.len()) > bearable {
                return None;
            }
            let distance = strsim::damerau_levenshtein(&folded, &other);
            (distance <= bearable).then_some((distance, candidate))
        })
        .min()
        .map(|(_, candidate)| candidate)
}

/// Spelling variants of one name are no distance apart: `metaTitle`, `meta-title`, `Meta_Title`.
fn fold_name(name: &str) -> String {
    name.chars()
        .filter(|c| !matches!(c, '_' | '-' | ' '))
        .flat_map(char::to_lowercase)
        .collect()
}
