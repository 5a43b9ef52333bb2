//! One release file: its top level, and the checks that need all of its changes.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::change::{self, Change};
use super::mapping::{Entry, Mapping, text_of};
use super::report::{Report, quote};
use super::source::Source;
use super::syntax;
use super::value::FieldValue;
use crate::domain::kinds::Charset;
use crate::domain::{Ensure, EntityRef, FieldName, Finding};
use crate::yaml::{Node, Place, Yaml};

/// The keys of a release file.
pub(super) const FILE_KEYS: &[&str] = &["name", "description", "schedule", "changes"];
const SCHEDULE_KEYS: &[&str] = &["start", "end"];
/// The beginning of a Git LFS pointer file.
pub(super) const LFS_POINTER: &str = "version https://git-lfs.github.com/spec/v1";

/// The content of a release file; what could not be read is left out and stands in the findings.
#[derive(Debug, Clone, Default)]
pub(super) struct ReleaseFile {
    pub(super) name: Option<String>,
    /// When the file is active; without it, always.
    pub(super) schedule: Option<Schedule>,
    pub(super) changes: Vec<Change>,
}

/// `schedule:`. An open end has no time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Schedule {
    pub(super) start: Option<Timestamp>,
    pub(super) end: Option<Timestamp>,
    place: Place,
    end_place: Place,
}

impl ReleaseFile {
    /// The paths of all `{ file: … }` values.
    pub(super) fn refs(&self) -> BTreeSet<String> {
        self.changes
            .iter()
            .flat_map(|change| &change.fields)
            .filter_map(|field| match &field.value {
                FieldValue::File(file) => Some(file.path.clone()),
                FieldValue::Ready(_) => None,
            })
            .collect()
    }

    /// The size of all texts.
    pub(super) fn text_bytes(&self) -> u64 {
        self.changes
            .iter()
            .flat_map(|change| &change.fields)
            .map(|field| match &field.value {
                FieldValue::Ready(value) => value.as_str().map_or(0, |text| text.len() as u64),
                FieldValue::File(_) => 0,
            })
            .sum()
    }
}

