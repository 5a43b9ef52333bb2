//! The belongings of an entity, which go when it is deleted: the coupons of a cart rule, which are made
//! again with it; and what cannot be brought back, so that the deletion is refused.

use std::collections::{BTreeMap, BTreeSet};

use reqwest::Method;
use serde_json::{Map, Value, json};

use super::client::misshapen;
use super::entity::natural;
use super::list::{List, get, send, text_of};
use super::rows::information;
use super::search::Query;
use super::write::wrapped;
use super::{Reading, Writing};
use crate::domain::kinds::Owner;
use crate::domain::{EntityId, EntityRef, FieldName, Kind, Observation, ObservedEntity, Presence};
use crate::ports::StoreError;

const COUPONS: &str = "coupons";

/// Adds to what was read of the entities that are to be deleted all that goes with them.
pub(super) async fn add(
    store: &Reading<'_>,
    wanted: &BTreeSet<EntityRef>,
    seen: &mut Observation,
) -> Result<(), StoreError> {
    let mut going: BTreeMap<Kind, Vec<(&EntityRef, &mut ObservedEntity)>> = BTreeMap::new();
    for (entity, presence) in seen.iter_mut() {
        if let Presence::Found(found) = presence
            && store.whole.contains(entity)
        {
            going.entry(entity.kind).or_default().push((entity, found));
        }
    }
    for (kind, entities) in going {
        if kind == Kind::CART_RULE {
            coupons(store, wanted, entities).await?;
        } else if kind == Kind::CUSTOMER_GROUP {
            members(store, entities).await?;
        }
    }
    Ok(())
}

fn note(found: &mut ObservedEntity, name: &str, value: Value) {
    if let Ok(name) = FieldName::new(name) {
        found.fields.insert(name, value);
    }
}

/// The coupons of rules. Those that the pass itself writes are left to it.
async fn coupons(
    store: &Reading<'_>,
    wanted: &BTreeSet<EntityRef>,
    rules: Vec<(&EntityRef, &mut ObservedEntity)>,
) -> Result<(), StoreError> {
    let kind = Kind::COUPON;
    let list = List {
        scope: "all".to_owned(),
        path: kind.route.search.to_owned(),
        fields: String::new(),
        sort: kind.route.id_column,
    };
    let ids: BTreeSet<String> = rules.iter().map(|(_, rule)| rule.id.to_string()).collect();
    let written: BTreeSet<&str> = wanted
        .iter()
        .filter(|entity| entity.kind == kind)
        .map(|entity| entity.key.as_str())
        .collect();
    let mut kept: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    let mut lost: BTreeMap<String, u64> = BTreeMap::new();
    for item in list.among(store.client, "rule_id", &ids).await? {
        let (Some(rule), Some(code)) = (text_of(&item, "rule_id"), text_of(&item, "code")) else {
            return Err(misshapen("a coupon without rule or code"));
        };
        let fields = natural(store.vocabulary, kind, item);
        let has = |name: &str| fields.keys().any(|field| field.as_str() == name);
        if has("type") || has("times_used") {
            *lost.entry(rule).or_default() += 1;
        } else if !written.contains(code.as_str()) {
            let mut coupon = Map::from_iter([("code".to_owned(), Value::from(code))]);
            coupon.extend(
                fields
                    .into_iter()
                    .map(|(name, value)| (name.as_str().to_owned(), value))
                    .filter(|(name, _)| {
                        let owner = kind.field(name).map(|spec| spec.owner);
                        name != "rule_id" && matches!(owner, Some(Owner::File | Owner::Fixed(_)))
                    }),
            );
            kept.entry(rule).or_default().push(coupon.into());
        }
    }
    for (_, rule) in rules {
        let id = rule.id.to_string();
        if let Some(list) = kept.remove(&id) {
            note(rule, COUPONS, list.into());
        }
        if let Some(count) = lost.remove(&id) {
            note(rule, "lost_coupons", count.into());
        }
    }
    Ok(())
}

