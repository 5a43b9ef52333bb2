//! Answers that never come, or come from somebody else.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::server::{Scripted, Step};
use super::*;
use crate::domain::{EntityId, ObservedEntity};
use crate::ports::{StoreError, StoreRead as _};

/// A read and a write against the same trouble.
async fn both(url: &str, timeout: Duration) -> (StoreError, StoreError) {
    let store = patient(url, timeout);
    let hero = entity(Kind::CMS_BLOCK, "hero", "all");
    let now = ObservedEntity {
        id: EntityId(10),
        fields: BTreeMap::new(),
        inherited: None,
    };
    let read = store.views().await.unwrap_err();
    let write = store
        .update(&hero, &now, &fields(json!({"title": "x"})))
        .await
        .unwrap_err();
    (read, write)
}

/// A server that says this to everyone, after the request's head, and hangs up.
async fn saying(words: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut head = [0; 4096];
            let _ = socket.read(&mut head).await;
            let _ = socket.write_all(words.as_bytes()).await;
        }
    });
    format!("127.0.0.1:{}", address.port())
}

#[tokio::test]
async fn a_store_that_is_not_there_got_no_write() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let (read, write) = both(&url, Duration::from_secs(30)).await;
    for error in [read, write] {
        assert!(
            matches!(
                error,
                StoreError::Unavailable {
                    retry_after: None,
                    ..
                }
            ),
            "{error:?}"
        );
        assert!(error.to_string().contains("not reached"), "{error}");
        assert!(error.to_string().contains(&url), "{error}");
    }
}

#[tokio::test]
async fn a_lost_connection_leaves_a_write_in_doubt() {
    let url = format!("http://{}", saying("").await);
    let (read, write) = both(&url, Duration::from_secs(30)).await;
    assert!(matches!(read, StoreError::Unavailable { .. }), "{read:?}");
    assert!(matches!(write, StoreError::InDoubt { .. }), "{write:?}");
    assert!(
        write.to_string().contains("PUT /rest/all/V1/cmsBlock/10"),
        "{write}"
    );
}

#[tokio::test]
async fn a_body_that_breaks_off_leaves_a_write_in_doubt() {
    let url = format!(
        "http://{}",
        saying("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"id\":").await
    );
    let (read, write) = both(&url, Duration::from_secs(30)).await;
    assert!(matches!(read, StoreError::Unavailable { .. }), "{read:?}");
    assert!(matches!(write, StoreError::InDoubt { .. }), "{write:?}");
}

#[tokio::test]
async fn silence_leaves_a_write_in_doubt() {
    // connections are taken by the kernel, and nobody ever answers
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (read, write) = both(&url, Duration::from_millis(50)).await;
    assert!(matches!(read, StoreError::Unavailable { .. }), "{read:?}");
    assert!(matches!(write, StoreError::InDoubt { .. }), "{write:?}");
    assert!(write.to_string().contains("in time"), "{write}");
}

#[tokio::test]
async fn a_server_without_tls_is_told() {
    let url = format!(
        "https://{}",
        saying("HTTP/1.1 400 Bad Request\r\n\r\n").await
    );
    let (read, write) = both(&url, Duration::from_secs(30)).await;
    for error in [read, write] {
        assert!(matches!(error, StoreError::Unusable { .. }), "{error:?}");
        assert!(error.to_string().contains("TLS"), "{error}");
        assert!(error.to_string().contains("scheme and port"), "{error}");
    }
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Scripted::start(Vec::new()).await;
    let target = format!("{}/rest/all/V1/store/storeViews", elsewhere.url);
    let server = Scripted::start(vec![
        Step::raw("GET", "/rest/all/V1/store/storeViews", 302, "").header("Location", &target),
    ])
    .await;
    let error = magento(&server.url).views().await.unwrap_err();
    assert!(matches!(error, StoreError::Unusable { .. }), "{error:?}");
    assert!(
        error
            .to_string()
            .contains(&format!("set `store.url` to {}/", elsewhere.url)),
        "{error}"
    );
    server.finish();
    elsewhere.finish();
}

#[tokio::test]
async fn headers_reach_the_classification() {
    let server = Scripted::start(vec![
        Step::raw("GET", "/rest/all/V1/store/storeViews", 429, "").header("Retry-After", "12"),
    ])
    .await;
    let error = magento(&server.url).views().await.unwrap_err();
    let StoreError::Unavailable { retry_after, .. } = error else {
        panic!("{error:?}")
    };
    assert_eq!(retry_after, Some(Duration::from_secs(12)));
    server.finish();
}

#[tokio::test]
async fn an_attempt_is_one_request() {
    let server = Scripted::start(vec![Step::raw(
        "GET",
        "/rest/all/V1/store/storeViews",
        502,
        "",
    )])
    .await;
    let error = magento(&server.url).views().await.unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    assert_eq!(server.finish().len(), 1);
}

#[tokio::test]
async fn secrets_come_back_in_no_message() {
    let echo = format!("keys {} and %1", SECRETS.join(" "));
    let encoded = "cs-secret%2Fwith%2Bsigns%3D%26";
    let body = json!({"message": echo, "parameters": [encoded]}).to_string();
    let location = format!("https://other.example.com/?{}", SECRETS[0]);
    let server = Scripted::start(vec![
        Step::raw("GET", "/rest/all/V1/store/storeViews", 400, &body),
        Step::raw(
            "GET",
            "/rest/all/V1/store/storeViews",
            200,
            &format!("<title>{}</title>", SECRETS[2]),
        ),
        Step::raw("GET", "/rest/all/V1/store/storeViews", 301, "").header("Location", &location),
    ])
    .await;
    let store = magento(&server.url);
    for _ in 0..3 {
        let error = store.views().await.unwrap_err();
        let text = format!("{error} {error:?}");
        for secret in SECRETS.iter().chain([&encoded]) {
            assert!(!text.contains(secret), "{text}");
        }
    }
    server.finish();
    assert_eq!(format!("{store:?}"), "Magento { .. }");
}

#[test]
fn a_url_that_is_none_of_a_shop_is_refused() {
    let [
        consumer_key,
        consumer_secret,
        access_token,
        access_token_secret,
    ] = SECRETS.map(Into::into);
    let credentials = Credentials {
        consumer_key,
        consumer_secret,
        access_token,
        access_token_secret,
    };
    for url in [
        "ftp://shop.example.com/",
        "https://me:pw@shop.example.com/",
        "https://shop.example.com/?a=b",
        "https://shop.example.com/#a",
        "data:text/plain,x",
    ] {
        let error = Magento::new(StoreOptions {
            url: url.parse().unwrap(),
            credentials: credentials.clone(),
            timeout: Duration::from_secs(1),
            concurrency: 1,
        })
        .unwrap_err();
        assert!(
            matches!(error, StoreError::Unusable { .. }),
            "{url}: {error:?}"
        );
        assert!(!error.to_string().contains("pw"), "{error}");
    }
}
