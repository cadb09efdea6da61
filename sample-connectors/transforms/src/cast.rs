//! `Cast`: gives fields, or the whole key or value, another type.

use std::marker::PhantomData;
use std::sync::Arc;

use tidegate_sdk::model::schema::{DATE, DECIMAL, TIME, TIMESTAMP};
use tidegate_sdk::model::value::tag;
use tidegate_sdk::prelude::*;
use tidegate_sdk::{
    Edit, Facts, MapEdits, NO_SCHEMA, NewSchema, PlannedMap, Row, SchemaPlans, Side, TransformBatch,
};

use crate::cast_value::{Target, cast, not_castable};
use crate::encoded::{Run, present, require_map_scan, require_struct, struct_like};
use crate::fields::{Listed, OnNull, check_size, default_of, edit_struct, new_schema};
use crate::side::{OnSide, REPLACE_NULL, with_replace_null};
use tidegate_sdk::model::short::append;

const PURPOSE: &str = "cast types";

/// The transform.
#[derive(Debug)]
pub struct Cast<S> {
    spec: Spec,
    replace_null: bool,
    plans: SchemaPlans<Plan>,
    side: PhantomData<S>,
}

/// What is cast to which type.
#[derive(Debug)]
enum Spec {
    Whole(Target),
    Fields(Listed<Target>),
}

/// What becomes of values with one schema.
#[derive(Debug)]
struct Plan {
    schema: NewSchema,
    /// The tag of a date, time or timestamp, where the whole value stays one by its schema.
    logical: Option<u8>,
    fields: Vec<FieldPlan>,
}

/// What becomes of a field of a struct.
#[derive(Debug)]
struct FieldPlan {
    target: Option<Target>,
    on_null: OnNull,
}

impl<S: OnSide> Transform for Cast<S> {
    fn describe() -> Description {
        let definition = ConfigDef::new().required(
            "spec",
            Type::List,
            Importance::High,
            "List of fields and the type to cast them to of the form field1:type,field2:type to cast fields of Maps or Structs. A single type to cast the entire value. Valid types are int8, int16, int32, int64, float32, float64, boolean, and string. Note that binary fields can only be cast to string.",
        );
        Description::new(S::class("Cast"))
            .version(env!("CARGO_PKG_VERSION"))
            .documentation(
                "Cast fields or the entire key or value to a specific type, e.g. to force an integer field to a smaller width. Cast from integers, floats, boolean and string to any other type, and cast binary to string (base64 encoded).",
            )
            .config(with_replace_null(definition))
    }

    fn configure(config: &Config) -> Result<Self> {
        Ok(Self {
            spec: Spec::parse(&config.list("spec")?)?,
            replace_null: config.boolean(REPLACE_NULL)?,
            plans: SchemaPlans::default(),
            side: PhantomData,
        })
    }

    fn reads(&self) -> Reads {
        S::READS
    }

    fn map_edits(&self) -> Option<&dyn MapEdits> {
        match self.spec {
            Spec::Whole(_) => None,
            Spec::Fields(_) => Some(self),
        }
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        let number = self.plans.begin();
        let (spec, replace_null) = (&mut self.spec, self.replace_null);
        let plans = &mut self.plans;
        batch.rewrite(S::SIDE, |row, schemas, out| {
            let (bytes, schema) = row.side(S::SIDE);
            let Some(bytes) = present(bytes) else {
                return Ok(Edit::Unchanged);
            };
            let mark = out.len();
            if schema == NO_SCHEMA {
                match spec {
                    Spec::Whole(target) => cast_whole(bytes, *target, false, out)?,
                    Spec::Fields(fields) => cast_map(bytes, fields, out)?,
                }
                check_size(out, mark)?;
                return Ok(Edit::Written(NO_SCHEMA));
            }
            let plan = plans.plan(schemas, schema, |schema| spec.plan(schema, replace_null))?;
            match spec {
                Spec::Whole(target) => {
                    cast_whole(bytes, *target, true, out)?;
                    if let (Some(logical), Some(tag)) = (plan.logical, out.get_mut(mark)) {
                        *tag = logical;
                    }
                }
                Spec::Fields(_) => {
                    let elements = require_struct(Some(bytes), PURPOSE)?;
                    edit_struct(elements, &plan.fields, out, cast_field)?;
                }
            }
            check_size(out, mark)?;
            Ok(Edit::Written(plan.schema.index(schemas, number)))
        });
        Ok(())
    }
}

