//! The queue: what is accepted, what becomes of it, and what happens where nobody consumes it.

use super::Shop;
use serde_json::{Value, json};

impl Shop {
    /// Has a list accepted, and returns its id.
    async fn accept(&self, method: &str, path: &str, items: Value) -> String {
        let (status, body) = self.call(method, path, Some(items)).await;
        assert_eq!(status, 202, "{body}");
        assert_eq!(body["errors"], false);
        body["bulk_uuid"].as_str().unwrap().to_owned()
    }

    async fn bulk(&self, uuid: &str, page: &str) -> Value {
        self.get(&format!("/V1/bulk/{uuid}/{page}")).await
    }

    /// The statuses of the operations once none is open.
    async fn finished(&self, uuid: &str) -> Vec<Value> {
        loop {
            if self.bulk(uuid, "operation-status/4").await == 0 {
                let bulk = self.bulk(uuid, "status").await;
                return bulk["operations_list"].as_array().unwrap().clone();
            }
            tokio::task::yield_now().await;
        }
    }
}

fn prices(count: usize, price: u32) -> Value {
    (0..count)
        .map(|n| {
            json!({"product": {"sku": format!("q-{n}"), "name": format!("Q {n}"),
                "attribute_set_id": 4, "price": price}})
        })
        .collect()
}

#[tokio::test]
async fn without_a_consumer_operations_stay_open() {
    let shop = Shop::open().await;
    shop.fail(json!({"queue": {"no_consumer": true}}));
    let uuid = shop
        .accept("POST", "/all/async/bulk/V1/products", prices(3, 5))
        .await;
    let bulk = shop.bulk(&uuid, "detailed-status").await;
    assert_eq!(bulk["operation_count"], 3);
    assert_eq!(
        bulk["description"],
        "Topic async.magento.catalog.api.productrepositoryinterface.save.post"
    );
    for operation in bulk["operations_list"].as_array().unwrap() {
        assert_eq!(operation["status"], 4);
        assert_eq!(operation["result_message"], Value::Null);
        assert!(operation["serialized_data"].is_string());
    }
    assert_eq!(shop.sandbox.dump()["product"].get("q-0"), None);
    shop.fail(json!({}));
    for operation in shop.finished(&uuid).await {
        assert_eq!(operation["status"], 1);
        assert_eq!(
            operation["result_message"],
            "Service execution success Magento\\Catalog\\Model\\ProductRepository::save"
        );
    }
    assert!(shop.sandbox.dump()["product"].get("q-2").is_some());
}

#[tokio::test]
async fn some_operations_fail_and_succeed_when_sent_again() {
    let shop = Shop::open().await;
    let count = 5000;
    shop.fail(json!({"queue": {"fail_every": 100}}));
    let uuid = shop
        .accept("POST", "/all/async/bulk/V1/products", prices(count, 5))
        .await;
    let failed: Vec<Value> = shop
        .finished(&uuid)
        .await
        .into_iter()
        .filter(|operation| operation["status"] == 3)
        .collect();
    assert_eq!(failed.len(), 50);
    assert_eq!(shop.bulk(&uuid, "operation-status/3").await, 50);
    assert_eq!(failed[0]["id"], 99);
    assert_eq!(failed[0]["error_code"], 0);
    assert!(shop.sandbox.dump()["product"].get("q-99").is_none());
    let sent = prices(count, 5);
    let again: Vec<Value> = failed
        .iter()
        .map(|operation| sent[operation["id"].as_u64().unwrap() as usize].clone())
        .collect();
    let uuid = shop
        .accept("POST", "/all/async/bulk/V1/products", json!(again))
        .await;
    assert!(shop.finished(&uuid).await.iter().all(|o| o["status"] == 1));
    let dump = shop.sandbox.dump();
    let made = dump["product"].as_object().unwrap().keys();
    assert_eq!(made.filter(|sku| sku.starts_with("q-")).count(), count);
}

#[tokio::test]
async fn a_failure_may_pass() {
    let shop = Shop::open().await;
    shop.fail(json!({"queue": {"fail_every": 1, "retriable": true}}));
    let uuid = shop
        .accept("POST", "/all/async/bulk/V1/products", prices(1, 5))
        .await;
    assert_eq!(shop.finished(&uuid).await[0]["status"], 2);
}

#[tokio::test]
async fn an_id_beside_the_object_is_no_id() {
    let shop = Shop::open().await;
    let id = shop.id("cmsPage", "about-us", 0).await;
    let item = json!({"id": id, "page": {"identifier": "beside", "title": "Beside"}});
    let uuid = shop
        .accept("PUT", "/all/async/bulk/V1/cmsPage/byId", json!([item]))
        .await;
    assert_eq!(shop.finished(&uuid).await[0]["status"], 1);
    let made = shop.id("cmsPage", "beside", 0).await;
    assert_ne!(made, id);
    // Deleting wants the method's own name for it.
    let path = "/all/async/bulk/V1/cmsPage/byPageId";
    let uuid = shop
        .accept(
            "DELETE",
            path,
            json!([{ "pageId": made }, { "pageId": 999 }]),
        )
        .await;
    let finished = shop.finished(&uuid).await;
    assert_eq!(finished[0]["status"], 1);
    assert_eq!(
        finished[1]["result_message"],
        "The CMS page with the \"999\" ID doesn't exist."
    );
    let (status, _) = shop.call("PUT", path, Some(json!([]))).await;
    assert_eq!(status, 404);
}

#[tokio::test]
async fn one_call_can_wait_too_and_the_scope_counts() {
    let shop = Shop::open().await;
    let body = json!({"product": {"name": "Tasche"}});
    let uuid = shop
        .accept("PUT", "/fr/async/V1/products/24-MB01", body)
        .await;
    assert_eq!(shop.finished(&uuid).await.len(), 1);
    assert_eq!(shop.get("/fr/V1/products/24-MB01").await["name"], "Tasche");
    assert_eq!(
        shop.get("/all/V1/products/24-MB01").await["name"],
        "Joust Duffle Bag"
    );
    let bulk = json!([{"product": {"sku": "24-MB01", "price": 20}}, {"product": {"sku": "none", "name": "x"}}]);
    let uuid = shop
        .accept("PUT", "/all/async/bulk/V1/products/bySku", bulk)
        .await;
    let finished = shop.finished(&uuid).await;
    assert_eq!(finished[0]["status"], 1);
    assert_eq!(
        finished[1]["result_message"],
        "Invalid product data: Invalid attribute set entity type"
    );
    assert_eq!(shop.get("/all/V1/products/24-MB01").await["price"], 20);
}

#[tokio::test]
async fn an_empty_list_is_accepted_and_reading_needs_its_own_right() {
    let shop = Shop::open().await;
    let uuid = shop
        .accept("POST", "/all/async/bulk/V1/cmsBlock", json!([]))
        .await;
    assert_eq!(shop.bulk(&uuid, "status").await["operation_count"], 0);
    shop.fail(json!({"deny": ["Magento_Logging::system_magento_logging_bulk_operations"]}));
    let (status, _) = shop
        .call("GET", &format!("/V1/bulk/{uuid}/status"), None)
        .await;
    assert_eq!(status, 401);
}
