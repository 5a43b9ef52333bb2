//! The words of git and of the remote when they fail, sorted by what happens next.
//!
//! Git has one exit status for everything, so its words (in the C locale) decide. What is not known
//! to need a person counts as going away by itself.

use super::location;
use crate::ports::GitError;

/// Longest text of git that is shown.
const LONGEST: usize = 1_000;

/// Words of git, and the remedy.
type Signs = (&'static [&'static str], &'static str);

const SPACE: Signs = (
    &[
        "no space left",
        "disk quota exceeded",
        "file too large",
        "unable to migrate objects to permanent storage",
        // what a clone says of a full disk, without the reason
        "failed to write new configuration file",
    ],
    "free some space at the remote and for state_dir",
);

const DAMAGE: Signs = (
    &[
        "is corrupt",
        "repository corruption",
        "bad object",
        "bad tree object",
        "did not send all necessary objects",
        "inflate: data stream error",
        "missing necessary objects",
    ],
    "check the remote with `git fsck`, and push or copy what is damaged there again",
);

const PROMISED: Signs = (
    &["promisor", "lazy fetch", "from-promisor"],
    "the remote is a partial clone, which lacks objects: clone it again there without `--filter`, or name the repository that it was cloned from",
);

const RIGHTS: Signs = (
    &[
        "error: 403",
        "permission denied",
        "insufficient permission",
        "permission to",
        "denied to",
        "read only",
        "read-only",
        "write access",
        "not allowed to",
    ],
    "give the account the right to read the repository and to write the rollback branch",
);

/// Words that need a person. What is wrong on a disk comes first: it explains what follows it.
const NEEDS_A_PERSON: &[Signs] = &[
    SPACE,
    PROMISED,
    DAMAGE,
    (
        &["host key verification failed"],
        "add the host's key to known_hosts of the user that gitmage runs as",
    ),
    (
        &[
            "certificate",
            "unable to access ssl",
            "ssl_connect",
            "gnutls_handshake",
        ],
        "make the certificate authority known to the system, or name its file",
    ),
    (
        &[
            "authentication failed",
            "could not read username",
            "could not read password",
            "error: 401",
            "invalid username",
            "access denied",
            "permission denied (",
        ],
        "give a valid repository.token for https://, or a key that the remote knows for ssh",
    ),
    (
        &[
            "redirect",
            "error: 301",
            "error: 302",
            "error: 307",
            "error: 308",
        ],
        "write the URL that the remote redirects to as repository.url",
    ),
    (
        &["dubious ownership"],
        "run gitmage as the repository's owner, or name it as a plain path or an ssh URL",
    ),
    (
        &["is shallow"],
        "complete the remote with `git fetch --unshallow`",
    ),
    (
        &[
            "error: 404",
            "not found",
            "does not exist",
            "does not appear to be a git repository",
        ],
        "correct repository.url, and see that the account may read that repository",
    ),
    RIGHTS,
];

/// Words of git about a mirror that is broken; it can be made again.
const BROKEN_MIRROR: &[&str] = &[
    "bad object",
    "is corrupt",
    "did not send all necessary objects",
    "object file",
    "not a git repository",
    "mismatched algorithms",
];

/// Words about a push that came too late.
const OVERTAKEN: &[&str] = &[
    "stale info",
    "fetch first",
    "non-fast-forward",
    "incorrect old value",
    "reference already exists",
    "but expected",
];

/// Words about a push that is refused whoever comes first.
const FORBIDDEN: &[&str] = &[
    "hook declined",
    "push declined",
    "protected",
    "denied",
    "deny ",
    "prohibited",
    "not allowed",
    "not permitted",
    "refusing",
    "unpacker error",
    "branch is currently checked out",
    "funny refname",
];

/// The beginnings of lines that advise whoever sits at a terminal, or say what everybody knows.
const ADVICE: &[&str] = &[
    "hint:",
    "To ",
    "From ",
    "error: failed to push some refs",
    "Please make sure you have the correct access rights",
    "and the repository exists.",
    "Another git process seems to be running",
    "an editor opened by",
    "are terminated then try again",
    "may have crashed in this repository earlier",
    "remove the file manually to continue",
    "warning: fetch normally indicates",
    "but that check has been disabled",
    "flag or run 'git config fetch.",
];

/// The words with which git says that a lock is held, or was left behind.
const LOCKED: &str = ".lock': File exists";

/// The answer to a push of one reference.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Accepted,
    Overtaken,
    Forbidden(String),
    /// Nothing certain: only the remote knows.
    Unclear(String),
}

/// Returns why a run of git failed.
pub(super) fn of(doing: &str, url: &str, stderr: &str) -> GitError {
    let url = location::without_password(url);
    let said = words(stderr);
    let message = format!("{doing} {url}: {said}");
    let lower = stderr.to_lowercase();
    // a path that is gone may be a file system that is not mounted, like a host that is down
    let gone = url
        .strip_prefix("file://")
        .is_some_and(|path| !std::path::Path::new(path).exists());
    if gone {
        return GitError::Unavailable { message };
    }
    match remedy(NEEDS_A_PERSON, &lower) {
        Some(remedy) => GitError::Stalled {
            message,
            remedy: remedy.to_owned(),
        },
        None => GitError::Unavailable { message },
    }
}

