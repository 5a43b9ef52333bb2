//! The words of a commit message: its subject, and the commits that it claims to revert.
//!
//! Pure text. Whether the named commits exist, and whether the claim is true of the trees, is
//! decided elsewhere.

/// The shortest abbreviation of an object id that git writes.
const SHORTEST_ID: usize = 4;
/// The length of a SHA-256 object id.
const LONGEST_ID: usize = 64;

/// The ids, full or abbreviated, of the commits that a message says it reverts, in the message's
/// order and each once.
///
/// Counted are `This reverts commit <id>` as git writes it, however its lines are wrapped, and
/// `Reverts:` trailers (several, several ids each). Not counted is what merely quotes another
/// message: indented lines as `git merge --squash` makes them, lines that start with `>`, and the
/// quoted part of a `Revert "…"` subject.
pub fn reverted_commits(message: &str) -> Vec<String> {
    let lines: Vec<&str> = message.lines().collect();
    let mut found = named_in_sentences(&lines);
    found.extend(named_in_trailers(&lines));
    found.sort_by_key(|(line, _)| *line);
    let mut ids: Vec<String> = Vec::new();
    for (_, id) in found {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// The first paragraph of a message in one line, as git shows it.
pub(super) fn subject(message: &str) -> String {
    message
        .lines()
        .map(str::trim)
        .skip_while(|line| line.is_empty())
        .take_while(|line| !line.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

/// `This reverts commit <id>`, with the number of the line that holds the id.
fn named_in_sentences(lines: &[&str]) -> Vec<(usize, String)> {
    let words: Vec<(usize, &str)> = lines
        .iter()
        .enumerate()
        .map(|(number, line)| (number, own_words(number, line)))
        .flat_map(|(number, line)| line.split_whitespace().map(move |word| (number, word)))
        .collect();
    words
        .windows(4)
        .filter(|four| four[0].1 == "This" && four[1].1 == "reverts" && four[2].1 == "commit")
        .filter_map(|four| Some((four[3].0, object_id(four[3].1)?)))
        .collect()
}

/// The line without what it quotes from another message.
fn own_words(number: usize, line: &str) -> &str {
    if line.starts_with([' ', '\t', '>']) {
        return "";
    }
    let quotes = line.starts_with("Revert \"") || line.starts_with("Reapply \"");
    match line.rfind('"') {
        Some(end) if number == 0 && quotes => &line[end + 1..],
        _ => line,
    }
}

/// `Reverts: <id>[, <id>…]` in the trailers at the end, with the number of the trailer's line.
fn named_in_trailers(lines: &[&str]) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    let mut current = None;
    for (number, line) in trailer_lines(lines) {
        let values = if is_continuation(line) {
            current.map(|at| (at, line))
        } else {
            current = None;
            match trailer(line) {
                Some((name, value)) if name.eq_ignore_ascii_case("Reverts") => {
                    current = Some(number);
                    Some((number, value))
                }
                _ => None,
            }
        };
        if let Some((at, values)) = values {
            found.extend(ids_listed(values).map(|id| (at, id)));
        }
    }
    found
}

/// The lines of the paragraphs at the end that hold trailers. Forges put `Co-authored-by:` into a
/// paragraph of its own, so there can be several.
fn trailer_lines<'a>(lines: &[&'a str]) -> Vec<(usize, &'a str)> {
    let mut end = lines.len();
    let mut start = end;
    loop {
        while end > 0 && lines[end - 1].trim().is_empty() {
            end -= 1;
        }
        let first = lines[..end]
            .iter()
            .rposition(|line| line.trim().is_empty())
            .map_or(0, |blank| blank + 1);
        if first == end || !holds_trailers(&lines[first..end]) {
            break;
        }
        start = first;
        end = first;
    }
    lines.iter().copied().enumerate().skip(start).collect()
}

/// Git's rule: all lines are trailers, or a quarter is and one of them is git's own.
fn holds_trailers(paragraph: &[&str]) -> bool {
    let written_by_git =
        |line: &str| line.starts_with("Signed-off-by: ") || line.starts_with("(cherry picked from");
    let (mut trailers, mut others, mut own) = (0, 0, false);
    for line in paragraph {
        own |= written_by_git(line);
        if is_continuation(line) {
            continue;
        }
        if trailer(line).is_some() || written_by_git(line) {
            trailers += 1;
        } else {
            others += 1;
        }
    }
    trailers > 0 && (others == 0 || (own && trailers * 3 >= others))
}

fn is_continuation(line: &str) -> bool {
    line.starts_with([' ', '\t'])
}

/// `Name: value`.
fn trailer(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    let name = name.trim_end();
    let proper = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    proper.then_some((name, value))
}

/// The ids of a trailer's value; what stands in parentheses (a subject, a date) is left out.
fn ids_listed(values: &str) -> impl Iterator<Item = String> + '_ {
    let mut depth = 0_usize;
    values
        .split(move |c: char| {
            match c {
                '(' => depth += 1,
                ')' => depth = depth.saturating_sub(1),
                _ => {}
            }
            depth > 0 || c == ')' || c == ',' || c == ';' || c.is_whitespace()
        })
        .filter_map(object_id)
}

/// The word as an object id, without the punctuation around it.
fn object_id(word: &str) -> Option<String> {
    let word = word.trim_matches(|c: char| !c.is_ascii_alphanumeric());
    let fits = (SHORTEST_ID..=LONGEST_ID).contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_hexdigit());
    fits.then(|| word.to_ascii_lowercase())
}
