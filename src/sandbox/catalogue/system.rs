//! The attributes that every Magento has, in the order in which answers list their values.

use super::attribute::{Attribute, Source};
use super::eav::Backend::{self, Datetime, Decimal, Int, Static, Text, Varchar};
use super::eav::Scope::{self, Global, Store, Website};

/// Id as on a fresh store, code, label, input, backend, scope, required.
type Row = (
    u64,
    &'static str,
    &'static str,
    &'static str,
    Backend,
    Scope,
    bool,
);

#[rustfmt::skip] // A table: a row a line.
const PRODUCT: &[Row] = &[
    (73, "name", "Product Name", "text", Varchar, Store, true),
    (74, "sku", "SKU", "text", Static, Global, true),
    (77, "price", "Price", "price", Decimal, Global, true),
    (82, "weight", "Weight", "weight", Decimal, Global, false),
    (97, "status", "Enable Product", "select", Int, Website, false),
    (99, "visibility", "Visibility", "select", Int, Store, false),
    (112, "created_at", "Created At", "date", Static, Global, false),
    (113, "updated_at", "Updated At", "date", Static, Global, false),
    (92, "tier_price", "Tier Price", "text", Decimal, Global, false),
    (78, "special_price", "Special Price", "price", Decimal, Global, false),
    (81, "cost", "Cost", "price", Decimal, Global, false),
    (120, "msrp", "Manufacturer's Suggested Retail Price", "price", Decimal, Global, false),
    (79, "special_from_date", "Special Price From Date", "date", Datetime, Website, false),
    (80, "special_to_date", "Special Price To Date", "date", Datetime, Website, false),
    (94, "news_from_date", "Set Product as New from Date", "date", Datetime, Website, false),
    (95, "news_to_date", "Set Product as New to Date", "date", Datetime, Website, false),
    (101, "custom_design_from", "Active From", "date", Datetime, Store, false),
    (102, "custom_design_to", "Active To", "date", Datetime, Store, false),
    (87, "image", "Base", "media_image", Varchar, Store, false),
    (88, "small_image", "Small", "media_image", Varchar, Store, false),
    (89, "thumbnail", "Thumbnail", "media_image", Varchar, Store, false),
    (132, "swatch_image", "Swatch", "media_image", Varchar, Store, false),
    (109, "image_label", "Image Label", "text", Varchar, Store, false),
    (110, "small_image_label", "Small Image Label", "text", Varchar, Store, false),
    (111, "thumbnail_label", "Thumbnail Label", "text", Varchar, Store, false),
    (84, "meta_title", "Meta Title", "text", Varchar, Store, false),
    (86, "meta_description", "Meta Description", "textarea", Varchar, Store, false),
    (100, "custom_design", "New Theme", "select", Varchar, Store, false),
    (104, "page_layout", "Layout", "select", Varchar, Store, false),
    (116, "custom_layout", "New Layout", "select", Varchar, Store, false),
    (106, "options_container", "Display Product SandboxOptions In", "select", Varchar, Store, false),
    (114, "country_of_manufacture", "Country of Manufacture", "select", Varchar, Website, false),
    (118, "url_key", "URL Key", "text", Varchar, Store, false),
    (121, "msrp_display_actual_price_type", "Display Actual Price", "select", Varchar, Website, false),
    (131, "gift_message_available", "Allow Gift Message", "select", Varchar, Global, false),
    (107, "required_options", "Required Options", "text", Static, Global, false),
    (108, "has_options", "Has Options", "text", Static, Global, false),
    (133, "tax_class_id", "Tax Class", "select", Int, Website, false),
    (83, "manufacturer", "Manufacturer", "select", Int, Global, false),
    (93, "color", "Color", "select", Int, Global, false),
    (105, "category_ids", "Categories", "text", Static, Global, false),
    (75, "description", "Description", "textarea", Text, Store, false),
    (76, "short_description", "Short Description", "textarea", Text, Store, false),
    (85, "meta_keyword", "Meta Keywords", "textarea", Text, Store, false),
    (103, "custom_layout_update", "Layout Update XML", "textarea", Text, Store, false),
];

#[rustfmt::skip] // A table: a row a line.
const CATEGORY: &[Row] = &[
    (45, "name", "Category Name", "text", Varchar, Store, true),
    (46, "is_active", "Is Active", "select", Int, Store, true),
    (47, "description", "Description", "textarea", Text, Store, false),
    (48, "image", "Image", "image", Varchar, Store, false),
    (49, "meta_title", "Page Title", "text", Varchar, Store, false),
    (50, "meta_keywords", "Meta Keywords", "textarea", Text, Store, false),
    (51, "meta_description", "Meta Description", "textarea", Text, Store, false),
    (52, "display_mode", "Display Mode", "select", Varchar, Store, false),
    (53, "landing_page", "CMS Block", "select", Int, Store, false),
    (54, "is_anchor", "Is Anchor", "select", Int, Global, false),
    (55, "path", "Path", "text", Static, Global, false),
    (56, "position", "Position", "text", Static, Global, false),
    (57, "custom_design", "Custom Design", "select", Varchar, Store, false),
    (58, "custom_design_from", "Active From", "date", Datetime, Store, false),
    (59, "custom_design_to", "Active To", "date", Datetime, Store, false),
    (60, "page_layout", "Page Layout", "select", Varchar, Store, false),
    (61, "custom_layout_update", "Custom Layout Update", "textarea", Text, Store, false),
    (62, "level", "Level", "text", Static, Global, false),
    (63, "children_count", "Children Count", "text", Static, Global, false),
    (64, "available_sort_by", "Available Product Listing Sort By", "multiselect", Text, Store, false),
    (65, "default_sort_by", "Default Product Listing Sort By", "select", Varchar, Store, false),
    (66, "include_in_menu", "Include in Navigation Menu", "select", Int, Store, false),
    (67, "custom_use_parent_settings", "Use Parent Category Settings", "select", Int, Store, false),
    (68, "custom_apply_to_products", "Apply To Products", "select", Int, Store, false),
    (69, "filter_price_range", "Layered Navigation Price Step", "text", Decimal, Store, false),
    (70, "url_key", "URL Key", "text", Varchar, Store, false),
    (71, "url_path", "URL Path", "text", Varchar, Store, false),
];

