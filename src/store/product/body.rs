//! The body of a product's write: each field in its place, and nothing that was not asked for.

use serde_json::{Map, Value, json};

use super::{Fields, Kind, Writing, whole};
use crate::domain::kinds::{FieldPlace, FieldScope, FieldType, Owner};
use crate::domain::vocabulary::AttributeType;
use crate::domain::{EntityRef, Marker, marker_of};
use crate::ports::StoreError;

/// The body of a product.
#[derive(Debug, Default)]
pub(super) struct Body {
    sku: String,
    top: Map<String, Value>,
    extension: Map<String, Value>,
    custom: Map<String, Value>,
}

impl Body {
    /// The fields of an entity, in the store's words. What goes with a whole product, and cannot be sent
    /// with it, is left out.
    pub(super) async fn of(
        store: &Writing<'_>,
        entity: &EntityRef,
        fields: &Fields,
    ) -> Result<Self, StoreError> {
        let mut body = Self {
            sku: entity.key.as_str().to_owned(),
            ..Self::default()
        };
        for (name, value) in fields {
            let Some(spec) = entity.kind.field(name.as_str()) else {
                continue;
            };
            if spec.owner == Owner::Key
                || (spec.owner == Owner::Whole && spec.place == FieldPlace::Top)
            {
                continue;
            }
            if entity.base().is_some() && is_global(store, entity, name.as_str()) {
                return Err(of_all_views(name.as_str()));
            }
            let wire = match marker_of(value) {
                Some(Marker::Coupled) => continue,
                // "use default value" is null, wherever it stands
                Some(Marker::Default) => Value::Null,
                None if value.is_null() && entity.base().is_some() => {
                    nothing_of_view(store, entity, name.as_str())?
                }
                None if spec.owner == Owner::Whole => {
                    whole::wire(store, name.as_str(), value).await?
                }
                None => store.wire(entity.kind, name.as_str(), value).await?,
            };
            let place = match spec.place {
                FieldPlace::Top => &mut body.top,
                FieldPlace::Extension => &mut body.extension,
                FieldPlace::Attribute => &mut body.custom,
            };
            let wire = match (spec.place, wire) {
                // as the admin's forms send them
                (FieldPlace::Attribute, Value::Number(number)) => number.to_string().into(),
                (_, wire) => wire,
            };
            place.insert(name.as_str().to_owned(), wire);
        }
        Ok(body)
    }

    /// These attributes are taken away, and no others.
    pub(super) fn without(sku: &str, codes: impl IntoIterator<Item = String>) -> Self {
        Self {
            sku: sku.to_owned(),
            custom: codes.into_iter().map(|code| (code, Value::Null)).collect(),
            ..Self::default()
        }
    }

    /// True if nothing is set.
    pub(super) fn is_empty(&self) -> bool {
        self.top.is_empty() && self.extension.is_empty() && self.custom.is_empty()
    }

    /// With the one key that a body has.
    pub(super) fn wrapped(self) -> Value {
        let Self {
            sku,
            top: mut product,
            extension,
            custom,
        } = self;
        product.insert("sku".to_owned(), sku.into());
        if !extension.is_empty() {
            product.insert("extension_attributes".to_owned(), extension.into());
        }
        if !custom.is_empty() {
            let custom = custom
                .into_iter()
                .map(|(code, value)| json!({ "attribute_code": code, "value": value }));
            product.insert("custom_attributes".to_owned(), custom.collect());
        }
        let mut body = Map::new();
        body.insert(Kind::PRODUCT.route.wrapper.to_owned(), product.into());
        body.into()
    }
}

fn is_global(store: &Writing<'_>, entity: &EntityRef, name: &str) -> bool {
    store.vocabulary.scope(entity.kind, name) == FieldScope::Global
}

/// Under a view Magento would write, or take away, the value of all views.
fn of_all_views(name: &str) -> StoreError {
    StoreError::Refused {
        status: 400,
        message: format!(
            "`{name}` has one value for all store views, so nothing is sent under one"
        ),
    }
}

/// A view's own "nothing", which null is not: that would be the default. Of a number Magento would make
/// a zero.
fn nothing_of_view(
    store: &Writing<'_>,
    entity: &EntityRef,
    name: &str,
) -> Result<Value, StoreError> {
    let kind = entity.kind;
    let by_table = kind.field(name).map(|spec| spec.ty);
    let of_store = store.vocabulary.attribute(kind, name).map(|known| known.ty);
    let is_decimal = matches!(by_table, Some(FieldType::Decimal { .. }))
        || of_store == Some(AttributeType::Decimal);
    if is_decimal {
        return Err(StoreError::Refused {
            status: 400,
            message: format!(
                "`{name}` was empty under this view, which REST cannot bring about: Magento would make a zero of it"
            ),
        });
    }
    Ok("".into())
}
