//! Which searches an observation costs, and what it makes of the answers.

use std::collections::BTreeSet;

use serde_json::json;

use super::super::search;
use super::server::{Scripted, Step};
use super::*;
use crate::domain::{EntityId, Hit, Presence};
use crate::ports::{StoreError, StoreRead as _};

const BLOCK: Kind = Kind::CMS_BLOCK;

#[tokio::test]
async fn thirty_blocks_for_all_views_are_one_request() {
    let keys: Vec<String> = (0..30)
        .map(|i| format!("home-hero-of-the-season-{i:02}"))
        .collect();
    let found: Vec<Value> = keys
        .iter()
        .zip(10..)
        .map(|(key, id)| block(id, key))
        .collect();
    let server = Scripted::start(vec![Step::search("cmsBlock", Some(0), &items(&found))]).await;
    let entities: Vec<EntityRef> = keys.iter().map(|key| entity(BLOCK, key, "all")).collect();

    let seen = magento(&server.url)
        .observe(&wanted(&entities), &BTreeSet::new(), &views())
        .await
        .unwrap();

    assert_eq!(seen.len(), 30);
    assert!(seen.values().all(|presence| presence.found().is_some()));
    let [request] = &server.finish()[..] else {
        panic!("not one request")
    };
    assert_eq!(
        request.query,
        format!(
            "searchCriteria[filter_groups][0][filters][0][field]=identifier\
             &searchCriteria[filter_groups][0][filters][0][value]={}\
             &searchCriteria[filter_groups][0][filters][0][condition_type]=in\
             &searchCriteria[filter_groups][1][filters][0][field]=store_id\
             &searchCriteria[filter_groups][1][filters][0][value]=0\
             &searchCriteria[filter_groups][1][filters][0][condition_type]=eq\
             &searchCriteria[sortOrders][0][field]=block_id\
             &searchCriteria[sortOrders][0][direction]=ASC\
             &searchCriteria[pageSize]=300\
             &searchCriteria[currentPage]=1\
             &fields=items[id,identifier,title,content,creation_time,update_time,active],total_count",
            keys.join(",")
        )
    );
    assert!(
        request.headers["authorization"]
            .to_str()
            .unwrap()
            .starts_with("OAuth oauth_consumer_key=")
    );
    assert_eq!(request.headers["accept"], "application/json");
    assert_eq!(request.headers["accept-encoding"], "gzip");
    assert!(
        request.headers["user-agent"]
            .to_str()
            .unwrap()
            .starts_with("gitmage/")
    );
}

#[tokio::test]
async fn values_are_canonical_and_nulls_left_out() {
    let page = json!({"id": 12, "identifier": "home", "title": "Home", "meta_title": null, "sort_order": "7",
        "custom_theme_from": "2026-01-01 00:00:00", "content": "a\r\n", "active": "0", "unknown": 1});
    let server = Scripted::start(vec![Step::search("cmsPage", Some(0), &items(&[page]))]).await;
    let home = entity(Kind::CMS_PAGE, "home", "all");

    let seen = magento(&server.url)
        .observe(
            &wanted(std::slice::from_ref(&home)),
            &BTreeSet::new(),
            &views(),
        )
        .await
        .unwrap();

    let found = seen[&home].found().unwrap();
    assert_eq!(found.id, EntityId(12));
    assert_eq!(
        found.fields,
        fields(
            json!({"identifier": "home", "title": "Home", "sort_order": 7,
            "custom_theme_from": "2026-01-01", "content": "a\r\n", "active": false})
        )
    );
    server.finish();
}

#[tokio::test]
async fn a_view_is_proved_to_be_the_only_one() {
    let server = Scripted::start(vec![
        Step::search(
            "cmsBlock",
            Some(2),
            &items(&[
                block(10, "only-de"),
                block(11, "de-and-fr"),
                block(12, "de-and-all"),
            ]),
        ),
        Step::search("cmsBlock", Some(0), &items(&[json!({"id": 12})]))
            .with("field]=block_id")
            .with("value]=10,11,12&")
            .with("fields=items[id],total_count"),
        Step::search("cmsBlock", Some(1), &items(&[])).with("value]=10,11,12&"),
        Step::search("cmsBlock", Some(3), &items(&[json!({"id": 11})])).with("value]=10,11,12&"),
        Step::search(
            "cmsBlock",
            None,
            &items(&[block(11, "de-and-fr"), block(12, "de-and-all")]),
        )
        .with("value]=de-and-all,de-and-fr&")
        .with("fields=items[id,identifier],total_count"),
    ])
    .await;
    let entities = ["only-de", "de-and-fr", "de-and-all"].map(|key| entity(BLOCK, key, "de"));

    let seen = magento(&server.url)
        .observe(&wanted(&entities), &BTreeSet::new(), &views())
        .await
        .unwrap();

    assert_eq!(seen[&entities[0]].found().unwrap().id, EntityId(10));
    let elsewhere = |id, store: &str| {
        Presence::Elsewhere(vec![Hit {
            id: EntityId(id),
            store: entity(BLOCK, "x", store).store,
        }])
    };
    assert_eq!(seen[&entities[1]], elsewhere(11, "de,fr"));
    assert_eq!(seen[&entities[2]], elsewhere(12, "all"));
    server.finish();
}

