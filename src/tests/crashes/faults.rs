//! What a network and a store do wrong: each ends live with every write carried out once, or failed
//! with the exact reason; and all of them recover when the fault ends.

use serde_json::{Value, json};

use crate::hooks;
use crate::proxy::{Plan, Proxy, Trick};
use crate::world::{Story, World, until};

const RELEASE: &str = "changes:
  - kind: cms_block
    key: home-hero
    fields:
      title: Black Friday
  - kind: cms_page
    key: black-friday
    fields:
      title: Black Friday
";

fn story() -> Story {
    Story::there_and_back(&[("releases/a.yaml", RELEASE)])
}

/// Writes that the store carried out, whether or not it could say so.
fn carried_out(w: &World) -> Vec<String> {
    let lost = ["reset_after", "hang_after", "truncate"];
    w.shop
        .writes()
        .iter()
        .filter(|write| {
            let fault = write["fault"].as_str().unwrap_or_default();
            lost.contains(&fault) || (fault != "respond" && write["status"] == 200)
        })
        .map(|write| {
            let word = |name: &str| write[name].as_str().unwrap_or_default().to_owned();
            format!("{} {}", word("method"), word("identifier"))
        })
        .collect()
}

/// Deployed, each write once; and back.
fn is_live_and_goes_back(w: &World, story: &Story, before: &Value) {
    w.handled(story.release());
    assert_eq!(w.stands(story.release()), "deploy live", "{}", w.told());
    assert_eq!(carried_out(w), ["PUT home-hero", "POST black-friday"]);
    assert_eq!(
        w.shop.field("cms_block", "home-hero", "all", "title"),
        "Black Friday"
    );
    assert_eq!(
        w.shop.field("cms_page", "black-friday", "all", "title"),
        "Black Friday"
    );
    goes_back(w, story, before);
}

fn goes_back(w: &World, story: &Story, before: &Value) {
    w.push(story.revert());
    w.handled(story.revert());
    assert_eq!(w.shop.dump(), *before);
    assert_eq!(w.stands(story.release()), "deploy rolled_back");
    w.stop();
}

fn respond(status: u16, kind: &str, body: &str, headers: &Value) -> Value {
    json!({"respond": {"status": status, "content_type": kind, "body": body, "headers": headers}})
}

/// The first request of this method gets the fault, the next ones do not.
fn passing(method: &str, action: &Value) {
    let story = story();
    let w = World::with(&story, "timeout: 2s", None);
    let before = w.shop.dump();
    let matching = match method {
        "POST" => json!({"method": method, "identifier": "black-friday"}),
        "PUT" => json!({"method": method, "identifier": "home-hero"}),
        _ => json!({"method": method}),
    };
    w.shop
        .faults(&json!({"rules": [{"match": matching, "times": 1, "action": action}]}));
    w.push(story.release());
    w.start();
    is_live_and_goes_back(&w, &story, &before);
}

fn passing_everywhere(action: &Value) {
    for method in ["GET", "PUT", "POST"] {
        passing(method, action);
    }
}

#[test]
fn a_reset_before_the_store_acts() {
    passing_everywhere(&json!("reset_before"));
}

#[test]
fn a_reset_after_the_store_acted() {
    passing_everywhere(&json!("reset_after"));
}

#[test]
fn no_answer_in_time_before_the_store_acts() {
    passing_everywhere(&json!("hang"));
}

#[test]
fn no_answer_in_time_after_the_store_acted() {
    passing_everywhere(&json!("hang_after"));
}

#[test]
fn an_answer_that_breaks_off() {
    passing_everywhere(&json!("truncate"));
}

#[test]
fn too_many_requests_with_a_time_to_wait() {
    let busy = respond(429, "text/html", "slow down", &json!({"Retry-After": "1"}));
    passing_everywhere(&busy);
}

#[test]
fn a_bad_gateway() {
    let page = respond(502, "text/html", "<h1>502 Bad Gateway</h1>", &json!({}));
    passing_everywhere(&page);
}

#[test]
fn a_deadlock() {
    let body = json!({
        "message": "Could not save the page: %1",
        "parameters": ["Something went wrong while saving the page."],
    });
    passing(
        "POST",
        &respond(400, "application/json", &body.to_string(), &json!({})),
    );
}

#[test]
fn a_body_that_comes_slowly_is_waited_for() {
    slow_body(Trick::Dribble);
}

#[test]
fn a_body_that_stops_coming_is_a_lost_answer() {
    slow_body(Trick::Stall);
}

fn slow_body(trick: Trick) {
    let story = story();
    for (method, nth) in [("GET", 1), ("POST", 3), ("PUT", 3)] {
        let w = World::with(&story, "timeout: 2s", None);
        let before = w.shop.dump();
        // The first of each are questions for rights, with an empty body.
        let nth = if method == "GET" {
            nth
        } else {
            first_write(&story, method)
        };
        w.proxy.plan(Some(Plan {
            method: Some(method),
            nth,
            trick,
        }));
        w.push(story.release());
        w.start();
        is_live_and_goes_back(&w, &story, &before);
    }
}

