//! Reads the message of a commit: the commits that it says it reverts, and the titles and numbers by which
//! the commit itself is known.
//!
//! Pure text. The release that is meant, if any, is found in [`super::naming`].
//!
//! Words stand at the start of a line, and a sentence may wrap. Lines that begin with `>`, fenced and
//! indented text quote something else and do not count. A forge that squashes a branch lists the
//! messages of its commits as `* subject`: each of them is read like a message of its own.

mod lines;
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use self::lines::{Entry, entries, spoken, titles_of};

/// The shortest abbreviation of an object id that git writes.
const SHORTEST_ID: usize = 4;
/// The shortest one that is taken for an id where the words around it do not say that it is one.
pub(super) const CLEAR_ID: usize = 7;
/// The length of a SHA-256 object id.
const LONGEST_ID: usize = 64;

/// The message of a commit, as far as it speaks of reverting.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Claims {
    /// The ids, full or abbreviated and in lower case, of the commits that it says it reverts; each
    /// once, in the message's order. They stand in `This reverts commit <id>`, `Reverts: <id>`,
    /// `Reverts <id>`, and in `Refs: <id>` below a subject `revert: …`.
    pub ids: Vec<String>,
    /// The subjects of the commits that it says it reverts, from `Revert "<subject>"` and
    /// `revert: <subject>`. `Reapply "x"` is a revert of `Revert "x"`.
    pub subjects: Vec<String>,
    /// The pull or merge requests that it says it reverts: the number at the end of a quoted subject,
    /// `Reverts owner/name#12`, `This reverts merge request !12`.
    pub numbers: Vec<RequestNumber>,
    /// True if it says that something is undone, in any of these ways or merely by a subject that
    /// begins with `Revert`. The revert of a revert does not say so: it deploys again.
    pub says_revert: bool,
}

/// The number of a pull or merge request.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
pub struct RequestNumber {
    /// The number.
    pub number: u64,
    /// `owner/name` of its repository, where it is spelled out.
    pub repository: Option<String>,
}

impl std::fmt::Display for RequestNumber {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let repository = self.repository.as_deref().unwrap_or_default();
        write!(f, "{repository}#{}", self.number)
    }
}

/// Returns what a message says of reverting.
pub fn claims(message: &str) -> Claims {
    let lines = spoken(message);
    let entries = entries(&lines);
    let titles = titles_of(&lines);
    let by_type = titles.iter().any(|title| conventional(title).is_some());
    let mut said: Vec<Said> = Vec::new();
    for (number, entry) in entries.iter().enumerate() {
        let titles = match entry.first_line() {
            // The subject counts under the same conditions as any other line.
            Some(first) if !entry.lines[first].begins => Vec::new(),
            _ if number == 0 => titles.clone(),
            _ if entry.listed => vec![entry.heading()],
            _ => Vec::new(),
        };
        said.push(Said::of(entry, &titles, by_type));
    }
    drop_undone_within(&mut said);
    let mut claims = Claims::default();
    let (mut ids, mut subjects, mut numbers) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for said in said {
        claims.says_revert |= said.says && said.reapplied.is_none();
        extend_once(&mut claims.ids, &mut ids, said.ids);
        extend_once(&mut claims.subjects, &mut subjects, said.subjects);
        extend_once(&mut claims.numbers, &mut numbers, said.numbers);
    }
    claims
}

/// Returns the numbers of the pull or merge requests by which a commit itself is known: `(#12)` at the
/// end of its subject, `Merge pull request #12 from`, `See merge request group/name!12` and the like.
pub(super) fn request_numbers(message: &str) -> Vec<RequestNumber> {
    let lines = spoken(message);
    let mut numbers = Vec::new();
    if let Some(subject) = titles_of(&lines).first() {
        numbers.extend(number_of_merge(subject).or_else(|| split_number(subject).1));
    }
    let references = lines.iter().filter(|line| line.begins).filter_map(|line| {
        let reference = line.text.strip_prefix("See merge request ")?;
        RequestNumber::parse(reference.split_whitespace().next()?)
    });
    numbers.extend(references);
    numbers.dedup();
    numbers
}

/// Returns the titles by which a commit is known: its subject, and the title of the pull or merge
/// request where a forge wrote that into the message of a merge.
pub(super) fn titles(message: &str) -> Vec<String> {
    titles_of(&spoken(message))
}

