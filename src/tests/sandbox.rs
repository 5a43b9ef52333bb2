//! The sandbox over HTTP: the traps that no recording shows, and its own pages.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use std::time::{Duration, Instant};

use gitmage::sandbox::{Faults, Sandbox, SandboxOptions, Seed};
use serde_json::{Value, json};

#[path = "sandbox/catalogue.rs"]
mod catalogue;
#[path = "sandbox/promotions.rs"]
mod promotions;
#[path = "sandbox/queue.rs"]
mod queue;
mod signing;
use signing::Signing;

struct Shop {
    sandbox: Sandbox,
    http: reqwest::Client,
}

impl Shop {
    async fn open() -> Self {
        Self::with(SandboxOptions::default()).await
    }

    async fn with(options: SandboxOptions) -> Self {
        Self {
            sandbox: Sandbox::start(options).await.unwrap(),
            http: reqwest::Client::new(),
        }
    }

    fn request(&self, method: &str, path: &str) -> reqwest::RequestBuilder {
        let url: url::Url = format!("{}/rest{path}", self.sandbox.url())
            .parse()
            .unwrap();
        // Magento decodes a slash in a path before it signs.
        let signed = url.as_str().replace("%2F", "/");
        let header = Signing::new(&self.sandbox).header(method, &signed);
        self.http
            .request(method.parse().unwrap(), url)
            .header("Authorization", header)
    }

