//! The table of a kind, and the rules that follow from it.

use super::field::{ATTRIBUTE, FieldSpec, Owner, Referent, ValueProblem};
use crate::domain::key::{self, KeyShape};
use crate::domain::{EntityRef, StoreScope};

/// The table of one kind.
#[derive(Debug)]
pub struct KindSpec {
    /// The name in release files: `cms_block`.
    pub name: &'static str,
    /// The name for people: `CMS block`.
    pub label: &'static str,
    /// Dependency level: lower levels are created first and deleted last.
    pub level: u8,
    /// Where and how it is reached over REST.
    pub route: Route,
    /// The field that holds the natural key, or the last part of it.
    pub key_field: &'static str,
    /// What the natural key is made of.
    pub key: KeyShape,
    /// What is wrong with a key, as Magento would see it, and what to do about it.
    pub check_key: fn(&str) -> Option<ValueProblem>,
    /// What `store:` means.
    pub scoping: Scoping,
    /// Every field that REST shows, in the order of the API.
    pub fields: &'static [FieldSpec],
    /// True if it has further fields, the attributes of this entity type, that only the store knows.
    pub attributes: Option<EntityType>,
    /// What references to entities of this kind are called.
    pub referent: Option<Referent>,
    /// The entities that must be there before this one can be.
    pub parents: fn(&EntityRef) -> Vec<EntityRef>,
    /// Why it can never be deleted over REST, or never be made again; such are refused beforehand.
    pub permanent: Option<&'static str>,
    /// Keys of entities that the shop needs unless its configuration names others, with what they are to it.
    pub needed: &'static [(&'static str, &'static str)],
    /// The values that the store gives to one entity only. What one of them gives up in a pass, another
    /// may have in the same pass.
    pub unique: &'static [Unique],
    /// The ACL resources that an integration needs.
    pub acl: Acl,
}

/// The field of a whole that holds the values of views: `{"de": {"name": "…"}}`, natural.
pub const VIEW_VALUES: &str = "view_values";

/// The field that says of an attribute's option that it is a swatch.
pub const SWATCH: &str = "swatch";

/// An entity type of Magento's attribute system.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EntityType {
    /// `catalog_product`.
    Product,
    /// `catalog_category`.
    Category,
}

/// The ACL resources of a kind's routes (`webapi.xml` of its module).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acl {
    /// To read and to search.
    pub read: &'static str,
    /// To create and to update.
    pub write: &'static str,
    /// To delete.
    pub delete: &'static str,
}

impl Acl {
    /// One resource for everything.
    pub const fn all(resource: &'static str) -> Self {
        Self {
            read: resource,
            write: resource,
            delete: resource,
        }
    }
}

impl KindSpec {
    /// The field of this name; for a kind with attributes of the store's own, any other name is
    /// taken for one of them.
    pub fn field(&self, name: &str) -> Option<&'static FieldSpec> {
        let listed = self.fields.iter().find(|field| field.name == name);
        listed.or_else(|| (self.attributes.is_some() && is_code(name)).then_some(&ATTRIBUTE))
    }

    /// True if the store has one entity of a key at most, whichever case its letters have.
    pub fn has_unique_keys(&self) -> bool {
        let mut unique = self.unique.iter();
        unique.any(|unique| unique.field == self.key_field)
    }

    /// The fields of the table that a release file may set.
    pub fn settable(&self) -> impl Iterator<Item = &'static FieldSpec> {
        self.fields
            .iter()
            .filter(|field| matches!(field.owner, Owner::File | Owner::Fixed(_)))
    }
}

/// The code of an attribute: a lower-case letter, then lower-case letters, digits and `_`, 60 at most
/// (`Magento\Eav\Model\Validator\Attribute\Code`; older shops have capital letters as well).
fn is_code(name: &str) -> bool {
    let mut chars = name.chars();
    name.len() <= 60
        && chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A value that the store gives to one entity only, in each store view that both are in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unique {
    /// The field that holds it, the one of the key among them. Nothing and `false` are no values.
    pub field: &'static str,
    /// Among which entities it is the only one.
    pub among: Among,
    /// The field that the store makes it of, where a new entity is not given it.
    pub made_of: Option<&'static str>,
    /// What an entity has instead while another takes its value over.
    pub aside: Aside,
}

/// The entities among which a value is the only one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among {
    /// Those of the kind.
    Kind,
    /// Those of the kind whose keys differ in the last part alone.
    Siblings,
    /// Whatever has an address in the shop: pages, products, and categories at their place in the tree.
    Addresses,
    /// Those of the kind that show the same in this field.
    Same(&'static str),
}

/// The value that an entity has instead of its own while another takes that over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Aside {
    /// It cannot have anything else.
    Never,
    /// The value with a suffix of its own.
    Suffix,
    /// Nothing.
    Empty,
}

