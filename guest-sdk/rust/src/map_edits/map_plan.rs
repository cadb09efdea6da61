//! What becomes of maps with the same keys in the same order, and writing it.

use tidegate_model::limits::RECORD_BYTES_MAX;
use tidegate_model::short::append;
use tidegate_model::value::length;
use tidegate_model::{Encoder, MapShape};

use super::planned_map::{Origin, PlannedEntry, PlannedMap, ValueEdit};
use super::{Facts, MapEdits};
use crate::error::Result;
use crate::row::Row;
use crate::schemas::{NewSchema, Schemas};

/// What several transforms make of maps with the same keys in the same order.
#[derive(Debug)]
pub(super) struct MapPlan {
    /// What it is for.
    shape: MapShape,
    facts: Facts,
    /// `None`: it is not foreseen.
    output: Option<Output>,
}

/// The values of the map to come, piece by piece, and its shape.
#[derive(Debug)]
struct Output {
    pieces: Vec<Piece>,
    count: usize,
    /// So many values of the map given are to be found; the first begins where they all do.
    found: usize,
    shape: NewSchema,
    /// Beyond the values given, the map had at most so many bytes more between two transforms, edits apart.
    more_bytes: usize,
}

#[derive(Debug)]
enum Piece {
    /// Values of the map given, one after another.
    Kept(Span),
    /// Bytes that are always the same.
    Same(Vec<u8>),
    /// A value of the map given as edits make it.
    Edited(Span, Vec<ValueEdit>),
    /// Another value as edits make it; the first edit makes it anew where there are no bytes.
    Made(Vec<u8>, Vec<ValueEdit>),
}

/// The values from one number to another.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: usize,
    to: usize,
}

/// Memory that is kept from one map to the next.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    /// Where each value begins that is to be found.
    begins: Vec<usize>,
    value: Vec<u8>,
    next: Vec<u8>,
}

impl MapPlan {
    /// Plans what transforms make of maps of a shape.
    pub(super) fn of(shape: MapShape, facts: Facts, transforms: &[&dyn MapEdits]) -> Self {
        let mut map = PlannedMap::of(shape.keys());
        for (step, edits) in transforms.iter().enumerate() {
            map.step = step;
            edits.plan(facts, &mut map);
        }
        let output = map.is_foreseen.then(|| Output::of(&map, &shape));
        Self {
            shape,
            facts,
            output: output.flatten(),
        }
    }

    /// Whether it is for maps of a shape, of which this is known.
    pub(super) fn is_for(&self, shape: &MapShape, facts: Facts) -> bool {
        self.facts == facts && self.shape == *shape
    }

    /// Appends what becomes of a map, of which these are the values. `None`: it is not foreseen, a value cannot be
    /// written, or the map may have been over the limit of a record at some time.
    #[inline]
    pub(super) fn write(
        &self,
        values: &[u8],
        row: &Row<'_>,
        transforms: &[&dyn MapEdits],
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let output = self.output.as_ref()?;
        scratch.find(output.found, values)?;
        output.write(values, row, transforms, scratch, out)
    }

    /// What it wrote refers to this schema, in the batch with a number.
    #[inline]
    pub(super) fn schema(&mut self, schemas: &mut Schemas<'_>, batch: u64) -> Option<i32> {
        Some(self.output.as_mut()?.shape.index(schemas, batch))
    }
}

impl Output {
    /// `None`: it has too many keys.
    fn of(map: &PlannedMap, given: &MapShape) -> Option<Self> {
        let shape = MapShape::of(map.entries.iter().map(|entry| entry.key.as_slice())).ok()?;
        let mut output = Self {
            pieces: Vec::new(),
            count: map.entries.len(),
            found: 0,
            shape: NewSchema::shape(&shape),
            more_bytes: given.key_bytes() + map.put_bytes,
        };
        for entry in &map.entries {
            output.add(entry);
        }
        // What goes to the end need not be found.
        let places = output.pieces.iter().flat_map(|piece| match piece {
            Piece::Kept(span) | Piece::Edited(span, _) => [span.from, span.to],
            Piece::Same(_) | Piece::Made(..) => [0, 0],
        });
        output.found = places
            .filter(|place| *place < given.keys().len())
            .max()
            .unwrap_or(0);
        Some(output)
    }

