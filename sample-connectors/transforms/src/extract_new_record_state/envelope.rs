//! What is known of envelopes of one schema: where their parts stand, and what becomes of a row.

use std::ops::Range;
use std::sync::Arc;

use tidegate_sdk::model::value::Elements;
use tidegate_sdk::{Error, Field, NewSchema, Result, Schema, SchemaType, View};

use super::field_reference::{FieldReference, Found, Place};
use super::row::{Moment, Row};
use crate::encoded::{misfit, present};

/// What becomes of a row, as configured.
#[derive(Debug)]
pub struct Rules {
    /// Whether rows get the field `__deleted`.
    pub rewrite: bool,
    /// Whether null becomes the default of a field where rows get `__deleted`.
    pub replace_null: bool,
    /// The field whose text is the topic.
    pub route_by_field: Option<String>,
    /// What is added to rows.
    pub fields: Vec<FieldReference>,
    /// What is added as headers.
    pub headers: Vec<FieldReference>,
}

/// What is known of envelopes of one schema.
#[derive(Debug)]
pub struct Envelope {
    /// How many fields they have.
    count: usize,
    /// So many of them are looked at.
    looked_at: usize,
    /// The structs that are looked into.
    opened: Vec<Opened>,
    /// The row before the change; `None`: the schema has none.
    pub before: Option<Row>,
    /// The row after the change.
    pub after: Option<Row>,
    /// What is added to rows; an error is one of each record that gets there.
    pub fields: Result<Vec<Added>>,
    /// What is added as headers.
    pub headers: Result<Vec<Added>>,
}

/// A struct that is looked into.
#[derive(Debug)]
struct Opened {
    place: usize,
    count: usize,
    looked_at: usize,
}

/// Something that is taken out of envelopes.
#[derive(Debug)]
pub struct Added {
    /// The name that it gets.
    pub name: String,
    /// Its schema.
    pub schema: Arc<Schema>,
    /// The same, for headers.
    pub new_schema: NewSchema,
    slot: usize,
    /// It is null where this is null.
    only_with: Option<usize>,
}

/// Where the parts of one envelope stand in its body; kept from record to record for its room.
#[derive(Debug, Default)]
pub struct Slots(Vec<Range<usize>>);

impl Slots {
    /// The encoded part in a slot; `None` is null.
    #[must_use]
    pub fn get<'a>(&self, slot: usize, body: &'a [u8]) -> Option<&'a [u8]> {
        let range = self.0.get(slot).cloned()?;
        present(body.get(range)).filter(|part| !part.is_empty())
    }
}

impl Envelope {
    /// Looks at a schema; `None`: it is not that of an envelope.
    #[must_use]
    pub fn of(schema: &Schema, rules: &Rules) -> Option<Self> {
        let name = schema.name.as_deref()?;
        let SchemaType::Struct(fields) = &schema.kind else {
            return None;
        };
        if !name.ends_with(".Envelope") {
            return None;
        }
        let mut layout = Layout::default();
        let headers = find_all(&rules.headers, schema);
        let added = check_operation(fields).and_then(|()| find_all(&rules.fields, schema));
        for (_, found) in headers.iter().chain(&added).flatten() {
            layout.add(fields, found.place);
        }
        let place = |name: &str| fields.iter().position(|field| field.name == name);
        let (before, after) = (place("before"), place("after"));
        for place in [before, after].into_iter().flatten() {
            layout.look_at(place);
        }
        let resolve = |found: Result<Vec<_>>| -> Result<Vec<Added>> {
            Ok(found?
                .into_iter()
                .map(|found| layout.added(found))
                .collect())
        };
        let (headers, added) = (resolve(headers), resolve(added));
        let row = |place: Option<usize>, moment: Moment| {
            let field = fields.get(place?)?;
            Some(Row::new(place?, &field.schema, moment, rules, &added))
        };
        let (before, after) = (row(before, Moment::Before), row(after, Moment::After));
        Some(Self {
            count: fields.len(),
            looked_at: layout.looked_at,
            opened: layout.opened,
            before,
            after,
            fields: added,
            headers,
        })
    }

    /// Finds the parts of an envelope.
    ///
    /// # Errors
    /// When it does not fit its schema.
    pub fn locate(&self, envelope: Elements<'_>, slots: &mut Slots) -> Result<()> {
        let slots = &mut slots.0;
        slots.clear();
        if envelope.len() != self.count {
            return Err(misfit());
        }
        let body = envelope.body();
        look_at(envelope, self.looked_at, 0, slots)?;
        for opened in &self.opened {
            let range = slots.get(opened.place).cloned().ok_or_else(misfit)?;
            let structure = body.get(range.clone()).unwrap_or_default();
            match View::read(structure)? {
                View::Struct(elements) if elements.len() == opened.count => {
                    let start = range.end - elements.body().len();
                    look_at(elements, opened.looked_at, start, slots)?;
                }
                View::Null => slots.resize(slots.len() + opened.looked_at, 0..0),
                _ => return Err(misfit()),
            }
        }
        Ok(())
    }
}

