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
        Self::at(dir, "store.git", init)
    }

    /// With another path of the shared repository below the directory.
    pub(crate) fn at(dir: &Path, path: &str, init: &[&str]) -> Self {
        let bare = dir.join(path);
        let clone = dir.join("clone");
        let begin = ["init", "-q", "-b", "main"];
        checked(dir, &[&begin, init, &["--bare", path]].concat());
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

    /// Does something on a branch, which begins at `main` if it is new; the clone is on `main` again
    /// afterwards.
    pub(crate) fn on<T>(&self, branch: &str, work: impl FnOnce(&Self) -> T) -> T {
        let name = format!("refs/heads/{branch}");
        let known = self.try_git(&["rev-parse", "--verify", "--quiet", &name]);
        if known.status.success() {
            self.git(&["checkout", "-q", branch]);
        } else {
            self.git(&["checkout", "-q", "-b", branch]);
        }
        let done = work(self);
        self.git(&["checkout", "-q", "main"]);
        done
    }

    /// Begins a branch at a commit.
    pub(crate) fn branch_at(&self, branch: &str, commit: &str) {
        self.git(&["branch", "-q", branch, commit]);
    }

    /// Pushes a branch under its own name.
    pub(crate) fn push_branch(&self, branch: &str) {
        self.git(&["push", "-q", "--force", "origin", branch]);
    }

    /// A forge's "Create a merge commit".
    pub(crate) fn merge(&self, branch: &str, message: &str) -> String {
        self.git(&["merge", "-q", "--no-ff", "-m", message, branch]);
        self.head()
    }

    /// A forge's "Squash and merge".
    pub(crate) fn squash(&self, branch: &str, message: &str) -> String {
        self.git(&["merge", "-q", "--squash", branch]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.head()
    }

    /// A forge's "Rebase and merge"; the id of the branch's last commit afterwards.
    pub(crate) fn rebase_merge(&self, branch: &str) -> String {
        self.on(branch, |repo| repo.git(&["rebase", "-q", "main"]));
        self.git(&["merge", "-q", "--ff-only", branch]);
        self.head()
    }

    /// `git cherry-pick -x`.
    pub(crate) fn cherry_pick(&self, commit: &str) -> String {
        self.git(&["cherry-pick", "-x", commit]);
        self.head()
    }

    /// `git commit --amend` with everything that was changed, under another message.
    pub(crate) fn amend(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--amend", "-m", message]);
        self.head()
    }

    /// Reverts a merge as the forges' buttons do.
    pub(crate) fn revert_merge(&self, merge: &str) -> String {
        self.revert_only(&["-m", "1", merge])
    }

    /// `git revert --no-commit` with its own arguments, committed under somebody's own message.
    pub(crate) fn revert_saying(&self, args: &[&str], message: &str) -> String {
        let mut all = vec!["revert", "--no-commit"];
        all.extend(args);
        self.git(&all);
        self.commit(message)
    }

    /// A commit that changes no file.
    pub(crate) fn say(&self, message: &str) -> String {
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.head()
    }

    /// Removes one release file and commits.
    pub(crate) fn remove_saying(&self, name: &str, message: &str) -> String {
        self.remove(&format!("releases/{name}.yaml"));
        self.commit(message)
    }

    /// `git mv`.
    pub(crate) fn rename(&self, from: &str, to: &str) {
        let parent = self.path(to);
        std::fs::create_dir_all(parent.parent().unwrap()).unwrap();
        self.git(&["mv", from, to]);
    }

    /// `git reset --hard`.
    pub(crate) fn reset(&self, commit: &str) {
        self.git(&["reset", "-q", "--hard", commit]);
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