/// Returns which of the requests of this method is the write itself: the last one.
fn first_write(story: &Story, method: &str) -> usize {
    let w = World::new(story);
    w.push(story.release());
    w.start();
    w.handled(story.release());
    let start = format!("{method} ");
    w.proxy
        .seen()
        .iter()
        .filter(|line| line.starts_with(&start))
        .count()
}

/// As long as it lasts nothing is decided; when it ends, the daemon goes on by itself.
fn lasting(faults: &Value) {
    let story = story();
    let w = World::with(&story, "timeout: 2s", None);
    let before = w.shop.dump();
    w.shop.faults(faults);
    w.push(story.release());
    w.start();
    until(
        || format!("waiting for the store\n{}", w.told()),
        || w.told().contains("waiting: ").then_some(()),
    );
    assert_eq!(carried_out(&w), Vec::<String>::new());
    w.shop.mend();
    is_live_and_goes_back(&w, &story, &before);
}

#[test]
fn maintenance_is_waited_for() {
    lasting(&json!({"maintenance": true}));
}

#[test]
fn maintenance_in_the_middle_of_a_release_is_waited_for() {
    let page = respond(
        503,
        "text/html",
        "<h1>Service Temporarily Unavailable</h1>",
        &json!({}),
    );
    let rules = ["home-hero", "black-friday"]
        .map(|key| json!({"match": {"identifier": key}, "action": page}));
    lasting(&json!({"rules": rules}));
}

#[test]
fn a_store_that_refuses_connections_is_waited_for() {
    let story = story();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let _inside = runtime.enter();
    // Bound and not listening: nobody else gets the port, and connections are refused.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let w = World::with(&story, "timeout: 2s", Some(&url));
    let before = w.shop.dump();
    w.push(story.release());
    w.start();
    until(
        || format!("refused\n{}", w.told()),
        || w.told().contains("Connection refused").then_some(()),
    );
    let listener = socket.listen(64).unwrap().into_std().unwrap();
    listener.set_nonblocking(false).unwrap();
    let _proxy = Proxy::on(listener, &w.shop.url, w.victim.clone());
    is_live_and_goes_back(&w, &story, &before);
}

/// Fails with these words, leaves the other entity in effect, and is mended by `gitmage retry`.
fn refused(action: &Value, words: &[&str]) {
    let story = story();
    let w = World::with(&story, "timeout: 2s", None);
    let before = w.shop.dump();
    let matching = json!({"method": "POST", "identifier": "black-friday"});
    w.shop
        .faults(&json!({"rules": [{"match": matching, "action": action}]}));
    w.push(story.release());
    w.start();
    w.handled(story.release());
    assert_eq!(w.stands(story.release()), "deploy failed");
    let release = w.release(story.release());
    let changes = release["changes"].as_array().unwrap();
    let page = changes
        .iter()
        .find(|change| change["kind"] == "cms_page")
        .unwrap();
    let error = page["error"].as_str().unwrap();
    for word in words {
        assert!(error.contains(word), "no {word:?} in {error}");
    }
    assert_eq!(carried_out(&w), ["PUT home-hero"]);
    w.shop.mend();
    let retry = w.run(&["retry"]);
    assert!(retry.status.success(), "{retry:?}\n{}", w.told());
    is_live_and_goes_back(&w, &story, &before);
}

#[test]
fn too_large_a_body_fails_with_the_reason() {
    let page = respond(
        413,
        "text/html",
        "<h1>413 Request Entity Too Large</h1>",
        &json!({}),
    );
    refused(&page, &["client_max_body_size", "cmsPage"]);
}

#[test]
fn an_internal_error_fails_with_the_report_id() {
    let body = json!({
        "message": "Internal Error. Details are available in Magento log file. Report ID: webapi-1"
    });
    let answer = respond(500, "application/json", &body.to_string(), &json!({}));
    refused(&answer, &["Report ID: webapi-1", "exception.log"]);
}

#[test]
fn a_deadlock_that_stays_fails_with_the_words_filled_in() {
    let body = json!({
        "message": "Could not save the page: %1",
        "parameters": ["Something went wrong while saving the page."],
    });
    let answer = respond(400, "application/json", &body.to_string(), &json!({}));
    refused(
        &answer,
        &["Could not save the page: Something went wrong while saving the page."],
    );
}

#[test]
fn a_remote_that_takes_no_push_gets_no_write() {
    let story = story();
    let w = World::new(&story);
    let before = w.shop.dump();
    let hook = w.bare.join("hooks/update");
    std::fs::copy(w.bare.join("hooks/pre-receive"), &hook).unwrap();
    std::fs::write(&hook, "#!/bin/sh\necho closed for today\nexit 1\n").unwrap();
    w.push(story.release());
    w.start();
    until(
        || format!("refused by the hook\n{}", w.told()),
        || w.told().contains("closed for today").then_some(()),
    );
    assert_eq!(w.shop.writes(), Vec::<Value>::new());
    assert!(hooks::pushes(&w.bare) > 0);
    std::fs::remove_file(hook).unwrap();
    is_live_and_goes_back(&w, &story, &before);
}
