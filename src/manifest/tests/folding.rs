//! Folding, by the rules of the contract.

use std::fmt::Write as _;

use super::{MapTree, load};
use crate::domain::{DesiredState, DesiredValue};

/// Release files by name, each with its changes.
fn fold(files: &[(&str, &str)]) -> DesiredState {
    let mut tree = MapTree::default();
    for (name, changes) in files {
        tree.set(
            &format!("releases/{name}.yaml"),
            format!("changes:\n{changes}\n"),
        );
    }
    let loaded = load(&tree);
    assert_eq!(loaded.findings.to_string(), "");
    loaded.state
}

fn show(state: &DesiredState) -> String {
    let mut out = String::new();
    for (entity, desired) in &state.entities {
        let explicit = if desired.explicit { " explicit" } else { "" };
        let ensure = desired.ensure.as_str();
        let fields = serde_json::to_string(&desired.fields).unwrap();
        writeln!(
            out,
            "{entity}: {ensure}{explicit} {fields} from {}",
            desired.origin
        )
        .unwrap();
    }
    for hidden in state.overridden() {
        writeln!(out, "{} at {} by {}", hidden.slot, hidden.hidden, hidden.by).unwrap();
    }
    out
}

#[test]
fn later_paths_win_field_by_field() {
    let state = fold(&[
        ("b", "  - { kind: cms_block, key: x, fields: { title: B } }"),
        (
            "a",
            "  - { kind: cms_block, key: x, fields: { title: A, active: true } }",
        ),
        (
            "c/d",
            "  - { kind: cms_block, key: x, fields: { title: C } }",
        ),
    ]);
    insta::assert_snapshot!(show(&state), @r#"
    cms_block x (all): present {"active":true,"title":"C"} from releases/c/d.yaml:2:5
    cms_block x (all): title at releases/a.yaml:2:42 by releases/c/d.yaml:2:42
    cms_block x (all): title at releases/b.yaml:2:42 by releases/c/d.yaml:2:42
    "#);
}

#[test]
fn absent_hides_all_before_it() {
    let state = fold(&[
        (
            "a",
            "  - { kind: cms_block, key: x, fields: { title: A, active: true } }",
        ),
        ("b", "  - { kind: cms_block, key: x, ensure: absent }"),
    ]);
    insta::assert_snapshot!(show(&state), @"
    cms_block x (all): absent {} from releases/b.yaml:2:5
    cms_block x (all): ensure at releases/a.yaml:2:5 by releases/b.yaml:2:32
    cms_block x (all): active at releases/a.yaml:2:52 by releases/b.yaml:2:32
    cms_block x (all): title at releases/a.yaml:2:42 by releases/b.yaml:2:32
    ");
}

#[test]
fn fields_after_absent_stand_alone() {
    let state = fold(&[
        (
            "a",
            "  - { kind: cms_block, key: x, fields: { title: A, active: true } }",
        ),
        ("b", "  - { kind: cms_block, key: x, ensure: absent }"),
        ("c", "  - { kind: cms_block, key: x, fields: { title: C } }"),
    ]);
    insta::assert_snapshot!(show(&state), @r#"
    cms_block x (all): present {"title":"C"} from releases/c.yaml:2:5
    cms_block x (all): ensure at releases/a.yaml:2:5 by releases/c.yaml:2:5
    cms_block x (all): ensure at releases/b.yaml:2:32 by releases/c.yaml:2:5
    cms_block x (all): active at releases/a.yaml:2:52 by releases/b.yaml:2:32
    cms_block x (all): title at releases/a.yaml:2:42 by releases/c.yaml:2:42
    "#);
}

#[test]
fn of_present_and_existing_the_later_wins() {
    let state = fold(&[
        (
            "a",
            "  - { kind: cms_block, key: x, ensure: present, fields: { title: A } }\n  - { kind: cms_block, key: y, ensure: existing, fields: { title: A } }",
        ),
        (
            "b",
            "  - { kind: cms_block, key: x, ensure: existing, fields: { active: true } }\n  - { kind: cms_block, key: y, fields: { active: true } }",
        ),
    ]);
    insta::assert_snapshot!(show(&state), @r#"
    cms_block x (all): existing {"active":true,"title":"A"} from releases/b.yaml:2:5
    cms_block y (all): present {"active":true,"title":"A"} from releases/b.yaml:3:5
    cms_block x (all): ensure at releases/a.yaml:2:32 by releases/b.yaml:2:32
    cms_block y (all): ensure at releases/a.yaml:3:32 by releases/b.yaml:3:5
    "#);
}

#[test]
fn stores_are_entities_of_their_own() {
    let state = fold(&[(
        "a",
        "  - { kind: cms_block, key: x, fields: { title: A } }\n  - { kind: cms_block, key: x, store: [de], ensure: present, fields: { title: B } }\n  - { kind: cms_block, key: x, store: de, fields: { active: false } }\n  - { kind: cms_block, key: z, store: [fr, de], fields: { title: C } }",
    )]);
    insta::assert_snapshot!(show(&state), @r#"
    cms_block x (all): present {"title":"A"} from releases/a.yaml:2:5
    cms_block x (de): present explicit {"active":false,"title":"B"} from releases/a.yaml:4:5
    cms_block z (de,fr): existing {"title":"C"} from releases/a.yaml:5:5
    "#);
}

#[test]
fn every_file_lists_what_it_sets_shadowed_or_not() {
    let state = fold(&[
        ("a", "  - { kind: cms_block, key: x, fields: { title: A } }"),
        ("b", "  - { kind: cms_block, key: x, ensure: absent }"),
    ]);
    let mut out = String::new();
    for (path, slots) in &state.listed {
        for (slot, listed) in &**slots {
            let value = match &listed.value {
                DesiredValue::Ensure(ensure) => ensure.as_str().to_owned(),
                DesiredValue::Value(value) => value.to_string(),
            };
            writeln!(out, "{path}: {slot} = {value} at {}", listed.origin).unwrap();
        }
    }
    insta::assert_snapshot!(out, @r#"
    releases/a.yaml: cms_block x (all): ensure = present at releases/a.yaml:2:5
    releases/a.yaml: cms_block x (all): title = "A" at releases/a.yaml:2:42
    releases/b.yaml: cms_block x (all): ensure = absent at releases/b.yaml:2:32
    "#);
}

#[test]
fn one_file_may_set_different_fields_in_several_changes() {
    let state = fold(&[(
        "a",
        "  - { kind: cms_block, key: x, ensure: existing, fields: { title: A } }\n  - { kind: cms_block, key: x, ensure: existing, fields: { active: false } }",
    )]);
    insta::assert_snapshot!(show(&state), @r#"cms_block x (all): existing {"active":false,"title":"A"} from releases/a.yaml:3:5"#);
}

#[test]
fn a_later_default_leaves_present_spelled_out() {
    let state = fold(&[
        (
            "a",
            "  - { kind: cms_block, key: x, store: de, ensure: present, fields: { title: A } }",
        ),
        (
            "b",
            "  - { kind: cms_block, key: x, store: de, fields: { active: true } }",
        ),
        (
            "c",
            "  - { kind: cms_block, key: y, store: de, ensure: present, fields: { title: A } }",
        ),
        (
            "d",
            "  - { kind: cms_block, key: y, store: de, ensure: absent }",
        ),
        (
            "e",
            "  - { kind: cms_block, key: y, store: de, fields: { title: B } }",
        ),
    ]);
    insta::assert_snapshot!(show(&state), @r#"
    cms_block x (de): present explicit {"active":true,"title":"A"} from releases/b.yaml:2:5
    cms_block y (de): present {"title":"B"} from releases/e.yaml:2:5
    cms_block y (de): ensure at releases/c.yaml:2:43 by releases/e.yaml:2:5
    cms_block y (de): ensure at releases/d.yaml:2:43 by releases/e.yaml:2:5
    cms_block y (de): title at releases/c.yaml:2:70 by releases/e.yaml:2:53
    "#);
}
