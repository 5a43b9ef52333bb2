//! CMS blocks. Behaviour observed on Magento 2.4.7-p3 (`GET|PUT|POST|DELETE /V1/cmsBlock`).

use super::spec::{Acl, FieldSpec, FieldType, KindSpec, Owner, Route, Scoping, ValueProblem};

pub(super) static TABLE: KindSpec = KindSpec {
    name: "cms_block",
    label: "CMS block",
    level: 10,
    route: Route {
        collection: "cmsBlock",
        wrapper: "block",
        id_column: "block_id",
        carry: &[],
    },
    key_field: "identifier",
    check_key,
    // Uniqueness is checked in the *URL's* store, so an update goes to a scope of the block's own.
    scoping: Scoping::Assignment {
        side_by_side: true,
        own_scope: true,
    },
    fields: &[
        FieldSpec {
            name: "identifier",
            ty: FieldType::Text { max_chars: 255 },
            nullable: false,
            owner: Owner::Key,
            required: true,
            volatile: false,
            doc: "The block's identifier; the `key` of the change names it.",
        },
        FieldSpec {
            name: "title",
            ty: FieldType::Text { max_chars: 255 },
            nullable: false,
            owner: Owner::File,
            required: true,
            volatile: false,
            doc: "Title, shown in the admin only. At most 255 characters.",
        },
        FieldSpec {
            name: "content",
            ty: FieldType::LongText {
                max_bytes: 16_777_215,
                html: true,
            },
            nullable: true,
            owner: Owner::File,
            required: false,
            volatile: false,
            doc: "HTML with Magento's directives, or `{ file: path }`. At most 16,777,215 bytes.",
        },
        FieldSpec {
            name: "creation_time",
            ty: FieldType::Timestamp,
            nullable: false,
            owner: Owner::Store("Magento sets the creation time"),
            required: false,
            volatile: true,
            doc: "",
        },
        FieldSpec {
            name: "update_time",
            ty: FieldType::Timestamp,
            nullable: false,
            owner: Owner::Store("Magento sets the update time"),
            required: false,
            volatile: true,
            doc: "",
        },
        FieldSpec {
            name: "active",
            ty: FieldType::Bool,
            nullable: false,
            owner: Owner::File,
            required: false,
            volatile: false,
            doc: "Whether the block is shown. A new block is active.",
        },
    ],
    acl: Acl {
        read: "Magento_Cms::block",
        write: "Magento_Cms::block",
        delete: "Magento_Cms::block",
    },
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