impl Unique {
    /// A value that cannot be put aside.
    pub const fn new(field: &'static str, among: Among) -> Self {
        Self {
            field,
            among,
            made_of: None,
            aside: Aside::Never,
        }
    }

    /// Sets what the store makes it of.
    #[must_use]
    pub const fn made_of(mut self, field: &'static str) -> Self {
        self.made_of = Some(field);
        self
    }

    /// Sets what an entity has instead for a moment.
    #[must_use]
    pub const fn aside(mut self, aside: Aside) -> Self {
        self.aside = aside;
        self
    }
}

/// The place where a kind is reached over REST.
#[derive(Debug)]
pub struct Route {
    /// How entities are found, read and written.
    pub access: Access,
    /// Path after `/V1/`: `cmsBlock`.
    pub collection: &'static str,
    /// Path of the search or list after `/V1/`: `cmsBlock/search`.
    pub search: &'static str,
    /// The one top-level key of request bodies: `block`.
    pub wrapper: &'static str,
    /// The search filter's name of the id: `block_id`.
    pub id_column: &'static str,
    /// The search filter's name of the key: `identifier`.
    pub key_column: &'static str,
    /// The name of the id in answers and bodies: `id`.
    pub id_field: &'static str,
    /// Fields that every update must carry along with their *current* value, because the store
    /// changes them, or refuses the update, when they are missing.
    pub carry: &'static [&'static str],
    /// The number of entities that one request writes.
    pub rows: usize,
    /// What an update sends.
    pub update: UpdateStyle,
    /// Requests that nothing can come of, to find out whether the integration may write.
    pub probes: &'static [Probe],
    /// How entities are written through the store's queue, one operation each; `None` where they
    /// cannot be.
    pub bulk: Option<Bulk>,
}

/// The parts of an entity that an update sends, and where they stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpdateStyle {
    /// The fields that change, to the entity's own path; the store merges them.
    Partial,
    /// Every field, to the path of all: what is left out would be lost.
    Whole,
}

/// A request that nothing can come of. Magento looks at the route first, then at the rights and then at
/// the rest: an empty body is "malformed" and id 0 unknown to those who may, and both are denied to those
/// who may not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// `POST` of an empty body to this path after `/V1/`.
    EmptyPost(&'static str),
    /// `DELETE` of this path, under which there is nothing.
    DeleteNone(&'static str),
}

/// The routes that lists of writes take (`/async/bulk/V1/…`). New entities go to the collection itself.
#[derive(Debug)]
pub struct Bulk {
    /// Path of updates: `cmsBlock/byId`. An id beside the object would be taken for no id at all.
    pub update: &'static str,
    /// The field of the object that names the entity there, and holds its key unless it is the id.
    pub named_by: &'static str,
    /// Path of deletions: `cmsBlock/byBlockId`.
    pub delete: &'static str,
    /// The service method's own name of what it deletes by, in camelCase: `blockId`.
    pub deleted_by: &'static str,
}

/// The way in which entities of a kind are found, read and written. Each is one module of
/// [`crate::store`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Found by key and store assignment, one search per store.
    Assignment,
    /// Found by key in a search; written one by one under their id.
    Search,
    /// Products: found by SKU, with values per scope.
    Product,
    /// Categories: found by the path of their names, with values per scope.
    Category,
    /// Product attributes.
    Attribute,
    /// Options of a product attribute.
    Option,
    /// Products of a category.
    Link,
    /// Rows of the price routes.
    Price,
    /// Rows of the inventory routes.
    Stock,
}