impl<S: OnSide> MapEdits for Cast<S> {
    fn side(&self) -> Side {
        S::SIDE
    }

    fn keeps_null(&self) -> bool {
        true
    }

    fn plan(&self, _: Facts, map: &mut PlannedMap) {
        match &self.spec {
            Spec::Whole(_) => map.give_up(),
            Spec::Fields(fields) => fields.plan(map),
        }
    }

    fn write(&self, number: u32, value: &[u8], _: &Row<'_>, out: &mut Vec<u8>) -> Result<()> {
        let target = match &self.spec {
            Spec::Fields(fields) => fields.at(number),
            Spec::Whole(_) => None,
        };
        match target {
            Some(target) if value != [tag::NULL] => cast_whole(value, *target, false, out)?,
            _ => append(out, value),
        }
        Ok(())
    }
}

fn cast_whole(bytes: &[u8], target: Target, has_schema: bool, out: &mut Vec<u8>) -> Result<()> {
    if target.is_type_of(bytes) {
        append(out, bytes);
        return Ok(());
    }
    cast(bytes, target, has_schema, out)
}

/// Copies a map with the listed fields cast; those that it lacks are null.
fn cast_map(bytes: &[u8], fields: &mut Listed<Target>, out: &mut Vec<u8>) -> Result<()> {
    let mut entries = require_map_scan(bytes, PURPOSE)?;
    let container = Encoder::new(out).map();
    let mut run = Run::new(entries.body());
    let mut count = 0;
    fields.begin();
    while let Some((key, value)) = entries.next_entry() {
        run.keep(key.len());
        match fields.find(key) {
            Some(target) if value != [tag::NULL] && !target.is_type_of(value) => {
                run.skip(value.len(), out);
                cast(value, *target, false, out)?;
            }
            _ => run.keep(value.len()),
        }
        count += 1;
    }
    entries.end()?;
    run.end(out);
    count += fields.add_missing(out);
    Encoder::new(out).end(container, count);
    Ok(())
}

#[inline]
fn cast_field(plan: &FieldPlan, value: &[u8], run: &mut Run<'_>, out: &mut Vec<u8>) -> Result<()> {
    if value == [tag::NULL] {
        return plan.on_null.write(run, out);
    }
    match plan.target {
        Some(target) if !target.is_type_of(value) => {
            run.skip(value.len(), out);
            cast(value, target, true, out)
        }
        _ => {
            run.keep(value.len());
            Ok(())
        }
    }
}

impl Spec {
    /// Reads `field:type` pairs, or one type for the whole; of two types for one field the last counts.
    fn parse(mappings: &[&str]) -> Result<Self> {
        if mappings.is_empty() {
            return Err(refused("Must specify at least one field to cast."));
        }
        let mut fields = Vec::new();
        let mut whole = None;
        for mapping in mappings {
            let parts: Vec<&str> = mapping.trim_end_matches(':').split(':').collect();
            match parts.as_slice() {
                [kind] => whole = Some(target(kind)?),
                [name, kind] => fields.push((trimmed(name), target(kind)?)),
                _ => {
                    return Err(refused(&format!(
                        "Invalid value [{}] for configuration renames: Invalid rename mapping: {mapping}",
                        mappings.join(", ")
                    )));
                }
            }
        }
        match whole {
            Some(target) if mappings.len() == 1 => Ok(Self::Whole(target)),
            Some(_) => Err(refused(
                "Cast transformations that specify a type to cast the entire value to may only specify a single cast in their spec",
            )),
            None => Ok(Self::Fields(Listed::new(fields))),
        }
    }

