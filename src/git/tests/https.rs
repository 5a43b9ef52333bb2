//! A remote over https: a loopback server that runs `git http-backend` behind Basic authentication.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::support::{Site, entry, hermetic};
use crate::git::{Location, Repository, RepositoryOptions};
use crate::ports::{GitError, Ledger as _, LedgerError, Source as _};

const TOKEN: &str = "s3cret-t0ken";
const BRANCH: &str = "rollback/production";

/// The server; it ends with the runtime.
struct Remote {
    address: SocketAddr,
    ca_file: PathBuf,
    _runtime: tokio::runtime::Runtime,
}

impl Remote {
    /// Serves what is in `root`; `user` may read and write.
    fn start(root: PathBuf, user: &'static str) -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let ca_file = root.join("ca.pem");
        std::fs::write(&ca_file, made.cert.pem()).unwrap();
        let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::Pkcs8(key))
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let listener = runtime
            .block_on(TcpListener::bind(("127.0.0.1", 0)))
            .unwrap();
        let address = listener.local_addr().unwrap();
        runtime.spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let (acceptor, root) = (acceptor.clone(), root.clone());
                tokio::spawn(async move {
                    if let Ok(tls) = acceptor.accept(tcp).await {
                        answer(tls, &root, user).await;
                    }
                });
            }
        });
        Self {
            address,
            ca_file,
            _runtime: runtime,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}/{path}", self.address.port())
    }

    fn options(&self, site: &Site, url: &str, token: Option<&str>) -> RepositoryOptions {
        let mut options = site.options(Location::parse(url));
        options.token = token.map(Into::into);
        options.ca_file = Some(self.ca_file.clone());
        options
    }
}

/// One request, one answer.
async fn answer<S>(stream: S, root: &Path, user: &str)
where
    S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
{
    let mut stream = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return;
        }
        if line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let header = |name: &str| {
        head.iter().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name)
                .then(|| value.trim().to_owned())
        })
    };
    let length = header("content-length").map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await.unwrap();
    let mut words = head[0].split(' ');
    let (method, target) = (words.next().unwrap(), words.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let expected = format!("Basic {}", BASE64.encode(format!("{user}:{TOKEN}")));
    let reply = if let Some(rest) = path.strip_prefix("/moved/") {
        format!("HTTP/1.1 301 Moved\r\nLocation: /{rest}\r\nContent-Length: 0\r\n\r\n").into_bytes()
    } else if path.starts_with("/busy/") {
        b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n".to_vec()
    } else if path.starts_with("/forbidden/") {
        b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n".to_vec()
    } else if header("authorization") != Some(expected) {
        b"HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm=\"git\"\r\nContent-Length: 0\r\n\r\n"
            .to_vec()
    } else {
        let mut git = std::process::Command::new("git");
        hermetic(&mut git);
        git.arg("http-backend")
            .env("GIT_PROJECT_ROOT", root)
            .env("GIT_HTTP_EXPORT_ALL", "1")
            .env("REMOTE_USER", "daemon")
            .env("REQUEST_METHOD", method)
            .env("PATH_INFO", path)
            .env("QUERY_STRING", query)
            .env("CONTENT_TYPE", header("content-type").unwrap_or_default())
            .env("CONTENT_LENGTH", length.to_string())
            .env(
                "HTTP_CONTENT_ENCODING",
                header("content-encoding").unwrap_or_default(),
            )
            .env("GIT_PROTOCOL", header("git-protocol").unwrap_or_default());
        backend(git, &body).await
    };
    // a client that has gone needs no answer
    let _ = stream.write_all(&reply).await;
    let _ = stream.shutdown().await;
}

/// Runs the CGI program and makes its answer one of HTTP.
async fn backend(git: std::process::Command, body: &[u8]) -> Vec<u8> {
    let mut child = Command::from(git)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(body).await.unwrap();
    drop(stdin);
    let out = child.wait_with_output().await.unwrap().stdout;
    let end = out.windows(4).position(|four| four == b"\r\n\r\n").unwrap();
    let headers = String::from_utf8_lossy(&out[..end]).into_owned();
    let status = headers
        .lines()
        .find_map(|line| line.strip_prefix("Status: "))
        .unwrap_or("200 OK");
    let length = out.len() - end - 4;
    let mut reply = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n\r\n"
    )
    .into_bytes();
    reply.extend_from_slice(&out[end + 4..]);
    reply
}