/// The meaning of `store:` for a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scoping {
    /// The store views that the entity is assigned to, decided at creation.
    Assignment {
        /// True if one key may exist under `all` and under single views at the same time.
        side_by_side: bool,
        /// True if an update must go to a URL scope that the entity is itself assigned to.
        own_scope: bool,
    },
    /// Nothing: there is one entity with one value a field, and `store` is `all`.
    Global,
    /// The scope of the values: one entity, whose fields have a value under `all` and may have others
    /// under single views.
    Values,
    /// A part of the key: each store view has a row of its own beside that of `all`.
    Rows,
}

impl Scoping {
    /// True if a view's change stands for values of the entity under `all`, and not for an entity of
    /// its own.
    pub fn is_values(self) -> bool {
        self == Self::Values
    }

    /// True if two assignments, or scopes, share a store view in which one stands in the way of the
    /// other.
    pub fn overlap(self, a: &StoreScope, b: &StoreScope) -> bool {
        match (a, b) {
            (StoreScope::Views(a), StoreScope::Views(b)) => !a.is_disjoint(b),
            (StoreScope::All, StoreScope::All) => true,
            (StoreScope::All, StoreScope::Views(_)) | (StoreScope::Views(_), StoreScope::All) => {
                !matches!(
                    self,
                    Self::Assignment {
                        side_by_side: true,
                        ..
                    }
                )
            }
        }
    }
}

/// No parents.
pub(super) fn no_parents(_: &EntityRef) -> Vec<EntityRef> {
    Vec::new()
}

/// Any key will do.
#[allow(dead_code, reason = "for kinds whose keys the store checks itself")]
pub(super) fn any_key(_: &str) -> Option<ValueProblem> {
    None
}

/// A key that the column keeps whole: 255 characters.
pub(super) fn key_of_255(key: &str) -> Option<ValueProblem> {
    let chars = key.chars().count();
    (chars > 255).then(|| {
        ValueProblem::new(
            "key-too-long",
            format!(
                "the key has {chars} characters; Magento keeps the first 255 and drops the rest without a word"
            ),
            "shorten it to 255 characters",
        )
    })
}

impl EntityRef {
    /// The entity whose values these are under one view; `None` for an entity of its own.
    pub fn base(&self) -> Option<Self> {
        let of_view = self.kind.scoping.is_values() && self.store != StoreScope::All;
        of_view.then(|| Self {
            store: StoreScope::All,
            ..self.clone()
        })
    }

    /// The entity that its slots belong to: for values of a view, the one that has them.
    #[must_use]
    pub fn root(&self) -> Self {
        self.base().unwrap_or_else(|| self.clone())
    }

    /// The entity as people name it: `CMS page about-us (de)`, `product LAMP-A`.
    pub fn named(&self) -> String {
        let Self { kind, key, store } = self;
        let is_assigned = matches!(kind.scoping, Scoping::Assignment { .. });
        match is_assigned || *store != StoreScope::All {
            true => format!("{} {key} ({store})", kind.label),
            false => format!("{} {key}", kind.label),
        }
    }

    /// True if it shares a store view with another one of its key, which the store does not take.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.kind.scoping.overlap(&self.store, &other.store)
    }

    /// True if it can be made and deleted: the values of a view have no existence of their own.
    pub fn exists_by_itself(&self) -> bool {
        !(self.kind.scoping.is_values() && self.store != StoreScope::All)
    }

    /// Returns what must be there before it can be: the entity of a view's values, or its kind's parents.
    pub fn parents(&self) -> Vec<Self> {
        match self.base() {
            Some(base) => vec![base],
            None => (self.kind.parents)(self),
        }
    }

    /// The place in the order of creation: by the kind's level, then by the depth of the key's path,
    /// then the values of views after those of `all`. One view after the other: two requests at once
    /// for one entity would lose values.
    pub fn rank(&self) -> (u8, usize, StoreScope) {
        let depth = match self.kind.key {
            KeyShape::Path => key::names(self.key.as_str()).len(),
            KeyShape::Plain | KeyShape::Parts(_) => 0,
        };
        let view = match self.exists_by_itself() {
            true => StoreScope::All,
            false => self.store.clone(),
        };
        (self.kind.level, depth, view)
    }
}