impl Added {
    /// What stands for it in an envelope: encoded, `None` for null.
    #[must_use]
    pub fn value<'a>(&self, slots: &Slots, body: &'a [u8]) -> Option<&'a [u8]> {
        if let Some(only_with) = self.only_with {
            slots.get(only_with, body)?;
        }
        slots.get(self.slot, body)
    }

    /// That a struct cannot be added to rows, of which Debezium keeps no fields.
    ///
    /// # Errors
    /// When it is a struct.
    pub fn check(&self, value: &[u8]) -> Result<()> {
        match self.schema.kind {
            SchemaType::Struct(_) => Err(Error::data(format_args!(
                "Struct schemas do not match. {} is a whole struct ({} bytes); add.fields takes single fields, such as STRUCT.FIELD",
                self.name,
                value.len()
            ))),
            _ => Ok(()),
        }
    }

    /// As a field of a row.
    #[must_use]
    pub fn field(&self) -> Field {
        let schema = match self.schema.kind {
            SchemaType::Struct(_) => Arc::new(Schema {
                kind: SchemaType::Struct(Vec::new()),
                ..Schema::clone(&self.schema)
            }),
            _ => Arc::clone(&self.schema),
        };
        Field {
            name: self.name.clone(),
            schema,
        }
    }
}

/// Notes where the first elements stand, the first of them at `start`.
fn look_at(
    mut elements: Elements<'_>,
    count: usize,
    start: usize,
    slots: &mut Vec<Range<usize>>,
) -> Result<()> {
    let mut at = start;
    for _ in 0..count {
        let element = elements.next_encoded()?.ok_or_else(misfit)?;
        slots.push(at..at + element.len());
        at += element.len();
    }
    Ok(())
}

/// The slots of envelopes of one schema: first their own fields, then those of each struct that is looked into.
#[derive(Default)]
struct Layout {
    looked_at: usize,
    opened: Vec<Opened>,
}

impl Layout {
    /// Makes room for a field of the envelope.
    fn look_at(&mut self, place: usize) {
        self.looked_at = self.looked_at.max(place + 1);
    }

    /// Makes room for what is added.
    fn add(&mut self, fields: &[Field], place: Place) {
        match place {
            Place::Envelope(place) => self.look_at(place),
            Place::Beside(structure, place) => {
                self.look_at(structure);
                self.look_at(place);
            }
            Place::Within(structure, place) => {
                self.look_at(structure);
                let looked_at = place + 1;
                let known = self
                    .opened
                    .iter_mut()
                    .find(|known| known.place == structure);
                match known {
                    Some(known) => known.looked_at = known.looked_at.max(looked_at),
                    None => self.opened.push(Opened {
                        place: structure,
                        count: fields
                            .get(structure)
                            .map_or(0, |field| field.schema.fields().len()),
                        looked_at,
                    }),
                }
            }
        }
    }

    /// The slots of a place: its own, and the one without which it is null.
    fn slots(&self, place: Place) -> (usize, Option<usize>) {
        match place {
            Place::Envelope(place) => (place, None),
            Place::Beside(structure, place) => (place, Some(structure)),
            Place::Within(structure, place) => {
                let before = self
                    .opened
                    .iter()
                    .take_while(|known| known.place != structure);
                let first = self.looked_at + before.map(|known| known.looked_at).sum::<usize>();
                (first + place, None)
            }
        }
    }

    fn added(&self, (name, found): (String, Found)) -> Added {
        let (slot, only_with) = self.slots(found.place);
        Added {
            name,
            new_schema: NewSchema::new(&found.schema),
            schema: found.schema,
            slot,
            only_with,
        }
    }
}

/// Finds what is to be added; what envelopes of a schema do not have is left out.
fn find_all(references: &[FieldReference], envelope: &Schema) -> Result<Vec<(String, Found)>> {
    let find = |reference: &FieldReference| {
        let found = reference.find(envelope).transpose()?;
        Some(found.map(|found| (reference.new_name.clone(), found)))
    };
    references.iter().filter_map(find).collect()
}

/// Kafka Connect's words where `op` is missing, which is looked at for each row.
fn check_operation(fields: &[Field]) -> Result<()> {
    match fields.iter().find(|field| field.name == "op") {
        None => Err(Error::data(
            "op is not a valid field name: the envelope has no operation",
        )),
        Some(op) if op.schema.kind != SchemaType::String => {
            Err(Error::data("Field 'op' is not of type STRING"))
        }
        Some(_) => Ok(()),
    }
}
