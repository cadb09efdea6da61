//! `MaskField`: puts a zero, an empty value or a replacement in place of fields.

use std::marker::PhantomData;

use tidegate_sdk::model::short::append;
use tidegate_sdk::model::value::tag;
use tidegate_sdk::prelude::*;
use tidegate_sdk::{
    Edit, Facts, MapEdits, NO_SCHEMA, PlannedMap, Row, SchemaPlans, Side, TransformBatch,
};

use crate::distinct::some_distinct;
use crate::encoded::{present, require_map, require_map_scan, require_struct};
use crate::fields::{Listed, OnNull, check_size, edit_struct};
use crate::masks::Masks;
use crate::side::{OnSide, REPLACE_NULL, with_replace_null};

use crate::encoded::Run;

const PURPOSE: &str = "mask fields";

/// The transform.
#[derive(Debug)]
pub struct MaskField<S> {
    fields: Listed<()>,
    masks: Masks,
    replace_null: bool,
    plans: SchemaPlans<Vec<FieldPlan>>,
    side: PhantomData<S>,
}

/// What becomes of a field of structs with one schema.
#[derive(Debug)]
struct FieldPlan {
    masked: bool,
    on_null: OnNull,
}

impl<S: OnSide> Transform for MaskField<S> {
    fn describe() -> Description {
        let definition = ConfigDef::new()
            .required(
                "fields",
                Type::List,
                Importance::High,
                "Names of fields to mask.",
            )
            .nullable(
                "replacement",
                Type::Text,
                Importance::Low,
                "Custom value replacement, that will be applied to all 'fields' values (numeric or non-empty string values only).",
            );
        Description::new(S::class("MaskField"))
            .version(env!("CARGO_PKG_VERSION"))
            .documentation(
                "Mask specified fields with a valid null value for the field type (i.e. 0, false, empty string, and so on). For numeric and string fields, an optional replacement value can be specified that is converted to the correct type.",
            )
            .config(with_replace_null(definition))
    }

    fn configure(config: &Config) -> Result<Self> {
        let fields = some_distinct(config, "fields")?;
        let replacement = config.get("replacement");
        if replacement == Some("") {
            return Err(Error::config_key(
                "replacement",
                "Invalid value  for configuration replacement: String must be non-empty",
            ));
        }
        Ok(Self {
            fields: Listed::new(fields.into_iter().map(|name| (name, ()))),
            masks: replacement.map_or_else(Masks::zeros, Masks::replacing),
            replace_null: config.boolean(REPLACE_NULL)?,
            plans: SchemaPlans::default(),
            side: PhantomData,
        })
    }

    fn reads(&self) -> Reads {
        S::READS
    }

    fn map_edits(&self) -> Option<&dyn MapEdits> {
        Some(self)
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        self.plans.begin();
        let Self {
            fields,
            masks,
            replace_null,
            plans,
            ..
        } = self;
        batch.rewrite(S::SIDE, |row, schemas, out| {
            let (bytes, schema) = row.side(S::SIDE);
            let bytes = present(bytes);
            let mark = out.len();
            if schema == NO_SCHEMA {
                let Some(bytes) = bytes else {
                    require_map(None, PURPOSE)?;
                    return Ok(Edit::Unchanged);
                };
                mask_map(bytes, fields, masks, out)?;
            } else {
                let elements = require_struct(bytes, PURPOSE)?;
                let plan = plans.plan(schemas, schema, |schema| {
                    plan(schema, fields, masks, *replace_null)
                })?;
                edit_struct(elements, plan, out, |plan, value, run, out| {
                    mask(plan, value, masks, run, out)
                })?;
            }
            check_size(out, mark)?;
            Ok(Edit::Written(schema))
        });
        Ok(())
    }
}

impl<S: OnSide> MapEdits for MaskField<S> {
    fn side(&self) -> Side {
        S::SIDE
    }

    /// Null is no map.
    fn keeps_null(&self) -> bool {
        false
    }

    fn plan(&self, _: Facts, map: &mut PlannedMap) {
        self.fields.plan(map);
    }

    fn write(&self, _: u32, value: &[u8], _: &Row<'_>, out: &mut Vec<u8>) -> Result<()> {
        append(out, self.masks.of(value)?);
        Ok(())
    }
}

/// Copies a map with the listed fields masked; those that it lacks are null.
fn mask_map(bytes: &[u8], fields: &mut Listed<()>, masks: &Masks, out: &mut Vec<u8>) -> Result<()> {
    let mut entries = require_map_scan(bytes, PURPOSE)?;
    let container = Encoder::new(out).map();
    let mut run = Run::new(entries.body());
    let mut count = 0;
    fields.begin();
    while let Some((key, value)) = entries.next_entry() {
        run.keep(key.len());
        if fields.find(key).is_some() {
            run.replace(value.len(), masks.of(value)?, out);
        } else {
            run.keep(value.len());
        }
        count += 1;
    }
    entries.end()?;
    run.end(out);
    count += fields.add_missing(out);
    Encoder::new(out).end(container, count);
    Ok(())
}

fn plan(
    schema: &Schema,
    fields: &Listed<()>,
    masks: &Masks,
    replace_null: bool,
) -> Result<Vec<FieldPlan>> {
    let plan = |field: &Field| {
        let masked = fields.of(&field.name).is_some();
        let on_null = match OnNull::of(field, replace_null) {
            OnNull::Becomes(default) if masked => OnNull::Becomes(masks.of(&default)?.to_vec()),
            on_null => on_null,
        };
        Ok(FieldPlan { masked, on_null })
    };
    schema.fields().iter().map(plan).collect()
}

#[inline]
fn mask(
    plan: &FieldPlan,
    value: &[u8],
    masks: &Masks,
    run: &mut Run<'_>,
    out: &mut Vec<u8>,
) -> Result<()> {
    if value == [tag::NULL] {
        return plan.on_null.write(run, out);
    }
    if plan.masked {
        run.replace(value.len(), masks.of(value)?, out);
    } else {
        run.keep(value.len());
    }
    Ok(())
}
