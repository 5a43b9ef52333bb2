//! The place of the watched repository.

use std::fmt;
use std::path::{Path, PathBuf};

use url::Url;

use crate::ports::GitError;

/// The place of the watched repository.
#[derive(Clone, PartialEq, Eq)]
pub enum Location {
    /// A path on this machine: opened in place, and the ledger is written into it.
    Path(PathBuf),
    /// `file://`, `https://`, `ssh://` or `user@host:path`: mirrored.
    Remote(String),
}

/// The ways in which a remote is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transport {
    File,
    Https,
    Ssh,
}

impl Location {
    /// Tells a URL from a path as git does: a URL has a scheme, or a colon before its first slash.
    pub fn parse(text: &str) -> Self {
        let colon = text.find(':');
        let slash = text.find('/');
        let scp_like = colon.is_some_and(|colon| slash.is_none_or(|slash| colon < slash));
        if text.contains("://") || scp_like {
            Self::Remote(text.to_owned())
        } else {
            Self::Path(PathBuf::from(text))
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Remote(url) => f.write_str(&without_password(url)),
        }
    }
}

impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// The transport of a remote that may be used as it is.
pub(super) fn transport(url: &str) -> Result<Transport, GitError> {
    let shown = without_password(url);
    let stalled = |what: &str, remedy: &str| {
        Err(GitError::Stalled {
            message: format!("repository URL {shown:?}: {what}"),
            remedy: remedy.to_owned(),
        })
    };
    let Some((scheme, _)) = url.split_once("://") else {
        return if url.starts_with('-') {
            stalled(
                "starts with a dash",
                "write a path, or a file://, https:// or ssh URL",
            )
        } else {
            Ok(Transport::Ssh)
        };
    };
    if password(url) {
        return stalled(
            "a password in the URL",
            "take it out and name it as repository.token: { env: … }, { file: … } or { credential: … }",
        );
    }
    match scheme.to_ascii_lowercase().as_str() {
        "file" => Ok(Transport::File),
        "https" => Ok(Transport::Https),
        "ssh" | "git+ssh" | "ssh+git" => Ok(Transport::Ssh),
        "http" | "git" => stalled(
            "this protocol is readable and forgeable on the way",
            "use https:// or ssh",
        ),
        _ => stalled(
            "an unknown protocol",
            "write a path, or a file://, https:// or ssh URL",
        ),
    }
}

/// The user name in a URL, percent-encoded as it stands there.
pub(super) fn user(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    (!url.username().is_empty()).then(|| url.username().to_owned())
}

/// `https://host:port/`: what a credential is limited to.
pub(super) fn origin(url: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    Some(format!("{}/", url.origin().ascii_serialization()))
}

/// The path of a repository on a forge, `owner/name`, without the slashes and the suffix around it.
pub(super) fn forge_path(url: &str) -> Option<String> {
    let path = match url.split_once("://") {
        Some((scheme, rest)) if !scheme.eq_ignore_ascii_case("file") => {
            let rest = rest.split(['?', '#']).next().unwrap_or(rest);
            rest.split_once('/')?.1
        }
        Some(_) => return None,
        None => url.split_once(':')?.1,
    };
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let parts: Vec<&str> = path.split('/').collect();
    let proper = parts.len() >= 2 && parts.iter().all(|part| !part.is_empty());
    proper.then(|| parts.join("/"))
}

/// `owner/name` from the last two parts of a path, as servers of bare repositories lay them out.
pub(super) fn local_name(path: &Path) -> Option<String> {
    let parts: Vec<&str> = path.iter().filter_map(|part| part.to_str()).collect();
    let [.., owner, name] = parts.as_slice() else {
        return None;
    };
    let name = name.strip_suffix(".git").unwrap_or(name);
    Some(format!("{owner}/{name}"))
}

fn password(url: &str) -> bool {
    let Some((_, rest)) = url.split_once("://") else {
        return false;
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or(rest);
    authority
        .rsplit_once('@')
        .is_some_and(|(user, _)| user.contains(':'))
}

/// The URL as it may be shown.
pub(super) fn without_password(url: &str) -> String {
    if !password(url) {
        return url.to_owned();
    }
    let Some((scheme, rest)) = url.split_once("://") else {
        return url.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host) = authority.rsplit_once('@').unwrap_or(("", authority));
    let user = user.split(':').next().unwrap_or("");
    format!("{scheme}://{user}:…@{host}{path}")
}
