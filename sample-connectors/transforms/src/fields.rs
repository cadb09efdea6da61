//! Changing some fields of a map or struct where they stand, and what null means to each field of a struct.

use tidegate_sdk::model::limits::RECORD_BYTES_MAX;
use tidegate_sdk::model::value::{Elements, ValueError, tag};
use tidegate_sdk::{Encoder, Error, Field, NewSchema, PlannedMap, Result, Schema, Value};

use crate::encoded::{Run, misfit, split_value, text};
use crate::short::Named;
use tidegate_sdk::model::short::append;

/// What is said of the listed fields of a map, and which of them it lacks.
#[derive(Debug)]
pub struct Listed<T> {
    /// The place of each name in the list.
    named: Named<usize>,
    /// The names as keys of a map, in the order of the list.
    keys: Vec<Vec<u8>>,
    said: Vec<T>,
    /// The number of the map that last had each field.
    seen: Vec<u64>,
    map: u64,
    found: usize,
}

impl<T> Listed<T> {
    /// Says something of fields; of a name that is there twice, what is said last.
    #[must_use]
    pub fn new<'a>(fields: impl IntoIterator<Item = (&'a str, T)>) -> Self {
        let mut said: Vec<(Vec<u8>, T)> = Vec::new();
        for (name, what) in fields {
            let key = text(name);
            match said.iter_mut().find(|(known, _)| *known == key) {
                Some((_, known)) => *known = what,
                None => said.push((key, what)),
            }
        }
        let (keys, said): (Vec<Vec<u8>>, Vec<T>) = said.into_iter().unzip();
        Self {
            named: (0..)
                .zip(&keys)
                .map(|(place, key)| (key.clone(), place))
                .collect(),
            seen: vec![0; keys.len()],
            keys,
            said,
            map: 0,
            found: 0,
        }
    }

    /// What is said of a name.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<&T> {
        self.named
            .get(&text(name))
            .and_then(|place| self.said.get(*place))
    }

    /// What is said of the name with a place in the list.
    #[inline]
    #[must_use]
    pub fn at(&self, place: u32) -> Option<&T> {
        self.said.get(place as usize)
    }

    /// Plans to edit each field of a map by its place in the list.
    pub fn plan(&self, map: &mut PlannedMap) {
        for (place, key) in (0..).zip(&self.keys) {
            map.edit_or_add_null(key, place);
        }
    }

    /// Begins a map: it had no field yet.
    #[inline]
    pub fn begin(&mut self) {
        self.map += 1;
        self.found = 0;
    }

    /// What is said of a key of the map, which then counts as found.
    #[inline(always)]
    pub fn find(&mut self, key: &[u8]) -> Option<&T> {
        let place = self.named.get(key)?;
        if let Some(seen) = self.seen.get_mut(*place)
            && *seen != self.map
        {
            *seen = self.map;
            self.found += 1;
        }
        self.said.get(*place)
    }

    /// Appends null for each field that was not found, as Java's `map.put(field, map.get(field))` does; the answer
    /// is how many.
    #[inline]
    pub fn add_missing(&self, out: &mut Vec<u8>) -> usize {
        if self.found == self.keys.len() {
            return 0;
        }
        for (key, seen) in self.keys.iter().zip(&self.seen) {
            if *seen != self.map {
                append(out, key);
                out.push(tag::NULL);
            }
        }
        self.keys.len() - self.found
    }
}

/// What null means in a field of a struct.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum OnNull {
    /// It stays.
    #[default]
    Stays,
    /// It becomes this encoded value.
    Becomes(Vec<u8>),
    /// It is an error with this message.
    Fails(String),
}

impl OnNull {
    /// What null means in a field that keeps its schema: its default where that is wanted, else null where the
    /// field allows it.
    #[must_use]
    pub fn of(field: &Field, replace_null: bool) -> Self {
        match &field.schema.default {
            // The schema of a default lacks that default, and Kafka Connect wants the two to be the same.
            Some(Value::Struct(_)) if replace_null => {
                Self::Fails("Struct schemas do not match.".to_owned())
            }
            Some(default) if replace_null => Self::Becomes(default.to_encoded()),
            _ => Self::of_bare(&field.name, &field.schema, field.schema.optional),
        }
    }

    /// What null means in a field whose default does not count.
    #[must_use]
    pub fn of_bare(name: &str, schema: &Schema, optional: bool) -> Self {
        if optional {
            return Self::Stays;
        }
        Self::Fails(format!(
            "Invalid value: null used for required field: \"{name}\", schema type: {}",
            schema.kind.name().to_uppercase()
        ))
    }

