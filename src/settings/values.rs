//! The small grammars of single values: durations, branch names, globs, URLs.
//!
//! Each answers with a [`Problem`]. Those of URLs never repeat the value: it may hold a password.

use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use url::{Host, Url};

use super::RepositoryUrl;

/// A fault of a value, and the remedy.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) id: &'static str,
    pub(super) message: String,
    pub(super) remedy: String,
}

impl Problem {
    pub(super) fn new(
        id: &'static str,
        message: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            id,
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

/// `500ms`, `30s`, `5m`, `1h`.
pub(super) fn duration(text: &str) -> Result<Duration, Problem> {
    let bad = |why: &str| {
        Problem::new(
            "bad-duration",
            format!("{text:?} is no duration: {why}"),
            "write a whole number and a unit (ms, s, m or h): 500ms, 30s, 5m, 1h",
        )
    };
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if number.is_empty() {
        return Err(bad("it does not start with a whole number"));
    }
    let milliseconds_each = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "" => return Err(bad("it has no unit")),
        _ => return Err(bad("its unit is none of ms, s, m, h")),
    };
    number
        .parse::<u64>()
        .ok()
        .and_then(|number| number.checked_mul(milliseconds_each))
        .map(Duration::from_millis)
        .ok_or_else(|| bad("the number is too large"))
}

/// The name of a branch, without `refs/heads/`.
pub(super) fn branch(text: &str) -> Result<(), Problem> {
    let problem = |why: &str, remedy: String| {
        Problem::new(
            "bad-branch",
            format!("{text:?} is no branch name: {why}"),
            remedy,
        )
    };
    if let Some(short) = text.strip_prefix("refs/") {
        let short = short.strip_prefix("heads/").unwrap_or("main");
        return Err(problem(
            "it is a full reference",
            format!("write the branch alone: {short}"),
        ));
    }
    if text == "HEAD" || text.starts_with('-') {
        return Err(problem(
            "Git does not allow it",
            "name a branch, such as main".to_owned(),
        ));
    }
    match gix::validate::reference::name(format!("refs/heads/{text}").as_str().into()) {
        Ok(_) => Ok(()),
        Err(error) => Err(problem(
            &error.to_string().to_lowercase(),
            "use a name that `git check-ref-format --branch` accepts".to_owned(),
        )),
    }
}

/// A glob over paths of the repository.
pub(super) fn glob(text: &str) -> Result<(), Problem> {
    let bad = |why: String| {
        Problem::new(
            "bad-glob",
            format!("{text:?} matches no path of the repository: {why}"),
            "write a pattern relative to the repository's root, such as releases/**/*.{yaml,yml}",
        )
    };
    if text.is_empty() {
        return Err(bad("it is empty".to_owned()));
    }
    if text.starts_with('/') || text.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(bad(
            "paths start at the repository's root and hold no `.` or `..`".to_owned(),
        ));
    }
    match globset::Glob::new(text) {
        Ok(_) => Ok(()),
        Err(error) => Err(bad(error.kind().to_string())),
    }
}

/// The result of a URL check: the value, and warnings about it.
#[derive(Debug)]
pub(super) struct Accepted<T> {
    pub(super) value: T,
    pub(super) warning: Option<Problem>,
}

/// The base URL of a store.
pub(super) fn store_url(text: &str) -> Result<Accepted<Url>, Problem> {
    const REMEDY: &str = "write the shop's base URL, such as https://shop.example.com";
    if has_credentials(text) {
        return Err(credentials("use `oauth` for the store's credentials"));
    }
    let mut url = Url::parse(text).map_err(|error| {
        Problem::new(
            "bad-url",
            format!("the URL cannot be parsed: {error}"),
            REMEDY,
        )
    })?;
    let bad = |why: &str, remedy: &str| {
        Problem::new(
            "bad-url",
            format!("the URL cannot be a store's: {why}"),
            remedy,
        )
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(bad("it is neither https nor http", REMEDY));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(bad("it has a query or a fragment", REMEDY));
    }
    let path = url.path().trim_end_matches('/').to_owned();
    if path.split('/').any(|part| part == "rest") {
        return Err(bad(
            "it points into the REST API",
            "leave out `/rest` and what follows: gitmage adds it",
        ));
    }
    url.set_path(&format!("{path}/"));
    let warning = (url.scheme() == "http" && !is_loopback(&url)).then(|| {
        Problem::new(
            "insecure-url",
            "http is not encrypted: anybody on the way can change what is written",
            "use https",
        )
    });
    Ok(Accepted {
        value: url,
        warning,
    })
}

