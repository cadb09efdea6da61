//! `ExtractField`: puts one field in place of the whole key or value.

use std::marker::PhantomData;

use tidegate_sdk::model::value::tag;
use tidegate_sdk::prelude::*;
use tidegate_sdk::{Edit, NO_SCHEMA, NewSchema, SchemaPlans, TransformBatch};

use crate::encoded::{present, require_map, require_struct};
use crate::exception;
use crate::field_path::{FieldPath, Place};
use crate::side::{OnSide, REPLACE_NULL, with_replace_null};

const PURPOSE: &str = "field extraction";

/// The transform.
#[derive(Debug)]
pub struct ExtractField<S> {
    path: FieldPath,
    original: String,
    replace_null: bool,
    plans: SchemaPlans<Plan>,
    side: PhantomData<S>,
}

/// What becomes of structs with one schema.
#[derive(Debug)]
struct Plan {
    schema: NewSchema,
    place: Place,
    default: Option<Vec<u8>>,
}

impl<S: OnSide> Transform for ExtractField<S> {
    fn describe() -> Description {
        let definition = ConfigDef::new()
            .required(
                "field",
                Type::Text,
                Importance::Medium,
                "Field name to extract.",
            )
            .optional(
                "field.syntax.version",
                Type::Text,
                "V1",
                Importance::High,
                "Defines the version of the syntax to access fields. If set to `V1`, then the field paths are limited to access the elements at the root level of the struct or map. If set to `V2`, the syntax will support accessing nested elements. To access nested elements, dotted notation is used. If dots are already included in the field name, then backtick pairs can be used to wrap field names containing dots. E.g. to access the subfield `baz` from a field named \"foo.bar\" in a struct/map the following format can be used to access its elements: \"`foo.bar`.baz\".",
            );
        Description::new(S::class("ExtractField"))
            .version(env!("CARGO_PKG_VERSION"))
            .documentation(
                "Extract the specified field from a Struct when schema present, or a Map in the case of schemaless data. Any null values are passed through unmodified.",
            )
            .config(with_replace_null(definition))
    }

    fn configure(config: &Config) -> Result<Self> {
        let field = config.required("field")?;
        let version = config.required("field.syntax.version")?;
        Ok(Self {
            path: FieldPath::parse(field, version)?,
            original: field.to_owned(),
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
        let (path, original, replace_null) = (&self.path, &self.original, self.replace_null);
        let plans = &mut self.plans;
        batch.rewrite(S::SIDE, |row, schemas, out| {
            let (bytes, schema) = row.side(S::SIDE);
            let bytes = present(bytes);
            if schema == NO_SCHEMA {
                let found = match bytes {
                    Some(_) => path.in_map(require_map(bytes, PURPOSE)?)?,
                    None => None,
                };
                return Ok(written(found, None, NO_SCHEMA, out));
            }
            let elements = match bytes {
                Some(_) => Some(require_struct(bytes, PURPOSE)?),
                None => None,
            };
            let plan = plans.plan(schemas, schema, |schema| {
                let place = path.in_schema(schema)?;
                let place = place.ok_or_else(|| {
                    let message = format_args!("Unknown field: {original}");
                    Error::thrown(exception::ILLEGAL_ARGUMENT, message)
                })?;
                let default = place.field.schema.default.as_ref();
                Ok(Plan {
                    schema: NewSchema::new(&place.field.schema),
                    default: default.filter(|_| replace_null).map(Value::to_encoded),
                    place,
                })
            })?;
            let found = match elements {
                Some(elements) => plan.place.in_struct(elements)?,
                None => None,
            };
            let default = found.and(plan.default.as_deref());
            let index = plan.schema.index(schemas, number);
            Ok(written(found, default, index, out))
        });
        Ok(())
    }
}

/// Appends what was found, or the default where that is null.
fn written(found: Option<&[u8]>, default: Option<&[u8]>, schema: i32, out: &mut Vec<u8>) -> Edit {
    match found.filter(|found| *found != [tag::NULL]).or(default) {
        Some(value) => {
            out.extend_from_slice(value);
            Edit::Written(schema)
        }
        None => Edit::Null(schema),
    }
}