/// Returns what helps where a push of `branch` is refused, whatever the remote's rules are: trouble on the
/// remote's disk looks like a refusal, and may come in a hook's words.
pub(super) fn remedy_of_push(branch: &str, words: &str) -> String {
    let lower = words.to_lowercase();
    let trouble = remedy(&[SPACE, DAMAGE], &lower);
    trouble.map_or_else(
        || format!("allow the account to push to {branch}: no branch protection, no hook against it, and rights on its files"),
        str::to_owned,
    )
}

/// True if a push failed for a reason on the remote's disk that does not go away by itself.
pub(super) fn is_troubled(words: &str) -> bool {
    remedy(&[SPACE, DAMAGE, RIGHTS], &words.to_lowercase()).is_some()
}

fn remedy(signs: &[Signs], lower: &str) -> Option<&'static str> {
    signs
        .iter()
        .find(|(signs, _)| signs.iter().any(|sign| lower.contains(sign)))
        .map(|(_, remedy)| *remedy)
}

/// True if a lock was in the way of git here, and not at the remote.
pub(super) fn is_locked_mirror(stderr: &str) -> bool {
    ours(stderr).any(|line| line.contains(LOCKED))
}

/// Returns what helps against a lock at the remote that nobody gives back.
pub(super) fn lock_advice(words: &str) -> &'static str {
    if words.contains(LOCKED) {
        "; remove that file if no git runs there any more"
    } else {
        ""
    }
}

/// The lines that the remote has not said.
fn ours(stderr: &str) -> impl Iterator<Item = &str> {
    stderr.lines().filter(|line| !line.starts_with("remote:"))
}

/// True if git complains about the mirror and not about the remote.
pub(super) fn is_broken_mirror(stderr: &str) -> bool {
    // there is no room for another one either
    let is_full = remedy(&[SPACE], &stderr.to_lowercase()).is_some();
    !is_full && ours(stderr).any(|line| BROKEN_MIRROR.iter().any(|sign| line.contains(sign)))
}

/// Reads what `git push --porcelain` of one reference printed.
pub(super) fn verdict(success: bool, stdout: &str, stderr: &str) -> Verdict {
    let line = stdout
        .lines()
        .find(|line| line.contains('\t') && line.contains(":refs/"));
    let Some((flag, rest)) = line.and_then(|line| line.split_once('\t')) else {
        return Verdict::Unclear(words(stderr));
    };
    if flag != "!" {
        return if success {
            Verdict::Accepted
        } else {
            Verdict::Unclear(words(stderr))
        };
    }
    let reason = rest.rsplit('\t').next().unwrap_or(rest);
    let said = words(&format!("{stderr}\n{reason}"));
    let has = |signs: &[&str]| signs.iter().any(|sign| reason.contains(sign));
    if has(OVERTAKEN) {
        Verdict::Overtaken
    } else if has(FORBIDDEN) {
        Verdict::Forbidden(said)
    } else {
        Verdict::Unclear(said)
    }
}

/// True if a push came as far as the branch: the remote takes pushes, though not this one.
pub(super) fn is_about_the_branch(stdout: &str) -> bool {
    stdout
        .lines()
        .any(|line| line.starts_with("!\t") && line.contains(":refs/"))
}

/// True if Git refuses to work in a repository because of whose it is.
pub(super) fn is_owned_by_others(stderr: &str) -> bool {
    stderr.contains("dubious ownership") || stderr.contains("unsafe repository")
}

/// Returns what the remote said, line by line.
pub(super) fn said_by_remote(stderr: &str) -> Vec<String> {
    let lines = stderr
        .lines()
        .filter_map(|line| line.strip_prefix("remote:"));
    lines
        .map(|line| line.trim().to_owned())
        .filter(|line| !line.is_empty())
        .collect()
}

/// The words of git and of the remote in one line, without git's advice.
pub(super) fn words(text: &str) -> String {
    let said = text
        .lines()
        .map(|line| line.strip_prefix("remote:").unwrap_or(line).trim())
        .filter(|line| !line.is_empty())
        .filter(|line| ADVICE.iter().all(|start| !line.starts_with(start)));
    let mut lines: Vec<&str> = Vec::new();
    for line in said {
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    let mut words = lines.join("; ");
    if words.is_empty() {
        "git failed without a word".clone_into(&mut words);
    }
    if let Some((end, _)) = words.char_indices().nth(LONGEST) {
        words.truncate(end);
        words.push('…');
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_no_broken_mirror() {
        let full = "fatal: unable to write loose object file: No space left on device";
        assert!(!is_broken_mirror(full));
        assert!(is_broken_mirror("error: object file x is empty"));
        let clone = "error: failed to write new configuration file x/config.lock";
        for words in [full, clone] {
            match of("fetching from", "https://git.example/shop", words) {
                GitError::Stalled { remedy, .. } => assert!(remedy.contains("space"), "{remedy}"),
                other => panic!("{other:?}"),
            }
        }
    }
}