/// The URL or path of the watched repository. Relative paths start at `base`.
pub(super) fn repository_url(text: &str, base: &Path) -> Result<RepositoryUrl, Problem> {
    const REMEDY: &str = "write a path, or a file://, https:// or ssh:// URL, or host:path for ssh";
    if has_credentials(text) {
        return Err(credentials(
            "use `token` for https, and a key for ssh; a user name alone is fine for ssh",
        ));
    }
    let bad = |why: &str, remedy: &str| {
        Problem::new(
            "bad-url",
            format!("the repository cannot be watched: {why}"),
            remedy,
        )
    };
    if text.is_empty() || text.starts_with('-') || text.chars().any(char::is_control) {
        return Err(bad(
            "it is empty, starts with a dash or holds control characters",
            REMEDY,
        ));
    }
    if text.starts_with('~') {
        return Err(bad("`~` is not expanded", "write the whole path"));
    }
    if let Some((scheme, rest)) = text.split_once("://") {
        remote(text, &scheme.to_ascii_lowercase(), rest)
            .map_err(|(why, remedy)| bad(why, remedy.unwrap_or(REMEDY)))?;
        return Ok(RepositoryUrl::Remote(text.to_owned()));
    }
    // As Git has it: a colon before the first slash makes it `host:path`.
    let first = text.split('/').next().unwrap_or_default();
    if let Some((host, _)) = first.split_once(':') {
        if text.contains("::") {
            return Err(bad("remote helpers are not run", REMEDY));
        }
        let host = host.rsplit('@').next().unwrap_or_default();
        if host.is_empty() || host.starts_with('-') || text.ends_with(':') {
            return Err(bad("it lacks a host or a path", REMEDY));
        }
        return Ok(RepositoryUrl::Remote(text.to_owned()));
    }
    Ok(RepositoryUrl::Path(base.join(text)))
}

type Why = (&'static str, Option<&'static str>);

fn remote(text: &str, scheme: &str, rest: &str) -> Result<(), Why> {
    let url = Url::parse(text).map_err(|_| ("it cannot be parsed as a URL", None))?;
    let lacks_path = url.path().trim_matches('/').is_empty();
    match scheme {
        "file" if !rest.starts_with('/') => Err(("a file URL has no host", Some("write file:///"))),
        "file" => Ok(()),
        "https" | "ssh"
            if url.host_str().is_none_or(|host| host.starts_with('-')) || lacks_path =>
        {
            Err(("it lacks a host or a path", None))
        }
        "https" | "ssh" => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        "http" => Err((
            "http is not encrypted: anybody on the way can change what is deployed",
            Some("use https or ssh"),
        )),
        "git" => Err((
            "the git protocol is not authenticated: anybody on the way can change what is deployed",
            Some("use https or ssh"),
        )),
        _ => Err(("its scheme is none of file, https, ssh", None)),
    }
}

fn credentials(remedy: &str) -> Problem {
    Problem::new(
        "url-credentials",
        "the URL holds credentials, which would end up in logs and process lists",
        format!("take them out of the URL and change them, as they were written down; {remedy}"),
    )
}

/// True if a user name (except for ssh, where it is no secret) or a password stands in a URL.
///
/// Decided on the text and not on a parsed URL: what cannot be parsed must not be repeated either.
pub(super) fn has_credentials(text: &str) -> bool {
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
        None => (None, text),
    };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let Some((user, _)) = authority.rsplit_once('@') else {
        return false;
    };
    match scheme.as_deref() {
        None | Some("ssh") => user.contains(':'),
        Some(_) => true,
    }
}

