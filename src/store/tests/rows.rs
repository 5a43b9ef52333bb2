//! Prices and stock: what one request takes, what it answers, and what is read.

use serde_json::json;

use super::server::{Scripted, Step};
use super::*;
use crate::domain::kinds::FieldScope;
use crate::domain::{EntityId, Observation, Presence};
use crate::ports::StoreRead as _;

fn kind(name: &str) -> Kind {
    Kind::from_name(name).unwrap()
}

fn row(name: &str, key: &str, store: &str) -> EntityRef {
    entity(kind(name), key, store)
}

fn read(json: Value) -> Option<ObservedEntity> {
    Some(ObservedEntity {
        id: EntityId(7),
        fields: fields(json),
        inherited: None,
    })
}

fn update(entity: EntityRef, current: Value, to: Value) -> Write {
    Write {
        entity,
        current: read(current),
        payload: Payload::Update(fields(to)),
    }
}

fn delete(entity: EntityRef, current: Value) -> Write {
    Write {
        entity,
        current: read(current),
        payload: Payload::Delete,
    }
}

fn post(path: &str, answer: &Value) -> Step {
    Step::new("POST", &format!("/rest/all/V1/{path}"), answer)
}

fn products(scope: &str, products: &[Value]) -> Step {
    Step::new(
        "GET",
        &format!("/rest/{scope}/V1/products"),
        &items(products),
    )
}

fn seen(observation: &Observation, entity: &EntityRef) -> Value {
    match &observation[entity] {
        Presence::Found(found) => serde_json::to_value(&found.fields).unwrap(),
        other => json!(format!("{other:?}")),
    }
}

#[tokio::test]
async fn five_hundred_rows_go_in_one_request_and_each_failure_is_that_of_its_row() {
    let failed = |sku: usize| json!({"message": "Invalid attribute %fieldName = %fieldValue.", "parameters": ["SKU", format!("sku-{sku}")]});
    let answer = json!([failed(3), failed(250), failed(499)]);
    let server = Scripted::start(vec![post("products/base-prices", &answer)]).await;
    let writes: Vec<Write> = (0..500)
        .map(|n| {
            let entity = row("base_price", &format!("sku-{n}"), "all");
            update(entity, json!({"price": 1}), json!({"price": n}))
        })
        .collect();

    let results = magento(&server.url).write(&writes).await;

    let requests = server.finish();
    let sent = requests[0].body.as_ref().unwrap()["prices"]
        .as_array()
        .unwrap();
    assert_eq!(sent.len(), 500);
    assert_eq!(
        sent[499],
        json!({"sku": "sku-499", "store_id": 0, "price": 499})
    );
    for (n, result) in results.iter().enumerate() {
        let words = format!("Invalid attribute SKU = sku-{n}.");
        match result {
            Ok(()) => assert!(![3, 250, 499].contains(&n), "{n}"),
            Err(StoreError::Refused { message, .. }) => {
                assert!(message.contains(&words), "{message}")
            }
            Err(other) => panic!("{n}: {other:?}"),
        }
    }
    assert_eq!(results.iter().filter(|result| result.is_err()).count(), 3);
}

#[tokio::test]
async fn a_request_refused_as_a_whole_says_which_row_only_where_there_is_one() {
    let body = json!({"message": "Could not save Source Item"}).to_string();
    let refuse = || Step::raw("POST", "/rest/all/V1/inventory/source-items", 400, &body);
    let server = Scripted::start(vec![refuse(), refuse()]).await;
    let set = |source: &str| {
        let entity = row("source_item", &format!("24-MB01|{source}"), "all");
        update(entity, json!({}), json!({"quantity": 1, "status": 1}))
    };
    let store = magento(&server.url);

    let both = store.write(&[set("a"), set("b")]).await;
    let one = store.write(&[set("a")]).await;

    server.finish();
    for result in both {
        assert!(
            matches!(result, Err(StoreError::Contended { .. })),
            "{result:?}"
        );
    }
    assert!(matches!(one[0], Err(StoreError::Refused { .. })), "{one:?}");
}

#[tokio::test]
async fn an_answer_that_is_not_the_usual_one_leaves_doubt() {
    let server = Scripted::start(vec![
        post("inventory/source-items-delete", &json!(null)),
        post("products/base-prices", &json!({})),
    ])
    .await;
    let store = magento(&server.url);

    let stock = row("source_item", "24-MB01|default", "all");
    let stock = store.write(&[delete(stock, json!({}))]).await;
    let price = row("base_price", "24-MB01", "all");
    let price = store
        .write(&[update(price, json!({}), json!({"price": 1}))])
        .await;

    server.finish();
    for results in [stock, price] {
        assert!(
            matches!(results[0], Err(StoreError::InDoubt { .. })),
            "{results:?}"
        );
    }
}

