//! The exact shape of lists for the queue, and what its answers mean.

use serde_json::json;

use super::server::{Scripted, Step};
use super::*;
use crate::domain::EntityId;
use crate::ports::{BulkId, Operation, StoreRead as _};

const UUID: &str = "d0e5f5f0-2a5c-4f7c-9f0e-3f1f0c7a7b11";

fn write(entity: EntityRef, id: Option<u64>, payload: Payload) -> Write {
    Write {
        entity,
        current: id.map(|id| ObservedEntity {
            id: EntityId(id),
            fields: fields(json!({})),
            inherited: None,
        }),
        payload,
    }
}

fn update(kind: Kind, key: &str, store: &str, id: u64) -> Write {
    let set = Payload::Update(fields(json!({"title": "New"})));
    write(entity(kind, key, store), Some(id), set)
}

fn taken(path: &str, method: &str) -> Step {
    let answer = json!({"bulk_uuid": UUID, "errors": true, "request_items": [
        {"id": 0, "data_hash": "x", "status": "accepted"},
        {"id": 1, "status": "rejected", "error_message": "This one is bad."},
    ]});
    Step::raw(method, path, 202, &answer.to_string())
}

#[tokio::test]
async fn a_list_has_one_route_and_its_ids_inside() {
    let block = |n| {
        write(
            entity(Kind::CMS_BLOCK, &format!("made-{n}"), "de"),
            None,
            Payload::Create(fields(json!({"title": "Made"}))),
        )
    };
    let gone = |n| {
        write(
            entity(Kind::CMS_PAGE, "gone", "all"),
            Some(n),
            Payload::Delete,
        )
    };
    let page = |n| update(Kind::CMS_PAGE, &format!("page-{n}"), "fr", n);
    let cases = [
        (
            ("PUT", "/rest/all/async/bulk/V1/cmsPage/byId"),
            [page(5), page(6)],
            json!([
                {"page": {"id": 5, "identifier": "page-5", "title": "New"}},
                {"page": {"id": 6, "identifier": "page-6", "title": "New"}},
            ]),
        ),
        (
            ("POST", "/rest/de/async/bulk/V1/cmsBlock"),
            [block(1), block(2)],
            json!([
                {"block": {"identifier": "made-1", "title": "Made"}},
                {"block": {"identifier": "made-2", "title": "Made"}},
            ]),
        ),
        (
            ("DELETE", "/rest/all/async/bulk/V1/cmsPage/byPageId"),
            [gone(7), gone(8)],
            json!([{"pageId": 7}, {"pageId": 8}]),
        ),
    ];
    for ((method, path), writes, body) in cases {
        let server = Scripted::start(vec![taken(path, method)]).await;
        let store = magento(&server.url);
        let keys = writes.each_ref().map(|write| store.batch_key(write));
        assert!(keys[0].is_some() && keys[0] == keys[1], "{keys:?}");
        let submitted = store.submit(&writes).await.unwrap();
        assert_eq!(submitted.bulk, BulkId(UUID.to_owned()));
        let rejected = [(1, "This one is bad.".to_owned())].into();
        assert_eq!(submitted.rejected, rejected);
        let seen = server.finish();
        assert_eq!(seen[0].query, "");
        assert_eq!(seen[0].body, Some(body));
    }
}

#[tokio::test]
async fn what_differs_in_route_or_scope_is_of_another_lot() {
    let store = magento("http://localhost:1");
    let key = |write: &Write| store.batch_key(write);
    let all = update(Kind::CMS_BLOCK, "a", "all", 1);
    assert_ne!(key(&all), key(&update(Kind::CMS_BLOCK, "a", "de", 1)));
    assert_ne!(key(&all), key(&update(Kind::CMS_PAGE, "a", "all", 1)));
    // No route makes an entity of several views; that is told where it is sent alone.
    let several = Payload::Create(fields(json!({"title": "t"})));
    let several = write(entity(Kind::CMS_BLOCK, "a", "de,fr"), None, several);
    assert_eq!(key(&several), None);
}

#[tokio::test]
async fn the_progress_of_each_operation_is_told_by_its_place() {
    let operation = |id: u64, status: u64, message: Option<&str>| json!({"id": id, "status": status, "result_message": message, "error_code": null});
    let answer = json!({"operations_list": [
        operation(2, 4, None),
        operation(0, 1, Some("Service execution success")),
        operation(1, 3, Some("It is bad.")),
        operation(3, 2, Some("Try again.")),
        operation(4, 3, Some("Something went wrong while saving the page.")),
    ], "operation_count": 5});
    let path = format!("/rest/all/V1/bulk/{UUID}/status");
    let server = Scripted::start(vec![Step::new("GET", &path, &answer)]).await;
    let seen = magento(&server.url)
        .progress(&BulkId(UUID.to_owned()))
        .await;
    let for_now = |message: &str| Operation::FailedForNow {
        message: message.to_owned(),
    };
    let failed = Operation::Failed {
        message: "It is bad.".to_owned(),
    };
    let expected = [
        Operation::Done,
        failed,
        Operation::Open,
        for_now("Try again."),
        // A deadlock that Magento's own service wraps.
        for_now("Something went wrong while saving the page."),
    ];
    assert_eq!(seen.unwrap(), expected.into_iter().enumerate().collect());
    server.finish();
}

#[tokio::test]
async fn an_answer_without_a_name_leaves_the_list_in_doubt() {
    let path = "/rest/all/async/bulk/V1/cmsBlock/byId";
    let server = Scripted::start(vec![Step::raw("PUT", path, 202, "{}")]).await;
    let error = magento(&server.url)
        .submit(&[update(Kind::CMS_BLOCK, "a", "all", 1)])
        .await
        .unwrap_err();
    assert!(matches!(error, StoreError::InDoubt { .. }), "{error:?}");
    server.finish();
}

#[tokio::test]
async fn the_right_to_read_the_progress_is_found_out_with_a_list_that_never_was() {
    let path = "/rest/all/V1/bulk/00000000-0000-0000-0000-000000000000/status";
    let unknown = r#"{"message":"Bulk uuid %bulkUuid not exist","parameters":{"bulkUuid":"0"}}"#;
    let right = "Magento_Logging::system_magento_logging_bulk_operations";
    let denied = json!({"message": "The consumer isn't authorized to access %resources.", "parameters": {"resources": right}});
    let script = vec![
        Step::raw("GET", path, 404, unknown),
        Step::raw("GET", path, 401, &denied.to_string()),
    ];
    let server = Scripted::start(script).await;
    let store = magento(&server.url);
    store.check_queue().await.unwrap();
    let error = store.check_queue().await.unwrap_err();
    assert!(
        matches!(error, StoreError::Unauthorized { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains(right), "{error}");
    server.finish();
}