    fn add(&mut self, entry: &PlannedEntry) {
        let PlannedEntry { origin, edits, .. } = entry;
        match origin {
            Origin::Given(at) => {
                let span = Span {
                    from: *at,
                    to: *at + 1,
                };
                match self.pieces.last_mut() {
                    _ if !edits.is_empty() => self.pieces.push(Piece::Edited(span, edits.clone())),
                    Some(Piece::Kept(before)) if before.to == span.from => before.to = span.to,
                    _ => self.pieces.push(Piece::Kept(span)),
                }
            }
            Origin::Same(value) if edits.is_empty() => match self.pieces.last_mut() {
                Some(Piece::Same(before)) => before.extend_from_slice(value),
                _ => self.pieces.push(Piece::Same(value.clone())),
            },
            Origin::Same(value) => self.pieces.push(Piece::Made(value.clone(), edits.clone())),
            Origin::Made(made) => {
                let edits = [std::slice::from_ref(made), edits].concat();
                self.pieces.push(Piece::Made(Vec::new(), edits));
            }
        }
    }

    #[inline]
    fn write(
        &self,
        values: &[u8],
        row: &Row<'_>,
        transforms: &[&dyn MapEdits],
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Option<()> {
        let mark = out.len();
        let container = Encoder::new(out).structure();
        let mut edited_bytes = 0;
        for piece in &self.pieces {
            match piece {
                Piece::Kept(span) => append(out, span.of(values, &scratch.begins)),
                Piece::Same(bytes) => append(out, bytes),
                Piece::Edited(span, edits) => {
                    let value = span.of(values, &scratch.begins);
                    edited_bytes += scratch.edit(value, edits, row, transforms, out).ok()?;
                }
                Piece::Made(value, edits) => {
                    edited_bytes += scratch.edit(value, edits, row, transforms, out).ok()?;
                }
            }
        }
        Encoder::new(out).end(container, self.count);
        let most = out.len() - mark + values.len() + edited_bytes + self.more_bytes;
        (most <= RECORD_BYTES_MAX).then_some(())
    }
}

impl Span {
    /// Its bytes. A value that was not to be found is where the values end.
    #[inline]
    fn of<'a>(&self, values: &'a [u8], begins: &[usize]) -> &'a [u8] {
        let at = |place: usize| begins.get(place).copied().unwrap_or(values.len());
        values.get(at(self.from)..at(self.to)).unwrap_or_default()
    }
}

impl Scratch {
    /// Finds where so many values begin after the first.
    #[inline]
    fn find(&mut self, count: usize, values: &[u8]) -> Option<()> {
        self.begins.clear();
        self.begins.push(0);
        let mut rest = values;
        for _ in 0..count {
            rest = rest.get(length(rest).ok()?..)?;
            self.begins.push(values.len() - rest.len());
        }
        Some(())
    }

    /// Appends a value as edits make it; the answer is how many bytes there were between them.
    #[inline]
    fn edit(
        &mut self,
        value: &[u8],
        edits: &[ValueEdit],
        row: &Row<'_>,
        transforms: &[&dyn MapEdits],
        out: &mut Vec<u8>,
    ) -> Result<usize> {
        match edits {
            [edit] => {
                edit.write(value, row, transforms, out)?;
                Ok(0)
            }
            edits => self.edit_again(value, edits, row, transforms, out),
        }
    }

    fn edit_again(
        &mut self,
        value: &[u8],
        edits: &[ValueEdit],
        row: &Row<'_>,
        transforms: &[&dyn MapEdits],
        out: &mut Vec<u8>,
    ) -> Result<usize> {
        let mut bytes = 0;
        self.value.clear();
        self.value.extend_from_slice(value);
        for edit in edits {
            self.next.clear();
            edit.write(&self.value, row, transforms, &mut self.next)?;
            std::mem::swap(&mut self.value, &mut self.next);
            bytes += self.value.len();
        }
        append(out, &self.value);
        Ok(bytes)
    }
}

impl ValueEdit {
    #[inline]
    fn write(
        self,
        value: &[u8],
        row: &Row<'_>,
        transforms: &[&dyn MapEdits],
        out: &mut Vec<u8>,
    ) -> Result<()> {
        match transforms.get(self.step) {
            Some(transform) => transform.write(self.number, value, row, out),
            None => Ok(()),
        }
    }
}
