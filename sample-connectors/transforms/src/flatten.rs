//! `Flatten`: puts the fields of nested maps or structs beside the others, under names made of all names on the way.

use std::marker::PhantomData;

use tidegate_sdk::prelude::*;
use tidegate_sdk::{Edit, NO_SCHEMA, SchemaPlans, TransformBatch};

use crate::encoded::{present, require_map_scan, require_struct};
use crate::fields::check_size;
use crate::flat_map::Flattener;
use crate::flat_struct::FlatStruct;
use crate::side::OnSide;

const PURPOSE: &str = "flattening";

/// The transform.
#[derive(Debug)]
pub struct Flatten<S> {
    delimiter: String,
    maps: Flattener,
    plans: SchemaPlans<FlatStruct>,
    side: PhantomData<S>,
}

impl<S: OnSide> Transform for Flatten<S> {
    fn describe() -> Description {
        Description::new(S::class("Flatten"))
            .version(env!("CARGO_PKG_VERSION"))
            .documentation(
                "Flatten a nested data structure, generating names for each field by concatenating the field names at each level with a configurable delimiter character. Applies to Struct when schema present, or a Map in the case of schemaless data. Array fields and their contents are not modified. The default delimiter is '.'.",
            )
            .config(ConfigDef::new().optional(
                "delimiter",
                Type::Text,
                ".",
                Importance::Medium,
                "Delimiter to insert between field names from the input record when generating field names for the output record",
            ))
    }

    fn configure(config: &Config) -> Result<Self> {
        let delimiter = config.required("delimiter")?;
        Ok(Self {
            maps: Flattener::new(delimiter),
            delimiter: delimiter.to_owned(),
            plans: SchemaPlans::default(),
            side: PhantomData,
        })
    }

    fn reads(&self) -> Reads {
        S::READS
    }

    fn apply_batch(&mut self, batch: &mut TransformBatch) -> Result<()> {
        let number = self.plans.begin();
        let (delimiter, maps) = (&self.delimiter, &mut self.maps);
        let plans = &mut self.plans;
        batch.rewrite(S::SIDE, |row, schemas, out| {
            let (bytes, schema) = row.side(S::SIDE);
            let Some(bytes) = present(bytes) else {
                return Ok(Edit::Unchanged);
            };
            if schema == NO_SCHEMA {
                maps.write(require_map_scan(bytes, PURPOSE)?, out)?;
                return Ok(Edit::Written(NO_SCHEMA));
            }
            let elements = require_struct(Some(bytes), PURPOSE)?;
            let plan = plans.plan(schemas, schema, |schema| {
                FlatStruct::plan(schema, delimiter)
            })?;
            let mark = out.len();
            plan.write(elements, out)?;
            check_size(out, mark)?;
            Ok(Edit::Written(plan.schema.index(schemas, number)))
        });
        Ok(())
    }
}
