//! Whether a value fits a schema: rule 8 of `wit/ENCODING.md`, for values as trees.

use crate::schema::{self, Schema, SchemaType};
use crate::value::Value;

impl Value {
    /// Whether the value may stand under a schema, with all that is in it.
    #[must_use]
    pub fn fits(&self, schema: &Schema) -> bool {
        let named = |name: &str| schema.name.as_deref() == Some(name);
        match (self, &schema.kind) {
            (Self::Null, _) => schema.optional,
            (Self::Date(_), SchemaType::Int32) => named(schema::DATE),
            (Self::Time(_), SchemaType::Int32) => named(schema::TIME),
            (Self::Timestamp(_), SchemaType::Int64) => named(schema::TIMESTAMP),
            // Of any scale, as Kafka Connect has it.
            (Self::Decimal { .. }, SchemaType::Bytes) => named(schema::DECIMAL),
            (Self::Int32(_), SchemaType::Int32) => !named(schema::DATE) && !named(schema::TIME),
            (Self::Int64(_), SchemaType::Int64) => !named(schema::TIMESTAMP),
            (Self::Bytes(_), SchemaType::Bytes) => !named(schema::DECIMAL),
            (Self::Boolean(_), SchemaType::Boolean)
            | (Self::Int8(_), SchemaType::Int8)
            | (Self::Int16(_), SchemaType::Int16)
            | (Self::Float32(_), SchemaType::Float32)
            | (Self::Float64(_), SchemaType::Float64)
            | (Self::String(_), SchemaType::String) => true,
            (Self::Array(elements), SchemaType::Array(element)) => {
                elements.iter().all(|value| value.fits(element))
            }
            (Self::Map(entries), SchemaType::Map(key_schema, value_schema)) => entries
                .iter()
                .all(|(key, value)| key.fits(key_schema) && value.fits(value_schema)),
            (Self::Struct(values), SchemaType::Struct(fields)) => {
                let mut pairs = values.iter().zip(fields);
                values.len() == fields.len()
                    && pairs.all(|(value, field)| value.fits(&field.schema))
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::schema::Field;

    #[test]
    fn a_value_fits_the_schema_of_its_type() {
        let cases = [
            (Value::Null, Schema::new(SchemaType::Int8), false),
            (Value::Null, Schema::new(SchemaType::Int8).optional(), true),
            (Value::Int8(1), Schema::new(SchemaType::Int8), true),
            (Value::Int8(1), Schema::new(SchemaType::Int16), false),
            (Value::Date(1), Schema::date(), true),
            (Value::Int32(1), Schema::date(), false),
            (Value::Date(1), Schema::new(SchemaType::Int32), false),
            (Value::Timestamp(1), Schema::timestamp(), true),
        ];
        for (value, schema, fits) in cases {
            assert_eq!(value.fits(&schema), fits, "{value:?} {schema:?}");
        }
        let decimal = |scale| Value::Decimal {
            scale,
            unscaled: vec![1],
        };
        assert!(decimal(2).fits(&Schema::decimal(2)));
        assert!(decimal(3).fits(&Schema::decimal(2)));
        assert!(!decimal(2).fits(&Schema::new(SchemaType::Bytes)));
    }

    #[test]
    fn what_is_inside_has_to_fit_too() {
        let text = || Arc::new(Schema::new(SchemaType::String));
        let array = Schema::new(SchemaType::Array(text()));
        assert!(Value::Array(vec!["a".into()]).fits(&array));
        assert!(!Value::Array(vec!["a".into(), Value::Null]).fits(&array));
        let field = Field {
            name: "a".to_owned(),
            schema: text(),
        };
        let structure = Schema::new(SchemaType::Struct(vec![field]));
        assert!(Value::Struct(vec!["a".into()]).fits(&structure));
        assert!(!Value::Struct(vec![]).fits(&structure));
        let map = Schema::new(SchemaType::Map(text(), text()));
        assert!(!Value::Map(vec![("a".into(), Value::Int8(1))]).fits(&map));
    }
}
