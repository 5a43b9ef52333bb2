//! One field of a kind: its type, its limits, who may set it, and how values compare.

use super::value::is_void;
use crate::domain::{StoreScope, Value};

/// The party that may set a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Release files.
    File,
    /// Release files, at creation only; the text says why it cannot be changed afterwards.
    Fixed(&'static str),
    /// The natural key names it; it is never set as a field.
    Key,
    /// The natural key names it under `all`; views may have values of their own.
    KeyUnderAll,
    /// The store; the text says why it is refused in release files.
    Store(&'static str),
    /// Readable, but REST refuses to write it; the text says why.
    Refused(&'static str),
    /// Whatever else hangs on the entity and goes with it (values of views, links, stock): read before a
    /// deletion, and written when the entity is made again. No release file sets it.
    Whole,
}

/// The scopes in which the values of a field may differ from those under `all`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FieldScope {
    /// Nowhere: a value under a view would be that of all views.
    Global,
    /// Between websites: a value under a view is that of all views of its website.
    Website,
    /// Between store views.
    View,
}

/// The place of a field in an entity's JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldPlace {
    /// At the top.
    Top,
    /// In `extension_attributes`.
    Extension,
    /// In the list `custom_attributes`, by its code.
    Attribute,
}

/// The kind of thing that a reference names. The store knows it by an id that differs between
/// environments; release files and the ledger name it by its natural key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Referent {
    /// A website, by its code.
    Website,
    /// A customer group, by its code.
    CustomerGroup,
    /// A tax class of customers, by its name.
    CustomerTaxClass,
    /// A tax class of products, by its name.
    ProductTaxClass,
    /// A tax rate, by its code.
    TaxRate,
    /// An attribute set of products, by its name.
    AttributeSet,
    /// A CMS block, by its identifier.
    CmsBlock,
    /// A cart rule, by its name.
    CartRule,
    /// A source of stock, by its code.
    Source,
    /// A store view, by its code; `all` stands for what counts where a view has nothing of its own.
    StoreView,
}

impl Referent {
    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Website => "website",
            Self::CustomerGroup => "customer group",
            Self::CustomerTaxClass => "customer tax class",
            Self::ProductTaxClass => "product tax class",
            Self::TaxRate => "tax rate",
            Self::AttributeSet => "attribute set",
            Self::CmsBlock => "CMS block",
            Self::CartRule => "cart rule",
            Self::StoreView => "store view",
            Self::Source => "source",
        }
    }

    /// Returns what a part of this name of a key of several parts refers to.
    pub fn of_part(part: &str) -> Option<Self> {
        match part {
            "website" => Some(Self::Website),
            "customer_group" => Some(Self::CustomerGroup),
            "source" => Some(Self::Source),
            _ => None,
        }
    }

    /// The word for all of them in a key.
    pub fn everything(self) -> Option<&'static str> {
        match self {
            Self::Website => Some("all"),
            Self::CustomerGroup => Some("ALL GROUPS"),
            Self::CustomerTaxClass
            | Self::ProductTaxClass
            | Self::TaxRate
            | Self::AttributeSet
            | Self::CmsBlock
            | Self::CartRule
            | Self::StoreView
            | Self::Source => None,
        }
    }
}

/// One field of a kind.
#[derive(Debug)]
pub struct FieldSpec {
    /// The REST API's name.
    pub name: &'static str,
    /// What it holds.
    pub ty: FieldType,
    /// True if `null` clears it. (Where it is false, Magento refuses or ignores `null`.)
    pub nullable: bool,
    /// Who may set it.
    pub owner: Owner,
    /// True if an entity cannot be created without it.
    pub required: bool,
    /// True if the store changes it by itself (times at every write, stock with every order): that is no
    /// collateral damage, and a rollback leaves what has moved.
    pub volatile: bool,
    /// Where its values may differ, for kinds with values per view.
    pub scope: FieldScope,
    /// Where in the entity's JSON it stands.
    pub place: FieldPlace,
    /// The field without which it is not written alone: the store sets this one whenever that one is
    /// set, so a file that sets that one moves this one too.
    pub coupled_to: Option<&'static str>,
    /// Why a view's own value cannot be taken away again over REST, where that is so.
    pub sticky: Option<&'static str>,
    /// What is said beforehand, and in the activity, whenever a value that was there is changed.
    pub note: Option<&'static str>,
    /// True if `""`, 0, `false`, an empty list and null all say the same, and null is sent as one of
    /// those: the store drops a null that it is sent.
    pub void: bool,
    /// What a new entity shows that was not given it, where that is not what its type lets expect.
    pub start: Option<fn() -> Value>,
    /// What else the store would mangle.
    pub rule: Option<fn(&Value) -> Option<ValueProblem>>,
    /// What the text of a label is called in the store's list of them.
    pub label_member: &'static str,
    /// One line for the schema and completion.
    pub doc: &'static str,
}

