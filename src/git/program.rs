//! The `git` program, for all that goes over a network, and for merges.
//!
//! gix has no push, and for fetching it knows neither proxies nor `http.sslCAInfo` nor a time limit;
//! one program for both directions also means one place for credentials. It runs hermetically: of
//! the environment only what [`INHERITED`] names, no configuration but the mirror's own and ours, no
//! prompt, no hook, no credential helper. Git 2.32 or newer.
//!
//! # Guarantees
//! - Secrets are handed over in the environment, never as arguments, and not written to disk.
//! - A run that shows no sign of life for the time limit is ended together with all it started.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gix::ObjectId;
use secrecy::{ExposeSecret, SecretString};

use super::{location, open};
use crate::ports::GitError;

/// Even a run that shows signs of life ends after this long.
const LONGEST_RUN: Duration = Duration::from_secs(60 * 60);

/// The parts of our environment that git and ssh may see: where programs and keys are, and proxies.
const INHERITED: &[&str] = &[
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "GIT_EXEC_PATH",
    "SSH_AUTH_SOCK",
    "KRB5CCNAME",
    "CREDENTIALS_DIRECTORY",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "all_proxy",
    "ALL_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SYSTEMROOT",
];

/// The way to run git against one remote.
#[derive(Clone)]
pub(super) struct Program {
    /// Where the remote is; empty where git only works on this machine.
    pub(super) url: String,
    pub(super) token: Option<SecretString>,
    pub(super) ca_file: Option<PathBuf>,
    pub(super) ssh_command: Option<String>,
    /// A file of ours in the place of the user's own configuration.
    pub(super) config: Option<PathBuf>,
    pub(super) timeout: Duration,
}

/// The answer of git.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) success: bool,
    pub(super) stdout: String,
    /// Progress taken out.
    pub(super) stderr: String,
}

/// The reasons why there is no answer.
#[derive(Debug)]
pub(super) enum NoAnswer {
    /// The program is missing or cannot be started.
    NotStarted(std::io::Error),
    /// Ended for want of a sign of life.
    TimedOut,
}

impl Program {
    /// Runs git. `--progress` should be among the arguments, as a sign of life.
    pub(super) fn run(&self, git_dir: Option<&Path>, args: &[&str]) -> Result<Answer, NoAnswer> {
        let mut command = Command::new("git");
        if let Some(dir) = git_dir {
            command.arg("--git-dir").arg(dir);
        }
        command
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        self.confine(&mut command);
        // a group of its own, so that ssh and the http helper end with it
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let child = command.spawn().map_err(NoAnswer::NotStarted)?;
        let mut answer = collect(child, self.timeout)?;
        // a remote may echo what it was sent
        for text in [&mut answer.stdout, &mut answer.stderr] {
            self.redact(text);
        }
        Ok(answer)
    }

    /// Moves a branch of the remote from `old` to `new`, if it is at `old` still.
    pub(super) fn push(
        &self,
        git_dir: &Path,
        branch: &str,
        old: Option<ObjectId>,
        new: ObjectId,
    ) -> Result<Answer, NoAnswer> {
        let reference = format!("refs/heads/{branch}");
        let old = old.map(|id| id.to_string()).unwrap_or_default();
        let lease = format!("--force-with-lease={reference}:{old}");
        let refspec = format!("{new}:{reference}");
        self.run(
            Some(git_dir),
            &[
                "push",
                "--porcelain",
                "--progress",
                "--no-verify",
                "--no-signed",
                "--no-follow-tags",
                "--recurse-submodules=no",
                &lease,
                "--",
                &self.url,
                &refspec,
            ],
        )
    }

    /// Returns why a run came to nothing.
    pub(super) fn no_answer(&self, doing: &str, error: NoAnswer) -> GitError {
        let url = location::without_password(&self.url);
        match error {
            NoAnswer::TimedOut => GitError::Unavailable {
                message: format!("{doing} {url}: no sign of life for {:?}", self.timeout),
            },
            NoAnswer::NotStarted(error) => GitError::Stalled {
                message: format!("{doing} {url}: the git program cannot be started: {error}"),
                remedy: "install git and see that it is in PATH".to_owned(),
            },
        }
    }

    fn redact(&self, text: &mut String) {
        let Some(token) = &self.token else { return };
        for secret in [token.expose_secret(), self.basic(token).as_str()] {
            if !secret.is_empty() && text.contains(secret) {
                *text = text.replace(secret, "…");
            }
        }
    }

    /// `user:token` as Basic authentication writes it.
    fn basic(&self, token: &SecretString) -> String {
        let user = location::user(&self.url).unwrap_or_else(|| "x-access-token".to_owned());
        BASE64.encode(format!("{user}:{}", token.expose_secret()))
    }