#[test]
fn fetches_and_pushes_with_a_token() {
    let site = Site::new();
    let one = site.commit("a", "1", "one");
    site.push();
    let remote = Remote::start(site.path(""), "x-access-token");
    let url = remote.url("bare.git");
    let source = Repository::open(remote.options(&site, &url, Some(TOKEN))).unwrap();
    assert_eq!(source.head("main").unwrap(), Some(one));
    let ledger = source.ledger(BRANCH, "production");
    let made = ledger
        .append(None, &[entry("1", &[("x", Some("1"))])])
        .unwrap();
    assert_eq!(
        site.git_in("bare.git", &["rev-parse", BRANCH]),
        made[0].as_str()
    );
    let late = ledger.append(None, &[entry("2", &[("x", Some("2"))])]);
    assert!(matches!(late, Err(LedgerError::Raced { .. })), "{late:?}");
    site.hook("pre-receive", &format!("echo not you: {TOKEN} >&2; exit 1"));
    match ledger.append(Some(&made[0]), &[entry("2", &[("x", Some("2"))])]) {
        Err(LedgerError::Stalled { message, .. }) => {
            assert!(message.contains("not you: …"), "{message}");
            assert!(!message.contains(TOKEN), "{message}");
        }
        other => panic!("{other:?}"),
    }
    // the token is nowhere on disk, in no form
    let encoded = BASE64.encode(format!("x-access-token:{TOKEN}"));
    let config = std::fs::read_to_string(site.path("state/mirror/config")).unwrap();
    assert!(
        !config.contains(TOKEN) && !config.contains(&encoded),
        "{config}"
    );
}

#[test]
fn the_user_of_the_url_goes_with_the_token() {
    let site = Site::new();
    let one = site.commit("a", "1", "one");
    site.push();
    let remote = Remote::start(site.path(""), "deploy");
    let url = remote.url("bare.git").replace("://", "://deploy@");
    let source = Repository::open(remote.options(&site, &url, Some(TOKEN))).unwrap();
    assert_eq!(source.head("main").unwrap(), Some(one));
}

#[test]
fn refusals_say_what_to_do_and_keep_the_secret() {
    let site = Site::new();
    site.commit("a", "1", "one");
    site.push();
    let remote = Remote::start(site.path(""), "x-access-token");
    let refused = |path: &str, token: Option<&str>| {
        let options = remote.options(&site, &remote.url(path), token);
        Repository::open(options).unwrap().refresh().unwrap_err()
    };
    let stalled = |path: &str, token: Option<&str>, told: &str| match refused(path, token) {
        GitError::Stalled { message, remedy } => {
            assert!(remedy.contains(told), "{message}; {remedy}");
            let text = format!("{message}{remedy}");
            assert!(
                !text.contains("0ken") && !text.contains("eC1hY2Nlc3M"),
                "{text}"
            );
        }
        other => panic!("{path}: {other:?}"),
    };
    stalled("bare.git", Some("wrong-t0ken"), "repository.token");
    stalled("bare.git", None, "repository.token");
    stalled("nothing.git", Some(TOKEN), "repository.url");
    stalled("moved/bare.git", Some(TOKEN), "redirects");
    stalled("forbidden/bare.git", Some(TOKEN), "right");
    let busy = refused("busy/bare.git", Some(TOKEN));
    assert!(matches!(busy, GitError::Unavailable { .. }), "{busy:?}");
}

#[test]
fn an_unknown_authority_is_refused_and_a_dead_host_waited_for() {
    let site = Site::new();
    site.commit("a", "1", "one");
    site.push();
    let remote = Remote::start(site.path(""), "x-access-token");
    let mut options = remote.options(&site, &remote.url("bare.git"), Some(TOKEN));
    options.ca_file = None;
    match Repository::open(options).unwrap().refresh() {
        Err(GitError::Stalled { remedy, .. }) => assert!(remedy.contains("authority"), "{remedy}"),
        other => panic!("{other:?}"),
    }
    let options = remote.options(&site, &remote.url("bare.git"), Some(TOKEN));
    drop(remote);
    let down = Repository::open(options).unwrap().refresh();
    assert!(
        matches!(down, Err(GitError::Unavailable { .. })),
        "{down:?}"
    );
}
