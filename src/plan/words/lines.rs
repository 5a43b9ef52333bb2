//! The lines of a message that speak for its commit, and the messages that a squash lists.

use super::one_line;

/// The number of lines that a quoted subject may be wrapped over.
const WRAPPED: usize = 4;

/// The subjects that forges, and git, give to merges whose title stands in the next paragraph.
const MERGES: [&str; 4] = [
    "Merge pull request ",
    "Merged in ",
    "Merge branch ",
    "Merge remote-tracking branch ",
];

/// One line of a message.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'a> {
    /// The line without white space around it; empty for what is quoted or fenced.
    pub(super) text: &'a str,
    /// True if words may begin here. Indented text only goes on with what began before.
    pub(super) begins: bool,
}

/// One message: the commit's, or one of those that a squash lists.
pub(super) struct Entry<'a> {
    /// True if it is one of a list.
    pub(super) listed: bool,
    /// Its lines.
    pub(super) lines: Vec<Line<'a>>,
}

impl<'a> Entry<'a> {
    /// The first line that is not empty.
    pub(super) fn first_line(&self) -> Option<usize> {
        self.lines.iter().position(|line| !line.text.is_empty())
    }

    /// The first paragraph in one line, as git shows it.
    pub(super) fn heading(&self) -> String {
        let first = self.first_line().unwrap_or_default();
        self.words(first).collect::<Vec<_>>().join(" ")
    }

    /// The words from a line on, to the end of its paragraph.
    pub(super) fn words(&self, from: usize) -> impl Iterator<Item = &'a str> {
        let lines = self.lines.iter().skip(from);
        let paragraph = lines.take_while(|line| !line.text.is_empty());
        paragraph.flat_map(|line| line.text.split_whitespace())
    }

    /// A line with those that a quoted subject on it may be wrapped over.
    pub(super) fn quote(&self, from: usize) -> String {
        let lines = self.lines.iter().skip(from);
        let paragraph = lines.take_while(|line| !line.text.is_empty());
        let mut quote = String::new();
        for line in paragraph.take(WRAPPED) {
            if !quote.is_empty() {
                // The subject ends on the line where its quotation marks match.
                if quote.matches('"').count().is_multiple_of(2) {
                    break;
                }
                quote.push(' ');
            }
            quote.push_str(line.text);
        }
        quote
    }
}

/// Returns the lines of a message; what does not speak for the commit is left empty.
pub(super) fn spoken(message: &str) -> Vec<Line<'_>> {
    let silent = Line {
        text: "",
        begins: false,
    };
    let mut fence: Option<&str> = None;
    let message = message.trim_start_matches('\u{feff}');
    let lines = message.lines().map(|line| {
        let text = line.trim();
        let indented = is_indented(line);
        if let Some(opened) = fence {
            if !indented && closes(opened, text) {
                fence = None;
            }
            return silent;
        }
        if !indented && let Some(opened) = opens(text) {
            fence = Some(opened);
            return silent;
        }
        if text.starts_with('>') {
            return silent;
        }
        Line {
            text,
            begins: !indented,
        }
    });
    lines.collect()
}

/// Splits the lines of a message at every `* subject`, and at the rule that ends such a list.
pub(super) fn entries<'a>(lines: &[Line<'a>]) -> Vec<Entry<'a>> {
    let entry = |listed| Entry {
        listed,
        lines: Vec::new(),
    };
    let mut done = Vec::new();
    let mut current = entry(false);
    for line in lines {
        let bullet = line.text.strip_prefix("* ");
        let bullet = bullet.or_else(|| line.text.strip_prefix("- "));
        let rule = line.text.len() >= 3 && line.text.bytes().all(|b| b == b'-');
        if line.begins && (rule || bullet.is_some()) {
            done.push(std::mem::replace(&mut current, entry(bullet.is_some())));
        }
        current.lines.push(Line {
            text: if rule {
                ""
            } else {
                bullet.unwrap_or(line.text)
            }
            .trim_start(),
            begins: line.begins,
        });
    }
    done.push(current);
    done
}

/// Returns the subject, and the title of the pull request where a merge holds one.
pub(super) fn titles_of(lines: &[Line<'_>]) -> Vec<String> {
    let all = Entry {
        listed: false,
        lines: lines.to_vec(),
    };
    let subject = all.heading();
    if subject.is_empty() {
        return Vec::new();
    }
    let inside = title_within(&subject).map(one_line);
    let below = || {
        let paragraph = lines.iter().skip(all.first_line().unwrap_or_default());
        let mut after = paragraph.skip_while(|line| !line.text.is_empty());
        let title = after.find(|line| !line.text.is_empty())?;
        let title = title.begins.then_some(title.text)?;
        let is_title = MERGES.iter().any(|start| subject.starts_with(start))
            && !title.starts_with("See merge request ");
        is_title.then(|| one_line(title))
    };
    let title = inside.or_else(below);
    [subject].into_iter().chain(title).collect()
}

/// The title of a pull request within the subject of its merge: `Merged PR 12: <title>`, `Pull request
/// #12: <title>`, `Merge pull request '<title>' (#12) from …`.
fn title_within(subject: &str) -> Option<&str> {
    if let Some(rest) = subject.strip_prefix("Merge pull request '") {
        return Some(rest.rsplit_once("' (#")?.0);
    }
    let rest = subject.strip_prefix("Merged PR ");
    let rest = rest.or_else(|| subject.strip_prefix("Pull request #"))?;
    let (number, title) = rest.split_once(": ")?;
    super::digits(number)?;
    Some(title)
}

/// True if a line is indented like code: by four spaces or a tab.
fn is_indented(line: &str) -> bool {
    let spaces = line.bytes().take_while(|b| *b == b' ').count();
    spaces >= 4 || line.as_bytes().get(spaces) == Some(&b'\t')
}

/// The mark with which a line opens a fence.
fn opens(text: &str) -> Option<&str> {
    let mark = text.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let rest = text.trim_start_matches(mark);
    let opened = &text[..text.len() - rest.len()];
    // Backticks further on make it code within a line.
    let fences = opened.len() >= 3 && !(mark == '`' && rest.contains('`'));
    fences.then_some(opened)
}

fn closes(opened: &str, text: &str) -> bool {
    text.starts_with(opened) && text.chars().all(|c| opened.starts_with(c))
}
