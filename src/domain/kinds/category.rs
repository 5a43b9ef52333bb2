//! Categories, by the path of their names from the root: `Default Category/Sale`. Behaviour observed on
//! Magento 2.4.7-p3 (`GET|PUT|POST|DELETE /V1/categories`).

use super::field::{FieldPlace, FieldScope, FieldSpec, FieldType, Owner, Referent};
use super::spec::{
    Access, Acl, Among, Aside, EntityType, KindSpec, Probe, Route, Scoping, Unique, UpdateStyle,
    VIEW_VALUES, any_key,
};
use crate::domain::key::{self, KeyShape};
use crate::domain::{EntityKey, EntityRef};

/// Magento ignores `null` for the members of a category itself, with a 200.
const STICKY: &str = "Magento's REST API ignores its removal and keeps the view's own value";

pub(super) static TABLE: KindSpec = KindSpec {
    name: "category",
    label: "category",
    level: 30,
    route: Route {
        access: Access::Category,
        collection: "categories",
        search: "categories/list",
        wrapper: "category",
        id_column: "entity_id",
        key_column: "name",
        id_field: "id",
        carry: &[],
        rows: 1,
        bulk: None,
        update: UpdateStyle::Partial,
        probes: &[Probe::EmptyPost("categories")],
    },
    key_field: "name",
    key: KeyShape::Path,
    check_key: any_key,
    scoping: Scoping::Values,
    fields: FIELDS,
    attributes: Some(EntityType::Category),
    referent: None,
    parents,
    needed: &[],
    permanent: None,
    unique: &[Unique::new("url_key", Among::Addresses)
        .made_of("name")
        .aside(Aside::Suffix)],
    acl: Acl::all("Magento_Catalog::categories"),
};

/// A member of the category itself, with values of views that stay.
const fn member(name: &'static str, ty: FieldType, doc: &'static str) -> FieldSpec {
    FieldSpec::new(name, ty, doc)
        .per(FieldScope::View)
        .sticky(STICKY)
}

/// A custom attribute that every shop has.
const fn attribute(name: &'static str, ty: FieldType, doc: &'static str) -> FieldSpec {
    FieldSpec::new(name, ty, doc)
        .nullable()
        .per(FieldScope::View)
        .at(FieldPlace::Attribute)
}

const fn of_store(name: &'static str, why: &'static str) -> FieldSpec {
    FieldSpec::of_store(name, FieldType::Json, why).volatile()
}

const TEXT: FieldType = FieldType::Text { max_chars: 255 };
const LONG: FieldType = FieldType::LongText {
    max_bytes: 65_535,
    html: false,
};

