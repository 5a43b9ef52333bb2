//! Every finding, as it is shown.
//!
//! One file `releases/a.yaml`; references to other files are in `references`.

use super::{field_findings, findings};

#[test]
fn unknown_keys_at_every_level() {
    let found = findings(
        "nmae: x
changes:
  - kind: cms_page
    key: home
    Store: all
    fields:
      content: { fiel: a.html }
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:1:1: critical: unknown key `nmae` in the release file [unknown-key]
     1 | nmae: x
       | ^
      = did you mean `name`?

    releases/a.yaml:5:5: critical: unknown key `Store` in a change [unknown-key]
     5 |     Store: all
       |     ^
      = did you mean `store`?

    releases/a.yaml:7:18: critical: unknown key `fiel` in the value of `content` [unknown-key]
     7 |       content: { fiel: a.html }
       |                  ^
      = did you mean `file`?
    ");
}

#[test]
fn unknown_kind() {
    let found = findings(
        "changes:
  - kind: cms-pages
    key: home
    fields: {}
  - kind: widget
    key: home
    fields: {}
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:2:11: critical: unknown kind `cms-pages` [unknown-kind]
     2 |   - kind: cms-pages
       |           ^
      = did you mean `cms_page`?

    releases/a.yaml:4:5: warning: `fields` is empty: the change sets nothing [no-fields]
     4 |     fields: {}
       |     ^
      = list what it sets, or take the change out

    releases/a.yaml:5:11: critical: unknown kind `widget` [unknown-kind]
     5 |   - kind: widget
       |           ^
      = use one of `cms_block`, `tax_rate`, `tax_rule`, `customer_group`, `cms_page`, `product_attribute`, `attribute_option`, `category`, `product`, `category_product`, `base_price`, `special_price`, `tier_price`, `source_item`, `cart_rule`, `coupon`

    releases/a.yaml:7:5: warning: `fields` is empty: the change sets nothing [no-fields]
     7 |     fields: {}
       |     ^
      = list what it sets, or take the change out
    ");
}

#[test]
fn missing_keys() {
    let found = findings(
        "changes:
  - store: all
  - kind: cms_block
    key: a
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:2:5: critical: the change has no `fields` [missing-fields]
     2 |   - store: all
       |     ^
      = list what it sets, or write `ensure: absent` to delete the entity

    releases/a.yaml:2:5: critical: the change has no `key` [missing-key]
     2 |   - store: all
       |     ^
      = name the entity, such as `key: home`

    releases/a.yaml:2:5: critical: the change has no `kind` [missing-kind]
     2 |   - store: all
       |     ^
      = use one of `cms_block`, `tax_rate`, `tax_rule`, `customer_group`, `cms_page`, `product_attribute`, `attribute_option`, `category`, `product`, `category_product`, `base_price`, `special_price`, `tier_price`, `source_item`, `cart_rule`, `coupon`

    releases/a.yaml:3:5: critical: the change has no `fields` [missing-fields]
     3 |   - kind: cms_block
       |     ^
      = list what it sets, or write `ensure: absent` to delete the entity
    ");
}

#[test]
fn unknown_and_read_only_fields() {
    let found = findings(
        "changes:
  - kind: cms_page
    key: home
    fields:
      is_active: true
      metaTitle: x
      identifier: home
      update_time: 2026-01-01 00:00:00
      layout_update_xml: <x/>
      zzz: 1
",
    );
    insta::assert_snapshot!(found, @r#"
    releases/a.yaml:5:7: critical: unknown field `is_active` of kind `cms_page` [unknown-field]
     5 |       is_active: true
       |       ^
      = did you mean `active`?

    releases/a.yaml:6:7: critical: unknown field `metaTitle` of kind `cms_page` [unknown-field]
     6 |       metaTitle: x
       |       ^
      = did you mean `meta_title`?

    releases/a.yaml:7:7: critical: field `identifier` of kind `cms_page` cannot be set: it is what names the entity [read-only-field]
     7 |       identifier: home
       |       ^
      = take it out; `key` of the change names the entity

    releases/a.yaml:8:7: critical: field `update_time` of kind `cms_page` cannot be set: Magento sets the update time [read-only-field]
     8 |       update_time: 2026-01-01 00:00:00
       |       ^
      = take it out

    releases/a.yaml:9:7: critical: field `layout_update_xml` of kind `cms_page` cannot be set: Magento refuses layout XML over REST ("Something went wrong while saving the page.") [read-only-field]
     9 |       layout_update_xml: <x/>
       |       ^
      = take it out, and set it in Magento's admin if need be

    releases/a.yaml:10:7: critical: unknown field `zzz` of kind `cms_page` [unknown-field]
     10 |       zzz: 1
        |       ^
      = use one of `title`, `page_layout`, `meta_title`, `meta_keywords`, `meta_description`, `content_heading`, `content`, `sort_order`, `custom_theme`, `custom_root_template`, `custom_theme_from`, `custom_theme_to`, `active`
    "#);
}

#[test]
fn wrong_structure() {
    let found = findings(
        "name: 5
description: [a]
changes:
  - cms_page
  - kind: 1
    key: 404
    store: 2
    ensure: true
    fields: text
",
    );
    insta::assert_snapshot!(found, @r#"
    releases/a.yaml:1:7: critical: `name` is a number, but must be text [wrong-type]
     1 | name: 5
       |       ^
      = put it in quotes: "5"

    releases/a.yaml:2:14: critical: `description` is a list, but must be text [wrong-type]
     2 | description: [a]
       |              ^
      = write a text

    releases/a.yaml:4:5: critical: a change is text, but must be a mapping [wrong-type]
     4 |   - cms_page
       |     ^
      = write a change as `name: value` lines

    releases/a.yaml:5:11: critical: `kind` is a number, but must be text [wrong-type]
     5 |   - kind: 1
       |           ^
      = put it in quotes: "1"

    releases/a.yaml:6:10: critical: `key` is a number, but must be text [wrong-type]
     6 |     key: 404
       |          ^
      = put it in quotes: "404"

    releases/a.yaml:7:12: critical: `store` is a number, but must be a store view's code, `all`, or a list of codes [wrong-type]
     7 |     store: 2
       |            ^
      = write `store: all`, `store: de` or `store: [default, fr]`

    releases/a.yaml:8:13: critical: `ensure` is true or false, but must be text [wrong-type]
     8 |     ensure: true
       |             ^
      = put it in quotes: "true"

    releases/a.yaml:9:13: critical: `fields` is text, but must be a mapping [wrong-type]
     9 |     fields: text
       |             ^
      = write `fields` as `name: value` lines
    "#);
}

#[test]
fn the_root_is_a_list() {
    let found = findings(
        "- kind: cms_page
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:1:1: critical: the release file is a list, but must be a mapping [wrong-type]
     1 | - kind: cms_page
       | ^
      = write the release file as `name: value` lines
    ");
}

#[test]
fn changes_are_a_mapping() {
    let found = findings(
        "changes:
  kind: cms_page
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:2:3: critical: `changes` is a mapping, but must be a list [wrong-type]
     2 |   kind: cms_page
       |   ^
      = begin each change with `- kind: …`
    ");
}

#[test]
fn keys_that_are_no_text() {
    let found = findings(
        "1: a
changes: []
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:1:1: critical: a key of the release file is a number, but must be text [wrong-type]
     1 | 1: a
       | ^
      = put the key in quotes

    releases/a.yaml:2:1: warning: `changes` is empty [no-changes]
     2 | changes: []
       | ^
      = list at least one change, or delete the file
    ");
}

#[test]
fn duplicate_keys() {
    let found = findings(
        "name: a
name: b
changes:
  - kind: cms_page
    key: home
    key: home
    fields:
      title: a
      title: b
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:2:1: critical: `name` is given twice, first in line 1 [duplicate-key]
     2 | name: b
       | ^
      = keep one of them

    releases/a.yaml:6:5: critical: `key` is given twice, first in line 5 [duplicate-key]
     6 |     key: home
       |     ^
      = keep one of them

    releases/a.yaml:9:7: critical: `title` is given twice, first in line 8 [duplicate-key]
     9 |       title: b
       |       ^
      = keep one of them
    ");
}

#[test]
fn bad_keys() {
    let found = findings(
        r#"changes:
  - kind: cms_page
    key: "404"
    fields: { title: a }
  - kind: cms_page
    key: Home Page
    fields: { title: a }
  - kind: cms_block
    key: ""
    fields: { title: a }
"#,
    );
    insta::assert_snapshot!(found, @r#"
    releases/a.yaml:3:10: critical: the page URL key can't use only numbers [key-only-digits]
     3 |     key: "404"
       |          ^
      = add letters or words

    releases/a.yaml:6:10: critical: the page URL key can't use capital letters or disallowed symbols [key-bad-character]
     6 |     key: Home Page
       |          ^
      = use lower-case letters, digits, `-`, `_` and `/`, two characters at least, the first a letter or digit

    releases/a.yaml:9:10: critical: key "" is empty [bad-key]
     9 |     key: ""
       |          ^
      = name the entity, such as `key: home`
    "#);
}

#[test]
fn bad_stores() {
    let found = findings(
        "changes:
  - { kind: cms_block, key: a, store: admin, fields: { title: a } }
  - { kind: cms_block, key: b, store: [all], fields: { title: a } }
  - { kind: cms_block, key: c, store: [], fields: { title: a } }
  - { kind: cms_block, key: d, store: [de, de], fields: { title: a } }
  - { kind: cms_block, key: e, store: de-at, fields: { title: a } }
  - { kind: cms_block, key: f, store: [de, 2], fields: { title: a } }
",
    );
    insta::assert_snapshot!(found, @r#"
    releases/a.yaml:2:39: critical: `admin` is no store view [bad-store]
     2 |   - { kind: cms_block, key: a, store: admin, fields: { title: a } }
       |                                       ^
      = write `store: all` for all store views

    releases/a.yaml:3:40: critical: `all` is no store view [bad-store]
     3 |   - { kind: cms_block, key: b, store: [all], fields: { title: a } }
       |                                        ^
      = write `store: all`, not in a list

    releases/a.yaml:4:39: critical: the list of store views is empty [bad-store]
     4 |   - { kind: cms_block, key: c, store: [], fields: { title: a } }
       |                                       ^
      = write `store: all`, `store: de` or `store: [default, fr]`

    releases/a.yaml:5:44: critical: store view `de` is listed twice [bad-store]
     5 |   - { kind: cms_block, key: d, store: [de, de], fields: { title: a } }
       |                                            ^
      = list each view once

    releases/a.yaml:6:39: critical: `de-at` is no code of a store view: a letter, then letters, digits and `_`, 32 at most [bad-store]
     6 |   - { kind: cms_block, key: e, store: de-at, fields: { title: a } }
       |                                       ^
      = use the code of a store view, as in Stores > All Stores

    releases/a.yaml:7:44: critical: a store view is a number, but must be text [wrong-type]
     7 |   - { kind: cms_block, key: f, store: [de, 2], fields: { title: a } }
       |                                            ^
      = put it in quotes: "2"
    "#);
}

#[test]
fn unknown_ensure() {
    let found = findings(
        "changes:
  - { kind: cms_block, key: a, ensure: abscent }
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:2:40: critical: unknown `ensure` `abscent` [unknown-ensure]
     2 |   - { kind: cms_block, key: a, ensure: abscent }
       |                                        ^
      = did you mean `absent`?
    ");
}

#[test]
fn absent_with_fields() {
    let found = findings(
        "changes:
  - kind: cms_block
    key: a
    ensure: absent
    fields: { title: a }
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:5:5: critical: `fields` of an entity that shall be absent [fields-of-absent]
     5 |     fields: { title: a }
       |     ^
      = take `fields` out, or `ensure: absent`
    ");
}

#[test]
fn lists_that_rest_cannot_make() {
    let found = findings(
        "changes:
  - { kind: cms_block, key: a, store: [de, fr], ensure: absent }
  - { kind: cms_block, key: b, store: [de, fr], ensure: present, fields: { title: a } }
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:2:49: critical: a CMS block assigned to several single views (de,fr) could not be made again: REST creates for one view or for all [absent-cannot-be-undone]
     2 |   - { kind: cms_block, key: a, store: [de, fr], ensure: absent }
       |                                                 ^
      = set `active: false` instead, or delete it in Magento's admin

    releases/a.yaml:3:49: critical: a CMS block assigned to several single views (de,fr) cannot be created: REST creates for one view or for all [present-cannot-be-created]
     3 |   - { kind: cms_block, key: b, store: [de, fr], ensure: present, fields: { title: a } }
       |                                                 ^
      = create it in Magento's admin and write `ensure: existing`, or use one change for each view
    ");
}

#[test]
fn empty_fields() {
    let found = findings(
        "changes:
  - { kind: cms_block, key: a, fields: {} }
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:2:32: warning: `fields` is empty: the change sets nothing [no-fields]
     2 |   - { kind: cms_block, key: a, fields: {} }
       |                                ^
      = list what it sets, or take the change out
    ");
}

#[test]
fn default_for_a_cms_entity() {
    let found = findings(
        "changes:
  - kind: cms_page
    key: home
    fields:
      title: { default: true }
      content: { default: no }
      meta_title: { default: true, file: a.html }
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:5:16: critical: `title` has no default to go back to: a CMS page has one value, and `store` says where it is shown [default-without-scope]
     5 |       title: { default: true }
       |                ^
      = give it a value, or leave the field out

    releases/a.yaml:6:18: critical: `content` has no default to go back to: a CMS page has one value, and `store` says where it is shown [default-without-scope]
     6 |       content: { default: no }
       |                  ^
      = give it a value, or leave the field out

    releases/a.yaml:6:27: critical: `default` is text, but must be `true` [wrong-type]
     6 |       content: { default: no }
       |                           ^
      = write `{ default: true }`

    releases/a.yaml:7:21: critical: the value of `meta_title` has both `file` and `default` [two-values]
     7 |       meta_title: { default: true, file: a.html }
       |                     ^
      = keep one of them
    ");
}

#[test]
fn schedules() {
    let found = findings(
        "schedule:
  start: 2026-11-30T00:00:00+01:00
  end: 2026-11-27T00:00:00+01:00
changes: []
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:1:1: critical: scheduled releases are not supported by this version [schedule-unsupported]
     1 | schedule:
       | ^
      = leave `schedule` out and push the file at the time it shall start

    releases/a.yaml:3:8: critical: the schedule ends at 2026-11-26T23:00:00Z, which is not after its start at 2026-11-29T23:00:00Z [schedule-ends-before-start]
     3 |   end: 2026-11-27T00:00:00+01:00
       |        ^
      = let `end` be later than `start`

    releases/a.yaml:4:1: warning: `changes` is empty [no-changes]
     4 | changes: []
       | ^
      = list at least one change, or delete the file
    ");
}

#[test]
fn times_without_an_offset() {
    let found = findings(
        "schedule: { start: 2026-11-27 }
changes: []
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:1:1: critical: scheduled releases are not supported by this version [schedule-unsupported]
     1 | schedule: { start: 2026-11-27 }
       | ^
      = leave `schedule` out and push the file at the time it shall start

    releases/a.yaml:1:20: critical: `start` is `2026-11-27`, which is no time with an offset [bad-time]
     1 | schedule: { start: 2026-11-27 }
       |                    ^
      = write it as 2026-11-27T00:00:00+01:00 (RFC 3339)

    releases/a.yaml:2:1: warning: `changes` is empty [no-changes]
     2 | changes: []
       | ^
      = list at least one change, or delete the file
    ");
}

#[test]
fn a_field_twice() {
    let found = findings(
        "changes:
  - { kind: cms_block, key: a, fields: { title: x } }
  - { kind: cms_block, key: a, store: [de], fields: { title: y } }
  - { kind: cms_block, key: a, store: all, fields: { title: z, active: true } }
  - { kind: cms_block, key: a, ensure: absent }
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:4:54: critical: `title` of cms_block a (all) is set twice in this file, first in line 2 [duplicate-change]
     4 |   - { kind: cms_block, key: a, store: all, fields: { title: z, active: true } }
       |                                                      ^
      = keep one of them

    releases/a.yaml:5:32: critical: `ensure` of cms_block a (all) is `absent` here and `present` in line 2 [duplicate-change]
     5 |   - { kind: cms_block, key: a, ensure: absent }
       |                                ^
      = keep one of the two changes
    ");
}

#[test]
fn keys_that_differ_by_case() {
    let found = findings(
        "changes:
  - { kind: cms_block, key: Hero, fields: { title: x } }
  - { kind: cms_block, key: hero, fields: { title: x } }
  - { kind: cms_block, key: hero, store: de, fields: { title: x } }
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:3:5: warning: key `hero` differs from `Hero` (releases/a.yaml:2:5) by case only; the store's search does not tell them apart [ambiguous-key-case]
      = use one spelling, the one that the store has
    ");
}

#[test]
fn assignments_that_overlap() {
    let found = findings(
        "changes:
  - { kind: cms_page, key: home, fields: { title: x } }
  - { kind: cms_page, key: home, store: de, fields: { title: x } }
  - { kind: cms_block, key: hero, store: [de, fr], fields: { title: x } }
  - { kind: cms_block, key: hero, store: fr, fields: { title: x } }
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:3:5: warning: cms_page home (de) and cms_page home (all) (releases/a.yaml:2:5) share a store view, where Magento allows one CMS page of a key [overlapping-assignment]
      = keep one of them, or delete one with `ensure: absent`

    releases/a.yaml:5:5: warning: cms_block hero (fr) and cms_block hero (de,fr) (releases/a.yaml:4:5) share a store view, where Magento allows one CMS block of a key [overlapping-assignment]
      = keep one of them, or delete one with `ensure: absent`
    ");
}

#[test]
fn empty_files() {
    let found = findings(
        "# nothing yet
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml: warning: the release file is empty [empty-file]
      = give it `changes:`, or delete it
    ");
}

#[test]
fn no_changes() {
    let found = findings(
        "name: x
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:1:1: warning: the release file has no `changes` [no-changes]
     1 | name: x
       | ^
      = list at least one change, or delete the file
    ");
}

#[test]
fn an_empty_list_of_changes() {
    let found = findings(
        "changes:
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:1:1: warning: `changes` is empty [no-changes]
     1 | changes:
       | ^
      = list at least one change, or delete the file
    ");
}

#[test]
fn two_documents() {
    let found = findings(
        "changes: []
---
changes: []
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:3:1: critical: a second YAML document begins here; a release file is one document [multiple-documents]
     3 | changes: []
       | ^
      = write one file a document, or take the `---` away
    ");
}

#[test]
fn broken_yaml() {
    let found = findings(
        "changes:
  - kind: [cms_page
    key: home
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:3:8: critical: no valid YAML: illegal placement of ':' indicator [yaml-syntax]
     3 |     key: home
       |        ^
      = correct the YAML
    ");
}

#[test]
fn tabs_as_indentation() {
    let found = findings("changes:\n\t- kind: cms_page\n");
    insta::assert_snapshot!(found, @"
    releases/a.yaml:2:2: critical: no valid YAML: tabs disallowed within this context (block indentation) [yaml-syntax]
     2 | 	- kind: cms_page
       | 	^
      = correct the YAML
    ");
}

#[test]
fn unknown_tags_and_anchors() {
    let found = findings(
        "changes: !list []
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:1:16: critical: no valid YAML: unsupported tag `!list` [yaml-syntax]
     1 | changes: !list []
       |                ^
      = correct the YAML
    ");
}

#[test]
fn unknown_alias() {
    let found = findings(
        "changes: *nowhere
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:1:10: critical: no valid YAML: alias references unknown anchor [yaml-syntax]
     1 | changes: *nowhere
       |          ^
      = correct the YAML
    ");
}

#[test]
fn a_pointer_of_git_lfs() {
    let found = findings(
        "version https://git-lfs.github.com/spec/v1
oid sha256:4d7a
size 12
",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:1:1: critical: the file is a Git LFS pointer; its content is not in the commit [lfs-pointer]
     1 | version https://git-lfs.github.com/spec/v1
       | ^
      = take the path out of .gitattributes and commit the file itself
    ");
}

#[test]
fn number_for_text() {
    let found = field_findings("title: 5.10");
    insta::assert_snapshot!(found, @r#"
    releases/a.yaml:5:14: critical: `title` is a number, but must be text [wrong-type]
     5 |       title: 5.10
       |              ^
      = put it in quotes: "5.10"
    "#);
}

#[test]
fn boolean_for_text() {
    let found = field_findings("title: true");
    insta::assert_snapshot!(found, @r#"
    releases/a.yaml:5:14: critical: `title` is true or false, but must be text [wrong-type]
     5 |       title: true
       |              ^
      = put it in quotes: "true"
    "#);
}

#[test]
fn list_for_text() {
    let found = field_findings("title: [a]");
    insta::assert_snapshot!(found, @"
    releases/a.yaml:5:14: critical: `title` is a list, but must be text [wrong-type]
     5 |       title: [a]
       |              ^
      = write a text, or `{ file: path }`
    ");
}

#[test]
fn empty_mapping_for_text() {
    let found = field_findings("content: {}");
    insta::assert_snapshot!(found, @"
    releases/a.yaml:5:16: critical: `content` is a mapping, but must be text [wrong-type]
     5 |       content: {}
       |                ^
      = write a text, or `{ file: path }`
    ");
}

#[test]
fn null_for_text() {
    let found = field_findings("title: ~");
    insta::assert_snapshot!(found, @"
    releases/a.yaml:5:14: critical: `title` cannot be null [value-null]
     5 |       title: ~
       |              ^
      = give it a value, or leave the field out
    ");
}

#[test]
fn empty_title() {
    let found = field_findings("title: ''");
    insta::assert_snapshot!(found, @"
    releases/a.yaml:5:14: critical: `title` is empty [value-empty]
     5 |       title: ''
       |              ^
      = give it a text
    ");
}

#[test]
fn yaml_1_1_boolean() {
    let found = field_findings("active: yes");
    insta::assert_snapshot!(found, @"
    releases/a.yaml:5:15: critical: `active` is text, but must be true or false [wrong-type]
     5 |       active: yes
       |               ^
      = write `true`
    ");
}

#[test]
fn yaml_1_1_boolean_off() {
    let found = field_findings("active: Off");
    insta::assert_snapshot!(found, @"
    releases/a.yaml:5:15: critical: `active` is text, but must be true or false [wrong-type]
     5 |       active: Off
       |               ^
      = write `false`
    ");
}

#[test]
fn quoted_boolean() {
    let found = field_findings(r#"active: "true""#);
    insta::assert_snapshot!(found, @r#"
    releases/a.yaml:5:15: critical: `active` is text, but must be true or false [wrong-type]
     5 |       active: "true"
       |               ^
      = write `true`
    "#);
}

#[test]
fn number_for_boolean() {
    let found = field_findings("active: 1");
    insta::assert_snapshot!(found, @"
    releases/a.yaml:5:15: critical: `active` is a number, but must be true or false [wrong-type]
     5 |       active: 1
       |               ^
      = write `true`
    ");
}

#[test]
fn text_for_boolean() {
    let found = field_findings("active: sure");
    insta::assert_snapshot!(found, @"
    releases/a.yaml:5:15: critical: `active` is text, but must be true or false [wrong-type]
     5 |       active: sure
       |               ^
      = write `true` or `false`
    ");
}

#[test]
fn text_for_number() {
    let found = field_findings(r#"sort_order: "7""#);
    insta::assert_snapshot!(found, @r#"
    releases/a.yaml:5:19: critical: `sort_order` is text, but must be a whole number [wrong-type]
     5 |       sort_order: "7"
       |                   ^
      = take the quotes away: 7
    "#);
}

#[test]
fn fraction_for_number() {
    let found = field_findings("sort_order: 1.5");
    insta::assert_snapshot!(found, @"
    releases/a.yaml:5:19: critical: `sort_order` is a number, but must be a whole number [wrong-type]
     5 |       sort_order: 1.5
       |                   ^
      = write a whole number
    ");
}

#[test]
fn number_out_of_range() {
    let found = field_findings("sort_order: 99999");
    insta::assert_snapshot!(found, @"
    releases/a.yaml:5:19: critical: `sort_order` is 99999; Magento keeps whole numbers from -32768 to 32767 and changes others without a word [value-out-of-range]
     5 |       sort_order: 99999
       |                   ^
      = use a whole number from -32768 to 32767
    ");
}

#[test]
fn number_beyond_all_ranges() {
    let found = field_findings("sort_order: 99999999999999999999");
    insta::assert_snapshot!(found, @"
    releases/a.yaml:5:19: critical: `sort_order` is 1e+20; Magento keeps whole numbers from -32768 to 32767 and changes others without a word [value-out-of-range]
     5 |       sort_order: 99999999999999999999
       |                   ^
      = use a whole number from -32768 to 32767
    ");
}

#[test]
fn bad_date() {
    let found = field_findings("custom_theme_from: 2026-02-30");
    insta::assert_snapshot!(found, @r#"
    releases/a.yaml:5:26: critical: `custom_theme_from` is "2026-02-30", which is no date [value-bad-date]
     5 |       custom_theme_from: 2026-02-30
       |                          ^
      = write it as YYYY-MM-DD, in quotes
    "#);
}

#[test]
fn number_for_date() {
    let found = field_findings("custom_theme_from: 2026");
    insta::assert_snapshot!(found, @"
    releases/a.yaml:5:26: critical: `custom_theme_from` is a number, but must be a date (YYYY-MM-DD) [wrong-type]
     5 |       custom_theme_from: 2026
       |                          ^
      = write a date (YYYY-MM-DD)
    ");
}

#[test]
fn title_too_long() {
    let found = field_findings(&format!("title: {}", "x".repeat(256)));
    insta::assert_snapshot!(found, @"
    releases/a.yaml:5:14: critical: `title` has 256 characters; Magento keeps the first 255 and drops the rest without a word [value-too-long]
     5 |       title: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
       |              ^
      = shorten it to 255 characters
    ");
}

#[test]
fn four_byte_character() {
    let found = field_findings(r#"title: "ä 😀""#);
    insta::assert_snapshot!(found, @r#"
    releases/a.yaml:5:17: critical: `title` holds 😀 (U+1F600) in line 1 of its text; Magento's tables turn four-byte characters into `????` [value-four-byte]
     5 |       title: "ä 😀"
       |                 ^
      = leave the character out, or set `charset: utf8mb4` where the shop's tables were converted
    "#);
}

#[test]
fn four_byte_character_in_html() {
    let found = field_findings(
        "content: |
        <p>
          fine: żółć 日本語
          héé 🎉 <b>
        </p>",
    );
    insta::assert_snapshot!(found, @"
    releases/a.yaml:8:15: critical: `content` holds 🎉 (U+1F389) in line 3 of its text; Magento's tables turn four-byte characters into `????` [value-four-byte]
     8 |           héé 🎉 <b>
       |               ^
      = write `&#127881;` instead, or set `charset: utf8mb4` where the shop's tables were converted
    ");
}

#[test]
fn four_byte_character_as_escape() {
    let found = field_findings(r#"title: "\U0001F600""#);
    insta::assert_snapshot!(found, @r#"
    releases/a.yaml:5:14: critical: `title` holds 😀 (U+1F600) in line 1 of its text; Magento's tables turn four-byte characters into `????` [value-four-byte]
     5 |       title: "\U0001F600"
       |              ^
      = leave the character out, or set `charset: utf8mb4` where the shop's tables were converted
    "#);
}

#[test]
fn file_for_boolean() {
    let found = field_findings("active: { file: a.txt }");
    insta::assert_snapshot!(found, @"
    releases/a.yaml:5:17: critical: `active` is true or false, which no file holds [file-for-no-text]
     5 |       active: { file: a.txt }
       |                 ^
      = write true or false here
    ");
}