    fn plan(&self, schema: &Schema, replace_null: bool) -> Result<Plan> {
        match self {
            Self::Whole(target) => whole_plan(schema, *target),
            Self::Fields(fields) => fields_plan(schema, fields, replace_null),
        }
    }
}

fn target(kind: &str) -> Result<Target> {
    let kind = trimmed(kind);
    let name = kind.to_uppercase();
    if let Some(target) = Target::named(&name) {
        return Ok(target);
    }
    Err(refused(&match name.as_str() {
        "ARRAY" | "MAP" | "STRUCT" | "BYTES" => format!(
            "Cast transformation does not support casting to {name}; supported types are [INT8, INT16, INT32, INT64, FLOAT32, FLOAT64, BOOLEAN, STRING]"
        ),
        _ => format!(
            "Invalid type found in casting spec: {kind}; int8, int16, int32, int64, float32, float64, boolean and string are allowed"
        ),
    }))
}

fn refused(message: &str) -> Error {
    Error::config_key("spec", message)
}

/// A text without what Java's `trim` takes away.
fn trimmed(text: &str) -> &str {
    text.trim_matches(|char| char <= ' ')
}

/// The schema keeps its name, version, documentation and parameters, as Kafka Connect's does, even where its name is
/// that of a logical type which the new type cannot carry.
fn whole_plan(schema: &Schema, target: Target) -> Result<Plan> {
    let name = schema.name.as_deref();
    let is_logical = matches!(name, Some(DATE | TIME | TIMESTAMP | DECIMAL));
    let default = match &schema.default {
        Some(_) if is_logical => return Err(Error::data("Invalid default value")),
        Some(default) => {
            let mut out = Vec::new();
            cast_whole(&default.to_encoded(), target, true, &mut out)?;
            Some(Value::decode(&out)?)
        }
        None => None,
    };
    let logical = match (target, name) {
        (Target::Int32, Some(DATE)) => Some(tag::DATE),
        (Target::Int32, Some(TIME)) => Some(tag::TIME),
        (Target::Int64, Some(TIMESTAMP)) => Some(tag::TIMESTAMP),
        _ => None,
    };
    Ok(Plan {
        schema: new_schema(&Schema {
            kind: target.kind(),
            default,
            ..schema.clone()
        })?,
        logical,
        fields: Vec::new(),
    })
}

fn fields_plan(schema: &Schema, casts: &Listed<Target>, replace_null: bool) -> Result<Plan> {
    if !matches!(schema.kind, SchemaType::Struct(_)) {
        return Err(Error::data("Cannot list fields on non-struct type"));
    }
    if schema.default.is_some() {
        return Err(not_castable("STRUCT"));
    }
    let mut plans = Vec::with_capacity(schema.fields().len());
    let mut fields = Vec::with_capacity(schema.fields().len());
    for field in schema.fields() {
        let target = casts.of(&field.name).copied();
        let field = match target {
            Some(target) => cast_schema(field, target)?,
            None => field.clone(),
        };
        plans.push(FieldPlan {
            target,
            on_null: OnNull::of(&field, replace_null),
        });
        fields.push(field);
    }
    let changed = Schema {
        optional: schema.optional,
        ..struct_like(schema, fields)?
    };
    Ok(Plan {
        schema: new_schema(&changed)?,
        logical: None,
        fields: plans,
    })
}

/// A field of another type: it may be null as before, its default is cast, and nothing else is kept.
fn cast_schema(field: &Field, target: Target) -> Result<Field> {
    let default = match default_of(&field.schema) {
        Some(default) => {
            let mut out = Vec::new();
            cast_whole(&default, target, true, &mut out)?;
            Some(Value::decode(&out)?)
        }
        None => None,
    };
    Ok(Field {
        name: field.name.clone(),
        schema: Arc::new(Schema {
            optional: field.schema.optional,
            default,
            ..Schema::new(target.kind())
        }),
    })
}