#[tokio::test]
async fn a_special_price_is_read_once_and_with_the_days_of_its_own_scope() {
    let days = |from: &str| json!([{"attribute_code": "special_from_date", "value": from}]);
    let joined = |store: u32, price: f64, from: &str| json!({"sku": "a", "store_id": store, "price": price, "price_from": from, "price_to": null});
    let information = json!([
        joined(0, 5.0, "2030-01-01 00:00:00"),
        joined(0, 5.0, "2030-02-01 00:00:00"),
        joined(2, 4.0, "2030-01-01 00:00:00"),
        joined(2, 4.0, "2030-02-01 00:00:00"),
    ]);
    let server = Scripted::start(vec![
        products(
            "all",
            &[
                json!({"id": 1, "sku": "a", "custom_attributes": days("2030-02-01 00:00:00")}),
                json!({"id": 2, "sku": "B", "custom_attributes": []}),
                json!({"id": 3, "sku": "left", "custom_attributes": days("2029-01-01 00:00:00")}),
                json!({"id": 4, "sku": "none", "custom_attributes": []}),
            ],
        ),
        products(
            "de",
            &[json!({"id": 1, "sku": "a", "custom_attributes": days("2030-01-01 00:00:00")})],
        ),
        post("products/special-price-information", &information),
    ])
    .await;
    let [all, de, nl, wrong_case, left, none] = [
        ("a", "all"),
        ("a", "de"),
        ("a", "nl"),
        ("b", "all"),
        ("left", "all"),
        ("none", "all"),
    ]
    .map(|(sku, store)| row("special_price", sku, store));
    let wanted = wanted(&[&all, &de, &nl, &wrong_case, &left, &none].map(Clone::clone));

    let observation = magento(&server.url)
        .observe(&wanted, &BTreeSet::new(), &views())
        .await
        .unwrap();

    let requests = server.finish();
    assert_eq!(
        requests[2].body,
        Some(json!({"skus": ["a", "left", "none"]}))
    );
    assert_eq!(
        seen(&observation, &all),
        json!({"price": 5, "price_from": "2030-02-01 00:00:00"})
    );
    assert_eq!(
        seen(&observation, &de),
        json!({"price": 4, "price_from": "2030-01-01 00:00:00"})
    );
    assert_eq!(
        seen(&observation, &left),
        json!({"price_from": "2029-01-01 00:00:00"})
    );
    assert_eq!(observation[&none], Presence::Missing);
    assert!(matches!(observation[&nl], Presence::UnknownView(_)));
    assert!(
        matches!(&observation[&wrong_case], Presence::Orphan(product) if product.key.as_str() == "b")
    );
}

#[tokio::test]
async fn a_base_price_of_a_view_is_that_of_all_until_it_has_its_own() {
    let rows = json!([
        {"sku": "a", "store_id": 0, "price": 34},
        {"sku": "a", "store_id": 3, "price": 30},
    ]);
    let stores = json!([{"id": 0, "code": "admin"}, {"id": 2, "code": "de"}]);
    let server = Scripted::start(vec![
        products("all", &[json!({"id": 1, "sku": "a"})]),
        post("products/base-prices-information", &rows),
        Step::new("GET", "/rest/all/V1/store/storeViews", &stores),
        post("products/base-prices", &json!([])),
    ])
    .await;
    let [de, fr] = ["de", "fr"].map(|store| row("base_price", "a", store));
    let store = magento(&server.url);

    let observation = store
        .observe(
            &wanted(&[de.clone(), fr.clone()]),
            &BTreeSet::new(),
            &views(),
        )
        .await
        .unwrap();
    let result = store
        .write(&[update(
            de.clone(),
            json!({"price": 34}),
            json!({"price": 32.5}),
        )])
        .await;

    assert_eq!(seen(&observation, &de), json!({"price": 34}));
    assert_eq!(seen(&observation, &fr), json!({"price": 30}));
    assert_eq!(result, [Ok(())]);
    let requests = server.finish();
    assert_eq!(
        requests[3].body,
        Some(json!({"prices": [{"sku": "a", "store_id": 2, "price": 32.5}]}))
    );
}