#[tokio::test]
async fn a_list_of_views_is_exactly_that_list() {
    let server = Scripted::start(vec![
        Step::search(
            "cmsBlock",
            Some(1),
            &items(&[block(10, "hero"), block(11, "footer")]),
        ),
        Step::search("cmsBlock", Some(3), &items(&[block(10, "hero")])),
        Step::search("cmsBlock", Some(0), &items(&[])).with("value]=10&"),
        Step::search("cmsBlock", Some(2), &items(&[])).with("value]=10&"),
        Step::search("cmsBlock", None, &items(&[block(11, "footer")])).with("value]=footer&"),
        Step::search("cmsBlock", Some(0), &items(&[])).with("value]=11&"),
        Step::search("cmsBlock", Some(2), &items(&[])).with("value]=11&"),
    ])
    .await;
    let entities = ["hero", "footer"].map(|key| entity(BLOCK, key, "default,fr"));

    let seen = magento(&server.url)
        .observe(&wanted(&entities), &BTreeSet::new(), &views())
        .await
        .unwrap();

    assert_eq!(seen[&entities[0]].found().unwrap().id, EntityId(10));
    assert_eq!(
        seen[&entities[1]],
        Presence::Elsewhere(vec![Hit {
            id: EntityId(11),
            store: entity(BLOCK, "x", "default").store
        }])
    );
    server.finish();
}

#[tokio::test]
async fn a_default_and_its_override_stand_side_by_side() {
    let server = Scripted::start(vec![
        Step::search("cmsBlock", Some(0), &items(&[block(10, "hero")])),
        Step::search("cmsBlock", Some(2), &items(&[block(11, "hero")])),
        Step::search("cmsBlock", Some(1), &items(&[])).with("value]=11&"),
        Step::search("cmsBlock", Some(3), &items(&[])).with("value]=11&"),
    ])
    .await;
    let entities = ["all", "de"].map(|store| entity(BLOCK, "hero", store));

    let seen = magento(&server.url)
        .observe(&wanted(&entities), &BTreeSet::new(), &views())
        .await
        .unwrap();

    // store 0 has been searched by the key already: no further request tells more
    assert_eq!(seen[&entities[0]].found().unwrap().id, EntityId(10));
    assert_eq!(seen[&entities[1]].found().unwrap().id, EntityId(11));
    server.finish();
}

#[tokio::test]
async fn a_missing_key_costs_one_more_search_for_all_of_them() {
    let server = Scripted::start(vec![
        Step::search("cmsBlock", Some(0), &items(&[block(10, "HERO")])),
        Step::search(
            "cmsBlock",
            None,
            &items(&[block(10, "HERO"), block(11, "footer"), block(12, "footer")]),
        )
        .with("value]=footer,hero&"),
        Step::search("cmsBlock", Some(1), &items(&[])).with("value]=11,12&"),
        Step::search("cmsBlock", Some(2), &items(&[json!({"id": 11})])).with("value]=11,12&"),
        Step::search("cmsBlock", Some(3), &items(&[json!({"id": "12"})])).with("value]=11,12&"),
    ])
    .await;
    let entities = ["hero", "footer"].map(|key| entity(BLOCK, key, "all"));

    let seen = magento(&server.url)
        .observe(&wanted(&entities), &BTreeSet::new(), &views())
        .await
        .unwrap();

    // the store does not tell HERO from hero; keys do
    assert_eq!(seen[&entities[0]], Presence::Missing);
    let hit = |id, store: &str| Hit {
        id: EntityId(id),
        store: entity(BLOCK, "x", store).store,
    };
    assert_eq!(
        seen[&entities[1]],
        Presence::Elsewhere(vec![hit(11, "de"), hit(12, "fr")])
    );
    server.finish();
}