impl FieldSpec {
    /// A field at the top of the entity's JSON that release files may set.
    pub const fn new(name: &'static str, ty: FieldType, doc: &'static str) -> Self {
        Self {
            name,
            ty,
            nullable: false,
            owner: Owner::File,
            required: false,
            volatile: false,
            scope: FieldScope::Global,
            place: FieldPlace::Top,
            coupled_to: None,
            sticky: None,
            note: None,
            void: false,
            start: None,
            rule: None,
            label_member: "label",
            doc,
        }
    }

    /// A field of the store's own.
    pub const fn of_store(name: &'static str, ty: FieldType, why: &'static str) -> Self {
        Self::new(name, ty, "").owned_by(Owner::Store(why))
    }

    /// `null` clears it.
    #[must_use]
    pub const fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// No entity can be created without it.
    #[must_use]
    pub const fn required(mut self) -> Self {
        self.required = true;
        self
    }

    /// The store changes it at every write.
    #[must_use]
    pub const fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// Sets the owner: who may set it.
    #[must_use]
    pub const fn owned_by(mut self, owner: Owner) -> Self {
        self.owner = owner;
        self
    }

    /// Sets where its values may differ.
    #[must_use]
    pub const fn per(mut self, scope: FieldScope) -> Self {
        self.scope = scope;
        self
    }

    /// Sets where in the JSON it stands.
    #[must_use]
    pub const fn at(mut self, place: FieldPlace) -> Self {
        self.place = place;
        self
    }

    /// The store sets it whenever that one is set.
    #[must_use]
    pub const fn coupled_to(mut self, field: &'static str) -> Self {
        self.coupled_to = Some(field);
        self
    }

    /// A view's own value cannot be taken away again.
    #[must_use]
    pub const fn sticky(mut self, why: &'static str) -> Self {
        self.sticky = Some(why);
        self
    }

    /// Sets what is said whenever a value that was there is changed.
    #[must_use]
    pub const fn noted(mut self, note: &'static str) -> Self {
        self.note = Some(note);
        self
    }

    /// Empty values and null are the same, and null is sent as an empty value.
    #[must_use]
    pub const fn void(mut self) -> Self {
        self.void = true;
        self.nullable = true;
        self
    }

    /// Sets what a new entity shows.
    #[must_use]
    pub const fn starting(mut self, value: fn() -> Value) -> Self {
        self.start = Some(value);
        self
    }

    /// Sets the check for what else is wrong with a value of the right type.
    #[must_use]
    pub const fn checked_by(mut self, rule: fn(&Value) -> Option<ValueProblem>) -> Self {
        self.rule = Some(rule);
        self
    }

    /// Sets what the text of a label is called in the store's list.
    #[must_use]
    pub const fn labelled(mut self, member: &'static str) -> Self {
        self.label_member = member;
        self
    }

    /// Returns what is sent to clear it.
    pub fn cleared(&self) -> Value {
        match self.ty {
            _ if !self.void => Value::Null,
            FieldType::Integer { .. } | FieldType::Decimal { .. } => Value::from(0),
            FieldType::Bool => Value::Bool(false),
            FieldType::Texts | FieldType::References(_) | FieldType::Labels => {
                Value::Array(Vec::new())
            }
            _ => Value::from(""),
        }
    }

    /// See [`FieldType::canonical`]; an empty value is null where both say the same.
    pub fn canonical(&self, value: Value) -> Value {
        match self.ty.canonical(value) {
            value if self.void && is_void(&value) => Value::Null,
            value => value,
        }
    }

