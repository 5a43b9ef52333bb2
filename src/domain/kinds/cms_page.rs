//! CMS pages. Behaviour observed on Magento 2.4.7-p3 (`GET|PUT|POST|DELETE /V1/cmsPage`).

use super::field::{FieldSpec, FieldType, Owner, ValueProblem};
use super::spec::{
    Access, Acl, Among, Bulk, KindSpec, Probe, Route, Scoping, Unique, UpdateStyle, no_parents,
};
use crate::domain::key::KeyShape;

const LAYOUT_XML: &str =
    "Magento refuses layout XML over REST (\"Something went wrong while saving the page.\")";

const fn text(name: &'static str, max_chars: usize, doc: &'static str) -> FieldSpec {
    FieldSpec::new(name, FieldType::Text { max_chars }, doc).nullable()
}

const fn long_text(
    name: &'static str,
    max_bytes: usize,
    html: bool,
    doc: &'static str,
) -> FieldSpec {
    FieldSpec::new(name, FieldType::LongText { max_bytes, html }, doc).nullable()
}

const fn date(name: &'static str, doc: &'static str) -> FieldSpec {
    FieldSpec::new(name, FieldType::Date, doc).nullable()
}

const fn time(name: &'static str, why: &'static str) -> FieldSpec {
    FieldSpec::of_store(name, FieldType::Timestamp, why).volatile()
}

pub(super) static TABLE: KindSpec = KindSpec {
    name: "cms_page",
    label: "CMS page",
    level: 20,
    // A PUT without the current identifier renames the page (CmsUrlRewrite's plugin).
    route: Route {
        access: Access::Assignment,
        collection: "cmsPage",
        search: "cmsPage/search",
        wrapper: "page",
        id_column: "page_id",
        key_column: "identifier",
        id_field: "id",
        carry: &["identifier"],
        rows: 1,
        update: UpdateStyle::Partial,
        // A release that creates an entity can only be rolled back by deleting it.
        probes: &[Probe::EmptyPost("cmsPage"), Probe::DeleteNone("cmsPage/0")],
        bulk: Some(Bulk {
            update: "cmsPage/byId",
            named_by: "id",
            delete: "cmsPage/byPageId",
            deleted_by: "pageId",
        }),
    },
    key_field: "identifier",
    key: KeyShape::Plain,
    check_key,
    scoping: Scoping::Assignment {
        side_by_side: false,
        own_scope: false,
    },
    fields: &[
        FieldSpec::new(
            "identifier",
            FieldType::Text { max_chars: 100 },
            "The page's URL key; the `key` of the change names it.",
        )
        .owned_by(Owner::Key)
        .required(),
        FieldSpec::new(
            "title",
            FieldType::Text { max_chars: 255 },
            "Title of the page. At most 255 characters.",
        )
        .required(),
        text(
            "page_layout",
            255,
            "Code of the page layout, such as `1column`.",
        ),
        text("meta_title", 255, "Meta title. At most 255 characters."),
        long_text("meta_keywords", 65_535, false, "Meta keywords."),
        long_text("meta_description", 65_535, false, "Meta description."),
        text(
            "content_heading",
            255,
            "Heading above the content. At most 255 characters.",
        ),
        long_text(
            "content",
            16_777_215,
            true,
            "HTML with Magento's directives, or `{ file: path }`. At most 16,777,215 bytes.",
        ),
        time("creation_time", "Magento sets the creation time"),
        time("update_time", "Magento sets the update time"),
        FieldSpec::new(
            "sort_order",
            FieldType::Integer {
                min: -32_768,
                max: 32_767,
            },
            "Sort order, a whole number from -32768 to 32767.",
        ),
        long_text("layout_update_xml", 65_535, false, "").owned_by(Owner::Refused(LAYOUT_XML)),
        text("custom_theme", 100, "Id of a custom theme."),
        text("custom_root_template", 255, "Code of a custom page layout."),
        long_text("custom_layout_update_xml", 65_535, false, "")
            .owned_by(Owner::Refused(LAYOUT_XML)),
        date(
            "custom_theme_from",
            "First day of the custom theme, YYYY-MM-DD.",
        ),
        date(
            "custom_theme_to",
            "Last day of the custom theme, YYYY-MM-DD.",
        ),
        FieldSpec::new(
            "active",
            FieldType::Bool,
            "Whether the page is shown. A new page is active.",
        ),
    ],
    attributes: None,
    referent: None,
    parents: no_parents,
    needed: DEFAULT_PAGES,
    permanent: None,
    unique: &[Unique::new("identifier", Among::Addresses)],
    acl: Acl {
        read: "Magento_Cms::page",
        write: "Magento_Cms::save",
        delete: "Magento_Cms::page_delete",
    },
};

/// The pages that `web/default` names where nobody has chosen others (`Magento/Cms/etc/config.xml`); where
/// an identifier is not unique, the configuration has the page's id behind it (`home|2`).
const DEFAULT_PAGES: &[(&str, &str)] = &[
    ("home", "home page (web/default/cms_home_page)"),
    ("no-route", "404 page (web/default/cms_no_route)"),
    (
        "enable-cookies",
        "page about cookies (web/default/cms_no_cookies)",
    ),
];

fn check_key(key: &str) -> Option<ValueProblem> {
    let chars = key.chars().count();
    if chars > 100 {
        return Some(ValueProblem::new(
            "key-too-long",
            format!(
                "the identifier has {chars} characters; Magento keeps the first 100 and drops the rest"
            ),
            "shorten it to 100 characters",
        ));
    }
    if key.bytes().all(|b| b.is_ascii_digit()) {
        return Some(ValueProblem::new(
            "key-only-digits",
            "the page URL key can't use only numbers",
            "add letters or words",
        ));
    }
    // Magento\Cms\Model\ResourceModel\Page::isValidPageIdentifier: ^[a-z0-9][a-z0-9_\/-]+(\.[a-z0-9_-]+)?$
    let (stem, suffix) = match key.split_once('.') {
        Some((stem, suffix)) => (stem, Some(suffix)),
        None => (key, None),
    };
    let word = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    let mut chars = stem.chars();
    let good = chars
        .next()
        .is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
        && stem.len() >= 2
        && chars.all(|c| word(c) || c == '/')
        && suffix.is_none_or(|s| !s.is_empty() && s.chars().all(word));
    if good {
        return None;
    }
    Some(ValueProblem::new(
        "key-bad-character",
        "the page URL key can't use capital letters or disallowed symbols",
        "use lower-case letters, digits, `-`, `_` and `/`, two characters at least, the first a letter or digit",
    ))
}