#[tokio::test]
async fn an_entity_without_any_view_is_no_hit() {
    let none = items(&[]);
    let mut script: Vec<Step> = [0, 0, 1, 2, 3]
        .into_iter()
        .map(|store| Step::search("cmsBlock", Some(store), &none))
        .collect();
    script.remove(1);
    script.push(Step::search(
        "cmsBlock",
        None,
        &items(&[block(10, "orphan")]),
    ));
    let server = Scripted::start(script).await;
    let orphan = entity(BLOCK, "orphan", "all");

    let seen = magento(&server.url)
        .observe(
            &wanted(std::slice::from_ref(&orphan)),
            &BTreeSet::new(),
            &views(),
        )
        .await
        .unwrap();

    assert_eq!(seen[&orphan], Presence::Missing);
    server.finish();
}

#[tokio::test]
async fn two_of_one_key_and_assignment_are_ambiguous() {
    let server = Scripted::start(vec![Step::search(
        "cmsBlock",
        Some(0),
        &items(&[block(11, "hero"), block(10, "hero")]),
    )])
    .await;
    let hero = entity(BLOCK, "hero", "all");

    let seen = magento(&server.url)
        .observe(
            &wanted(std::slice::from_ref(&hero)),
            &BTreeSet::new(),
            &views(),
        )
        .await
        .unwrap();

    assert_eq!(
        seen[&hero],
        Presence::Ambiguous(vec![EntityId(10), EntityId(11)])
    );
    server.finish();
}

#[tokio::test]
async fn an_unknown_view_costs_no_request() {
    let server = Scripted::start(Vec::new()).await;
    let entities = ["it", "de,it"].map(|store| entity(BLOCK, "hero", store));

    let seen = magento(&server.url)
        .observe(&wanted(&entities), &BTreeSet::new(), &views())
        .await
        .unwrap();

    for entity in &entities {
        assert_eq!(seen[entity], Presence::UnknownView(code("it")));
    }
    server.finish();
}

#[tokio::test]
async fn nothing_wanted_costs_no_request() {
    let server = Scripted::start(Vec::new()).await;
    let seen = magento(&server.url)
        .observe(&wanted(&[]), &BTreeSet::new(), &views())
        .await
        .unwrap();
    assert!(seen.is_empty());
    server.finish();
}

#[tokio::test]
async fn a_key_with_a_comma_has_a_filter_of_its_own() {
    let server = Scripted::start(vec![
        Step::search("cmsBlock", Some(0), &items(&[block(10, "a,b"), block(11, "c")]))
            .with("[0][filters][0][field]=identifier&searchCriteria[filter_groups][0][filters][0][value]=c&searchCriteria[filter_groups][0][filters][0][condition_type]=in&")
            .with("[0][filters][1][field]=identifier&searchCriteria[filter_groups][0][filters][1][value]=a,b&searchCriteria[filter_groups][0][filters][1][condition_type]=eq&"),
    ])
    .await;
    let entities = ["a,b", "c"].map(|key| entity(BLOCK, key, "all"));

    let seen = magento(&server.url)
        .observe(&wanted(&entities), &BTreeSet::new(), &views())
        .await
        .unwrap();

    assert!(entities.iter().all(|entity| seen[entity].found().is_some()));
    server.finish();
}

#[tokio::test]
async fn request_lines_stay_short() {
    let keys: Vec<String> = (0..400)
        .map(|i| format!("{i:03}-{}", "/ü".repeat(15)))
        .collect();
    let found: Vec<Value> = keys
        .iter()
        .zip(1..)
        .map(|(key, id)| block(id, key))
        .collect();
    let server = Scripted::start(Vec::new()).await;
    let store = magento(&server.url);
    let entities: Vec<EntityRef> = keys.iter().map(|key| entity(BLOCK, key, "all")).collect();
    // the script depends on how the keys are cut, so each batch is answered with what it asks for
    let whole = search::Search {
        kind: BLOCK,
        filter: search::Filter::Keys(entities.iter().map(|e| e.key.clone()).collect()),
        store: Some(0),
        show: search::Show::All,
    };
    let batches = whole.batches(&store.client);
    assert!(batches.len() > 5, "{}", batches.len());
    let script = batches.iter().map(|batch| {
        let search::Filter::Keys(keys) = &batch.filter else {
            panic!("ids")
        };
        let rows: Vec<Value> = found
            .iter()
            .filter(|row| keys.iter().any(|key| row["identifier"] == key.as_str()))
            .cloned()
            .collect();
        let first = keys.first().unwrap();
        Step::search("cmsBlock", Some(0), &items(&rows)).with(&format!("[value]={first}"))
    });
    let server = Scripted::start(script.collect()).await;

    let seen = magento(&server.url)
        .observe(&wanted(&entities), &BTreeSet::new(), &views())
        .await
        .unwrap();

    assert!(seen.values().all(|presence| presence.found().is_some()));
    let requests = server.finish();
    assert_eq!(requests.len(), batches.len());
    assert!(requests.iter().all(|request| request.line.len() < 6_100));
    // none is wastefully short either, but for the last
    let long = requests
        .iter()
        .filter(|request| request.line.len() > 5_500)
        .count();
    assert!(long >= batches.len() - 1, "{long} of {}", batches.len());
}

