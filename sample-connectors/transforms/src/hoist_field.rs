//! `HoistField`: wraps the whole key or value in a struct or map of one field.

use std::marker::PhantomData;
use std::sync::Arc;

use tidegate_sdk::model::limits::VALUE_DEPTH_MAX;
use tidegate_sdk::model::short::append;
use tidegate_sdk::model::value::ValueError;
use tidegate_sdk::prelude::*;
use tidegate_sdk::{Edit, NO_SCHEMA, NewSchema, SchemaPlans, TransformBatch};

use crate::encoded::{present, text};
use crate::fields::{OnNull, check_size, nests_deeper, new_schema};
use crate::side::OnSide;

/// The transform.
#[derive(Debug)]
pub struct HoistField<S> {
    name: String,
    /// The name as the key of a map.
    key: Vec<u8>,
    plans: SchemaPlans<Plan>,
    side: PhantomData<S>,
}

/// What becomes of values with one schema.
#[derive(Debug)]
struct Plan {
    schema: NewSchema,
    on_null: OnNull,
}

impl<S: OnSide> Transform for HoistField<S> {
    fn describe() -> Description {
        Description::new(S::class("HoistField"))
            .version(env!("CARGO_PKG_VERSION"))
            .documentation(
                "Wrap data using the specified field name in a Struct when schema present, or a Map in the case of schemaless data.",
            )
            .config(ConfigDef::new().required(
                "field",
                Type::Text,
                Importance::Medium,
                "Field name for the single field that will be created in the resulting Struct or Map.",
            ))
    }

    fn configure(config: &Config) -> Result<Self> {
        let name = config.required("field")?;
        Ok(Self {
            name: name.to_owned(),
            key: text(name),
            plans: SchemaPlans::default(),
            side: PhantomData,
        })
    }

    fn reads(&self) -> Reads {
        S::READS
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        let number = self.plans.begin();
        let (name, key) = (&self.name, &self.key);
        let plans = &mut self.plans;
        batch.rewrite(S::SIDE, |row, schemas, out| {
            let (bytes, schema) = row.side(S::SIDE);
            let bytes = present(bytes);
            if let Some(bytes) = bytes
                && nests_deeper(bytes, VALUE_DEPTH_MAX - 1)?
            {
                return Err(ValueError::Depth.into());
            }
            let mark = out.len();
            let (container, schema) = if schema == NO_SCHEMA {
                let container = Encoder::new(out).map();
                append(out, key);
                (container, NO_SCHEMA)
            } else {
                let plan = plans.plan(schemas, schema, |schema| plan(schema, name))?;
                if let (None, OnNull::Fails(message)) = (bytes, &plan.on_null) {
                    return Err(Error::data(message));
                }
                let container = Encoder::new(out).structure();
                (container, plan.schema.index(schemas, number))
            };
            match bytes {
                Some(bytes) => append(out, bytes),
                None => Encoder::new(out).null(),
            }
            Encoder::new(out).end(container, 1);
            check_size(out, mark)?;
            Ok(Edit::Written(schema))
        });
        Ok(())
    }
}

fn plan(schema: &Schema, name: &str) -> Result<Plan> {
    if name.is_empty() {
        return Err(Error::data("fieldName cannot be null."));
    }
    let field = Field {
        name: name.to_owned(),
        schema: Arc::new(schema.clone()),
    };
    Ok(Plan {
        schema: new_schema(&Schema::new(SchemaType::Struct(vec![field])))?,
        on_null: OnNull::of_bare(name, schema, schema.optional),
    })
}