    /// Returns who may set it in a change of this scope.
    pub fn owner_under(&self, store: &StoreScope) -> Owner {
        match (self.owner, store) {
            (Owner::KeyUnderAll, StoreScope::All) => Owner::Key,
            (Owner::KeyUnderAll, StoreScope::Views(_)) => Owner::File,
            (owner, _) => owner,
        }
    }
}

/// The spec of an attribute of the store's own: its type is known from the store's metadata alone.
pub(super) static ATTRIBUTE: FieldSpec = FieldSpec::new("", FieldType::Attribute, "")
    .nullable()
    .per(FieldScope::View)
    .at(FieldPlace::Attribute);

/// The type of a field: its wire form, its limits and how values compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldType {
    /// Text of at most so many characters; longer values are cut by the store without a word.
    Text {
        /// The column's length in characters.
        max_chars: usize,
    },
    /// Text of at most so many bytes.
    LongText {
        /// The column's length in bytes.
        max_bytes: usize,
        /// True if it is HTML, so that a numeric character reference can stand for a character.
        html: bool,
    },
    /// `true` or `false`.
    Bool,
    /// A whole number. The store may answer with a string.
    Integer {
        /// The smallest value the column keeps.
        min: i64,
        /// The largest value the column keeps.
        max: i64,
    },
    /// A decimal number. The store may answer with a string of six decimals.
    Decimal {
        /// The smallest value the store takes.
        min: i64,
        /// The largest value the column keeps.
        max: i64,
    },
    /// A civil date, `YYYY-MM-DD`.
    Date,
    /// A civil date and time, `YYYY-MM-DD HH:MM:SS`; a date alone is its midnight.
    DateTime,
    /// A time as the store prints it; only ever read.
    Timestamp,
    /// One of these texts.
    Choice(&'static [&'static str]),
    /// A list of texts, in no order.
    Texts,
    /// The natural key, or the id, of something else.
    Reference(Referent),
    /// A list of them, in no order.
    References(Referent),
    /// A text for each of some store views, by the views' codes.
    Labels,
    /// A tree of conditions, as the API has it.
    Tree,
    /// Whatever the store's metadata says.
    Attribute,
    /// Anything; only ever read and written back.
    Json,
    /// Keys of entities of the same kind that the store deletes along with this one: it is deleted
    /// only where they are, too. Of [`Owner::Whole`].
    Keys,
    /// Why it cannot be deleted as things are. Of [`Owner::Whole`].
    Hindrance,
}

/// The character set of the shop's tables.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Default,
    serde::Deserialize,
    serde::Serialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Charset {
    /// MySQL's three-byte UTF-8, what Magento 2.4.7 makes: four-byte characters become `????`.
    #[default]
    Utf8mb3,
    /// Full UTF-8, where the shop's tables were converted.
    Utf8mb4,
}

/// A fault of a value, and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueProblem {
    /// Stable id of the finding: `value-too-long`.
    pub id: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl ValueProblem {
    /// A problem with its remedy.
    pub fn new(id: &'static str, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            id,
            message: message.into(),
            remedy: remedy.into(),
        }
    }
}

impl FieldType {
    /// An `INT` of MySQL.
    pub const INT: Self = Self::Integer {
        min: -2_147_483_648,
        max: 2_147_483_647,
    };
    /// An `INT` that Magento lets hold no negative number.
    pub const COUNT: Self = Self::Integer {
        min: 0,
        max: 2_147_483_647,
    };

    /// The name for people: `text`, `true or false`, ….
    pub fn label(&self) -> &'static str {
        match self {
            Self::Text { .. } | Self::LongText { .. } => "text",
            Self::Bool => "true or false",
            Self::Integer { .. } => "a whole number",
            Self::Decimal { .. } => "a number",
            Self::Date => "a date (YYYY-MM-DD)",
            Self::DateTime => "a date and time (YYYY-MM-DD HH:MM:SS)",
            Self::Timestamp => "a time",
            Self::Choice(_) => "one of a few words",
            Self::Texts => "a list of texts",
            Self::Reference(_) => "a name or an id",
            Self::References(_) => "a list of names or ids",
            Self::Labels => "a mapping of store views to texts",
            Self::Tree => "a tree of conditions",
            Self::Attribute => "text, a number, true or false, or a list of these",
            Self::Json => "JSON",
            Self::Keys => "a list of keys",
            Self::Hindrance => "a reason",
        }
    }
}