static FIELDS: &[FieldSpec] = &[
    FieldSpec::of_store(
        "parent_id",
        FieldType::Json,
        "the key names the parent; move a category in the admin",
    ),
    member(
        "name",
        TEXT,
        "The name under one view. Under `all` the last part of the key names it. A view's own name can be changed over REST, but never taken away again.",
    )
    .owned_by(Owner::KeyUnderAll)
    .required(),
    member(
        "is_active",
        FieldType::Bool,
        "Whether the category is enabled; needed at creation. A view's own value can be changed over REST, but never taken away again.",
    )
    .required(),
    FieldSpec::new(
        "position",
        FieldType::INT,
        "The place among the categories of the same parent; a new one comes last.",
    ),
    FieldSpec::of_store("level", FieldType::Json, "it follows from the key"),
    of_store("children", "Magento lists the active categories below it"),
    of_store("created_at", "Magento sets the creation time"),
    of_store("updated_at", "Magento sets the update time"),
    FieldSpec::of_store("path", FieldType::Json, "it is made of ids, and follows from the key"),
    member(
        "available_sort_by",
        FieldType::Texts,
        "Codes of the attributes that products can be sorted by; null for those of the configuration.",
    )
    .nullable(),
    member(
        "include_in_menu",
        FieldType::Bool,
        "Whether the menu shows it. A view's own value can be changed over REST, but never taken away again.",
    ),
    attribute(
        "description",
        FieldType::LongText {
            max_bytes: 65_535,
            html: true,
        },
        "HTML with Magento's directives, or `{ file: path }`. At most 65,535 bytes.",
    ),
    attribute("image", TEXT, "Path of an image that the shop has."),
    attribute("meta_title", TEXT, "Title of the page, for search engines."),
    attribute("meta_keywords", LONG, "Keywords, for search engines."),
    attribute("meta_description", LONG, "Description, for search engines."),
    attribute(
        "display_mode",
        FieldType::Choice(&["PRODUCTS", "PAGE", "PRODUCTS_AND_PAGE"]),
        "Whether the page shows products, the block, or both.",
    ),
    attribute(
        "landing_page",
        FieldType::Reference(Referent::CmsBlock),
        "The CMS block that the page shows, by its identifier.",
    ),
    attribute(
        "is_anchor",
        FieldType::Bool,
        "Whether the page shows the products of the categories below, too.",
    )
    .per(FieldScope::Global),
    attribute("default_sort_by", TEXT, "Code of the attribute that products are sorted by."),
    attribute(
        "filter_price_range",
        FieldType::Decimal {
            min: 0,
            max: 99_999_999,
        },
        "Step of the price filter; null for that of the configuration.",
    ),
    attribute(
        "url_key",
        TEXT,
        "The last part of the address. Over REST no redirect from the old address is made.",
    ),
    attribute("custom_design", TEXT, "Id of a theme."),
    attribute("custom_design_from", FieldType::Date, "First day of the theme."),
    attribute("custom_design_to", FieldType::Date, "Last day of the theme."),
    attribute("page_layout", TEXT, "Layout of the page."),
    attribute(
        "custom_use_parent_settings",
        FieldType::Bool,
        "Whether the design is the parent's.",
    ),
    attribute(
        "custom_apply_to_products",
        FieldType::Bool,
        "Whether the design is that of its products, too.",
    ),
    attribute("custom_layout_update", LONG, "").owned_by(Owner::Refused(
        "Magento takes no layout XML over REST",
    )),
    attribute("custom_layout_update_file", TEXT, "").owned_by(Owner::Refused(
        "Magento takes no layout file over REST",
    )),
    of_store("url_path", "Magento makes it of the URL keys").at(FieldPlace::Attribute),
    of_store("children_count", "Magento counts the categories below it").at(FieldPlace::Attribute),
    of_store("all_children", "Magento lists the categories below it").at(FieldPlace::Attribute),
    of_store("path_in_store", "it follows from the key").at(FieldPlace::Attribute),
    FieldSpec::new(VIEW_VALUES, FieldType::Json, "").owned_by(Owner::Whole),
    FieldSpec::new("product_links", FieldType::Json, "").owned_by(Owner::Whole),
    FieldSpec::new("subcategories", FieldType::Keys, "").owned_by(Owner::Whole),
];

/// The category above it; that of a root is none that anybody names.
fn parents(entity: &EntityRef) -> Vec<EntityRef> {
    let names = key::names(entity.key.as_str());
    let above = match names.split_last() {
        Some((_, above)) if !above.is_empty() => above,
        _ => return Vec::new(),
    };
    let key = EntityKey::new(key::of_names(above.iter().map(String::as_str)));
    key.map(|key| EntityRef {
        key,
        ..entity.clone()
    })
    .into_iter()
    .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use crate::domain::kinds::Owner;
    use crate::domain::{EntityRef, Kind, StoreCode, StoreScope};

    fn category(key: &str) -> EntityRef {
        EntityRef {
            kind: Kind::CATEGORY,
            key: key.parse().unwrap(),
            store: StoreScope::All,
        }
    }

    #[test]
    fn the_parent_is_the_path_above_and_comes_first() {
        let sale = category(r"Default Category/Men\/Boys/Sale");
        let above = category(r"Default Category/Men\/Boys");
        assert!(above.rank() < sale.rank());
        assert_eq!(sale.parents(), [above]);
        assert_eq!(category("Default Category").parents(), []);
    }

    #[test]
    fn a_view_may_have_a_name_of_its_own_and_no_layout_can_be_set() {
        let de = StoreScope::view(StoreCode::new("de").unwrap());
        let owner = |field: &str, store: &StoreScope| {
            Kind::CATEGORY.field(field).unwrap().owner_under(store)
        };
        assert_eq!(owner("name", &StoreScope::All), Owner::Key);
        assert_eq!(owner("name", &de), Owner::File);
        for refused in ["custom_layout_update", "custom_layout_update_file"] {
            assert!(matches!(
                owner(refused, &StoreScope::All),
                Owner::Refused(_)
            ));
        }
        for of_store in ["level", "path", "parent_id", "children", "url_path"] {
            assert!(matches!(owner(of_store, &StoreScope::All), Owner::Store(_)));
        }
    }
}
