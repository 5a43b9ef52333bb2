//! The store views and what a URL's scope means.

use std::collections::BTreeSet;

use serde_json::{Value, json};

/// One store view; 0 is the admin, "all store views".
struct View {
    id: u32,
    code: &'static str,
    name: &'static str,
    website: u32,
}

/// In the order in which Magento lists them.
const VIEWS: [View; 4] = [
    View {
        id: 1,
        code: "default",
        name: "Default Store View",
        website: 1,
    },
    View {
        id: 0,
        code: "admin",
        name: "Admin",
        website: 0,
    },
    View {
        id: 2,
        code: "de",
        name: "Deutsch",
        website: 1,
    },
    View {
        id: 3,
        code: "fr",
        name: "Francais",
        website: 2,
    },
];

/// The id of "all store views".
pub(super) const ALL: u32 = 0;
/// The store view of a URL without a scope.
pub(super) const DEFAULT: u32 = 1;

/// The store that a scope of a URL names. `admin` is a code, but no scope.
pub(super) fn scope(code: &str) -> Option<u32> {
    match code {
        "all" => Some(ALL),
        "admin" => None,
        code => VIEWS.iter().find(|v| v.code == code).map(|v| v.id),
    }
}

/// Every single view that an assignment reaches.
pub(super) fn reached(stores: &BTreeSet<u32>) -> BTreeSet<u32> {
    if stores.contains(&ALL) {
        VIEWS.iter().map(|v| v.id).filter(|id| *id != ALL).collect()
    } else {
        stores.clone()
    }
}

/// An assignment as text: `all`, or the codes in the order of their ids.
pub(super) fn assignment(stores: &BTreeSet<u32>) -> String {
    let codes: Vec<&str> = stores
        .iter()
        .filter_map(|id| VIEWS.iter().find(|v| v.id == *id))
        .map(|view| if view.id == ALL { "all" } else { view.code })
        .collect();
    codes.join(",")
}

/// Every store's id and code; 0 is `all`.
pub(super) fn scopes() -> impl Iterator<Item = (u32, &'static str)> {
    let mut scopes: Vec<_> = VIEWS
        .iter()
        .map(|view| (view.id, if view.id == ALL { "all" } else { view.code }))
        .collect();
    scopes.sort_unstable();
    scopes.into_iter()
}

/// True if there is a store of this id, 0 included.
pub(super) fn exists(store: i64) -> bool {
    VIEWS.iter().any(|view| i64::from(view.id) == store)
}

/// The website of a store; 0 is the admin's.
pub(super) fn website_of(store: u32) -> u32 {
    VIEWS
        .iter()
        .find(|view| view.id == store)
        .map_or(0, |view| view.website)
}

/// The stores of a store's website, itself included; of 0 only itself.
pub(super) fn of_same_website(store: u32) -> impl Iterator<Item = u32> {
    let website = website_of(store);
    VIEWS
        .iter()
        .filter(move |view| view.website == website)
        .map(|view| view.id)
}

/// One website; 0 is the admin's.
pub(super) struct Website {
    pub(super) id: u32,
    pub(super) code: &'static str,
    name: &'static str,
}

pub(super) const WEBSITES: [Website; 3] = [
    Website {
        id: 0,
        code: "admin",
        name: "Admin",
    },
    Website {
        id: 1,
        code: "base",
        name: "Main Website",
    },
    Website {
        id: 2,
        code: "second",
        name: "Second Website",
    },
];

/// The root category of a store's group; the admin has none.
pub(super) fn root_category(store: u32) -> u64 {
    if store == ALL { 0 } else { ROOT_CATEGORY }
}

/// The category below which every shop of this store begins.
pub(super) const ROOT_CATEGORY: u64 = 2;

/// The answer of `GET /V1/store/websites`.
pub(super) fn websites() -> Value {
    WEBSITES
        .iter()
        .map(|website| {
            json!({
                "id": website.id,
                "code": website.code,
                "name": website.name,
                "default_group_id": website.id,
            })
        })
        .collect()
}

/// The answer of `GET /V1/store/storeGroups`: each website has one.
pub(super) fn groups() -> Value {
    let default_store = |website: u32| {
        let mut stores: Vec<u32> = VIEWS
            .iter()
            .filter(|view| view.website == website)
            .map(|view| view.id)
            .collect();
        stores.sort_unstable();
        stores.first().copied().unwrap_or_default()
    };
    WEBSITES
        .iter()
        .map(|website| {
            let (root, name, code) = match website.id {
                0 => (0, "Default", "default"),
                1 => (ROOT_CATEGORY, "Main Website Store", "main_website_store"),
                _ => (
                    ROOT_CATEGORY,
                    "Second Website Store",
                    "second_website_store",
                ),
            };
            json!({
                "id": website.id,
                "website_id": website.id,
                "root_category_id": root,
                "default_store_id": default_store(website.id),
                "name": name,
                "code": code,
            })
        })
        .collect()
}

/// The answer of `GET /V1/store/storeViews`.
pub(super) fn listing() -> Value {
    VIEWS
        .iter()
        .map(|view| {
            json!({
                "id": view.id,
                "code": view.code,
                "name": view.name,
                "website_id": view.website,
                // Each website has one group here.
                "store_group_id": view.website,
                "is_active": 1,
            })
        })
        .collect()
}
