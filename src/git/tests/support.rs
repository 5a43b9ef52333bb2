//! A scratch directory with repositories in it, and a git that knows nothing of its host.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use tempfile::TempDir;

use crate::domain::CommitId;
use crate::git::{Location, Repository, RepositoryOptions};
use crate::ports::LedgerCommit;

/// A scratch directory: `work` is a repository with a work tree, `bare.git` one without.
pub(super) struct Site {
    dir: TempDir,
}

impl Site {
    /// Both repositories, empty; `work` knows `bare.git` as `origin`.
    pub(super) fn new() -> Self {
        Self::with_format("sha1")
    }

    pub(super) fn with_format(format: &str) -> Self {
        let site = Self {
            dir: tempfile::tempdir().unwrap(),
        };
        let format = format!("--object-format={format}");
        site.git_in(
            "",
            &["init", "-q", "--bare", "-b", "main", &format, "bare.git"],
        );
        site.git_in("", &["init", "-q", "-b", "main", &format, "work"]);
        site.git(&["remote", "add", "origin", "../bare.git"]);
        site
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs git in `work`.
    pub(super) fn git(&self, args: &[&str]) -> String {
        self.git_in("work", args)
    }

    pub(super) fn git_in(&self, dir: &str, args: &[&str]) -> String {
        let output = self.try_git_in(dir, args);
        assert!(output.status.success(), "git {args:?}: {output:?}");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    pub(super) fn try_git_in(&self, dir: &str, args: &[&str]) -> Output {
        let mut git = Command::new("git");
        git.args(args).current_dir(self.path(dir));
        hermetic(&mut git).output().unwrap()
    }

    /// Writes one file and commits it in `work`.
    pub(super) fn commit(&self, file: &str, content: &str, message: &str) -> CommitId {
        let path = self.path("work").join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
        self.git(&["add", "--all"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.head()
    }

    /// Writes an object into `work` that git itself would not make.
    pub(super) fn object(&self, kind: &str, bytes: &[u8]) -> String {
        std::fs::write(self.path("object"), bytes).unwrap();
        let make = ["hash-object", "-t", kind, "-w", "--literally", "../object"];
        self.git(&make)
    }

    pub(super) fn head(&self) -> CommitId {
        CommitId::new(self.git(&["rev-parse", "HEAD"])).unwrap()
    }

    /// Pushes `main` to `bare.git`.
    pub(super) fn push(&self) {
        self.git(&["push", "-q", "--force", "origin", "HEAD:main"]);
    }

    pub(super) fn url(&self) -> String {
        format!("file://{}", self.path("bare.git").display())
    }

    pub(super) fn options(&self, location: Location) -> RepositoryOptions {
        RepositoryOptions {
            location,
            token: None,
            mirror_dir: self.path("state/mirror"),
            ssh_command: None,
            ca_file: None,
            timeout: Duration::from_secs(30),
        }
    }

    /// A repository opened in place.
    pub(super) fn in_place(&self, name: &str) -> Repository {
        Repository::open(self.options(Location::Path(self.path(name)))).unwrap()
    }

    /// The mirror of `bare.git` in the directory of that name.
    pub(super) fn mirror(&self, name: &str) -> Repository {
        let mut options = self.options(Location::parse(&self.url()));
        options.mirror_dir = self.path("state").join(name);
        Repository::open(options).unwrap()
    }

    /// A hook of `bare.git`.
    pub(super) fn hook(&self, name: &str, script: &str) {
        let path = self.path("bare.git/hooks").join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        script_at(&path, script);
    }
}

/// An executable shell script.
pub(super) fn script_at(path: &Path, script: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// Takes the host's settings away from a git.
pub(super) fn hermetic(git: &mut Command) -> &mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            git.env_remove(name);
        }
    }
    git.env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_NAME", "Ada")
        .env("GIT_AUTHOR_EMAIL", "ada@example.com")
        .env("GIT_COMMITTER_NAME", "Bob")
        .env("GIT_COMMITTER_EMAIL", "bob@example.com")
        .env("GIT_COMMITTER_DATE", "2026-11-21T10:00:00+0100")
        .env("GIT_AUTHOR_DATE", "2026-11-20T10:00:00+0100")
        .env("GIT_EDITOR", "true")
        .env("LC_ALL", "C")
}

/// A ledger commit that writes these files.
pub(super) fn entry(message: &str, files: &[(&str, Option<&str>)]) -> LedgerCommit {
    LedgerCommit {
        files: files
            .iter()
            .map(|(path, text)| {
                (
                    (*path).to_owned(),
                    text.map(|text| text.as_bytes().to_vec()),
                )
            })
            .collect(),
        message: message.to_owned(),
        at: jiff::Timestamp::from_second(1_800_000_000).unwrap(),
    }
}
