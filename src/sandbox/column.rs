//! Columns of the store's tables: what MySQL without strict mode makes of what it is given.

use jiff::civil::{Date, DateTime};
use serde_json::Value;

use super::php;
use super::reply::Problem;
use super::search::Comparison;

/// One column, which is one field of the REST API.
#[derive(Debug)]
pub(super) struct Column {
    /// The field's name in REST.
    pub(super) field: &'static str,
    /// The column's name, used by searches.
    pub(super) column: &'static str,
    pub(super) ty: ColumnType,
    /// True if NULL can be stored; else a null leaves the value as it is.
    pub(super) nullable: bool,
    /// What a new row holds that is not given a value.
    pub(super) default: Default,
}

/// The value that a new row holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Default {
    Null,
    Text(&'static str),
    Now,
}

/// The type of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ColumnType {
    /// So many characters.
    Varchar(usize),
    /// So many bytes.
    Text(usize),
    Smallint,
    Bool,
    Date,
    Timestamp,
}

impl Column {
    /// A nullable column whose name is the field's.
    pub(super) const fn new(field: &'static str, ty: ColumnType) -> Self {
        Self {
            field,
            column: field,
            ty,
            nullable: true,
            default: Default::Null,
        }
    }

    pub(super) const fn not_null(self, default: Default) -> Self {
        Self {
            nullable: false,
            default,
            ..self
        }
    }

    pub(super) const fn column(self, column: &'static str) -> Self {
        Self { column, ..self }
    }

    /// Returns what the row holds after this text was sent to the database; `None` is NULL.
    pub(super) fn stored(&self, text: &str) -> Option<String> {
        match self.ty {
            ColumnType::Varchar(chars) => Some(three_bytes(text).chars().take(chars).collect()),
            ColumnType::Text(bytes) => {
                let mut text = three_bytes(text);
                let mut end = bytes.min(text.len());
                while !text.is_char_boundary(end) {
                    end -= 1;
                }
                text.truncate(end);
                Some(text)
            }
            ColumnType::Smallint => {
                let range = i64::from(i16::MIN)..=i64::from(i16::MAX);
                let number = php::int(text).clamp(*range.start(), *range.end());
                Some(number.to_string())
            }
            ColumnType::Bool => Some(if php::boolean(text) { "1" } else { "0" }.to_owned()),
            ColumnType::Date => date_time(text).map(|at| at.date().to_string()),
            ColumnType::Timestamp => Some(date_time(text).map_or_else(
                || "0000-00-00 00:00:00".to_owned(),
                |at| at.strftime(TIME).to_string(),
            )),
        }
    }

    /// A value of a request's body, as PHP's setter gets it; `None` is null.
    pub(super) fn cast(&self, name: &str, value: &Value) -> Result<Option<String>, Problem> {
        if value.is_null() {
            return Ok(None);
        }
        let expected = match self.ty {
            ColumnType::Bool => "boolean",
            _ => "string",
        };
        let text =
            php::string(value).ok_or_else(|| Problem::wrong_field_type(name, value, expected))?;
        Ok(Some(match self.ty {
            ColumnType::Bool => if php::boolean(&text) { "1" } else { "0" }.to_owned(),
            _ => text,
        }))
    }

    /// A value in an answer.
    pub(super) fn render(&self, text: &str) -> Value {
        match self.ty {
            ColumnType::Bool => Value::Bool(php::boolean(text)),
            _ => Value::String(text.to_owned()),
        }
    }

    pub(super) fn comparison(&self) -> Comparison {
        match self.ty {
            ColumnType::Smallint | ColumnType::Bool => Comparison::Number,
            _ => Comparison::Text,
        }
    }
}

/// The form in which the database prints a time.
pub(super) const TIME: &str = "%Y-%m-%d %H:%M:%S";

/// A date with or without a time, in the forms that occur.
pub(super) fn date_time(text: &str) -> Option<DateTime> {
    let text = text.trim();
    ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|format| DateTime::strptime(format, text).ok())
        .or_else(|| {
            ["%Y-%m-%d", "%m/%d/%Y"]
                .iter()
                .find_map(|format| Date::strptime(format, text).ok())
                .map(|date| date.to_datetime(jiff::civil::Time::midnight()))
        })
}

/// MySQL's three-byte UTF-8: a character of four bytes becomes a question mark for each.
fn three_bytes(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.len_utf8() == 4 {
            out.push_str("????");
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(ty: ColumnType, text: &str) -> Option<String> {
        Column::new("field", ty).stored(text)
    }

    #[test]
    fn what_the_database_makes_of_values() {
        for (ty, text, kept) in [
            (ColumnType::Varchar(3), "żółć", Some("żół")),
            (ColumnType::Varchar(9), "a😀b", Some("a????b")),
            (ColumnType::Text(3), "ż€", Some("ż")),
            (ColumnType::Smallint, "99999", Some("32767")),
            (ColumnType::Smallint, "-99999", Some("-32768")),
            (ColumnType::Smallint, "abc", Some("0")),
            (ColumnType::Bool, "yes", Some("1")),
            (ColumnType::Bool, "abc", Some("0")),
            (ColumnType::Date, "2026-01-01 00:00:00", Some("2026-01-01")),
            (ColumnType::Date, "01/02/2026", Some("2026-01-02")),
            (ColumnType::Date, "nonsense", None),
            (
                ColumnType::Timestamp,
                "2026-01-01",
                Some("2026-01-01 00:00:00"),
            ),
            (ColumnType::Timestamp, "x", Some("0000-00-00 00:00:00")),
        ] {
            assert_eq!(stored(ty, text).as_deref(), kept, "{ty:?} {text:?}");
        }
    }
}