impl RequestNumber {
    /// Reads `#12`, `!12`, `owner/name#12` or `group/name!12`, without the punctuation around it.
    fn parse(word: &str) -> Option<Self> {
        let word = word.trim_start_matches(['(', '[', '"', '\'', '`']);
        let word = word.trim_end_matches(|c: char| c.is_ascii_punctuation());
        let (repository, number) = word.split_once(['#', '!'])?;
        let proper = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
        if !repository.chars().all(proper) {
            return None;
        }
        Some(Self {
            number: digits(number)?,
            repository: (!repository.is_empty()).then(|| repository.to_owned()),
        })
    }
}

/// Splits a title from the number in parentheses at its end: `x (#12)`, `x (pull request #12)`.
pub(super) fn split_number(title: &str) -> (&str, Option<RequestNumber>) {
    let title = title.trim_end();
    let split = || {
        let (text, inside) = title.strip_suffix(')')?.rsplit_once('(')?;
        let inside = inside.strip_prefix("pull request ").unwrap_or(inside);
        let number = RequestNumber::parse(inside)?;
        Some((text.trim_end(), number))
    };
    match split() {
        Some((text, number)) => (text, Some(number)),
        None => (title, None),
    }
}

/// Returns the subject without the type and scope of Conventional Commits: `x` of `feat(cms)!: x`.
pub(super) fn without_type(title: &str) -> Option<&str> {
    let (kind, rest) = title.split_once(": ")?;
    let kind = kind.strip_suffix('!').unwrap_or(kind);
    let kind = match kind.strip_suffix(')') {
        Some(scoped) => scoped.split_once('(')?.0,
        None => kind,
    };
    let proper = !kind.is_empty() && kind.chars().all(|c| c.is_ascii_alphabetic());
    proper.then(|| rest.trim_start())
}

/// The number in the subject of a merge that a forge made.
fn number_of_merge(subject: &str) -> Option<RequestNumber> {
    let rest = ["Merge pull request ", "Merged PR ", "Pull request "]
        .iter()
        .find_map(|start| subject.strip_prefix(start))?;
    let plain = |word: &str| {
        let number = digits(word.trim_end_matches(':'))?;
        Some(RequestNumber {
            number,
            repository: None,
        })
    };
    let first = rest.split_whitespace().next()?;
    let quoted = || RequestNumber::parse(rest.rsplit_once("' (")?.1.split(')').next()?);
    RequestNumber::parse(first)
        .or_else(|| plain(first))
        .or_else(quoted)
}

fn digits(text: &str) -> Option<u64> {
    let proper = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    proper.then(|| text.parse().ok()).flatten()
}

/// One message, or one of those that a squash lists.
#[derive(Default)]
struct Said {
    /// True if it is one of a list.
    listed: bool,
    ids: Vec<String>,
    subjects: Vec<String>,
    numbers: Vec<RequestNumber>,
    says: bool,
    /// The subject that is deployed again, where it reverts a revert.
    reapplied: Option<String>,
}

impl Said {
    fn of(entry: &Entry<'_>, titles: &[String], by_type: bool) -> Self {
        let mut said = Self {
            listed: entry.listed,
            ..Self::default()
        };
        for title in titles {
            said.title(title);
        }
        let by_type = by_type || titles.iter().any(|title| conventional(title).is_some());
        let first = entry.first_line().filter(|_| !titles.is_empty());
        let begins = entry.lines.iter().enumerate().filter(|(_, l)| l.begins);
        for (at, line) in begins {
            if Some(at) != first && Quoted::verb(line.text).is_some() {
                said.quote(&entry.quote(at));
            }
            said.sentence(entry.words(at), by_type);
        }
        said
    }

    /// A subject, or the title of a pull request.
    fn title(&mut self, title: &str) {
        self.says |= begins_with_revert(title);
        self.quote(title);
        if let Some(subject) = conventional(title) {
            self.conventional(subject);
        }
    }

    /// `Revert "<subject>"` or `Reapply "<subject>"`.
    fn quote(&mut self, text: &str) {
        let Some(quoted) = Quoted::parse(text) else {
            return;
        };
        self.says = true;
        // Some flatten a whole message into one line.
        self.sentence(quoted.rest.split_whitespace(), false);
        let subject = one_line(quoted.subject);
        if quoted.reapplies {
            self.subjects.push(format!("Revert \"{subject}\""));
            self.reapplied = Some(subject);
            return;
        }
        self.numbers.extend(split_number(&subject).1);
        if let Some(again) = Quoted::parse(&subject).filter(|again| !again.reapplies) {
            self.reapplied = Some(one_line(again.subject));
        }
        self.subjects.push(subject);
    }

