//! What becomes of the row before or after a change.

use std::sync::Arc;

use tidegate_sdk::model::short::append;
use tidegate_sdk::model::value::{Elements, tag};
use tidegate_sdk::{Encoder, Error, Field, NewSchema, Result, Schema, SchemaType, Value, View};

use super::dropped_fields::{DROPPED_SHAPES_MAX, Dropped};
use super::envelope::{Added, Rules, Slots};
use crate::encoded::{
    FieldPlan, copy_fields, field_plans, is_plain, misfit, require_struct, struct_like,
};

const PURPOSE: &str = "source field insertion";

/// The field that says whether a row was deleted.
const DELETED: &str = "__deleted";

/// Which row of an envelope.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// The row before the change: all that is left of a deleted one.
    Before,
    /// The row after the change.
    After,
}

/// A row of envelopes of one schema.
#[derive(Debug)]
pub struct Row {
    moment: Moment,
    place: usize,
    schema: Arc<Schema>,
    /// The schema as it stands in the envelope.
    pub as_it_stands: NewSchema,
    /// What becomes of it when no fields are left out.
    whole: Result<Shape>,
    /// What becomes of it without the fields of a list.
    without: Vec<(u32, Result<Shape>)>,
    topic: Topic,
}

/// What a row becomes.
#[derive(Debug)]
pub struct Shape {
    /// Its schema.
    pub schema: NewSchema,
    fields: Vec<FieldPlan>,
    /// Whether all fields are copied as they are.
    plain: bool,
    deleted: bool,
    /// What is added, by its number.
    added: Vec<usize>,
    count: usize,
}

/// Where the topic comes from.
#[derive(Debug)]
enum Topic {
    /// It stays.
    Same,
    /// A field of the row, with what stands for null.
    Field(usize, Option<Vec<u8>>),
    /// The field `__deleted`, which is `false`.
    Deleted,
    /// There is no such text.
    Missing(Error),
}

impl Row {
    /// Looks at the schema of a row.
    pub fn new(
        place: usize,
        schema: &Arc<Schema>,
        moment: Moment,
        rules: &Rules,
        added: &Result<Vec<Added>>,
    ) -> Self {
        Self {
            moment,
            place,
            schema: Arc::clone(schema),
            as_it_stands: NewSchema::new(schema),
            whole: shape(schema, moment, rules, added, None),
            without: Vec::new(),
            topic: topic(schema, moment, rules),
        }
    }

    /// The encoded row in an envelope; `None` is null.
    #[must_use]
    pub fn find<'a>(&self, slots: &Slots, body: &'a [u8]) -> Option<&'a [u8]> {
        slots.get(self.place, body)
    }

    /// What a row becomes, without the fields that a header names.
    ///
    /// # Errors
    /// When two fields would have one name, or envelopes lack what is to be added.
    pub fn shape(
        &mut self,
        rules: &Rules,
        added: &Result<Vec<Added>>,
        dropped: Option<Dropped<'_>>,
    ) -> Result<&mut Shape> {
        let Some(dropped) = dropped else {
            return self.whole.as_mut().map_err(|error| error.clone());
        };
        let mut known = self.without.iter();
        let known = known.position(|(number, _)| *number == dropped.number);
        let at = match known {
            Some(at) => at,
            None => {
                if self.without.len() >= DROPPED_SHAPES_MAX {
                    self.without.clear();
                }
                let shape = shape(&self.schema, self.moment, rules, added, Some(dropped));
                self.without.push((dropped.number, shape));
                self.without.len() - 1
            }
        };
        match self.without.get_mut(at) {
            Some((_, shape)) => shape.as_mut().map_err(|error| error.clone()),
            None => Err(misfit()),
        }
    }

    /// The topic that a row asks for; `None`: it stays.
    ///
    /// # Errors
    /// When the field is missing or no text.
    pub fn topic<'a>(&'a self, row: &'a [u8]) -> Result<Option<&'a str>> {
        let (place, default) = match &self.topic {
            Topic::Same => return Ok(None),
            Topic::Deleted => return Ok(Some("false")),
            Topic::Missing(error) => return Err(error.clone()),
            Topic::Field(place, default) => (*place, default),
        };
        let mut elements = require_struct(Some(row), PURPOSE)?;
        for _ in 0..place {
            elements.next_encoded()?;
        }
        let found = elements.next_encoded()?.ok_or_else(misfit)?;
        let found = match default {
            Some(default) if found == [tag::NULL] => default,
            _ => found,
        };
        match View::read(found)? {
            // Java's `isBlank`.
            View::String(topic) => Ok(Some(topic).filter(|topic| !topic.trim().is_empty())),
            View::Null => Ok(None),
            _ => Err(misfit()),
        }
    }
}

