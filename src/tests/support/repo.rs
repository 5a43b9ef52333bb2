//! A bare repository and one clone of it, with a Git that no machine's configuration touches.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The shared repository, and a developer's clone of it.
pub(crate) struct Repo {
    pub(crate) bare: PathBuf,
    clone: PathBuf,
}

/// A Git command that reads nothing but the repository.
fn command(dir: &Path) -> Command {
    let mut git = Command::new("git");
    git.current_dir(dir)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("GIT_EDITOR", "true")
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .env_remove("GIT_DIR")
        .env_remove("GIT_WORK_TREE")
        .env_remove("GIT_INDEX_FILE");
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), "Ada Merchant")
            .env(format!("GIT_{role}_EMAIL"), "ada@shop.example")
            .env(format!("GIT_{role}_DATE"), "2026-11-20T12:00:00Z");
    }
    git
}

fn checked(dir: &Path, args: &[&str]) -> String {
    let output = command(dir).args(args).output().unwrap();
    assert!(
        output.status.success(),
        "git {args:?}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout)
        .trim_end()
        .to_owned()
}

impl Repo {
    pub(crate) fn new(dir: &Path) -> Self {
        Self::with(dir, &[])
    }

    /// With further arguments of `git init`, for both.
    pub(crate) fn with(dir: &Path, init: &[&str]) -> Self {
        let bare = dir.join("store.git");
        let clone = dir.join("clone");
        let begin = ["init", "-q", "-b", "main"];
        checked(dir, &[&begin, init, &["--bare", "store.git"]].concat());
        checked(dir, &[&begin, init, &["clone"]].concat());
        let repo = Self { bare, clone };
        repo.git(&["remote", "add", "origin", repo.bare.to_str().unwrap()]);
        repo.write("README.md", "release files of a shop\n");
        repo.commit("Begin");
        repo.push();
        repo
    }

    /// Git in the clone; its output.
    pub(crate) fn git(&self, args: &[&str]) -> String {
        checked(&self.clone, args)
    }

    /// Git in the clone, whatever comes of it.
    pub(crate) fn try_git(&self, args: &[&str]) -> Output {
        command(&self.clone).args(args).output().unwrap()
    }

    /// Git in the shared repository.
    pub(crate) fn git_bare(&self, args: &[&str]) -> String {
        checked(&self.bare, args)
    }

    /// Git in the shared repository, whatever comes of it.
    pub(crate) fn try_bare(&self, args: &[&str]) -> Output {
        command(&self.bare).args(args).output().unwrap()
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.clone.join(path)
    }

    pub(crate) fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub(crate) fn remove(&self, path: &str) {
        std::fs::remove_file(self.path(path)).unwrap();
    }

    /// Commits everything; the new commit's id.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "-m", message]);
        self.head()
    }

    pub(crate) fn head(&self) -> String {
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn push(&self) {
        self.git(&["push", "-q", "origin", "HEAD:main"]);
    }

    pub(crate) fn force_push(&self) {
        self.git(&["push", "-q", "--force", "origin", "HEAD:main"]);
    }

    /// Writes one release file, commits and pushes.
    pub(crate) fn release(&self, name: &str, changes: &str, subject: &str) -> String {
        let id = self.prepare(name, changes, subject);
        self.push();
        id
    }

    /// Writes one release file and commits.
    pub(crate) fn prepare(&self, name: &str, changes: &str, subject: &str) -> String {
        self.write(&format!("releases/{name}.yaml"), changes);
        self.commit(subject)
    }

    /// `git revert` and push; the new commit's id.
    pub(crate) fn revert(&self, commit: &str) -> String {
        let id = self.revert_only(&[commit]);
        self.push();
        id
    }

    /// `git revert` with its own arguments.
    pub(crate) fn revert_only(&self, args: &[&str]) -> String {
        let mut all = vec!["revert", "--no-edit"];
        all.extend(args);
        self.git(&all);
        self.head()
    }

    /// The commit of a branch of the shared repository.
    pub(crate) fn tip(&self, branch: &str) -> Option<String> {
        let name = format!("refs/heads/{branch}");
        let output = self.try_bare(&["rev-parse", "--verify", "--quiet", &name]);
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }

    /// Everything that a branch says: messages and contents of all its commits.
    pub(crate) fn everything(&self, branch: &str) -> String {
        self.git_bare(&["log", "-p", "--text", "--format=fuller", branch])
    }
}
