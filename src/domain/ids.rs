//! Names that have been checked once, at the boundary.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The reason why a text is not the name it was taken for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} {text:?} {why}")]
pub struct InvalidId {
    what: &'static str,
    text: String,
    why: &'static str,
}

impl InvalidId {
    fn new(what: &'static str, text: &str, why: &'static str) -> Self {
        Self {
            what,
            text: text.to_owned(),
            why,
        }
    }
}

/// Names are held in many places at once, so a copy of one is another hold on the same text.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text.
            ///
            /// # Errors
            /// Fails when the text cannot be such a name.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidId> {
                let text = text.into();
                let check: fn(&str) -> Result<(), &'static str> = $check;
                match check(&text) {
                    Ok(()) => Ok(Self(text.into())),
                    Err(why) => Err(InvalidId::new($what, &text, why)),
                }
            }

            /// The text itself.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0.as_ref().to_owned()
            }
        }
    };
}

text_id!(
    /// A full Git object id of a commit, lower-case hexadecimal (SHA-1 or SHA-256).
    CommitId,
    "commit id",
    |text| match text.len() {
        40 | 64 if text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) => Ok(()),
        _ => Err("is not 40 or 64 lower-case hexadecimal digits"),
    }
);

impl CommitId {
    /// The first ten digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..10]
    }
}

text_id!(
    /// The id of a release, unique in its environment: the commit id for the first release of a
    /// commit, else the id of its snapshot commit.
    ReleaseId,
    "release id",
    |text| match text.len() {
        40 | 64 if text.bytes().all(|b| b.is_ascii_hexdigit()) => Ok(()),
        _ => Err("is not a full object id"),
    }
);

impl ReleaseId {
    /// The first ten digits, for people.
    pub fn short(&self) -> &str {
        &self.0[..10]
    }
}

impl From<CommitId> for ReleaseId {
    fn from(id: CommitId) -> Self {
        Self(id.0)
    }
}

text_id!(
    /// The code of a store view, as Magento defines it: a letter, then letters, digits and `_`.
    ///
    /// `all` and `admin` are no store views.
    StoreCode,
    "store view code",
    |text| {
        let mut bytes = text.bytes();
        if !bytes.next().is_some_and(|b| b.is_ascii_alphabetic()) {
            return Err("must start with a letter");
        }
        if !bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err("may hold letters, digits and underscores only");
        }
        match text {
            "all" | "admin" => Err("is reserved by Magento"),
            _ if text.len() > 32 => Err("is longer than 32 characters"),
            _ => Ok(()),
        }
    }
);

text_id!(
    /// The natural key of an entity: an identifier, a SKU, a code or a name path.
    EntityKey,
    "key",
    |text| if text.is_empty() { Err("is empty") } else { Ok(()) }
);

text_id!(
    /// The name of a field, as the REST API spells it.
    FieldName,
    "field name",
    |text| if text.is_empty() { Err("is empty") } else { Ok(()) }
);

/// The store's own id of an entity. It changes when an entity is made again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EntityId(pub u64);

impl fmt::Display for EntityId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}
