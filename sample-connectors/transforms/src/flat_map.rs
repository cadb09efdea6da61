//! Maps without a schema, flattened: what is not nested is copied in runs.

use std::collections::HashMap;

use tidegate_java::class_name::class_name;
use tidegate_sdk::model::limits::VALUE_DEPTH_MAX;
use tidegate_sdk::model::short::append;
use tidegate_sdk::model::value::{Entries, ValueError, tag};
use tidegate_sdk::{Encoder, Error, Result, View};

use crate::encoded::{Run, Scan, require_map_scan};
use crate::fields::check_size;

/// Flattens maps. It keeps its memory from one to the next.
#[derive(Debug)]
pub struct Flattener {
    delimiter: Vec<u8>,
    /// What the names within the current map begin with, the delimiter included.
    prefix: Vec<u8>,
    /// A number for each name, to find out whether two may be the same.
    names: Vec<u64>,
    /// Where the current map begins among the outputs.
    mark: usize,
}

impl Flattener {
    /// Names are joined with a delimiter, which may be empty.
    #[must_use]
    pub fn new(delimiter: &str) -> Self {
        Self {
            delimiter: delimiter.as_bytes().to_vec(),
            prefix: Vec::new(),
            names: Vec::new(),
            mark: 0,
        }
    }

    /// Writes a map without nested maps. Of two fields that get one name the later value stays.
    ///
    /// # Errors
    /// A data error when it has what Kafka Connect does not flatten, or grows over the limit of a record.
    pub fn write(&mut self, mut entries: Scan<'_>, out: &mut Vec<u8>) -> Result<()> {
        self.mark = out.len();
        let container = Encoder::new(out).map();
        let mut run = Run::new(entries.body());
        let (mut count, mut nested) = (0, false);
        while let Some((key, value)) = entries.next_entry() {
            let length = key.len() + value.len();
            match Kept::of(value) {
                Kept::AsItIs if is_text(key) => {
                    run.keep(length);
                    count += 1;
                }
                Kept::Entries => {
                    nested = true;
                    run.skip(length, out);
                    self.prefix.clear();
                    count += self.nested(key, value, VALUE_DEPTH_MAX, out)?;
                }
                _ => return Err(self.refused(key, value)),
            }
        }
        entries.end()?;
        run.end(out);
        Encoder::new(out).end(container, count);
        check_size(out, self.mark)?;
        if nested {
            self.merge_same_names(out)?;
        }
        Ok(())
    }

    /// Appends the entries of a nested map; the answer is how many.
    fn nested(
        &mut self,
        key: &[u8],
        value: &[u8],
        depth_left: usize,
        out: &mut Vec<u8>,
    ) -> Result<usize> {
        let within = depth_left.checked_sub(1).ok_or(ValueError::Depth)?;
        let before = self.prefix.len();
        self.prefix.extend_from_slice(name_of(key)?);
        // An empty name is none, and what follows it has no delimiter.
        if !self.prefix.is_empty() {
            self.prefix.extend_from_slice(&self.delimiter);
        }
        let mut entries = require_map_scan(value, "flattening")?;
        let mut count = 0;
        while let Some((key, value)) = entries.next_entry() {
            match Kept::of(value) {
                Kept::AsItIs => {
                    self.write_name(name_of(key)?, out);
                    append(out, value);
                    check_size(out, self.mark)?;
                    count += 1;
                }
                Kept::Entries => count += self.nested(key, value, within, out)?,
                Kept::No => return Err(self.refused(key, value)),
            }
        }
        entries.end()?;
        self.prefix.truncate(before);
        Ok(count)
    }

    #[inline]
    fn write_name(&self, name: &[u8], out: &mut Vec<u8>) {
        let length = u32::try_from(self.prefix.len() + name.len()).unwrap_or(u32::MAX);
        out.push(tag::STRING);
        out.extend_from_slice(&length.to_le_bytes());
        append(out, &self.prefix);
        append(out, name);
    }