    /// `revert: <subject>`. Of two numbers at the end, the second is that of the commit itself; of one
    /// alone nobody can tell whose it is, and it stays part of the subject.
    fn conventional(&mut self, subject: &str) {
        self.says = true;
        let unquoted = subject.strip_prefix('"').and_then(|s| s.strip_suffix('"'));
        let subject = unquoted.unwrap_or(subject);
        let (text, own) = split_number(subject);
        let subject = match split_number(text).1 {
            Some(number) if own.is_some() => {
                self.numbers.push(number);
                text
            }
            _ => subject,
        };
        if let Some(again) = conventional(subject) {
            self.reapplied = Some(one_line(again));
        } else if let Some(quoted) = Quoted::parse(subject) {
            // A forge's words for the revert of that, below a type that a convention demands; or the
            // revert of that revert.
            self.numbers.extend(split_number(quoted.subject).1);
            self.subjects.push(one_line(quoted.subject));
        }
        self.subjects.push(one_line(subject));
    }

    /// `This reverts commit <id>`, `Reverts: <id>`, `Reverts owner/name#12` and their relatives, where
    /// the words begin so.
    fn sentence<'a>(&mut self, words: impl Iterator<Item = &'a str>, by_type: bool) {
        let words = words.flat_map(|word| word.split_inclusive([',', ';']));
        let mut words = words.peekable();
        let Some(first) = words.next() else { return };
        let (key, glued) = match first.split_once(':') {
            Some((key, value)) => (key, Some(value).filter(|value| !value.is_empty())),
            None => (first, None),
        };
        let labelled = first.len() > key.len();
        let is = |word: Option<&&str>, wanted: &str| {
            word.is_some_and(|word| word.eq_ignore_ascii_case(wanted))
        };
        if labelled && by_type && key.eq_ignore_ascii_case("Refs") {
            // A number there is that of an issue.
            let mut named = Self::default();
            named.references(glued.into_iter().chain(words), CLEAR_ID, true);
            self.ids.append(&mut named.ids);
            return;
        }
        let this = !labelled && key.eq_ignore_ascii_case("This");
        if this && is(words.peek(), "reverts") {
            words.next();
        } else if !key.eq_ignore_ascii_case("Reverts") {
            return;
        }
        let (mut commit, mut request) = (false, false);
        while let Some(noun) = words.peek().map(|word| word.trim_end_matches(':')) {
            match noun.to_ascii_lowercase().as_str() {
                "commit" | "commits" => commit = true,
                "pull" | "merge" | "request" | "requests" | "pr" | "prs" | "mr" | "mrs" => {
                    request = true;
                }
                "the" => {}
                _ => break,
            }
            words.next();
        }
        self.says |= labelled || (this && (commit || request));
        let shortest = match labelled || (this && commit) {
            true => SHORTEST_ID,
            false => CLEAR_ID,
        };
        self.says |= self.references(glued.into_iter().chain(words), shortest, labelled);
    }

    /// A list of ids and numbers, up to the first word that is neither. A subject and a date in
    /// parentheses may follow an id. Returns true if there are any.
    ///
    /// `loose`: no commas are needed between them.
    fn references<'a>(
        &mut self,
        words: impl Iterator<Item = &'a str>,
        shortest: usize,
        loose: bool,
    ) -> bool {
        let (mut found, mut more, mut depth) = (false, true, 0);
        for word in words {
            let ends = |marks: &[char]| word.ends_with(marks);
            if depth > 0 || (found && word.starts_with('(')) {
                depth += word.matches('(').count();
                depth = depth.saturating_sub(word.matches(')').count());
                more |= depth == 0 && ends(&[',', ';']);
                if depth == 0 && ends(&['.']) {
                    break;
                }
                continue;
            }
            match word.trim_end_matches(',') {
                "and" | "&" => more = true,
                "commit" | "commits" if found => {}
                _ if !more => break,
                _ => {
                    let shortest = if found { CLEAR_ID } else { shortest };
                    if let Some(number) = RequestNumber::parse(word) {
                        self.numbers.push(number);
                    } else if let Some(id) = object_id(word, shortest) {
                        self.ids.push(id);
                    } else {
                        break;
                    }
                    found = true;
                    more = loose || ends(&[',', ';']);
                    if ends(&['.']) {
                        break;
                    }
                }
            }
        }
        found
    }
}