    async fn call(&self, method: &str, path: &str, body: Option<Value>) -> (u16, Value) {
        let mut request = self.request(method, path);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        let (status, body) = self.call("GET", path, None).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    async fn put(&self, path: &str, body: Value) -> (u16, Value) {
        self.call("PUT", path, Some(body)).await
    }

    /// The one row that a search finds by identifier and store.
    async fn id(&self, collection: &str, identifier: &str, store: u32) -> u64 {
        let found = self
            .get(&format!(
                "/all/V1/{collection}/search?{}&{}&fields=items[id]",
                filter(0, "identifier", identifier),
                filter(1, "store_id", &store.to_string())
            ))
            .await;
        let items = found["items"].as_array().unwrap();
        assert_eq!(items.len(), 1, "{found}");
        items[0]["id"].as_u64().unwrap()
    }

    async fn own(&self, method: &str, page: &str, body: Option<Value>) -> (u16, Value) {
        let url = format!("{}/__sandbox/{page}", self.sandbox.url());
        let mut request = self.http.request(method.parse().unwrap(), url);
        if let Some(body) = body {
            request = request.json(&body);
        }
        let response = request.send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// A call that is carried out.
    async fn done(&self, method: &str, path: &str, body: Value) -> Value {
        let (status, answer) = self.call(method, path, Some(body)).await;
        assert_eq!(status, 200, "{method} {path}: {answer}");
        answer
    }

    /// A call that is refused, and with which words.
    async fn refused(&self, method: &str, path: &str, body: Value) -> (u16, String) {
        let (status, answer) = self.call(method, path, Some(body)).await;
        (status, message(&answer).to_owned())
    }

    fn fail(&self, faults: Value) {
        self.sandbox.set_faults(faults_from(faults));
    }
}

fn faults_from(faults: Value) -> Faults {
    serde_json::from_value(faults).unwrap()
}

fn filter(group: usize, field: &str, value: &str) -> String {
    let base = format!("searchCriteria[filter_groups][{group}][filters][0]");
    format!("{base}[field]={field}&{base}[value]={value}")
}

/// Returns what a dump shows beside ids and times.
fn without_meta(mut dump: Value) -> Value {
    for kind in dump.as_object_mut().unwrap().values_mut() {
        for key in kind.as_object_mut().unwrap().values_mut() {
            for entity in key.as_object_mut().unwrap().values_mut() {
                entity.as_object_mut().unwrap().remove("meta").unwrap();
            }
        }
    }
    dump
}

fn message(body: &Value) -> &str {
    body["message"].as_str().unwrap()
}

#[tokio::test]
async fn the_ready_line_tells_where_and_how() {
    let shop = Shop::open().await;
    let line = shop.sandbox.ready_line();
    assert!(!line.contains('\n'));
    let ready: Value = serde_json::from_str(&line).unwrap();
    assert_eq!(ready["url"], shop.sandbox.url().as_str());
    let oauth = ready["oauth"].as_object().unwrap();
    let keys: Vec<&String> = oauth.keys().collect();
    assert_eq!(
        keys,
        [
            "consumer_key",
            "consumer_secret",
            "access_token",
            "access_token_secret"
        ]
    );
    assert!(
        oauth
            .values()
            .all(|text| text.as_str().unwrap().len() == 32)
    );
}

#[tokio::test]
async fn a_query_or_a_second_key_turns_an_update_into_a_creation() {
    let shop = Shop::open().await;
    let id = shop.id("cmsPage", "about-us", 0).await;
    let before = shop.get(&format!("/V1/cmsPage/{id}")).await;
    for (path, body) in [
        (
            format!("/all/V1/cmsPage/{id}?fields=id"),
            json!({"page": {"identifier": "made-1", "title": "x"}}),
        ),
        (
            format!("/all/V1/cmsPage/{id}"),
            json!({"page": {"identifier": "made-2", "title": "x"}, "x": 1}),
        ),
        (
            "/all/V1/cmsPage/0".to_owned(),
            json!({"page": {"identifier": "made-3", "title": "x"}}),
        ),
    ] {
        let (status, made) = shop.put(&path, body).await;
        assert_eq!(status, 200);
        assert!(made["id"].as_u64().unwrap() > id, "{made}");
    }
    assert_eq!(shop.get(&format!("/V1/cmsPage/{id}")).await, before);

    // The id inside the object hits the right row in all cases.
    let (_, kept) = shop
        .put(
            &format!("/all/V1/cmsPage/{id}?fields=id"),
            json!({"page": {"id": id, "identifier": "about-us", "title": "New"}}),
        )
        .await;
    assert_eq!(kept, json!({ "id": id }));
    assert_eq!(
        shop.get(&format!("/V1/cmsPage/{id}?fields=title")).await["title"],
        "New"
    );
}

#[tokio::test]
async fn the_url_wins_over_the_body() {
    let shop = Shop::open().await;
    let (status, _) = shop
        .put(
            "/all/V1/cmsBlock/1",
            json!({"block": {"id": 2, "title": "One"}}),
        )
        .await;
    assert_eq!(status, 200);
    assert_eq!(
        shop.get("/V1/cmsBlock/1?fields=title").await["title"],
        "One"
    );
    assert_eq!(
        shop.get("/V1/cmsBlock/2?fields=title").await["title"],
        "Footer links"
    );
}

#[tokio::test]
async fn an_update_changes_no_assignment_and_a_noop_no_time() {
    let shop = Shop::open().await;
    let old = "2020-01-01 00:00:00";
    let fields = json!({"title": "Old", "update_time": old});
    let edit =
        json!({"kind": "cms_page", "key": "old", "store": ["default", "fr"], "fields": fields});
    assert_eq!(shop.own("PUT", "entities", Some(edit)).await.0, 200);
    let before = shop.sandbox.dump();
    let meta = &before["cms_page"]["old"]["default,fr"]["meta"];
    assert_eq!(meta["update_time"], old);
    let path = format!("/de/V1/cmsPage/{}", meta["id"]);

    let noop = json!({"identifier": "old", "title": "Old", "update_time": "2021-01-01 00:00:00"});
    assert_eq!(shop.put(&path, json!({ "page": noop })).await.0, 200);
    assert_eq!(shop.sandbox.dump(), before);

    let change = json!({"identifier": "old", "title": "New", "update_time": old});
    assert_eq!(shop.put(&path, json!({ "page": change })).await.0, 200);
    let after = &shop.sandbox.dump()["cms_page"]["old"]["default,fr"];
    assert_eq!(after["title"], "New");
    assert_ne!(after["meta"]["update_time"], old);
}

#[tokio::test]
async fn an_empty_update_renames_a_page_by_its_title() {
    let shop = Shop::open().await;
    for (key, empty, renamed) in [
        ("home", json!({}), "home-page"),
        ("no-route", json!([]), "404-not-found"),
    ] {
        let id = shop.id("cmsPage", key, 0).await;
        let path = format!("/fr/V1/cmsPage/{id}");
        let (status, page) = shop.put(&path, json!({ "page": empty })).await;
        assert_eq!((status, &page["identifier"]), (200, &json!(renamed)));
        assert_eq!(shop.id("cmsPage", renamed, 0).await, id);
    }
}

#[tokio::test]
async fn values_that_pages_mangle() {
    let shop = Shop::open().await;
    let id = shop.id("cmsPage", "winter-sale", 0).await;
    let path = format!("/all/V1/cmsPage/{id}");
    for (field, sent, answered, stored) in [
        ("sort_order", json!("99999"), json!("99999"), json!("32767")),
        ("sort_order", json!("abc"), json!("abc"), json!("0")),
        ("sort_order", json!(null), json!(null), json!("0")),
        ("metaTitle", json!(5), json!(null), json!(null)),
        ("meta_title", json!(true), json!("1"), json!("1")),
        ("active", json!("0"), json!(false), json!(false)),
        ("active", json!(1), json!(true), json!(true)),
        ("active", json!(null), json!(false), json!(true)),
        (
            "custom_theme_to",
            json!("2026-05-01"),
            json!("2026-05-01 00:00:00"),
            json!("2026-05-01"),
        ),
        ("custom_theme_to", json!(""), json!(null), json!(null)),
        (
            "content",
            json!("a\r\n\u{b}\u{0} "),
            json!("a\r\n\u{b}\u{0} "),
            json!("a\r\n\u{b}\u{0} "),
        ),
        (
            "page_layout",
            json!("nosuch"),
            json!("nosuch"),
            json!("nosuch"),
        ),
    ] {
        let (status, answer) = shop
            .put(
                &path,
                json!({"page": {"identifier": "winter-sale", field: sent}}),
            )
            .await;
        assert_eq!(status, 200, "{field}: {answer}");
        assert_eq!(answer[field], answered, "{field} in the answer");
        assert_eq!(shop.get(&path).await[field], stored, "{field} as stored");
    }
    assert_eq!(shop.get(&path).await["meta_title"], "1");
}

#[tokio::test]
async fn what_pages_refuse() {
    let shop = Shop::open().await;
    let id = shop.id("cmsPage", "about-us", 0).await;
    for (change, words) in [
        (json!({"identifier": null}), "can't use capital letters"),
        (
            json!({"identifier": "catalog"}),
            "would generate a URL that already exists",
        ),
        (
            json!({"identifier": "home"}),
            "URL key for specified store already exists.",
        ),
        (
            json!({"identifier": "stores"}),
            "URL key for specified store already exists.",
        ),
        (
            json!({"custom_theme_from": "nonsense"}),
            "Something went wrong",
        ),
        (
            json!({"custom_layout_update_xml": "<x/>"}),
            "Something went wrong",
        ),
        (json!({"title": ""}), "title"),
        (json!({"stores": [0]}), "Stores"),
        (json!({"extension_attributes": {}}), "ExtensionAttributes"),
    ] {
        let mut page = json!({"identifier": "about-us"});
        page.as_object_mut()
            .unwrap()
            .extend(change.as_object().unwrap().clone());
        let (status, body) = shop
            .put(&format!("/all/V1/cmsPage/{id}"), json!({ "page": page }))
            .await;
        assert_eq!(status, 400, "{change}");
        assert!(body.to_string().contains(words), "{change}: {body}");
    }
    let (status, body) = shop.call("GET", "/V1/cmsPage/12abc", None).await;
    assert_eq!(status, 400);
    assert!(message(&body).contains("The \"int\" type was expected."));
}

#[tokio::test]
async fn layout_xml_may_stay_or_go() {
    let shop = Shop::open().await;
    let edit =
        json!({"kind": "cms_page", "key": "about-us", "fields": {"layout_update_xml": "<x/>"}});
    assert_eq!(shop.own("PUT", "entities", Some(edit)).await.0, 200);
    let id = shop.id("cmsPage", "about-us", 0).await;
    let path = format!("/all/V1/cmsPage/{id}");
    for (xml, status) in [
        (json!("<x/>"), 200),
        (json!("<y/>"), 400),
        (json!(null), 200),
    ] {
        let body = json!({"page": {"identifier": "about-us", "layout_update_xml": xml}});
        assert_eq!(shop.put(&path, body).await.0, status, "{xml}");
    }
    assert_eq!(shop.get(&path).await["layout_update_xml"], Value::Null);
}

#[tokio::test]
async fn blocks_are_unique_in_the_store_of_the_url() {
    let shop = Shop::open().await;
    let german = shop.id("cmsBlock", "footer-links", 2).await;
    let general = shop.id("cmsBlock", "footer-links", 0).await;
    for (scope, id, status) in [
        ("/all", german, 400),
        ("/de", german, 200),
        ("/de", general, 400),
        ("/all", general, 200),
        ("", general, 200),
    ] {
        let body = json!({"block": {"title": format!("under {scope}")}});
        let answer = shop.put(&format!("{scope}/V1/cmsBlock/{id}"), body).await;
        assert_eq!(answer.0, status, "{scope} {id}: {}", answer.1);
    }
    let (status, _) = shop
        .call(
            "POST",
            "/fr/V1/cmsBlock",
            Some(json!({"block": {"identifier": "A b", "title": ""}})),
        )
        .await;
    assert_eq!(status, 200);
}

#[tokio::test]
async fn searches_over_http() {
    let shop = Shop::open().await;
    let whole = shop.get("/V1/cmsBlock/search?searchCriteria=").await;
    assert_eq!(
        whole["total_count"],
        whole["items"].as_array().unwrap().len()
    );
    assert_eq!(whole["search_criteria"], json!({"filter_groups": []}));

    let upper = format!(
        "/V1/cmsBlock/search?{}&fields=total_count",
        filter(0, "identifier", "HOME-HERO")
    );
    assert_eq!(shop.get(&upper).await["total_count"], 1);
    // Of several stores only the first is looked at.
    let first = |stores| {
        format!(
            "/V1/cmsPage/search?{}&fields=items[identifier]",
            filter(0, "store_id", stores)
        )
    };
    assert_eq!(shop.get(&first("2,3")).await, shop.get(&first("2")).await);
    assert_ne!(shop.get(&first("2,3")).await, shop.get(&first("3")).await);

    for field in ["id", "active", "store"] {
        let path = format!("/V1/cmsPage/search?{}", filter(0, field, "1"));
        assert_eq!(shop.call("GET", &path, None).await.0, 500, "{field}");
    }
    let path = "/V1/cmsPage/search?searchCriteria[sortOrders][0][field]=nosuch";
    assert_eq!(shop.call("GET", path, None).await.0, 500);
    assert_eq!(shop.get("/V1/cmsPage/1?fields=nosuch").await, json!([]));
    assert_eq!(shop.get("/V1/cmsPage/1?fields=a-b").await, json!([]));
}

#[tokio::test]
async fn refusals_before_the_body() {
    let shop = Shop::open().await;
    for (method, path, status) in [
        ("PATCH", "/V1/cmsPage/1", 405),
        ("OPTIONS", "/V1/cmsPage/1", 405),
        ("GET", "/admin/V1/cmsPage/1", 400),
        ("GET", "/V1/products/x", 404),
        ("PUT", "/V1/cmsPage", 404),
    ] {
        assert_eq!(
            shop.call(method, path, None).await.0,
            status,
            "{method} {path}"
        );
    }
    let head = shop.request("HEAD", "/V1/cmsPage/1").send().await.unwrap();
    assert_eq!(head.status(), 405);
    let html = shop
        .request("GET", "/V1/cmsPage/1")
        .header("Accept", "text/html")
        .send()
        .await
        .unwrap();
    assert_eq!(html.status(), 500);
    assert!(
        html.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let wrong_case = format!("{}/REST/V1/cmsPage/1", shop.sandbox.url());
    let page = shop.http.get(wrong_case).send().await.unwrap();
    assert_eq!(page.status(), 404);
    assert!(
        page.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/html")
    );
    let long = format!(
        "/V1/cmsPage/search?{}",
        filter(0, "identifier", &"x".repeat(9000))
    );
    assert_eq!(
        shop.request("GET", &long).send().await.unwrap().status(),
        414
    );
}

#[tokio::test]
async fn bodies_must_be_json_in_utf_8() {
    let shop = Shop::open().await;
    for (content_type, body, words) in [
        (None, "{}", "Content-Type header is empty."),
        (
            Some("application/json; charset=latin1"),
            "{}",
            "UTF-8 is the only supported charset.",
        ),
        (Some("application/json"), "\u{feff}{}", "Decoding error."),
        (Some("application/json; charset=UTF-8"), "", "is required."),
        (Some("application/json"), "[]", "is required."),
        (Some("application/json"), "\"x\"", "is required."),
    ] {
        let mut request = shop.request("PUT", "/V1/cmsPage/1").body(body);
        if let Some(content_type) = content_type {
            request = request.header("Content-Type", content_type);
        }
        let response = request.send().await.unwrap();
        assert_eq!(response.status(), 400);
        let body: Value = response.json().await.unwrap();
        assert!(message(&body).contains(words), "{content_type:?}: {body}");
    }
}

#[tokio::test]
async fn rights_are_checked_before_the_body() {
    let shop = Shop::open().await;
    shop.fail(json!({"deny": ["Magento_Cms::block"]}));
    assert_eq!(shop.put("/V1/cmsPage/1", json!({})).await.0, 400);
    let (status, body) = shop.put("/V1/cmsBlock/1", json!({})).await;
    assert_eq!(status, 401);
    assert_eq!(body["parameters"]["resources"], "Magento_Cms::block");

    shop.fail(json!({"inactive": true}));
    let (_, body) = shop.call("GET", "/V1/store/storeViews", None).await;
    assert_eq!(body["parameters"]["resources"], "Magento_Backend::store");
    shop.fail(json!({"revoked": true}));
    let (_, body) = shop.call("GET", "/V1/store/storeViews", None).await;
    assert_eq!(message(&body), "Access token has been revoked");
    shop.fail(json!({"sha1_only": true}));
    assert_eq!(shop.call("GET", "/V1/store/storeViews", None).await.0, 400);
    shop.fail(json!({"maintenance": true}));
    let page = shop
        .request("GET", "/V1/store/storeViews")
        .send()
        .await
        .unwrap();
    assert_eq!(page.status(), 503);
    assert!(page.text().await.unwrap().starts_with("<!doctype html>"));
    shop.fail(json!({}));
    assert_eq!(shop.get("/V1/store/storeViews").await[0]["code"], "default");
}

#[tokio::test]
async fn the_dump_is_keyed_by_kind_key_and_assignment() {
    let shop = Shop::open().await;
    let (status, dump) = shop.own("GET", "dump", None).await;
    assert_eq!(status, 200);
    assert_eq!(dump, shop.sandbox.dump());
    let blocks = dump["cms_block"].as_object().unwrap();
    let assignments = |key: &str| {
        blocks[key]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect::<Vec<_>>()
    };
    assert_eq!(assignments("home-hero"), ["all"]);
    assert_eq!(assignments("footer-links"), ["all", "de"]);
    assert_eq!(assignments("shipping-banner"), ["de", "default", "fr"]);
    assert_eq!(assignments("store-hours"), ["default,fr"]);
    let page = &dump["cms_page"]["winter-sale"]["all"];
    assert_eq!(page["active"], false);
    assert_eq!(page["custom_theme_from"], "2026-12-27");
    assert_eq!(page["meta_title"], Value::Null);
    assert!(page["meta"]["id"].is_u64() && page["meta"]["update_time"].is_string());
}

#[tokio::test]
async fn edits_go_past_the_checks_of_rest() {
    let shop = Shop::open().await;
    let edits = json!([
        {"kind": "cms_block", "key": "new", "store": ["default", "fr"], "fields": {"title": "New"}},
        {"kind": "cms_block", "key": "new", "store": ["fr", "default"], "fields": {"title": "Newer"}, "assign": "de"},
        {"kind": "cms_block", "key": "old-hero", "delete": true},
    ]);
    assert_eq!(shop.own("PUT", "entities", Some(edits)).await.0, 200);
    let dump = shop.sandbox.dump();
    assert_eq!(dump["cms_block"]["new"]["de"]["title"], "Newer");
    assert_eq!(dump["cms_block"]["new"].as_object().unwrap().len(), 1);
    assert_eq!(dump["cms_block"]["old-hero"], Value::Null);
    for bad in [
        json!({"kind": "cms_sausage", "key": "x"}),
        json!({"kind": "cms_page", "key": "x", "store": "nosuch"}),
        json!({"kind": "cms_page", "key": "x", "fields": {"nosuch": 1}}),
        json!({"kind": "cms_page", "key": "nosuch", "delete": true}),
        json!({"kind": "cms_page"}),
    ] {
        let (status, body) = shop.own("PUT", "entities", Some(bad)).await;
        assert_eq!(status, 400);
        assert!(body["error"].is_string());
    }
    assert_eq!(shop.own("GET", "nosuch", None).await.0, 404);
}

#[tokio::test]
async fn requests_are_logged_without_secrets() {
    let shop = Shop::open().await;
    shop.put("/de/V1/cmsBlock/1", json!({"block": {"title": "Neu"}}))
        .await;
    shop.get("/V1/cmsPage/2?fields=id").await;
    shop.call("DELETE", "/all/V1/cmsPage/9999", None).await;
    let (_, log) = shop.own("GET", "requests", None).await;
    let entry = |index: usize, keys: &[&str]| {
        keys.iter()
            .map(|key| log[index][*key].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        entry(
            0,
            &[
                "sequence",
                "method",
                "path",
                "query",
                "scope",
                "kind",
                "id",
                "identifier",
                "status",
                "body"
            ]
        ),
        [
            json!(1),
            json!("PUT"),
            json!("/rest/de/V1/cmsBlock/1"),
            json!(null),
            json!("de"),
            json!("cms_block"),
            json!("1"),
            json!("home-hero"),
            json!(200),
            json!({"block": {"title": "Neu"}}),
        ]
    );
    assert_eq!(
        entry(1, &["scope", "query", "identifier", "status", "body"]),
        [
            json!(null),
            json!("fields=id"),
            json!("home"),
            json!(200),
            json!(null)
        ]
    );
    assert_eq!(
        entry(2, &["sequence", "identifier", "status"]),
        [json!(3), json!(null), json!(404)]
    );
    let text = log.to_string();
    let ready: Value = serde_json::from_str(&shop.sandbox.ready_line()).unwrap();
    for secret in ready["oauth"].as_object().unwrap().values() {
        assert!(!text.contains(secret.as_str().unwrap()));
    }
    assert_eq!(shop.sandbox.requests().len(), 3);
}

#[tokio::test]
async fn faults_before_and_after_a_write() {
    let shop = Shop::open().await;
    let write = |title: &str| {
        shop.request("PUT", "/all/V1/cmsBlock/1")
            .json(&json!({"block": {"title": title}}))
            .send()
    };
    let title = || shop.sandbox.dump()["cms_block"]["home-hero"]["all"]["title"].clone();
    let rule = |action: &str| json!({"rules": [{"match": {"method": "PUT", "identifier": "home-hero"}, "times": 1, "action": action}]});

    let (status, shown) = shop.own("PUT", "faults", Some(rule("reset_before"))).await;
    assert_eq!(
        (status, &shown["rules"][0]["action"]),
        (200, &json!("reset_before"))
    );
    assert!(write("a").await.is_err());
    assert_eq!(title(), "Home hero");

    shop.fail(rule("reset_after"));
    assert!(write("b").await.is_err());
    assert_eq!(title(), "b");

    shop.fail(rule("truncate"));
    let cut = write("c").await.unwrap();
    assert_eq!(cut.status(), 200);
    assert!(cut.bytes().await.is_err());
    assert_eq!(title(), "c");

    let canned = json!({"rules": [{"action": {"respond": {"status": 429, "body": "slow down", "content_type": "text/plain", "headers": {"Retry-After": "7"}}}}]});
    shop.fail(canned);
    let refused = write("d").await.unwrap();
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "7");
    assert_eq!(refused.text().await.unwrap(), "slow down");

    shop.fail(json!({}));
    assert_eq!(write("e").await.unwrap().status(), 200);
    let log = shop.sandbox.requests();
    let noted: Vec<_> = log
        .iter()
        .map(|entry| (entry.fault, entry.status))
        .collect();
    assert_eq!(
        noted,
        [
            (Some("reset_before"), None),
            (Some("reset_after"), None),
            (Some("truncate"), Some(200)),
            (Some("respond"), Some(429)),
            (None, Some(200)),
        ]
    );
    assert_eq!(
        shop.own("PUT", "faults", Some(json!({"rules": 1}))).await.0,
        400
    );
}

#[tokio::test]
async fn hanging_requests_end_with_the_sandbox() {
    let shop = Shop::open().await;
    shop.fail(json!({"rules": [{"match": {"method": "DELETE"}, "action": "hang_after"}, {"action": "hang"}]}));
    let deletion = tokio::spawn(shop.request("DELETE", "/V1/cmsPage/1").send());
    let reading = tokio::spawn(shop.request("GET", "/V1/cmsPage/1").send());
    while shop.sandbox.requests().len() < 2
        || !shop.sandbox.dump()["cms_page"]["no-route"].is_null()
    {
        tokio::task::yield_now().await;
    }
    shop.sandbox.shutdown().await;
    assert!(deletion.await.unwrap().is_err());
    assert!(reading.await.unwrap().is_err());
}

#[tokio::test]
async fn latency_and_delay_take_their_time_side_by_side() {
    let latency = Duration::from_millis(60);
    let shop = Shop::with(SandboxOptions {
        latency,
        ..SandboxOptions::default()
    })
    .await;
    let started = Instant::now();
    let calls: Vec<_> = (0..20)
        .map(|_| tokio::spawn(shop.request("GET", "/V1/cmsPage/1").send()))
        .collect();
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap().status(), 200);
    }
    let taken = started.elapsed();
    assert!(taken >= latency);
    assert!(taken < latency * 20, "one after another: {taken:?}");
}

#[tokio::test]
async fn of_two_updates_at_a_time_one_is_lost_where_asked_for() {
    for lost in [false, true] {
        let shop = Shop::open().await;
        shop.fail(json!({
            "lost_updates": lost,
            "rules": [{"match": {"method": "PUT", "nth": 1}, "action": {"delay_ms": 150}}],
        }));
        let put = |field: &str| {
            let body = json!({"block": {field: "new"}});
            shop.request("PUT", "/all/V1/cmsBlock/1").json(&body).send()
        };
        let slow = tokio::spawn(put("title"));
        while shop.sandbox.requests().is_empty() {
            tokio::task::yield_now().await;
        }
        put("content").await.unwrap();
        slow.await.unwrap().unwrap();
        let block = &shop.sandbox.dump()["cms_block"]["home-hero"]["all"];
        assert_eq!(block["title"], "new");
        assert_eq!(block["content"] == "new", !lost);
    }
}

#[tokio::test]
async fn a_seed_of_ones_own() {
    let seed = Seed::parse(
        "entities:\n  - kind: cms_page\n    key: only\n    store: fr\n    fields: {title: 1, active: no}\n",
    );
    // `no` is a text in YAML 1.2, and PHP takes it for false.
    let shop = Shop::with(SandboxOptions {
        seed: Some(seed.unwrap()),
        ..SandboxOptions::default()
    })
    .await;
    let dump = shop.sandbox.dump();
    assert_eq!(dump["cms_block"], json!({}));
    assert_eq!(dump["cms_page"]["only"]["fr"]["title"], "1");
    assert_eq!(dump["cms_page"]["only"]["fr"]["active"], false);
    let json =
        Seed::parse(r#"{"entities": [{"kind": "cms_page", "key": "k", "store": ["de", "fr"]}]}"#);
    assert_eq!(json.unwrap().entities.len(), 1);
    assert!(Seed::parse("entities: [{kind: cms_page, kee: x}]").is_err());
    assert!(Seed::load(std::path::Path::new("/nonexistent/seed.yaml")).is_err());
}

#[tokio::test]
async fn a_port_that_is_taken_is_refused() {
    let shop = Shop::open().await;
    let port = shop
        .sandbox
        .url()
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    let second = Sandbox::start(SandboxOptions {
        port,
        ..SandboxOptions::default()
    })
    .await;
    let error = second.err().unwrap().to_string();
    assert!(error.contains(&port.to_string()), "{error}");
}