impl Shape {
    /// Appends what a row becomes.
    ///
    /// # Errors
    /// When the row does not fit its schema.
    pub fn write(
        &self,
        row: &[u8],
        is_deleted: bool,
        added: &[Added],
        slots: &Slots,
        envelope: &[u8],
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let row = require_struct(Some(row), PURPOSE)?;
        let container = Encoder::new(out).structure();
        self.copy(row, out)?;
        if self.deleted {
            Encoder::new(out).string(if is_deleted { "true" } else { "false" });
        }
        for number in &self.added {
            let Some(added) = added.get(*number) else {
                return Err(misfit());
            };
            match added.value(slots, envelope) {
                Some(value) => {
                    added.check(value)?;
                    append(out, value);
                }
                None => Encoder::new(out).null(),
            }
        }
        Encoder::new(out).end(container, self.count);
        Ok(())
    }

    fn copy(&self, row: Elements<'_>, out: &mut Vec<u8>) -> Result<()> {
        if row.len() != self.fields.len() {
            return Err(misfit());
        }
        if self.plain {
            append(out, row.body());
            return Ok(());
        }
        copy_fields(row, &self.fields, out)
    }
}

/// What rows of a schema become. A row after a change loses fields at the end, and may lose what was added;
/// one before it loses them before anything is added.
fn shape(
    row: &Schema,
    moment: Moment,
    rules: &Rules,
    added: &Result<Vec<Added>>,
    dropped: Option<Dropped<'_>>,
) -> Result<Shape> {
    let added = added.as_ref().map_err(Clone::clone)?;
    let deleted = deleted_field();
    let mut fields = row.fields().to_vec();
    fields.extend(rules.rewrite.then(|| deleted.clone()));
    let with_added = || fields.iter().cloned().chain(added.iter().map(Added::field));
    let all: Vec<Field> = with_added().collect();
    let touched = match moment {
        Moment::Before => &fields,
        Moment::After => &all,
    };
    let dropped = dropped.filter(|dropped| dropped.changes(touched));
    // Names are told apart before anything is left out.
    let whole = struct_like(row, touched.clone())?;
    let is_kept = |field: &Field| !dropped.is_some_and(|dropped| dropped.has(field));
    let is_added_kept = |field: &Field| moment == Moment::Before || is_kept(field);
    let kept_added: Vec<usize> = (0..added.len())
        .filter(|number| {
            added
                .get(*number)
                .is_some_and(|added| is_added_kept(&added.field()))
        })
        .collect();
    let replace_null = rules.rewrite && rules.replace_null || dropped.is_some();
    let plans = field_plans(row.fields(), replace_null, is_kept);
    fields.retain(is_kept);
    let added = kept_added.iter().filter_map(|number| added.get(*number));
    fields.extend(added.map(Added::field));
    let count = fields.len();
    Ok(Shape {
        schema: NewSchema::new(&struct_like(&whole, fields)?),
        plain: is_plain(&plans),
        fields: plans,
        deleted: rules.rewrite && is_kept(&deleted),
        added: kept_added,
        count,
    })
}

fn deleted_field() -> Field {
    Field {
        name: DELETED.to_owned(),
        schema: Arc::new(Schema::new(SchemaType::String).optional()),
    }
}

/// Where rows of a schema name their topic. One before a change is read as it stands.
fn topic(row: &Schema, moment: Moment, rules: &Rules) -> Topic {
    let Some(name) = &rules.route_by_field else {
        return Topic::Same;
    };
    let rewritten = rules.rewrite && moment == Moment::After;
    let mut fields = row.fields().iter().enumerate();
    match fields.find(|(_, field)| field.name == *name) {
        Some((place, field)) if field.schema.kind == SchemaType::String => {
            let default = field.schema.default.as_ref();
            let default = default.filter(|_| rewritten && rules.replace_null);
            Topic::Field(place, default.map(Value::to_encoded))
        }
        Some((_, field)) => Topic::Missing(Error::data(format_args!(
            "Field '{name}' is not of type STRING: it is {}; route.by.field must name a field of texts",
            field.schema.kind.name()
        ))),
        None if rewritten && name == DELETED => Topic::Deleted,
        None => Topic::Missing(Error::data(format_args!(
            "{name} is not a valid field name: the row has no such field, which route.by.field names"
        ))),
    }
}
