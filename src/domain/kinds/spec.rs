//! What a kind's table says, and the rules that follow from it.

use serde_json::Number;

use crate::domain::Value;

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
    /// The field that holds the natural key.
    pub key_field: &'static str,
    /// What is wrong with a key, as Magento would see it, and what to do about it.
    pub check_key: fn(&str) -> Option<ValueProblem>,
    /// What `store:` means.
    pub scoping: Scoping,
    /// Every field that REST shows, in the order of the API.
    pub fields: &'static [FieldSpec],
    /// The ACL resources that an integration needs.
    pub acl: Acl,
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

impl KindSpec {
    /// The field of this name.
    pub fn field(&self, name: &str) -> Option<&'static FieldSpec> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// The fields that a release file may set.
    pub fn settable(&self) -> impl Iterator<Item = &'static FieldSpec> {
        self.fields
            .iter()
            .filter(|field| field.owner == Owner::File)
    }
}

/// Where a kind is reached over REST.
#[derive(Debug)]
pub struct Route {
    /// Path segment after `/V1/`: `cmsBlock`. Search is `<collection>/search`.
    pub collection: &'static str,
    /// The one top-level key of request bodies: `block`.
    pub wrapper: &'static str,
    /// The search filter's name of the id: `block_id`.
    pub id_column: &'static str,
    /// Fields that every update must carry along with their *current* value, because the store
    /// changes them when they are missing.
    pub carry: &'static [&'static str],
}

/// What `store:` means for a kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scoping {
    /// The store views that the entity is assigned to, decided at creation.
    Assignment {
        /// Whether one key may exist under `all` and under single views at the same time.
        side_by_side: bool,
        /// Whether an update must go to a URL scope that the entity is itself assigned to.
        own_scope: bool,
    },
}

/// Who may set a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Release files.
    File,
    /// The natural key names it; it is never set as a field.
    Key,
    /// The store; the text says why it is refused in release files.
    Store(&'static str),
    /// Readable, but REST refuses to write it; the text says why.
    Refused(&'static str),
}

/// One field of a kind.
#[derive(Debug)]
pub struct FieldSpec {
    /// The REST API's name.
    pub name: &'static str,
    /// What it holds.
    pub ty: FieldType,
    /// Whether `null` clears it. (Where it is false, Magento refuses or ignores `null`.)
    pub nullable: bool,
    /// Who may set it.
    pub owner: Owner,
    /// Whether an entity cannot be created without it.
    pub required: bool,
    /// Whether the store changes it at every write (times), so that it is no collateral damage.
    pub volatile: bool,
    /// One line for the schema and completion.
    pub doc: &'static str,
}

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
        /// Whether it is HTML, so that a numeric character reference can stand for a character.
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
    /// A civil date, `YYYY-MM-DD`.
    Date,
    /// A time as the store prints it; only ever read.
    Timestamp,
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

/// What is wrong with a value, and what to do about it.
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
    /// The name for people: `text`, `true or false`, ….
    pub fn label(&self) -> &'static str {
        match self {
            Self::Text { .. } | Self::LongText { .. } => "text",
            Self::Bool => "true or false",
            Self::Integer { .. } => "a whole number",
            Self::Date => "a date (YYYY-MM-DD)",
            Self::Timestamp => "a time",
        }
    }
}

impl FieldSpec {
    /// Brings a value into the one form in which values are kept and compared.
    ///
    /// What the store answers and what a release file says come out alike when they mean the same:
    /// `"7"` and `7` for a number, `"0"` and `false` for a boolean, `2026-01-01 00:00:00` and
    /// `2026-01-01` for a date. Text is never touched. A value that does not fit the type is kept
    /// as it is: what the store answered is not to be lost.
    pub fn canonical(&self, value: Value) -> Value {
        match (self.ty, value) {
            (FieldType::Bool, Value::Number(n)) if n.as_i64() == Some(0) => Value::Bool(false),
            (FieldType::Bool, Value::Number(n)) if n.as_i64() == Some(1) => Value::Bool(true),
            (FieldType::Bool, Value::String(s)) if s == "0" => Value::Bool(false),
            (FieldType::Bool, Value::String(s)) if s == "1" => Value::Bool(true),
            (FieldType::Integer { .. }, Value::String(s)) => match s.parse::<i64>() {
                Ok(n) => Value::Number(Number::from(n)),
                Err(_) => Value::String(s),
            },
            (FieldType::Date, Value::String(s)) if s.is_empty() => Value::Null,
            (FieldType::Date, Value::String(s)) => match s.strip_suffix(" 00:00:00") {
                Some(date) => Value::String(date.to_owned()),
                None => Value::String(s),
            },
            (_, value) => value,
        }
    }

