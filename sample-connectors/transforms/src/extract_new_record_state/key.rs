//! Fields that are left out of keys.

use tidegate_sdk::model::value::Entries;
use tidegate_sdk::{
    Edit, Encoder, Field, NO_SCHEMA, NewSchema, Result, Row as Record, Schema, SchemaPlans,
    Schemas, View,
};

use super::dropped_fields::{DROPPED_SHAPES_MAX, Dropped};
use crate::encoded::{
    FieldPlan, copy_fields, field_plans, misfit, present, require_map, require_struct, struct_like,
};

const PURPOSE: &str = "field replacement";

/// What is known of keys of one schema.
#[derive(Debug)]
pub struct KeyPlan {
    schema: Schema,
    without: Vec<(u32, Option<Shape>)>,
}

/// What a key becomes without the fields of a list.
#[derive(Debug)]
struct Shape {
    schema: NewSchema,
    fields: Vec<FieldPlan>,
    count: usize,
}

/// Appends a key without some fields.
///
/// # Errors
/// When the key has no fields.
pub fn edit(
    record: Record<'_>,
    dropped: Dropped<'_>,
    plans: &mut SchemaPlans<KeyPlan>,
    schemas: &mut Schemas<'_>,
    batch: u64,
    out: &mut Vec<u8>,
) -> Result<Edit> {
    let Some(key) = present(record.key) else {
        return Ok(Edit::Unchanged);
    };
    if record.key_schema == NO_SCHEMA {
        if !dropped.changes_maps() {
            return Ok(Edit::Unchanged);
        }
        copy_map(require_map(Some(key), PURPOSE)?, dropped, out)?;
        return Ok(Edit::Written(NO_SCHEMA));
    }
    let elements = require_struct(Some(key), PURPOSE)?;
    let plan = plans.plan(schemas, record.key_schema, |schema| {
        Ok(KeyPlan {
            schema: schema.clone(),
            without: Vec::new(),
        })
    })?;
    let Some(shape) = plan.shape(dropped)? else {
        return Ok(Edit::Unchanged);
    };
    if elements.len() != shape.fields.len() {
        return Err(misfit());
    }
    let container = Encoder::new(out).structure();
    copy_fields(elements, &shape.fields, out)?;
    Encoder::new(out).end(container, shape.count);
    Ok(Edit::Written(shape.schema.index(schemas, batch)))
}

impl KeyPlan {
    /// What keys become; `None`: they stay.
    fn shape(&mut self, dropped: Dropped<'_>) -> Result<Option<&mut Shape>> {
        let mut known = self.without.iter();
        let known = known.position(|(number, _)| *number == dropped.number);
        let at = match known {
            Some(at) => at,
            None => {
                if self.without.len() >= DROPPED_SHAPES_MAX {
                    self.without.clear();
                }
                let shape = shape(&self.schema, dropped)?;
                self.without.push((dropped.number, shape));
                self.without.len() - 1
            }
        };
        Ok(self
            .without
            .get_mut(at)
            .and_then(|(_, shape)| shape.as_mut()))
    }
}

fn shape(schema: &Schema, dropped: Dropped<'_>) -> Result<Option<Shape>> {
    if !dropped.changes(schema.fields()) {
        return Ok(None);
    }
    let kept = |field: &&Field| !dropped.has(field);
    let fields: Vec<Field> = schema.fields().iter().filter(kept).cloned().collect();
    Ok(Some(Shape {
        count: fields.len(),
        schema: NewSchema::new(&struct_like(schema, fields)?),
        fields: field_plans(schema.fields(), true, |field| !dropped.has(field)),
    }))
}

fn copy_map(mut entries: Entries<'_>, dropped: Dropped<'_>, out: &mut Vec<u8>) -> Result<()> {
    let container = Encoder::new(out).map();
    let mut count = 0;
    while let Some((key, value)) = entries.next_encoded()? {
        if matches!(View::read(key)?, View::String(name) if dropped.has_entry(name)) {
            continue;
        }
        Encoder::new(out).encoded(key);
        Encoder::new(out).encoded(value);
        count += 1;
    }
    Encoder::new(out).end(container, count);
    Ok(())
}
