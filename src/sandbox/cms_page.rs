//! CMS pages: the rename trap, and which identifiers are refused.

use serde_json::json;

use super::cms::{CmsKind, Draft, Record, Row};
use super::column::{Column, ColumnType, Default, TIME, date_time};
use super::reply::Problem;
use super::views;
use crate::domain::text::slug;

pub(super) static PAGE: CmsKind = CmsKind {
    name: "cms_page",
    collection: "cmsPage",
    wrapper: "page",
    interface: "\\Magento\\Cms\\Api\\Data\\PageInterface",
    label: "CMS page",
    id_column: "page_id",
    acl: [
        "Magento_Cms::page",
        "Magento_Cms::save",
        "Magento_Cms::page_delete",
    ],
    numeric_id: true,
    columns: &[
        Column::new("identifier", ColumnType::Varchar(100)),
        Column::new("title", ColumnType::Varchar(255)),
        Column::new("page_layout", ColumnType::Varchar(255)),
        Column::new("meta_title", ColumnType::Varchar(255)),
        Column::new("meta_keywords", ColumnType::Text(65_535)),
        Column::new("meta_description", ColumnType::Text(65_535)),
        Column::new("content_heading", ColumnType::Varchar(255)),
        Column::new("content", ColumnType::Text(16_777_215)),
        Column::new("creation_time", ColumnType::Timestamp).not_null(Default::Now),
        Column::new("update_time", ColumnType::Timestamp).not_null(Default::Now),
        Column::new("sort_order", ColumnType::Smallint).not_null(Default::Text("0")),
        Column::new("layout_update_xml", ColumnType::Text(65_535)),
        Column::new("custom_theme", ColumnType::Varchar(100)),
        Column::new("custom_root_template", ColumnType::Varchar(255)),
        Column::new("custom_layout_update_xml", ColumnType::Text(65_535)),
        Column::new("custom_theme_from", ColumnType::Date),
        Column::new("custom_theme_to", ColumnType::Date),
        Column::new("active", ColumnType::Bool)
            .column("is_active")
            .not_null(Default::Text("1")),
    ],
    before_merge: name_by_title,
    check,
};

const SOMETHING_WENT_WRONG: &str = "Something went wrong while saving the page.";

/// Names that lead to other parts of a shop.
const FRONT_NAMES: &[&str] = &[
    "catalog",
    "catalogsearch",
    "checkout",
    "cms",
    "contact",
    "customer",
    "directory",
    "downloadable",
    "giftmessage",
    "loginascustomer",
    "multishipping",
    "newsletter",
    "pagebuilder",
    "paypal",
    "persistent",
    "productalert",
    "review",
    "sales",
    "search",
    "sendfriend",
    "swatches",
    "vault",
    "wishlist",
];

/// A page that comes without an identifier gets one from its title, even where the stored row has
/// one: this is how a PUT of one field renames a page.
fn name_by_title(sent: &mut Record, stored: Option<&Row>) {
    let nameless = match sent.get("identifier") {
        None => true,
        // A null is seen and refused later.
        Some(identifier) => identifier.as_deref() == Some(""),
    };
    if !nameless {
        return;
    }
    let title = match sent.get("title") {
        Some(title) => title.as_deref(),
        None => stored.and_then(|row| row.text("title")),
    };
    sent.insert("identifier", Some(slug(title.unwrap_or_default())));
}

fn check(draft: &mut Draft<'_>) -> Result<(), Problem> {
    if is_empty(draft.object, "title") {
        return Err(Problem::with(
            400,
            "Required field \"%1\" is empty.",
            json!(["title"]),
        ));
    }
    checks(draft).map_err(|why| Problem::with(400, "Could not save the page: %1", json!([why])))
}

fn checks(draft: &mut Draft<'_>) -> Result<(), &'static str> {
    check_layout(draft)?;
    let identifier = draft.object.get("identifier").cloned().flatten();
    let identifier = identifier.unwrap_or_default();
    if FRONT_NAMES.contains(&identifier.as_str()) {
        return Err(
            "The value specified in the URL Key field would generate a URL that already exists.",
        );
    }
    check_dates(draft.object)?;
    if !is_url_key(&identifier) {
        return Err(
            "The page URL key can't use capital letters or disallowed symbols. Remove the letters and symbols and try again.",
        );
    }
    if identifier.bytes().all(|b| b.is_ascii_digit()) {
        return Err("The page URL key can't use only numbers. Add letters or words and try again.");
    }
    let own = draft.stored.map(|row| row.id);
    let stores = draft
        .stored
        .map_or_else(|| [draft.store].into(), |row| row.stores.clone());
    let reached = views::reached(&stores);
    let taken = |row: &Row| !views::reached(&row.stores).is_disjoint(&reached);
    if draft.table.namesakes(&identifier, own).any(taken) {
        return Err("URL key for specified store already exists.");
    }
    Ok(())
}

/// `empty()` of PHP.
fn is_empty(object: &Record, field: &str) -> bool {
    let text = object.get(field).and_then(Option::as_deref);
    matches!(text, None | Some("" | "0"))
}

/// Layout XML may stay as it is or go away.
fn check_layout(draft: &Draft<'_>) -> Result<(), &'static str> {
    for field in ["custom_layout_update_xml", "layout_update_xml"] {
        let sent = draft.object.get(field).and_then(Option::as_deref);
        let kept = draft.stored.and_then(|row| row.text(field));
        if !is_empty(draft.object, field) && sent != kept {
            return Err(SOMETHING_WENT_WRONG);
        }
    }
    Ok(())
}

/// The object in memory carries dates with a time; the column drops it.
fn check_dates(object: &mut Record) -> Result<(), &'static str> {
    for field in ["custom_theme_from", "custom_theme_to"] {
        let date = match object.get(field) {
            Some(Some(_)) if is_empty(object, field) => None,
            Some(Some(text)) => {
                let date = date_time(text).ok_or(SOMETHING_WENT_WRONG)?;
                Some(date.strftime(TIME).to_string())
            }
            Some(None) | None => None,
        };
        object.insert(field, date);
    }
    Ok(())
}

/// `^[a-z0-9][a-z0-9_\/-]+(\.[a-z0-9_-]+)?$`
fn is_url_key(text: &str) -> bool {
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
    let (stem, suffix) = match text.split_once('.') {
        Some((stem, suffix)) => (stem, Some(suffix)),
        None => (text, None),
    };
    stem.len() >= 2
        && stem.starts_with(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit())
        && stem.chars().all(|c| word(c) || c == '/')
        && suffix.is_none_or(|suffix| !suffix.is_empty() && suffix.chars().all(word))
}