    /// Whether two canonical values mean the same: by type, and with all line ends alike.
    ///
    /// For noops of deploys, drift and plans. A put-back is compared with `==`, exactly.
    pub fn same(&self, a: &Value, b: &Value) -> bool {
        match (a, b) {
            (Value::String(a), Value::String(b)) => {
                a == b || a.replace("\r\n", "\n") == b.replace("\r\n", "\n")
            }
            (a, b) => a == b,
        }
    }

    /// What the store would refuse or mangle about a canonical value that has the right type.
    ///
    /// `null` for a field that cannot be null and a wrong type are reported here too.
    pub fn check(&self, value: &Value, charset: Charset) -> Option<ValueProblem> {
        match (self.ty, value) {
            (_, Value::Null) if self.nullable => None,
            (_, Value::Null) => Some(ValueProblem::new(
                "value-null",
                format!("`{}` cannot be null", self.name),
                "give it a value, or leave the field out",
            )),
            (FieldType::Text { max_chars }, Value::String(text)) => {
                let chars = text.chars().count();
                if self.required && text.is_empty() {
                    return Some(ValueProblem::new(
                        "value-empty",
                        format!("`{}` is empty", self.name),
                        "give it a text",
                    ));
                }
                if chars > max_chars {
                    return Some(ValueProblem::new(
                        "value-too-long",
                        format!(
                            "`{}` has {chars} characters; Magento keeps the first {max_chars} and drops the rest without a word",
                            self.name
                        ),
                        format!("shorten it to {max_chars} characters"),
                    ));
                }
                self.check_charset(text, charset, false)
            }
            (FieldType::LongText { max_bytes, html }, Value::String(text)) => {
                if text.len() > max_bytes {
                    return Some(ValueProblem::new(
                        "value-too-long",
                        format!(
                            "`{}` has {} bytes; Magento keeps the first {max_bytes} and drops the rest without a word",
                            self.name,
                            text.len()
                        ),
                        format!("shorten it to {max_bytes} bytes"),
                    ));
                }
                self.check_charset(text, charset, html)
            }
            (FieldType::Bool, Value::Bool(_)) => None,
            (FieldType::Integer { min, max }, Value::Number(n)) => match n.as_i64() {
                Some(n) if (min..=max).contains(&n) => None,
                Some(_) | None => Some(ValueProblem::new(
                    "value-out-of-range",
                    format!(
                        "`{}` is {n}; Magento keeps whole numbers from {min} to {max} and changes others without a word",
                        self.name
                    ),
                    format!("use a whole number from {min} to {max}"),
                )),
            },
            (FieldType::Date, Value::String(text)) => match text.parse::<jiff::civil::Date>() {
                Ok(date) if date.to_string() == *text => None,
                Ok(_) | Err(_) => Some(ValueProblem::new(
                    "value-bad-date",
                    format!("`{}` is {text:?}, which is no date", self.name),
                    "write it as YYYY-MM-DD, in quotes",
                )),
            },
            (ty, value) => Some(ValueProblem::new(
                "value-wrong-type",
                format!(
                    "`{}` is {}, but must be {}",
                    self.name,
                    type_name(value),
                    ty.label()
                ),
                format!("write {}", ty.label()),
            )),
        }
    }

    fn check_charset(&self, text: &str, charset: Charset, html: bool) -> Option<ValueProblem> {
        if charset == Charset::Utf8mb4 {
            return None;
        }
        let found = text.chars().find(|c| c.len_utf8() == 4)?;
        let line = 1 + text
            .split(found)
            .next()
            .unwrap_or_default()
            .matches('\n')
            .count();
        let code = u32::from(found);
        Some(ValueProblem::new(
            "value-four-byte",
            format!(
                "`{}` holds {found} (U+{code:04X}) in line {line} of its text; Magento's tables turn four-byte characters into `????`",
                self.name
            ),
            if html {
                format!(
                    "write `&#{code};` instead, or set `charset: utf8mb4` where the shop's tables were converted"
                )
            } else {
                "leave the character out, or set `charset: utf8mb4` where the shop's tables were converted".to_owned()
            },
        ))
    }
}

/// The type of a JSON value, for people.
pub(crate) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a mapping",
    }
}
