//! `ValueToKey`: makes the key of fields of the value.

use tidegate_sdk::model::value::tag;
use tidegate_sdk::prelude::*;
use tidegate_sdk::{Edit, NO_SCHEMA, NewSchema, SchemaPlans, Side, TransformBatch};

use crate::distinct::some_distinct;
use crate::encoded::{misfit, require_map, require_struct, struct_like, text};
use crate::fields::OnNull;
use crate::side::{PACKAGE, REPLACE_NULL, with_replace_null};

const PURPOSE: &str = "copying fields from value to key";

/// The transform.
#[derive(Debug)]
pub struct ValueToKey {
    fields: Vec<String>,
    /// The fields' names as keys of a map.
    keys: Vec<Vec<u8>>,
    replace_null: bool,
    plans: SchemaPlans<Plan>,
}

/// Where the key's fields stand in structs with one schema.
#[derive(Debug)]
struct Plan {
    schema: NewSchema,
    places: Vec<(usize, OnNull)>,
    fields: usize,
}

impl Transform for ValueToKey {
    fn describe() -> Description {
        let definition = ConfigDef::new().required(
            "fields",
            Type::List,
            Importance::High,
            "Field names on the record value to extract as the record key.",
        );
        Description::new(format!("{PACKAGE}ValueToKey"))
            .version(env!("CARGO_PKG_VERSION"))
            .documentation(
                "Replace the record key with a new key formed from a subset of fields in the record value.",
            )
            .config(with_replace_null(definition))
    }

    fn configure(config: &Config) -> Result<Self> {
        let fields = some_distinct(config, "fields")?;
        let fields: Vec<String> = fields.into_iter().map(str::to_owned).collect();
        Ok(Self {
            keys: fields.iter().map(|field| text(field)).collect(),
            fields,
            replace_null: config.boolean(REPLACE_NULL)?,
            plans: SchemaPlans::default(),
        })
    }

    fn reads(&self) -> Reads {
        Reads::VALUES
    }

    fn reads_when_conditional(&self) -> Reads {
        Reads::KEYS
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        let number = self.plans.begin();
        let (fields, keys, replace_null) = (&self.fields, &self.keys, self.replace_null);
        let plans = &mut self.plans;
        let mut values: Vec<std::ops::Range<usize>> = Vec::new();
        batch.rewrite(Side::Key, |row, schemas, out| {
            let schema = row.value_schema;
            if schema == NO_SCHEMA {
                let entries = require_map(row.value, PURPOSE)?;
                let mut encoder = Encoder::new(out);
                let container = encoder.map();
                for (field, key) in fields.iter().zip(keys) {
                    encoder.encoded(key);
                    match entries.get(field)? {
                        Some(value) => encoder.encoded(value),
                        None => encoder.null(),
                    }
                }
                encoder.end(container, keys.len());
                return Ok(Edit::Written(NO_SCHEMA));
            }
            let mut elements = require_struct(row.value, PURPOSE)?;
            let plan = plans.plan(schemas, schema, |schema| plan(schema, fields, replace_null))?;
            if elements.len() != plan.fields {
                return Err(misfit());
            }
            let body = elements.body();
            values.clear();
            let mut at = 0;
            while let Some(value) = elements.next_encoded()? {
                values.push(at..at + value.len());
                at += value.len();
            }
            let mut encoder = Encoder::new(out);
            let container = encoder.structure();
            for (place, on_null) in &plan.places {
                let value = values.get(*place).cloned();
                let value = value.and_then(|range| body.get(range)).ok_or_else(misfit)?;
                match on_null {
                    OnNull::Becomes(default) if value == [tag::NULL] => encoder.encoded(default),
                    OnNull::Fails(message) if value == [tag::NULL] => {
                        return Err(Error::data(message));
                    }
                    _ => encoder.encoded(value),
                }
            }
            encoder.end(container, plan.places.len());
            Ok(Edit::Written(plan.schema.index(schemas, number)))
        });
        Ok(())
    }
}

fn plan(schema: &Schema, fields: &[String], replace_null: bool) -> Result<Plan> {
    let mut places = Vec::with_capacity(fields.len());
    let mut key_fields = Vec::with_capacity(fields.len());
    for name in fields {
        let mut known = schema.fields().iter().enumerate();
        let (place, field) = known
            .find(|(_, field)| field.name == *name)
            .ok_or_else(|| Error::data(format_args!("Field does not exist: {name}")))?;
        places.push((place, OnNull::of(field, replace_null)));
        key_fields.push(field.clone());
    }
    let bare = Schema::new(SchemaType::Struct(Vec::new()));
    Ok(Plan {
        schema: NewSchema::new(&struct_like(&bare, key_fields)?),
        places,
        fields: schema.fields().len(),
    })
}