    fn confine(&self, command: &mut Command) {
        command.env_clear();
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env(
                "GIT_CONFIG_GLOBAL",
                self.config.as_deref().unwrap_or(Path::new("/dev/null")),
            )
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "")
            .env("SSH_ASKPASS_REQUIRE", "never")
            .env("GIT_ALLOW_PROTOCOL", "file:https:ssh")
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            // a remote on this host that is a partial clone must not ask another host for us
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_DEFAULT_REF_FORMAT", "files")
            .env("GIT_SSH_COMMAND", self.ssh_command());
        let settings = self.settings();
        command.env("GIT_CONFIG_COUNT", settings.len().to_string());
        for (n, (key, value)) in settings.iter().enumerate() {
            command
                .env(format!("GIT_CONFIG_KEY_{n}"), key)
                .env(format!("GIT_CONFIG_VALUE_{n}"), value);
        }
    }

    /// Whoever waits for a password, or for a dead host, waits for ever: ssh must not.
    fn ssh_command(&self) -> String {
        let seconds = self.timeout.as_secs().max(1);
        self.ssh_command.clone().unwrap_or_else(|| {
            format!("ssh -o BatchMode=yes -o ConnectTimeout={seconds} -o ServerAliveInterval=15")
        })
    }

    fn settings(&self) -> Vec<(String, String)> {
        let mut settings: Vec<(String, String)> = [
            ("credential.helper", ""),
            ("core.hooksPath", "/dev/null"),
            ("core.fsmonitor", "false"),
            ("core.filesRefLockTimeout", open::LOCK_WAIT),
            ("core.packedRefsTimeout", open::LOCK_WAIT),
            // a redirect would carry the credential to another host
            ("http.followRedirects", "false"),
        ]
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .into();
        if let Some(file) = &self.ca_file {
            settings.push(("http.sslCAInfo".to_owned(), file.display().to_string()));
        }
        if let (Some(token), Some(origin)) = (&self.token, location::origin(&self.url)) {
            settings.push((
                format!("http.{origin}.extraHeader"),
                format!("Authorization: Basic {}", self.basic(token)),
            ));
        }
        settings
    }
}

enum Output {
    Out(Vec<u8>),
    Err(Vec<u8>),
}

fn collect(mut child: Child, timeout: Duration) -> Result<Answer, NoAnswer> {
    let (sender, receiver) = mpsc::channel();
    if let Some(out) = child.stdout.take() {
        forward(out, sender.clone(), Output::Out);
    }
    if let Some(err) = child.stderr.take() {
        forward(err, sender.clone(), Output::Err);
    }
    drop(sender);
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let started = Instant::now();
    loop {
        let patience = timeout.min(LONGEST_RUN.saturating_sub(started.elapsed()));
        match receiver.recv_timeout(patience) {
            Ok(Output::Out(bytes)) => out.extend(bytes),
            Ok(Output::Err(bytes)) => err.extend(bytes),
            Err(RecvTimeoutError::Disconnected) => break,
            Err(RecvTimeoutError::Timeout) => {
                end(&mut child);
                return Err(NoAnswer::TimedOut);
            }
        }
    }
    let status = child.wait().map_err(NoAnswer::NotStarted)?;
    Ok(Answer {
        success: status.success(),
        stdout: String::from_utf8_lossy(&out).into_owned(),
        stderr: without_progress(&String::from_utf8_lossy(&err)),
    })
}

fn forward(mut from: impl Read + Send + 'static, to: Sender<Output>, wrap: fn(Vec<u8>) -> Output) {
    thread::spawn(move || {
        let mut buffer = [0; 8192];
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            if to.send(wrap(buffer[..read].to_vec())).is_err() {
                break;
            }
        }
    });
}

/// Ends a program with all that it started. What fails here has ended already.
fn end(child: &mut Child) {
    #[cfg(unix)]
    let _ = rustix::process::kill_process_group(
        rustix::process::Pid::from_child(child),
        rustix::process::Signal::KILL,
    );
    let _ = child.kill();
    let _ = child.wait();
}

/// Progress overwrites its line with carriage returns and ends in `done.`.
fn without_progress(text: &str) -> String {
    let is_progress = |line: &str| {
        line.ends_with(", done.")
            || line.contains("% (")
            || [
                "Total ",
                "Delta compression ",
                "Cloning into ",
                "remote: Total ",
            ]
            .iter()
            .any(|start| line.starts_with(start))
    };
    text.lines()
        .map(|line| {
            line.rsplit('\r')
                .find(|part| !part.trim().is_empty())
                .unwrap_or("")
        })
        .map(|line| line.trim_end_matches("\u{1b}[K").trim_end())
        .filter(|line| !line.is_empty() && !is_progress(line))
        .collect::<Vec<_>>()
        .join("\n")
}
