//! `SetSchemaMetadata`: gives the schema of keys or values another name or version.

use std::marker::PhantomData;

use tidegate_sdk::model::short::append;
use tidegate_sdk::model::value::tag;
use tidegate_sdk::prelude::*;
use tidegate_sdk::{Edit, NO_SCHEMA, NewSchema, SchemaPlans, TransformBatch};

use crate::encoded::{present, require_struct};
use crate::fields::{OnNull, check_size, edit_struct, new_schema};
use crate::side::{OnSide, REPLACE_NULL, with_replace_null};

const PURPOSE: &str = "updating schema metadata";

/// The transform.
#[derive(Debug)]
pub struct SetSchemaMetadata<S> {
    name: Option<String>,
    version: Option<i32>,
    replace_null: bool,
    plans: SchemaPlans<Plan>,
    side: PhantomData<S>,
}

/// What becomes of structs with one schema.
#[derive(Debug)]
struct Plan {
    schema: NewSchema,
    fields: Vec<OnNull>,
    /// Whether every null stays.
    plain: bool,
}

impl<S: OnSide> Transform for SetSchemaMetadata<S> {
    fn describe() -> Description {
        let definition = ConfigDef::new()
            .nullable(
                "schema.name",
                Type::Text,
                Importance::High,
                "Schema name to set.",
            )
            .nullable(
                "schema.version",
                Type::Int,
                Importance::High,
                "Schema version to set.",
            );
        Description::new(S::class("SetSchemaMetadata"))
            .version(env!("CARGO_PKG_VERSION"))
            .documentation(
                "Set the schema name, version or both on the record's key or value schema.",
            )
            .config(with_replace_null(definition))
    }

    fn configure(config: &Config) -> Result<Self> {
        let name = config.get("schema.name").map(str::to_owned);
        let version = match config.get("schema.version") {
            Some(_) => Some(config.int("schema.version")?),
            None => None,
        };
        if name.is_none() && version.is_none() {
            return Err(Error::config_key(
                "schema.name",
                "Neither schema name nor version configured",
            ));
        }
        Ok(Self {
            name,
            version,
            replace_null: config.boolean(REPLACE_NULL)?,
            plans: SchemaPlans::default(),
            side: PhantomData,
        })
    }

    fn reads(&self) -> Reads {
        S::READS
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        let number = self.plans.begin();
        let Self {
            name,
            version,
            replace_null,
            plans,
            ..
        } = self;
        batch.rewrite(S::SIDE, |row, schemas, out| {
            let (bytes, schema) = row.side(S::SIDE);
            let bytes = present(bytes);
            if schema == NO_SCHEMA {
                return match bytes {
                    Some(_) => Err(Error::data(format_args!("Schema required for [{PURPOSE}]"))),
                    None => Ok(Edit::Unchanged),
                };
            }
            let plan = plans.plan(schemas, schema, |schema| {
                plan(schema, name.as_deref(), *version, *replace_null)
            })?;
            let index = plan.schema.index(schemas, number);
            let Some(bytes) = bytes else {
                return Ok(Edit::Null(index));
            };
            if plan.plain {
                append(out, bytes);
                return Ok(Edit::Written(index));
            }
            let mark = out.len();
            let elements = require_struct(Some(bytes), PURPOSE)?;
            edit_struct(elements, &plan.fields, out, |on_null, value, run, out| {
                if value == [tag::NULL] {
                    return on_null.write(run, out);
                }
                run.keep(value.len());
                Ok(())
            })?;
            check_size(out, mark)?;
            Ok(Edit::Written(index))
        });
        Ok(())
    }
}

fn plan(
    schema: &Schema,
    name: Option<&str>,
    version: Option<i32>,
    replace_null: bool,
) -> Result<Plan> {
    if !matches!(schema.kind, SchemaType::Struct(_)) {
        return Err(Error::data("Cannot list fields on non-struct type"));
    }
    let fields = schema.fields().iter();
    let fields: Vec<OnNull> = fields
        .map(|field| OnNull::of(field, replace_null))
        .collect();
    Ok(Plan {
        schema: new_schema(&Schema {
            name: name.map(str::to_owned).or_else(|| schema.name.clone()),
            version: version.or(schema.version),
            ..schema.clone()
        })?,
        plain: fields.iter().all(|on_null| *on_null == OnNull::Stays),
        fields,
    })
}
