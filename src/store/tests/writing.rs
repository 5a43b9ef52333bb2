//! The exact shape of every write.

use serde_json::json;

use super::server::{Scripted, Step};
use super::*;
use crate::domain::EntityId;

fn current(id: u64, json: Value) -> ObservedEntity {
    ObservedEntity {
        id: EntityId(id),
        fields: fields(json),
        inherited: None,
    }
}

#[tokio::test]
async fn an_entity_is_created_under_the_scope_that_becomes_its_assignment() {
    for (store, path) in [
        ("all", "/rest/all/V1/cmsBlock"),
        ("de", "/rest/de/V1/cmsBlock"),
    ] {
        let server = Scripted::start(vec![Step::new("POST", path, &block(31, "hero"))]).await;
        let hero = entity(Kind::CMS_BLOCK, "hero", store);
        let set = fields(json!({"title": "Hero", "content": "<p>żółć</p>", "active": false}));

        magento(&server.url).create(&hero, &set).await.unwrap();

        let requests = server.finish();
        assert_eq!(requests[0].query, "");
        assert_eq!(requests[0].headers["content-type"], "application/json");
        assert_eq!(
            requests[0].body,
            Some(
                json!({"block": {"identifier": "hero", "title": "Hero", "content": "<p>żółć</p>", "active": false}})
            )
        );
    }
}

#[tokio::test]
async fn an_entity_for_several_views_is_not_created() {
    let server = Scripted::start(Vec::new()).await;
    let error = magento(&server.url)
        .create(
            &entity(Kind::CMS_BLOCK, "hero", "de,fr"),
            &fields(json!({})),
        )
        .await
        .unwrap_err();
    assert!(
        matches!(error, StoreError::Refused { status: 400, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("single"), "{error}");
    server.finish();
}

#[tokio::test]
async fn a_page_carries_its_identifier_along() {
    let server = Scripted::start(vec![Step::new(
        "PUT",
        "/rest/all/V1/cmsPage/12",
        &json!({"id": 12}),
    )])
    .await;
    let home = entity(Kind::CMS_PAGE, "home", "de");
    let now = current(
        12,
        json!({"identifier": "home", "title": "Home", "content": "old", "sort_order": 7}),
    );

    magento(&server.url)
        .update(
            &home,
            &now,
            &fields(json!({"content": "new", "meta_title": null})),
        )
        .await
        .unwrap();

    let requests = server.finish();
    assert_eq!(requests[0].line, "/rest/all/V1/cmsPage/12");
    assert_eq!(
        requests[0].body,
        Some(
            json!({"page": {"id": 12, "identifier": "home", "content": "new", "meta_title": null}})
        )
    );
}

#[tokio::test]
async fn a_block_is_updated_under_a_scope_of_its_own() {
    for (store, scope) in [("all", "all"), ("de", "de"), ("fr,default", "default")] {
        let path = format!("/rest/{scope}/V1/cmsBlock/10");
        let server = Scripted::start(vec![Step::new("PUT", &path, &block(10, "hero"))]).await;
        let hero = entity(Kind::CMS_BLOCK, "hero", store);
        let now = current(10, json!({"identifier": "hero", "title": "Hero"}));

        magento(&server.url)
            .update(&hero, &now, &fields(json!({"title": "New"})))
            .await
            .unwrap();

        let requests = server.finish();
        assert_eq!(requests[0].query, "");
        assert_eq!(
            requests[0].body,
            Some(json!({"block": {"id": 10, "title": "New"}}))
        );
    }
}

#[tokio::test]
async fn an_update_that_made_something_else_stops_everything() {
    let server = Scripted::start(vec![Step::new(
        "PUT",
        "/rest/all/V1/cmsPage/12",
        &json!({"id": 38}),
    )])
    .await;
    let home = entity(Kind::CMS_PAGE, "home", "all");
    let error = magento(&server.url)
        .update(
            &home,
            &current(12, json!({"identifier": "home"})),
            &fields(json!({"title": "x"})),
        )
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Unusable { .. }), "{error:?}");
    assert!(error.to_string().contains("38"), "{error}");
    server.finish();
}

