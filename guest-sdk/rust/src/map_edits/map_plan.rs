//! What becomes of maps with one layout, and writing it.

use tidegate_model::Encoder;
use tidegate_model::limits::RECORD_BYTES_MAX;
use tidegate_model::short::append;

use super::layout::{Layout, are_names};
use super::planned_map::{Origin, PlannedEntry, PlannedMap, ValueEdit};
use super::{Facts, MapEdits};
use crate::error::{Error, Result};
use crate::row::Row;

/// What several transforms make of maps with the same keys in the same places.
#[derive(Debug)]
pub(super) struct MapPlan {
    layout: Layout,
    facts: Facts,
    /// `None`: it is not foreseen.
    pub(super) output: Option<Output>,
}

impl MapPlan {
    /// Whether it is for a map; its parts are located then.
    #[inline]
    pub(super) fn fits(&mut self, body: &[u8], facts: Facts, scratch: &mut Scratch) -> bool {
        if scratch.begins.len() != self.layout.places() {
            scratch.begins.resize(self.layout.places(), 0);
        }
        self.facts == facts && self.layout.locate(body, &mut scratch.begins)
    }
}

/// The map to come, piece by piece.
#[derive(Debug)]
pub(super) struct Output {
    pieces: Vec<Piece>,
    count: usize,
    /// Beyond the map given, the map had at most so many bytes more between two transforms, edits apart.
    put_bytes: usize,
}

#[derive(Debug)]
enum Piece {
    /// What stands between two places of the map given.
    Kept(Span),
    /// Bytes that are always the same.
    Same(Vec<u8>),
    /// A value of the map given as edits make it.
    Edited(Span, Vec<ValueEdit>),
    /// Another value as edits make it; the first edit makes it anew where there are no bytes.
    Made(Vec<u8>, Vec<ValueEdit>),
}

/// What is between two places.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: Place,
    to: Place,
}

/// A place in the map given: so many bytes after a part of its layout begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Place {
    at: usize,
    plus: usize,
}

/// Memory that is kept from one map to the next.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    begins: Vec<usize>,
    value: Vec<u8>,
    next: Vec<u8>,
}

impl MapPlan {
    /// Plans what transforms make of maps that are like one.
    pub(super) fn of(
        entries: &[(&[u8], &[u8])],
        facts: Facts,
        transforms: &[&dyn MapEdits],
    ) -> Self {
        let mut map = PlannedMap::of(entries.iter().map(|(key, _)| *key));
        if are_names(entries) {
            for (step, edits) in transforms.iter().enumerate() {
                map.step = step;
                edits.plan(facts, &mut map);
            }
        } else {
            map.give_up();
        }
        let mut output = Output::of(&map, entries);
        let mut cuts = vec![false; entries.len()];
        for place in output.places() {
            if let Some(is_cut) = cuts.get_mut(place.at) {
                *is_cut = true;
            }
        }
        let (layout, parts) = Layout::of(entries, &cuts);
        for place in output.places() {
            place.at = parts.get(place.at).copied().flatten().unwrap_or(usize::MAX);
        }
        Self {
            layout,
            facts,
            output: map.is_foreseen.then_some(output),
        }
    }
}

impl Output {
    /// Its places are entries of the map given, not yet parts.
    fn of(map: &PlannedMap, given: &[(&[u8], &[u8])]) -> Self {
        let mut output = Self {
            pieces: Vec::new(),
            count: map.entries.len(),
            put_bytes: map.put_bytes,
        };
        for entry in &map.entries {
            output.add(entry, given);
        }
        output
    }

    fn add(&mut self, entry: &PlannedEntry, given: &[(&[u8], &[u8])]) {
        let PlannedEntry { key, origin, edits } = entry;
        match origin {
            Origin::Given(at) => {
                let old = given.get(*at).map_or(&[][..], |(key, _)| *key);
                let place = |at: usize, plus: usize| Place { at, plus };
                let value = Span {
                    from: place(*at, old.len()),
                    to: place(*at + 1, 0),
                };
                if old == key {
                    self.keep(place(*at, 0), value.from);
                } else {
                    self.same(key);
                }
                if edits.is_empty() {
                    self.keep(value.from, value.to);
                } else {
                    self.pieces.push(Piece::Edited(value, edits.clone()));
                }
            }
            Origin::Same(value) => {
                self.same(key);
                if edits.is_empty() {
                    self.same(value);
                } else {
                    self.pieces.push(Piece::Made(value.clone(), edits.clone()));
                }
            }
            Origin::Made(made) => {
                self.same(key);
                let edits = [std::slice::from_ref(made), edits].concat();
                self.pieces.push(Piece::Made(Vec::new(), edits));
            }
        }
    }

    fn places(&mut self) -> impl Iterator<Item = &mut Place> {
        self.pieces.iter_mut().flat_map(|piece| match piece {
            Piece::Kept(span) | Piece::Edited(span, _) => vec![&mut span.from, &mut span.to],
            Piece::Same(_) | Piece::Made(..) => Vec::new(),
        })
    }

    fn keep(&mut self, from: Place, to: Place) {
        match self.pieces.last_mut() {
            Some(Piece::Kept(span)) if span.to == from => span.to = to,
            _ => self.pieces.push(Piece::Kept(Span { from, to })),
        }
    }

    fn same(&mut self, bytes: &[u8]) {
        match self.pieces.last_mut() {
            Some(Piece::Same(before)) => before.extend_from_slice(bytes),
            _ => self.pieces.push(Piece::Same(bytes.to_vec())),
        }
    }

    /// Appends what becomes of a map, of which the parts were located.
    ///
    /// # Errors
    /// When a value cannot be written, or the map may have been over the limit of a record at some time.
    #[inline]
    pub(super) fn write(
        &self,
        body: &[u8],
        row: &Row<'_>,
        transforms: &[&dyn MapEdits],
        scratch: &mut Scratch,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let mark = out.len();
        let container = Encoder::new(out).map();
        let mut edited_bytes = 0;
        for piece in &self.pieces {
            match piece {
                Piece::Kept(span) => append(out, span.of(body, &scratch.begins)),
                Piece::Same(bytes) => append(out, bytes),
                Piece::Edited(span, edits) => {
                    let value = span.of(body, &scratch.begins);
                    edited_bytes += scratch.edit(value, edits, row, transforms, out)?;
                }
                Piece::Made(value, edits) => {
                    edited_bytes += scratch.edit(value, edits, row, transforms, out)?;
                }
            }
        }
        Encoder::new(out).end(container, self.count);
        let most = out.len() - mark + body.len() + edited_bytes + self.put_bytes;
        if most > RECORD_BYTES_MAX {
            return Err(Error::data("perhaps too large between two transforms"));
        }
        Ok(())
    }
}

impl Span {
    #[inline]
    fn of<'a>(&self, body: &'a [u8], begins: &[usize]) -> &'a [u8] {
        let at = |place: Place| Some(begins.get(place.at)? + place.plus);
        match (at(self.from), at(self.to)) {
            (Some(from), Some(to)) => body.get(from..to).unwrap_or_default(),
            _ => &[],
        }
    }
}

impl Scratch {
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
