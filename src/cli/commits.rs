//! Commits of gitmage's own: to the watched branch, or beside it where that takes none.

use url::Url;

use super::failure::Failure;
use super::history::History;
use crate::domain::CommitId;
use crate::git::{Pushed, Scratch};
use crate::ports::{GitError, Source as _};
use crate::settings::{Environment, RepositoryUrl, SecretSource};

/// A commit to be pushed.
pub(super) struct Publication<'a> {
    /// Where it was made.
    pub(super) scratch: &'a Scratch,
    /// The commit.
    pub(super) commit: &'a CommitId,
    /// The tip of the watched branch that it was made upon.
    pub(super) tip: &'a CommitId,
    /// What it is for: the branch beside the watched one is `gitmage/<verb>-<short id>`.
    pub(super) verb: &'a str,
}

/// The place where a commit is now.
pub(super) enum Published {
    /// On the watched branch.
    Watched,
    /// On a branch of its own, from where somebody has to bring it in.
    Beside {
        branch: String,
        /// Why it is not on the watched branch; `None` where another one was asked for.
        refused: Option<String>,
        /// Where a pull request can be opened.
        address: Option<String>,
    },
    /// Nowhere: the watched branch was moved meanwhile.
    Raced,
}

/// Refuses branches that are no place for a commit that somebody has yet to bring in.
pub(super) fn check_branch(history: &History, branch: &str) -> Result<(), Failure> {
    for environment in history.settings.environments.values() {
        if environment.branch == branch {
            return Err(Failure::new(format!(
                "--branch {branch}: environment {} deploys that branch; name another one, or leave --branch out to push to the watched branch",
                environment.name
            )));
        }
        if environment.rollback_branch == branch {
            return Err(Failure::new(format!(
                "--branch {branch}: that is the rollback branch of environment {}, which gitmage alone writes; name another one",
                environment.name
            )));
        }
    }
    match history.source().head(branch) {
        Err(GitError::Stalled { message, .. }) => Err(Failure::new(format!("--branch: {message}"))),
        Err(error) => Err(error.into()),
        Ok(_) => Ok(()),
    }
}

/// Pushes to the branch that was asked for, else to the watched one, else beside it.
pub(super) fn publish(
    history: &History,
    environment: &Environment<SecretSource>,
    publication: &Publication<'_>,
    asked: Option<&str>,
) -> Result<Published, Failure> {
    let Publication {
        scratch,
        commit,
        tip,
        verb,
    } = publication;
    if let Some(branch) = asked {
        return beside(history, environment, publication, branch, None);
    }
    match scratch.push(&environment.branch, Some(tip), commit)? {
        Pushed::Done { .. } => Ok(Published::Watched),
        Pushed::Raced => Ok(Published::Raced),
        Pushed::Refused { words } => {
            let branch = format!("gitmage/{verb}-{}", commit.short());
            beside(history, environment, publication, &branch, Some(words))
        }
    }
}

fn beside(
    history: &History,
    environment: &Environment<SecretSource>,
    publication: &Publication<'_>,
    branch: &str,
    refused: Option<String>,
) -> Result<Published, Failure> {
    let Publication {
        scratch,
        commit,
        tip,
        ..
    } = publication;
    let source = history.source();
    let old = source.head(branch)?;
    if let Some(old) = &old
        && !source.is_ancestor(old, tip)?
    {
        return Err(Failure::new(format!(
            "branch {branch} is there already, with commits that {} does not have; nothing was pushed. Name another branch",
            environment.branch
        )));
    }
    match scratch.push(branch, old.as_ref(), commit)? {
        Pushed::Done { said } => Ok(Published::Beside {
            address: address(
                &said,
                &history.settings.repository.url,
                &environment.branch,
                branch,
            ),
            branch: branch.to_owned(),
            refused,
        }),
        Pushed::Raced => Err(Failure::new(format!(
            "branch {branch} was moved by somebody else meanwhile; nothing was pushed. Run this again"
        ))),
        Pushed::Refused { words } => Err(Failure::new(match refused {
            Some(first) => format!(
                "nothing was pushed: {} takes no push ({first}), and neither does {branch} ({words}); let the account push to gitmage/*, or name another branch with --branch",
                environment.branch
            ),
            None => format!(
                "nothing was pushed: {branch} takes no push ({words}); name another branch with --branch"
            ),
        })),
    }
}

/// The parts of addresses at which forges open pull requests.
const REQUESTS: [&str; 3] = ["pull", "merge_request", "compare"];

/// Returns where a pull request can be opened: what the remote said, else what its forge has there.
fn address(said: &[String], url: &RepositoryUrl, base: &str, branch: &str) -> Option<String> {
    let told = said
        .iter()
        .flat_map(|line| line.split_whitespace())
        .filter(|word| word.starts_with("https://"))
        .find(|word| REQUESTS.iter().any(|part| word.contains(part)));
    if let Some(told) = told {
        return Some(told.to_owned());
    }
    let RepositoryUrl::Remote(url) = url else {
        return None;
    };
    let mut url = Url::parse(url).ok().filter(|url| url.scheme() == "https")?;
    url.set_username("").ok()?;
    let path = url.path().trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path).to_owned();
    let host = url.host_str()?.to_owned();
    // `/` stays, as forges write it.
    if host.contains("gitlab") {
        url.set_path(&format!("{path}/-/merge_requests/new"));
        url.query_pairs_mut()
            .append_pair("merge_request[source_branch]", branch)
            .append_pair("merge_request[target_branch]", base);
    } else if host.contains("bitbucket") {
        url.set_path(&format!("{path}/pull-requests/new"));
        url.query_pairs_mut()
            .append_pair("source", branch)
            .append_pair("dest", base);
    } else {
        // GitHub's, which Gitea and Forgejo have too.
        url.set_path(&format!("{path}/compare/{base}...{branch}"));
    }
    Some(url.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pull_request_has_the_address_that_its_forge_gives_it() {
        let of = |url: &str, said: &[&str]| {
            let said: Vec<String> = said.iter().map(|line| (*line).to_owned()).collect();
            let url = RepositoryUrl::Remote(url.to_owned());
            address(&said, &url, "main", "gitmage/rollback-1")
        };
        for (url, expected) in [
            (
                "https://github.com/acme/shop.git",
                "https://github.com/acme/shop/compare/main...gitmage/rollback-1",
            ),
            (
                "https://bot@gitlab.acme.example/web/shop.git",
                "https://gitlab.acme.example/web/shop/-/merge_requests/new?merge_request%5Bsource_branch%5D=gitmage%2Frollback-1&merge_request%5Btarget_branch%5D=main",
            ),
            (
                "https://bitbucket.org/acme/shop",
                "https://bitbucket.org/acme/shop/pull-requests/new?source=gitmage%2Frollback-1&dest=main",
            ),
            (
                "https://git.acme.example:8443/web/shop/",
                "https://git.acme.example:8443/web/shop/compare/main...gitmage/rollback-1",
            ),
        ] {
            assert_eq!(of(url, &["Thank you"]).as_deref(), Some(expected));
        }
        let said = [
            "3 vulnerabilities: https://forge.example/security",
            "Create a pull request by visiting:",
            "https://forge.example/pull/new/1",
        ];
        let told = of("ssh://git@forge.example/shop", &said);
        assert_eq!(told.as_deref(), Some("https://forge.example/pull/new/1"));
        assert_eq!(of("ssh://git@forge.example/shop", &[]), None);
        assert_eq!(of("file:///srv/git/shop.git", &[]), None);
    }
}