/// Drops what a squash lists together with what takes it back: a revert and its re-apply.
fn drop_undone_within(said: &mut Vec<Said>) {
    let mut open: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut dropped = BTreeSet::new();
    for (at, entry) in said.iter().enumerate().filter(|(_, entry)| entry.listed) {
        if let Some(subject) = &entry.reapplied
            && let Some(revert) = open.get_mut(subject).and_then(Vec::pop)
        {
            dropped.extend([revert, at]);
        } else if entry.reapplied.is_none() {
            for subject in &entry.subjects {
                open.entry(subject.clone()).or_default().push(at);
            }
        }
    }
    let mut at = 0..;
    said.retain(|_| at.next().is_none_or(|at| !dropped.contains(&at)));
}

/// `Revert "<subject>"` or `Reapply "<subject>"` at the start of a text.
struct Quoted<'a> {
    reapplies: bool,
    subject: &'a str,
    /// The text after the closing quotation mark.
    rest: &'a str,
}

impl<'a> Quoted<'a> {
    /// True for `Reapply`, false for `Revert`; and what stands between there and the end.
    fn verb(text: &'a str) -> Option<(bool, &'a str)> {
        let (verb, quoted) = text.split_once(" \"")?;
        let reapplies = verb.eq_ignore_ascii_case("Reapply");
        (reapplies || verb.eq_ignore_ascii_case("Revert")).then_some((reapplies, quoted))
    }

    fn parse(text: &'a str) -> Option<Self> {
        let (reapplies, quoted) = Self::verb(text)?;
        let end = closing_quote(quoted)?;
        let subject = quoted[..end].trim();
        (!subject.is_empty()).then_some(Self {
            reapplies,
            subject,
            rest: quoted[end + 1..].trim(),
        })
    }
}

/// The place of the quotation mark that closes a quoted subject, which may hold some itself: the one
/// that balances the first, or the last one where they do not come in pairs.
fn closing_quote(text: &str) -> Option<usize> {
    let last = text.rfind('"')?;
    let mut depth = 1_usize;
    for (at, _) in text.match_indices('"') {
        let before = text[..at].chars().next_back();
        let after = text[at + 1..].chars().next();
        let after_gap = before.is_none_or(|c| c.is_whitespace() || c == '(');
        let before_word = after.is_some_and(char::is_alphanumeric);
        if after_gap || (before_word && !before.is_some_and(char::is_alphanumeric)) {
            depth += 1;
        } else {
            depth -= 1;
        }
        if depth == 0 {
            let paired = text[at + 1..].matches('"').count().is_multiple_of(2);
            return Some(if paired { at } else { last });
        }
    }
    Some(last)
}

/// Returns the subject of `revert: <subject>`, with or without a scope.
fn conventional(title: &str) -> Option<&str> {
    let is_revert = title
        .get(..6)
        .is_some_and(|kind| kind.eq_ignore_ascii_case("revert"));
    let subject = without_type(title).filter(|_| is_revert)?;
    let kind = title[6..].chars().next();
    (matches!(kind, Some(':' | '(' | '!')) && !subject.is_empty()).then_some(subject)
}

/// True if the first word of a title is a form of “revert”.
fn begins_with_revert(title: &str) -> bool {
    let word = title.split(|c: char| !c.is_alphanumeric()).next();
    ["revert", "reverts", "reverted", "reverting"]
        .iter()
        .any(|form| word.is_some_and(|word| word.eq_ignore_ascii_case(form)))
}

/// Returns the word as an object id, without the punctuation around it. Where nothing else says that
/// it is one, it has to look like one: `defaced` is a word.
fn object_id(word: &str, shortest: usize) -> Option<String> {
    let word = word.trim_matches(|c: char| c.is_ascii_punctuation() && !matches!(c, '#' | '!'));
    let fits = (shortest..=LONGEST_ID).contains(&word.len())
        && word.bytes().all(|b| b.is_ascii_hexdigit())
        && (shortest < CLEAR_ID || word.bytes().any(|b| b.is_ascii_digit()));
    fits.then(|| word.to_ascii_lowercase())
}

/// The text with each run of white space as one space.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Appends what is not there yet.
fn extend_once<T: Clone + Ord>(all: &mut Vec<T>, seen: &mut BTreeSet<T>, more: Vec<T>) {
    all.extend(more.into_iter().filter(|one| seen.insert(one.clone())));
}