    #[cold]
    fn refused(&self, key: &[u8], value: &[u8]) -> Error {
        let name = match name_of(key) {
            Ok(name) => [&self.prefix, name].concat(),
            Err(error) => return error,
        };
        let view = match View::read(value) {
            Ok(view) => view,
            Err(error) => return error.into(),
        };
        let class = class_name(&view);
        match view {
            View::Struct(_) => Error::data(format_args!(
                "Flatten transformation does not support {class} for record without schemas (for field {}).",
                String::from_utf8_lossy(&name)
            )),
            _ => Error::data(format_args!(
                "Flatten transformation was passed a value of type {class} which is not supported by Connect's data API"
            )),
        }
    }

    /// Where two fields came to have one name, the later value takes the place of the earlier one.
    fn merge_same_names(&mut self, out: &mut Vec<u8>) -> Result<()> {
        let flat = out.get(self.mark..).unwrap_or_default();
        let mut entries = require_map_scan(flat, "flattening")?;
        self.names.clear();
        while let Some((key, _)) = entries.next_entry() {
            self.names.push(number_of(key));
        }
        self.names.sort_unstable();
        if self.names.array_windows().all(|[one, next]| one != next) {
            return Ok(());
        }
        let flat = flat.to_vec();
        out.truncate(self.mark);
        merge(&flat, out)
    }
}

/// What becomes of a value.
enum Kept {
    AsItIs,
    Entries,
    No,
}

impl Kept {
    #[inline(always)]
    fn of(value: &[u8]) -> Self {
        match value.first() {
            Some(&tag::MAP) => Self::Entries,
            Some(&tag::STRUCT) | None => Self::No,
            Some(tag) if *tag > tag::STRUCT => Self::No,
            _ => Self::AsItIs,
        }
    }
}

#[inline(always)]
fn is_text(key: &[u8]) -> bool {
    key.first() == Some(&tag::STRING)
}

/// The name that a key is.
fn name_of(key: &[u8]) -> Result<&[u8]> {
    match key.split_at_checked(5) {
        Some(([tag::STRING, ..], name)) => Ok(name),
        _ => Err(Error::data(format_args!(
            "Flatten needs maps whose keys are texts; found a key of {}",
            class_name(&View::read(key)?)
        ))),
    }
}

/// A number that two keys share when they are the same, and hardly otherwise.
fn number_of(key: &[u8]) -> u64 {
    let step = |number: u64, block: u64| {
        (number.rotate_left(5) ^ block).wrapping_mul(0x517c_c1b7_2722_0a95)
    };
    let (blocks, rest) = key.as_chunks::<8>();
    let number = blocks.iter().fold(key.len() as u64, |number, block| {
        step(number, u64::from_le_bytes(*block))
    });
    rest.iter()
        .fold(number, |number, byte| step(number, u64::from(*byte)))
}

/// Copies a map: of entries with one key the last value, in the place of the first.
fn merge(map: &[u8], out: &mut Vec<u8>) -> Result<()> {
    let View::Map(entries) = View::read(map)? else {
        return Ok(());
    };
    let merged = last_values(entries)?;
    let mut encoder = Encoder::new(out);
    let container = encoder.map();
    for (key, value) in &merged {
        encoder.encoded(key);
        encoder.encoded(value);
    }
    encoder.end(container, merged.len());
    Ok(())
}

#[allow(clippy::type_complexity, reason = "pairs of key and value")]
fn last_values<'a>(mut entries: Entries<'a>) -> Result<Vec<(&'a [u8], &'a [u8])>> {
    let mut places: HashMap<&[u8], usize> = HashMap::new();
    let mut merged: Vec<(&[u8], &[u8])> = Vec::new();
    while let Some((key, value)) = entries.next_encoded()? {
        let place = *places.entry(key).or_insert(merged.len());
        match merged.get_mut(place) {
            Some((_, known)) => *known = value,
            None => merged.push((key, value)),
        }
    }
    Ok(merged)
}