/// The checks of a file as a whole.
const CHECKS: &[fn(&ReleaseFile, &mut Report<'_>)] = &[
    schedule_ends_after_its_start,
    schedule_is_supported,
    each_field_is_set_once,
];

/// Reads a release file and reports all that is wrong with it.
pub(super) fn read(source: &Source, charset: Charset) -> (ReleaseFile, Vec<Finding>) {
    let mut report = Report::new(source);
    let mut file = ReleaseFile::default();
    if source.text.starts_with(LFS_POINTER) {
        report.critical(
            "lfs-pointer",
            Place::START,
            "the file is a Git LFS pointer; its content is not in the commit",
            "take the path out of .gitattributes and commit the file itself",
        );
        return (file, report.into_findings());
    }
    match syntax::parse(&source.text) {
        Err(error) => report.critical(error.id, error.place, error.message, error.remedy),
        Ok(root) if root.value == Yaml::Null => report.warning(
            "empty-file",
            Place::FILE,
            "the release file is empty",
            "give it `changes:`, or delete it",
        ),
        Ok(root) => {
            file = read_root(&root, charset, &mut report);
            for check in CHECKS {
                check(&file, &mut report);
            }
        }
    }
    (file, report.into_findings())
}

fn read_root(root: &Node, charset: Charset, report: &mut Report<'_>) -> ReleaseFile {
    let Some(map) = Mapping::read(root, "the release file", FILE_KEYS, report) else {
        return ReleaseFile::default();
    };
    // It is printed on terminals and in one-line lists.
    let name = map
        .text("name", report)
        .map(|name| name.replace(char::is_control, " ").trim().to_owned());
    // Read for its type alone: nothing shows it yet.
    let _ = map.text("description", report);
    ReleaseFile {
        name,
        schedule: map
            .get("schedule")
            .and_then(|entry| read_schedule(entry, report)),
        changes: read_changes(&map, root.place, charset, report),
    }
}

fn read_changes(
    map: &Mapping<'_>,
    place: Place,
    charset: Charset,
    report: &mut Report<'_>,
) -> Vec<Change> {
    const REMEDY: &str = "list at least one change, or delete the file";
    let Some(Entry { key, value }) = map.get("changes") else {
        report.warning(
            "no-changes",
            place,
            "the release file has no `changes`",
            REMEDY,
        );
        return Vec::new();
    };
    match &value.value {
        Yaml::Null => {
            report.warning("no-changes", key.place, "`changes` is empty", REMEDY);
            Vec::new()
        }
        Yaml::List(items) if items.is_empty() => {
            report.warning("no-changes", key.place, "`changes` is empty", REMEDY);
            Vec::new()
        }
        Yaml::List(items) => items
            .iter()
            .flat_map(|item| change::read(item, charset, report))
            .collect(),
        other => {
            let remedy = "begin each change with `- kind: …`";
            report.wrong_type(value.place, "`changes`", other.label(), "a list", remedy);
            Vec::new()
        }
    }
}

fn read_schedule(entry: Entry<'_>, report: &mut Report<'_>) -> Option<Schedule> {
    let map = Mapping::read(entry.value, "`schedule`", SCHEDULE_KEYS, report)?;
    let mut time = |name: &str| {
        let Entry { value, .. } = map.get(name)?;
        let text = text_of(value, &format!("`{name}`"), report)?;
        text.parse::<Timestamp>()
            .map_err(|_| {
                report.critical(
                    "bad-time",
                    value.place,
                    format!(
                        "`{name}` is {}, which is no time with an offset",
                        quote(text)
                    ),
                    "write it as 2026-11-27T00:00:00+01:00 (RFC 3339)",
                );
            })
            .ok()
    };
    Some(Schedule {
        start: time("start"),
        end: time("end"),
        place: entry.key.place,
        end_place: map
            .get("end")
            .map_or(entry.key.place, |end| end.value.place),
    })
}

fn schedule_ends_after_its_start(file: &ReleaseFile, report: &mut Report<'_>) {
    let Some(Schedule {
        start: Some(start),
        end: Some(end),
        end_place,
        ..
    }) = file.schedule
    else {
        return;
    };
    if end <= start {
        report.critical(
            "schedule-ends-before-start",
            end_place,
            format!("the schedule ends at {end}, which is not after its start at {start}"),
            "let `end` be later than `start`",
        );
    }
}

/// Activation by time does not exist yet: such a file must not be taken for one without a schedule.
fn schedule_is_supported(file: &ReleaseFile, report: &mut Report<'_>) {
    if let Some(schedule) = file.schedule {
        report.critical(
            "schedule-unsupported",
            schedule.place,
            "scheduled releases are not supported by this version",
            "leave `schedule` out and push the file at the time it shall start",
        );
    }
}

fn each_field_is_set_once(file: &ReleaseFile, report: &mut Report<'_>) {
    let mut entities: BTreeMap<&EntityRef, Vec<&Change>> = BTreeMap::new();
    for change in &file.changes {
        entities.entry(&change.entity).or_default().push(change);
    }
    for (entity, changes) in entities {
        let mut ensured: Option<&Change> = None;
        let mut fields: BTreeMap<&FieldName, Place> = BTreeMap::new();
        for change in changes {
            if let Some(first) = ensured.filter(|first| ensures_clash(first, change)) {
                let message = format!(
                    "`ensure` of {entity} is `{}` here and `{}` in line {}",
                    change.ensure.as_str(),
                    first.ensure.as_str(),
                    first.ensure_place.line
                );
                let remedy = "keep one of the two changes";
                report.critical("duplicate-change", change.ensure_place, message, remedy);
            }
            ensured = ensured.or(Some(change));
            for field in &change.fields {
                if let Some(first) = fields.get(&field.name) {
                    let message = format!(
                        "`{}` of {entity} is set twice in this file, first in line {}",
                        field.name, first.line
                    );
                    report.critical("duplicate-change", field.place, message, "keep one of them");
                } else {
                    fields.insert(&field.name, field.place);
                }
            }
        }
    }
}

/// Two changes of one entity in one file: one deletes it, or both spell out something different.
fn ensures_clash(first: &Change, second: &Change) -> bool {
    let absent = first.ensure == Ensure::Absent || second.ensure == Ensure::Absent;
    let differ = first.ensure != second.ensure;
    absent || (differ && first.spelled_out && second.spelled_out)
}