/// True if a URL may be shown: nothing in it can be a password or a token.
pub(super) fn is_showable(text: &str) -> bool {
    let user_is_no_secret =
        !text.contains("://") || text.to_ascii_lowercase().starts_with("ssh://");
    !has_credentials(text) && !text.contains('?') && (user_is_no_secret || !text.contains('@'))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => IpAddr::V4(address).is_loopback(),
        Some(Host::Ipv6(address)) => IpAddr::V6(address).is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

    use std::path::PathBuf;

    use super::*;

    #[test]
    fn durations_need_a_unit() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(duration("5m"), Ok(Duration::from_secs(300)));
        assert_eq!(duration("1h"), Ok(Duration::from_secs(3600)));
        for text in [
            "",
            "30",
            "s",
            "-1s",
            "1.5s",
            "1 s",
            "1d",
            "1h30m",
            "99999999999999999999h",
            "9999999999999999999h",
        ] {
            let problem = duration(text).unwrap_err();
            assert_eq!(problem.id, "bad-duration", "{text:?}");
        }
    }

    #[test]
    fn branches_are_what_git_takes() {
        for text in ["main", "rollback/production", "feature/ä", "1.10"] {
            assert_eq!(branch(text), Ok(()), "{text:?}");
        }
        for text in [
            "",
            "a b",
            "a..b",
            "a.lock",
            "-x",
            "/a",
            "a/",
            "a//b",
            "@{",
            "a~1",
            "HEAD",
            "refs/heads/main",
        ] {
            assert_eq!(branch(text).unwrap_err().id, "bad-branch", "{text:?}");
        }
        assert_eq!(
            branch("refs/heads/main").unwrap_err().remedy,
            "write the branch alone: main"
        );
    }

    #[test]
    fn repositories_are_paths_or_safe_remotes() {
        let base = Path::new("/etc/gitmage");
        let path = |text| match repository_url(text, base) {
            Ok(RepositoryUrl::Path(path)) => path,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!(
            path("/srv/git/store.git"),
            PathBuf::from("/srv/git/store.git")
        );
        assert_eq!(path("store.git"), PathBuf::from("/etc/gitmage/store.git"));
        assert_eq!(path("./a:b"), PathBuf::from("/etc/gitmage/./a:b"));
        for text in [
            "file:///srv/git/store.git",
            "https://git.example.com/shop.git",
            "ssh://git@git.example.com:2222/shop.git",
            "git@git.example.com:shop/content.git",
            "http://127.0.0.1:8080/shop.git",
            "http://[::1]/shop.git",
        ] {
            assert_eq!(
                repository_url(text, base),
                Ok(RepositoryUrl::Remote(text.to_owned()))
            );
        }
        for text in [
            "",
            "-oProxyCommand=x",
            "~/store.git",
            "http://git.example.com/shop.git",
            "git://git.example.com/shop.git",
            "ext::sh -c x",
            "ftp://example.com/x",
            "https://",
            "https://git.example.com",
            "ssh://-oProxyCommand=x/shop.git",
            "-oProxyCommand=x:shop.git",
            "git@-oProxyCommand=x:shop.git",
            "file://host/share",
            "host:",
        ] {
            assert_eq!(
                repository_url(text, base).unwrap_err().id,
                "bad-url",
                "{text:?}"
            );
        }
    }

    #[test]
    fn credentials_in_urls_are_refused_and_not_repeated() {
        for text in [
            "https://user:hunter2@git.example.com/shop.git",
            "https://hunter2@git.example.com/shop.git",
            "https://user:hunter2@/",
            "ssh://git:hunter2@git.example.com/shop.git",
            "git:hunter2@git.example.com:shop.git",
        ] {
            let problem = repository_url(text, Path::new("/")).unwrap_err();
            assert_eq!(problem.id, "url-credentials", "{text}");
            assert!(!format!("{problem:?}").contains("hunter2"));
        }
        for text in ["https://u:hunt/er2@h/", "https://h/x?token=hunter2"] {
            assert!(!is_showable(text), "{text}");
        }
        let problem = store_url("https://admin:hunter2@shop.example.com").unwrap_err();
        assert_eq!(problem.id, "url-credentials");
        assert!(!format!("{problem:?}").contains("hunter2"));
    }

    #[test]
    fn store_urls_end_in_a_slash_and_stay_out_of_rest() {
        let url = |text| store_url(text).unwrap();
        assert_eq!(
            url("https://shop.example.com").value.as_str(),
            "https://shop.example.com/"
        );
        assert_eq!(
            url("https://example.com/shop/").value.as_str(),
            "https://example.com/shop/"
        );
        assert!(url("http://127.0.0.1:4000").warning.is_none());
        assert!(url("http://magento.localhost").warning.is_none());
        assert_eq!(
            url("http://magento:8080").warning.unwrap().id,
            "insecure-url"
        );
        for text in [
            "shop.example.com",
            "ftp://shop.example.com",
            "https://shop.example.com/rest/V1",
            "https://shop.example.com/?a=b",
            "https://shop.example.com/#x",
        ] {
            assert_eq!(store_url(text).unwrap_err().id, "bad-url", "{text}");
        }
    }

    #[test]
    fn globs_start_at_the_root() {
        assert_eq!(glob("releases/**/*.{yaml,yml}"), Ok(()));
        for text in [
            "",
            "/releases/*.yaml",
            "./releases/*.yaml",
            "../x",
            "a/[",
            "a/{b",
        ] {
            assert_eq!(glob(text).unwrap_err().id, "bad-glob", "{text}");
        }
    }
}