    /// Puts what it means in the place of a null.
    ///
    /// # Errors
    /// When null is an error.
    pub fn write(&self, run: &mut Run<'_>, out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Stays => run.keep(1),
            Self::Becomes(value) => run.replace(1, value, out),
            Self::Fails(message) => return Err(Error::data(message)),
        }
        Ok(())
    }
}

/// Writes a struct with as many fields as another: `each` keeps, skips or replaces a value by what is planned for it.
///
/// # Errors
/// When `each` fails, or the struct is damaged or does not have as many values as there are plans.
#[inline]
pub fn edit_struct<P>(
    elements: Elements<'_>,
    plans: &[P],
    out: &mut Vec<u8>,
    mut each: impl FnMut(&P, &[u8], &mut Run<'_>, &mut Vec<u8>) -> Result<()>,
) -> Result<()> {
    if elements.len() != plans.len() {
        return Err(misfit());
    }
    let container = Encoder::new(out).structure();
    let mut run = Run::new(elements.body());
    let mut rest = elements.body();
    for plan in plans {
        let (value, after) = split_value(rest).ok_or_else(misfit)?;
        rest = after;
        each(plan, value, &mut run, out)?;
    }
    if !rest.is_empty() {
        return Err(misfit());
    }
    run.end(out);
    Encoder::new(out).end(container, plans.len());
    Ok(())
}

/// A schema for outputs that keeps the limits of schemas.
///
/// # Errors
/// A data error when it does not.
pub fn new_schema(schema: &Schema) -> Result<NewSchema> {
    Schema::decode(&schema.to_encoded())?;
    Ok(NewSchema::new(schema))
}

/// Says whether what was written since `mark` keeps the limit of a record.
///
/// # Errors
/// A data error when it does not.
#[inline]
pub fn check_size(out: &[u8], mark: usize) -> Result<()> {
    let size = out.len() - mark;
    if size <= RECORD_BYTES_MAX {
        return Ok(());
    }
    Err(Error::data(format_args!(
        "the transformed key or value has {size} bytes; a record may have {RECORD_BYTES_MAX}"
    )))
}

/// Whether containers nest deeper than `depth` in a value. Those that are too short for it are not looked into.
///
/// # Errors
/// When the value is damaged.
pub fn nests_deeper(value: &[u8], depth: usize) -> Result<bool> {
    /// Tag, length and count.
    const CONTAINER_BYTES: usize = 9;
    if value.len() < CONTAINER_BYTES * (depth + 1) {
        return Ok(false);
    }
    let [tag::ARRAY | tag::MAP | tag::STRUCT, ..] = value else {
        return Ok(false);
    };
    let Some(within) = depth.checked_sub(1) else {
        return Ok(true);
    };
    let mut rest = value.get(CONTAINER_BYTES..).unwrap_or_default();
    while !rest.is_empty() {
        let (element, after) = split_value(rest).ok_or(ValueError::Container)?;
        if nests_deeper(element, within)? {
            return Ok(true);
        }
        rest = after;
    }
    Ok(false)
}

/// A default as it is encoded.
#[must_use]
pub fn default_of(schema: &Schema) -> Option<Vec<u8>> {
    schema.default.as_ref().map(Value::to_encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_told_apart_at_the_limit() {
        let nested = |depth: usize| {
            (0..depth)
                .fold(Value::Null, |value, _| Value::Array(vec![value]))
                .to_encoded()
        };
        for depth in 1..70 {
            assert_eq!(nests_deeper(&nested(depth), depth - 1), Ok(true));
            assert_eq!(nests_deeper(&nested(depth), depth), Ok(false));
        }
        let mut wide = vec![Value::from("a text that makes it long"); 50];
        wide.push(Value::decode(&nested(20)).unwrap());
        let wide = Value::Struct(wide).to_encoded();
        assert_eq!(nests_deeper(&wide, 20), Ok(true));
        assert_eq!(nests_deeper(&wide, 21), Ok(false));
    }

    #[test]
    fn fields_that_a_map_lacks_are_added_once_each() {
        let mut listed = Listed::new([("a", 1), ("b", 2), ("a", 3), ("c", 4)]);
        for _ in 0..2 {
            listed.begin();
            assert_eq!(listed.find(&text("a")), Some(&3));
            assert_eq!(listed.find(&text("a")), Some(&3));
            assert_eq!(listed.find(&text("x")), None);
            let mut out = Vec::new();
            assert_eq!(listed.add_missing(&mut out), 2);
            let wanted = [text("b"), vec![0], text("c"), vec![0]].concat();
            assert_eq!(out, wanted);
        }
    }
}