/// A product without a special price, in a list.
fn listed(sku: &str) -> Step {
    let items = json!([{"sku": sku, "custom_attributes": []}]);
    let list = json!({"items": items, "total_count": 1});
    Step::new("GET", "/rest/all/V1/products", &list)
}

#[tokio::test]
async fn a_day_is_cleared_by_making_the_price_anew() {
    let current = || json!({"price": 5, "price_from": "2030-01-01 00:00:00", "price_to": "2030-01-31 00:00:00"});
    let write = || {
        update(
            row("special_price", "a", "all"),
            current(),
            json!({"price_from": null}),
        )
    };
    let deleted = || post("products/special-price-delete", &json!([]));
    let lost = Step::raw(
        "POST",
        "/rest/all/V1/products/special-price",
        503,
        "{\"message\":\"maintenance\"}",
    );
    let server = Scripted::start(vec![
        deleted(),
        post("products/special-price", &json!([])),
        // the day has moved: views that had it would have to follow
        listed("a"),
        deleted(),
        lost,
    ])
    .await;
    let store = magento(&server.url);

    let done = store.write(&[write()]).await;
    let broken = store.write(&[write()]).await;

    assert_eq!(done, [Ok(())]);
    assert!(
        matches!(broken[0], Err(StoreError::InDoubt { .. })),
        "{broken:?}"
    );
    let requests = server.finish();
    let bodies: Vec<_> = requests
        .iter()
        .filter_map(|r| Some(r.body.clone()?["prices"][0].clone()))
        .collect();
    assert_eq!(
        bodies[..2],
        [
            json!({"sku": "a", "store_id": 0, "price": 5, "price_from": "2030-01-01 00:00:00", "price_to": "2030-01-31 00:00:00"}),
            json!({"sku": "a", "store_id": 0, "price": 5, "price_to": "2030-01-31 00:00:00"}),
        ]
    );
}

#[tokio::test]
async fn a_price_goes_and_its_days_stay_through_the_product_alone() {
    let answer = json!({"id": 7, "sku": "a/b"});
    let server = Scripted::start(vec![
        post("products", &answer),
        listed("a/b"),
        post("products", &json!({})),
    ])
    .await;
    let current = || json!({"price": 5, "price_from": "2030-01-01 00:00:00"});
    let write = || {
        let back = json!({"price": null, "price_from": "2029-01-01 00:00:00"});
        update(row("special_price", "a/b", "all"), current(), back)
    };
    let store = magento(&server.url);

    assert_eq!(store.write(&[write()]).await, [Ok(())]);
    let doubtful = store.write(&[write()]).await;

    assert!(
        matches!(doubtful[0], Err(StoreError::InDoubt { .. })),
        "{doubtful:?}"
    );
    let requests = server.finish();
    assert_eq!(
        requests[0].body,
        Some(json!({"product": {"sku": "a/b", "custom_attributes": [
            {"attribute_code": "special_price", "value": null},
            {"attribute_code": "special_from_date", "value": "2029-01-01 00:00:00"},
        ]}}))
    );
}

/// Websites and groups as the vocabulary has them.
fn words() -> [Step; 2] {
    let websites =
        json!([{"id": 0, "code": "admin"}, {"id": 1, "code": "base"}, {"id": 2, "code": "second"}]);
    let groups = json!({"items": [{"id": 0, "code": "NOT LOGGED IN"}, {"id": 1, "code": "General"}], "total_count": 2});
    [
        Step::new("GET", "/rest/all/V1/store/websites", &websites),
        Step::new("GET", "/rest/all/V1/customerGroups/search", &groups),
    ]
}

#[tokio::test]
async fn a_tier_price_that_another_would_be_deleted_for_is_marked_first() {
    let tier = |website: u32, quantity: u32, price: f64| json!({"sku": "a", "website_id": website, "customer_group": "General", "quantity": quantity, "price": price, "price_type": "fixed"});
    let stored = json!([
        tier(1, 5, 9.0),
        tier(2, 5, 9.0),
        tier(1, 6, 0.0),
        tier(1, 7, 8.0)
    ]);
    let mut script = Vec::from(words());
    script.extend([
        post("products/tier-prices-information", &stored),
        post("products/tier-prices", &json!([])),
        post("products/tier-prices-delete", &json!([])),
    ]);
    let server = Scripted::start(script).await;
    let store = magento(&server.url);
    store
        .vocabulary(&[kind("tier_price")].into())
        .await
        .unwrap();
    let doomed = [
        "second|General|5",
        "base|General|6",
        "base|General|7",
        "base|General|8",
    ]
    .map(|key| delete(row("tier_price", &format!("a|{key}"), "all"), json!({})));

    let results = store.write(&doomed).await;

    assert_eq!(results[..3], [Ok(()), Ok(()), Ok(())]);
    assert!(
        matches!(results[3], Err(StoreError::Gone { .. })),
        "{results:?}"
    );
    let requests = server.finish();
    let rows = |at: usize| requests[at].body.clone().unwrap()["prices"].clone();
    assert_eq!(rows(3), json!([tier(2, 5, 9.0001), tier(1, 6, 0.0001)]));
    assert_eq!(
        rows(4),
        json!([tier(2, 5, 9.0001), tier(1, 6, 0.0001), tier(1, 7, 8.0)])
    );
}

