//! Commit objects, read no more strictly than git reads them.
//!
//! Importers, web forms and old versions of git have left commits whose authors and dates no strict
//! parser takes. They cannot be taken back, so they must not stop anybody.
//!
//! # Guarantees
//! - A tree and proper parents are all that a commit needs. Whatever else is missing or cannot be read
//!   is unknown, as it is for `git log`, and never an error.
//! - Texts are cut and decoded as `git log` does it, so that the two show the same.

use encoding_rs::{ISO_2022_JP, WINDOWS_1252};
use gix::ObjectId;
use gix::bstr::ByteSlice as _;
use jiff::Timestamp;

use super::objects::{self, damaged};
use super::words;
use crate::ports::{CommitInfo, GitError};

/// The name that stands for an author that cannot be read.
const UNKNOWN: &str = "unknown";

/// A commit object.
pub(super) struct Commit {
    pub(super) id: ObjectId,
    pub(super) tree: ObjectId,
    pub(super) parents: Vec<ObjectId>,
    /// What comes after the parents: the other headers, a blank line, the message.
    rest: Vec<u8>,
}

impl Commit {
    /// Reads the bytes of a commit object.
    pub(super) fn read(id: ObjectId, data: &[u8]) -> Result<Self, GitError> {
        let (tree, parents, rest) = links(id, data)?;
        Ok(Self {
            id,
            tree,
            parents,
            rest: rest.to_vec(),
        })
    }

    /// The commit in the core's words.
    pub(super) fn info(&self) -> Result<CommitInfo, GitError> {
        let text = text(&self.rest);
        let (headers, message) = parts(text.as_bytes());
        let author = fields(headers, b"author").next_back().and_then(person);
        let parents = self.parents.iter().copied();
        let message = String::from_utf8_lossy(message).into_owned();
        Ok(CommitInfo {
            id: objects::commit_id(self.id)?,
            parents: parents.map(objects::commit_id).collect::<Result<_, _>>()?,
            author: author.unwrap_or_else(|| UNKNOWN.to_owned()),
            committed_at: seconds(headers)
                .and_then(|seconds| Timestamp::from_second(seconds).ok())
                .unwrap_or(Timestamp::UNIX_EPOCH),
            subject: words::subject(&message),
            message,
        })
    }
}

/// The tree and the parents of a commit object, and what comes after them.
pub(super) fn links(
    id: ObjectId,
    data: &[u8],
) -> Result<(ObjectId, Vec<ObjectId>, &[u8]), GitError> {
    let digits = id.kind().len_in_hex();
    let broken = |what: &str| damaged("commit", id, what);
    let (tree, mut rest) = link(data, b"tree ", digits).ok_or_else(|| broken("it has no tree"))?;
    let mut parents = Vec::new();
    while rest.starts_with(b"parent ") {
        let (parent, after) = link(rest, b"parent ", digits)
            .ok_or_else(|| broken("one of its parents has no proper id"))?;
        parents.push(parent);
        rest = after;
    }
    Ok((tree, parents, rest))
}

/// The committer's time in seconds, from what comes after the parents; `None` where there is none that
/// can be read.
pub(super) fn time(rest: &[u8]) -> Option<i64> {
    seconds(parts(rest).0)
}

/// A line that names an object, and what comes after it.
fn link<'a>(data: &'a [u8], name: &[u8], digits: usize) -> Option<(ObjectId, &'a [u8])> {
    let (hex, rest) = data.strip_prefix(name)?.split_at_checked(digits)?;
    let id = ObjectId::from_hex(hex).ok()?;
    Some((id, rest.strip_prefix(b"\n")?))
}

/// The headers and the message. The message comes after the first line that is empty, and ends at a NUL,
/// which among the headers ends a line.
fn parts(data: &[u8]) -> (&[u8], &[u8]) {
    let mut line = 0;
    while let Some(first) = data.get(line) {
        match first {
            b'\n' => return (&data[..line], until_nul(&data[line + 1..])),
            0 => break,
            _ => {
                let end = data[line..].iter().position(ends_line);
                line = end.map_or(data.len(), |end| line + end + 1);
            }
        }
    }
    (&data[..line], b"")
}

/// The values of the headers of one name. Lines that go on with an earlier header begin with a space, and
/// so are none.
fn fields<'a>(headers: &'a [u8], name: &'static [u8]) -> impl DoubleEndedIterator<Item = &'a [u8]> {
    let lines = headers.split(ends_line);
    lines.filter_map(move |line| line.strip_prefix(name)?.strip_prefix(b" "))
}

fn ends_line(byte: &u8) -> bool {
    matches!(byte, b'\n' | 0)
}

/// `name <mail>`. The mail is what stands between the first `<` and the first `>` after it.
fn person(line: &[u8]) -> Option<String> {
    let (name, rest) = line.split_once_str("<")?;
    let (mail, _) = rest.split_once_str(">")?;
    let [name, mail] = [name, mail].map(|part| part.to_str_lossy().trim().to_owned());
    match (name.is_empty(), mail.is_empty()) {
        (true, true) => None,
        (true, false) => Some(format!("<{mail}>")),
        (false, _) => Some(format!("{name} <{mail}>")),
    }
}

/// The number after the last `>` of the committer's line.
fn seconds(headers: &[u8]) -> Option<i64> {
    let line = fields(headers, b"committer").next_back()?;
    let after = line[line.rfind_byte(b'>')? + 1..].trim_ascii_start();
    let digits = after.iter().take_while(|byte| byte.is_ascii_digit());
    let mut digits = digits.map(|digit| i64::from(digit - b'0')).peekable();
    digits.peek()?;
    Some(digits.fold(0, |seconds, digit| {
        seconds.saturating_mul(10).saturating_add(digit)
    }))
}

fn until_nul(data: &[u8]) -> &[u8] {
    data.split(|byte| *byte == 0).next().unwrap_or(data)
}

/// The headers and the message as a text. What cannot be decoded as its `encoding` header says is taken
/// for UTF-8, and bytes that are not UTF-8 are replaced.
fn text(data: &[u8]) -> String {
    let label = fields(parts(data).0, b"encoding").next();
    label
        .and_then(|label| decoded(label, until_nul(data)))
        .unwrap_or_else(|| data.to_str_lossy().into_owned())
}

/// The text in an encoding; `None` where it is not of that encoding, or the label names none.
fn decoded(label: &[u8], data: &[u8]) -> Option<String> {
    let label = label.trim_ascii().to_ascii_lowercase();
    let encoding = encoding_rs::Encoding::for_label(standard_label(&label))?;
    // Browsers take Latin-1 and ASCII for Windows' superset of them; git does not.
    if encoding == WINDOWS_1252 && !label.contains_str("1252") {
        let is_ascii = label.contains_str("ascii") || label.starts_with(b"ansi");
        return (!is_ascii).then(|| encoding_rs::mem::decode_latin1(data).into_owned());
    }
    // A commit's headers are ASCII in whatever encoding its message is.
    if !encoding.is_ascii_compatible() && encoding != ISO_2022_JP {
        return None;
    }
    let text = encoding.decode_without_bom_handling_and_without_replacement(data)?;
    Some(text.into_owned())
}

/// The standard's label for one that only git and iconv know.
fn standard_label(label: &[u8]) -> &[u8] {
    match label {
        b"latin-1" => b"latin1",
        b"cp932" => b"shift_jis",
        b"cp936" => b"gbk",
        b"cp949" => b"euc-kr",
        b"cp950" => b"big5",
        b"eucjp" => b"euc-jp",
        b"euckr" => b"euc-kr",
        _ => label,
    }
}