/// Makes a rule's coupons again, those that are not there.
pub(super) async fn restore(
    store: &Writing<'_>,
    kind: Kind,
    id: EntityId,
    fields: &BTreeMap<FieldName, Value>,
) -> Result<(), StoreError> {
    let wanted = fields.iter().find(|(name, _)| name.as_str() == COUPONS);
    let Some((_, Value::Array(wanted))) = wanted.filter(|_| kind == Kind::CART_RULE) else {
        return Ok(());
    };
    let coupon = Kind::COUPON;
    let list = List {
        scope: "all".to_owned(),
        path: coupon.route.search.to_owned(),
        fields: "code".to_owned(),
        sort: coupon.route.id_column,
    };
    let rule = BTreeSet::from([id.to_string()]);
    let there = list.among(store.client, "rule_id", &rule).await?;
    for one in wanted.iter().filter_map(Value::as_object) {
        if there
            .iter()
            .any(|other| other.get("code") == one.get("code"))
        {
            continue;
        }
        let mut body = Map::from_iter([("rule_id".to_owned(), json!(id.0))]);
        for (name, value) in one {
            body.insert(name.clone(), store.wire(coupon, name, value).await?);
        }
        let body = Some(wrapped(coupon.route.wrapper, body));
        let path = coupon.route.collection.to_owned();
        send(store.client, Method::POST, path, body).await?;
    }
    Ok(())
}

/// Adds what hangs on customer groups and would be lost with them.
async fn members(
    store: &Reading<'_>,
    groups: Vec<(&EntityRef, &mut ObservedEntity)>,
) -> Result<(), StoreError> {
    let rules = List {
        scope: "all".to_owned(),
        path: Kind::CART_RULE.route.search.to_owned(),
        fields: "name,customer_group_ids".to_owned(),
        sort: Kind::CART_RULE.route.id_column,
    };
    let rules = rules.all(store.client).await?;
    let mut built_in = BTreeSet::from(["0".to_owned()]);
    for view in &store.views.0 {
        let path = format!("customerGroups/default/{}", view.id);
        let default = get(store.client, "all", &path, None).await?;
        built_in.extend(default.as_object().and_then(|group| text_of(group, "id")));
    }
    let tiers = groups_of_tiers(store).await?;
    for (entity, group) in groups {
        let id = group.id.to_string();
        if built_in.contains(&id) {
            note(group, "built_in", true.into());
        }
        let customers = customers(store, &id).await?;
        if customers > 0 {
            note(group, "customers", customers.into());
        }
        let names: Vec<Value> = rules
            .iter()
            .filter(|rule| {
                let groups = rule.get("customer_group_ids").and_then(Value::as_array);
                let mut groups = groups.into_iter().flatten();
                groups.any(|other| other.to_string().trim_matches('"') == id)
            })
            .filter_map(|rule| rule.get("name"))
            .filter(|name| !goes_too(store, name))
            .cloned()
            .collect();
        if !names.is_empty() {
            note(group, "cart_rules", names.into());
        }
        let code = entity.key.as_str();
        let prices = tiers.iter().filter(|group| group.as_str() == code).count();
        if prices > 0 {
            note(group, "tier_prices", prices.into());
        }
    }
    Ok(())
}

/// The group of every tier price in the shop: no route finds them by their group.
async fn groups_of_tiers(store: &Reading<'_>) -> Result<Vec<String>, StoreError> {
    let products = List {
        scope: "all".to_owned(),
        path: Kind::PRODUCT.route.search.to_owned(),
        fields: "sku".to_owned(),
        sort: Kind::PRODUCT.route.id_column,
    };
    let products = products.all(store.client).await?;
    let skus = products.iter().filter_map(|item| text_of(item, "sku"));
    let rows = information(store.client, &Kind::TIER_PRICE, &skus.collect()).await?;
    let groups = rows.iter().filter_map(|row| text_of(row, "customer_group"));
    Ok(groups.collect())
}

/// True if the pass deletes the cart rule of this name: then it is made again after the group.
fn goes_too(store: &Reading<'_>, name: &Value) -> bool {
    store
        .whole
        .iter()
        .any(|entity| entity.kind == Kind::CART_RULE && name.as_str() == Some(entity.key.as_str()))
}

/// Returns how many customers are in a group.
async fn customers(store: &Reading<'_>, group: &str) -> Result<u64, StoreError> {
    let mut query = Query::default();
    query.filter(0, 0, "group_id", "eq", group);
    query.pair("searchCriteria[pageSize]", "1");
    query.pair("searchCriteria[currentPage]", "1");
    query.pair("fields", "total_count");
    let answer = get(store.client, "all", "customers/search", Some(query.0)).await?;
    let count = answer.get("total_count").and_then(Value::as_u64);
    count.ok_or_else(|| misshapen("no total_count in a list of customers"))
}
