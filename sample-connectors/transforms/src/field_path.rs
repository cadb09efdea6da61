//! Names and paths of fields (`field.syntax.version`): V1 is a name at the root, V2 is names with dots between
//! them, where backticks hold a name that has dots.

use tidegate_sdk::model::value::{Elements, Entries, tag};
use tidegate_sdk::{Error, Field, Result, Schema, SchemaType, Value, View};

use crate::encoded::{misfit, require_map};

const PURPOSE: &str = "nested field access";

/// A path to a field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldPath {
    parents: Vec<String>,
    last: String,
    /// It has no step, and finds nothing.
    is_empty: bool,
}

/// The place of a field in structs of one schema, and its schema.
#[derive(Debug, Clone)]
pub struct Place {
    /// The places of the parents, from the root, with their encoded defaults, which stand for null.
    parents: Vec<(usize, Option<Vec<u8>>)>,
    /// The place of the field in its parent.
    place: usize,
    /// The field.
    pub field: Field,
}

impl FieldPath {
    /// Reads a path.
    ///
    /// # Errors
    /// When the version is not known or a backtick has no partner.
    pub fn parse(path: &str, version: &str) -> Result<Self> {
        if version.eq_ignore_ascii_case("V1") {
            return Ok(Self {
                parents: Vec::new(),
                last: path.to_owned(),
                is_empty: false,
            });
        }
        if !version.eq_ignore_ascii_case("V2") {
            return Err(Error::config_key(
                "field.syntax.version",
                format_args!(
                    "Invalid value {version} for configuration field.syntax.version: String must be one of (case insensitive): V1, V2"
                ),
            ));
        }
        let mut steps = steps(path)?;
        let last = steps.pop();
        Ok(Self {
            parents: steps,
            is_empty: last.is_none(),
            last: last.unwrap_or_default(),
        })
    }

    /// # Errors
    /// When the path is empty.
    fn check(&self) -> Result<()> {
        if self.is_empty {
            return Err(Error::data(
                "fromIndex(0) > toIndex(-1): the path in field is empty; it names no field",
            ));
        }
        Ok(())
    }

    /// The encoded value of the field in a map; `None`: there is no such field.
    ///
    /// # Errors
    /// When a parent is neither a map nor null.
    pub fn in_map<'a>(&self, entries: Entries<'a>) -> Result<Option<&'a [u8]>> {
        self.check()?;
        let mut current = entries;
        for parent in &self.parents {
            let Some(value) = current.get(parent)? else {
                return Ok(None);
            };
            current = match View::read(value)? {
                View::Null => return Ok(None),
                View::Map(entries) => entries,
                _ => require_map(Some(value), PURPOSE)?,
            };
        }
        Ok(current.get(&self.last)?)
    }

    /// Where the field stands in structs of a schema; `None`: there is no such field.
    ///
    /// # Errors
    /// When a parent is no struct.
    pub fn in_schema(&self, schema: &Schema) -> Result<Option<Place>> {
        self.check()?;
        let mut parents = Vec::with_capacity(self.parents.len());
        let mut current = schema;
        for parent in &self.parents {
            let Some((place, field)) = find(current, parent)? else {
                return Ok(None);
            };
            let default = field.schema.default.as_ref();
            parents.push((place, default.map(Value::to_encoded)));
            current = &field.schema;
        }
        let Some((place, field)) = find(current, &self.last)? else {
            return Ok(None);
        };
        Ok(Some(Place {
            parents,
            place,
            field: field.clone(),
        }))
    }
}

impl Place {
    /// The encoded value in a struct; `None`: a parent is null.
    ///
    /// # Errors
    /// When the struct does not fit the schema.
    pub fn in_struct<'a>(&'a self, elements: Elements<'a>) -> Result<Option<&'a [u8]>> {
        let mut current = elements;
        for (place, default) in &self.parents {
            let value = nth(current, *place)?;
            let value = match default {
                Some(default) if value == [tag::NULL] => default,
                _ => value,
            };
            current = match View::read(value)? {
                View::Struct(elements) => elements,
                View::Null => return Ok(None),
                _ => return Err(misfit()),
            };
        }
        nth(current, self.place).map(Some)
    }
}

fn nth(mut elements: Elements<'_>, place: usize) -> Result<&[u8]> {
    for _ in 0..place {
        elements.next_encoded()?;
    }
    elements.next_encoded()?.ok_or_else(misfit)
}

fn find<'a>(schema: &'a Schema, name: &str) -> Result<Option<(usize, &'a Field)>> {
    if !matches!(schema.kind, SchemaType::Struct(_)) {
        return Err(Error::data("Cannot look up fields on non-struct type"));
    }
    let mut fields = schema.fields().iter().enumerate();
    Ok(fields.find(|(_, field)| field.name == name))
}

/// The steps of a V2 path, divided as Kafka Connect divides it.
fn steps(path: &str) -> Result<Vec<String>> {
    let mut steps = Vec::new();
    let mut rest = path;
    while !rest.is_empty() {
        let (step, after) = match rest.strip_prefix('`') {
            Some(quoted) => quoted_step(quoted)
                .ok_or_else(|| incomplete(path, path.len().saturating_sub(rest.len())))?,
            None => match rest.split_once('.') {
                Some((step, after)) => (step.to_owned(), after),
                None => (rest.to_owned(), ""),
            },
        };
        steps.push(step);
        rest = after;
    }
    if path.ends_with('.') {
        steps.push(String::new());
    }
    Ok(steps)
}

/// A name in backticks, without the first one, and what follows it and its dot. A backtick that neither ends
/// the path nor has a dot after it belongs to the name, and so does one after a backslash.
fn quoted_step(quoted: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut start = 0;
    let mut from = 0;
    loop {
        let at = from + quoted.get(from..)?.find('`')?;
        let escaped = quoted.get(..at)?.ends_with('\\');
        let after = quoted.get(at + 1..)?;
        if after.is_empty() {
            if escaped {
                return None;
            }
            name.push_str(quoted.get(start..at)?);
            return Some((name, ""));
        }
        from = at + 1;
        if let Some(after) = after.strip_prefix('.') {
            if !escaped {
                name.push_str(quoted.get(start..at)?);
                return Some((name, after));
            }
            name.push_str(quoted.get(start..at - 1)?);
            name.push('`');
            start = from;
        }
    }
}

fn incomplete(path: &str, at: usize) -> Error {
    Error::config_key(
        "field",
        format_args!(
            "Incomplete backtick pair in path: [{path}], consider adding a backslash before backtick at position {at} to escape it"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(path: &str) -> Vec<String> {
        let path = FieldPath::parse(path, "v2").unwrap();
        let mut steps = path.parents;
        steps.push(path.last);
        steps
    }

    #[test]
    fn paths_are_divided_at_dots_outside_backticks() {
        assert_eq!(path("a.b.c"), ["a", "b", "c"]);
        assert_eq!(path("`a.b`.c"), ["a.b", "c"]);
        assert_eq!(path("a.`b.c`"), ["a", "b.c"]);
        assert_eq!(path("`a`b`.c"), ["a`b", "c"]);
        assert_eq!(path("`a\\`.b`.c"), ["a`.b", "c"]);
        assert_eq!(path("a."), ["a", ""]);
        assert_eq!(path("a..b"), ["a", "", "b"]);
    }

    #[test]
    fn a_backtick_without_a_partner_is_refused() {
        assert!(FieldPath::parse("`a", "V2").is_err());
        assert!(FieldPath::parse("`a\\`", "V2").is_err());
        assert!(FieldPath::parse("`a", "V1").is_ok());
    }
}