/// Options that are code, not rows.
const FIXED: &[(&str, &[(&str, &str)])] = &[
    ("status", &[("1", "Enabled"), ("2", "Disabled")]),
    (
        "visibility",
        &[
            ("1", "Not Visible Individually"),
            ("2", "Catalog"),
            ("3", "Search"),
            ("4", "Catalog, Search"),
        ],
    ),
    ("tax_class_id", &[("0", "None"), ("2", "Taxable Goods")]),
    (
        "options_container",
        &[
            ("container1", "Product Info Column"),
            ("container2", "Block after Info Column"),
        ],
    ),
    (
        "msrp_display_actual_price_type",
        &[
            ("0", "Use config"),
            ("1", "On Gesture"),
            ("2", "In Cart"),
            ("3", "Before Order Confirmation"),
        ],
    ),
];

/// The classes that the options of system attributes come from (`CategorySetup` and the setups of the
/// modules that add some).
const SOURCE_MODELS: &[(&str, &str)] = &[
    (
        "status",
        "Magento\\Catalog\\Model\\Product\\Attribute\\Source\\Status",
    ),
    ("visibility", "Magento\\Catalog\\Model\\Product\\Visibility"),
    (
        "tax_class_id",
        "Magento\\Tax\\Model\\TaxClass\\Source\\Product",
    ),
    (
        "options_container",
        "Magento\\Catalog\\Model\\Entity\\Product\\Attribute\\Design\\SandboxOptions\\Container",
    ),
    (
        "msrp_display_actual_price_type",
        "Magento\\Msrp\\Model\\Product\\Attribute\\Source\\Type\\Price",
    ),
    (
        "country_of_manufacture",
        "Magento\\Catalog\\Model\\Product\\Attribute\\Source\\Countryofmanufacture",
    ),
    (
        "gift_message_available",
        "Magento\\Catalog\\Model\\Product\\Attribute\\Source\\Boolean",
    ),
    (
        "custom_design",
        "Magento\\Theme\\Model\\Theme\\Source\\Theme",
    ),
    (
        "page_layout",
        "Magento\\Catalog\\Model\\Product\\Attribute\\Source\\Layout",
    ),
    (
        "custom_layout",
        "Magento\\Catalog\\Model\\Product\\Attribute\\Source\\Layout",
    ),
    (
        "is_active",
        "Magento\\Eav\\Model\\Entity\\Attribute\\Source\\Boolean",
    ),
    (
        "is_anchor",
        "Magento\\Eav\\Model\\Entity\\Attribute\\Source\\Boolean",
    ),
    (
        "include_in_menu",
        "Magento\\Eav\\Model\\Entity\\Attribute\\Source\\Boolean",
    ),
    (
        "custom_use_parent_settings",
        "Magento\\Eav\\Model\\Entity\\Attribute\\Source\\Boolean",
    ),
    (
        "custom_apply_to_products",
        "Magento\\Eav\\Model\\Entity\\Attribute\\Source\\Boolean",
    ),
    (
        "display_mode",
        "Magento\\Catalog\\Model\\Category\\Attribute\\Source\\Mode",
    ),
    (
        "landing_page",
        "Magento\\Catalog\\Model\\Category\\Attribute\\Source\\Page",
    ),
    (
        "available_sort_by",
        "Magento\\Catalog\\Model\\Category\\Attribute\\Source\\Sortby",
    ),
    (
        "default_sort_by",
        "Magento\\Catalog\\Model\\Category\\Attribute\\Source\\Sortby",
    ),
];

/// The class that the options of a system attribute come from.
pub(super) fn source_model(code: &str) -> Option<&'static str> {
    let found = SOURCE_MODELS.iter().find(|(of, _)| *of == code);
    found.map(|(_, model)| *model)
}

/// The user may add options to these.
const TABLES: &[&str] = &["manufacturer", "color"];

pub(super) fn product() -> Vec<Attribute> {
    attributes(PRODUCT)
}

pub(super) fn category() -> Vec<Attribute> {
    attributes(CATEGORY)
}

fn attributes(rows: &[Row]) -> Vec<Attribute> {
    rows.iter()
        .map(|(id, code, label, input, backend, scope, required)| {
            let fixed = FIXED.iter().find(|(of, _)| of == code);
            let source = match fixed {
                Some((_, options)) => Source::Fixed(options),
                None if TABLES.contains(code) => Source::Table,
                None => Source::None,
            };
            let system = Attribute::new(*id, code, input, *backend, *scope);
            Attribute {
                label: (*label).to_owned(),
                required: *required,
                unique: *code == "sku",
                user_defined: TABLES.contains(code),
                source,
                ..system
            }
        })
        .collect()
}
