//! Warnings about a write that is carried out all the same.

use super::decide::Decision;
use crate::domain::kinds::SWATCH;
use crate::domain::{EntityRef, Marker, ObservedEntity, Presence, Value};

/// The field that the address of a page is made of.
const ADDRESS: &str = "url_key";

/// Returns the warnings about what is sent for an entity.
pub(super) fn warnings(
    entity: &EntityRef,
    decision: &Decision,
    presence: &Presence,
) -> Vec<String> {
    if *decision == Decision::Delete {
        let mut needed = entity.kind.needed.iter();
        let needed = needed.find(|(key, _)| *key == entity.key.as_str());
        let warning = needed.map(|(_, what)| {
            format!(
                "deletes the shop's {what}, unless the configuration names another one; made again by a rollback it has another id, which the configuration may not know"
            )
        });
        return warning.into_iter().collect();
    }
    if let (Decision::Create(_), Presence::Alias(known)) = (decision, presence) {
        return vec![format!(
            "makes a second {} beside `{known}`, whose key differs in the case of its letters alone; if that one is meant, write its key as the store has it",
            entity.kind.label
        )];
    }
    let Decision::Update(fields) = decision else {
        return Vec::new();
    };
    let mut warnings = Vec::new();
    if presence.found().is_some_and(is_swatch) {
        warnings.push(
            "the option is a swatch, and Magento is known to drop its colour or image when it is changed over REST (magento/magento2#37794): look at it in the admin afterwards".to_owned(),
        );
    }
    for (name, value) in fields {
        if name.as_str() == ADDRESS && presence.found().is_some() {
            warnings.push(format!(
                "`{name}` changes the address of the page, and over REST no redirect from the old one is made"
            ));
        }
        let spec = entity.kind.field(name.as_str());
        let Some(why) = spec.and_then(|spec| spec.sticky) else {
            continue;
        };
        let default = Marker::Default.value();
        let inherits = presence
            .found()
            .is_none_or(|found| found.get(name) == default);
        if entity.exists_by_itself() {
            continue;
        }
        match (inherits, value) {
            (_, value) if value == default => warnings.push(format!(
                "`{name}` shows the value under `all` again, but its own row stays and will not follow it: {why}; tick \"Use Default Value\" in the admin"
            )),
            (true, Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                warnings.push(format!(
                    "`{name}` becomes a value of the view's own, which can be changed but never be taken away again: {why}"
                ));
            }
            _ => {}
        }
    }
    warnings
}

/// True of an option that has a colour, an image or a text to be shown for it.
fn is_swatch(found: &ObservedEntity) -> bool {
    let mut fields = found.fields.iter();
    fields.any(|(name, value)| name.as_str() == SWATCH && !value.is_null())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;
    use crate::domain::{EntityId, Kind, StoreCode, StoreScope};

    fn said(store: StoreScope, own: Option<&str>, field: &str, value: Value) -> String {
        let entity = EntityRef {
            kind: Kind::CATEGORY,
            key: "Default Category/Gear".parse().unwrap(),
            store: store.clone(),
        };
        let own = own.map(|own| (field.parse().unwrap(), Value::from(own)));
        let presence = Presence::Found(ObservedEntity {
            id: EntityId(3),
            fields: own.into_iter().collect(),
            inherited: (store != StoreScope::All).then(|| BTreeMap::new().into()),
        });
        let decision = Decision::Update(BTreeMap::from([(field.parse().unwrap(), value)]));
        warnings(&entity, &decision, &presence).concat()
    }

    #[test]
    fn what_stays_and_what_moves_is_said() {
        let de = || StoreScope::view(StoreCode::new("de").unwrap());
        let first = said(de(), None, "name", json!("Sale"));
        assert!(first.contains("never be taken away again"), "{first}");
        let again = said(de(), Some("Sale"), "name", json!("Ausverkauf"));
        assert_eq!(again, "");
        let back = said(de(), Some("Sale"), "name", json!({"default": true}));
        assert!(back.contains("its own row stays"), "{back}");
        assert_eq!(said(de(), None, "meta_title", json!("x")), "");
        assert_eq!(said(StoreScope::All, None, "is_active", json!(true)), "");
        let moved = said(StoreScope::All, Some("gear"), "url_key", json!("kit"));
        assert!(moved.contains("no redirect"), "{moved}");
    }
}