#[tokio::test]
async fn a_delete_has_neither_query_nor_body() {
    let server = Scripted::start(vec![Step::new(
        "DELETE",
        "/rest/all/V1/cmsBlock/10",
        &json!(true),
    )])
    .await;
    magento(&server.url)
        .delete(
            &entity(Kind::CMS_BLOCK, "hero", "de"),
            &current(10, json!({})),
        )
        .await
        .unwrap();
    let requests = server.finish();
    assert_eq!(
        (requests[0].line.as_str(), &requests[0].body),
        ("/rest/all/V1/cmsBlock/10", &None)
    );
}

#[tokio::test]
async fn what_is_gone_is_gone() {
    let words =
        json!({"message": "The CMS block with the \"%1\" ID doesn't exist.", "parameters": ["10"]})
            .to_string();
    let server = Scripted::start(vec![
        Step::raw("DELETE", "/rest/all/V1/cmsBlock/10", 404, &words),
        Step::raw("PUT", "/rest/all/V1/cmsBlock/10", 404, &words),
    ])
    .await;
    let (hero, now) = (
        entity(Kind::CMS_BLOCK, "hero", "all"),
        current(10, json!({})),
    );
    let store = magento(&server.url);
    for error in [
        store.delete(&hero, &now).await.unwrap_err(),
        store
            .update(&hero, &now, &fields(json!({"title": "x"})))
            .await
            .unwrap_err(),
    ] {
        assert!(matches!(error, StoreError::Gone { .. }), "{error:?}");
        assert!(
            error.to_string().contains("\"10\" ID doesn't exist"),
            "{error}"
        );
    }
    server.finish();
}

#[tokio::test]
async fn a_success_that_proves_nothing_is_in_doubt() {
    let cases = [
        ("{\"id\": 1", "breaks off"),
        ("", "empty"),
        ("<html><title>Welcome</title>", "Welcome"),
        ("[]", "no id"),
    ];
    for (body, told) in cases {
        let server = Scripted::start(vec![
            Step::raw("POST", "/rest/all/V1/cmsBlock", 200, body),
            Step::raw("PUT", "/rest/all/V1/cmsBlock/10", 200, body),
            Step::raw("DELETE", "/rest/all/V1/cmsBlock/10", 200, body),
        ])
        .await;
        let (hero, now) = (
            entity(Kind::CMS_BLOCK, "hero", "all"),
            current(10, json!({})),
        );
        let store = magento(&server.url);
        let title = fields(json!({"title": "x"}));
        let created = store.create(&hero, &title).await.unwrap_err();
        let updated = store.update(&hero, &now, &title).await.unwrap_err();
        let deleted = store.delete(&hero, &now).await.unwrap_err();
        for error in [&created, &updated, &deleted] {
            assert!(
                matches!(error, StoreError::InDoubt { .. }),
                "{body:?}: {error:?}"
            );
        }
        assert!(created.to_string().contains(told), "{told:?} in {created}");
        server.finish();
    }
}

#[tokio::test]
async fn rights_are_found_out_without_writing() {
    let required = json!({"message": "\"%fieldName\" is required. Enter and try again.", "parameters": {"fieldName": "block"}}).to_string();
    let denied = json!({"message": "The consumer isn't authorized to access %resources.", "parameters": {"resources": "Magento_Cms::page_delete"}}).to_string();
    let server = Scripted::start(vec![
        Step::raw("POST", "/rest/all/V1/cmsBlock", 400, &required),
        Step::raw("POST", "/rest/all/V1/cmsPage", 400, &required),
        Step::raw("DELETE", "/rest/all/V1/cmsPage/0", 401, &denied),
    ])
    .await;

    let error = magento(&server.url)
        .check_rights(&[Kind::CMS_BLOCK, Kind::CMS_PAGE].into())
        .await
        .unwrap_err();

    assert!(
        matches!(error, StoreError::Unauthorized { .. }),
        "{error:?}"
    );
    assert!(
        error.to_string().contains("Magento_Cms::page_delete"),
        "{error}"
    );
    let requests = server.finish();
    assert!(
        requests
            .iter()
            .all(|request| request.body.is_none() || request.body == Some(json!({})))
    );
}

#[tokio::test]
async fn a_store_that_takes_an_empty_request_is_not_trusted() {
    let server = Scripted::start(vec![Step::new(
        "POST",
        "/rest/all/V1/cmsBlock",
        &json!({"id": 5}),
    )])
    .await;
    let error = magento(&server.url)
        .check_rights(&[Kind::CMS_BLOCK].into())
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::Unusable { .. }), "{error:?}");
    server.finish();
}