#[tokio::test]
async fn tier_prices_are_known_by_codes_and_sent_with_ids() {
    let stored = json!([
        {"sku": "a", "website_id": 2, "customer_group": "General", "quantity": 2.5, "price": 10, "price_type": "discount"},
        {"sku": "a", "website_id": 0, "customer_group": "all groups", "quantity": 5, "price": 20, "price_type": "fixed"},
    ]);
    let mut script = Vec::from(words());
    script.extend([
        products("all", &[json!({"id": 1, "sku": "a"})]),
        post("products/tier-prices-information", &stored),
        post("products/tier-prices", &json!([])),
    ]);
    let server = Scripted::start(script).await;
    let store = magento(&server.url);
    let [one, all] = ["second|General|2.5", "all|ALL GROUPS|5"]
        .map(|key| row("tier_price", &format!("a|{key}"), "all"));
    store
        .vocabulary(&[kind("tier_price")].into())
        .await
        .unwrap();

    let wanted = wanted(&[one.clone(), all.clone()]);
    let observation = store
        .observe(&wanted, &BTreeSet::new(), &views())
        .await
        .unwrap();
    let current = json!({"price": 10, "price_type": "discount"});
    let results = store
        .write(&[
            update(one.clone(), current.clone(), json!({"price": 12})),
            update(all.clone(), current, json!({"price": 19})),
        ])
        .await;

    assert_eq!(
        seen(&observation, &one),
        json!({"price": 10, "price_type": "discount"})
    );
    assert_eq!(
        seen(&observation, &all),
        json!({"price": 20, "price_type": "fixed"})
    );
    assert_eq!(results, [Ok(()), Ok(())]);
    let sent = server.finish()[4].body.clone().unwrap()["prices"].clone();
    assert_eq!(
        sent,
        json!([
            {"sku": "a", "website_id": 2, "customer_group": "General", "quantity": 2.5, "price": 12, "price_type": "discount"},
            {"sku": "a", "website_id": 0, "customer_group": "ALL GROUPS", "quantity": 5, "price": 19, "price_type": "discount"},
        ])
    );
}

#[tokio::test]
async fn a_view_has_prices_only_where_the_shop_is_set_so() {
    let path = "/rest/all/V1/products/attributes/price";
    let denied = json!({"message": "The consumer isn't authorized to access %resources.", "parameters": {"resources": "Magento_Catalog::attributes_attributes"}}).to_string();
    let scope = |scope: &str| {
        Step::new(
            "GET",
            path,
            &json!({"attribute_code": "price", "scope": scope}),
        )
    };
    let [de, all] = ["de", "all"].map(|store| row("special_price", "a", store));
    for (step, known, says) in [
        (scope("website"), Some(Ok(FieldScope::Website)), None),
        (
            scope("global"),
            Some(Ok(FieldScope::Global)),
            Some("price scope is \"global\""),
        ),
        (
            Step::raw("GET", path, 401, &denied),
            None,
            Some("Magento_Catalog::attributes_attributes (Stores > Attributes > Product)"),
        ),
    ] {
        let views = Step::new("GET", "/rest/all/V1/store/storeViews", &json!([]));
        let server = Scripted::start(vec![step, views]).await;
        let words = magento(&server.url)
            .vocabulary(&[kind("special_price")].into())
            .await
            .unwrap();
        server.finish();
        assert_eq!(words.check_key(&all), Ok(()));
        if let Some(known) = known {
            assert_eq!(words.price_scope, Some(known));
        }
        match (words.check_key(&de), says) {
            (Ok(()), None) => {}
            (Err(why), Some(says)) => assert!(why.contains(says), "{why}"),
            (answer, _) => panic!("{answer:?}"),
        }
    }
}
