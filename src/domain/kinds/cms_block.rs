//! CMS blocks. Behaviour observed on Magento 2.4.7-p3 (`GET|PUT|POST|DELETE /V1/cmsBlock`).

use super::field::{FieldSpec, FieldType, Owner, Referent, ValueProblem};
use super::spec::{
    Access, Acl, Among, Bulk, KindSpec, Probe, Route, Scoping, Unique, UpdateStyle, no_parents,
};
use crate::domain::key::KeyShape;

pub(super) static TABLE: KindSpec = KindSpec {
    name: "cms_block",
    label: "CMS block",
    level: 10,
    route: Route {
        access: Access::Assignment,
        collection: "cmsBlock",
        search: "cmsBlock/search",
        wrapper: "block",
        id_column: "block_id",
        key_column: "identifier",
        id_field: "id",
        carry: &[],
        rows: 1,
        update: UpdateStyle::Partial,
        probes: &[Probe::EmptyPost("cmsBlock")],
        bulk: Some(Bulk {
            update: "cmsBlock/byId",
            named_by: "id",
            delete: "cmsBlock/byBlockId",
            deleted_by: "blockId",
        }),
    },
    key_field: "identifier",
    key: KeyShape::Plain,
    check_key,
    // Uniqueness is checked in the *URL's* store, so an update goes to a scope of the block's own.
    scoping: Scoping::Assignment {
        side_by_side: true,
        own_scope: true,
    },
    fields: &[
        FieldSpec::new(
            "identifier",
            FieldType::Text { max_chars: 255 },
            "The block's identifier; the `key` of the change names it.",
        )
        .owned_by(Owner::Key)
        .required(),
        FieldSpec::new(
            "title",
            FieldType::Text { max_chars: 255 },
            "Title, shown in the admin only. At most 255 characters.",
        )
        .required(),
        FieldSpec::new(
            "content",
            FieldType::LongText {
                max_bytes: 16_777_215,
                html: true,
            },
            "HTML with Magento's directives, or `{ file: path }`. At most 16,777,215 bytes.",
        )
        .nullable(),
        FieldSpec::of_store(
            "creation_time",
            FieldType::Timestamp,
            "Magento sets the creation time",
        )
        .volatile(),
        FieldSpec::of_store(
            "update_time",
            FieldType::Timestamp,
            "Magento sets the update time",
        )
        .volatile(),
        FieldSpec::new(
            "active",
            FieldType::Bool,
            "Whether the block is shown. A new block is active.",
        ),
    ],
    attributes: None,
    referent: Some(Referent::CmsBlock),
    parents: no_parents,
    needed: &[],
    permanent: None,
    unique: &[Unique::new("identifier", Among::Kind)],
    acl: Acl::all("Magento_Cms::block"),
};

fn check_key(key: &str) -> Option<ValueProblem> {
    let chars = key.chars().count();
    if chars > 100 {
        return Some(ValueProblem::new(
            "key-too-long",
            format!("the identifier has {chars} characters; the admin accepts 100"),
            "shorten it to 100 characters",
        ));
    }
    if let Some(c) = key
        .chars()
        .find(|c| !(c.is_ascii_alphanumeric() || "_-./".contains(*c)))
    {
        return Some(ValueProblem::new(
            "key-bad-character",
            format!("the identifier holds {c:?}; a directive could not name such a block"),
            "use letters, digits, `-`, `_`, `.` and `/`",
        ));
    }
    None
}
