//! What may be a secret is never repeated.

use super::*;

#[test]
fn secrets_in_clear_are_refused_and_not_repeated() {
    let oauth = "      oauth:
        consumer_key: hunter2hunter2
        consumer_secret: 1234567890123
        access_token: { env: AT }
        access_token_secret: [ hunter2hunter2 ]
";
    let text = minimal().replace(&format!("      oauth: {OAUTH}\n"), oauth);
    insta::assert_snapshot!(findings(&text), @r#"
    gitmage.yaml:9:23: critical: `environments.production.store.oauth.consumer_key` holds a secret in clear; the configuration names only where secrets are [clear-secret]
     9 |         consumer_key: ***
       |                       ^
      = write { env: NAME }, { file: PATH } or { credential: NAME } (systemd's LoadCredential=); renew the secret if others could read this file

    gitmage.yaml:10:26: critical: `environments.production.store.oauth.consumer_secret` holds a secret in clear; the configuration names only where secrets are [clear-secret]
     10 |         consumer_secret: ***
        |                          ^
      = write { env: NAME }, { file: PATH } or { credential: NAME } (systemd's LoadCredential=); renew the secret if others could read this file

    gitmage.yaml:12:30: critical: `environments.production.store.oauth.access_token_secret` holds a secret in clear; the configuration names only where secrets are [clear-secret]
     12 |         access_token_secret: [ *** ]
        |                              ^
      = write { env: NAME }, { file: PATH } or { credential: NAME } (systemd's LoadCredential=); renew the secret if others could read this file
    "#);
}

/// Wherever a secret may have been put by mistake, and however wrong the file is around it.
#[test]
fn no_finding_ever_shows_what_may_be_a_secret() {
    let secret = "hunter2Hunter2";
    let digits = "98765432101234";
    let minimal = minimal();
    let with = |from: &str, to: &str| {
        assert!(minimal.contains(from), "{from}");
        minimal.replace(from, to)
    };
    let url = "url: /srv/git/store.git";
    let ck = "consumer_key: { env: CK }";
    let texts = [
        with(ck, &format!("consumer_key: {secret}")),
        with(ck, &format!("consumer_key: {digits}")),
        with(ck, &format!("consumer_key: \"{secret}\"")),
        with(ck, &format!("consumer_key: [{secret}]")),
        with(ck, &format!("consumer_key: {{ {secret}: x }}")),
        with(ck, &format!("consumer_key: {{ {secret} }}")),
        with(ck, &format!("consumer_key: {{ value: {secret} }}")),
        with(ck, &format!("consumer_key: {{ env: CK, value: {secret} }}")),
        with(ck, &format!("consumer_key: {{ env: \"{secret} x\" }}")),
        with(ck, &format!("consumer_key: {{ credential: {secret}/x }}")),
        with(ck, &format!("consumer_kee: {secret}")),
        with(ck, &format!("{secret}: consumer_key")),
        with(ck, &format!("consumer_key: *{secret}")),
        with(ck, &format!("consumer_key: &{secret}")),
        with(ck, &format!("consumer_key: !{secret} x")),
        with(ck, &format!("consumer_key: !!binary {secret}")),
        with(ck, &format!("consumer_key: !!int {secret}")),
        with(ck, &format!("consumer_key: '{secret}")),
        with(ck, &format!("consumer_key: {secret}: {secret}")),
        with(ck, &format!("consumer_key: @{secret}")),
        with(ck, &format!("consumer_key: %{secret}")),
        with(ck, &format!("consumer_key: `{secret}")),
        with(&format!("oauth: {OAUTH}"), &format!("oauth: {secret}")),
        with(
            &format!("oauth: {OAUTH}"),
            &format!("oauth:\n        consumer_key: |\n          {secret}\n        bogus: 1"),
        ),
        with(
            url,
            &format!("url: https://me:{secret}@git.example.com/x.git"),
        ),
        with(url, &format!("url: https://{secret}@git.example.com/x.git")),
        with(
            url,
            &format!("url: https://me:hunter2/{secret}@git.example.com/x.git"),
        ),
        with(
            url,
            &format!("url: ssh://git:{secret}@git.example.com/x.git"),
        ),
        with(
            url,
            &format!("url: ftp://git.example.com/x.git?token={secret}"),
        ),
        with(url, &format!("url: [https://me:{secret}@git.example.com]")),
        with(
            url,
            &format!("url: http://me:{secret}@git.example.com/ # {secret}"),
        ),
        with(url, &format!("urll: /srv # {secret}")),
        with(url, &format!("{url}\n  password: {secret}")),
        with(url, &format!("{url}\n  token: {secret}")),
        with(url, &format!("{url}\n  token: |\n    {secret}")),
        with(url, &format!("{url}\n  token:\n    {secret}")),
        with(url, &format!("{url}\n  token: {digits}\n  token: {secret}")),
        with(url, &format!("{url}\n {secret}")),
        with(url, &format!("{url}\n\t{secret}: x")),
        with(
            "url: https://shop.example.com",
            &format!("url: https://me:{secret}@shop.example.com"),
        ),
        with(
            "url: https://shop.example.com",
            &format!("url: https://shop.example.com/?key={secret}"),
        ),
        with("branch: main", &format!("branch: [ main ] # {secret}")),
    ];
    for text in texts {
        let all = findings(&text);
        assert!(all.any_critical(), "accepted:\n{text}");
        let debug = format!("{all:?}");
        for output in [all.to_string(), debug] {
            for part in [&secret[1..], &digits[1..]] {
                assert!(!output.contains(part), "{text}\nshows it:\n{output}");
            }
        }
    }
}
