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