#[tokio::test]
async fn further_pages_are_fetched_until_the_total_is_reached() {
    let row = |id: u64| json!({"id": id, "identifier": "hero", "title": "T"});
    let first: Vec<Value> = (1..=300).map(row).collect();
    let page = |rows: &[Value]| json!({"items": rows, "total_count": 302});
    let server = Scripted::start(vec![
        Step::search("cmsBlock", Some(0), &page(&first)).with("[currentPage]=1&"),
        Step::search("cmsBlock", Some(0), &page(&[row(301), row(302)])).with("[currentPage]=2&"),
    ])
    .await;
    let hero = entity(BLOCK, "hero", "all");

    let seen = magento(&server.url)
        .observe(
            &wanted(std::slice::from_ref(&hero)),
            &BTreeSet::new(),
            &views(),
        )
        .await
        .unwrap();

    let Presence::Ambiguous(ids) = &seen[&hero] else {
        panic!("{:?}", seen[&hero])
    };
    assert_eq!(ids.len(), 302);
    server.finish();
}

#[tokio::test]
async fn a_list_that_shrinks_while_it_is_read_is_read_again() {
    let server = Scripted::start(vec![Step::search(
        "cmsBlock",
        Some(0),
        &json!({"items": [block(1, "hero")], "total_count": 2}),
    )])
    .await;
    let error = magento(&server.url)
        .observe(
            &wanted(&[entity(BLOCK, "hero", "all")]),
            &BTreeSet::new(),
            &views(),
        )
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Unavailable { .. }), "{error:?}");
    server.finish();
}

#[tokio::test]
async fn an_answer_of_another_shape_is_not_taken_for_an_empty_store() {
    for body in [
        json!([]),
        json!({}),
        json!({"items": {}, "total_count": 1}),
        json!({"items": [{"identifier": "hero"}], "total_count": 1}),
    ] {
        let server = Scripted::start(vec![Step::search("cmsBlock", Some(0), &body)]).await;
        let error = magento(&server.url)
            .observe(
                &wanted(&[entity(BLOCK, "hero", "all")]),
                &BTreeSet::new(),
                &views(),
            )
            .await
            .unwrap_err();
        assert!(
            matches!(error, StoreError::Unusable { .. }),
            "{body}: {error:?}"
        );
        server.finish();
    }
}

#[tokio::test]
async fn views_are_listed_without_admin() {
    let list = json!([
        {"id": 1, "code": "default", "name": "Default", "website_id": 1, "is_active": 1},
        {"id": 0, "code": "admin", "name": "Admin", "website_id": 0},
        {"id": 2, "code": "de"}, {"id": 3, "code": "fr"},
    ]);
    let server = Scripted::start(vec![Step::new(
        "GET",
        "/shop/rest/all/V1/store/storeViews",
        &list,
    )])
    .await;

    let found = magento(&format!("{}/shop/", server.url))
        .views()
        .await
        .unwrap();

    assert_eq!(found, views());
    assert_eq!(server.finish()[0].query, "");
}

#[tokio::test]
async fn a_list_of_views_that_cannot_be_trusted_is_refused() {
    for body in [
        json!({}),
        json!([{"code": "de"}]),
        json!([{"id": 4, "code": "5x"}]),
    ] {
        let server = Scripted::start(vec![Step::new(
            "GET",
            "/rest/all/V1/store/storeViews",
            &body,
        )])
        .await;
        let error = magento(&server.url).views().await.unwrap_err();
        assert!(
            matches!(error, StoreError::Unusable { .. }),
            "{body}: {error:?}"
        );
        server.finish();
    }
}
