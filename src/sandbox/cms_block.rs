//! CMS blocks: their identifiers are unique in the store of the *URL*.

use super::cms::{CmsKind, Draft};
use super::column::{Column, ColumnType, Default};
use super::reply::Problem;

pub(super) static BLOCK: CmsKind = CmsKind {
    name: "cms_block",
    collection: "cmsBlock",
    wrapper: "block",
    interface: "\\Magento\\Cms\\Api\\Data\\BlockInterface",
    label: "CMS block",
    id_column: "block_id",
    acl: ["Magento_Cms::block"; 3],
    numeric_id: false,
    columns: &[
        Column::new("identifier", ColumnType::Varchar(255)).not_null(Default::Text("")),
        Column::new("title", ColumnType::Varchar(255)).not_null(Default::Text("")),
        Column::new("content", ColumnType::Text(16_777_215)),
        Column::new("creation_time", ColumnType::Timestamp).not_null(Default::Now),
        Column::new("update_time", ColumnType::Timestamp).not_null(Default::Now),
        Column::new("active", ColumnType::Bool)
            .column("is_active")
            .not_null(Default::Text("1")),
    ],
    before_merge: |_, _| {},
    check,
};

fn check(draft: &mut Draft<'_>) -> Result<(), Problem> {
    let identifier = draft.object.get("identifier").and_then(Option::as_deref);
    let own = draft.stored.map(|row| row.id);
    let taken = identifier.is_some_and(|identifier| {
        draft
            .table
            .namesakes(identifier, own)
            .any(|row| row.stores.contains(&draft.store))
    });
    if taken {
        return Err(Problem::new(
            400,
            "A block identifier with the same properties already exists in the selected store.",
        ));
    }
    if draft.stored.is_none() {
        check_columns(draft)?;
    }
    Ok(())
}

/// Nothing but the database minds a missing identifier or title.
fn check_columns(draft: &Draft<'_>) -> Result<(), Problem> {
    for field in ["title", "identifier"] {
        if draft.object.get(field).is_none_or(Option::is_none) {
            return Err(Problem::new(
                400,
                format!(
                    "SQLSTATE[23000]: Integrity constraint violation: 1048 Column '{field}' cannot be null, query was: INSERT INTO `cms_block` (`block_id`, `title`, `identifier`, `content`) VALUES (?, ?, ?, ?)"
                ),
            ));
        }
    }
    Ok(())
}
